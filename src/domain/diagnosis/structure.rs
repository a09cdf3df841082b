//! GitHub's own structure of a job's log: groups, steps, commands, and which step failed.

use super::taxonomy::Category;

/// Most steps that are remembered; a log that imitates thousands keeps the failed and the latest.
const STEP_LIMIT: usize = 256;
/// Most bytes of a step's command that are kept.
const COMMAND_LIMIT: usize = 1_200;

/// One step of a job as its log shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// The label of the log, or the job's name in a whole-run log.
    pub job: String,
    /// `Run …` as the runner titles it, or the step's name in a whole-run log.
    pub title: String,
    /// The script, or the action.
    pub command: String,
    /// The last command that the script's own output echoes: what `npm run lint` runs.
    pub ran: String,
    /// The exit code that the runner reported.
    pub exit_code: Option<i32>,
    /// The runner reported an error in it.
    pub failed: bool,
    /// Number of the line that reported the end of its script.
    pub end: Option<u64>,
    /// Number of the step, never used twice.
    pub id: u32,
}

/// What a structural line means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Not structure: look at it.
    Content,
    /// Structure that says nothing of a failure.
    Structure,
    /// The runner (or a problem matcher) reported an error.
    Error,
    /// The runner reported the end of a failed script: nothing of the step comes after it.
    End,
}

/// The steps seen so far.
#[derive(Debug, Default)]
pub struct Steps {
    steps: Vec<Step>,
    job: String,
    next_id: u32,
    /// Inside the header group of a step, where its script and environment are printed.
    header: Header,
    /// The runner said that the step's script ended, and the next line must be the runner's again.
    ended: bool,
    /// Groups of GitHub's kind, or its last word on a script, were seen.
    github: bool,
    /// Something in the log printed what only a runner prints.
    pub imitated: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Header {
    #[default]
    Out,
    Script,
    Rest,
}

impl Steps {
    /// Begins the log of a job.
    pub fn job(&mut self, label: &str) {
        self.job = label.to_owned();
        self.header = Header::Out;
        self.ended = false;
        self.begin(String::new(), String::new());
    }

    /// The step that the current line belongs to.
    #[must_use]
    pub fn current(&self) -> u32 {
        self.steps.last().map_or(0, |s| s.id)
    }

    /// Every step that is remembered.
    #[must_use]
    pub fn all(&self) -> &[Step] {
        &self.steps
    }

    /// The step of a number, if it is remembered.
    #[must_use]
    pub fn get(&self, id: u32) -> Option<&Step> {
        self.steps.iter().find(|s| s.id == id)
    }

    /// Whether every line must be shown to [`Self::line`], not only those that pass the gate.
    #[must_use]
    pub fn in_header(&self) -> bool {
        self.header != Header::Out || self.ended
    }

    fn begin(&mut self, title: String, command: String) {
        if self.steps.len() >= STEP_LIMIT {
            let victim = self.steps.iter().position(|s| !s.failed).unwrap_or(0);
            self.steps.remove(victim);
        }
        self.next_id += 1;
        self.steps.push(Step { job: self.job.clone(), title, command, id: self.next_id, ..Step::default() });
    }

    /// The line's job and step as a whole-run log names them.
    pub fn origin(&mut self, job: &str, step: &str) {
        let same = self.steps.last().is_some_and(|s| s.job == job && (s.title == step || step == "UNKNOWN STEP"));
        if !same {
            job.clone_into(&mut self.job);
            self.begin(step.to_owned(), String::new());
        }
    }

    /// Takes one cleaned line; `named` tells that the log itself names the steps, so that groups do not begin one.
    pub fn line(&mut self, text: &str, named: bool) -> Mark {
        let marker = text.strip_prefix("##[").and_then(|rest| rest.split_once(']'));
        if self.ended {
            self.ended = false;
            let runner = marker.is_some()
                || text.is_empty()
                || ["Post job", "Cleaning up", "Evaluate", "Prepare", "Stop and remove", "Complete job", "[command]", "A job completed", "Uploading"]
                    .iter()
                    .any(|p| text.starts_with(p));
            if !runner {
                self.imitated = true;
            }
        }
        let Some((kind, rest)) = marker else {
            return self.plain(text);
        };
        match kind {
            "group" => {
                self.github = true;
                if let Some(run) = rest.strip_prefix("Run ") {
                    if named && self.steps.last().is_some_and(|s| s.command.is_empty()) {
                        self.add_command(run);
                    } else {
                        self.begin(rest.to_owned(), run.to_owned());
                    }
                    self.header = Header::Script;
                }
                Mark::Structure
            }
            "endgroup" => {
                self.header = Header::Out;
                Mark::Structure
            }
            "error" => {
                self.header = Header::Out;
                let code = exit_code(rest);
                if let Some(step) = self.steps.last_mut() {
                    step.failed = true;
                    step.exit_code = code.or(step.exit_code);
                }
                // Azure Pipelines uses the same marks, and other words.
                let azure = rest.contains(" exited with code '");
                if azure || rest.starts_with("Process completed with exit code") {
                    if azure && let Some(step) = self.steps.last_mut() {
                        step.exit_code = super::systems::code(rest).or(step.exit_code);
                    }
                    self.github |= !azure;
                    self.ended = !azure;
                    Mark::End
                } else {
                    Mark::Error
                }
            }
            "section" => {
                if let Some(title) = rest.strip_prefix("Starting: ") {
                    self.begin(title.to_owned(), String::new());
                }
                Mark::Structure
            }
            "command" | "debug" => Mark::Structure,
            _ => Mark::Content,
        }
    }

