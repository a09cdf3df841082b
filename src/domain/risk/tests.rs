use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::*;
use crate::domain::patch::{FileChange, FileContent, PatchHash, Stats};
use crate::domain::rules::RepoRules;

fn change(path: &str, before: Option<&str>, after: &str) -> Applied {
    let content = |text: &str| FileContent::regular(text);
    let files = vec![FileChange { path: path.to_owned(), before: before.map(content), after: Some(content(after)) }];
    Applied { files, renames: vec![], canonical: String::new(), hash: PatchHash::of(""), repairs: vec![], stats: Stats::default() }
}

/// The rows of the calibration table in the module's documentation, in its order.
#[test]
fn the_calibration_holds_row_by_row() {
    type Row = (&'static str, fn(&mut RiskInputs));
    fn touch(paths: &[&str]) -> super::super::patch::Touches {
        super::super::patch::Touches::of(paths.iter().copied())
    }
    let rows: &[Row] = &[
        ("two lines of one source file", |_| {}),
        ("a formatter's rewrite of 60 lines in one file", |i| {
            (i.added, i.removed) = (30, 30);
            i.category = Category::LintError;
            i.deterministic_fixer = true;
        }),
        ("30 lines in two source files", |i| (i.added, i.removed, i.files) = (20, 10, 2)),
        ("30 lines in four source files", |i| (i.added, i.removed, i.files) = (20, 10, 4)),
        ("one line of a test", |i| i.touches = touch(&["tests/test_sum.py"])),
        ("a version in a manifest and its lock file", |i| {
            i.files = 2;
            i.touches = touch(&["Cargo.toml", "Cargo.lock"]);
        }),
        ("two lines at the third attempt", |i| i.attempts = 3),
        ("two lines of a public interface, diagnosis 70 % sure", |i| {
            i.touches = touch(&["api/v1.proto"]);
            i.confidence = 0.7;
        }),
        ("two lines of a build script", |i| i.touches = touch(&["Makefile"])),
        ("a rewritten snapshot, 60 lines", |i| {
            (i.added, i.removed) = (45, 15);
            i.touches = touch(&["src/__snapshots__/page.snap"]);
        }),
        ("two lines, failure of unknown kind, diagnosis 35 % sure", |i| {
            i.category = Category::Unknown;
            i.confidence = 0.35;
        }),
        ("30 lines in four files, one of them of authentication", |i| {
            (i.added, i.removed, i.files) = (20, 10, 4);
            i.touches = touch(&["src/auth/check.rs"]);
        }),
        ("a new migration", |i| i.touches = touch(&["db/migrations/004_names.sql"])),
        ("200 lines in six files", |i| (i.added, i.removed, i.files) = (180, 20, 6)),
        ("a newly started process", |i| i.calls.process = 1),
        ("a new network call by a deterministic tool", |i| {
            i.calls.network = 1;
            i.deterministic_fixer = true;
        }),
        ("a line of a pipeline", |i| i.touches = touch(&[".circleci/config.yml"])),
        ("a line of an agent's instructions", |i| i.touches = touch(&["AGENTS.md"])),
        ("a line of an unknown dot file, three places of tests to look at", |i| {
            i.touches = touch(&[".unheardof/settings"]);
            i.integrity_approvals = 3;
        }),
        ("a new process and a new network call", |i| (i.calls.process, i.calls.network) = (1, 1)),
        ("200 lines in six files with a new process", |i| {
            (i.added, i.removed, i.files) = (180, 20, 6);
            i.calls.process = 1;
        }),
        ("a new secret, by a formatter, for a lint failure", |i| {
            i.secrets = 1;
            i.deterministic_fixer = true;
            i.category = Category::LintError;
        }),
    ];
    let rules = RepoRules::default();
    let text = include_str!("../risk.rs");
    let told: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("//! | ")).filter(|line| !line.starts_with("Change")).collect();
    let mut found = Vec::new();
    for (what, set) in rows {
        let mut inputs = RiskInputs { added: 1, removed: 1, files: 1, ..RiskInputs::default() };
        set(&mut inputs);
        let score = score(&inputs).score;
        let fate = if score <= rules.risk_auto {
            "automatic"
        } else if score <= rules.risk_max {
            "a person"
        } else {
            "refused"
        };
        found.push(format!("{what} | {score} | {fate} |"));
    }
    assert_eq!(found, told);
}

