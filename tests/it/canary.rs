//! Every credential of a running `serve` is a canary. A hostile test in the sandbox looks for them, we look at everything the service
//! writes and says meanwhile, and at the command line and environment of everything it starts.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use regreen::domain::remediation::{Phase, Reason};
use regreen::ports::store::Store as _;
use simulator::{SimulatorOptions, TokenSpec};

use crate::bed::{self, Bed, REPO};
use crate::fix::bench::{Answer, Model, PYTHON, PYTHON_FIX, PYTHON_NO_FIX, diff, has, isolates};
use crate::spy::{MARK, SPY, VARIABLES, furnish, holders};

/// Fails for its own reason on the simulator's runner, and looks around where regreen runs it.
const TEST: &str = "import os\nimport runpy\nimport unittest\n\nfrom calc import add\n\n\nclass CalcTest(unittest.TestCase):\n    def test_add(self):\n        if os.getcwd() == '/workspace':\n            runpy.run_path('spy.py')\n        self.assertEqual(add(2, 3), 5)\n";

const WORKFLOW: &str = "name: calc\non:\n  push:\n    branches: ['**']\npermissions:\n  contents: read\njobs:\n  calc:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n      - name: Test\n        run: python3 -m unittest -v\n";

/// The service with canaries for credentials, before it is started.
struct Cage {
    bed: Bed,
    model: Model,
    _home: tempfile::TempDir,
}

impl Cage {
    async fn new() -> Cage {
        let slack = format!("xoxb-{MARK}-slack");
        let options = SimulatorOptions { slack_token: slack.clone(), ..SimulatorOptions::default() };
        // What a model may answer: nonsense, what it was sent with the key in it, a patch that fails, and the fix.
        let answers = vec![Answer::Says("no".into()), Answer::Echo(400), diff(PYTHON_NO_FIX), diff(PYTHON_FIX)];
        let model = Model::start(answers).await;
        let settings = format!(
            "[timing]\nfollow = \"300ms\"\nsettle = \"2s\"\nlease = \"10s\"\n[[repo]]\nname = \"{REPO}\"\nroutes = [\"canary\"]\nattempts = 4\nsetup = [\"python3 spy.py > spied-setup.txt 2>&1 || true\"]\n[[route]]\nname = \"canary\"\nkind = \"openai\"\nbase_url = \"{}\"\nmodel = \"m\"\nkey_env = \"OPENAI_API_KEY\"\n",
            model.url()
        );
        let mut bed = Bed::new(options, &[], &settings).await;
        let home = tempfile::tempdir().unwrap();
        furnish(home.path());
        for (n, name) in VARIABLES.iter().enumerate() {
            bed.set(name, &format!("{MARK}{n}secret{n}"));
        }
        let token = format!("ghp_{MARK}github");
        bed.simulator.add_token(&token, TokenSpec::writer("regreen-bot"));
        let hook = format!("{MARK}-{MARK}-webhook");
        for (name, value) in [
            ("GITHUB_TOKEN", token),
            ("SLACK_BOT_TOKEN", slack),
            ("GITHUB_WEBHOOK_SECRET", hook.clone()),
            ("REGREEN_ADMIN_TOKENS", format!("ann={MARK}-{MARK}-{MARK}")),
            ("HOME", home.path().display().to_string()),
            ("REGREEN_LOG", "trace".into()),
        ] {
            bed.set(name, &value);
        }
        for name in ["GITHUB_APP_PRIVATE_KEY_FILE", "DATABASE_URL"] {
            bed.unset(name);
        }
        bed.simulator.subscribe_webhook(&format!("http://127.0.0.1:{}/webhook", bed.port), &hook, &["workflow_run"]).unwrap();
        Cage { bed, model, _home: home }
    }