    /// The log shows that GitHub Actions wrote it.
    #[must_use]
    pub fn on_github(&self) -> bool {
        self.github
    }

    /// Another system's report, `text`, that the current step failed.
    pub fn end(&mut self, text: &str, command: Option<String>) {
        if let Some(step) = self.steps.last_mut() {
            step.failed = true;
            step.exit_code = step.exit_code.or_else(|| super::systems::code(text));
            if let Some(command) = command.filter(|_| step.command.is_empty()) {
                step.command = command;
            }
        }
    }

    /// The current step's script ran this at last.
    pub fn ran(&mut self, command: String) {
        if let Some(step) = self.steps.last_mut() {
            step.ran = command;
        }
    }

    /// The current step's script ended at this line.
    pub fn ended_at(&mut self, number: u64) {
        if let Some(step) = self.steps.last_mut() {
            step.end = Some(number);
        }
    }

    fn plain(&mut self, text: &str) -> Mark {
        if text.starts_with("Post job cleanup.") {
            self.header = Header::Out;
            self.begin("Post job cleanup".to_owned(), String::new());
            return Mark::Structure;
        }
        match self.header {
            Header::Out => Mark::Content,
            Header::Rest => Mark::Structure,
            Header::Script => {
                let ends = ["shell: ", "with:", "env:"].iter().any(|p| text.starts_with(p));
                if ends {
                    self.header = Header::Rest;
                } else {
                    self.add_command(text);
                }
                Mark::Structure
            }
        }
    }

    fn add_command(&mut self, text: &str) {
        let Some(step) = self.steps.last_mut() else { return };
        // The title repeats the first line of the script.
        if step.command == text || text.is_empty() {
            return;
        }
        if step.command.len() + text.len() < COMMAND_LIMIT {
            if !step.command.is_empty() {
                step.command.push('\n');
            }
            step.command.push_str(text);
        }
    }
}

/// What an exit code says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The code: 128 and the number of a signal, as shells tell it.
    pub code: i32,
    /// In words.
    pub words: &'static str,
    /// What follows, where nothing else was said.
    pub category: Option<Category>,
}

/// Exit codes that mean the same whatever was run (<https://man7.org/linux/man-pages/man7/signal.7.html>).
const ENDS: &[End] = &[
    End { code: 134, words: "SIGABRT: the program ended itself, after a check of its own that failed", category: None },
    End { code: 137, words: "SIGKILL: killed from outside, most often for want of memory", category: Some(Category::TimeoutOrOom) },
    End { code: 139, words: "SIGSEGV: the program touched memory that it does not own", category: None },
    End { code: 141, words: "SIGPIPE: with `pipefail`, a command wrote to one that had ended", category: Some(Category::GithubActionsConfig) },
    End { code: 143, words: "SIGTERM: told to end, by a timeout or a cancelled job", category: Some(Category::TimeoutOrOom) },
];

/// What the exit code says by itself.
#[must_use]
pub fn end_of(code: i32) -> Option<&'static End> {
    ENDS.iter().find(|end| end.code == code)
}

/// The exit code at the end of a sentence of the runner or of a tool.
#[must_use]
pub fn exit_code(text: &str) -> Option<i32> {
    let at = text.find("exit code").map(|at| at + 9).or_else(|| text.find("exit status").map(|at| at + 11))?;
    let digits: String = text[at..].chars().skip_while(|c| matches!(c, ':' | ' ' | '=')).take_while(|c| c.is_ascii_digit() || *c == '-').collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_its_command_and_exit_code() {
        let mut steps = Steps::default();
        steps.job("build");
        for line in [
            "##[group]Run cargo test",
            "cargo test",
            "echo done",
            "shell: /usr/bin/bash -e {0}",
            "env:",
            "  A: b",
            "##[endgroup]",
            "error: no",
            "##[error]Process completed with exit code 101.",
            "Post job cleanup.",
        ] {
            steps.line(line, false);
        }
        let failed: Vec<&Step> = steps.all().iter().filter(|s| s.failed).collect();
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].command, "cargo test\necho done");
        assert_eq!(failed[0].exit_code, Some(101));
        assert_eq!(failed[0].job, "build");
        assert!(!steps.imitated);
    }

    #[test]
    fn output_after_the_end_is_an_imitation() {
        let mut steps = Steps::default();
        steps.job("");
        steps.line("##[error]Process completed with exit code 1.", false);
        steps.line("running 3 tests", false);
        assert!(steps.imitated);
    }
}
