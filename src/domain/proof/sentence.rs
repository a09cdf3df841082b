//! The sentences of a judgement, for people: bounded, on one line, still to be escaped.

use super::report::Unit;
use super::{GreenAfter, RedBefore, Strength, Wider};

/// Longest list of names that is kept in a judgement; the rest is counted.
const MAX_KEPT: usize = 50;

/// A text for people: bounded, on one line, without control and direction characters.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 200;
    let hidden = |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    let clean: String = text.chars().filter(|c| !hidden(*c)).take(LONGEST + 1).collect();
    if clean.chars().count() > LONGEST { clean.chars().take(LONGEST).chain(['…']).collect() } else { clean }
}

/// The first names, fit to be shown.
pub(super) fn kept<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    names.into_iter().take(MAX_KEPT).map(shown).collect()
}

/// The first few names in a sentence.
pub(super) fn some_of(names: &[String]) -> String {
    const LISTED: usize = 3;
    let listed = names.iter().take(LISTED).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

/// A number of tests or packages in words.
fn counted(unit: Unit, count: u64) -> String {
    let noun = match unit {
        Unit::Tests => "test",
        Unit::Packages => "package",
    };
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

pub(super) fn red(red: &RedBefore, command: &str) -> String {
    let command = shown(command.lines().next().unwrap_or_default());
    match red {
        RedBefore::Same { tests, .. } if !tests.is_empty() => format!("Before the patch `{command}` fails as in CI: {}.", some_of(tests)),
        RedBefore::Same { .. } => format!("Before the patch `{command}` fails for the reason CI gave."),
        RedBefore::DifferentFailure { expected, seen } => {
            format!("Before the patch `{command}` fails, but not as in CI: expected {expected}, seen {seen}.")
        }
        RedBefore::Green => format!("The failure is not reproduced: `{command}` is green without any patch."),
        RedBefore::NotRun(why) => format!("The failure is not reproduced: {why}."),
    }
}

pub(super) fn green(green: &GreenAfter) -> String {
    match green {
        GreenAfter::Proven { strength: Strength::EachTest, unit, ran_before, ran_after } => {
            format!("After the patch it is green: each failing test is seen passing, {} ran (before: {ran_before}).", counted(*unit, *ran_after))
        }
        GreenAfter::Proven { strength: Strength::Counts, unit, ran_before, ran_after } => {
            format!("After the patch it is green: {} ran (before: {ran_before}), none fails.", counted(*unit, *ran_after))
        }
        GreenAfter::Proven { strength: Strength::ExitCode, .. } => "After the patch it ends with exit code 0; it does not count tests.".to_owned(),
        GreenAfter::StillRed { exit, failing } if failing.is_empty() => format!("After the patch it is still red ({exit})."),
        GreenAfter::StillRed { exit, failing } => format!("After the patch it is still red ({exit}): {}.", some_of(failing)),
        GreenAfter::Weakened(less) => {
            let gone = if less.missing.is_empty() { String::new() } else { format!("; not seen passing any more: {}", some_of(&less.missing)) };
            format!(
                "After the patch it is green with less tested: {} ran (before: {}), {} skipped or expected to fail (before: {}){gone}.",
                counted(less.unit, less.ran_after),
                less.ran_before,
                less.idle_after,
                less.idle_before
            )
        }
        GreenAfter::NotRun(why) => format!("After the patch there is no proof: {why}."),
    }
}

/// Why the printed text alone was judged.
pub(super) fn printed_only(why: &str) -> String {
    format!("The runner's own report was not used ({why}): what it printed was judged.")
}

pub(super) fn wider(wider: &Wider) -> String {
    match wider {
        Wider::NoCommand => "No wider command is known: nothing but the failing command was run.".to_owned(),
        Wider::Passed { ran: 0, .. } => "The wider command passes.".to_owned(),
        Wider::Passed { unit, ran } => format!("The wider command passes: {} ran.", counted(*unit, *ran)),
        Wider::AlreadyRed { failing } if failing.is_empty() => "The wider command is red, as it was before the patch.".to_owned(),
        Wider::AlreadyRed { failing } => format!("The wider command is red as before the patch: {}.", some_of(failing)),
        Wider::Broken { exit, failing } if failing.is_empty() => format!("The wider command is red ({exit})."),
        Wider::Broken { exit, failing } => format!("The wider command is red ({exit}): {}.", some_of(failing)),
        Wider::Weakened(less) => format!(
            "The wider command is green with less tested: {} ran (expected: {} or more), {} skipped or expected to fail (before: {}).",
            counted(less.unit, less.ran_after),
            less.ran_before,
            less.idle_after,
            less.idle_before
        ),
        Wider::CanNotRun(why) => format!("The wider command can't be run here, without the patch either: {why}."),
        Wider::NotRun(why) => format!("The wider command says nothing, so it is no yes: {why}."),
    }
}
