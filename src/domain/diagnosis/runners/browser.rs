//! JavaScript's runners beside Jest, Vitest and Mocha: node:test, AVA, Jasmine, Karma, Playwright, Cypress, Deno, Bun, tape, WebdriverIO, Nightwatch, TestCafe.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, frame, noise, passed, summary, test};
use crate::domain::diagnosis::taxonomy::Category::{SnapshotDiff, TestAssertion, TypeError};

/// Rules for runners in browsers and in other hosts of JavaScript.
pub const RULES: &[Rule] = &[
    // A test that failed and passed when it was tried again is listed apart.
    detail("playwright.flaky", 20, &[" flaky"], r"^\s+\d+ flaky$").with(Extent::After(20)),
    passed("playwright.flaky_listed", 95, &["› "], r"^\s*(?:\[.*?\] › )?(?P<test>[\w@./\-]+\.\w+:\d+:\d+ › .*?)\s*─*$").following(&["playwright.flaky", "playwright.flaky_listed"]),
    detail("playwright.other", 20, &[" passed", " skipped", " did not run", " interrupted"], r"^\s+\d+ (?:passed|skipped|did not run|interrupted)\b.*$"),
    test("playwright.header", 89, &["› "], r"^\s*\d+\) (?:\[.*?\] › )?(?P<test>(?P<file>[\w@./\-]+\.\w+):(?P<line>\d+):\d+ › .*?)\s*─*$").late().opening().with(Extent::Section(40, &["Slow test", "1 failed"])),
    test("playwright.line", 88, &["› "], r"^\s*[✘xF]\s+\d+ (?:\[.*?\] › )?(?P<test>(?P<file>[\w@./\-]+\.\w+):(?P<line>\d+):\d+ › .*?)(?: \(retry #\d+\))?(?: \([\d.]+m?s\))?$").late(),
    cause("playwright.snapshot", SnapshotDiff, 93, &["toHaveScreenshot", "toMatchSnapshot", "toMatchAriaSnapshot"], r"^\s*(?P<msg>Error: (?:expect\(.*\)\.to(?:HaveScreenshot|MatchSnapshot|MatchAriaSnapshot)\(.*|.*pixels \(ratio .* of all image pixels\) are different.*))$").with(Extent::After(8)).inside(),
    cause("playwright.error", TestAssertion, 87, &["Error: "], r"^\s{4}(?P<msg>(?:TimeoutError|Error): .*)$").inside().with(Extent::After(8)),
    cause("playwright.action", TestAssertion, 86, &["TimeoutError: "], r"^\s{4}(?P<msg>TimeoutError: \w+(?:\.\w+)*: Timeout \d+ms exceeded.*)$").below_name(3).with(Extent::After(10)),
    detail("playwright.locator", 80, &["Locator: ", "Expected", "Received", "Timeout: ", "Call log:", "waiting for "], r"^\s+(?:Locator: .*|Expected(?: \w+)*: .*|Received(?: \w+)*: .*|- waiting for .*)$"),
    // Cypress' table of specs, and its own words.
    cause("cypress.spec", TestAssertion, 78, &["✖  "], r"^\s*│ ✖\s+(?P<file>\S+\.\w+)\s+.*│$").late(),
    summary("cypress.totals", TestAssertion, 82, &[" failed ("], r"^\s*✖\s+\d+ of \d+ failed \(\d+%\).*$"),
    detail("cypress.failing", 40, &["Failing:"], r"^\s*│ Failing:\s+[1-9]\d*\s+│$"),
    // AVA.
    test("ava.case", 89, &["✘ [fail]: ", "✖ [fail]: ", "× [fail]: "], r"^\s*[✘✖×] \[fail\]: (?P<test>\S.*?)(?: (?:Error|Assertion|Value|Promise|Test|Difference|Rejected|Expected).*)?$"),
    summary("ava.totals", TestAssertion, 82, &[" failed"], r"^\s*[1-9]\d* (?:tests? failed|uncaught exceptions?|unhandled rejections?|known failures?)$"),
    // Jasmine: `1) Suite spec`, `  Message:`, `  Stack:`.
    detail("jasmine.message", 74, &["Message:", "Stack:"], r"^\s+(?:Message|Stack):$").with(Extent::After(4)),
    test("jasmine.case", 87, &[") "], r"^\d+\) (?P<test>[A-Za-z<\[`'\x22#].*)$").following(&["rspec.failures", "jasmine.case", "jasmine.message", "jest.expect", "js.frame", "mocha.message", "vitest.error", "jest.values", "unknown.compared", "unknown.sides"]).with(Extent::After(12)),
    summary("jasmine.totals", TestAssertion, 84, &[" failure"], r"^\d+ specs?, [1-9]\d* failures?(?:, .*)?$"),
    noise("jasmine.green", &["0 failures"], r"^\d+ specs?, 0 failures"),
    // Karma's progress line rewrites itself; what is left of it names the totals.
    // mozlog's format for Treeherder: `TEST-UNEXPECTED-status | test | message`.
    test("mozlog.unexpected", 92, &["UNEXPECTED-FAIL", "UNEXPECTED-ERROR", "UNEXPECTED-TIMEOUT"], r"^(?:\w+ )?TEST-UNEXPECTED-(?:FAIL|ERROR|TIMEOUT) \| (?P<test>(?P<file>[^|\s]+)[^|]*?) \| (?P<msg>.*)$").before(2).with(Extent::After(4)).opening(),
    cause("mozlog.crash", TestAssertion, 90, &["PROCESS-CRASH"], r"^(?:\w+ )?PROCESS-CRASH \| (?P<msg>.*)$").late().with(Extent::After(8)),
    summary("karma.totals", TestAssertion, 80, &["FAILED"], r"^.*: Executed \d+ of \d+ \([1-9]\d* FAILED\).*$"),
    test("karma.spec", 84, &["✖ "], r"^\s+✖ (?P<test>\S.*)$").following(&["karma.browser", "karma.spec"]),
    // node:test's spec reporter; the list at the end repeats each with its place.
    test("node.spec", 86, &["✖ "], r"^\s*✖ (?P<test>[^ ].*?) \([\d.]+ms\)(?: #.*)?$").with(Extent::Section(24, &["ℹ ", "✔ "])),
    // Deno.
    test("deno.step", 86, &["FAILED ("], r"^\s*(?P<test>\S.*?) \.\.\. (?:\x1b\S*)?FAILED (?:\(due to \d+ failed steps?\) )?\(\d+m?s\)$"),
    test("deno.listed", 87, &[" => "], r"^(?P<test>\S.*?) => (?P<file>(?:\./|file://|https?://)?\S+?\.[cm]?[jt]sx?):(?P<line>\d+):\d+$").late().with(Extent::After(14)).opening(),
    summary("deno.totals", TestAssertion, 84, &["FAILED | "], r"^FAILED \| \d+ passed.* \| [1-9]\d* failed.*$"),
    cause("deno.check", TypeError, 94, &["[ERROR]: "], r"^(?:error: )?(?P<msg>TS\d+ \[ERROR\]: .*)$").with(Extent::After(6)),
    frame("deno.at", 76, &["at file://", "at ./"], r"^\s+at (?P<file>(?:file://|\./)\S+?):(?P<line>\d+):\d+$"),
    // Gecko and WebKit write `function@file:line:column`.
    frame("js.frame_at", 62, &["@"], r"^\s*[\w$./<>\[\]* ]*@(?P<file>(?:https?://[^/\s]+/)?[\w./\-]+\.(?:[cm]?[jt]sx?|vue|svelte)):(?P<line>\d+):\d+$"),
    // tape: the name of the test stands in a comment above, the assertion's in the line.
    frame("tap.at", 74, &["at: "], r"^\s+at: .*\((?P<file>(?:file://)?/\S+?):(?P<line>\d+):\d+\)$"),
    test("wdio.case", 86, &["✖ "], r"^\[.+? #\d+-\d+\]\s+✖ (?P<test>\S.*)$"),
    test("wdio.numbered", 87, &[") "], r"^\[.+? #\d+-\d+\] \d+\) (?P<test>\S.*)$").late().with(Extent::After(8)),
    test("nightwatch.case", 84, &["✖ "], r"^\s*✖ \d+\) (?P<test>\S.*)$").with(Extent::After(10)),
    test("testcafe.case", 84, &["✖ "], r"^ ✖ (?P<test>\S.*?)(?: \(screenshots: .*\))?$").late().with(Extent::After(14)),
    summary("testcafe.totals", TestAssertion, 80, &[" failed ("], r"^\s*\d+/\d+ failed \(\d+m? ?\d*s\)$"),
    cause("coverage.threshold", TestAssertion, 84, &["does not meet", "hreshold"], r"^\s*(?P<msg>(?:ERROR: |Jest: |FATAL: )?.*[Cc]overage (?:for \w+ \([\d.]+%\) does not meet|threshold for \w+ \([\d.]+%\) not met).*)$").late(),
];
