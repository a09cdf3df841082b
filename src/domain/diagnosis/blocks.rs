//! Blocks: runs of neighbouring lines that belong to one finding, kept within a fixed amount of memory.

use std::collections::{HashMap, HashSet};

use super::mask::{Depth, hash, mask};
use super::rule::{Extent, Role, Rule};
use super::taxonomy::Category;

/// Most lines of one block.
const BLOCK_LINES: usize = 160;
/// Most blocks that are kept.
const BLOCK_LIMIT: usize = 600;
/// Most bytes of all blocks' lines.
const BYTES_LIMIT: usize = 6 << 20;
/// Blocks of one signature beyond this many are only counted.
const COPIES: u32 = 3;
/// Findings up to this worth are guesses by single words.
const GUESS: u16 = 72;
/// Most signatures that are counted.
const SIGNATURES: usize = 60_000;

/// What a rule found in a line, beside the line itself.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// Names of tests.
    pub tests: Vec<String>,
    /// A place that the rule named.
    pub file: Option<(String, Option<u32>)>,
    /// A line number without a file: the file stands in a heading above.
    pub line: Option<u32>,
    /// The message, for the fingerprint.
    pub message: String,
    /// The exit code, where the line tells one.
    pub code: Option<i32>,
    /// A command that the line names.
    pub command: Option<String>,
}

/// A line that is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Its number in its log, from 1.
    pub number: u64,
    /// The cleaned text.
    pub text: String,
    /// Its worth without a rule: the nearer to the finding, the more.
    pub nearness: u16,
    /// What was found in it.
    pub finding: Option<Finding>,
}

/// A line that was passed over when it came and is asked for afterwards.
#[derive(Debug, Clone)]
pub struct Earlier {
    /// Its number in its log.
    pub number: u64,
    /// The cleaned text.
    pub text: String,
    /// What it turns out to be, now that something stands after it.
    pub finding: Option<Finding>,
}

/// Where a line stands.
#[derive(Debug, Clone, Copy)]
pub struct Position {
    /// The log, in the order given.
    pub log: u16,
    /// The step.
    pub step: u32,
    /// The number of the line in its log.
    pub number: u64,
}

/// A run of lines that belongs to one finding.
#[derive(Debug, Clone)]
pub struct Block {
    /// The log (in the order given) that it stands in.
    pub log: u16,
    /// The step that it stands in.
    pub step: u32,
    /// Its lines, in order.
    pub lines: Vec<Kept>,
    /// The worth of its best line.
    pub weight: u16,
    /// How many blocks with the same first finding there are.
    pub count: u32,
    /// Opened by the runner's own report of an error.
    pub tail: bool,
    signature: u64,
}

impl Block {
    /// The findings of the block, in order.
    pub fn findings(&self) -> impl Iterator<Item = (&Kept, &Finding)> {
        self.lines.iter().filter_map(|l| l.finding.as_ref().map(|f| (l, f)))
    }

    /// Gives those findings that tell only a line the file of the heading above them: some linters print a file once, and its rows below.
    pub fn place_under_headings(&mut self) {
        let mut heading = None;
        for finding in self.lines.iter_mut().filter_map(|line| line.finding.as_mut()) {
            match (&finding.file, finding.line) {
                (Some((path, None)), _) if finding.rule.role == Role::Detail => heading = Some(path.clone()),
                (None, Some(line)) => finding.file = heading.clone().map(|path| (path, Some(line))),
                _ => {}
            }
        }
    }

    /// The finding that the copies of the block are copies of.
    #[must_use]
    pub fn lead(&self) -> Option<u64> {
        self.findings().find(|(_, f)| !matches!(f.rule.role, Role::Frame | Role::Detail)).map(|(line, _)| line.number)
    }
}

/// All blocks, and the one that is open.
#[derive(Debug, Default)]
pub struct Blocks {
    done: Vec<Block>,
    open: Option<Open>,
    seen: HashMap<u64, (u32, usize)>,
    copies: HashMap<u64, usize>,
    bytes: usize,
}

#[derive(Debug)]
struct Open {
    block: Block,
    left: u16,
    ends: &'static [&'static str],
    paragraph: bool,
    indent: Option<usize>,
    /// Lines since the last finding: a block fades where nothing is found.
    since: u16,
}

