//! The streaming pass: bytes in pieces of any size, lines out, of which most are never looked at.

use super::blocks::{Block, Blocks, Earlier, Finding, Position};
use super::clean::{clean_line, strip, timestamp_len};
use super::green::GreenProfile;
use super::paths;
use super::rule::{Role, RuleSet};
use super::structure::{Mark, Steps, exit_code};

/// Bytes taken into the buffer at a time.
const PIECE: usize = 256 << 10;
/// Bytes before the current line that stay readable.
const HISTORY: usize = 32 << 10;
/// A line longer than this is taken in pieces.
const LINE: usize = 64 << 10;
/// Lines kept from the end of a failed step.
const TAIL: usize = 16;
/// Lines kept from the end of a log in which no step failed.
const LAST: usize = 30;

/// What one pass over one or several logs collects.
pub(crate) struct Collected {
    pub blocks: Vec<Block>,
    pub steps: Steps,
    pub hostile: bool,
    pub addresses_model: bool,
    pub binary: bool,
    /// The end of the log if the runner never reported an error.
    pub marked: bool,
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
    addresses_model: bool,
    nul: u64,
    marked: bool,
    marked_here: bool,
}

/// Signatures of lines that passed the gate and turned out to be nothing: a log says most things often.
#[derive(Debug)]
struct Boring(Vec<u64>);

