//! The simulator as its clients see it: real git, real HTTP, real steps.

mod github;
mod runner;
mod services;

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Once;
use std::time::Duration;

use serde_json::Value;
use simulator::{Author, Change, Push, RepoSpec, Simulator, SimulatorOptions, TokenSpec};

pub const REPO: &str = "acme/widgets";
pub const WAIT: Duration = Duration::from_secs(60);

/// A client with a token, and the world it talks to.
pub struct Bench {
    pub simulator: Simulator,
    pub http: reqwest::Client,
}

impl Bench {
    pub async fn start(run_workflows: bool, files: Vec<Change>) -> Self {
        Self::with(run_workflows, 0, files).await
    }

    pub async fn with(run_workflows: bool, read_lag_ms: u64, files: Vec<Change>) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| rustls::crypto::ring::default_provider().install_default().expect("the provider is installed once"));
        let options = SimulatorOptions { run_workflows, read_lag_ms, ..SimulatorOptions::default() };
        let simulator = Simulator::start(options).await.unwrap();
        simulator.add_token("writer", TokenSpec::writer("agent"));
        simulator.add_token("reader", TokenSpec::reader("guest"));
        let mut all = vec![Change::write("README.md", "widgets\n")];
        all.extend(files);
        simulator.create_repo(RepoSpec { files: all, ..RepoSpec::new("acme", "widgets") }).await.unwrap();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(WAIT).build().unwrap();
        Self { simulator, http }
    }

    pub fn request(&self, method: &str, path: &str, token: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.simulator.api_url());
        self.http.request(method.parse().unwrap(), url).header("authorization", format!("Bearer {token}"))
    }

    /// The status and the JSON (or null) of a request by the writer.
    pub async fn ask(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let mut request = self.request(method, path, "writer");
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, value) = self.ask("GET", path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    pub async fn push(&self, branch: &str, path: &str, text: &str) -> String {
        let push = Push::new(branch, &format!("Change {path}")).from("main").write(path, text).by(Author::login("ada"));
        self.simulator.push_commit(REPO, push).await.unwrap()
    }

    pub fn clone_url(&self, token: &str) -> String {
        format!("{}/{REPO}.git", self.simulator.server_url().replace("http://", &format!("http://x-access-token:{token}@")))
    }
}

/// Runs git as a client would, away from this machine's settings. The simulator needs its threads meanwhile.
pub async fn git(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("git");
    command.current_dir(dir).args(["-c", "user.name=t", "-c", "user.email=t@example.com"]).args(arguments);
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_TERMINAL_PROMPT", "0").env("HOME", dir);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

pub fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
