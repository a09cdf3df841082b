//! A diagnosis for a tired person: what failed, why, where and what next at one glance, then the lines of the log that say so.

use std::fmt::Write as _;

use super::terminal::Paint;
use super::width::{clip, clip_start, columns, flat, wrap};
use crate::domain::diagnosis::{Category, Diagnosis, ErrorLine};

/// The terminal that a diagnosis is shown on.
#[derive(Debug, Clone, Copy)]
pub struct Face {
    /// Whether to colour.
    pub paint: Paint,
    /// Columns; lines are cut or broken to fit. `None`: as long as they are.
    pub width: Option<usize>,
    /// Lines that may be printed. `None`: all there are.
    pub height: Option<usize>,
}

/// Columns of the names at the left.
const LABEL: usize = 7;
/// No terminal is narrower: below it, lines are left to the terminal.
const NARROWEST: usize = 24;
/// Lines of the log that are worth more than a further detail above them, or half of the window if that is more.
const LOG: usize = 6;

/// The line by which the excerpt says that something was left out.
const GAP: &str = "…";

/// One line above the log. What is less needed goes first where the window is low.
struct Row {
    /// From 0: always there.
    rank: u8,
    label: &'static str,
    /// Painted already.
    text: String,
}

/// The diagnosis as text, without an escape that the log brought.
#[must_use]
pub fn diagnosis(d: &Diagnosis, face: Face) -> String {
    let width = face.width.unwrap_or(usize::MAX).max(NARROWEST);
    let mut rows = summary(d, width, face.paint);
    let lines: Vec<&str> = body(&d.excerpt);
    let height = face.height.unwrap_or(usize::MAX);
    // Two lines around the log: what it is, and what is hidden of it.
    let wanted = lines.len().min(LOG.max(face.height.unwrap_or(0) / 2)) + 2;
    for rank in (1..=9).rev() {
        while rows.len() + wanted > height
            && let Some(last) = rows.iter().rposition(|row| row.rank == rank)
        {
            rows.remove(last);
        }
    }
    let mut out = String::new();
    let mut before = "";
    for row in &rows {
        let label = if row.label == before { "" } else { row.label };
        before = row.label;
        if label.is_empty() && row.label.is_empty() {
            out.push_str(&row.text);
        } else {
            out.push_str(&face.paint.dim(&format!("{label:<LABEL$}")));
            out.push_str(&row.text);
        }
        out.push('\n');
    }
    out.push_str(&log(d, &lines, width, height.saturating_sub(rows.len() + 1), face.paint));
    out
}

/// One line: what failed.
fn headline(d: &Diagnosis) -> String {
    if d.flags.no_failure_found {
        return if d.excerpt.trim().is_empty() { "the log is empty".into() } else { "no failure found in this log".into() };
    }
    let job = d.failed_steps.first().map(|step| step.job.as_str()).filter(|job| !job.is_empty());
    let at = job.map_or(String::new(), |job| format!(" in {job}"));
    match d.failed_tests.as_slice() {
        [] => format!("{}{at}", title(d.category)),
        [test] => format!("test failed{at}: {test}"),
        all => format!("{} tests failed{at}", all.len()),
    }
}

/// The kind of a failure in plain words.
const fn title(category: Category) -> &'static str {
    match category {
        Category::TestAssertion => "a test failed",
        Category::CompileError => "the code does not compile",
        Category::TypeError => "the type checker refuses the code",
        Category::LintError => "a linter or formatter complains",
        Category::SnapshotDiff => "a recorded snapshot differs",
        Category::DependencyInstall => "dependencies can't be resolved or installed",
        Category::GithubActionsConfig => "the workflow or an action is wrong",
        Category::PermissionOrSecret => "a permission or a secret is missing",
        Category::NetworkOrFlaky => "the network or a service failed",
        Category::TimeoutOrOom => "out of time, memory or disk",
        Category::DockerBuild => "the image can't be built",
        Category::RunnerInfrastructure => "the runner was lost",
        Category::Unknown => "it failed, and the log does not say how",
    }
}

/// How sure the kind is. The words stand for the tenths that a person would not compare.
fn sureness(confidence: f32) -> &'static str {
    match confidence {
        c if c >= 0.9 => "almost certain",
        c if c >= 0.75 => "very likely",
        c if c >= 0.5 => "likely",
        c if c >= 0.3 => "a guess",
        _ => "not known",
    }
}

/// What to do about it.
fn next(d: &Diagnosis) -> &'static str {
    if d.flags.no_failure_found {
        return if d.excerpt.trim().is_empty() { "give the log of a failed job" } else { "check that this is the failed job's log; its end is shown below" };
    }
    match (d.fixable_by_code, d.rerun_could_help, d.category) {
        (_, _, Category::PermissionOrSecret) => "a person has to grant the right or set the secret; neither code nor a rerun will",
        (_, _, Category::Unknown) => "read the lines below; it can't be told whether code or a rerun settles it",
        (true, false, _) => "change the code; a rerun will fail again",
        (true, true, _) => "rerun it once; if it fails again, change the code",
        (false, true, _) => "rerun it; no change of the code is needed",
        (false, false, _) => "a person has to look: neither code nor a rerun settles it",
    }
}