fn indent_of(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

impl Blocks {
    /// A block is open: the following lines may belong to it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The worth of the best message or test that was found in a step, if a format was recognised at all.
    #[must_use]
    pub fn best(&self, log: u16, step: u32) -> u16 {
        let open = self.open.iter().map(|o| &o.block);
        let known = |f: &Finding| matches!(f.rule.role, Role::Cause | Role::Test) && f.rule.category.is_some_and(|c| c != Category::Unknown);
        self.done
            .iter()
            .chain(open)
            .filter(|b| b.log == log && b.step == step)
            .flat_map(Block::findings)
            .filter(|(_, f)| known(f))
            .map(|(_, f)| f.rule.weight)
            .max()
            .unwrap_or(0)
    }

    /// The numbers of the lines from `from` on in which something was recognised; a weak guess may be replaced.
    #[must_use]
    pub fn found_since(&self, log: u16, from: u64) -> HashSet<u64> {
        let lines = self.done.iter().filter(|b| b.log == log).flat_map(|b| &b.lines);
        lines.filter(|l| l.number >= from && l.finding.as_ref().is_some_and(|f| f.rule.weight > GUESS)).map(|l| l.number).collect()
    }

    /// Whether a rule may be looked for now. Most are looked for anywhere; some mean something only inside a
    /// block, after another rule, or (names of tests) where their own tool has been recognised.
    #[must_use]
    pub fn accepts(&self, rule: &Rule) -> bool {
        if !rule.inside {
            return true;
        }
        let Some(open) = &self.open else { return false };
        if !rule.follows.is_empty() {
            let last = open.block.lines.iter().rev().find_map(|l| l.finding.as_ref());
            return last.is_some_and(|f| rule.follows.contains(&f.rule.id));
        }
        rule.role != Role::Test || open.block.findings().any(|(_, f)| f.rule.family() == rule.family())
    }

    /// All blocks, once the open one is closed.
    #[must_use]
    pub fn finish(mut self) -> Vec<Block> {
        self.close();
        self.done
    }

    /// Closes the open block.
    pub fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let mut block = open.block;
        // What follows the last finding and is empty belongs to nobody.
        while block.lines.last().is_some_and(|l| l.finding.is_none() && l.text.trim().is_empty()) {
            block.lines.pop();
        }
        let placed = block.findings().any(|(_, f)| f.rule.id == "rustc.arrow");
        for finding in block.lines.iter_mut().filter_map(|l| l.finding.as_mut()).filter(|f| !placed && f.rule.id == "rustc.macro") {
            finding.rule = &super::compilers::rustc::UNPLACED;
        }
        for at in 1..block.lines.len() {
            let arrow = block.lines[at].finding.as_ref().is_some_and(|f| f.rule.id == "rustc.arrow");
            let said = &mut block.lines[at - 1];
            if arrow
                && said.text.trim_start().starts_with("error: ")
                && let Some(finding) = said.finding.as_mut().filter(|f| f.rule.id == "generic.error")
            {
                finding.rule = &super::compilers::rustc::PLACED;
                block.weight = block.weight.max(finding.rule.weight);
            }
        }
        self.bytes += block.lines.iter().map(|l| l.text.len() + 64).sum::<usize>();
        self.done.push(block);
        if self.done.len() > BLOCK_LIMIT || self.bytes > BYTES_LIMIT {
            self.evict();
        }
    }

    /// Drops the quarter of the blocks that is worth least; of equals the middle ones go: a log's first
    /// errors are causes, its last ones are what stopped it.
    fn evict(&mut self) {
        let total = self.done.len();
        let mut order: Vec<(u32, usize)> = self
            .done
            .iter()
            .enumerate()
            .map(|(at, b)| {
                let edge = at.min(total - 1 - at);
                let far = u32::try_from(edge * 20 / total.max(1)).unwrap_or(10);
                (u32::from(b.weight) * 4 + u32::from(b.tail) * 100 - far.min(40), at)
            })
            .collect();
        order.sort_unstable();
        let victims: HashSet<usize> = order.iter().take(total / 4).map(|(_, at)| *at).collect();
        let mut at = 0;
        let mut moved = vec![usize::MAX; total];
        let mut next = 0;
        self.done.retain(|_| {
            at += 1;
            let stays = !victims.contains(&(at - 1));
            if stays {
                moved[at - 1] = next;
                next += 1;
            }
            stays
        });
        self.bytes = self.done.iter().flat_map(|b| &b.lines).map(|l| l.text.len() + 64).sum();
        // What was dropped stays known, so that its copies are not taken up again; only their count is lost.
        for first in self.seen.values_mut().map(|(_, first)| first).chain(self.copies.values_mut()) {
            *first = moved.get(*first).copied().unwrap_or(usize::MAX);
        }
    }

    /// Counts a finding: true if it has been seen often enough, and nothing more is to be done with the line, or with any
    /// other of the same `raw` signature (0: none), numbers and all.
    ///
    /// What stands in an open block is counted too, so that it opens none of its own where it comes again without that
    /// block's beginning.
    pub fn repeated(&mut self, rule: &Rule, text: &str, raw: u64) -> bool {
        if rule.inside || rule.named_above {
            return false;
        }
        let inside = self.open.is_some();
        let signature = seen_as(rule, text);
        let full = self.seen.len() >= SIGNATURES;
        let at = if inside { usize::MAX } else { self.done.len() };
        match self.seen.get_mut(&signature) {
            Some((count, first)) => {
                *count += 1;
                if *count <= COPIES {
                    return false;
                }
                if !inside && let Some(block) = self.done.get_mut(*first) {
                    block.count += 1;
                }
                if raw != 0 && self.copies.len() < SIGNATURES {
                    self.copies.insert(raw, *first);
                }
                !inside
            }
            None if full => false,
            None => {
                self.seen.insert(signature, (1, at));
                false
            }
        }
    }

    /// The same rule found the same, after masking, before.
    #[must_use]
    pub fn has_seen(&self, rule: &Rule, text: &str) -> bool {
        !rule.inside && self.seen.contains_key(&seen_as(rule, text))
    }

    /// Counts a line whose raw signature is that of one which [`Self::repeated`] has settled.
    pub fn copy(&mut self, raw: u64) -> bool {
        let Some(first) = self.copies.get(&raw) else { return false };
        if let Some(block) = self.done.get_mut(*first) {
            block.count += 1;
        }
        true
    }

    /// Takes a line in which a rule found something. `history` gives the lines before it, nearest first.
    pub fn found(&mut self, at: Position, text: String, finding: Finding, history: impl FnOnce(usize) -> Vec<Earlier>) {
        let Position { log, step, number } = at;
        let rule = finding.rule;
        let apart = self.open.as_ref().is_some_and(|o| o.block.step != step || o.block.log != log || rule.opens || o.block.lines.len() >= BLOCK_LINES);
        if apart {
            self.close();
        }
        let indent = indent_of(&text);
        if self.open.is_none() {
            let mut lines = Vec::new();
            if rule.before > 0 {
                // Read back, a line may come after lines that stand behind it.
                let near = self.done.iter().rev().take(24).filter(|b| b.log == log);
                let last = near.flat_map(|b| b.lines.last()).map(|l| l.number).filter(|n| *n < number).max().unwrap_or(0);
                let before = history(rule.before as usize);
                let count = before.len();
                for (at, Earlier { number, text, finding }) in before.into_iter().enumerate().rev() {
                    if number > last {
                        // Nearest first: `at` 0 is the line just before.
                        let nearness = 30_u16.saturating_sub(u16::try_from(at * 24 / count.max(1)).unwrap_or(24));
                        lines.push(Kept { number, text, nearness, finding });
                    }
                }
            }
            let signature = hash(&mask(&text, Depth::Full));
            self.open = Some(Open {
                block: Block { log, step, lines, weight: 0, count: 1, tail: false, signature },
                left: 0,
                ends: &[],
                paragraph: false,
                indent: None,
                since: 0,
            });
        }
        let Some(open) = self.open.as_mut() else { return };
        open.block.weight = open.block.weight.max(rule.weight);
        open.block.lines.push(Kept { number, text, nearness: 0, finding: Some(finding) });
        open.since = 0;
        let more = match rule.extent {
            Extent::Line => 0,
            Extent::After(n) | Extent::Paragraph(n) | Extent::Indented(n) | Extent::Section(n, _) => n,
        };
        // A detail must not cut short the section that it stands in.
        if more > open.left {
            open.left = more;
            open.paragraph = matches!(rule.extent, Extent::Paragraph(_));
            open.indent = matches!(rule.extent, Extent::Indented(_)).then_some(indent);
            open.ends = match rule.extent {
                Extent::Section(_, ends) => ends,
                _ => &[],
            };
        }
        if open.left == 0 {
            self.close();
        }
    }

    /// Takes a line in which nothing was found, if the open block reaches so far.
    pub fn context(&mut self, number: u64, text: String) {
        let Some(open) = self.open.as_mut() else { return };
        let body = text.trim();
        let ends = (open.paragraph && body.is_empty() && open.since > 0)
            || (open.indent.is_some_and(|i| !body.is_empty() && indent_of(&text) <= i && !body.starts_with(['|', '^', '=', '~'])))
            || open.ends.iter().any(|end| body.starts_with(end));
        if ends || open.left == 0 || open.block.lines.len() >= BLOCK_LINES {
            self.close();
            return;
        }
        open.left -= 1;
        open.since += 1;
        let nearness = 26_u16.saturating_sub(open.since * 3).max(4);
        open.block.lines.push(Kept { number, text, nearness, finding: None });
    }

    /// Keeps the end of a failed step (or of a log): the lines before its end, nearest first in `lines`.
    pub fn tail(&mut self, log: u16, step: u32, lines: Vec<Earlier>) {
        self.close();
        let stored: HashSet<u64> = self.done.iter().rev().take(24).filter(|b| b.log == log).flat_map(|b| b.lines.iter().map(|l| l.number)).collect();
        let count = lines.len();
        let kept: Vec<Kept> = lines
            .into_iter()
            .enumerate()
            .rev()
            .filter(|(_, line)| !stored.contains(&line.number))
            .map(|(at, Earlier { number, text, finding })| {
                let nearness = 34_u16.saturating_sub(u16::try_from(at * 22 / count.max(1)).unwrap_or(22));
                Kept { number, text, nearness, finding }
            })
            .collect();
        if kept.is_empty() {
            return;
        }
        let signature = kept.last().map_or(0, |k| hash(&mask(&k.text, Depth::Full)));
        self.bytes += kept.iter().map(|l| l.text.len() + 64).sum::<usize>();
        self.done.push(Block { log, step, lines: kept, weight: 30, count: 1, tail: true, signature });
        if self.done.len() > BLOCK_LIMIT || self.bytes > BYTES_LIMIT {
            self.evict();
        }
    }

    /// Passes over a line of the open block that says nothing (a frame of a library, a test that passed).
    pub fn skip(&mut self, text: &str) {
        let Some(open) = self.open.as_mut() else { return };
        if open.left == 0 || open.ends.iter().any(|end| text.trim_start().starts_with(end)) {
            self.close();
            return;
        }
        open.left -= 1;
    }
}

