//! Words that switch tests, checks or rules off, by language.

use std::sync::LazyLock;

use regex::Regex;

use super::tests_found::pattern;
use crate::domain::source::lexer::Language;

macro_rules! patterns {
    ($name:ident, [$($text:expr),* $(,)?]) => {
        static $name: LazyLock<Vec<Regex>> = LazyLock::new(|| vec![$(pattern($text)),*]);
    };
}

patterns!(SKIP_RUST, [r"#\[\s*ignore\b", r"cfg_attr\s*\([^\]]*\bignore\b"]);
patterns!(
    SKIP_PYTHON,
    [
        r"\bmark\s*\.\s*(?:skip|skipif|xfail)\b",
        r"\bunittest\s*\.\s*(?:skip\w*|expectedFailure)\b",
        r"@\s*(?:skip|skipIf|skipUnless|skipif|xfail|expectedFailure)\b",
        r"\bpytest\s*\.\s*(?:skip|xfail|importorskip|exit)\s*\(",
        r"\.\s*skipTest\s*\(",
        r"\braise\s+(?:unittest\s*\.\s*)?SkipTest\b",
        r"\b__test__\s*=\s*False\b",
        r"\bcollect_ignore\w*\s*[=+]",
        r"\bgetattr\s*\(\s*pytest\b",
        r"\badd_marker\s*\(",
    ]
);
patterns!(
    SKIP_JS,
    [
        r"\b(?:it|test|describe|context|suite|specify|bench)\b(?:\s*\.\s*\w+)*?\s*\.\s*(?:skip|only|todo|fixme|failing|fails|skipIf|runIf)\b",
        r"\b(?:xit|xtest|xdescribe|xcontext|xspecify|fit|fdescribe|ftest|fcontext)\s*[(.]",
        r"\b(?:this|t|ctx)\s*\.\s*skip\s*\(",
        r"(?:^|[^.\w])pending\s*\(",
        r"\b(?:it|test|describe)\s*\[",
        r"\{\s*(?:skip|todo|only)\s*:",
    ]
);
patterns!(SKIP_GO, [r"\b\w+\.(?:Skip|Skipf|SkipNow)\s*\("]);
patterns!(
    SKIP_JAVA,
    [
        r"@(?:Disabled\w*|Ignore|Ignored|EnabledIf\w*|EnabledOn\w*|EnabledFor\w*|IgnoreIf|Requires)\b",
        r"\bassume[A-Z]\w*\s*[({]",
        r"\bAssum(?:e|ptions)\s*\.",
        r"@Test\s*\([^)]*enabled\s*=\s*false",
        r"\bxit\s*\(|\bxdescribe\s*\("
    ]
);
patterns!(
    SKIP_KOTLIN,
    [
        r"@(?:Disabled\w*|Ignore|Ignored|EnabledIf\w*|EnabledOn\w*|EnabledFor\w*|IgnoreIf|Requires)\b",
        r"\bassume[A-Z]\w*\s*[({]",
        r"\bAssum(?:e|ptions)\s*\.",
        r"@Test\s*\([^)]*enabled\s*=\s*false",
        r"\bx(?:test|it|should|describe|context|given|expect|scenario)\s*\(",
        r"\benabled\s*=\s*false",
    ]
);
patterns!(
    SKIP_CSHARP,
    [
        r"\bSkip\s*=",
        r"\[\s*Ignore\b",
        r",\s*Ignore\b",
        r"\[\s*Explicit\b",
        r"\bAssert\s*\.\s*(?:Ignore|Inconclusive|Skip\w*|Pass)\b",
        r"\bSkip\s*\.\s*(?:If|IfNot|When|Unless)\b"
    ]
);
patterns!(
    SKIP_RUBY,
    [
        r"(?m)^\s*(?:xit|xdescribe|xcontext|xspecify|xexample|fit|fdescribe|fcontext|pending|skip)\b",
        r",\s*(?:skip|pending|focus):",
        r",\s*:(?:skip|pending|focus)\b",
        r"\b(?:skip|pending)\b\s+if\b"
    ]
);
patterns!(SKIP_PHP, [r"\bmarkTest(?:Skipped|Incomplete)\b", r"->\s*(?:skip\w*|todo|only)\s*\(", r"#\[\s*Requires\w*|#\[\s*DoesNotPerform"]);
patterns!(NONE, []);

/// Skips, focuses and expected failures.
pub(super) fn skips(language: Language) -> &'static [Regex] {
    match language {
        Language::Rust => &SKIP_RUST,
        Language::Python => &SKIP_PYTHON,
        Language::JavaScript => &SKIP_JS,
        Language::Go => &SKIP_GO,
        Language::Java => &SKIP_JAVA,
        Language::Kotlin => &SKIP_KOTLIN,
        Language::CSharp => &SKIP_CSHARP,
        Language::Ruby => &SKIP_RUBY,
        Language::Php => &SKIP_PHP,
        other => super::dialects::skips(other),
    }
}

patterns!(GATE_RUST, [r"#!?\[\s*cfg\s*\(\s*(?:not|feature|any|all|target)"]);
patterns!(GATE_GO, [r"(?m)^//\s*\+build\b|^//go:build\b"]);