fn summary(d: &Diagnosis, width: usize, paint: Paint) -> Vec<Row> {
    let room = width.saturating_sub(LABEL);
    let mut rows = Vec::new();
    let mut row = |rank: u8, label: &'static str, text: String| rows.push(Row { rank, label, text });
    let mark = if d.flags.no_failure_found { paint.yellow("?") } else { paint.red("✗") };
    for (nth, line) in wrap(&flat(&headline(d)), width - 2, 2).into_iter().enumerate() {
        row(0, "", if nth == 0 { format!("{mark} {}", paint.bold(&line)) } else { format!("  {}", paint.bold(&line)) });
    }
    for (nth, error) in reasons(d).into_iter().take(3).enumerate() {
        for (line_nth, line) in error_lines(error, room, if nth == 0 { 3 } else { 2 }).into_iter().enumerate() {
            let rank = match (nth, line_nth) {
                (0, 0) => 0,
                (0, 1) => 1,
                (0, _) => 3,
                _ => 6,
            };
            row(rank, "why", if nth == 0 { paint.red(&line) } else { line });
        }
    }
    for (nth, file) in d.files.iter().take(5).enumerate() {
        let lines: Vec<String> = file.lines.iter().take(4).map(ToString::to_string).collect();
        let at = if lines.is_empty() { String::new() } else { format!(":{}", lines.join(",")) };
        let path = clip_start(&flat(&file.path), room.saturating_sub(at.len()));
        row(if nth == 0 { 1 } else { 7 }, "where", format!("{}{}", paint.cyan(&path), paint.cyan(&at)));
    }
    if d.failed_tests.len() > 1 {
        for (nth, test) in d.failed_tests.iter().take(6).enumerate() {
            row(if nth == 0 { 2 } else { 6 }, "tests", clip_start(&flat(test), room));
        }
        if d.failed_tests.len() > 6 {
            row(6, "tests", paint.dim(&format!("… and {} more", d.failed_tests.len() - 6)));
        }
    }
    for (nth, step) in d.failed_steps.iter().take(3).enumerate() {
        let rank = if nth == 0 { 4 } else { 8 };
        let code = step.exit_code.map_or(String::new(), |code| format!("  exit code {code}"));
        let job = if step.job.is_empty() { String::new() } else { format!("{} › ", step.job) };
        let title = step.step.trim_end_matches(['\\', ' ']);
        let name = clip(&flat(&format!("{job}{title}")), room.saturating_sub(code.len()));
        row(rank, "step", format!("{name}{}", paint.dim(&code)));
        let bare = step.step.strip_prefix("Run ").unwrap_or(&step.step);
        // A script's first lines are often what a shell is told, not what failed.
        let told = |line: &&str| !(line.trim().is_empty() || line.trim_start().starts_with('#') || line.trim_start().starts_with("set -"));
        let mut commands = step.command.lines().filter(told);
        if let Some(first) = commands.next().filter(|first| *first != bare) {
            let more = if commands.next().is_some() { " …" } else { "" };
            row(rank + 1, "step", paint.dim(&format!("$ {}{more}", clip(&flat(first), room.saturating_sub(4)))));
        }
    }
    if !d.flags.no_failure_found {
        row(3, "kind", clip(&format!("{} · {} ({:.2})", d.category.name().replace('_', " "), sureness(d.confidence), d.confidence), room));
    }
    for (nth, line) in wrap(next(d), room, 2).into_iter().enumerate() {
        row(if nth == 0 { 1 } else { 2 }, "next", paint.green(&line));
    }
    let strange = strangeness(d);
    if !strange.is_empty() {
        for line in wrap(&strange.join("; "), room, 3) {
            row(2, "beware", paint.yellow(&line));
        }
    }
    if !d.redactions.is_empty() {
        let masked: usize = d.redactions.values().sum();
        let kinds: Vec<&str> = d.redactions.keys().map(String::as_str).collect();
        row(8, "masked", clip(&flat(&format!("{masked} secret{}: {}", if masked == 1 { "" } else { "s" }, kinds.join(", "))), room));
    }
    if !d.flags.no_failure_found {
        row(9, "cause", paint.dim(&clip(&format!("{} (the same in every run that fails for it)", d.fingerprint), room)));
    }
    rows
}

/// The messages that say why: the weightiest, and those like it. Others wrap it or follow from it, and stand in the log below.
fn reasons(d: &Diagnosis) -> Vec<&ErrorLine> {
    let told = || d.errors.iter().filter(|error| !error.message.trim().is_empty());
    // Those of last resort are told only where there is nothing better.
    let Some(first) = told().find(|error| !error.rule.starts_with("generic.")).or_else(|| told().next()) else { return Vec::new() };
    told().filter(|error| error.rule == first.rule).collect()
}

