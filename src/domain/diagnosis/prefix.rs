//! What stands before a tool's own words: the marks of the programs that ran it.

use super::clean::timestamp_len;

/// Tasks of a workspace whose name and colon are put before each line of their output.
const TASKS: &[&str] = &[
    "test",
    "tests",
    "build",
    "lint",
    "typecheck",
    "type-check",
    "check-types",
    "check",
    "format",
    "compile",
    "prepare",
    "postinstall",
    "ci",
    "e2e",
    "test:unit",
    "test:ci",
    "test:e2e",
    "lint:ci",
];

/// The line without the prefix that a build tool puts before the output of what it runs.
#[must_use]
pub fn peel(text: &str) -> &str {
    let text = packaged(levelled(clock(stamped(text))));
    let trimmed = text.trim_start();
    // Ant: `    [junit] text`.
    if let Some(rest) = trimmed.strip_prefix('[')
        && let Some((task, body)) = rest.split_once(']')
        && matches!(task, "junit" | "junitlauncher" | "javac" | "exec" | "java" | "testng" | "apply" | "scalac" | "groovyc" | "kotlinc")
    {
        return body.strip_prefix(' ').unwrap_or(body);
    }
    // BuildKit: `#12 0.345 text`, and `0.345 text` in its closing summary.
    let after_step = trimmed.strip_prefix('#').map_or(trimmed, |rest| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 && rest.as_bytes().get(digits) == Some(&b' ') { &rest[digits + 1..] } else { trimmed }
    });
    let digits = after_step.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 && digits < 6 {
        let rest = &after_step[digits..];
        if let Some(fraction) = rest.strip_prefix('.') {
            let more = fraction.bytes().take_while(u8::is_ascii_digit).count();
            if (1..=4).contains(&more) && fraction.as_bytes().get(more) == Some(&b' ') {
                return &fraction[more + 1..];
            }
        }
    }
    if let Some(output) = test2json(trimmed) {
        return output;
    }
    // Compose and its like (`web-1  | text`), Earthly (`+test | text`).
    if let Some((head, body)) = trimmed.split_once(" | ") {
        let name = head.trim_end();
        let service = name.len() < 60
            && !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+/:".contains(c))
            && (name.starts_with('+')
                || name
                    .rsplit_once(['-', '_'])
                    .is_some_and(|(stem, number)| !stem.is_empty() && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())));
        if service {
            return body;
        }
    }
    // Nix: `name> text`.
    if let Some((head, body)) = text.split_once("> ")
        && head.len() > 2
        && head.len() < 60
        && head.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c))
    {
        return body;
    }
    // Turborepo (`pkg:test: text`), pnpm -r (`packages/a test: text`), nx and lerna (`pkg: text` is too common to peel).
    if let Some((head, body)) = text.split_once(": ") {
        let name = |package: &str| !package.is_empty() && package.chars().all(|c| c.is_ascii_alphanumeric() || "@/_-.".contains(c));
        let scoped = head.split_once(':').is_some_and(|(package, task)| name(package) && TASKS.contains(&task));
        let spaced = head.split_once(' ').is_some_and(|(package, task)| name(package) && (package.contains('/') || package == ".") && TASKS.contains(&task));
        if scoped || spaced {
            return body;
        }
    }
    text
}

/// Without Taskcluster's `[task 2026-01-02T03:04:05.678Z] `.
fn stamped(text: &str) -> &str {
    let Some((word, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(' ')) else { return text };
    let time = timestamp_len(rest.as_bytes());
    let plain = !word.is_empty() && word.len() < 16 && word.bytes().all(|b| b.is_ascii_alphanumeric());
    if time > 0 && plain { rest[time..].strip_prefix("] ").unwrap_or(text) } else { text }
}

/// Without the padded level that mozharness prints after the time: `    INFO -  text`.
fn levelled(text: &str) -> &str {
    let body = text.trim_start();
    if body.len() == text.len() {
        return text;
    }
    let levels = ["DEBUG - ", "INFO - ", "WARNING - ", "ERROR - ", "CRITICAL - ", "FATAL - "];
    levels.iter().find_map(|level| body.strip_prefix(level)).map_or(text, |rest| rest.strip_prefix(' ').unwrap_or(rest))
}

/// Without the name that melos puts before each line of a package's command: `[app]: text`, after `ERROR: ` where it
/// went to standard error.
fn packaged(text: &str) -> &str {
    let mut rest = text;
    while let Some(more) = rest.strip_prefix("ERROR: ") {
        rest = more;
    }
    let Some((name, body)) = rest.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) else { return text };
    let named = !name.is_empty() && name.len() < 80 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if named { body } else { text }
}