    /// Lets the whole loop happen, and looks at everything but the database.
    async fn run(&mut self) {
        self.bed.start();
        let watch = Watch::begin(self.bed.service());
        self.bed
            .push(
                "ada/calc",
                Some("main"),
                &[("calc.py", PYTHON[0].1), ("test_calc.py", TEST), ("spy.py", SPY), (".github/workflows/calc.yml", WORKFLOW)],
                "ada",
            )
            .await;
        let deadline = Instant::now() + Duration::from_secs(200);
        let told = |bed: &Bed| bed.simulator.slack_messages().iter().any(|message| message.text.contains("ready for review"));
        while !told(&self.bed) {
            let tail = || self.bed.log().lines().filter(|line| line.contains("regreen::")).collect::<Vec<_>>().join("\n");
            assert!(Instant::now() < deadline, "no proven fix: {}", &tail()[tail().len().saturating_sub(6000)..]);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let bed = &self.bed;
        assert!(!self.model.keys().is_empty() && self.model.keys().iter().all(|key| key.contains(MARK)), "the key is used");
        assert_eq!(self.model.asked().len(), 4, "every answer was taken in");

        let mut heard: Vec<(String, String)> = Vec::new();
        for (n, asked) in self.model.asked().iter().enumerate() {
            heard.push((format!("prompt {n}"), asked.to_string()));
        }
        for pull in bed.simulator.pulls(REPO) {
            heard.push((format!("pull request {}", pull.number), format!("{pull:?}")));
        }
        heard.push(("commit comments".into(), format!("{:?}", bed.simulator.comments(REPO))));
        for message in bed.simulator.slack_messages() {
            heard.push(("the channel".into(), format!("{} {}", message.text, message.blocks)));
        }
        heard.push(("the log".into(), bed.log()));
        let list = bed.cli(&["jobs", "list", "--format", "json"]).await.1;
        let jobs: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
        let id = jobs.iter().find(|job| job["opening"]["key"]["branch"] == "ada/calc").unwrap()["id"].as_str().unwrap().to_owned();
        for command in [&["jobs", "list"][..], &["jobs", "show", &id], &["audit", "verify"], &["circuit", "list"], &["doctor"], &["doctor", "--format", "json"]]
        {
            let (_, out, err) = bed.cli(command).await;
            heard.push((format!("regreen {}", command.join(" ")), format!("{out}\n{err}")));
        }
        let client = bed::client();
        let page = format!("/jobs/{id}");
        for path in
            ["/", "/jobs", &page, "/metrics", "/readyz", "/healthz", "/api/jobs", &format!("/api{page}"), "/api/openapi.json", "/api/pauses", "/api/circuits"]
        {
            for accept in ["text/html", "application/json"] {
                let url = format!("http://127.0.0.1:{}{path}", bed.port);
                let text = client.get(url).header("accept", accept).send().await.unwrap().text().await.unwrap();
                assert!(!text.is_empty(), "{path}");
                heard.push((format!("{path} as {accept}"), text));
            }
        }
        for (what, text) in &heard {
            if let Some(at) = text.find(MARK) {
                let (from, to) = (text.floor_char_boundary(at.saturating_sub(200)), text.ceil_char_boundary((at + 100).min(text.len())));
                panic!("a credential is in {what}: …{}…", &text[from..to]);
            }
        }
        // The spy ran in the sandbox, before and after, and went away without a find: the patched test is green only then.
        let shown = bed.cli(&["jobs", "show", &id, "--format", "json"]).await.1;
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        let proof = &shown["remediation"]["proof"];
        assert_eq!((&proof["before"]["exit_code"], &proof["after"]["exit_code"], &proof["after"]["tests"]), (&1.into(), &0.into(), &1.into()), "{proof}");
        for when in ["before", "after"] {
            let tail = proof[when]["tail"].as_str().unwrap();
            for (what, number) in [("spied-setup.txt says: the spy looked at ", 50), ("\nthe spy looked at ", 50), (" files and ", 3)] {
                let count = tail.split(what).nth(1).and_then(|rest| rest.split(' ').next()).and_then(|count| count.parse::<u32>().ok());
                assert!(count.is_some_and(|count| count >= number), "{what}: the spy looked around {when} the patch: {tail}");
            }
            assert_eq!(tail.matches(" and found []").count(), 2, "{when}: {tail}");
        }
        let watched = watch.end();
        assert!(watched.found.is_empty(), "a credential is within reach of a process that serve started: {:?}", watched.found);
        assert!(watched.seen.len() >= 4, "processes that serve started were looked at: {:?}", watched.seen);
    }
}

/// What was seen of the processes below one.
struct Watched {
    /// Their programs.
    seen: BTreeSet<String>,
    /// Where a canary was.
    found: BTreeSet<String>,
}

/// Looks at the command line and environment of every process below one, all the time.
struct Watch {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Watched>,
}

impl Watch {
    fn begin(root: u32) -> Watch {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let stop = stop.clone();
            move || {
                let mut watched = Watched { seen: BTreeSet::new(), found: BTreeSet::new() };
                while !stop.load(Ordering::Relaxed) {
                    for child in below(root) {
                        look(child, &mut watched);
                    }
                    std::thread::sleep(Duration::from_millis(2));
                }
                watched
            }
        });
        Watch { stop, thread }
    }

    fn end(self) -> Watched {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn look(process: u32, watched: &mut Watched) {
    let read = |what: &str| std::fs::read(format!("/proc/{process}/{what}")).unwrap_or_default();
    let line = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
    // Between fork and exec a child still is the service, by its command line too.
    if line.is_empty() || line.contains(" serve ") {
        return;
    }
    watched.seen.insert(line.split(' ').next().unwrap_or_default().to_owned());
    for what in ["cmdline", "environ"] {
        // Read after the command line: what is still the service's own would have been named above. Asked again, since it may exec in between.
        let again = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
        if memchr::memmem::find(&read(what), MARK.as_bytes()).is_some() && !again.contains(" serve ") {
            watched.found.insert(format!("{what} of {line}"));
        }
    }
}

/// Every process below one, at any depth.
fn below(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        at += 1;
        for task in std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten() {
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            found.extend(children.split_ascii_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
    }
    found.split_off(1)
}

fn can_run() -> bool {
    isolates() && has("python3", &["--version"]) && Path::new("/proc/self/task").exists()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credential_of_the_service_gets_out() {
    requires!("canary::no_credential_of_the_service_gets_out", can_run(), "user namespaces and python3");
    let mut cage = Cage::new().await;
    cage.run().await;
    let store = cage.bed.store().await;
    cage.bed.wait(&store, "a proven fix", 20, |states| states.iter().any(|s| s.phase == Phase::Feedback && s.reason == Some(Reason::ReadyForReview))).await;
    let report = store.verify().await.unwrap();
    assert!(report.faults.is_empty(), "{:?}", report.faults);
    // With the database, its write-ahead log, mirrors and caches, as they are while it runs and after it has ended.
    let data = cage.bed.folder.path().join("data");
    assert!(data.join("regreen.db").exists() && data.join("regreen.db-wal").exists());
    assert_eq!(holders(&data), Vec::<String>::new(), "a credential is in the data folder");
    drop(store);
    assert_eq!(cage.bed.stop().await, Some(0));
    assert_eq!(holders(&data), Vec::<String>::new(), "a credential is in the data folder");
    assert!(!cage.bed.log().contains(MARK), "a credential is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credential_of_the_service_gets_out_on_postgresql() {
    let name = "canary::no_credential_of_the_service_gets_out_on_postgresql";
    let Ok(url) = std::env::var("REGREEN_TEST_POSTGRES_URL") else {
        requires!(name, false, "REGREEN_TEST_POSTGRES_URL");
        return;
    };
    requires!(name, can_run() && has("psql", &["--version"]) && has("pg_dump", &["--version"]), "user namespaces, python3, psql and pg_dump");
    let mut cage = Cage::new().await;
    let schema = format!("canary_{}", cage.bed.port);
    let run = |program: &str, args: &[&str]| {
        let out = std::process::Command::new(program).args(args).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        out.stdout
    };
    run("psql", &[&url, "-qc", &format!("create schema {schema}")]);
    // The server trusts this machine, and takes any password.
    let mut with_password = url::Url::parse(&url).unwrap();
    with_password.set_password(Some(MARK)).unwrap();
    with_password.query_pairs_mut().append_pair("options", &format!("-csearch_path={schema}"));
    cage.bed.set("DATABASE_URL", with_password.as_str());
    cage.run().await;
    assert_eq!(cage.bed.stop().await, Some(0));
    assert!(!cage.bed.log().contains(MARK), "a credential is in the log");
    assert_eq!(holders(&cage.bed.folder.path().join("data")), Vec::<String>::new(), "a credential is in the data folder");
    let dump = run("pg_dump", &["--inserts", "--schema", &schema, "--dbname", &url]);
    assert!(memchr::memmem::find(&dump, b"ada/calc").is_some(), "the dump holds what was stored");
    assert!(memchr::memmem::find(&dump, MARK.as_bytes()).is_none(), "a credential is in the database");
    run("psql", &[&url, "-qc", &format!("drop schema {schema} cascade")]);
}