#[test]
fn every_row_of_the_table_is_sound() {
    let mut codes: Vec<&str> = table().iter().map(|row| row.code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), table().len(), "a code stands twice");
    for row in table() {
        assert!(
            row.steps.iter().all(|(_, points)| *points > 0) && row.steps.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1),
            "{}",
            row.code
        );
        assert!(!row.why.is_empty() && !row.why.ends_with('.'), "{}", row.code);
        assert_eq!((row.measure)(&RiskInputs { attempts: 0, ..RiskInputs::default() }), 0, "{}", row.code);
    }
}

#[test]
fn new_calls_are_counted_outside_comments_and_strings_and_whatever_the_blanks() {
    let cases = [
        ("x.py", "import os\n", "import os\nos.system(cmd)\n", (1, 0, 0, 0)),
        ("x.py", "import os\n", "import os\nos . system (cmd)\n", (1, 0, 0, 0)),
        ("x.py", "import os\n", "import os\n# os.system(cmd)\ns = 'os.system(cmd)'\n", (0, 0, 0, 0)),
        ("x.py", "os.system(a)\n", "os.system(b)\n", (0, 0, 0, 0)),
        ("x.py", "", "from subprocess import run as r\nr(a)\n", (1, 0, 0, 0)),
        ("x.py", "", "getattr(os, 'sys' + 'tem')(a)\n", (0, 0, 1, 0)),
        ("x.rs", "fn f() {}\n", "fn f() { unsafe { g() } }\n", (0, 1, 0, 0)),
        ("x.rs", "fn f() {}\n", "fn f() { unsafe\n{ g() } }\n", (0, 1, 0, 0)),
        ("x.rs", "fn f() {}\n", "unsafe fn f() {}\n", (0, 1, 0, 0)),
        ("x.rs", "", "#![forbid(unsafe_code)]\n", (0, 0, 0, 0)),
        ("x.js", "f();\n", "eval(f);\nfetch(u);\n", (0, 0, 1, 1)),
        ("x.js", "f();\n", "el.innerHTML=f;\n", (0, 0, 1, 0)),
        ("x.js", "f();\n", "el.innerHTML  =\n f;\n", (0, 0, 1, 0)),
        ("x.js", "f();\n", "if (el.innerHTML == f) {}\n", (0, 0, 0, 0)),
        ("x.js", "f();\n", "const { run } = require('child_process');\n", (1, 0, 0, 0)),
        ("x.js", "f();\n", "const m = re.exec(f);\nprefetch(u);\nfunction fetch(u) {}\n", (0, 0, 0, 0)),
        ("x.go", "package x\n", "package x\n\nimport (\n\t\"os/exec\"\n)\n", (1, 0, 0, 0)),
        ("x.sh", "true\n", "curl -s u\n", (0, 0, 0, 1)),
        ("README.md", "Use it.\n", "Use curl and eval(x).\n", (0, 0, 0, 0)),
    ];
    for (path, before, after, expected) in cases {
        let calls = RiskInputs::of(&change(path, Some(before), after)).calls;
        assert_eq!((calls.process, calls.unsafe_code, calls.eval, calls.network), expected, "{after}");
    }
}

#[test]
fn a_secret_is_found_however_its_line_begins_and_beside_lines_that_were_there() {
    let token = format!("ghp_{}", "x9Kq2mVb7Tz4Lw1Rc8Np5Yd3Hf6Js0Ag2Ue4");
    for (before, after, expected) in
        [("a\n", format!("a\n++token = \"{token}\"\n"), true), ("a\n", format!("a\n  token = \"{token}\"\n"), true), ("a\n", "a\nb\n".to_owned(), false)]
    {
        let applied = change("x.txt", Some(before), &after);
        assert_eq!(RiskInputs::of(&applied).secrets > 0, expected, "{after}");
        assert_eq!(score(&RiskInputs::of(&applied)).score == 10, expected, "{after}");
    }
    let moved = format!("token = \"{token}\"\n");
    assert_eq!(RiskInputs::of(&change("x.txt", Some(&format!("a\n{moved}")), &format!("{moved}a\n"))).secrets, 0);
    assert_eq!(added_lines(&change("x.txt", Some("a\nb\n"), "b\n++c\na\na\n")), "++c\na\n");
}

