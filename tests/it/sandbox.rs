//! The sandbox from outside: what a hostile job tries, tried.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use regreen::{
    adapters::sandbox::{self, Bwrap, Namespaces, Options, Weak},
    ports::sandbox::{Exit, HOME, LimitKind, Network, Sandbox, SandboxError, SandboxJob, SandboxKind, SandboxOutcome, Shell, ShellCommand},
};
use tokio_util::sync::CancellationToken;

/// A tree and a home of a test.
struct Place {
    base: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let base = tempfile::Builder::new().prefix("regreen-test-").tempdir().unwrap();
        fs::create_dir(base.path().join("tree")).unwrap();
        fs::create_dir(base.path().join("home")).unwrap();
        Self { base }
    }

    fn tree(&self) -> std::path::PathBuf {
        self.base.path().join("tree")
    }

    fn job(&self, script: &str) -> SandboxJob {
        let command = ShellCommand { shell: Shell::Bash, script: script.to_owned() };
        let mut job = SandboxJob::new(self.tree(), self.base.path().join("home"), command);
        job.limits.wall = Duration::from_secs(60);
        job
    }
}

fn options() -> Options {
    Options::from_process(Path::new(env!("CARGO_BIN_EXE_regreen")))
}

/// Whether this machine has user namespaces at all, asked without our own code.
fn has_namespaces() -> bool {
    let unshared = Command::new("unshare").args(["-Urmpf", "true"]).stderr(Stdio::null()).status();
    unshared.is_ok_and(|status| status.success())
}

fn make(kind: SandboxKind) -> Option<Arc<dyn Sandbox>> {
    match kind {
        SandboxKind::Bwrap => {
            let probe = Command::new("bwrap")
                .args(["--unshare-all", "--size", "4096", "--tmpfs", "/tmp", "--ro-bind", "/", "/x", "true"])
                .stderr(Stdio::null())
                .status();
            probe.ok().filter(|_| has_namespaces())?;
            Some(Arc::new(Bwrap::new(options())?))
        }
        SandboxKind::Namespaces => has_namespaces().then(|| Arc::new(Namespaces::new(options())) as _),
        SandboxKind::Weak => Some(Arc::new(Weak::new(options()))),
    }
}

fn named(kind: &str) -> SandboxKind {
    match kind {
        "bwrap" => SandboxKind::Bwrap,
        "namespaces" => SandboxKind::Namespaces,
        "weak" => SandboxKind::Weak,
        other => panic!("no kind {other}"),
    }
}

async fn run(sandbox: &dyn Sandbox, job: &SandboxJob) -> SandboxOutcome {
    let outcome = sandbox.run(job, &CancellationToken::new()).await.unwrap();
    eprintln!("{:?} after {:?}: {}", outcome.exit, outcome.duration, text(&outcome));
    outcome
}

fn text(outcome: &SandboxOutcome) -> String {
    String::from_utf8_lossy(&outcome.output[..outcome.output.len().min(8000)]).into_owned()
}

/// Makes a test of every listed function for every listed kind.
macro_rules! for_kinds {
    ($($kind:ident: $needs:literal [$($name:ident),* $(,)?])*) => {$(
        mod $kind {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let made = super::make(super::named(stringify!($kind)));
                    crate::requires!(concat!(stringify!($kind), "::", stringify!($name)), made.is_some(), $needs);
                    super::$name(made.unwrap().as_ref()).await;
                }
            )*
        }
    )*};
}

for_kinds! {
    bwrap: "bubblewrap 0.7 and user namespaces" [
        exit_codes, shells, environment, canaries_in_environments, private_files, read_only_system, no_network, loopback_inside,
        listed_hosts, dies_on_time, dies_at_end, dies_with_parent, stops, fork_bomb, memory_hog, disk_filler, endless_output,
        silent_descriptors, processor_time, large_file, directories, rust, python, node, concurrent,
    ]
    namespaces: "user namespaces" [
        exit_codes, shells, environment, canaries_in_environments, private_files, read_only_system, no_network, loopback_inside,
        listed_hosts, dies_on_time, dies_at_end, dies_with_parent, stops, fork_bomb, memory_hog, disk_filler, endless_output,
        silent_descriptors, processor_time, large_file, directories, rust, python, node, concurrent,
    ]
    weak: "nothing" [
        exit_codes, shells, dies_on_time, dies_at_end, dies_with_parent, stops, endless_output, memory_hog, disk_filler, directories,
        canaries_in_environments, no_network, listed_hosts, rust, python,
    ]
}