/// How a finding is told from others.
fn seen_as(rule: &Rule, text: &str) -> u64 {
    // Numbers tell tests and totals apart; elsewhere they are noise.
    let depth = if matches!(rule.role, Role::Test | Role::Summary) { Depth::Name } else { Depth::Full };
    hash(&mask(text, depth)) ^ hash(rule.id)
}

/// How often each message was said, by the hash of its mask.
#[must_use]
pub fn occurrences(blocks: &[Block]) -> HashMap<u64, u32> {
    let mut counts: HashMap<u64, u32> = HashMap::new();
    // The end of a step repeats lines that have been counted.
    for block in blocks.iter().filter(|b| !b.tail) {
        let lead = block.lead();
        for (line, finding) in block.findings() {
            let copies = if lead == Some(line.number) { block.count } else { 1 };
            *counts.entry(hash(&mask(&finding.message, Depth::Full))).or_default() += copies;
        }
    }
    counts
}

/// Stands for a block while it is taken apart.
const TAKEN: Block = Block { log: 0, step: 0, lines: Vec::new(), weight: 0, count: 0, tail: false, signature: 0 };

/// Two readings of the same lines as one: of each line the better understood reading.
fn merged(mut better: Block, other: Block) -> Block {
    for line in other.lines {
        match better.lines.iter_mut().find(|l| l.number == line.number) {
            Some(known) if known.finding.is_none() && line.finding.is_some() => *known = line,
            Some(_) => {}
            None => better.lines.push(line),
        }
    }
    better.lines.sort_by_key(|l| l.number);
    better
}

