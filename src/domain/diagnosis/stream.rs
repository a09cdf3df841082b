//! The streaming pass: bytes in pieces of any size, lines out, of which most are never looked at.

use super::blocks::{Block, Blocks, Earlier, Finding, Position};
use super::clean::{clean_line, strip, timestamp_len};
use super::green::GreenProfile;
use super::paths;
use super::prefix::peel;
use super::rule::{Extent, Role, Rule, RuleSet};
use super::structure::{Mark, Steps, exit_code};
use super::systems;

/// Bytes taken into the buffer at a time.
const PIECE: usize = 256 << 10;
/// Bytes before the current line that stay readable.
const HISTORY: usize = 128 << 10;
/// A line longer than this is taken in pieces.
const LINE: usize = 64 << 10;
/// Lines kept from the end of a failed step.
const TAIL: usize = 16;
/// Lines and bytes of the end of a failed step that are read back where no format was recognised in it.
const READ_BACK: usize = 400;
const READ_BACK_BYTES: usize = HISTORY / 2;
/// A finding of this worth says enough about a step.
const UNDERSTOOD: u16 = 78;
/// Most steps that are read back: a log may imitate the end of thousands.
const READ_BACKS: u16 = 24;
/// Reports of one step beside which lines are kept.
const REPORTS: u32 = 200;
/// The rule for what the runner marks as an error and no other rule knows.
const ANNOTATED: &str = "runner.error";
/// Lines kept from the end of a log in which no step failed.
const LAST: usize = 30;

/// What one pass over one or several logs collects.
pub(crate) struct Collected {
    pub blocks: Vec<Block>,
    pub steps: Steps,
    pub hostile: bool,
    pub binary: bool,
    /// The end of the log if the runner never reported an error.
    pub marked: bool,
    /// Number of the last line.
    pub last: u64,
}

/// The state of the pass.
pub(crate) struct Stream<'g> {
    rules: &'static RuleSet,
    green: Option<&'g GreenProfile>,
    buffer: Vec<u8>,
    /// Offset in the buffer of the first byte that was not yet looked at; always the start of a line.
    at: usize,
    /// Number of the line at `at`.
    number: u64,
    decoder: Decoder,
    blocks: Blocks,
    steps: Steps,
    log: u16,
    started: bool,
    named: bool,
    bytes: u64,
    boring: Boring,
    hostile: bool,
    nul: u64,
    marked: bool,
    marked_here: bool,
    /// What is muted from here on: so many lines, until one starts with one of these.
    muted: Option<(u16, &'static [&'static str])>,
    read_backs: u16,
    /// Number of the first line that was not yet read back.
    unread: u64,
    /// How often the runner reported something in which step.
    reports: (u32, u32),
}

/// Signatures of lines that passed the gate and turned out to be nothing: a log says most things often.
///
/// A line is remembered as it stands, numbers and all: `Found 0 errors` must not hide `Found 3 errors`.
#[derive(Debug)]
struct Boring(Vec<u64>);

impl Default for Boring {
    fn default() -> Self {
        Self(vec![0; 1 << 18])
    }
}

impl Boring {
    fn contains(&self, signature: u64) -> bool {
        self.0[signature as usize % self.0.len()] == signature
    }

    fn insert(&mut self, signature: u64) {
        let slot = signature as usize % self.0.len();
        self.0[slot] = signature;
    }
}

/// The hash of a raw line without its timestamp; never zero.
fn signature(raw: &[u8]) -> u64 {
    let hash = mix(0x6c62_272e_07bb_0142, &raw[timestamp_len(raw)..]);
    (hash ^ (hash >> 29)) | 1
}