async fn exit_codes(sandbox: &dyn Sandbox) {
    for (script, expected) in [
        ("true", Exit::Code(0)),
        ("exit 3", Exit::Code(3)),
        ("false | true", Exit::Code(1)),
        ("false; true", Exit::Code(1)),
        ("exit 130", Exit::Code(130)),
        ("bash -c 'kill -9 $$'", Exit::Code(137)),
        ("kill -9 $$", Exit::Signal(9)),
        ("kill -RTMIN+3 $$", Exit::Signal(37)),
        ("no-such-program-anywhere", Exit::Code(127)),
    ] {
        let place = Place::new();
        let outcome = run(sandbox, &place.job(script)).await;
        assert_eq!(outcome.exit, expected, "{script}");
        assert!(!outcome.truncated);
    }
}

async fn shells(sandbox: &dyn Sandbox) {
    for (shell, script, exit, output) in [
        (None, "false | true\necho \"$0 $-\" | grep -c e", Exit::Code(0), "1\n"),
        (Some("sh"), "echo out; echo err >&2; echo out; false; echo not", Exit::Code(1), "out\nerr\nout\n"),
        (Some("bash --noprofile {0} a"), "echo \"$1\"", Exit::Code(0), "a\n"),
        (Some("no-such-shell {0}"), "x", Exit::Code(127), "`no-such-shell`: command not found in the sandbox\n"),
    ] {
        let place = Place::new();
        let mut job = place.job(script);
        job.command.shell = Shell::from_key(shell);
        let outcome = run(sandbox, &job).await;
        assert_eq!((outcome.exit, text(&outcome).as_str()), (exit, output), "{shell:?}");
    }
}

async fn environment(sandbox: &dyn Sandbox) {
    let place = Place::new();
    let mut job = place.job("env -0 | cut -z -d= -f1 | sort -z | tr '\\0' '\\n'; pwd; id -un; echo $HOME; hostname 2>/dev/null || cat /etc/hostname");
    job.env.insert("MINE".to_owned(), "a=b\nc".to_owned());
    let outcome = run(sandbox, &job).await;
    assert_eq!(
        text(&outcome),
        "BUNDLE_RETRY\nCARGO_HOME\nCARGO_NET_OFFLINE\nCI\nGRADLE_USER_HOME\nHOME\nLANG\nLOGNAME\nMINE\nPATH\nPIP_RETRIES\nPWD\nSHELL\nSHLVL\nTERM\n\
         TMPDIR\nUSER\nUV_HTTP_RETRIES\n_\nnpm_config_fetch_retries\n\
         /workspace\nregreen\n/home/regreen\nregreen\n"
    );
}

/// The environment of the service, which holds every secret there is, can't be read from inside.
async fn canaries_in_environments(sandbox: &dyn Sandbox) {
    let place = Place::new();
    let canary = format!("canary-{}", std::process::id());
    let script = "for f in /proc/[0-9]*/environ; do tr '\\0' '\\n' < $f || true; done 2>/dev/null; env; echo looked; true";
    let mut victim = Victim::start(sandbox.kind(), &place, script, &canary);
    let mut output = String::new();
    victim.0.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert!(victim.0.wait().unwrap().success(), "{output}");
    assert!(output.contains("looked") && output.contains("TMPDIR="), "{output}");
    assert!(!output.contains(&canary), "{output}");
}