/// Without a clock's time at the start (`[12:34:56] text`, `12:34:56 text`), as gulp, Jenkins and others print it.
fn clock(text: &str) -> &str {
    let bracket = text.starts_with('[');
    let body = if bracket { &text[1..] } else { text };
    let bytes = body.as_bytes();
    let shape = bytes.len() > 9 && bytes[..8].iter().enumerate().all(|(at, b)| if at % 3 == 2 { *b == b':' } else { b.is_ascii_digit() });
    if !shape {
        return text;
    }
    let mut rest = &body[8..];
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        rest = &fraction[digits..];
    }
    let rest = if bracket { rest.strip_prefix(']') } else { Some(rest) };
    match rest.and_then(|r| r.strip_prefix(' ').or_else(|| r.strip_prefix('\t'))) {
        // Keeps what is left as it was indented.
        Some(rest) if !rest.is_empty() => rest.strip_prefix("  ").filter(|_| bracket).unwrap_or(rest),
        _ => text,
    }
}

/// The text in an event of `go test -json` (<https://pkg.go.dev/cmd/test2json>), still with its escapes.
fn test2json(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("{\"Time\":").filter(|r| r.contains("\"Action\":\"output\"") || r.contains("\"Action\":\"build-output\""))?;
    let from = rest.find("\"Output\":\"")? + "\"Output\":\"".len();
    let body = rest[from..].trim_end_matches('}').strip_suffix('"')?;
    Some(body.strip_suffix("\\n").unwrap_or(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_of_those_who_run_a_tool_are_peeled() {
        let table: &[(&str, &str)] = &[
            ("    [junit] Testcase: a FAILED", "Testcase: a FAILED"),
            ("#12 0.345 error: no", "error: no"),
            ("web:test: FAIL src/a.test.ts", "FAIL src/a.test.ts"),
            ("packages/a test: FAIL x", "FAIL x"),
            ("api-1  | Error: no", "Error: no"),
            ("+unit | --- FAIL: TestA", "--- FAIL: TestA"),
            ("hello-1.2> make: *** [all] Error 1", "make: *** [all] Error 1"),
            ("[12:34:56] 'lint' errored", "'lint' errored"),
            ("12:34:56 FAILED tests/a.py::b", "FAILED tests/a.py::b"),
            ("00:03 +4 -1: adds [E]", "00:03 +4 -1: adds [E]"),
            (
                r#"{"Time":"2026-01-02T03:04:05Z","Action":"output","Package":"p","Test":"TestA","Output":"--- FAIL: TestA (0.00s)\n"}"#,
                "--- FAIL: TestA (0.00s)",
            ),
            ("[task 2026-02-03T04:05:06.789Z] 04:05:06     INFO -  error: no", "error: no"),
            ("[taskcluster 2026-02-03T04:05:06.789Z] error: no", "error: no"),
            ("[app_core]:   info • no", "  info • no"),
            ("ERROR: [app_core]: 3 issues found.", "3 issues found."),
            ("ERROR: [Errno 2] no", "ERROR: [Errno 2] no"),
            ("12 | let a = 1;", "12 | let a = 1;"),
            ("error: this: that", "error: this: that"),
            ("12:34:5é", "12:34:5é"),
        ];
        for (text, want) in table {
            assert_eq!(&peel(text), want);
        }
    }
}
