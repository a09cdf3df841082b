//! Every credential of the service is a canary, and a hostile test looks for them everywhere.

use super::bench::{Answer, Bench, PYTHON_FIX, PYTHON_NO_FIX, diff, has, isolates};
use crate::spy::{MARK, SPY, VARIABLES, furnish, holders};

const TEST: &str = "import runpy\nimport unittest\n\nfrom calc import add\n\n\nclass CalcTest(unittest.TestCase):\n    def test_add(self):\n        runpy.run_path('spy.py')\n        self.assertEqual(add(2, 3), 5)\n";

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
    furnish(&bench.home());
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