async fn private_files(sandbox: &dyn Sandbox) {
    // What a home of this very machine holds, and what a test puts beside the tree.
    let place = Place::new();
    let beside = place.base.path().join(".npmrc");
    fs::write(&beside, "canary-beside").unwrap();
    let real_home = std::env::var("HOME").unwrap();
    let script = format!(
        "for f in {0}/.cargo/credentials.toml {0}/.cargo/bin {0}/.cargo {0}/.ssh {0}/.npmrc {0}/.config {0}/.bashrc {0}/.netrc /etc/shadow \
         /etc/gshadow /etc/sudoers /var/lib /var/log /work /run/docker.sock /var/run /sys/kernel {1} /proc/1/environ /proc/1/root/etc/passwd \
         /home/regreen/../../oldroot /oldroot; do if ls \"$f\" >/dev/null 2>&1 && [ -r \"$f\" ] && {{ [ -d \"$f\" ] || head -c1 \"$f\" >/dev/null 2>&1; }}; then echo seen $f; fi; done; \
         ls -A / | tr '\\n' ' '; ls -A /home /run /run/regreen | tr '\\n' ' '; find / -xdev -name 'regreen-test-*' 2>/dev/null; true",
        real_home,
        beside.display(),
    );
    let outcome = run(sandbox, &place.job(&script)).await;
    assert_eq!(outcome.exit, Exit::Code(0));
    assert!(!text(&outcome).contains("seen"), "{}", text(&outcome));
    assert!(!text(&outcome).contains("regreen-test-"), "{}", text(&outcome));
    assert!(text(&outcome).contains("/home: regreen"), "{}", text(&outcome));
}

async fn read_only_system(sandbox: &dyn Sandbox) {
    let place = Place::new();
    let script = "for f in /x /usr/x /etc/x /dev/x /run/x /run/regreen/x /opt/x /home/x /var/x; do if touch $f 2>/dev/null; then echo wrote $f; fi; done
        for f in /etc/passwd /run/regreen/regreen $(dirname $(command -v bash))/bash; do if (: >> $f) 2>/dev/null; then echo opened $f; fi; done
        # With user id 0 outside, this file would be the host's to change.
        if (cat /proc/sys/kernel/core_pattern > /proc/sys/kernel/core_pattern) 2>/dev/null; then echo changed core_pattern; fi
        if (echo h > /proc/sysrq-trigger) 2>/dev/null; then echo sysrq; fi
        grep -E '^(CapInh|CapPrm|CapEff|CapBnd|CapAmb):' /proc/self/status | grep -v 0000000000000000 && echo capabilities
        grep -q 'NoNewPrivs:.1' /proc/self/status || echo privileges
        if command -v unshare >/dev/null && unshare -Urm mount -t tmpfs tmpfs /mnt 2>/dev/null; then echo mounted; fi
        if command -v mount >/dev/null && mount -o remount,rw /usr 2>/dev/null; then echo remounted; fi
        ls -l /proc/self/fd | grep -vE ' (0|1|2|3) -> ' | grep -e '->' && echo descriptors
        touch /workspace/a /home/regreen/b /tmp/c /dev/shm/d /var/tmp/e && echo 2>/dev/null > /dev/null && echo fine";
    let outcome = run(sandbox, &place.job(script)).await;
    assert_eq!(text(&outcome), "fine\n");
    assert!(place.tree().join("a").exists());
}

async fn no_network(sandbox: &dyn Sandbox) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let place = Place::new();
    let port = listener.local_addr().unwrap().port();
    let script = format!(
        "if (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null; then echo connected; fi; if (exec 3<>/dev/tcp/1.1.1.1/53) 2>/dev/null; then echo out; fi; echo done"
    );
    let outcome = run(sandbox, &place.job(&script)).await;
    assert_eq!(text(&outcome), "done\n");
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

async fn loopback_inside(sandbox: &dyn Sandbox) {
    crate::requires!("loopback_inside", has("python3"), "python3");
    let place = Place::new();
    let mut job = place.job(
        "import socket\ns=socket.create_server(('127.0.0.1',0))\nc=socket.create_connection(s.getsockname())\nc.send(b'x')\nprint(s.accept()[0].recv(1))\n",
    );
    job.command.shell = Shell::Python;
    assert_eq!(text(&run(sandbox, &job).await), "b'x'\n");
}

/// A server that answers every request with `hello`, for as long as the test lives.
fn serve_hello() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                head.push(byte[0]);
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
        }
    });
    port
}