/// Conditions on whether a test is built at all. Go writes them in comments.
pub(super) fn gates(language: Language) -> &'static [Regex] {
    match language {
        Language::Rust => &GATE_RUST,
        Language::Go => &GATE_GO,
        _ => &NONE,
    }
}

patterns!(SWALLOW_PYTHON, [r"\bexcept\b", r"\bsuppress\s*\(", r"raises\s*\(\s*AssertionError"]);
patterns!(SWALLOW_JS, [r"\bcatch\s*[({]", r"\.\s*catch\s*\("]);
patterns!(SWALLOW_JAVA, [r"\bcatch\s*\(", r"\brunCatching\b"]);
patterns!(SWALLOW_RUBY, [r"\brescue\b"]);
patterns!(SWALLOW_GO, [r"\brecover\s*\("]);
patterns!(SWALLOW_OTHER, [r"\bcatch\b", r"\brescue\b", r"\beval\s*\{", r"\bpcall\s*\(", r"\btry(?:Catch)?\s*\(", r"\bTry\s*[({]"]);
patterns!(SWALLOW_RUST, [r"\bcatch_unwind\b", r"#\[\s*should_panic\b"]);

/// What catches a failing assertion.
pub(super) fn swallowers(language: Language) -> &'static [Regex] {
    match language {
        Language::Python => &SWALLOW_PYTHON,
        Language::JavaScript => &SWALLOW_JS,
        Language::Java | Language::Kotlin | Language::CSharp | Language::Php => &SWALLOW_JAVA,
        Language::Ruby => &SWALLOW_RUBY,
        Language::Go => &SWALLOW_GO,
        Language::Rust => &SWALLOW_RUST,
        _ => &SWALLOW_OTHER,
    }
}

patterns!(
    ESCAPES,
    [
        r"(?m)\breturn\s*(?:;|$|\})",
        r"\breturn\s+Ok\s*\(\s*\(\s*\)\s*\)\s*;",
        r"\b(?:if|while)\s*\(?\s*(?:!\s*true|false|False|0|not\s+True)\s*[){:&]",
        r"\bprocess\s*\.\s*exit\s*\(|\bsys\s*\.\s*exit\s*\(|\bos\s*\.\s*_exit\s*\(|\bos\s*\.\s*Exit\s*\(|\bSystem\s*\.\s*exit\s*\(|\bEnvironment\s*\.\s*Exit\s*\(|process::exit\s*\(",
        r"(?m)^\s*next\s*$",
        r"\bif\s+false\b",
        r"\b(?:if|unless)\b[^\n]*(?:\benviron\b|\bgetenv\b|\bget_env\b|process\s*\.\s*env\b|env::var|\bGetenv\b|\bENV\s*\[|\$env:)",
    ]
);

/// Ways out of a test before its assertions.
pub(super) fn escapes() -> &'static [Regex] {
    &ESCAPES
}

patterns!(
    SUPPRESS_COMMENT,
    [
        r"\bnoqa\b",
        r"\btype:\s*ignore",
        r"\bpylint:\s*disable",
        r"\bpragma:\s*no\s*cover",
        r"\bnosec\b",
        r"\bmypy:\s*\w*ignore",
        r"\bpyright:\s*(?:ignore|basic)",
        r"\beslint-disable\S*",
        r"@ts-(?:ignore|expect-error)",
        r"@ts-nocheck",
        r"\b(?:istanbul|c8|v8)\s+ignore",
        r"\bnolint\b",
        r"\bNOLINT\w*",
        r"\brubocop:\s*disable",
        r"\bphpcs:\s*(?:ignore|disable)",
        r"@phpstan-ignore",
        r"@psalm-suppress",
        r"\bnoinspection\b",
        r"\bNOSONAR\b",
        r":nocov:",
        r"\bbiome-ignore\b",
        r"\bdeno-lint-ignore",
        r"\bcodeCoverageIgnore",
        r"\bktlint-disable\b",
        r"\bswiftlint:disable",
        r"\bignore(?:_for_file)?:\s*\w",
        r"\bcoverage:ignore",
        r"\bcredo:disable",
        r"\bnolint\b",
        r"\bno critic\b",
        r"\bluacheck:\s*(?:ignore|no|push)|\bselene:\s*allow",
        r"\bOPTIONS_GHC\s+(?:-Wno|-fno-warn|-w\b)|\bHLint:?\s*ignore|\bHLINT\s+ignore",
        r"\bshellcheck\s+disable|\bhadolint\s+ignore|\byamllint\s+disable",
        r"\b(?:solhint|slither|tslint|stylelint|markdownlint|oxlint)-?:?(?:disable|ignore)",
        r"\bjshint\s+ignore|\bjscs:disable|\bprettier-ignore\b",
        r"\bpyre-(?:ignore|fixme)\b|\bpytype:\s*disable|\bruff:\s*noqa|\bnosemgrep\b|\bskipcq\b",
        r"@phan-suppress|\bphpmd:|@SuppressWarnings\(PHPMD",
        r"\bCHECKSTYLE[.:]\s*OFF|\bcheckstyle:off|\bspotless:off|\bLCOV_EXCL|\bcppcheck-suppress\b|\bclang-format\s+off",
    ]
);
patterns!(
    SUPPRESS_CODE,
    [
        r"#!?\[\s*(?:allow|expect)\s*\(",
        r"#!?\[\s*cfg_attr\s*\([^\]]*\ballow\b",
        r"@SuppressWarnings\b",
        r"@(?:file:)?Suppress\b",
        r"#\s*pragma\s+warning\s+disable",
        r"\[\s*(?:\w+:\s*)?SuppressMessage\b",
        r"#nullable\s+disable",
        r"\bcoverage\s*\(\s*off\b"
    ]
);

