//! The innermost process of ours: process 1 of the sandbox (or, without namespaces, its guardian).
//!
//! It reads the specification, starts the relay, runs the shell under the kernel's bounds and Landlock, reaps
//! everything, reports how the shell ended, and ends. In a process namespace its end is the end of everything else.

use std::{
    fs::File,
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener},
    os::{
        fd::{AsRawFd, FromRawFd, RawFd},
        unix::process::CommandExt,
    },
    process::{Command, ExitCode},
};

use landlock::{ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, NetPort, Ruleset, RulesetAttr, RulesetCreatedAttr, path_beneath_rules};
use nix::{
    errno::Errno,
    libc,
    sys::{
        prctl,
        resource::{Resource, getrlimit, setrlimit},
        signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask},
    },
    unistd::{ForkResult, Pid, fork},
};

use super::{
    census, namespaces, relay,
    spec::{Landlock, Rlimits, Spec, Status},
};

/// The largest specification taken; a workflow step is far smaller.
const SPEC_BYTES: u64 = 64 << 20;

/// What stands around this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walls {
    /// It is process 1 of its own process namespace.
    Namespaces,
    /// It shares everything with the host.
    None,
}

/// Reads the specification from standard input, and puts `/dev/null` in its place.
///
/// # Errors
/// What could not be read, for people.
pub fn read_spec() -> Result<Spec, String> {
    let mut text = Vec::new();
    io::stdin().lock().take(SPEC_BYTES).read_to_end(&mut text).map_err(|error| format!("the specification can't be read: {error}"))?;
    serde_json::from_slice(&text).map_err(|error| format!("the specification is malformed: {error}"))
}

/// The reporting end towards the service.
#[derive(Debug)]
pub struct Reporter(File);

impl Reporter {
    /// Takes over the inherited descriptor `fd` and hides it from everything started later.
    #[must_use]
    pub fn adopt(fd: RawFd) -> Self {
        // SAFETY: the service opened this descriptor for us and named it in the specification; nothing else in this
        // single-threaded process owns it. A wrong number makes later writes fail, which is reported by silence.
        let file = unsafe { File::from_raw_fd(fd) };
        // SAFETY: plain system call on a descriptor that we own.
        unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
        Self(file)
    }

    /// Says one thing.
    pub fn say(&mut self, status: &Status) {
        if let Ok(mut line) = serde_json::to_vec(status) {
            line.push(b'\n');
            // The service may be gone; then nobody needs to know.
            let _ = self.0.write_all(&line);
        }
    }

    /// Reports that the walls did not come up.
    pub fn fail(&mut self, reason: String) -> ExitCode {
        self.say(&Status::Failed(reason));
        ExitCode::FAILURE
    }
}

/// Runs the job of `spec`. Must be called while this process has a single thread.
pub fn run(spec: Spec, mut reporter: Reporter, walls: Walls) -> ExitCode {
    match start(spec, &mut reporter, walls) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(shell)) => {
            let ended = match walls {
                Walls::Namespaces => reap_until(shell),
                Walls::None => guard_until(shell),
            };
            match ended {
                Some(status) => reporter.say(&status),
                None => return ExitCode::FAILURE,
            }
            ExitCode::SUCCESS
        }
        Err(reason) => reporter.fail(reason),
    }
}

/// Brings up the inside and starts the shell; `None` where no shell exists (already reported as code 127).
fn start(spec: Spec, reporter: &mut Reporter, walls: Walls) -> Result<Option<Pid>, String> {
    let failed = |doing: &'static str| move |error: Errno| format!("{doing}: {error}");
    if walls == Walls::None {
        prctl::set_child_subreaper(true).map_err(failed("become a subreaper"))?;
        // Both are waited for in `guard_until`. The standard library unblocks all signals in what it starts.
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&guarded_signals()), None).map_err(failed("block signals"))?;
    }
    let null = File::open("/dev/null").map_err(|error| format!("open /dev/null: {error}"))?;
    nix::unistd::dup2_stdin(&null).map_err(failed("replace standard input"))?;
    // When the machine runs out of memory, the job goes first. Not possible everywhere, and not vital.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    // The walls have done so already. Without them, root could go around what Landlock forbids (CAP_PERFMON reads the
    // memory of others).
    namespaces::give_up_capabilities()?;
    // The job has our user id: without this it could look into us, or attach to us.
    prctl::set_dumpable(false).map_err(failed("close this process to others"))?;
    let mut env = spec.env;
    let mut relay_port = None;
    if let Some(way_out) = spec.relay {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, way_out.port)).map_err(|error| format!("listen for the relay: {error}"))?;
        let port = listener.local_addr().map_err(|error| format!("ask for the relay's port: {error}"))?.port();
        relay_port = Some(port);
        for (name, value) in proxy_variables(port, &way_out.no_proxy) {
            env.insert(name, value);
        }
        // SAFETY: this process has one thread, so the child may go on as usual.
        match unsafe { fork() }.map_err(failed("start the relay"))? {
            ForkResult::Child => {
                let _ = prctl::set_pdeathsig(Signal::SIGKILL);
                relay::serve(&listener, way_out.socket)
            }
            ForkResult::Parent { .. } => {}
        }
    }
    let (file, text) = &spec.script;
    std::fs::write(file, text).map_err(|error| format!("write the script: {error}"))?;
    let mut tried = String::new();
    for argv in &spec.argv {
        let Some((program, arguments)) = argv.split_first() else {
            continue;
        };
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(&env).current_dir(&spec.directory).process_group(0);
        let (rlimits, landlock) = (spec.rlimits, spec.landlock.clone());
        // SAFETY: this process has a single thread, so that the child between fork and exec may allocate and lock.
        unsafe {
            command.pre_exec(move || {
                bound(rlimits)?;
                restrict(&landlock, relay_port);
                Ok(())
            });
        }
        reporter.say(&Status::Started);
        match command.spawn() {
            Ok(child) => {
                let pid = i32::try_from(child.id()).map_err(|_| "a strange process id".to_owned())?;
                return Ok(Some(Pid::from_raw(pid)));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && spec.directory.is_dir() => {
                tried = format!("`{}`", program.escape_debug());
            }
            Err(error) => return Err(format!("start `{}`: {error}", program.escape_debug())),
        }
    }
    // As a shell says it: a runner without this program fails the step in the same way.
    let _ = writeln!(io::stderr(), "{tried}: command not found in the sandbox");
    reporter.say(&Status::Code(127));
    Ok(None)
}

