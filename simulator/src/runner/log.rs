//! Job logs in GitHub's own format: every line behind a timestamp of seven decimals, groups and commands marked with `##[…]`.

use chrono::{DateTime, Utc};

/// What one step may write; beyond it GitHub, too, cuts.
const MAX_STEP: usize = 8 << 20;

/// The log of one step, being written.
#[derive(Debug, Default)]
pub(crate) struct StepLog {
    text: String,
    cut: bool,
    /// Folders of this machine and how GitHub's runner calls them.
    folders: Vec<(String, String)>,
    masks: Vec<String>,
}

/// A timestamp as log lines carry it.
pub(crate) fn timestamp(at: DateTime<Utc>) -> String {
    format!("{}.{:07}Z", at.format("%Y-%m-%dT%H:%M:%S"), at.timestamp_subsec_nanos() / 100)
}

/// Prefixes every line of a text, as a job log would carry it.
pub(crate) fn stamped(text: &str, at: DateTime<Utc>) -> String {
    text.lines().map(|line| format!("{} {line}\n", timestamp(at))).collect()
}

impl StepLog {
    pub fn new(folders: Vec<(String, String)>, masks: Vec<String>) -> Self {
        Self { folders, masks, ..Self::default() }
    }

    /// Writes a line of the runner itself, or several.
    pub fn line(&mut self, text: &str) {
        for line in text.split('\n') {
            if self.text.len() > MAX_STEP {
                if !self.cut {
                    self.cut = true;
                    self.text.push_str(&format!("{} ##[warning]The log was too large and is cut here.\n", timestamp(Utc::now())));
                }
                return;
            }
            let mut line = line.trim_end_matches('\r').to_owned();
            for (here, there) in &self.folders {
                line = line.replace(here.as_str(), there);
            }
            for mask in &self.masks {
                line = line.replace(mask.as_str(), "***");
            }
            self.text.push_str(&format!("{} {line}\n", timestamp(Utc::now())));
        }
    }

    /// Writes a line that a command printed: workflow commands are carried out or translated.
    pub fn output(&mut self, line: &str) {
        let Some(command) = line.trim_start().strip_prefix("::") else { return self.line(line) };
        let Some((head, message)) = command.split_once("::") else { return self.line(line) };
        let name = head.split(' ').next().unwrap_or_default();
        let message = message.replace("%0A", "\n").replace("%0D", "").replace("%25", "%");
        match name {
            "error" | "warning" | "notice" | "group" => self.line(&format!("##[{name}]{message}")),
            "endgroup" => self.line("##[endgroup]"),
            "debug" => {}
            "add-mask" => {
                if !message.is_empty() {
                    self.masks.push(message);
                }
                self.line("::add-mask::***");
            }
            _ => self.line(line),
        }
    }

    pub fn finish(self) -> (String, Vec<String>) {
        (self.text, self.masks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_stamped_translated_and_masked() {
        let mut log = StepLog::new(vec![("/tmp/x".to_owned(), "/home/runner".to_owned())], Vec::new());
        log.output("at /tmp/x/a.rs:1");
        log.output("::error file=a.rs,line=1::bad%0Aworse");
        log.output("::add-mask::hush");
        log.output("say hush");
        log.output("::debug::unseen");
        let (text, _) = log.finish();
        let lines: Vec<&str> = text.lines().map(|line| line.split_once(' ').unwrap().1).collect();
        assert_eq!(lines, ["at /home/runner/a.rs:1", "##[error]bad", "worse", "::add-mask::***", "say ***"]);
        let stamp = text.split(' ').next().unwrap();
        assert_eq!(stamp.len(), "2026-11-21T02:08:09.1234567Z".len());
    }
}
