//! A world for tests of the service: the simulator, and the real `regreen serve` as a child that can be killed.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use regreen::adapters::store::SqlStore;
use regreen::domain::breaker::BreakerSettings;
use regreen::domain::remediation::Remediation;
use regreen::ports::store::{Filter, Store as _};
use simulator::{Author, Change, Protection, Push, RepoSpec, Simulator, SimulatorOptions, TokenSpec};
use tokio::process::{Child, Command};

/// The repository.
pub const REPO: &str = "acme/widgets";
/// The service's token.
pub const TOKEN: &str = "ghp_agent_of_the_tests";

/// A test in the Test Anything Protocol over two files that hold a number each: quick, and read as tests.
pub const CHECK: &str = "failed=0\nn=0\nfor name in one two; do\n  n=$((n + 1))\n  if [ \"$(cat \"$name.txt\")\" = 42 ]; then\n    echo \"ok $n - $name is right\"\n  else\n    echo \"not ok $n - $name is right\"\n    failed=1\n  fi\ndone\necho \"1..$n\"\nexit $failed\n";

/// A workflow that runs the check on the branches of a pattern.
pub fn workflow(name: &str, pattern: &str) -> String {
    format!(
        "name: {name}\non:\n  push:\n    branches: ['{pattern}']\npermissions:\n  contents: read\njobs:\n  {name}:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n      - name: Check\n        run: sh check.sh\n"
    )
}

/// What puts `42` back into a file.
pub fn repair(name: &str, wrong: &str) -> String {
    format!("The number was wrong.\n\n```diff\n--- a/{name}.txt\n+++ b/{name}.txt\n@@ -1 +1 @@\n-{wrong}\n+42\n```\n")
}

/// The simulator, a folder, and the service.
pub struct Bed {
    pub simulator: Simulator,
    pub folder: tempfile::TempDir,
    child: Option<Child>,
    env: Vec<(String, String)>,
    pub port: u16,
}

impl Bed {
    /// A world with a repository; `settings` go into `regreen.toml`.
    pub async fn new(options: SimulatorOptions, workflows: &[(&str, &str)], settings: &str) -> Bed {
        let simulator = Simulator::start(options).await.expect("the simulator starts");
        simulator.add_token(TOKEN, TokenSpec::writer("regreen-bot"));
        let mut files = vec![Change::write("check.sh", CHECK), Change::write("one.txt", "42\n"), Change::write("two.txt", "42\n")];
        files.extend(workflows.iter().map(|(name, pattern)| Change::write(&format!(".github/workflows/{name}.yml"), workflow(name, pattern))));
        simulator.create_repo(RepoSpec { files, ..RepoSpec::new("acme", "widgets") }).await.expect("a repository");
        simulator.protect(REPO, "main", Protection { protected: true, rules: Vec::new() }).expect("protection");
        let folder = tempfile::tempdir().expect("a folder");
        let route = format!("[[route]]\nname = \"scripted\"\nkind = \"openai\"\nbase_url = \"{}\"\nmodel = \"scripted\"\n", simulator.model_url());
        std::fs::write(folder.path().join("regreen.toml"), format!("{settings}\n{route}")).expect("settings");
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").port();
        let env = [
            ("GITHUB_TOKEN", TOKEN.to_owned()),
            ("GITHUB_API_URL", simulator.api_url()),
            ("GITHUB_SERVER_URL", simulator.server_url()),
            ("SLACK_BOT_TOKEN", simulator::SLACK_TOKEN.to_owned()),
            ("SLACK_CHANNEL", "C0REGREEN01".to_owned()),
            ("SLACK_API_URL", simulator.slack_url()),
            ("REGREEN_REPOS", REPO.to_owned()),
            ("REGREEN_POLL", "300ms".to_owned()),
            ("REGREEN_LISTEN", format!("127.0.0.1:{port}")),
            ("REGREEN_LOG", "info".to_owned()),
            ("REGREEN_DATA_DIR", folder.path().join("data").display().to_string()),
        ];
        Bed { simulator, folder, child: None, env: env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(), port }
    }

