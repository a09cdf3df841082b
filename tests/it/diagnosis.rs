//! How much of what matters a diagnosis keeps, beside plain ways to shorten a log: on the labelled logs of this repository, or on anybody's
//! own. `docs/diagnosis.md` tells the format of the labels.

use std::path::{Path, PathBuf};

use regreen::domain::diagnosis::excerpt::own_name;
use regreen::domain::diagnosis::{Category, diagnose};
use serde::Deserialize;

/// What is known about a log.
#[derive(Deserialize)]
struct Label {
    /// Its name below the folder, with or without `.log`.
    log: String,
    category: Option<Category>,
    #[serde(default)]
    tests: Vec<Signal>,
    #[serde(default)]
    files: Vec<String>,
    /// What must stand in the excerpt.
    #[serde(default)]
    signals: Vec<Signal>,
    /// The same, where a diagnosis without it is worth nothing; all of the signals where it is not told.
    #[serde(default)]
    critical: Vec<Signal>,
}

/// A text, or several of which one is enough.
#[derive(Deserialize)]
#[serde(untagged)]
enum Signal {
    One(String),
    Any(Vec<String>),
}

impl Signal {
    fn stands_in(&self, text: &str) -> bool {
        match self {
            Self::One(one) => text.contains(one.as_str()),
            Self::Any(any) => any.iter().any(|one| text.contains(one.as_str())),
        }
    }

    /// Tools print a test as `class.name`, as `name(class)` or by its own name alone.
    fn is_named_in(&self, text: &str) -> bool {
        let named = |test: &str| text.contains(test) || text.contains(own_name(test));
        match self {
            Self::One(one) => named(one),
            Self::Any(any) => any.iter().any(|one| named(one)),
        }
    }
}

/// What a way to shorten a log gave for one of them; what a label does not tell is not counted.
#[derive(Default)]
struct Row {
    critical: Option<f64>,
    signals: Option<f64>,
    tests: Option<f64>,
    files: Option<f64>,
    precision: Option<f64>,
    category: Option<f64>,
    sure_and_wrong: Option<f64>,
    tokens: f64,
}

fn share(found: usize, of: usize) -> Option<f64> {
    (of > 0).then(|| found as f64 / of as f64)
}

fn kept(signals: &[Signal], text: &str) -> Option<f64> {
    share(signals.iter().filter(|signal| signal.stands_in(text)).count(), signals.len())
}

/// What every way is measured by. Colours are none of the text's.
fn excerpt_row(label: &Label, excerpt: &str) -> Row {
    let colours = regex::Regex::new(r"(?:\x1b|\^\[)\[[0-9;?]*[ -/]*[@-~]").unwrap();
    let excerpt = &*colours.replace_all(excerpt, "");
    Row {
        critical: kept(if label.critical.is_empty() { &label.signals } else { &label.critical }, excerpt),
        signals: kept(&label.signals, excerpt).or_else(|| kept(&label.critical, excerpt)),
        tests: share(label.tests.iter().filter(|test| test.is_named_in(excerpt)).count(), label.tests.len()),
        tokens: excerpt.len() as f64 / 3.0,
        ..Row::default()
    }
}

/// Equal, or one is the other's tail by whole parts.
fn same_path(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    long.strip_suffix(short).is_some_and(|head| head.is_empty() || head.ends_with('/'))
}

fn ours(label: &Label, log: &[u8]) -> Row {
    let d = diagnose(log, None).redacted();
    let found = label.files.iter().filter(|file| d.files.iter().any(|ours| same_path(file, &ours.path))).count();
    let right = d.files.iter().filter(|ours| label.files.iter().any(|file| same_path(file, &ours.path))).count();
    let wrong = label.category.map(|category| category != d.category);
    Row {
        files: share(found, label.files.len()),
        precision: if label.files.is_empty() { None } else { share(right, d.files.len()) },
        category: wrong.map(|wrong| f64::from(u8::from(!wrong))),
        sure_and_wrong: wrong.map(|wrong| f64::from(u8::from(wrong && d.confidence >= 0.8))),
        ..excerpt_row(label, &d.excerpt)
    }
}

/// What `grep -C 3 -i` keeps.
fn grep(text: &str) -> String {
    let words = ["error", "fail", "panic", "exception", "fatal", "✗", "×"];
    let lines: Vec<&str> = text.lines().collect();
    let mut keep = vec![false; lines.len()];
    for (at, line) in lines.iter().enumerate() {
        let lower = line.to_lowercase();
        if words.iter().any(|word| lower.contains(word)) {
            let end = (at + 4).min(lines.len());
            keep[at.saturating_sub(3)..end].fill(true);
        }
    }
    lines.iter().zip(keep).filter(|(_, keep)| *keep).map(|(line, _)| *line).collect::<Vec<_>>().join("\n")
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(200)..].join("\n")
}

