//! Build scripts: programs that run before the tests, and could change them.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::tests_found::{Source, pattern};
use super::{Finding, Rule, Severity};

/// A build script that writes: its output folder is its own, everything else is a source, and maybe a test.
pub(super) fn builds(lines: &[Range<usize>], after: &Source<'_>, findings: &mut Vec<Finding>) {
    static WRITES: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r#"\bfs\s*::\s*(?:write|copy|rename|remove_\w+|hard_link|create_dir\w*|set_permissions)\b|\bFile\s*::\s*(?:create|options)\b|\bOpenOptions\b|\b(?:write|append|copy|rename|unlink|rm|cp)(?:File)?Sync\s*\(|\bopen\s*\([^)\n]*,\s*(?:mode\s*=\s*)?['"][wa+x]|\.write_(?:text|bytes)\s*\(|\bshutil\s*\.|\bos\s*\.\s*(?:remove|rename|unlink|replace)\b|\bFile\.(?:write|open|delete|rename)\b|\bFileUtils\b"#,
        )
    });
    static TESTS: LazyLock<Regex> = LazyLock::new(|| pattern(r#"(?i)["'`/][^"'`\n]*(?:tests?|specs?)\b[^"'`\n]*["'`]"#));
    for line in lines {
        let text = &after.masked.uncommented[line.clone()];
        if !WRITES.is_match(text) {
            continue;
        }
        let (severity, message) = if TESTS.is_match(text) {
            (Severity::Refuse, "the build would write where the tests are")
        } else if text.contains("OUT_DIR") || text.contains("out_dir") {
            continue;
        } else {
            (Severity::NeedsApproval, "the build would write, perhaps where the tests are")
        };
        findings.push(Finding::new(Rule::ForeignCode, severity, after.path, after.line(line.start), message).with(None, Some(text.trim())));
    }
}