/// Hashes bytes on, eight at a time: this sees every line that may say something.
fn mix(seed: u64, bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let step = |hash: u64, word: u64| {
        let product = u128::from(hash ^ word) * u128::from(FACTOR);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let (words, tail) = bytes.as_chunks::<8>();
    let mut hash = words.iter().fold(seed, |hash, word| step(hash, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..tail.len()].copy_from_slice(tail);
    // The length keeps zeros at the end apart from the filling.
    hash = step(hash, u64::from_le_bytes(last));
    step(hash, bytes.len() as u64 ^ FACTOR)
}

/// Logs of Windows tools come as UTF-16 at times; everything behind this is bytes of (mostly) UTF-8.
#[derive(Debug, Default)]
enum Decoder {
    #[default]
    Fresh,
    Bytes,
    Wide {
        big: bool,
        odd: Option<u8>,
        high: Option<u16>,
    },
}

impl Decoder {
    fn decode(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut bytes = bytes;
        if matches!(self, Self::Fresh) && !bytes.is_empty() {
            *self = match bytes {
                [0xff, 0xfe, ..] => Self::Wide { big: false, odd: None, high: None },
                [0xfe, 0xff, ..] => Self::Wide { big: true, odd: None, high: None },
                _ => Self::Bytes,
            };
            if matches!(self, Self::Wide { .. }) {
                bytes = &bytes[2..];
            }
        }
        let Self::Wide { big, odd, high } = self else {
            out.extend_from_slice(bytes);
            return;
        };
        for byte in bytes {
            let Some(first) = odd.take() else {
                *odd = Some(*byte);
                continue;
            };
            let unit = if *big { u16::from_be_bytes([first, *byte]) } else { u16::from_le_bytes([first, *byte]) };
            let units: Vec<u16> = match high.take() {
                Some(lead) => vec![lead, unit],
                None if (0xd800..0xdc00).contains(&unit) => {
                    *high = Some(unit);
                    continue;
                }
                None => vec![unit],
            };
            for decoded in char::decode_utf16(units) {
                let c = decoded.unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
}

impl<'g> Stream<'g> {
    pub fn new(green: Option<&'g GreenProfile>) -> Self {
        Self {
            rules: RuleSet::global(),
            green,
            buffer: Vec::new(),
            at: 0,
            number: 1,
            decoder: Decoder::Fresh,
            blocks: Blocks::default(),
            steps: Steps::default(),
            log: 0,
            started: false,
            named: false,
            bytes: 0,
            boring: Boring::default(),
            hostile: false,
            nul: 0,
            marked: false,
            marked_here: false,
            muted: None,
            read_backs: 0,
            unread: 0,
            reports: (0, 0),
        }
    }

    /// Begins the log of another job.
    pub fn job(&mut self, label: &str) {
        if self.started {
            self.end_log();
            self.log = self.log.saturating_add(1);
        }
        self.started = true;
        let label = strip(label.as_bytes(), &mut self.hostile);
        self.steps.job(&label);
    }

    pub fn push(&mut self, bytes: &[u8]) {
        if !self.started {
            self.job("");
        }
        self.bytes += bytes.len() as u64;
        for piece in bytes.chunks(PIECE) {
            self.forget();
            let before = self.buffer.len();
            self.decoder.decode(piece, &mut self.buffer);
            if self.bytes < (1 << 20) {
                self.nul += memchr::memchr_iter(0, &self.buffer[before..]).count() as u64;
            }
            self.work(false);
        }
    }

    /// Drops what is further back than the history.
    fn forget(&mut self) {
        if self.at > HISTORY + PIECE {
            let mut from = self.at - HISTORY;
            if let Some(next) = memchr::memchr(b'\n', &self.buffer[from..self.at]) {
                from += next + 1;
            }
            self.buffer.drain(..from);
            self.at -= from;
        }
    }

    /// Looks at all whole lines of the buffer (and at the last part when the log has `ended`).
    fn work(&mut self, ended: bool) {
        loop {
            let end = self.buffer.len();
            if self.at >= end {
                return;
            }
            if !self.blocks.is_open() && !self.steps.in_header() && self.muted.is_none() {
                let hit = self.rules.next_candidate(&self.buffer, self.at);
                let start = match hit {
                    Some(hit) => memchr::memrchr(b'\n', &self.buffer[self.at..hit]).map_or(self.at, |n| self.at + n + 1),
                    // Without a hit only an unfinished line is left to come back to.
                    None => memchr::memrchr(b'\n', &self.buffer[self.at..end]).map_or(self.at, |n| self.at + n + 1),
                };
                self.skip_to(start);
                if hit.is_none() {
                    // The part of an endless line that holds nothing need not be kept; its last bytes may
                    // be the beginning of something.
                    if end - self.at > LINE {
                        self.at = end - 64;
                    }
                    if !ended || self.at >= end {
                        return;
                    }
                }
            }
            let from = self.at;
            let stop = memchr::memchr(b'\n', &self.buffer[from..]).map(|n| from + n);
            let (line_end, next) = match stop {
                Some(n) if n - from <= LINE => (n, n + 1),
                None if end - from <= LINE => {
                    if !ended {
                        return;
                    }
                    (end, end)
                }
                // A longer line is taken piece by piece, each like a line.
                _ => (from + LINE, from + LINE),
            };
            let raw =
                if self.blocks.is_open() || self.steps.in_header() || self.muted.is_some() { None } else { Some(signature(&self.buffer[from..line_end])) };
            if raw.is_none_or(|raw| !self.boring.contains(raw) && !self.blocks.copy(raw)) {
                self.line(from, line_end, raw);
            }
            if next > line_end || line_end == end {
                self.number += 1;
            }
            self.at = next;
        }
    }

    fn skip_to(&mut self, start: usize) {
        self.number += memchr::memchr_iter(b'\n', &self.buffer[self.at..start]).count() as u64;
        self.at = start;
    }

    fn line(&mut self, from: usize, end: usize, signature: Option<u64>) {
        let raw = &self.buffer[from..end];
        let focus = if raw.len() > 4 * super::clean::LINE_LIMIT { self.rules.next_candidate(raw, 0).unwrap_or(0) } else { 0 };
        let cleaned = clean_line(raw, focus);
        self.hostile |= cleaned.hostile;
        if let Some((job, step)) = &cleaned.origin {
            self.named = true;
            self.steps.origin(job, step);
        }
        let text = cleaned.text;
        let was = self.steps.current();
        let mark = self.steps.line(&text, self.named);
        if self.steps.current() != was {
            self.blocks.close();
        }
        let mut ended = false;
        match mark {
            Mark::Structure => {
                self.muted = None;
                return;
            }
            Mark::End => self.end_step(from),
            Mark::Error => {
                self.marked = true;
                self.marked_here = true;
                if !self.blocks.is_open() && !self.has_spoken_enough() {
                    let lines = self.history(from, 6);
                    self.blocks.tail(self.log, self.steps.current(), lines);
                }
            }
            Mark::Content if !self.steps.on_github() && systems::ends(&text) && systems::code(&text) != Some(0) => {
                ended = true;
                let command = systems::command(&text).or_else(|| self.command_before(from));
                self.steps.end(&text, command);
                self.end_step(from);
            }
            Mark::Content if self.is_muted(&text) => return,
            Mark::Content => {}
        }
        let body = peel(&text);
        let inside = self.blocks.is_open();
        let mut found = self.rules.find(body, |rule| self.blocks.accepts(rule));
        // A problem matcher puts the runner's mark before a tool's own line: the tool says more than the mark.
        if found.as_ref().is_none_or(|f| f.rule.id == ANNOTATED)
            && let Some(told) = body.strip_prefix("##[error]")
            && let Some(tools) = self.rules.find(told, |rule| rule.late || self.blocks.accepts(rule))
            && tools.rule.weight > found.as_ref().map_or(0, |f| f.rule.weight)
            && matches!(tools.rule.role, Role::Cause | Role::Test)
        {
            found = Some(tools);
        }
        let says_nothing = match &found {
            Some(found) if found.rule.role == Role::Noise => {
                if found.rule.mutes {
                    self.mute(found.rule);
                }
                true
            }
            Some(found) if found.rule.role == Role::Frame => paths::foreign_frame(body),
            Some(_) => false,
            None => inside && paths::foreign_frame(body),
        };
        let Some(found) = found.filter(|_| !says_nothing) else {
            if inside && says_nothing {
                self.blocks.skip(&text);
            } else if inside {
                self.blocks.context(self.number, text);
            } else if let Some(signature) = signature
                && mark == Mark::Content
                && self.muted.is_none()
                && !ended
            {
                self.boring.insert(signature);
            }
            return;
        };
        // The runner's own marks are structure each time they come.
        let copied = if text.starts_with("##[") { 0 } else { signature.unwrap_or_else(|| self::signature(&self.buffer[from..end])) };
        if self.green.is_some_and(|g| g.contains(&text, found.rule.role)) || self.blocks.repeated(found.rule, &text, copied) {
            return;
        }
        let finding = finding_of(&found, body);
        let at = Position { log: self.log, step: self.steps.current(), number: self.number };
        let number = self.number;
        let (rules, green, buffer) = (self.rules, self.green, &self.buffer);
        let owned = text.clone();
        self.blocks.found(at, owned, finding, |count| lines_before(rules, green, Some(found.rule.family()), buffer, from, number, count));
    }

    fn mute(&mut self, rule: &Rule) {
        self.blocks.close();
        self.muted = match rule.extent {
            Extent::Section(lines, ends) => Some((lines, ends)),
            Extent::Line => None,
            Extent::After(lines) | Extent::Paragraph(lines) | Extent::Indented(lines) => Some((lines, &[])),
        };
    }

    /// Whether the line stands in a muted section, which it may end.
    fn is_muted(&mut self, text: &str) -> bool {
        let Some((left, ends)) = self.muted.as_mut() else { return false };
        let body = text.trim_start();
        if *left == 0 || ends.iter().any(|end| body.starts_with(end)) {
            self.muted = None;
            return false;
        }
        *left -= 1;
        true
    }

    /// The script of a step has ended and failed; the line at `from` says so.
    fn end_step(&mut self, from: usize) {
        self.muted = None;
        self.marked = true;
        self.marked_here = true;
        self.steps.ended_at(self.number);
        if self.has_spoken_enough() {
            return;
        }
        self.read_back(from);
        let lines = self.history(from, TAIL);
        self.blocks.tail(self.log, self.steps.current(), lines);
    }

    /// A step's end is reported once, its errors some times: what goes on for ever is an imitation.
    fn has_spoken_enough(&mut self) -> bool {
        let step = self.steps.current();
        if self.reports.0 != step {
            self.reports = (step, 0);
        }
        self.reports.1 += 1;
        self.reports.1 > REPORTS
    }

    /// Reads the end of a step once more, every line of it and with the late rules, if nothing in it was understood.
    fn read_back(&mut self, from: usize) {
        let (log, step) = (self.log, self.steps.current());
        if self.read_backs >= READ_BACKS || self.blocks.best(log, step) >= UNDERSTOOD {
            return;
        }
        self.read_backs += 1;
        self.blocks.close();
        if let Some(command) = self.command_before(from) {
            self.steps.ran(command);
        }
        let mut starts = Vec::new();
        let mut end = from;
        let mut number = self.number;
        while starts.len() < READ_BACK && end > from.saturating_sub(READ_BACK_BYTES) && number > self.unread.max(1) {
            let stop = if self.buffer[end - 1] == b'\n' { end - 1 } else { end };
            let start = memchr::memrchr(b'\n', &self.buffer[..stop]).map_or(0, |n| n + 1);
            let raw = &self.buffer[start..stop];
            let body = &raw[timestamp_len(raw)..];
            if body.starts_with(b"##[endgroup]") || from - start > READ_BACK_BYTES {
                break;
            }
            number -= 1;
            starts.push((start, stop, number));
            end = start;
        }
        self.unread = self.number;
        let Some((_, _, first)) = starts.last() else { return };
        let known = self.blocks.found_since(log, *first);
        for (start, stop, number) in starts.into_iter().rev() {
            let cleaned = clean_line(&self.buffer[start..stop.min(start + LINE)], 0);
            let text = cleaned.text;
            if known.contains(&number) || text.starts_with("##[") {
                self.blocks.close();
                continue;
            }
            if self.is_muted(&text) {
                continue;
            }
            let body = peel(&text);
            let found = self.rules.find(body, |rule| rule.late || self.blocks.accepts(rule));
            if let Some(noise) = found.as_ref().filter(|f| f.rule.mutes) {
                self.mute(noise.rule);
                continue;
            }
            let Some(found) = found.filter(|f| f.rule.role != Role::Noise && !(f.rule.role == Role::Frame && paths::foreign_frame(body))) else {
                if self.blocks.is_open() {
                    self.blocks.context(number, text);
                }
                continue;
            };
            // What the same rule found before is counted already.
            if self.green.is_some_and(|g| g.contains(&text, found.rule.role)) || (!found.rule.late && self.blocks.has_seen(found.rule, &text)) {
                continue;
            }
            let finding = finding_of(&found, body);
            let (rules, green, buffer) = (self.rules, self.green, &self.buffer);
            let owned = text.clone();
            let family = Some(found.rule.family());
            self.blocks.found(Position { log, step, number }, owned, finding, |count| lines_before(rules, green, family, buffer, start, number, count));
        }
        self.blocks.close();
        self.muted = None;
    }

    /// The last command before an offset, where a system echoes commands into the log.
    fn command_before(&self, from: usize) -> Option<String> {
        let first = from.saturating_sub(READ_BACK_BYTES);
        let mut end = from;
        while end > first {
            let stop = if self.buffer[end - 1] == b'\n' { end - 1 } else { end };
            let start = memchr::memrchr(b'\n', &self.buffer[first..stop]).map_or(first, |n| first + n + 1);
            let text = clean_line(&self.buffer[start..stop.min(start + LINE)], 0).text;
            if text.starts_with("##[endgroup]") {
                return None;
            }
            if let Some(command) = systems::echoed(&text) {
                return Some(command.chars().take(400).collect());
            }
            end = start;
        }
        None
    }

    fn history(&self, from: usize, count: usize) -> Vec<Earlier> {
        lines_before(self.rules, self.green, None, &self.buffer, from, self.number, count)
    }

    fn end_log(&mut self) {
        self.work(true);
        if !self.marked_here {
            self.read_back(self.buffer.len());
            let lines = lines_before(self.rules, self.green, None, &self.buffer, self.buffer.len(), self.number, LAST);
            self.blocks.tail(self.log, self.steps.current(), lines);
        }
        self.blocks.close();
        self.buffer.clear();
        self.at = 0;
        self.number = 1;
        self.decoder = Decoder::Fresh;
        self.marked_here = false;
        self.named = false;
        self.muted = None;
        self.unread = 0;
    }

    pub fn finish(mut self) -> Collected {
        if self.started {
            self.end_log();
        }
        Collected { blocks: self.blocks.finish(), steps: self.steps, hostile: self.hostile, binary: self.nul > 64, marked: self.marked, last: self.number }
    }
}

/// The cleaned lines before an offset, nearest first, not past a step's header.
fn lines_before(
    rules: &'static RuleSet,
    green: Option<&GreenProfile>,
    opener: Option<&str>,
    buffer: &[u8],
    from: usize,
    number: u64,
    count: usize,
) -> Vec<Earlier> {
    let mut out = Vec::new();
    let mut end = from;
    let mut number = number;
    while out.len() < count && end > 0 {
        let stop = if buffer[end - 1] == b'\n' { end - 1 } else { end };
        let start = memchr::memrchr(b'\n', &buffer[..stop]).map_or(0, |n| n + 1);
        if start == 0 && stop == 0 {
            break;
        }
        number = number.saturating_sub(1);
        let raw = &buffer[start..stop.min(start + LINE)];
        let text = clean_line(raw, 0).text;
        end = start;
        if text.starts_with("##[endgroup]") || text.starts_with("##[group]") {
            break;
        }
        if !text.trim().is_empty() {
            let body = peel(&text);
            // What only means something inside a block is believed of the same tool, and of places.
            let found = rules.find(body, |rule| {
                let believed = match opener {
                    Some(opener) => rule.family() == opener,
                    // Of the end of a step only what cannot be anything else.
                    None => rule.weight >= 94 && rule.role == Role::Cause,
                };
                !rule.inside || (rule.follows.is_empty() && (believed || matches!(rule.role, Role::Frame | Role::Detail)))
            });
            let found = found.filter(|f| f.rule.role != Role::Noise && !green.is_some_and(|g| g.contains(&text, f.rule.role)));
            let finding = found.as_ref().map(|f| finding_of(f, body));
            out.push(Earlier { number, text, finding });
        }
        if start == 0 {
            break;
        }
    }
    out
}

/// What a matching line says.
fn finding_of(found: &super::rule::Match<'_>, body: &str) -> Finding {
    let line = found.get("line").and_then(|line| line.parse().ok());
    Finding {
        rule: found.rule,
        tests: test_names(found),
        file: found.get("file").and_then(|file| paths::repository_path(file).map(|p| (p, line))),
        line,
        message: found.get("msg").unwrap_or(body.trim()).to_owned(),
        code: found.get("code").and_then(|c| c.parse().ok()).or_else(|| (found.rule.role == Role::Wrapper).then(|| exit_code(body)).flatten()),
        command: found.get("cmd").map(ToOwned::to_owned),
    }
}

/// A name without the time that its test took, in whatever brackets.
fn without_duration(name: &str) -> &str {
    let Some(open) = name.strip_suffix([')', ']']).and_then(|inner| inner.rfind(['(', '['])) else { return name };
    let inner = &name[open + 1..name.len() - 1];
    let unit = inner.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '<' | ' '));
    let timed = unit.len() < inner.len() && matches!(unit, "ms" | "s" | "sec" | "seconds" | "µs" | "us" | "ns" | "m");
    if timed && open > 0 { name[..open].trim_end() } else { name }
}

/// `3 errors, 1 warning` stands where a name could stand, in more than one tool's totals.
fn is_total(name: &str) -> bool {
    let rest = name.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < name.len()
        && [" error", " warning", " problem", " issue", " failed", " failing", " failure", " passed", " of ", " tests", " targets"]
            .iter()
            .any(|word| rest.starts_with(word))
}

fn test_names(found: &super::rule::Match<'_>) -> Vec<String> {
    if !matches!(found.rule.role, Role::Test | Role::Passed) {
        return Vec::new();
    }
    let Some(test) = found.get("test").map(without_duration).filter(|test| !is_total(test) && !test.ends_with(" (skipped)")) else { return Vec::new() };
    if found.rule.family() == "unknown" && !super::runners::unknown::is_name(test) {
        return Vec::new();
    }
    let name = match found.get("class") {
        Some(class) if test.starts_with(class) => test.to_owned(),
        Some(class) => format!("{}.{test}", class.replace(" > ", "$")),
        None => test.to_owned(),
    };
    vec![name.chars().take(400).collect()]
}
