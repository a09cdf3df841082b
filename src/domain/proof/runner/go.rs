//! `go test`, plain, `-v` and `-json`.

use std::borrow::Cow;

use serde::Deserialize;

use super::{Call, Kind, Sums};
use crate::domain::proof::line::without_duration;
use crate::domain::proof::report::{Reader, Tally, Unit};

pub(super) const KIND: Kind = Kind { starts, ask: |_| None, sums: Sums::Often, reader: || Box::new(Go::default()) };

fn starts(call: &Call) -> bool {
    call.is("go") && call.subcommand(&["test"])
}

/// Without `-v` only packages are counted: passing tests are then neither named nor counted by the tool.
/// <https://pkg.go.dev/cmd/go#hdr-Test_packages>, <https://pkg.go.dev/cmd/test2json>
#[derive(Default)]
struct Go {
    tests: Tally,
    skipped_tests: u64,
    packages: Tally,
    /// `=== RUN` or `-json` was seen: tests are counted.
    verbose: bool,
    json: bool,
    spoke: bool,
    failed_tests: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event<'a> {
    action: &'a str,
    #[serde(default)]
    package: Option<Cow<'a, str>>,
    #[serde(default)]
    test: Option<Cow<'a, str>>,
}

impl Reader for Go {
    fn line(&mut self, line: &str) {
        if line.starts_with("{\"") && line.contains("\"Action\":") {
            if let Ok(event) = serde_json::from_str::<Event>(line) {
                self.event(&event);
            }
            return;
        }
        if self.json {
            return;
        }
        let trimmed = line.trim_start();
        if trimmed.starts_with("=== RUN ") {
            self.verbose = true;
        } else if let Some(name) = trimmed.strip_prefix("--- PASS: ") {
            self.spoke = true;
            self.tests.passed += 1;
            self.tests.passes(without_duration(name));
        } else if let Some(name) = trimmed.strip_prefix("--- FAIL: ") {
            self.spoke = true;
            self.failed_tests += 1;
            self.tests.fails(without_duration(name));
        } else if let Some(name) = trimmed.strip_prefix("--- SKIP: ") {
            self.skipped_tests += 1;
            self.tests.skips(without_duration(name));
        } else if let Some(rest) = line.strip_prefix("ok  \t") {
            self.spoke = true;
            let package = rest.split('\t').next().unwrap_or(rest);
            // A package whose tests are all gone still says `ok`.
            if !rest.contains("[no tests to run]") {
                self.packages.passed += 1;
                self.packages.passes(package);
            }
        } else if let Some(rest) = line.strip_prefix("FAIL\t") {
            self.spoke = true;
            let package = rest.split(['\t', ' ']).next().unwrap_or(rest);
            self.packages.failed += 1;
            self.packages.fails(package);
        } else if line.starts_with("?   \t") && line.contains("[no test files]") {
            self.spoke = true;
        }
    }

    fn finish(mut self: Box<Self>) -> Option<Tally> {
        if !self.spoke {
            return None;
        }
        let (packages_failed, tests_failed) = (self.packages.failed, self.failed_tests);
        if !self.verbose && !self.json {
            self.packages.unit = Unit::Packages;
            self.packages.only_failing.extend(self.tests.tests.into_iter().filter(|(_, seen)| seen.failed).map(|(name, _)| name));
            // Without `-v` a skipped test is told only where another one of its package fails.
            self.packages.skipped = 0;
            return Some(self.packages);
        }
        if tests_failed > 0 && packages_failed == 0 && self.packages.passed > 0 {
            self.tests.contradicts("a test failed and no package did");
        }
        self.tests.failed = if tests_failed == 0 { packages_failed } else { tests_failed };
        if tests_failed == 0 {
            for (name, _) in self.packages.tests.iter().filter(|(_, seen)| seen.failed) {
                self.tests.fails(name);
            }
        }
        self.tests.skipped = self.skipped_tests;
        Some(self.tests)
    }
}

impl Go {
    fn event(&mut self, event: &Event) {
        self.json = true;
        self.spoke = true;
        match (event.action, &event.test, &event.package) {
            ("pass", Some(test), package) => {
                self.tests.passed += 1;
                self.tests.passes(&qualified(package.as_deref(), test));
            }
            ("fail", Some(test), package) => {
                self.failed_tests += 1;
                self.tests.fails(&qualified(package.as_deref(), test));
            }
            ("skip", Some(test), package) => {
                self.skipped_tests += 1;
                self.tests.skips(&qualified(package.as_deref(), test));
            }
            ("pass", None, Some(package)) => {
                self.packages.passed += 1;
                self.packages.passes(package);
            }
            ("fail", None, Some(package)) => {
                self.packages.failed += 1;
                self.packages.fails(package);
            }
            _ => {}
        }
    }
}

fn qualified(package: Option<&str>, test: &str) -> String {
    package.map_or_else(|| test.to_owned(), |package| format!("{package}.{test}"))
}