fn mean(rows: &[Row], of: impl Fn(&Row) -> Option<f64>) -> Option<f64> {
    let values: Vec<f64> = rows.iter().filter_map(of).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The mean and the 95th percentile.
fn tokens(rows: &[Row]) -> (f64, f64) {
    let mut all: Vec<f64> = rows.iter().map(|row| row.tokens).collect();
    all.sort_by(f64::total_cmp);
    (all.iter().sum::<f64>() / all.len() as f64, all[(all.len() - 1) * 95 / 100])
}

/// The labelled logs of a folder.
fn labelled(folder: &Path) -> Vec<(Label, Vec<u8>)> {
    let labels = folder.join("labels.json");
    let text = std::fs::read_to_string(&labels).unwrap_or_else(|error| panic!("{}: {error}; docs/diagnosis.md tells what stands in it", labels.display()));
    let labels: Vec<Label> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", labels.display()));
    let read = |label: &Label| {
        let exact = folder.join(&label.log);
        let path = if exact.is_file() { exact } else { folder.join(format!("{}.log", label.log)) };
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    labels.into_iter().map(|label| (read(&label), label)).map(|(log, label)| (label, log)).collect()
}

/// Every way to shorten a log, with what it gave for each.
fn measured(logs: &[(Label, Vec<u8>)]) -> [(&'static str, Vec<Row>); 4] {
    let plain = |way: fn(&str) -> String| logs.iter().map(|(label, log)| excerpt_row(label, &way(&String::from_utf8_lossy(log)))).collect();
    [
        ("regreen", logs.iter().map(|(label, log)| ours(label, log)).collect()),
        ("whole log", plain(str::to_owned)),
        ("grep ±3", plain(grep)),
        ("last 200", plain(tail)),
    ]
}

fn table(ways: &[(&str, Vec<Row>)]) -> String {
    let cell = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
    let mut out = String::from(
        "| | critical | signals | tests | files | precision | category | sure and wrong | tokens | 95th |\n|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for (name, rows) in ways {
        let of = |field: fn(&Row) -> Option<f64>| cell(mean(rows, field));
        let (mean, high) = tokens(rows);
        out.push_str(&format!(
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {mean:.0} | {high:.0} |\n",
            of(|row| row.critical),
            of(|row| row.signals),
            of(|row| row.tests),
            of(|row| row.files),
            of(|row| row.precision),
            of(|row| row.category),
            of(|row| row.sure_and_wrong),
        ));
    }
    out
}

/// `REGREEN_LOGS=FOLDER cargo test --test it diagnosis_scores -- --nocapture` prints the table for one's own logs.
#[test]
fn diagnosis_scores() {
    let own = std::env::var_os("REGREEN_LOGS").map(PathBuf::from);
    let folder = own.clone().unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs"));
    let logs = labelled(&folder);
    assert!(!logs.is_empty(), "{}: no label", folder.display());
    let ways = measured(&logs);
    println!("{} logs, {:.1} MB\n\n{}", logs.len(), logs.iter().map(|(_, log)| log.len()).sum::<usize>() as f64 / 1e6, table(&ways));
    for ((label, _), row) in logs.iter().zip(&ways[0].1).filter(|(_, row)| row.critical.is_some_and(|kept| kept < 1.0) || row.category == Some(0.0)) {
        println!("{}: critical {}, category {}", label.log, row.critical.unwrap_or(1.0), if row.category == Some(0.0) { "wrong" } else { "right" });
    }
    if own.is_some() {
        return;
    }
    let rows = &ways[0].1;
    let at_least =
        [("critical", mean(rows, |row| row.critical), 0.97), ("signals", mean(rows, |row| row.signals), 0.95), ("tests", mean(rows, |row| row.tests), 0.98)];
    let also =
        [("files", mean(rows, |row| row.files), 0.85), ("precision", mean(rows, |row| row.precision), 0.5), ("category", mean(rows, |row| row.category), 0.85)];
    for (what, value, goal) in at_least.into_iter().chain(also) {
        assert!(value.is_some_and(|value| value >= goal), "{what} is {value:?}, and should be at least {goal}");
    }
    assert_eq!(mean(rows, |row| row.sure_and_wrong), Some(0.0), "sure, and wrong");
    let (mean_tokens, high) = tokens(rows);
    assert!(mean_tokens <= 2_000.0 && high <= 4_000.0, "{mean_tokens} tokens, {high} at the 95th percentile");
}

/// The scorer can say no: a label that asks for what is not there costs, and what a label does not tell is not counted.
#[test]
fn a_score_can_fall() {
    let text = r#"[
        {"log": "a", "signals": ["not there", ["neither", "src/a.c:1"]], "files": ["src/a.c", "src/b.c"], "category": "lint_error", "tests": ["gone"]},
        {"log": "b"}
    ]"#;
    let labels: Vec<Label> = serde_json::from_str(text).unwrap();
    let log = b"src/a.c:1:2: error: no\n##[error]Process completed with exit code 2.\n";
    let row = ours(&labels[0], log);
    assert_eq!((row.critical, row.signals, row.tests, row.files, row.category), (Some(0.5), Some(0.5), Some(0.0), Some(0.5), Some(0.0)));
    let untold = ours(&labels[1], log);
    assert!(untold.critical.is_none() && untold.category.is_none() && untold.precision.is_none() && untold.tokens > 0.0);
    assert_eq!(grep("a\nb\nc\nd\nan Error\ne\nf\ng\nh"), "b\nc\nd\nan Error\ne\nf\ng");
}
