//! The excerpt: the lines worth the most within a budget, in the order of the log.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;

use super::blocks::{self, Block};
use super::mask::{Depth, hash, mask};
use super::paths;
use super::rule::Role;
use super::structure::{Step, end_of};
use super::taxonomy::Category;
use super::verdict::{Standing, Verdict};

/// Longest line in an excerpt, in bytes.
const LINE: usize = 440;
/// A line worth less than this is left out even where there is room.
const WORTH: f32 = 7.0;
/// Bytes for the names of failed tests that no chosen line shows.
const NAMES: usize = 2_400;

/// A verdict of this confidence tells what a step's other findings are beside it.
const SURE: f32 = 0.8;
/// What such findings are worth.
const BESIDE: f32 = 0.4;
/// Categories of what tools say of the code.
const CODE: [Category; 5] = [Category::TestAssertion, Category::CompileError, Category::TypeError, Category::LintError, Category::SnapshotDiff];

/// The categories that the messages, tests and totals of a block speak for.
fn speaks_of(block: &Block) -> Vec<Category> {
    block.findings().filter(|(_, f)| matches!(f.rule.role, Role::Cause | Role::Test | Role::Summary)).filter_map(|(_, f)| f.rule.category).collect()
}

struct Candidate {
    block: usize,
    line: usize,
    worth: f32,
    cost: usize,
}

/// Assembles the excerpt of at most `budget` bytes.
#[must_use]
pub fn assemble(blocks: &[Block], steps: &[Step], standing: &Standing, tests: &[String], verdict: &Verdict, budget: usize) -> String {
    // What stopped a step is told; what else it said of the code (a linter whose answer was not waited for) comes after it.
    let stopped: HashSet<u32> = blocks.iter().filter(|b| verdict.confidence >= SURE && speaks_of(b).contains(&verdict.category)).map(|b| b.step).collect();
    let beside = |block: &Block| {
        let said = speaks_of(block);
        stopped.contains(&block.step) && !said.is_empty() && said.iter().all(|c| *c != verdict.category && CODE.contains(c))
    };
    let mut head = header(blocks, steps, standing, budget / 4);
    let room = budget.saturating_sub(head.len());
    let mut candidates = Vec::new();
    let mut by_rule: HashMap<&str, u32> = HashMap::new();
    let mut by_text: HashMap<u64, u32> = HashMap::new();
    let mut by_head: HashMap<&str, u32> = HashMap::new();
    let mut best_of_step: HashMap<(u16, u32), u16> = HashMap::new();
    for block in blocks {
        let best =
            block.findings().filter(|(_, f)| !matches!(f.rule.role, Role::Wrapper | Role::Frame | Role::Detail)).map(|(_, f)| f.rule.weight).max().unwrap_or(0);
        let entry = best_of_step.entry((block.log, block.step)).or_default();
        *entry = best.max(*entry);
    }
    // What stands in failed steps is counted first, so that it is never the copy.
    let mut order: Vec<usize> = (0..blocks.len()).collect();
    order.sort_by(|a, b| standing.factor(&blocks[*b]).total_cmp(&standing.factor(&blocks[*a])).then(a.cmp(b)));
    for at in order {
        let block = &blocks[at];
        let factor = standing.factor(block);
        let lead = block.findings().find(|(_, f)| !matches!(f.rule.role, Role::Frame | Role::Detail | Role::Wrapper)).map_or("", |(_, f)| f.rule.id);
        let rank = by_head.entry(lead).or_default();
        let nth = *rank as f32;
        *rank += 1;
        // Lines around a finding are worth more the more the finding is.
        let known = *best_of_step.get(&(block.log, block.step)).unwrap_or(&0);
        let strength = match (block.tail, known) {
            // Where no format was recognised, the end of the step is all there is.
            (true, 0..66) => 1.0,
            (true, _) => 0.35,
            (false, _) => f32::from(block.weight.clamp(30, 95)) / 90.0,
        };
        let mut frames = 0.0_f32;
        for (number, line) in block.lines.iter().enumerate() {
            if line.text.trim().is_empty() || line.text.trim().chars().all(|c| "=-_*#~┈─━⎯".contains(c)) {
                continue;
            }
            // Numbers tell tests apart; elsewhere lines that differ in them only say the same.
            let depth = if line.finding.as_ref().is_some_and(|f| f.rule.role == Role::Test) { Depth::Name } else { Depth::Full };
            let copies = by_text.entry(hash(&mask(&line.text, depth))).or_default();
            let fresh = 1.0 / (1.0 + 2.5 * *copies as f32);
            *copies += 1;
            let mut worth = match &line.finding {
                None => f32::from(line.nearness) * strength * fresh / (1.0 + nth * 0.7),
                Some(finding) => {
                    let used = by_rule.entry(finding.rule.id).or_default();
                    let many = 1.0 / (1.0 + *used as f32 / 5.0);
                    *used += 1;
                    let base = f32::from(finding.rule.weight);
                    match finding.rule.role {
                        Role::Frame => {
                            frames += 1.0;
                            let own = finding.file.is_some() || !paths::places(&line.text).is_empty();
                            base * if own { 1.0 } else { 0.1 } / (1.0 + frames / 4.0) / (1.0 + nth * 0.4) * fresh.max(0.4)
                        }
                        Role::Detail => base * many.max(0.12) * fresh.max(0.3) / (1.0 + nth * 0.5),
                        Role::Wrapper | Role::Noise | Role::Passed => base * many * fresh,
                        Role::Summary => base * many.max(0.2) * fresh,
                        Role::Cause | Role::Test => base * many * fresh * fresh,
                    }
                }
            };
            worth *= factor * if beside(block) { BESIDE } else { 1.0 };
            candidates.push(Candidate { block: at, line: number, worth, cost: line.text.trim_end().len().min(LINE) + 1 });
        }
    }
    candidates.sort_by(|a, b| b.worth.total_cmp(&a.worth).then(a.block.cmp(&b.block)).then(a.line.cmp(&b.line)));
    let mut reserved = 0;
    loop {
        let body = choose(blocks, &candidates, room.saturating_sub(reserved));
        let names = unseen(tests, &body, NAMES.min(budget / 3));
        let total = head.len() + names.len() + body.len();
        // Names of tests that did not fit take their room from the least worthy lines.
        if total > budget && reserved < room / 2 {
            reserved += (total - budget).max(64);
            continue;
        }
        let mut out = std::mem::take(&mut head);
        out.push_str(&names);
        out.push_str(&body);
        truncate(&mut out, budget);
        return out;
    }
}

