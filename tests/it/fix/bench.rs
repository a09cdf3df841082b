//! A clone, a model and a home of its own for each test.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Request, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// No test waits longer for the binary.
const PATIENCE: Duration = Duration::from_secs(240);

/// What the model answers to one request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A completion with this text.
    Says(String),
    /// A status and a body as they are.
    Raw(u16, &'static str, String),
    /// A status and, as the body, what came with the request: its key too.
    Echo(u16),
    /// Nothing, ever.
    Silence,
}

/// A completion that holds a diff.
pub fn diff(text: &str) -> Answer {
    Answer::Says(format!("It was wrong.\n\n```diff\n{text}```\n"))
}

#[derive(Debug, Clone)]
struct Shared {
    answers: Arc<Vec<Answer>>,
    asked: Arc<Mutex<Vec<(Value, String)>>>,
}

/// An OpenAI-compatible server on the loopback.
#[derive(Debug)]
pub struct Model {
    address: SocketAddr,
    shared: Shared,
}

impl Model {
    /// Answers in turn; the last answer stays.
    pub async fn start(answers: Vec<Answer>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared { answers: Arc::new(answers), asked: Arc::default() };
        let router = Router::new().fallback(answer).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared }
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that was asked, as sent.
    pub fn asked(&self) -> Vec<Value> {
        self.shared.asked.lock().unwrap().iter().map(|(body, _)| body.clone()).collect()
    }

    /// The `Authorization` of every request.
    pub fn keys(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().iter().map(|(_, key)| key.clone()).collect()
    }

    /// The text of the last message of one request.
    pub fn prompt(&self, n: usize) -> String {
        let asked = self.asked();
        asked[n]["messages"].as_array().and_then(|all| all.last()).and_then(|last| last["content"].as_str()).unwrap().to_owned()
    }
}

async fn answer(State(shared): State<Shared>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    // Whoever only asks whether somebody is there is no request to the model.
    if parts.method != axum::http::Method::POST {
        return Response::builder().status(405).body(Body::empty()).unwrap();
    }
    let body: Bytes = axum::body::to_bytes(body, 1 << 24).await.unwrap();
    let key = parts.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let number = {
        let mut asked = shared.asked.lock().unwrap();
        asked.push((serde_json::from_slice(&body).unwrap(), key.clone()));
        asked.len() - 1
    };
    let built = |status: u16, kind: &str, body: String| Response::builder().status(status).header("content-type", kind).body(body.into()).unwrap();
    match shared.answers[number.min(shared.answers.len() - 1)].clone() {
        Answer::Says(text) => {
            let said = json!({
                "id": format!("completion-{number}"), "model": "scripted",
                "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
            });
            built(200, "application/json", said.to_string())
        }
        Answer::Raw(status, kind, body) => built(status, kind, body),
        Answer::Echo(status) => built(status, "application/json", json!({"error": {"message": format!("bad key {key} in {:?}", parts.headers)}}).to_string()),
        Answer::Silence => std::future::pending().await,
    }
}

/// What a run of the binary gave.
#[derive(Debug)]
pub struct Ran {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Wall time.
    pub took: Duration,
}

impl Ran {
    /// The one JSON object on standard output.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\nstdout: {}\nstderr: {}", self.stdout, self.stderr))
    }

    /// Asserts outcome, reason and exit code; gives the object.
    #[track_caller]
    pub fn expect(&self, outcome: &str, reason: &str, code: i32) -> Value {
        let json = self.json();
        let got = (json["outcome"].as_str().unwrap_or_default(), json["reason"].as_str().unwrap_or_default(), self.code);
        assert_eq!(got, (outcome, reason, code), "{}\n{}", self.stdout, self.stderr);
        json
    }

    /// Asserts that nothing was printed but an error of this kind.
    #[track_caller]
    pub fn refused(&self, code: i32, words: &str) {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{}", self.stderr);
        let error = self.stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("no error line: {}", self.stderr));
        assert!(self.stderr.contains(words), "`{words}` not in `{error}`");
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
    }
}

/// What a clone looks like from outside; equal before and after means that nothing of it was touched.
#[derive(Debug, PartialEq, Eq, Clone)]
pub struct Look {
    head: String,
    status: String,
    refs: BTreeMap<String, String>,
    /// Every file of `.git` but objects, and every file of the checkout, by hash and mode.
    files: BTreeMap<PathBuf, String>,
}

