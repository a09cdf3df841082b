//! Whether a green run tests less than the run before it did.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::name::{masked, within};
use super::report::{Seen, TestReport, Unit};
use super::sentence::kept;

/// More names than these are looked for by their whole name only.
const MAX_SEARCHED: usize = 500;

/// How a run tests less than the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Less {
    /// What is counted.
    pub unit: Unit,
    pub ran_before: u64,
    pub ran_after: u64,
    /// Skipped, or expected to fail.
    pub idle_before: u64,
    pub idle_after: u64,
    /// Tests that ran before and are not seen passing now.
    pub missing: Vec<String>,
}

/// Compares a green run with the one before. Where both name their tests the names are compared; where one does not, the counts: then nothing
/// may be skipped or filtered out beyond what was before, however many tests were added.
pub(super) fn less(was: &TestReport, is: &TestReport) -> Option<Less> {
    let mut missing: Vec<&str> = Vec::new();
    missing.extend(failing_not_seen_passing(was, is));
    let named = was.names_all_passing && is.names_all_passing && was.runners == is.runners && was.unit == is.unit && was.source == is.source;
    if named {
        missing.extend(passing_not_seen_passing(was, is));
    }
    let idle_named = named && was.names_all_idle && is.names_all_idle;
    if idle_named {
        missing.extend(idle_and_gone(was, is));
    }
    missing.sort_unstable();
    missing.dedup();
    // What did not have to pass is told by name where it can be: then a skip that grew is either a test that was known, which is missing above, or new.
    let grew = !idle_named && (is.idle() > was.idle() || is.filtered > was.filtered);
    (is.ran < was.ran || is.ran == 0 || grew || !missing.is_empty()).then(|| Less {
        unit: is.unit,
        ran_before: was.ran,
        ran_after: is.ran,
        idle_before: was.idle(),
        idle_after: is.idle(),
        missing: kept(missing),
    })
}

/// Tests by their names, with what differs from run to run masked; equal names are added up.
fn by_name(report: &TestReport) -> HashMap<String, Seen> {
    let mut all: HashMap<String, Seen> = HashMap::with_capacity(report.tests.len());
    for (name, seen) in &report.tests {
        let known = all.entry(masked(name).into_owned()).or_default();
        known.passed = known.passed.saturating_add(seen.passed);
        known.failed |= seen.failed;
        known.skipped = known.skipped.saturating_add(seen.skipped);
        known.expected = known.expected.saturating_add(seen.expected);
    }
    all
}

/// What failed before, and is skipped now or, where all passing tests are named, is not among them.
fn failing_not_seen_passing<'a>(was: &'a TestReport, is: &TestReport) -> Vec<&'a str> {
    let now = by_name(is);
    let failing: Vec<&str> = was.tests.iter().filter(|(_, seen)| seen.failed).map(|(name, _)| name.as_str()).collect();
    let mut missing = Vec::new();
    for (n, name) in failing.into_iter().enumerate() {
        let alike = match now.get(masked(name).as_ref()) {
            Some(seen) => vec![*seen],
            None if n < MAX_SEARCHED => is.seen(name),
            None => Vec::new(),
        };
        let inner: Vec<Seen> = match alike.is_empty() && n < MAX_SEARCHED {
            true => is.tests.iter().filter(|(inner, _)| within(inner, name)).map(|(_, seen)| *seen).collect(),
            false => Vec::new(),
        };
        // A file or class that could not be loaded: what is in it now is told by its own names.
        let resolved = if alike.is_empty() {
            inner.iter().any(|seen| seen.passed > 0) || (inner.is_empty() && !is.names_all_passing)
        } else {
            alike.iter().all(|seen| seen.only_passes())
        };
        if !resolved {
            missing.push(name);
        }
    }
    missing
}

fn passing_not_seen_passing<'a>(was: &'a TestReport, is: &TestReport) -> Vec<&'a str> {
    let now = by_name(is);
    let mut before: BTreeMap<String, (&str, u32)> = BTreeMap::new();
    for (name, seen) in was.tests.iter().filter(|(_, seen)| seen.passed > 0) {
        before.entry(masked(name).into_owned()).or_insert((name, 0)).1 += seen.passed;
    }
    let passes = |name: &str| now.get(name).map_or(0, |seen| seen.passed);
    before.iter().filter(|(name, (_, count))| passes(name) < *count).map(|(_, (name, _))| *name).collect()
}

/// What did not have to pass before, and is named in no way now; and what is idle more often than before although its name is not new.
fn idle_and_gone<'a>(was: &'a TestReport, is: &TestReport) -> Vec<&'a str> {
    let (before, now) = (by_name(was), by_name(is));
    let gone = |name: &str, seen: &Seen| {
        let key = masked(name);
        let count = |all: &HashMap<String, Seen>| all.get(key.as_ref()).copied().unwrap_or_default();
        let (before, now) = (count(&before), count(&now));
        now.idle() > before.idle() || (seen.idle() > 0 && now.passed.saturating_add(now.idle()) < before.passed.saturating_add(before.idle()))
    };
    was.tests.iter().filter(|(name, seen)| gone(name, seen)).map(|(name, _)| name.as_str()).collect()
}
