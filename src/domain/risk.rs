//! The risk score: 0 (nothing to fear) to 10, every point with its reason.
//!
//! The formula is a sum of the points below, clamped to 0..=10. It is deterministic, and monotone:
//! more size, more kinds touched, more repairs, more attempts, more dangerous calls, or less
//! confidence never lower the score. Only a deterministic fixer and a formatting or lint failure do.
//!
//! | What | Points |
//! |---|---|
//! | changed lines: over 10, 50, 150, 400 | 1, 2, 3, 4 |
//! | files: over 2, 5, 10 | 1, 2, 3 |
//! | dependency manifest 1, lock file 1, build script 2, CI 3, migration 3, sensitive path 3, public API 1, generated 1 | as given |
//! | files deleted: one, more | 1, 2 |
//! | mostly deletion (over 20 removed and three times the added) | 1 |
//! | test files touched | 1 |
//! | snapshots touched | 2 |
//! | files made executable | 1 |
//! | test-integrity findings that need approval | 2 |
//! | confidence under 0.8, 0.6, 0.4 | 1, 2, 3 |
//! | category: dependencies, timeout 1; permission, pipeline, Docker, infrastructure, unknown 2 | as given |
//! | category: lint | −1 |
//! | tolerant repairs (place or content): one or two, more | 1, 2 |
//! | attempts after the first: one, more | 1, 2 |
//! | process or shell 3, `unsafe` 3, eval 3, network 2 newly added | as given |
//! | a secret newly added | 10 |
//! | deterministic fixer | −2 |

use serde::Serialize;

use super::diagnosis::Category;
use super::patch::{Applied, Repair, RepairKind, Touches};
use super::source::lexer::{Language, mask};

/// Everything the score is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskInputs {
    /// Lines added.
    pub added: usize,
    /// Lines removed.
    pub removed: usize,
    /// Files touched.
    pub files: usize,
    /// Kinds touched.
    pub touches: Touches,
    /// How sure the diagnosis is, 0 to 1. Anything else counts as 0.
    pub confidence: f64,
    /// What failed.
    pub category: Category,
    /// The change comes from a formatter, a linter's `--fix`, a compiler's suggestion.
    pub deterministic_fixer: bool,
    /// Repairs that touched place or content, see [`tolerant`].
    pub repairs: usize,
    /// Attempts so far, the present one included (1 for the first).
    pub attempts: u32,
    /// Test-integrity findings that need approval.
    pub integrity_approvals: usize,
    /// Dangerous calls newly added.
    pub calls: NewCalls,
    /// Secrets newly added, as counted by the redaction rules.
    pub secrets: usize,
}

impl Default for RiskInputs {
    fn default() -> Self {
        Self {
            added: 0,
            removed: 0,
            files: 0,
            touches: Touches::default(),
            confidence: 1.0,
            category: Category::TestAssertion,
            deterministic_fixer: false,
            repairs: 0,
            attempts: 1,
            integrity_approvals: 0,
            calls: NewCalls::default(),
            secrets: 0,
        }
    }
}

impl RiskInputs {
    /// What an applied patch says by itself; diagnosis, attempts and findings are the caller's.
    #[must_use]
    pub fn of(applied: &Applied) -> Self {
        let mut touches = Touches::of(applied.files.iter().map(|file| file.path.as_str()));
        for file in &applied.files {
            let renamed = applied.renames.iter().any(|(old, new)| *old == file.path || *new == file.path);
            match (&file.before, &file.after) {
                (Some(_), None) if !renamed => touches.deleted.push(file.path.clone()),
                (None, Some(_)) if !renamed => touches.created.push(file.path.clone()),
                (Some(before), Some(after)) if before.mode != after.mode => touches.executable.push(file.path.clone()),
                _ => {}
            }
        }
        Self {
            added: applied.stats.added,
            removed: applied.stats.removed,
            files: applied.stats.files,
            touches,
            repairs: tolerant(&applied.repairs),
            calls: NewCalls::of(applied),
            ..Self::default()
        }
    }
}

/// Repairs that make it less sure that what was meant is what was done; mended headers do not.
#[must_use]
pub fn tolerant(repairs: &[Repair]) -> usize {
    repairs
        .iter()
        .filter(|repair| {
            matches!(
                repair.kind,
                RepairKind::Drift
                    | RepairKind::Indentation
                    | RepairKind::Elided
                    | RepairKind::LineNumbers
                    | RepairKind::Escaped
                    | RepairKind::Lookalike
                    | RepairKind::StaleContext
                    | RepairKind::Kind
                    | RepairKind::AlreadyApplied
                    | RepairKind::Path
            )
        })
        .count()
}

