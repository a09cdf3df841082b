//! Python's own unittest, and Django's runner upon it.

use std::sync::LazyLock;

use regex::Regex;

use super::{Call, Kind, Sums};
use crate::domain::proof::ask::Wish;
use crate::domain::proof::line::number;
use crate::domain::proof::report::{Reader, Tally};
use crate::domain::proof::script::program;

pub(super) const KIND: Kind = Kind { starts, ask, sums: Sums::Once, reader: || Box::new(Unittest::default()) };

fn starts(call: &Call) -> bool {
    call.is("unittest")
        || (call.is("manage.py") && call.subcommand(&["test"]))
        || (call.is("python") && call.words.get(1).is_some_and(|word| program(word) == "manage.py") && call.words.get(2).is_some_and(|word| word == "test"))
}

/// unittest has no report, but names every test with `-v`; Django's has a level behind it.
fn ask(call: &Call) -> Option<Wish> {
    if call.has(&["-v", "--verbosity", "--verbose", "-q", "--quiet", "-h", "--help"]) {
        return None;
    }
    if call.is("unittest") {
        // `-v discover` would take `discover` for the name of a test.
        let behind = usize::from(call.words.get(1).is_some_and(|word| word == "discover"));
        return Some(Wish::Louder { behind, text: "-v" });
    }
    let behind = call.words.iter().position(|word| word == "test")?;
    Some(Wish::Louder { behind, text: "-v 2" })
}

/// unittest (and Django): `Ran 5 tests in 0.001s`, then `OK` or `FAILED (failures=1, skipped=1)`.
/// <https://docs.python.org/3/library/unittest.html>
#[derive(Default)]
struct Unittest {
    tally: Tally,
    /// The count of a `Ran N tests` whose verdict has not come yet.
    ran: Option<u64>,
    runs: u64,
    /// `test_x (mod.Case)` whose verdict stands on the next line, behind the docstring.
    pending: Option<String>,
}

static RAN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^Ran (\d+) tests? in [\d.]+s$").expect("constant pattern"));
static HEAD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(\w+ \([\w.]+\))(?: \.\.\. (.*))?$").expect("constant pattern"));

impl Reader for Unittest {
    fn line(&mut self, line: &str) {
        let line = line.trim_end();
        if let Some(found) = RAN.captures(line) {
            if self.ran.replace(number(&found[1]).unwrap_or(0)).is_some() {
                self.tally.contradicts("unittest counted its tests twice without a verdict");
            }
            self.runs += 1;
        } else if let Some(ran) = self.ran {
            if line == "OK" || line.starts_with("OK (") || line.starts_with("FAILED (") || line == "NO TESTS RAN" || line.starts_with("NO TESTS RAN (") {
                self.ran = None;
                let count = |name| counted(line, name);
                let failed = count("failures") + count("errors") + count("unexpected successes");
                let (skipped, expected) = (count("skipped"), count("expected failures"));
                if (failed + expected + skipped > ran + count("errors") + skipped) || (line.starts_with("OK") && failed > 0) {
                    self.tally.contradicts("unittest counted more results than tests");
                }
                self.tally.failed += failed;
                self.tally.skipped += skipped;
                self.tally.expected += expected;
                self.tally.passed += ran.saturating_sub(failed + expected + skipped);
            } else if !line.is_empty() {
                self.ran = None;
                self.tally.contradicts("a count of tests has no verdict");
            }
        } else if let Some(name) = line.strip_prefix("FAIL: ").or_else(|| line.strip_prefix("ERROR: ")) {
            self.tally.fails(name.split(" [").next().unwrap_or(name));
        } else if let Some(found) = HEAD.captures(line) {
            let name = found[1].to_owned();
            match found.get(2) {
                Some(verdict) => self.verdict(&name, verdict.as_str()),
                None => self.pending = Some(name),
            }
        } else if let Some(name) = self.pending.take()
            && let Some((_, verdict)) = line.rsplit_once(" ... ")
        {
            self.verdict(&name, verdict);
        }
    }

    fn finish(mut self: Box<Self>) -> Option<Tally> {
        if self.runs == 0 {
            return None;
        }
        if self.ran.is_some() {
            self.tally.contradicts("a count of tests has no verdict");
        }
        self.tally.runs = self.runs;
        if self.tally.named > self.tally.passed {
            self.tally.contradicts("more tests were listed as passed than were counted");
        }
        Some(self.tally)
    }
}

impl Unittest {
    fn verdict(&mut self, name: &str, verdict: &str) {
        match verdict.trim() {
            "ok" => self.tally.passes(name),
            "FAIL" | "ERROR" | "unexpected success" => self.tally.fails(name),
            "expected failure" => self.tally.fails_as_expected(name),
            skipped if skipped.starts_with("skipped") => self.tally.skips(name),
            _ => {}
        }
    }
}

/// One count of a verdict such as `FAILED (failures=1, expected failures=2)`. The name is all that stands between comma and equals sign.
fn counted(verdict: &str, name: &str) -> u64 {
    let inner = verdict.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or_default();
    inner.split(", ").filter_map(|piece| piece.split_once('=')).find(|(known, _)| *known == name).and_then(|(_, count)| number(count)).unwrap_or(0)
}