    /// Sets a variable of the service.
    pub fn set(&mut self, name: &str, value: &str) {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
    }

    /// Takes a variable of the service away.
    pub fn unset(&mut self, name: &str) {
        self.env.retain(|(known, _)| known != name);
    }

    /// The service's process.
    pub fn service(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).expect("it runs")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_regreen"));
        command.current_dir(self.folder.path()).env_clear();
        for name in ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "TMPDIR"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(self.env.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        command
    }

    /// Starts the service.
    pub fn start(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log_path()).expect("a log");
        // A machine without namespaces proves nothing in a sandbox: the weak one is good enough for the test's own code.
        let child = self
            .command()
            .args(["serve", "--allow-weak-sandbox"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("serve starts");
        self.child = Some(child);
    }

    /// SIGKILL.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.expect("killed");
        }
    }

    /// SIGTERM; the exit code after draining.
    pub async fn stop(&mut self) -> Option<i32> {
        let mut child = self.child.take()?;
        let id = i32::try_from(child.id()?).ok()?;
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGTERM).expect("a signal");
        tokio::time::timeout(Duration::from_secs(40), child.wait()).await.expect("it drains").expect("it ends").code()
    }

    /// Resident memory of the service in kB, by the kernel's account.
    pub fn resident(&self) -> u64 {
        let id = self.service();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its size");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Another command of the same binary, with the same settings: (exit code, stdout, stderr).
    pub async fn cli(&self, args: &[&str]) -> (i32, String, String) {
        let out = self.command().args(args).output().await.expect("it runs");
        (out.status.code().unwrap_or(-1), String::from_utf8_lossy(&out.stdout).into_owned(), String::from_utf8_lossy(&out.stderr).into_owned())
    }

    fn log_path(&self) -> std::path::PathBuf {
        self.folder.path().join("serve.log")
    }

    /// What the service wrote.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The service's database.
    pub async fn store(&self) -> SqlStore {
        let path: &Path = &self.folder.path().join("data").join("regreen.db");
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if path.exists()
                && let Ok(store) = SqlStore::connect(&format!("sqlite://{}?mode=rwc", path.display()), BreakerSettings::default()).await
                && store.list(&Filter::default()).await.is_ok()
            {
                return store;
            }
            assert!(Instant::now() < deadline, "no database\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until the remediations, oldest first, fit.
    pub async fn wait(&self, store: &SqlStore, what: &str, seconds: u64, fits: impl Fn(&[Remediation]) -> bool) -> Vec<Remediation> {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        loop {
            let mut states = store.list(&Filter::default()).await.unwrap_or_default();
            states.sort_by_key(|state| state.opened_at);
            if fits(&states) {
                return states;
            }
            if Instant::now() > deadline {
                let seen: Vec<String> =
                    states.iter().map(|state| format!("{} {} {:?} {}", state.opening.key.branch, state.phase, state.reason, state.detail)).collect();
                let log = self.log();
                let tail: Vec<&str> = log.lines().rev().take(60).collect();
                panic!("waited for {what}; seen:\n{}\nlog, newest first:\n{}", seen.join("\n"), tail.join("\n"));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// A teammate pushes.
    pub async fn push(&self, branch: &str, from: Option<&str>, changes: &[(&str, &str)], who: &str) -> String {
        let mut push = Push::new(branch, "A change").by(Author::login(who));
        if let Some(from) = from {
            push = push.from(from);
        }
        for (path, content) in changes {
            push = push.write(path, content.as_bytes().to_vec());
        }
        self.simulator.push_commit(REPO, push).await.expect("a push")
    }
}

/// A client without a way around.
pub fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

/// Whether campaigns are to run at full size.
pub fn full_scale() -> bool {
    std::env::var("REGREEN_TEST_SCALE").is_ok_and(|scale| scale == "full")
}