async fn listed_hosts(sandbox: &dyn Sandbox) {
    let (listed, other) = (serve_hello(), serve_hello());
    let place = Place::new();
    // Bash alone: speaks to the proxy that the environment names.
    let script = format!(
        "hostport=${{http_proxy#http://}}; host=${{hostport%:*}}; port=${{hostport#*:}}
        ask() {{ exec 3<>/dev/tcp/$host/$port; printf \"$1\" >&3; timeout 10 cat <&3 | tr -d '\\r' | sed -n '1p;$p'; exec 3>&-; echo; }}
        ask 'GET http://127.0.0.1:{listed}/a HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'
        ask 'GET http://127.0.0.1:{other}/a HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'
        ask 'GET http://localhost/a HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'
        ask 'CONNECT 127.0.0.1:{listed} HTTP/1.1\\r\\n\\r\\nGET / HTTP/1.1\\r\\n\\r\\n'
        if (exec 3<>/dev/tcp/127.0.0.1/{listed}) 2>/dev/null; then echo connected; fi; true"
    );
    let mut job = place.job(&script);
    let hosts = [format!("127.0.0.1:{listed}"), "localhost".to_owned()];
    job.network = Network::Hosts(hosts.iter().map(|host| host.parse().unwrap()).collect());
    let outcome = run(sandbox, &job).await;
    assert_eq!(outcome.exit, Exit::Code(0));
    let printed = text(&outcome);
    let lines: Vec<&str> = printed.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(
        lines,
        [
            "HTTP/1.1 200 OK",
            "hello",
            "HTTP/1.1 403 Forbidden",
            "regreen: this host is not among those the sandbox may reach",
            "HTTP/1.1 403 Forbidden",
            "regreen: this name leads to an address that is not public",
            "HTTP/1.1 200 Connection established",
            "hello",
        ]
    );
    let used: Vec<_> = outcome.hosts.iter().map(|host| (host.port, host.refused.is_none(), host.requests)).collect();
    assert_eq!(used, [(listed, true, 2), (other, false, 1), (80, false, 1)]);
    assert!(outcome.hosts[0].bytes_received > 80 && outcome.hosts[0].bytes_sent > 20, "{:?}", outcome.hosts);
}

/// A number that no other process has among its arguments.
fn marker() -> String {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let next = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    format!("77{:07}.{next:04}", std::process::id())
}

/// Host processes with `marker` among their arguments.
fn marked(marker: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).filter(|line| line.starts_with("sleep ") && line.contains(marker)).collect()
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Two sleepers: a child, and one that left session, group and descriptors behind.
fn sleepers(marker: &str) -> String {
    format!(
        "sleep {marker} & setsid -f sleep {marker} </dev/null >/dev/null 2>&1; (trap '' TERM HUP INT; setsid sleep {marker} >/dev/null 2>&1 &) ; \
         until [ $(grep -lz -- '^{marker}' /proc/[0-9]*/cmdline 2>/dev/null | wc -l) -ge 3 ]; do sleep 0.05; done; echo ready; "
    )
}

async fn dies_on_time(sandbox: &dyn Sandbox) {
    let (place, marker) = (Place::new(), marker());
    let mut job = place.job(&(sleepers(&marker) + "sleep 100"));
    job.limits.wall = Duration::from_secs(6);
    let outcome = run(sandbox, &job).await;
    assert_eq!(outcome.exit, Exit::Limit(LimitKind::Wall));
    assert_eq!(text(&outcome), "ready\n");
    assert_eq!(marked(&marker), [""; 0]);
    assert!(outcome.duration < Duration::from_secs(12));
    assert!(outcome.peak_processes >= 4, "{}", outcome.peak_processes);
    assert!(outcome.peak_memory_bytes.unwrap() > 1 << 20);
}

async fn dies_at_end(sandbox: &dyn Sandbox) {
    let (place, marker) = (Place::new(), marker());
    let outcome = run(sandbox, &place.job(&(sleepers(&marker) + "exit 4"))).await;
    assert_eq!(outcome.exit, Exit::Code(4));
    assert_eq!(marked(&marker), [""; 0]);
}

/// This test binary again, running one job; it ends with the job, or when a test kills it.
struct Victim(std::process::Child);

impl Victim {
    fn start(kind: SandboxKind, place: &Place, script: &str, canary: &str) -> Self {
        let kind = match kind {
            SandboxKind::Bwrap => "bwrap",
            SandboxKind::Namespaces => "namespaces",
            SandboxKind::Weak => "weak",
        };
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "sandbox::victim"])
            .env("REGREEN_TEST_VICTIM", kind)
            .env("REGREEN_TEST_SCRIPT", script)
            .env("REGREEN_TEST_BASE", place.base.path())
            .env("REGREEN_TEST_CANARY", canary)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
#[ignore = "a part of other tests, which start it in a process of its own"]
async fn victim() {
    let Ok(kind) = std::env::var("REGREEN_TEST_VICTIM") else {
        return;
    };
    let base = std::env::var("REGREEN_TEST_BASE").unwrap();
    let script = std::env::var("REGREEN_TEST_SCRIPT").unwrap();
    let command = ShellCommand { shell: Shell::Bash, script };
    let job = SandboxJob::new(Path::new(&base).join("tree"), Path::new(&base).join("home"), command);
    let sandbox = make(named(&kind)).unwrap();
    let outcome = sandbox.run(&job, &CancellationToken::new()).await.unwrap();
    println!("{}", String::from_utf8_lossy(&outcome.output));
}

async fn dies_with_parent(sandbox: &dyn Sandbox) {
    let (place, marker) = (Place::new(), marker());
    let script = sleepers(&marker) + "sleep 100";
    let mut victim = Victim::start(sandbox.kind(), &place, &script, "");
    wait_until("the sleepers are there", || marked(&marker).len() == 3);
    victim.0.kill().unwrap();
    victim.0.wait().unwrap();
    wait_until("the sleepers are dead", || marked(&marker).is_empty());
}

async fn stops(sandbox: &dyn Sandbox) {
    let (place, first, second) = (Place::new(), marker(), marker());
    let stop = CancellationToken::new();
    let job = place.job(&(sleepers(&first) + "sleep 100"));
    let asked = async {
        tokio::task::spawn_blocking({
            let first = first.clone();
            move || wait_until("the sleepers are there", || marked(&first).len() == 3)
        })
        .await
        .unwrap();
        stop.cancel();
    };
    let (outcome, ()) = tokio::join!(sandbox.run(&job, &stop), asked);
    assert_eq!(outcome.unwrap().exit, Exit::Stopped);
    assert_eq!(marked(&first), [""; 0]);
    // A caller that goes away.
    let job = place.job(&(sleepers(&second) + "sleep 100"));
    let there = tokio::task::spawn_blocking({
        let second = second.clone();
        move || wait_until("the sleepers are there", || marked(&second).len() == 3)
    });
    let never = CancellationToken::new();
    tokio::select! {
        outcome = sandbox.run(&job, &never) => panic!("{outcome:?}"),
        result = there => result.unwrap(),
    }
    wait_until("the sleepers are dead", || marked(&second).is_empty());
}

async fn fork_bomb(sandbox: &dyn Sandbox) {
    let place = Place::new();
    let mut job = place.job(":(){ :|:& };: ; sleep 100");
    job.limits.processes = 200;
    let outcome = run(sandbox, &job).await;
    assert_eq!(outcome.exit, Exit::Limit(LimitKind::Processes));
    assert!(outcome.duration < Duration::from_secs(30), "{:?}", outcome.duration);
    // The host is well: it can start things.
    assert_eq!(run(sandbox, &place.job("echo well")).await.exit, Exit::Code(0));
}

async fn memory_hog(sandbox: &dyn Sandbox) {
    let place = Place::new();
    let mut job = place.job("x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done");
    job.limits.memory_bytes = 200 << 20;
    let outcome = run(sandbox, &job).await;
    assert_eq!(outcome.exit, Exit::Limit(LimitKind::Memory));
    assert!(outcome.peak_memory_bytes.unwrap() > 200 << 20);
}

async fn disk_filler(sandbox: &dyn Sandbox) {
    let place = Place::new();
    fs::write(place.tree().join("before"), vec![0; 60 << 20]).unwrap();
    // Below the bound for one file, beyond the one for all.
    let mut job = place.job("i=0; while :; do head -c 10000000 /dev/zero > f$i; i=$((i+1)); sleep 0.02; done");
    job.limits.disk_bytes = 50 << 20;
    let outcome = run(sandbox, &job).await;
    assert_eq!(outcome.exit, Exit::Limit(LimitKind::Disk));
    // What was there before does not count.
    job.command.script = "rm -f f*; sleep 1.5; echo fine".to_owned();
    assert_eq!(run(sandbox, &job).await.exit, Exit::Code(0));
}

async fn endless_output(sandbox: &dyn Sandbox) {
    let place = Place::new();
    let mut job = place.job("echo first; yes");
    job.limits.output_bytes = 1 << 20;
    let outcome = run(sandbox, &job).await;
    assert_eq!(outcome.exit, Exit::Limit(LimitKind::Output));
    assert!(outcome.truncated && outcome.output.starts_with(b"first\ny\ny\n"));
    assert!(outcome.output.len() < (1 << 20) + 200);
    let marker = b"bytes left out here]";
    assert!(outcome.output.windows(marker.len()).any(|window| window == marker));
}

/// A job that closes its output, or leaves a holder of it behind, neither hangs nor hurries the end.
async fn silent_descriptors(sandbox: &dyn Sandbox) {
    let place = Place::new();
    let outcome = run(sandbox, &place.job("exec >&- 2>&-; sleep 0.5; exit 6")).await;
    assert_eq!(outcome.exit, Exit::Code(6));
    assert!(outcome.duration >= Duration::from_millis(500));
    let outcome = run(sandbox, &place.job("setsid -f sleep 1000; exit 7")).await;
    assert_eq!(outcome.exit, Exit::Code(7));
    assert!(outcome.duration < Duration::from_secs(5));
}

async fn processor_time(sandbox: &dyn Sandbox) {
    let place = Place::new();
    let mut job = place.job("(while :; do :; done) & while :; do (for i in 1 2 3 4 5 6 7 8 9; do :; done); done");
    job.limits.cpu = Duration::from_secs(2);
    let outcome = run(sandbox, &job).await;
    assert_eq!(outcome.exit, Exit::Limit(LimitKind::Cpu));
}

async fn large_file(sandbox: &dyn Sandbox) {
    let place = Place::new();
    let mut job = place.job("head -c 30000000 /dev/zero > f; echo $?");
    job.command.shell = Shell::Template("bash {0}".to_owned());
    job.limits.file_bytes = 10 << 20;
    let outcome = run(sandbox, &job).await;
    assert!(text(&outcome).contains("153"), "{}", text(&outcome));
    assert_eq!(fs::metadata(place.tree().join("f")).unwrap().len(), 10 << 20);
}

async fn directories(sandbox: &dyn Sandbox) {
    let place = Place::new();
    fs::create_dir_all(place.tree().join("a/b")).unwrap();
    for (link, to) in [("out", "/etc"), ("up", "../.."), ("in", "a/b")] {
        std::os::unix::fs::symlink(to, place.tree().join(link)).unwrap();
    }
    for (directory, fine) in [("a/b", true), ("./a", true), ("in", true), ("out", false), ("up", false), ("..", false), ("/etc", false), ("gone", false)] {
        let mut job = place.job("pwd | sed 's,.*\\(/a.*\\),\\1,'");
        job.directory = directory.into();
        let result = sandbox.run(&job, &CancellationToken::new()).await;
        assert_eq!(result.is_ok(), fine, "{directory}");
        match result {
            Ok(outcome) => assert!(text(&outcome).starts_with("/a"), "{directory}: {}", text(&outcome)),
            Err(error) => assert!(matches!(error, SandboxError::Invalid { .. }), "{error}"),
        }
    }
}

fn has(program: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status().unwrap().success()
}

async fn rust(sandbox: &dyn Sandbox) {
    crate::requires!("rust", has("cargo"), "cargo");
    let place = Place::new();
    fs::write(place.tree().join("Cargo.toml"), "[package]\nname = \"tiny\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[lib]\ndoctest = false\n").unwrap();
    fs::create_dir(place.tree().join("src")).unwrap();
    fs::write(place.tree().join("src/lib.rs"), "#[test]\nfn works() {\n    assert_eq!(1 + 1, 2);\n}\n").unwrap();
    let outcome = run(sandbox, &place.job("cargo test --offline && cargo fmt --check; ls $CARGO_HOME >/dev/null || true")).await;
    assert_eq!(outcome.exit, Exit::Code(0));
    assert!(text(&outcome).contains("test works ... ok"));
    let mut job = place.job("cargo test --offline");
    job.command.shell = Shell::Unspecified;
    fs::write(place.tree().join("src/lib.rs"), "#[test]\nfn works() { assert_eq!(1 + 1, 3); }\n").unwrap();
    assert_eq!(run(sandbox, &job).await.exit, Exit::Code(101));
}

async fn python(sandbox: &dyn Sandbox) {
    crate::requires!("python", has("python3"), "python3");
    let place = Place::new();
    fs::write(
        place.tree().join("test_it.py"),
        "import unittest, ssl, sqlite3\nclass T(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(1, 1)\n",
    )
    .unwrap();
    let outcome = run(sandbox, &place.job("python3 -m unittest -v test_it; python3 -m venv --without-pip /tmp/v 2>&1 || python3 -c 'print(1)'")).await;
    assert_eq!(outcome.exit, Exit::Code(0));
    assert!(text(&outcome).contains("OK"));
}

async fn node(sandbox: &dyn Sandbox) {
    crate::requires!("node", has("node"), "node");
    let place = Place::new();
    fs::write(place.tree().join("it.test.js"), "const t=require('node:test');const a=require('node:assert');t('it',()=>a.equal(1,1));\n").unwrap();
    let outcome = run(sandbox, &place.job("node --test it.test.js; npm --version")).await;
    assert_eq!(outcome.exit, Exit::Code(0));
    assert!(text(&outcome).contains("pass 1"));
}

async fn concurrent(sandbox: &dyn Sandbox) {
    let places: Vec<Place> = (0..8).map(|_| Place::new()).collect();
    let runs = places.iter().enumerate().map(|(index, place)| {
        let job = place.job(&format!("echo {index} > /tmp/x; sleep 0.2; cat /tmp/x; exit {index}"));
        async move { run(sandbox, &job).await }
    });
    for (index, outcome) in futures::future::join_all(runs).await.into_iter().enumerate() {
        assert_eq!(outcome.exit, Exit::Code(i32::try_from(index).unwrap()));
        assert_eq!(text(&outcome), format!("{index}\n"));
    }
}

/// Nothing of a call is left behind.
#[tokio::test]
async fn leaves_no_folders() {
    crate::requires!("leaves_no_folders", has_namespaces(), "user namespaces");
    let place = Place::new();
    let mut own = options();
    own.scratch = place.base.path().join("scratch");
    fs::create_dir(&own.scratch).unwrap();
    let scratch = own.scratch.clone();
    let sandbox = Namespaces::new(own);
    let mut job = place.job("true");
    job.network = Network::registries();
    assert_eq!(run(&sandbox, &job).await.exit, Exit::Code(0));
    assert_eq!(fs::read_dir(scratch).unwrap().count(), 0);
    assert_eq!(HOME, "/home/regreen");
}

/// What a killed service left behind goes when the next one looks for its sandbox; what another one uses stays.
#[test]
fn sweeps_what_the_dead_left() {
    let place = Place::new();
    let mut own = options();
    own.scratch = place.base.path().to_owned();
    for name in ["regreen-box-dead", "regreen-box-live", "regreen-box-other"] {
        fs::create_dir(own.scratch.join(name)).unwrap();
    }
    fs::write(own.scratch.join("regreen-box-dead/lock"), "").unwrap();
    let held = fs::File::create(own.scratch.join("regreen-box-live/lock")).unwrap();
    held.lock().unwrap();
    sandbox::detect_with(&own, true).unwrap();
    let there = |name: &str| own.scratch.join(name).exists();
    assert!(!there("regreen-box-dead") && there("regreen-box-live") && there("regreen-box-other"));
}

#[test]
fn detection_prefers_walls_and_refuses_without() {
    crate::requires!("detection_prefers_walls_and_refuses_without", has_namespaces(), "user namespaces");
    let launcher = Path::new(env!("CARGO_BIN_EXE_regreen"));
    assert_ne!(sandbox::detect(launcher, true).unwrap().kind(), SandboxKind::Weak);
    // A launcher that builds no walls, and no bwrap on the PATH.
    let mut none = Options::from_process(Path::new("/bin/false"));
    none.service.path.clear();
    let Err(SandboxError::Refused { reason, remedy }) = sandbox::detect_with(&none, false) else {
        panic!("not refused");
    };
    assert!(reason.contains("bwrap is not installed") && remedy.contains("install bubblewrap"), "{reason} {remedy}");
    assert_eq!(sandbox::detect_with(&none, true).unwrap().kind(), SandboxKind::Weak);
}