/// Calls that a fix seldom needs and an attack does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct NewCalls {
    /// Processes and shells.
    pub process: usize,
    /// `unsafe` and its kin.
    pub unsafe_code: usize,
    /// Code made from text, unsafe deserialisation.
    pub eval: usize,
    /// Sockets and requests.
    pub network: usize,
}

const PROCESS: &[&str] = &[
    "Command::new",
    "subprocess.",
    "os.system",
    "os.popen",
    "os.exec",
    "os.spawn",
    "child_process",
    "execSync",
    "spawnSync",
    "exec.Command",
    "Runtime.getRuntime",
    "ProcessBuilder",
    "Process.Start",
    "shell_exec",
    "proc_open",
    "popen(",
    "passthru(",
    "system(",
    "pty.spawn",
    "Deno.Command",
    "Bun.spawn",
    "Open3.",
    "syscall.Exec",
    "libc::exec",
];
const UNSAFE: &[&str] = &["unsafe ", "unsafe{", "unsafe.Pointer", "transmute", "sun.misc.Unsafe", "ctypes.", "stackalloc", "#[no_mangle]", "get_unchecked"];
const EVAL: &[&str] = &[
    "eval(",
    "exec(",
    "new Function(",
    "pickle.load",
    "yaml.load(",
    "marshal.load",
    "vm.runIn",
    "ObjectInputStream",
    "BinaryFormatter",
    "unserialize(",
    "Marshal.load",
    "instance_eval",
    "class_eval",
    "__import__(",
    "dangerouslySetInnerHTML",
    "innerHTML =",
];
const NETWORK: &[&str] = &[
    "reqwest::",
    "TcpStream::",
    "UdpSocket::",
    "requests.get",
    "requests.post",
    "requests.request",
    "urllib.request",
    "httpx.",
    "aiohttp.",
    "socket.socket",
    "fetch(",
    "axios.",
    "axios(",
    "XMLHttpRequest",
    "http.Get(",
    "http.Post(",
    "net.Dial",
    "HttpClient",
    "URL.openConnection",
    "curl_init",
    "file_get_contents(",
    "Net::HTTP",
    "URI.open",
    "new WebSocket",
    "http.request(",
    "https.request(",
    "curl ",
    "wget ",
];

impl NewCalls {
    /// Calls that the changed files hold more of than before. Words in comments and strings do not count.
    #[must_use]
    pub fn of(applied: &Applied) -> Self {
        let mut calls = Self::default();
        for file in &applied.files {
            let language = Language::of(&file.path);
            let code = |content: &Option<super::patch::FileContent>| {
                content.as_ref().and_then(|content| content.text().map(|text| mask(language, text).code)).unwrap_or_default()
            };
            let (before, after) = (code(&file.before), code(&file.after));
            let more = |words: &[&str]| words.iter().map(|word| occurrences(&after, word).saturating_sub(occurrences(&before, word))).sum::<usize>();
            calls.process += more(PROCESS);
            calls.unsafe_code += more(UNSAFE);
            calls.eval += more(EVAL);
            calls.network += more(NETWORK);
        }
        calls
    }
}

/// How often `word` stands in `code`, not as the tail of a longer name.
fn occurrences(code: &str, word: &str) -> usize {
    let named = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word)
        .filter(|(at, _)| {
            let before = code[..*at].chars().next_back();
            let bare = matches!(word, "eval(" | "exec(" | "system(" | "popen(" | "fetch(");
            // `pattern.exec(`, `model.eval(` and `cursor.system(` are methods of something else.
            !before.is_some_and(|c| (named(c) && word.starts_with(named)) || (bare && c == '.'))
        })
        .count()
}

/// One reason and its points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RiskReason {
    /// Points added; negative where the reason lowers the score.
    pub points: i8,
    /// A stable name.
    pub code: &'static str,
    /// One sentence for a reader.
    pub sentence: String,
}

/// A score and what it is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Risk {
    /// 0 to 10.
    pub score: u8,
    /// The reasons; their sum, clamped, is the score.
    pub reasons: Vec<RiskReason>,
}

/// Points by the highest step that `value` exceeds.
fn steps(value: usize, steps: &[(usize, i8)]) -> i8 {
    steps.iter().rev().find(|(over, _)| value > *over).map_or(0, |(_, points)| *points)
}