/// Reaps one ended child: its id and how it ended. Not nix's wait, which fails on a death by a real-time signal.
fn reap(options: libc::c_int) -> Result<Option<(Pid, Status)>, Errno> {
    let mut status = 0;
    // SAFETY: `status` lives through the call and is written only by it.
    let pid = Errno::result(unsafe { libc::waitpid(-1, &raw mut status, options) })?;
    let ended = if libc::WIFSIGNALED(status) { Status::Signal(libc::WTERMSIG(status)) } else { Status::Code(libc::WEXITSTATUS(status)) };
    Ok((pid != 0).then_some((Pid::from_raw(pid), ended)))
}

/// Reaps orphans until `shell` has ended.
fn reap_until(shell: Pid) -> Option<Status> {
    loop {
        match reap(0) {
            Ok(Some((pid, ended))) if pid == shell => return Some(ended),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return None,
        }
    }
}

/// As [`reap_until`], then (or when told to end) kills everything that descends from this process.
fn guard_until(shell: Pid) -> Option<Status> {
    let mut ended = None;
    loop {
        while let Ok(Some((pid, how))) = reap(libc::WNOHANG) {
            if pid == shell {
                ended = Some(how);
            }
        }
        if ended.is_some() || guarded_signals().wait() == Ok(Signal::SIGTERM) {
            break;
        }
    }
    // New ones can be born while we kill: repeat until none is left.
    loop {
        let left = census::descendants(nix::unistd::getpid().as_raw(), usize::MAX - 1);
        if left.is_empty() {
            return ended;
        }
        for pid in left {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        while let Ok(Some(_)) = reap(libc::WNOHANG) {}
        std::thread::yield_now();
    }
}

fn guarded_signals() -> SigSet {
    let mut set = SigSet::empty();
    set.add(Signal::SIGTERM);
    set.add(Signal::SIGCHLD);
    set
}

/// Sets the bounds that the kernel keeps for each process.
fn bound(rlimits: Rlimits) -> io::Result<()> {
    // The soft limit sends SIGXCPU, which says what happened; the hard one kills.
    setrlimit(Resource::RLIMIT_CPU, rlimits.cpu_seconds, rlimits.cpu_seconds.saturating_add(5))?;
    setrlimit(Resource::RLIMIT_FSIZE, rlimits.file_bytes, rlimits.file_bytes)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    // Everyone of ours goes first when the machine is busy. Not vital.
    // SAFETY: a system call with integers only.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 10) };
    let (_, files) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let files = files.min(65_536);
    setrlimit(Resource::RLIMIT_NOFILE, files, files)?;
    if let Some(tasks) = rlimits.tasks {
        let (_, most) = getrlimit(Resource::RLIMIT_NPROC)?;
        setrlimit(Resource::RLIMIT_NPROC, tasks.min(most), tasks.min(most))?;
    }
    Ok(())
}

/// Puts Landlock on top, as far as this kernel knows it. The walls don't depend on it, but it also forbids what a
/// nested user namespace would allow (mounting), and looking into processes outside of the job.
fn restrict(rules: &Landlock, relay_port: Option<u16>) {
    let abi = ABI::V6;
    let attempt = || -> Result<(), landlock::RulesetError> {
        let ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort);
        let ruleset = ruleset.handle_access(AccessFs::from_all(abi))?;
        let ruleset = if rules.deny_tcp { ruleset.handle_access(AccessNet::from_all(abi))? } else { ruleset };
        let mut created = ruleset
            .create()?
            .add_rules(path_beneath_rules(&rules.read, AccessFs::from_read(abi)))?
            .add_rules(path_beneath_rules(&rules.write, AccessFs::from_all(abi)))?;
        if let (true, Some(port)) = (rules.deny_tcp, relay_port) {
            created = created.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
        }
        created.restrict_self().map(|_| ())
    };
    let _ = attempt();
}

/// What makes the usual clients use the relay.
fn proxy_variables(port: u16, no_proxy: &str) -> Vec<(String, String)> {
    let address = format!("http://127.0.0.1:{port}");
    let java = format!("-Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort={port} -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort={port}");
    [
        ("http_proxy", &address),
        ("HTTP_PROXY", &address),
        ("https_proxy", &address),
        ("HTTPS_PROXY", &address),
        ("CARGO_HTTP_PROXY", &address),
        ("npm_config_proxy", &address),
        ("npm_config_https_proxy", &address),
        ("YARN_HTTP_PROXY", &address),
        ("YARN_HTTPS_PROXY", &address),
        ("MAVEN_OPTS", &java),
        ("GRADLE_OPTS", &java),
        ("NODE_USE_ENV_PROXY", &"1".to_owned()),
        ("no_proxy", &no_proxy.to_owned()),
        ("NO_PROXY", &no_proxy.to_owned()),
        ("npm_config_noproxy", &no_proxy.to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.clone()))
    .collect()
}