/// The worthiest lines that fit into `room` bytes, in the order of the logs.
fn choose(blocks: &[Block], candidates: &[Candidate], room: usize) -> String {
    // The pieces of a very long line have the same number.
    let mut chosen: BTreeSet<(u16, u64, usize, usize)> = BTreeSet::new();
    let mut spent = 0;
    for candidate in candidates {
        if candidate.worth < WORTH {
            break;
        }
        // A gap costs a line of its own.
        let cost = candidate.cost + 2;
        if spent + cost > room {
            continue;
        }
        spent += cost;
        let block = &blocks[candidate.block];
        chosen.insert((block.log, block.lines[candidate.line].number, candidate.block, candidate.line));
    }
    let mut body = String::with_capacity(spent + 64);
    let mut last: Option<(u16, u64)> = None;
    let mut said_last = String::new();
    let mut said: HashSet<u64> = HashSet::new();
    let mut counted: HashSet<u64> = HashSet::new();
    let occurrences = blocks::occurrences(blocks);
    for (log, number, at, nth) in chosen {
        let block = &blocks[at];
        let line = &block.lines[nth];
        // A line that was read twice stands in two blocks.
        if last == Some((log, number)) && said_last == line.text {
            continue;
        }
        said_last.clone_from(&line.text);
        if last.is_some_and(|(l, n)| l != log || number > n + 2) {
            body.push_str("…\n");
        }
        last = Some((log, number));
        let mut text = line.text.as_str();
        if let Some(finding) = &line.finding
            && finding.rule.role == Role::Test
            && finding.message.len() > 12
            && !said.insert(hash(&mask(&finding.message, Depth::Full)))
            && let Some(cut) = text.find(finding.message.as_str()).filter(|cut| *cut > 8)
        {
            // The message was said with another test: the name is what is new.
            text = text[..cut].trim_end().trim_end_matches('-');
        }
        push_line(&mut body, text);
        let copies = match &line.finding {
            Some(f) if f.rule.role == Role::Cause => {
                let key = hash(&mask(&f.message, Depth::Full));
                if counted.insert(key) { occurrences.get(&key).copied().unwrap_or(1) } else { 1 }
            }
            Some(_) if block.lead() == Some(number) => block.count,
            _ => 1,
        };
        if copies > 1 {
            body.pop();
            let _ = writeln!(body, "  (×{copies})");
        }
    }
    body
}

