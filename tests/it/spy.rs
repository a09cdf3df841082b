//! What the tests of credentials share: the canaries, where they are put, and the code that looks for them.

use std::path::Path;

/// All canaries begin like this. The looking test builds it from two halves, so that its own text is no find.
pub const MARK: &str = "kanarienvogel";

/// Where a service keeps credentials in its environment.
pub const VARIABLES: [&str; 22] = [
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
pub const FILES: [&str; 16] = [
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
pub const SPY: &str = r#"
import glob, os, subprocess, sys

MARK = ("kanarien" + "vogel").encode()
found, files, processes, seen = set(), 0, set(), set()

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
            processes.add(path.split("/")[2])
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
# What an earlier run of it said in the end, then its own word: last, so that no tail of the output lacks them.
for path in glob.glob("spied-*.txt"):
    for line in open(path, errors="replace"):
        if line.startswith("the spy looked at "):
            print(path, "says:", line.strip())
print("the spy looked at", files, "files and", len(processes), "processes and found", sorted(found))
if files < 50:
    raise SystemExit("the spy saw too little")
if found:
    raise SystemExit(41)
"#;

/// Puts a canary into every such file of a home.
pub fn furnish(home: &Path) {
    for name in FILES {
        let path = home.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = if name == ".gitconfig" { format!("[http]\n\textraHeader = Authorization: Basic {MARK}\n") } else { format!("token = \"{MARK}\"\n") };
        std::fs::write(path, text).unwrap();
    }
}

/// Every file below a folder that holds the mark.
pub fn holders(folder: &Path) -> Vec<String> {
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