impl Default for Boring {
    fn default() -> Self {
        Self(vec![0; 1 << 15])
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

/// A hash of a raw line without its timestamp and without its digits; never zero.
fn signature(raw: &[u8]) -> u64 {
    let body = &raw[timestamp_len(raw)..];
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in body {
        if !byte.is_ascii_digit() {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    (hash ^ (hash >> 29)) | 1
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
            addresses_model: false,
            nul: 0,
            marked: false,
            marked_here: false,
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
            if !self.blocks.is_open() && !self.steps.in_header() {
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
            let raw = if self.blocks.is_open() || self.steps.in_header() { None } else { Some(signature(&self.buffer[from..line_end])) };
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
        match mark {
            Mark::Structure => {
                return;
            }
            Mark::End => {
                self.marked = true;
                self.marked_here = true;
                let lines = self.history(from, TAIL);
                self.blocks.tail(self.log, self.steps.current(), lines);
            }
            Mark::Error => {
                self.marked = true;
                self.marked_here = true;
                if !self.blocks.is_open() {
                    let lines = self.history(from, 6);
                    self.blocks.tail(self.log, self.steps.current(), lines);
                }
            }
            Mark::Content => {}
        }
        let body = peel(&text);
        let inside = self.blocks.is_open();
        let found = self.rules.find(body, |rule| self.blocks.accepts(rule));
        let says_nothing = match &found {
            Some(found) if found.rule.role == Role::Noise => true,
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
            {
                self.boring.insert(signature);
            }
            return;
        };
        if addresses_model(body) {
            self.addresses_model = true;
        }
        if self.green.is_some_and(|g| g.contains(&text)) || self.blocks.repeated(found.rule, &text, signature.unwrap_or_default()) {
            return;
        }
        let finding = finding_of(&found, body);
        let at = Position { log: self.log, step: self.steps.current(), number: self.number };
        let number = self.number;
        let (rules, green, buffer) = (self.rules, self.green, &self.buffer);
        let owned = text.clone();
        self.blocks.found(at, owned, finding, |count| lines_before(rules, green, Some(found.rule.family()), buffer, from, number, count));
    }

    fn history(&self, from: usize, count: usize) -> Vec<Earlier> {
        lines_before(self.rules, self.green, None, &self.buffer, from, self.number, count)
    }

    fn end_log(&mut self) {
        self.work(true);
        if !self.marked_here {
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
    }

    pub fn finish(mut self) -> Collected {
        if self.started {
            self.end_log();
        }
        Collected {
            blocks: self.blocks.finish(),
            steps: self.steps,
            hostile: self.hostile,
            addresses_model: self.addresses_model,
            binary: self.nul > 64,
            marked: self.marked,
        }
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
            let found = found.filter(|f| f.rule.role != Role::Noise && !green.is_some_and(|g| g.contains(&text)));
            let finding = found.as_ref().map(|f| finding_of(f, body));
            out.push(Earlier { number, text, finding });
        }
        if start == 0 {
            break;
        }
    }
    out
}

/// The line without the prefix that a build tool puts before the output of what it runs.
#[must_use]
pub fn peel(text: &str) -> &str {
    let trimmed = text.trim_start();
    // Ant: `    [junit] text`.
    if let Some(rest) = trimmed.strip_prefix('[')
        && let Some((task, body)) = rest.split_once(']')
        && matches!(task, "junit" | "junitlauncher" | "javac" | "exec" | "java" | "testng" | "apply" | "scalac" | "groovyc" | "kotlinc")
    {
        return body.strip_prefix(' ').unwrap_or(body);
    }
    // BuildKit: `#12 0.345 text`, and `0.345 text` in its closing summary.
    let after_step = trimmed.strip_prefix('#').map_or(trimmed, |rest| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 && rest.as_bytes().get(digits) == Some(&b' ') { &rest[digits + 1..] } else { trimmed }
    });
    let digits = after_step.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 && digits < 6 {
        let rest = &after_step[digits..];
        if let Some(fraction) = rest.strip_prefix('.') {
            let more = fraction.bytes().take_while(u8::is_ascii_digit).count();
            if (1..=4).contains(&more) && fraction.as_bytes().get(more) == Some(&b' ') {
                return &fraction[more + 1..];
            }
        }
    }
    // Turborepo (`pkg:test: text`), pnpm -r (`packages/a test: text`), nx and lerna (`pkg: text` is too common to peel).
    if let Some((head, body)) = text.split_once(": ") {
        let scoped = head.split_once(':').is_some_and(|(package, task)| {
            !package.is_empty()
                && package.chars().all(|c| c.is_ascii_alphanumeric() || "@/_-.".contains(c))
                && matches!(task, "test" | "build" | "lint" | "typecheck" | "type-check" | "check-types" | "check" | "format" | "test:unit" | "ci")
        });
        let spaced = head.split_once(' ').is_some_and(|(package, task)| {
            !package.is_empty()
                && package.chars().all(|c| c.is_ascii_alphanumeric() || "@/_-.".contains(c))
                && (package.contains('/') || package == ".")
                && matches!(task, "test" | "build" | "lint" | "typecheck" | "check" | "prepare" | "postinstall" | "compile")
        });
        if scoped || spaced {
            return body;
        }
    }
    text
}

/// Sentences that are written for a model that reads the log. They stay data; a reader is told.
fn addresses_model(text: &str) -> bool {
    let lower = text.to_lowercase();
    [
        "ignore previous instructions",
        "ignore all previous",
        "ignore the above",
        "disregard previous",
        "disregard all previous",
        "you are an ai",
        "as an ai model",
        "as an ai language",
        "system prompt",
        "you must now",
        "new instructions:",
        "dear assistant",
        "attention ai",
    ]
    .iter()
    .any(|p| lower.contains(p))
}

/// What a matching line says.
fn finding_of(found: &super::rule::Match<'_>, body: &str) -> Finding {
    Finding {
        rule: found.rule,
        tests: test_names(found),
        file: found.get("file").and_then(|file| paths::repository_path(file).map(|p| (p, found.get("line").and_then(|l| l.parse().ok())))),
        message: found.get("msg").unwrap_or(body.trim()).to_owned(),
        code: found.get("code").and_then(|c| c.parse().ok()).or_else(|| (found.rule.role == Role::Wrapper).then(|| exit_code(body)).flatten()),
        command: found.get("cmd").map(ToOwned::to_owned),
    }
}

fn test_names(found: &super::rule::Match<'_>) -> Vec<String> {
    if found.rule.role != Role::Test {
        return Vec::new();
    }
    let Some(test) = found.get("test") else { return Vec::new() };
    let name = match found.get("class") {
        Some(class) if test.starts_with(class) => test.to_owned(),
        Some(class) => format!("{}.{test}", class.replace(" > ", "$")),
        None => test.to_owned(),
    };
    vec![name.chars().take(400).collect()]
}