fn inputs() -> impl Strategy<Value = RiskInputs> {
    // Most changes are small and harmless, so that there is room above them.
    let seldom = || prop::sample::select(vec![0_usize, 0, 0, 0, 0, 0, 0, 1]);
    let numbers = (0..60_usize, 0..30_usize, 0..4_usize, 1..3_u32, 0..2_usize, 0..2_usize, seldom());
    let calls = (seldom(), seldom(), seldom(), seldom());
    (numbers, calls, 0.3..1.0_f64, any::<bool>(), 0..13_usize, prop::collection::vec(0..18_usize, 0..2)).prop_map(
        |((added, removed, files, attempts, repairs, approvals, secrets), (process, unsafe_code, eval, network), confidence, fixer, category, touched)| {
            let mut inputs = RiskInputs {
                added,
                removed,
                files,
                attempts,
                repairs,
                integrity_approvals: approvals,
                secrets,
                confidence,
                deterministic_fixer: fixer,
                category: Category::ALL[category],
                calls: NewCalls { process, unsafe_code, eval, network },
                ..RiskInputs::default()
            };
            for at in touched {
                more_touched(&mut inputs, at);
            }
            inputs
        },
    )
}

fn more_touched(inputs: &mut RiskInputs, at: usize) {
    let touches = &mut inputs.touches;
    let lists = [
        &mut touches.manifests,
        &mut touches.lock_files,
        &mut touches.ci,
        &mut touches.machines,
        &mut touches.instructions,
        &mut touches.unknown,
        &mut touches.runner_config,
        &mut touches.shadows,
        &mut touches.test_support,
        &mut touches.build_scripts,
        &mut touches.tests,
        &mut touches.snapshots,
        &mut touches.migrations,
        &mut touches.sensitive,
        &mut touches.generated,
        &mut touches.public_api,
        &mut touches.deleted,
        &mut touches.executable,
    ];
    if let Some(list) = lists.into_iter().nth(at) {
        list.push("x".into());
    }
}

proptest! {
    #[test]
    fn the_score_is_the_sum_of_its_reasons(inputs in inputs()) {
        let risk = score(&inputs);
        let sum: i32 = risk.reasons.iter().map(|reason| i32::from(reason.points)).sum();
        prop_assert_eq!(i32::from(risk.score), sum.clamp(0, 10));
        prop_assert!(inputs.secrets == 0 || risk.score == 10);
        prop_assert!(inputs.calls.process == 0 || inputs.calls.network == 0 || risk.score > RepoRules::default().risk_max);
    }
}

/// Each of 30 ways in which a change can be more, on 60 changes each: none lowers the score, and each raises it somewhere.
#[test]
fn more_of_anything_is_never_less_risky() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut rose = [0_usize; 30];
    for (way, rose) in rose.iter_mut().enumerate() {
        for _ in 0..60 {
            let base = inputs().new_tree(&mut runner).expect("a strategy without filters").current();
            let mut more = base.clone();
            match way {
                0 => more.added += 60,
                1 => more.removed += 60,
                2 => more.files += 3,
                3 => more.attempts += 1,
                4 => more.repairs += 2,
                5 => more.confidence /= 2.0,
                6 => more.calls.process += 1,
                7 => more.calls.unsafe_code += 1,
                8 => more.calls.eval += 1,
                9 => more.calls.network += 1,
                10 => more.integrity_approvals += 2,
                11 => more.deterministic_fixer = false,
                _ => more_touched(&mut more, way - 12),
            }
            let (was, is) = (score(&base).score, score(&more).score);
            assert!(is >= was, "way {way}: {was} became {is}\n{base:?}");
            *rose += usize::from(is > was);
        }
    }
    // Many of the changes are at 10 already; what is left shows each way at work.
    assert!(rose.iter().all(|times| *times >= 1), "{rose:?}");
}
