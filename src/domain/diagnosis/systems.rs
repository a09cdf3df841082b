//! How systems beside GitHub Actions say that a job's script ended and failed, and echo what they run.
//!
//! GitLab CI, CircleCI, Jenkins, Azure Pipelines, Travis CI, Buildkite, AppVeyor, CodeBuild, Cloud Build, Netlify, Vercel.

/// The line is a system's own report that the script failed.
#[must_use]
pub fn ends(text: &str) -> bool {
    let text = text.trim();
    let numbered = |rest: &str| rest.trim_start_matches(['\'', '"', ' ']).starts_with(|c: char| c.is_ascii_digit());
    let after = |lead: &str| text.strip_prefix(lead).is_some_and(numbered);
    // GitLab, Jenkins.
    text.starts_with("ERROR: Job failed")
        || after("ERROR: script returned exit code")
        || matches!(text, "Finished: FAILURE" | "Finished: UNSTABLE" | "Finished: ABORTED")
        || text.starts_with("Build step '") && text.ends_with("marked build as failure")
        // CircleCI, AppVeyor, Buildkite.
        || after("Exited with code")
        || after("Exited with code exit status")
        || after("Command exited with code")
        || text.strip_prefix("🚨 ").unwrap_or(text).strip_prefix("Error: The command exited with status").is_some_and(numbered)
        || after("user command error: exit status")
        // Travis.
        || text.starts_with("The command \"") && (text.contains("\" exited with ") || text.contains("\" failed and exited with "))
        || after("Done. Your build exited with")
        // CodeBuild, Cloud Build, Netlify, Vercel.
        || text.contains("COMMAND_EXECUTION_ERROR: ")
        || text.starts_with("ERROR: build step ") && text.contains("exited with non-zero status")
        || text.starts_with("Error: Command \"") && text.contains("\" exited with ")
        || text == "\"build.command\" failed"
}

/// The command that such a report names.
#[must_use]
pub fn command(text: &str) -> Option<String> {
    let text = text.trim();
    let quoted = text.strip_prefix("The command \"").or_else(|| text.strip_prefix("Error: Command \"")).and_then(|rest| {
        let end = rest.rfind("\" exited with ").or_else(|| rest.rfind("\" failed and exited with "))?;
        Some(rest[..end].to_owned())
    });
    let told = text.split_once("executing command: ").map(|(_, rest)| rest.split(". Reason:").next().unwrap_or(rest).to_owned());
    quoted.or(told).map(|c| c.chars().take(400).collect())
}

/// The exit code that such a report names.
#[must_use]
pub fn code(text: &str) -> Option<i32> {
    super::structure::exit_code(text).or_else(|| {
        let at = ["exited with code", "exited with status", "exited with non-zero status:", "exited with", "Exited with code"]
            .iter()
            .find_map(|lead| text.rfind(lead).map(|at| at + lead.len()))?;
        let rest = text[at..].trim_start_matches(['\'', '"', ' ']);
        rest[..rest.bytes().take_while(u8::is_ascii_digit).count()].parse().ok()
    })
}

/// The command in a line that echoes it: `$ make`, `+ make` of a shell that traces, `> eslint .` of npm.
#[must_use]
pub fn echoed(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("$ ").or_else(|| text.strip_prefix("+ ")).or_else(|| text.strip_prefix("> ").filter(|r| !r.starts_with("Task ")))?;
    // A diff has lines like it; a command begins with a word, and a trace of an `echo` or `exit` is none.
    let word = rest.split_whitespace().next()?;
    let plain =
        word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '.' || c == '/') && word.chars().all(|c| c.is_ascii_alphanumeric() || "./_-=".contains(c));
    (plain && !matches!(word, "echo" | "exit" | "set" | "cd" | "export" | "true" | "false")).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_recognised() {
        let table: &[(&str, Option<i32>)] = &[
            ("ERROR: Job failed: exit code 1", Some(1)),
            ("ERROR: Job failed: command terminated with exit code 137", Some(137)),
            ("Exited with code exit status 2", Some(2)),
            ("ERROR: script returned exit code 3", Some(3)),
            ("Finished: FAILURE", None),
            ("🚨 Error: The command exited with status 4", Some(4)),
            ("The command \"make test\" exited with 2.", Some(2)),
            ("Done. Your build exited with 1.", Some(1)),
            ("Command exited with code 5", Some(5)),
            ("Error: Command \"npm run build\" exited with 1", Some(1)),
            ("Build step 'Execute shell' marked build as failure", None),
        ];
        for (text, want) in table {
            assert!(ends(text), "{text}");
            assert_eq!(code(text), *want, "{text}");
        }
        for text in
            ["Exited with code review", "the process exited with code 1 and was started again", "Finished: SUCCESS", "The command \"a\" exited", "ERROR: no"]
        {
            assert!(!ends(text), "{text}");
        }
        assert_eq!(command("The command \"make test\" exited with 2.").as_deref(), Some("make test"));
        assert_eq!(echoed("$ npm ci"), Some("npm ci"));
        assert_eq!(echoed("+ \"a\": 1"), None);
    }
}
