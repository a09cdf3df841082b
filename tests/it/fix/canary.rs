//! Every credential of the service is a canary, and a hostile test looks for them everywhere.

use std::path::Path;

use super::bench::{Answer, Bench, PYTHON_FIX, PYTHON_NO_FIX, diff, has, isolates};

/// All canaries begin like this. The looking test builds it from two halves, so that its own text is no find.
const MARK: &str = "kanarienvogel";

/// Where a service keeps credentials in its environment.
const VARIABLES: [&str; 22] = [
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "GITHUB_APP_PRIVATE_KEY_FILE",
    "GITHUB_WEBHOOK_SECRET",
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "GEMINI_API_KEY",
    "TENSORZERO_API_KEY",
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "REGREEN_ADMIN_TOKENS",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "CARGO_REGISTRY_TOKEN",
    "NPM_TOKEN",
    "PIP_INDEX_URL",
    "SSH_AUTH_SOCK",
    "KUBECONFIG",
    "DOCKER_AUTH_CONFIG",
    "DATABASE_URL",
    "RUSTC_WRAPPER",
    "PYTHONSTARTUP",
];

/// Where people and tools keep them in a home.
const FILES: [&str; 16] = [
    ".git-credentials",
    ".gitconfig",
    ".netrc",
    ".cargo/credentials.toml",
    ".cargo/config.toml",
    ".npmrc",
    ".yarnrc.yml",
    ".pypirc",
    ".config/pip/pip.conf",
    ".ssh/id_ed25519",
    ".ssh/config",
    ".aws/credentials",
    ".config/gh/hosts.yml",
    ".docker/config.json",
    ".kube/config",
    ".bash_history",
];

/// Prints its environment and that of every process, command lines, mounts and git's settings, and looks through every file that it
/// can read below the root, `/usr`'s big parts apart.
const SPY: &str = r#"
import glob, os, subprocess, sys

MARK = ("kanarien" + "vogel").encode()
found, files, seen = set(), 0, set()

def look(where, data):
    if MARK in data:
        found.add(where)

for name, value in os.environb.items():
    look("environment", name + b"=" + value)
    print(name.decode("utf-8", "replace"), "=", value.decode("utf-8", "replace"))
for pattern in ("environ", "cmdline", "mountinfo", "maps", "status", "cgroup"):
    for path in glob.glob("/proc/*/" + pattern) + glob.glob("/proc/*/task/*/" + pattern):
        try:
            with open(path, "rb") as file:
                data = file.read(1 << 20)
        except OSError:
            continue
        look(path, data)
        if pattern in ("environ", "cmdline"):
            print(path, data.decode("utf-8", "replace").replace("\0", " "))
for path in glob.glob("/proc/*/fd/*") + glob.glob("/proc/*/cwd") + glob.glob("/proc/*/root"):
    try:
        look(path, os.readlink(path).encode())
        if os.path.isdir(path) and "fd" in path:
            for name in os.listdir(path):
                print(path, "->", name)
    except OSError:
        pass
for arguments in (["git", "config", "--list", "--show-origin"], ["git", "remote", "-v"], ["git", "log", "--all", "-p"], ["git", "credential", "fill"]):
    try:
        done = subprocess.run(arguments, input=b"protocol=https\nhost=github.com\n\n", capture_output=True, timeout=20, env={**os.environ, "GIT_TERMINAL_PROMPT": "0"})
        look(" ".join(arguments), done.stdout + done.stderr)
        print(arguments, (done.stdout + done.stderr)[:2000].decode("utf-8", "replace"))
    except (OSError, subprocess.TimeoutExpired) as error:
        print(arguments, error)
for place in ("~", "~root", "/root", "/home", "/tmp", "/var", "/run", "/etc", "/opt", "/srv", "/mnt", "/workspace", "/dev/shm", "/"):
    before = files
    for folder, folders, names in os.walk(os.path.expanduser(place)):
        if os.path.realpath(folder) in seen or files > before + 15000:
            folders[:] = []
            continue
        seen.add(os.path.realpath(folder))
        folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys", "/usr/lib", "/usr/share", "/usr/include", "/lib", "/lib64")]
        for name in names:
            path = os.path.join(folder, name)
            look(path, os.fsencode(path))
            try:
                if not os.path.islink(path) and os.path.isfile(path) and os.path.getsize(path) < 1 << 20:
                    with open(path, "rb") as file:
                        look(path, file.read())
                    files += 1
            except OSError:
                pass
print("spy looked at", files, "files and found", sorted(found))
for path in glob.glob("spied-*.txt"):
    print(open(path, errors="replace").read()[-3000:])
if files < 50:
    raise SystemExit("the spy saw too little")
if found:
    raise SystemExit(41)
"#;

const TEST: &str = "import runpy\nimport unittest\n\nfrom calc import add\n\n\nclass CalcTest(unittest.TestCase):\n    def test_add(self):\n        runpy.run_path('spy.py')\n        self.assertEqual(add(2, 3), 5)\n";