impl Look {
    /// Without one branch, which a fix has made.
    pub fn without(mut self, branch: &str) -> Self {
        self.refs.remove(&format!("refs/heads/{branch}"));
        let file = Path::new(".git/refs/heads").join(branch);
        self.files.retain(|path, _| *path != file && *path != Path::new(".git/logs/refs/heads").join(branch));
        self
    }
}

/// The place of one test.
pub struct Bench {
    base: tempfile::TempDir,
    /// The model.
    pub model: Model,
    /// Variables of the binary beside the usual ones.
    pub env: BTreeMap<String, String>,
    /// `regreen.toml`, after the route.
    pub settings: String,
    /// Arguments of `fix` before the test's own.
    pub global: Vec<String>,
}

/// A variable of the test's own environment that the binary needs to find toolchains, certificates or the way out.
const PASSED: [&str; 17] = [
    "PATH",
    "RUSTUP_HOME",
    "PYENV_ROOT",
    "NVM_DIR",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "NODE_EXTRA_CA_CERTS",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
];

impl Bench {
    /// A clone on branch `feature/x` whose last commit brought `files`; `main` has none of them.
    pub async fn new(files: &[(&str, &str)], answers: Vec<Answer>) -> Self {
        let base = tempfile::Builder::new().prefix("regreen-fix-").tempdir().unwrap();
        let model = Model::start(answers).await;
        let bench = Self { base, model, env: BTreeMap::new(), settings: String::new(), global: Vec::new() };
        for folder in ["home", "clone"] {
            std::fs::create_dir(bench.base.path().join(folder)).unwrap();
        }
        bench.git(&["init", "-q", "-b", "main"]);
        bench.commit("a beginning");
        bench.git(&["checkout", "-q", "-b", "feature/x"]);
        for (path, text) in files {
            bench.write(path, text);
        }
        bench.git(&["add", "-A"]);
        bench.commit("a change");
        bench
    }

    /// The test's own folder.
    pub fn base(&self) -> &Path {
        self.base.path()
    }

    /// The clone.
    pub fn clone(&self) -> PathBuf {
        self.base.path().join("clone")
    }

    /// The service's home.
    pub fn home(&self) -> PathBuf {
        self.base.path().join("home")
    }

    /// The service's data folder.
    pub fn data(&self) -> PathBuf {
        self.base.path().join("data")
    }

    /// Writes a file of the clone.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.clone().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Commits what is staged.
    pub fn commit(&self, message: &str) {
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
    }

    /// Runs git in the clone; gives what it printed.
    #[track_caller]
    pub fn git(&self, arguments: &[&str]) -> String {
        git_in(&self.clone(), arguments)
    }

    /// Runs `regreen fix` with these arguments.
    pub async fn fix(&self, arguments: &[&str]) -> Ran {
        let clone = self.clone().display().to_string();
        let mut all = vec!["fix", "--repo", &clone, "--format", "json"];
        all.extend(arguments);
        self.regreen(&all).await
    }