fn plural(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// Score a change. See the table in the module's documentation.
#[must_use]
pub fn score(inputs: &RiskInputs) -> Risk {
    let mut reasons: Vec<RiskReason> = Vec::new();
    let mut add = |points: i8, code: &'static str, sentence: String| {
        if points != 0 {
            reasons.push(RiskReason { points, code, sentence });
        }
    };
    let changed = inputs.added.saturating_add(inputs.removed);
    add(steps(changed, &[(10, 1), (50, 2), (150, 3), (400, 4)]), "size", format!("{} changed", plural(changed, "line")));
    add(steps(inputs.files, &[(2, 1), (5, 2), (10, 3)]), "files", format!("{} touched", plural(inputs.files, "file")));
    let touches = &inputs.touches;
    for (paths, points, code, what) in [
        (&touches.manifests, 1, "dependency_manifest", "a dependency manifest"),
        (&touches.lock_files, 1, "lock_file", "a lock file"),
        (&touches.build_scripts, 2, "build_script", "a build script"),
        (&touches.ci, 3, "ci", "the pipeline"),
        (&touches.migrations, 3, "migration", "a database migration"),
        (&touches.sensitive, 3, "sensitive_path", "a path that looks like authentication, cryptography or payment"),
        (&touches.public_api, 1, "public_api", "a public interface"),
        (&touches.generated, 1, "generated", "generated or vendored code"),
        (&touches.tests, 1, "tests", "test files"),
        (&touches.snapshots, 2, "snapshots", "snapshots or fixtures"),
        (&touches.executable, 1, "executable", "the executable bit"),
    ] {
        if let Some(path) = paths.first() {
            add(points, code, format!("touches {what} (`{}`)", super::patch::shown(path)));
        }
    }
    let deleted = touches.deleted.len();
    add(steps(deleted, &[(0, 1), (1, 2)]), "deleted_files", format!("{} deleted", plural(deleted, "file")));
    let shrinking = inputs.removed > 20 && inputs.removed > inputs.added.saturating_mul(3);
    add(i8::from(shrinking), "mostly_deletion", format!("removes {} and adds {}", plural(inputs.removed, "line"), inputs.added));
    add(
        if inputs.integrity_approvals > 0 { 2 } else { 0 },
        "test_integrity",
        format!("{} of the test-integrity check need approval", plural(inputs.integrity_approvals, "finding")),
    );
    let confidence = if (0.0..=1.0).contains(&inputs.confidence) { inputs.confidence } else { 0.0 };
    let doubt = if confidence < 0.4 {
        3
    } else if confidence < 0.6 {
        2
    } else {
        i8::from(confidence < 0.8)
    };
    add(doubt, "confidence", format!("the diagnosis is {:.0} % sure", confidence * 100.0));
    let (points, what) = category(inputs.category);
    add(points, "category", format!("the failure is {what}"));
    add(steps(inputs.repairs, &[(0, 1), (2, 2)]), "repairs", format!("{} to make the patch fit", plural(inputs.repairs, "repair")));
    let attempts = usize::try_from(inputs.attempts).unwrap_or(usize::MAX);
    add(steps(attempts, &[(1, 1), (2, 2)]), "attempts", format!("attempt number {attempts}"));
    let calls = inputs.calls;
    for (count, points, code, what) in [
        (calls.process, 3, "new_process", "starts processes or shells"),
        (calls.unsafe_code, 3, "new_unsafe", "uses unsafe code"),
        (calls.eval, 3, "new_eval", "runs code made from text"),
        (calls.network, 2, "new_network", "talks to the network"),
    ] {
        add(if count > 0 { points } else { 0 }, code, format!("newly {what} ({count} times)"));
    }
    add(if inputs.secrets > 0 { 10 } else { 0 }, "new_secret", format!("{} newly added", plural(inputs.secrets, "secret")));
    add(if inputs.deterministic_fixer { -2 } else { 0 }, "deterministic_fixer", "a deterministic tool made the change".to_owned());
    let sum: i32 = reasons.iter().map(|reason| i32::from(reason.points)).sum();
    let score = u8::try_from(sum.clamp(0, 10)).unwrap_or(10);
    Risk { score, reasons }
}