/// Folds blocks that say the same (after masking) into the first of them, which counts them.
#[must_use]
pub fn fold(blocks: Vec<Block>) -> Vec<Block> {
    let mut first: HashMap<(u64, u64), usize> = HashMap::new();
    let mut out: Vec<Block> = Vec::with_capacity(blocks.len());
    for block in blocks {
        let content = block
            .lines
            .iter()
            .filter(|l| l.finding.as_ref().is_some_and(|f| !matches!(f.rule.role, Role::Frame | Role::Wrapper)))
            .fold(0_u64, |h, l| h.rotate_left(7) ^ hash(&mask(&l.text, Depth::Name)));
        let key = (block.signature, content);
        match first.get(&key) {
            Some(at) if !block.tail => {
                let known = &mut out[*at];
                // A line that was read back is the same line, and better understood.
                let again = known.lead().is_some() && known.lead() == block.lead() && known.log == block.log;
                let count = if again { known.count } else { known.count + block.count };
                let (better, other) =
                    if block.weight > known.weight { (block, std::mem::replace(known, TAKEN)) } else { (std::mem::replace(known, TAKEN), block) };
                *known = if again { merged(better, other) } else { better };
                known.count = count;
            }
            _ => {
                first.insert(key, out.len());
                out.push(block);
            }
        }
    }
    out
}