    /// Runs the binary.
    pub async fn regreen(&self, arguments: &[&str]) -> Ran {
        let config = self.base.path().join("regreen.toml");
        let route = format!("[[route]]\nname = \"scripted\"\nkind = \"openai\"\nbase_url = \"{}\"\nmodel = \"scripted\"\ntimeout = \"3s\"\n", self.model.url());
        std::fs::write(&config, format!("{}\n{route}", self.settings)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_regreen"));
        command.env_clear().arg("--config").arg(&config).args(&self.global).args(arguments);
        command.envs(PASSED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        // Another home, the same toolchains.
        if let Some(home) = std::env::var_os("HOME").map(PathBuf::from) {
            for (name, folder) in [("RUSTUP_HOME", ".rustup"), ("PYENV_ROOT", ".pyenv"), ("NVM_DIR", ".nvm")] {
                if std::env::var_os(name).is_none() && home.join(folder).is_dir() {
                    command.env(name, home.join(folder));
                }
            }
        }
        command.env("HOME", self.home()).env("REGREEN_DATA_DIR", self.data()).env("REGREEN_LOG", "warn").envs(&self.env);
        command.current_dir(self.base.path()).stdin(Stdio::null());
        let started = Instant::now();
        let Output { status, stdout, stderr } = tokio::time::timeout(PATIENCE, async {
            let mut command = tokio::process::Command::from(command);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap().wait_with_output().await.unwrap()
        })
        .await
        .expect("the binary ends in time");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("regreen prints UTF-8");
        let ran = Ran { code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr), took: started.elapsed() };
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        ran
    }

    /// How the clone looks.
    pub fn look(&self) -> Look {
        look(&self.clone())
    }

    /// Checks a branch out elsewhere, from nothing but the clone.
    pub fn checkout(&self, branch: &str) -> PathBuf {
        let elsewhere = self.base.path().join(format!("elsewhere-{}", branch.replace('/', "-")));
        let (from, into) = (self.clone().display().to_string(), elsewhere.display().to_string());
        git_in(self.base.path(), &["clone", "-q", "--no-local", "--single-branch", "--branch", branch, &from, &into]);
        elsewhere
    }

    /// Nothing is left of jobs in the data folder.
    #[track_caller]
    pub fn assert_tidy(&self) {
        let jobs = self.data().join("work/jobs");
        let left: Vec<_> = std::fs::read_dir(jobs).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect();
        assert!(left.is_empty(), "working folders are left behind: {left:?}");
    }
}

/// How a clone looks.
pub fn look(clone: &Path) -> Look {
    let mut files = BTreeMap::new();
    let mut folders = vec![clone.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let (path, meta) = (entry.path(), entry.path().symlink_metadata().unwrap());
            let name = path.strip_prefix(clone).unwrap().to_owned();
            if meta.is_symlink() {
                files.insert(name, format!("-> {}", std::fs::read_link(&path).unwrap().display()));
            } else if meta.is_dir() {
                if !name.ends_with(".git/objects") && !name.ends_with("objects") {
                    folders.push(path);
                }
            } else if meta.is_file() {
                use std::os::unix::fs::PermissionsExt as _;
                let hash = Sha256::digest(std::fs::read(&path).unwrap());
                files.insert(name, format!("{:o} {hash:x?}", meta.permissions().mode()));
            }
        }
    }
    let refs = git_in(clone, &["for-each-ref", "--format=%(refname) %(objectname)"]);
    let refs = refs.lines().filter_map(|line| line.split_once(' ')).map(|(name, id)| (name.to_owned(), id.to_owned())).collect();
    let bare = git_in(clone, &["rev-parse", "--is-bare-repository"]) == "true";
    // `--no-optional-locks`: looking must not refresh the index, which is compared.
    let status = if bare { String::new() } else { git_in(clone, &["--no-optional-locks", "status", "--porcelain=v2", "--branch", "-uall"]) };
    Look { head: git_in(clone, &["symbolic-ref", "-q", "HEAD", "--short"]), status, refs, files }
}

/// Runs git in a folder, untouched by the machine's own settings. A detached head is no failure here.
#[track_caller]
pub fn git_in(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([("GIT_AUTHOR_NAME", "Ann"), ("GIT_AUTHOR_EMAIL", "ann@example.org"), ("GIT_AUTHOR_DATE", "2026-03-01T12:00:00Z")])
        .envs([("GIT_COMMITTER_NAME", "Ann"), ("GIT_COMMITTER_EMAIL", "ann@example.org"), ("GIT_COMMITTER_DATE", "2026-03-01T12:00:00Z")])
        .output()
        .expect("git is there");
    let quiet = arguments.contains(&"-q") && arguments.first() == Some(&"symbolic-ref");
    assert!(output.status.success() || quiet, "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Whether a program is on this machine.
pub fn has(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Whether untrusted code can be run here at all.
pub fn isolates() -> bool {
    has("unshare", &["-Urmpf", "true"])
}

/// Whether a registry answers, through whatever proxy the machine has.
pub fn reaches(address: &str) -> bool {
    has("curl", &["-fsS", "-m", "15", "-o", "/dev/null", address])
}

/// A module with a fault in Python, and its tests.
pub const PYTHON: [(&str, &str); 2] = [
    ("calc.py", "def add(a, b):\n    return a - b\n\n\ndef twice(a):\n    return add(a, a)\n"),
    (
        "test_calc.py",
        "import unittest\n\nfrom calc import add, twice\n\n\nclass CalcTest(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n\n    def test_twice(self):\n        self.assertEqual(twice(4), 8)\n\n    def test_zero(self):\n        self.assertEqual(add(0, 0), 0)\n",
    ),
];

/// How it is tested.
pub const UNITTEST: &str = "python3 -m unittest -v";

/// What mends it.
pub const PYTHON_FIX: &str = "--- a/calc.py\n+++ b/calc.py\n@@ -1,3 +1,3 @@\n def add(a, b):\n-    return a - b\n+    return a + b\n \n";

/// What changes something and mends nothing.
pub const PYTHON_NO_FIX: &str = "--- a/calc.py\n+++ b/calc.py\n@@ -1,3 +1,3 @@\n def add(a, b):\n-    return a - b\n+    return a * b\n \n";