/// Every file below a folder that holds the mark.
fn holders(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && memchr::memmem::find(&std::fs::read(&path).unwrap(), MARK.as_bytes()).is_some() {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credential_is_within_reach() {
    requires!("no_credential_is_within_reach", isolates() && has("python3", &["--version"]), "user namespaces and python3");
    let files = [("calc.py", super::bench::PYTHON[0].1), ("test_calc.py", TEST), ("spy.py", SPY)];
    // Nonsense, a server that repeats what it was sent, a patch that fails, then the fix: every way of the flow that writes something down.
    let answers = vec![Answer::Says("no".into()), Answer::Echo(400), diff(PYTHON_NO_FIX), diff(PYTHON_FIX)];
    let mut bench = Bench::new(&files, answers).await;
    for (n, name) in VARIABLES.iter().enumerate() {
        bench.env.insert((*name).into(), format!("{MARK}{n}secret{n}"));
    }
    for (name, value) in [
        ("DATABASE_URL", format!("postgres://regreen:{MARK}@127.0.0.1:1/regreen")),
        ("SLACK_CHANNEL", "ci".into()),
        ("REGREEN_ADMIN_TOKENS", format!("ann={MARK}-{MARK}-{MARK}")),
        ("SLACK_WEBHOOK_URL", format!("https://127.0.0.1:1/{MARK}")),
        ("REGREEN_LOG", "debug".into()),
    ] {
        bench.env.insert(name.into(), value);
    }
    bench.env.remove("GITHUB_APP_PRIVATE_KEY_FILE");
    for name in FILES {
        let path = bench.home().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = if name == ".gitconfig" { format!("[http]\n\textraHeader = Authorization: Basic {MARK}\n") } else { format!("token = \"{MARK}\"\n") };
        std::fs::write(path, text).unwrap();
    }
    // The clone's own settings hold a token as well: CI's checkout leaves one there.
    bench.git(&["remote", "add", "origin", &format!("https://x:{MARK}@127.0.0.1:1/o/r.git")]);
    bench.git(&["config", "http.https://github.com/.extraheader", &format!("AUTHORIZATION: basic {MARK}")]);

    let setup = "python3 spy.py > spied-setup.txt 2>&1 || true";
    let ran = bench.fix(&["-vv", "--cmd", "python3 -m unittest -v", "--setup", setup, "--timeout", "120s"]).await;
    let json = ran.json();
    assert!(bench.model.keys().iter().all(|key| key.contains(MARK)) && !bench.model.keys().is_empty(), "the key is used: {:?}", bench.model.keys());
    assert_eq!(
        (json["outcome"].as_str(), ran.code),
        (Some("fixed"), 0),
        "{json}\n{}",
        ran.stderr.lines().filter(|line| !line.contains("DEBUG")).collect::<Vec<_>>().join("\n")
    );

    // Proved green: the spy, which is part of the test, ended without a find. What it printed came out through the evidence, the log and the report; and holds no canary either.
    for n in 0..bench.model.asked().len() {
        let asked = bench.model.asked()[n].to_string();
        assert!(!asked.contains(MARK), "a credential is in prompt {n}: {asked}");
    }
    assert!(!ran.stdout.contains(MARK), "a credential is on standard output");
    assert!(!ran.stderr.contains(MARK), "a credential is on standard error: {}", ran.stderr.lines().find(|line| line.contains(MARK)).unwrap_or_default());
    assert_eq!(holders(&bench.data()), Vec::<String>::new(), "a credential is in the data folder");
    let fix = bench.checkout(json["branch"].as_str().unwrap());
    std::fs::remove_file(fix.join(".git/config")).unwrap();
    assert_eq!(holders(&fix), Vec::<String>::new());
}

/// The spy itself, so that its silence means something: it finds a canary that is there.
#[tokio::test(flavor = "multi_thread")]
async fn the_spy_finds_what_is_there() {
    requires!("the_spy_finds_what_is_there", isolates() && has("python3", &["--version"]), "user namespaces and python3");
    let planted = format!("{MARK} is here\n");
    let files = [("calc.py", super::bench::PYTHON[0].1), ("test_calc.py", TEST), ("spy.py", SPY), ("deep/er/planted.txt", planted.as_str())];
    let bench = Bench::new(&files, vec![Answer::Says("no".into())]).await;
    for (command, found) in [
        ("python3 spy.py > spied.txt; test $? -eq 41 && grep -q planted.txt spied.txt", true),
        ("rm -r deep .git; python3 spy.py > spied.txt; test $? -eq 41", false),
        ("rm -r deep .git; X=kanarien; export PLANTED=${X}vogel; python3 spy.py > spied.txt; test $? -eq 41 && grep -q environment spied.txt", true),
    ] {
        let ran = bench.fix(&["--cmd", &format!("set +e; {command}")]).await;
        let json = ran.json();
        // A command that is green here is not reproduced: it found what it was to find.
        assert_eq!(json["reason"] == "not_reproduced", found, "{command}: {json}\n{}", ran.stderr);
    }
}