patterns!(SUPPRESS_C, [r"#\s*pragma\s+(?:GCC|clang)\s+diagnostic\s+ignored", r"#\s*pragma\s+warning\s*\(\s*disable", r"\b_Pragma\s*\("]);
patterns!(SUPPRESS_SCALA, [r"@(?:nowarn|silent|SuppressWarnings|SuppressFBWarnings|unchecked)\b"]);
patterns!(SUPPRESS_ELIXIR, [r"@dialyzer\b", r"@compile\s+\{?\s*:?nowarn"]);
patterns!(SUPPRESS_PERL, [r"\bno\s+(?:warnings|strict)\b"]);
patterns!(SUPPRESS_CLOJURE, [r":clj-kondo/ignore\b"]);
patterns!(SUPPRESS_POWERSHELL, [r"SuppressMessage"]);
patterns!(SUPPRESS_R, [r"\bsuppress(?:Warnings|Messages)\s*\("]);
patterns!(SUPPRESS_NIM, [r"\{\.\s*(?:push\s+)?(?:warning|hint)s?\s*(?:\[\w+\]\s*)?:\s*off"]);
patterns!(SUPPRESS_HASKELL, [r"\bANN\s+\w+"]);

/// Suppressions written as comments.
pub(super) fn suppressing_comments() -> &'static [Regex] {
    &SUPPRESS_COMMENT
}

/// Suppressions written as code.
pub(super) fn suppressing_code(language: Language) -> &'static [Regex] {
    match language {
        Language::Rust | Language::Java | Language::Kotlin | Language::CSharp => &SUPPRESS_CODE,
        Language::C => &SUPPRESS_C,
        Language::Scala | Language::Groovy => &SUPPRESS_SCALA,
        Language::Elixir => &SUPPRESS_ELIXIR,
        Language::Perl => &SUPPRESS_PERL,
        Language::Clojure => &SUPPRESS_CLOJURE,
        Language::PowerShell => &SUPPRESS_POWERSHELL,
        Language::R => &SUPPRESS_R,
        Language::Nim => &SUPPRESS_NIM,
        Language::Haskell => &SUPPRESS_HASKELL,
        _ => &NONE,
    }
}

static BLANKET: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"@ts-nocheck|#!\[\s*allow|flake8:\s*noqa|ruff:\s*noqa|mypy:\s*ignore-errors|eslint-disable(?:\s|\*|$)|#nullable\s+disable|disable\s+all|@file:Suppress",
    )
});

/// The suppression covers a whole file.
pub(super) fn is_blanket(line: &str) -> bool {
    BLANKET.is_match(line)
}

patterns!(
    SPECIAL,
    [
        r"\bcfg!\s*\(\s*test\b",
        r"cfg\s*\(\s*not\s*\(\s*test\s*\)",
        r#"NODE_ENV['"\]]*\s*[!=]==?\s*['"]test"#,
        r#"['"]test['"]\s*[!=]==?\s*process\.env\.NODE_ENV"#,
        r"\bPYTEST_CURRENT_TEST\b",
        r#"['"](?:pytest|unittest)['"]\s+in\s+sys\.modules"#,
        r"\bJEST_WORKER_ID\b",
        r"\bprocess\.env\.VITEST\b|import\.meta\.vitest",
        r#"(?:environ\S*|getenv\S*|process\.env\S*|ENV|env::var\S*|Getenv\S*)['"(\[.]+['"]?(?:CI|GITHUB_ACTIONS|TESTING|TEST|RUST_TEST_THREADS|CARGO_TARGET_TMPDIR)\b"#,
        r"\btesting\.Testing\s*\(",
        r#"flag\.Lookup\s*\(\s*['"]test\."#,
        r#"HasSuffix\s*\(\s*os\.Args\[0\]"#,
        r"\bRails\.env\.test\?",
        r"\brunningUnitTests\s*\(",
        r#"environment\s*\(\s*['"]testing['"]"#,
        r#"APP_ENV['"\]]*\s*[!=]==?\s*['"]test"#,
        r#"RAILS_ENV['"\]]*\s*==\s*['"]test"#,
        r"\bPHPUNIT_\w+|defined\s*\(\s*'PHPUNIT",
        r#"Class\.forName\s*\(\s*"org\.junit"#,
    ]
);

/// Production code that asks whether it is being tested. Matched with strings kept.
pub(super) fn special_cases() -> &'static [Regex] {
    &SPECIAL
}