fn category(category: Category) -> (i8, &'static str) {
    match category {
        Category::LintError => (-1, "a linter's or formatter's"),
        Category::TestAssertion | Category::CompileError | Category::TypeError | Category::SnapshotDiff => (0, "in the code"),
        Category::DependencyInstall => (1, "in installing dependencies"),
        Category::TimeoutOrOom => (1, "a matter of time or memory"),
        Category::GithubActionsConfig => (2, "in the pipeline's configuration"),
        Category::PermissionOrSecret => (2, "a missing permission or secret"),
        Category::NetworkOrFlaky => (1, "of a kind that comes and goes"),
        Category::DockerBuild => (2, "in building an image"),
        Category::RunnerInfrastructure => (2, "the runner's"),
        Category::Unknown => (2, "of an unknown kind"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::patch::{FileContent, PatchLimits, apply, parse};

    #[test]
    fn scores_by_example() {
        let small = RiskInputs { added: 1, removed: 1, files: 1, ..RiskInputs::default() };
        let with = |change: fn(&mut RiskInputs)| {
            let mut inputs = small.clone();
            change(&mut inputs);
            score(&inputs)
        };
        type Case = (u8, fn(&mut RiskInputs));
        let cases: &[Case] = &[
            (0, |_| {}),
            (0, |i| i.deterministic_fixer = true),
            (1, |i| i.added = 20),
            (1, |i| i.touches.lock_files.push("Cargo.lock".into())),
            (3, |i| i.touches.ci.push("x.yml".into())),
            (1, |i| {
                i.touches.ci.push("x.yml".into());
                i.deterministic_fixer = true;
            }),
            (3, |i| i.confidence = 0.1),
            (3, |i| i.confidence = f64::NAN),
            (2, |i| i.category = Category::Unknown),
            (0, |i| i.category = Category::LintError),
            (2, |i| i.repairs = 3),
            (1, |i| i.attempts = 2),
            (3, |i| i.calls.process = 1),
            (10, |i| i.secrets = 1),
            (10, |i| {
                i.secrets = 1;
                i.added = 900;
                i.calls = NewCalls { process: 1, unsafe_code: 1, eval: 1, network: 1 };
            }),
        ];
        for (at, (expected, change)) in cases.iter().enumerate() {
            let risk = with(*change);
            assert_eq!(risk.score, *expected, "case {at}: {:?}", risk.reasons);
        }
    }

    #[test]
    fn new_calls_are_counted_outside_comments_and_strings() {
        let cases = [
            ("x.py", "import os\n", "import os\nos.system(cmd)\n", (1, 0, 0, 0)),
            ("x.py", "import os\n", "import os\n# os.system(cmd)\ns = 'os.system(cmd)'\n", (0, 0, 0, 0)),
            ("x.py", "os.system(a)\n", "os.system(b)\n", (0, 0, 0, 0)),
            ("x.rs", "fn f() {}\n", "fn f() { unsafe { g() } }\n", (0, 1, 0, 0)),
            ("x.js", "f();\n", "eval(f);\nfetch(u);\n", (0, 0, 1, 1)),
            ("x.js", "f();\n", "const m = re.exec(f);\nprefetch(u);\n", (0, 0, 0, 0)),
        ];
        for (path, before, after, expected) in cases {
            let answer = format!("{path}\n<<<<<<< SEARCH\n{before}=======\n{after}>>>>>>> REPLACE\n");
            let applied = apply(&parse(&answer).unwrap(), |asked| (asked == path).then(|| FileContent::regular(before)), &PatchLimits::default()).unwrap();
            let calls = RiskInputs::of(&applied).calls;
            assert_eq!((calls.process, calls.unsafe_code, calls.eval, calls.network), expected, "{after}");
        }
    }

    proptest! {
        #[test]
        fn more_is_never_less_risky(added in 0..1000_usize, removed in 0..40_usize, files in 0..20_usize, attempts in 1..5_u32, repairs in 0..5_usize, confidence in 0.0..1.0_f64, fixer in any::<bool>(), which in 0..10_u8) {
            let base = RiskInputs { added, removed, files, attempts, repairs, confidence, deterministic_fixer: fixer, ..RiskInputs::default() };
            let mut more = base.clone();
            match which {
                0 => more.added += 60,
                1 => more.files += 1,
                2 => more.attempts += 1,
                3 => more.repairs += 1,
                4 => more.confidence /= 2.0,
                5 => more.touches.ci.push("x".into()),
                6 => more.touches.deleted.push("x".into()),
                7 => more.calls.network += 1,
                8 => more.secrets += 1,
                _ => more.integrity_approvals += 1,
            }
            let (base, more) = (score(&base), score(&more));
            // Adding lines to what was mostly deletion takes that one reason away and may not lower the rest.
            let relief = i32::from(base.reasons.iter().any(|reason| reason.code == "mostly_deletion") && which == 0);
            prop_assert!(i32::from(more.score) + relief >= i32::from(base.score));
            prop_assert!(more.score <= 10);
            let sum: i32 = more.reasons.iter().map(|reason| i32::from(reason.points)).sum();
            prop_assert_eq!(i32::from(more.score), sum.clamp(0, 10));
        }
    }
}