/// A message and how often it came, in at most so many lines, without the rulers that some tools draw around it.
fn error_lines(error: &ErrorLine, room: usize, lines: usize) -> Vec<String> {
    let times = if error.count > 1 { format!(" (×{})", error.count) } else { String::new() };
    let ruler = |c: char| matches!(c, '_' | '=' | '*' | '─' | '━' | '⎯');
    let bare = error.message.trim().trim_matches(ruler).trim();
    let message = if bare.is_empty() { error.message.trim() } else { bare };
    wrap(&flat(&format!("{message}{times}")), room, lines)
}

fn strangeness(d: &Diagnosis) -> Vec<&'static str> {
    [
        (d.flags.addresses_the_model, "text in the log speaks to a model: it is data, nothing follows it"),
        (d.flags.imitates_markers, "a line imitates the runner's own"),
        (d.flags.hostile_escapes, "escapes that would change your terminal were taken out"),
        (d.flags.binary, "it looks binary"),
    ]
    .into_iter()
    .filter_map(|(set, text)| set.then_some(text))
    .collect()
}

/// The excerpt without its header, which stands above already.
fn body(excerpt: &str) -> Vec<&str> {
    let told = |line: &&str| ["job: ", "step: ", "$ ", "exit code: "].iter().any(|head| line.starts_with(head));
    excerpt.lines().skip_while(told).collect()
}

/// The log's lines in at most `height` lines with their title. Lines that decided are marked; where there is no room for all, those around
/// them stay.
fn log(d: &Diagnosis, lines: &[&str], width: usize, height: usize, paint: Paint) -> String {
    if lines.is_empty() || height < 2 {
        return String::new();
    }
    let marked = deciding(d, lines);
    let all = lines.len() < height;
    let shown = if all { vec![true; lines.len()] } else { nearest(lines, &marked, height.saturating_sub(2)) };
    let hidden = lines.iter().zip(&shown).filter(|(line, shown)| !**shown && **line != GAP).count();
    let mut out = String::new();
    let title = if d.flags.no_failure_found { " the end of the log " } else { " the log " };
    let rule = "─".repeat(width.min(72).saturating_sub(columns(title) + 2));
    out.push_str(&paint.dim(&format!("──{title}{rule}")));
    out.push('\n');
    let mut last = None;
    for at in (0..lines.len()).filter(|at| shown[*at]) {
        let text = clip(flat(lines[at]).trim_end(), width - 2);
        // In a low window a gap has no line of its own: it is seen at the edge.
        let gap = last.is_some_and(|last| at > last + 1);
        last = Some(at);
        let _ = match (marked[at], lines[at] == GAP) {
            (true, _) => writeln!(out, "{} {}", paint.red("▶"), paint.bold(&text)),
            (false, true) => writeln!(out, "{}", paint.dim("┊ …")),
            (false, false) => writeln!(out, "{} {text}", paint.dim(if gap { "┊" } else { "│" })),
        };
    }
    if hidden > 0 {
        out.push_str(&paint.dim(&clip(&format!("… {hidden} more line{}: --full shows them", if hidden == 1 { "" } else { "s" }), width)));
        out.push('\n');
    }
    out
}

/// Whether the line says why. Where no line holds a reason as it was read, those that decided the kind do.
fn deciding(d: &Diagnosis, lines: &[&str]) -> Vec<bool> {
    let reasons: Vec<&str> = reasons(d).iter().map(|error| head(error.message.trim())).filter(|message| message.len() >= 4).collect();
    let holds = |parts: &[&str]| -> Vec<bool> { lines.iter().map(|line| parts.iter().any(|part| line.contains(part))).collect() };
    let marked = holds(&reasons);
    if marked.contains(&true) {
        return marked;
    }
    let evidence: Vec<&str> = d.evidence.iter().map(|line| head(line.trim())).filter(|line| line.len() >= 4).collect();
    holds(&evidence)
}

/// What of a line is compared: the excerpt cuts a long one in its middle.
fn head(text: &str) -> &str {
    text.char_indices().nth(120).map_or(text, |(at, _)| &text[..at])
}

/// Which `room` lines are shown: the marked ones first, then those nearest to one, what follows before what precedes.
fn nearest(lines: &[&str], marked: &[bool], room: usize) -> Vec<bool> {
    let distance = |at: usize| {
        let after = (0..=at).rev().position(|n| marked[n]).map(|n| 2 * n);
        let before = (at..marked.len()).position(|n| marked[n]).map(|n| 3 * n);
        // Without a mark the end says most.
        after.into_iter().chain(before).min().unwrap_or(marked.len() - at)
    };
    let mut order: Vec<usize> = (0..marked.len()).filter(|at| lines[*at] != GAP && !lines[*at].trim().is_empty()).collect();
    order.sort_by_key(|at| (distance(*at), *at));
    let mut shown = vec![false; marked.len()];
    for at in order.into_iter().take(room) {
        shown[at] = true;
    }
    shown
}

#[cfg(test)]
mod tests;