/// At most `budget` bytes of an excerpt: whole lines go from the middle, for its beginning tells what failed and its end how.
#[must_use]
pub fn within(text: String, budget: usize) -> String {
    if text.len() <= budget {
        return text;
    }
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let middle = lines.len() / 2;
    let (mut first, mut last) = (middle, middle);
    let mut len = text.len() + "…\n".len();
    while len > budget && (first > 0 || last < lines.len()) {
        if first > 0 && (first >= lines.len() - last || last == lines.len()) {
            first -= 1;
            len -= lines[first].len();
        } else {
            len -= lines[last].len();
            last += 1;
        }
    }
    let mut out = lines[..first].concat();
    out.push_str("…\n");
    out.push_str(&lines[last..].concat());
    truncate(&mut out, budget);
    out
}

fn truncate(text: &mut String, budget: usize) {
    if text.len() > budget {
        let mut cut = budget;
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        text.truncate(cut);
    }
}

fn push_line(out: &mut String, text: &str) {
    let text = text.trim_end();
    if text.len() <= LINE {
        out.push_str(text);
    } else {
        // A long line's end often holds the reason ("… (Caused by …)").
        let mut first = LINE * 2 / 3;
        while !text.is_char_boundary(first) {
            first -= 1;
        }
        let mut second = text.len() - LINE / 3 + 4;
        while !text.is_char_boundary(second) {
            second += 1;
        }
        out.push_str(&text[..first]);
        out.push('…');
        out.push_str(&text[second..]);
    }
    out.push('\n');
}

/// Job, step, command and exit code of what failed.
fn header(blocks: &[Block], steps: &[Step], standing: &Standing, budget: usize) -> String {
    let mut out = String::new();
    let failed = steps.iter().filter(|s| s.failed);
    let unmarked: Vec<u32> =
        if steps.iter().any(|s| s.failed) { Vec::new() } else { blocks.iter().filter(|b| standing.factor(b) >= 1.0).map(|b| b.step).collect() };
    for step in failed.chain(steps.iter().filter(|s| unmarked.contains(&s.id) && !s.title.is_empty()).take(1)).take(4) {
        let mut part = String::new();
        if !step.job.is_empty() {
            let _ = writeln!(part, "job: {}", step.job);
        }
        if !step.title.is_empty() {
            let _ = writeln!(part, "step: {}", clip(&step.title, 160));
        }
        let bare = step.title.strip_prefix("Run ").unwrap_or(&step.title);
        if !step.command.is_empty() && step.command != bare {
            let lines: Vec<&str> = step.command.lines().collect();
            for line in lines.iter().take(6) {
                let _ = writeln!(part, "$ {}", clip(line, 200));
            }
            if lines.len() > 6 {
                part.push_str("$ …\n");
            }
        }
        if let Some(code) = step.exit_code {
            let _ = match end_of(code) {
                Some(end) => writeln!(part, "exit code: {code} ({})", end.words),
                None => writeln!(part, "exit code: {code}"),
            };
        }
        if out.len() + part.len() <= budget {
            out.push_str(&part);
        }
    }
    out
}

fn clip(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let mut cut = limit;
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    &text[..cut]
}

/// The part of a test's name that a log shows even where it does not show all of it.
#[must_use]
pub fn own_name(test: &str) -> &str {
    let head = test.find(['(', '[']).map_or(test, |at| &test[..at]);
    let start = ["::", ".", " > ", "#", " › "].iter().filter_map(|sep| head.rfind(sep).map(|at| at + sep.len())).max().unwrap_or(0);
    &test[start..]
}

/// Names of failed tests that the chosen lines do not show, those of one class on one line.
fn unseen(tests: &[String], body: &str, budget: usize) -> String {
    let missing: Vec<&String> = tests
        .iter()
        .filter(|t| {
            let own = own_name(t);
            let shown = body.contains(t.as_str()) || (own.len() > 8 && body.contains(own));
            !shown
        })
        .collect();
    if missing.is_empty() {
        return String::new();
    }
    let mut out = format!("failed tests ({} in all):\n", tests.len());
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for test in &missing {
        let own = own_name(test);
        let class = &test[..test.len() - own.len()];
        // Only names joined by a dot read well when they are grouped.
        match groups.iter_mut().find(|(c, _)| *c == class && class.ends_with('.')) {
            Some((_, names)) => names.push(own),
            None => groups.push((class, vec![own])),
        }
    }
    let mut left = missing.len();
    for (class, names) in groups {
        let line = if names.len() == 1 { format!("  {class}{}\n", names[0]) } else { format!("  {}: {}\n", class.trim_end_matches('.'), names.join(", ")) };
        if out.len() + line.len() > budget.saturating_sub(24) {
            continue;
        }
        left -= names.len();
        out.push_str(&line);
    }
    if left > 0 {
        let _ = writeln!(out, "  … and {left} more");
    }
    if out.len() > budget { String::new() } else { out }
}
