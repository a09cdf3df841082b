//! Secrets in text, masked line for line before anything is stored, shown or sent.
//!
//! Three detectors look at a line, cheapest first: tokens that say what they are by their prefix, places that say what stands in them (a header, a
//! URL's password, a flag), and assignments to a name that means a secret. A line in which no trigger of theirs occurs is copied as it is. Only the
//! secret is masked, as `[redacted:kind]`; its name, host and user stay, so that the text still tells what happened.
//!
//! **Invariant:** the number of lines is kept, a second pass changes nothing, and memory is bounded whatever comes in.

mod assignment;
mod block;
mod context;
mod disguise;
mod names;
mod text;
mod tokens;
mod value;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use assignment::Awaited;
use block::Block;
use text::random;

/// Bytes of a line that are looked at together; a longer line is looked at in pieces, cut between words.
pub const LONGEST_LINE: usize = 4 << 20;
/// How far back from the end of a piece a gap between words is looked for.
const CUT_WINDOW: usize = 64 << 10;
/// Bytes of a mask at most: `[redacted:` and a kind.
const LONGEST_MASK: usize = 64;
/// Passes over a line in which something was masked, until nothing is left to mask.
const PASSES: usize = 8;

/// A text without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Redacted {
    /// How many secrets of each kind were masked.
    pub counts: BTreeMap<String, usize>,
    /// The text, with `[redacted:kind]` for every secret.
    pub text: String,
}

/// Masks every secret in `text`.
#[must_use]
pub fn redact(text: &str) -> Redacted {
    let mut redactor = Redactor::new();
    let mut out = Vec::with_capacity(text.len() + 64);
    redactor.push(text.as_bytes(), &mut out);
    let counts = redactor.finish(&mut out);
    // Masks begin and end beside ASCII, so what was UTF-8 still is; were it not, losing a character is better than failing.
    let text = String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
    Redacted { counts, text }
}

/// A stretch of a line that is to be masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: usize,
    end: usize,
    kind: &'static str,
    /// Which kind names a stretch that several detectors claim.
    rank: usize,
    /// Whether it is counted with its line (a block is counted once).
    counted: bool,
}

impl Span {
    fn new(start: usize, end: usize, kind: &'static str, rank: usize) -> Self {
        Self { start, end, kind, rank, counted: true }
    }

    fn uncounted(mut self) -> Self {
        self.counted = false;
        self
    }
}

/// The triggers of every detector, each in one automaton.
struct Triggers {
    /// Prefixes of tokens, as they are spelled: the first place, and the longest prefix there. The index is the token's.
    tokens: AhoCorasick,
    /// For every token, those whose prefix its own begins with, itself among them.
    shorter: Vec<Vec<usize>>,
    /// Words of contexts and assignments, in any case.
    words: AhoCorasick,
}

static TRIGGERS: LazyLock<Triggers> = LazyLock::new(|| Triggers {
    tokens: AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .match_kind(MatchKind::LeftmostLongest)
        .build(tokens::TOKENS.iter().map(|t| t.prefix))
        .expect("a few hundred short literals fit an automaton"),
    shorter: tokens::TOKENS
        .iter()
        .map(|long| (0..tokens::TOKENS.len()).filter(|short| long.prefix.starts_with(tokens::TOKENS[*short].prefix)).collect())
        .collect(),
    words: AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .ascii_case_insensitive(true)
        .build(context::TRIGGERS.iter().map(|(word, _)| word.as_bytes()).chain(assignment::WORDS.iter().map(|word| word.as_bytes())).chain(disguise::HIDDEN))
        .expect("a few hundred short literals fit an automaton"),
});

/// Masks secrets in a stream of bytes, whatever its encoding. Holds at most one line, or [`LONGEST_LINE`] of it.
#[derive(Debug, Default)]
pub struct Redactor {
    /// The beginning of a line whose end has not come yet.
    held: Vec<u8>,
    block: Block,
    /// Keys whose body began, and of which nothing was masked yet.
    begun: usize,
    /// A line before named a secret whose value this one may hold.
    named: Option<Awaited>,
    counts: BTreeMap<String, usize>,
}

impl Redactor {
    /// Nothing seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes, and appends what is settled to `out`: whole lines.
    pub fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while !self.held.is_empty() && !bytes.is_empty() {
            let line = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |i| i + 1);
            let take = line.min(LONGEST_LINE - self.held.len());
            self.held.extend_from_slice(&bytes[..take]);
            bytes = &bytes[take..];
            // What is held has no line end but its last byte: it is not searched again for every byte that comes.
            let whole = self.held.ends_with(b"\n") || self.held.len() == LONGEST_LINE;
            if let Some(end) = whole.then(|| piece(&self.held)).flatten() {
                let mut held = std::mem::take(&mut self.held);
                self.line(&held[..end], out);
                held.drain(..end);
                self.held = held;
            }
        }
        let settled = self.lines(bytes, out);
        self.held.extend_from_slice(&bytes[settled..]);
    }

    /// Takes what is held as the last line, and tells how many secrets of each kind were masked.
    #[must_use]
    pub fn finish(mut self, out: &mut Vec<u8>) -> BTreeMap<String, usize> {
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            self.line(&held, out);
        }
        self.counts
    }

    /// Redacts the whole lines that `bytes` begins with, and tells how many bytes they are.
    fn lines(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> usize {
        let mut at = 0;
        // Where each automaton found its next trigger; found once, it stands until it is passed.
        let mut token = Ahead::default();
        let mut word = Ahead::default();
        while let Some(len) = piece(&bytes[at..]) {
            // A piece that no line end closes is judged by itself, wherever it was cut.
            if self.block == Block::Outside && self.named.is_none() && bytes[at + len - 1] == b'\n' {
                let next = token.next(bytes, at, next_token).min(word.next(bytes, at, next_word));
                if next >= at + len {
                    // No trigger up to `next`: copy the lines before the one it stands in.
                    let quiet = memchr::memrchr(b'\n', &bytes[at..next]).map_or(0, |i| i + 1).max(len);
                    out.extend_from_slice(&bytes[at..at + quiet]);
                    at += quiet;
                    continue;
                }
            }
            self.line(&bytes[at..at + len], out);
            at += len;
        }
        at
    }

    /// Redacts one line, or a piece of a long one.
    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        let mut spans = Vec::new();
        block::scan(&mut self.block, line, &mut spans, &mut self.begun);
        let awaited = self.named.take().and_then(|what| assignment::awaited(line, what, &mut spans));
        detect(line, &mut spans);
        disguised(line, &mut spans);
        repeats(line, &mut spans);
        if spans.is_empty() {
            self.named = assignment::named(line).or(awaited.filter(|what| what.goes_on(line)));
            out.extend_from_slice(line);
            return;
        }
        let mut current = self.mask(line, &mut spans);
        for _ in 1..PASSES {
            spans.clear();
            detect(&current, &mut spans);
            disguised(&current, &mut spans);
            if spans.is_empty() {
                break;
            }
            let next = self.mask(&current, &mut spans);
            if next == current {
                break;
            }
            current = next;
        }
        // Asked of what is left, as a second pass will ask it: a name may have been a part of a secret.
        self.named = assignment::named(&current).or(awaited.filter(|what| what.goes_on(&current)));
        out.extend_from_slice(&current);
    }

    /// `line` with `spans` masked; what overlaps becomes one mask, and masks that are there stay.
    fn mask(&mut self, line: &[u8], spans: &mut Vec<Span>) -> Vec<u8> {
        let masks = masks(line);
        let markers = block::markers(line);
        for span in spans.iter_mut() {
            // A key's markers stay, or the lines after them could not be told for its body in a second pass.
            if let Some((from, to)) = first(&markers, span.start, span.end) {
                if span.start < from { span.end = from } else { span.start = to }
            }
        }
        spans.retain(|s| s.start < s.end && first(&masks, s.start, s.end).is_none() && first(&markers, s.start, s.end).is_none());
        spans.sort_by_key(|s| (s.start, usize::MAX - s.end));
        let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
        for span in spans.iter() {
            match merged.last_mut() {
                Some(last) if span.start < last.end => {
                    last.end = last.end.max(span.end);
                    if span.rank > last.rank {
                        (last.kind, last.rank) = (span.kind, span.rank);
                    }
                    last.counted &= span.counted;
                }
                _ => merged.push(*span),
            }
        }
        let mut out = Vec::with_capacity(line.len() + merged.len() * 32);
        let mut at = 0;
        for span in &merged {
            out.extend_from_slice(&line[at..span.start]);
            out.extend_from_slice(b"[redacted:");
            out.extend_from_slice(span.kind.as_bytes());
            out.push(b']');
            at = span.end;
            if !span.counted && self.begun > 0 {
                *self.counts.entry("private-key".to_owned()).or_default() += std::mem::take(&mut self.begun);
            }
            if span.counted {
                *self.counts.entry(span.kind.to_owned()).or_default() += 1;
            }
        }
        out.extend_from_slice(&line[at..]);
        out
    }
}

/// The next place where something is found.
#[derive(Default)]
struct Ahead {
    /// Valid for any start up to it.
    at: Option<usize>,
}

impl Ahead {
    /// The place at or behind `from`, a line's beginning, where `find` finds something; the end where nothing is.
    fn next(&mut self, bytes: &[u8], from: usize, find: impl Fn(&[u8]) -> Option<usize>) -> usize {
        match self.at {
            Some(at) if at >= from => at,
            _ => {
                let at = find(&bytes[from..]).map_or(bytes.len(), |at| from + at);
                self.at = Some(at);
                at
            }
        }
    }
}

/// Where the first token of `bytes` begins. Prefixes are short and stand in many words: a line is looked at only where a tail fits one.
fn next_token(bytes: &[u8]) -> Option<usize> {
    prefixes(bytes).find(|(at, found)| TRIGGERS.shorter[*found].iter().any(|token| tokens::TOKENS[*token].end(bytes, *at).is_some())).map(|(at, _)| at)
}

/// Where the first word of `bytes` begins that a detector looks for. Most URLs have no user: one matters where an at-sign follows on its line.
fn next_word(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = TRIGGERS.words.find(&bytes[from..]) {
        let at = from + found.start();
        let worth = if found.pattern().as_usize() >= context::TRIGGERS.len() + assignment::WORDS.len() {
            disguise::within_word(bytes, at)
        } else {
            !bytes[at..].starts_with(b"://") || memchr::memchr2(b'@', b'\n', &bytes[at..]).is_some_and(|i| bytes[at + i] == b'@')
        };
        if worth {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// Where prefixes of tokens stand in `bytes`, and which is the longest there.
fn prefixes(bytes: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let found = TRIGGERS.tokens.find(&bytes[from..])?;
        let at = from + found.start();
        from = at + 1;
        Some((at, found.pattern().as_usize()))
    })
}

/// The end of the first line of `bytes`, or of the first piece of a line that is too long; none where more bytes decide.
fn piece(bytes: &[u8]) -> Option<usize> {
    let window = &bytes[..bytes.len().min(LONGEST_LINE)];
    if let Some(end) = memchr::memchr(b'\n', window) {
        return Some(end + 1);
    }
    if window.len() < LONGEST_LINE {
        return None;
    }
    let tail = &window[LONGEST_LINE - CUT_WINDOW..];
    let gap = tail.iter().rposition(|b| matches!(b, b' ' | b'\t' | b',' | b';' | b'}'));
    Some(gap.map_or(LONGEST_LINE, |i| LONGEST_LINE - CUT_WINDOW + i + 1))
}

/// The first of `stretches`, which are in order and apart, that shares a byte with `start..end`.
fn first(stretches: &[(usize, usize)], start: usize, end: usize) -> Option<(usize, usize)> {
    let next = stretches.partition_point(|(_, to)| *to <= start);
    stretches.get(next).copied().filter(|(from, _)| *from < end)
}

/// Where `line` is masked already.
fn masks(line: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut end = 0;
    for from in memchr::memmem::find_iter(line, b"[redacted:") {
        let kind = &line[from + 10..line.len().min(from + LONGEST_MASK)];
        let length = kind.iter().take_while(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || **b == b'-').count();
        if from >= end && length > 0 && kind.get(length) == Some(&b']') {
            end = from + 10 + length + 1;
            found.push((from, end));
        }
    }
    found
}

/// Values of a line that are looked for again in it.
const REPEATED: usize = 8;

/// Marks where a secret that was found stands a second time in its line, where nothing names it: in an echo, or in a message.
fn repeats(line: &[u8], spans: &mut Vec<Span>) {
    let mut values: Vec<(&[u8], Span)> = Vec::new();
    for span in spans.iter() {
        let value = &line[span.start..span.end];
        // What looks like a word may stand elsewhere as one.
        if values.len() < REPEATED && (12..=512).contains(&value.len()) && random(value, 12) && !values.iter().any(|(v, _)| *v == value) {
            values.push((value, *span));
        }
    }
    for (value, span) in values {
        let again = memchr::memmem::find_iter(line, value).filter(|at| *at != span.start);
        spans.extend(again.map(|at| Span { start: at, end: at + value.len(), ..span }));
    }
}

/// Collects what the detectors find once what is not seen is taken out of the words of `line`: the colours, zeros and joiners within them.
fn disguised(line: &[u8], spans: &mut Vec<Span>) {
    let Some(bare) = disguise::bare(line) else { return };
    let mut found = Vec::new();
    if bare.overwritten {
        // What a carriage return joins are two states of one line: only a token says by itself that it goes on.
        tokens(&bare.text, &mut found);
    } else {
        detect(&bare.text, &mut found);
    }
    // What has nothing hidden in it was found where it stands.
    spans.extend(found.into_iter().map(|span| Span { start: bare.places[span.start], end: bare.places[span.end - 1] + 1, ..span }));
}

/// Collects what every detector finds in `line`.
fn detect(line: &[u8], spans: &mut Vec<Span>) {
    tokens(line, spans);
    // A mask names a kind, such as `password`: it means nothing for what stands behind it.
    let masks = masks(line);
    let masked = |at: usize| first(&masks, at, at + 1).is_some();
    let mut contexts = 0u128;
    let mut names = assignment::Names::default();
    for found in TRIGGERS.words.find_overlapping_iter(line) {
        let pattern = found.pattern().as_usize();
        match context::TRIGGERS.get(pattern) {
            Some((_, patterns)) => contexts |= patterns,
            None if pattern >= context::TRIGGERS.len() + assignment::WORDS.len() || masked(found.start()) => {}
            None => names.found(line, found.start(), found.end(), spans),
        }
    }
    if contexts != 0 {
        context::scan(line, contexts, &masks, spans);
    }
}

/// Collects the tokens that say by their prefix what they are.
fn tokens(line: &[u8], spans: &mut Vec<Span>) {
    let triggers = &*TRIGGERS;
    let mut last = 0;
    for (at, found) in prefixes(line) {
        // What begins within a token that was found is a part of it.
        if at < last {
            continue;
        }
        for token in triggers.shorter[found].iter().map(|token| &tokens::TOKENS[*token]) {
            if let Some(end) = token.end(line, at) {
                spans.push(Span::new(at, end, token.kind, 50 + token.prefix.len()));
                last = last.max(end);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn streamed(bytes: &[u8], cuts: &[usize]) -> (Vec<u8>, BTreeMap<String, usize>) {
        let mut redactor = Redactor::new();
        let mut out = Vec::new();
        let mut at = 0;
        for cut in cuts {
            let end = (at + cut).min(bytes.len());
            redactor.push(&bytes[at..end], &mut out);
            at = end;
        }
        redactor.push(&bytes[at..], &mut out);
        let counts = redactor.finish(&mut out);
        (out, counts)
    }

    fn token() -> String {
        ["ghp", "_", "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"].concat()
    }

    #[test]
    fn only_the_secret_goes() {
        let cases = [
            (format!("a {} b", token()), "a [redacted:github-token] b", "github-token"),
            ("postgres://app:s3cr3tX@db:5432/x".to_owned(), "postgres://app:[redacted:url-password]@db:5432/x", "url-password"),
            ("export DB_PASSWORD='hunter2!' # x".to_owned(), "export DB_PASSWORD='[redacted:password]' # x", "password"),
            ("{\"apiKey\":\"a8f5f167f44f4964\",\"n\":1}".to_owned(), "{\"apiKey\":\"[redacted:key]\",\"n\":1}", "key"),
        ];
        for (text, expected, kind) in cases {
            let got = redact(&text);
            assert_eq!(got.text, expected);
            assert_eq!(got.counts, BTreeMap::from([(kind.to_owned(), 1)]), "{text}");
        }
    }

    #[test]
    fn a_token_that_is_the_value_of_a_name_is_one_mask() {
        let got = redact(&format!("GITHUB_TOKEN=\"{}\"", token()));
        assert_eq!(got.text, "GITHUB_TOKEN=\"[redacted:github-token]\"");
        assert_eq!(got.counts.values().sum::<usize>(), 1);
    }

    #[test]
    fn bytes_that_are_no_text_stay() {
        let mut text = b"\xff\xfe\x00 password=hunter2x \x80\n\xc3".to_vec();
        let (out, _) = streamed(&text, &[3, 9]);
        let at = memchr::memmem::find(&text, b"hunter2x").expect("it stands there");
        text.splice(at..at + 8, b"[redacted:password]".iter().copied());
        assert_eq!(out, text);
    }

    #[test]
    fn a_line_without_end_is_held_no_longer_than_its_bound() {
        let mut redactor = Redactor::new();
        let mut out = Vec::new();
        let chunk = format!("{} {} ", "x".repeat(5000), token()).repeat(20);
        for _ in 0..30 {
            redactor.push(chunk.as_bytes(), &mut out);
            assert!(redactor.held.len() <= LONGEST_LINE);
        }
        let counts = redactor.finish(&mut out);
        assert_eq!(counts.get("github-token"), Some(&600));
        assert!(memchr::memmem::find(&out, b"ghp_").is_none());
    }

    #[test]
    fn a_mask_names_no_value() {
        for text in [
            "[redacted:password] hunter2xyz",
            "[redacted:token]: 8f14e45fceea167a5a36dedd4bea2543",
            "x [redacted:authorization]: bearer abcdefg1",
            "[redacted:cookie]: a=b1c2d3e4f5",
        ] {
            assert_eq!(redact(text), Redacted { text: text.to_owned(), counts: BTreeMap::new() });
        }
        // What only begins like a mask hides nothing behind it.
        assert_eq!(redact("[redacted: password=hunter2x").text, "[redacted: password=[redacted:password]");
    }

    #[test]
    fn what_announces_a_key_is_no_value_itself() {
        // Were it masked, a second pass would count the lines of the key from another place.
        let text = "access_token=\u{2}Private-Lines: 2\naccess_token=\u{2}Private-Lines: 2\nMIIEvQIBADANBgkqhkiG\n1\n";
        let once = redact(text);
        assert_eq!(redact(&once.text), Redacted { text: once.text.clone(), counts: BTreeMap::new() });
        assert_eq!(once.text.matches("Private-Lines: 2\n").count(), 2, "{}", once.text);
    }

    #[test]
    fn what_is_hidden_in_a_token_hides_it_not() {
        let (head, tail) = (&token()[..12], &token()[12..]);
        for hidden in ["\u{1b}[31m", "\u{1b}[0m\u{1b}[1;4m", "\0", "\r", "\u{200b}", "\u{feff}", "\u{ad}", "\u{1b}[K"] {
            let text = format!("x {head}{hidden}{tail} y\nnext\n");
            let once = redact(&text);
            assert_eq!(once.text, "x [redacted:github-token] y\nnext\n", "{hidden:?}");
            assert_eq!(redact(&once.text).text, once.text);
        }
        let wide: String = format!("DB_PASSWORD=hunter2x {}", token()).chars().flat_map(|c| [c, '\0']).collect();
        assert_eq!(redact(&wide).text.replace('\0', ""), "DB_PASSWORD=[redacted:password] [redacted:github-token]");
        // Two states of one line are no one value.
        let progress = "token 10%\rtoken 20%\rpassword: 3\rpassword: 4 of 8b2c\n";
        assert_eq!(redact(progress).text, progress);
    }

    #[test]
    fn a_coloured_key_goes_and_a_stamp_before_its_end_stays() {
        let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7";
        let text = format!(
            "\u{1b}[32m-----BEGIN PRIVATE KEY-----\u{1b}[0m\n\u{1b}[32m{body}\u{1b}[0m\n2026-01-02T03:04:05.678Z {body}\n12:01:11.1234 a1B=\n2026-01-02T03:04:05.6789Z -----END PRIVATE KEY-----\nafter\n"
        );
        let mask = "[redacted:private-key]";
        assert_eq!(redact(&text).text, text.replace(body, mask).replace("a1B=", mask));
    }

    #[test]
    fn a_value_that_goes_on_over_lines_goes_as_a_whole() {
        let cases = [
            ("export TOKEN=\\\nq7Rt2Vx9Lm4Kp8Zw\n", 1),
            ("deploy --token \\\n  q7Rt2Vx9Lm4Kp8Zw \\\n  --force\n", 1),
            ("api_key: |\n  q7Rt2Vx9Lm4Kp8Zw\n  Zw8pK4mL9xV2tR7q\nother: 1\n", 2),
            ("api_key: \"q7Rt2Vx9Lm4Kp8Zw\n  Zw8pK4mL9xV2tR7q\"\nother: 1\n", 2),
        ];
        for (text, masks) in cases {
            let once = redact(text).text;
            assert!(!once.contains("q7Rt2") && !once.contains("Zw8pK"), "{once}");
            assert_eq!(once.matches("[redacted:").count(), masks, "{once}");
            assert_eq!(redact(&once).text, once);
        }
    }

    #[test]
    fn markers_of_keys_stay_whatever_stands_before_them() {
        let key = "-----BEGIN PRIVATE KEY-----";
        for before in ["sshpass -p R-", "password=a1b2", "token=-----END a1b2c3d4e5f6g7h8", "-----END password=a1b2", "-----BEGIN "] {
            let text = format!("{before}{key} MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw\n");
            let once = redact(&text);
            assert!(once.text.contains(key) && !once.text.contains("MIIE"), "{}", once.text);
            assert_eq!(redact(&once.text).text, once.text);
        }
    }

    #[test]
    fn a_second_pass_finds_the_same_keys() {
        let cases = [
            "-----BEGIN PRIVATE KEY-----BEGIN PRIVATE KEYHFDX91NES-----",
            "-----BEGIN value=\"{A24\"M5G1Ij3PRIVATE KEY a3tYI3jdIfEG91xQfGKGPASSWORD-----END 3tYI3jdIfEG91xQfGTOKE",
            "-----BEGIN b password $?m>-0123456789abcdefSECRETSECRETEGIN PRIVATE KEY-----MIADANBgkqhkiG9w0BAQEFAM",
            "-----BEGIN PRIVATE KEY----PuTTYUserKeyFisshrsaWORD\npassword jGxtYe3: srsa",
            "token=]Private-Lines: Private-Lines: 2\nI",
        ];
        for text in cases {
            let once = redact(text);
            assert_eq!(redact(&once.text), Redacted { text: once.text.clone(), counts: BTreeMap::new() }, "{text}");
        }
    }

    #[test]
    fn a_second_pass_awaits_the_same_values() {
        let long = format!("token = '{}' | {} acme_password: |\n1abuede+tq4ama6kj\n", "q7Rt2Vx9Lm4Kp8Zw".repeat(16), "x ".repeat(20));
        let cases = [
            // The line is long at first, and short once its secret is masked.
            long.as_str(),
            // What looks like a name is a part of a token.
            "kind: Secret\nglpat-MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjUIaccess_token=\ndata:\n  - name: postgres://user${X}ESet-Cookie: SECRET\n",
            // A name that nothing triggers on, such as a bare PW, announces nothing.
            "@id:master PW:\nR1348941PREfix_helloworld380_testin_pretty_long\nacme token = 'xddIUmDwi9BoOOlSVgXSzwABg5R1icst'\n",
        ];
        for text in cases {
            let once = redact(text);
            assert_eq!(redact(&once.text), Redacted { text: once.text.clone(), counts: BTreeMap::new() }, "{text}");
            let (pieces, counts) = streamed(text.as_bytes(), &[1; 400]);
            assert_eq!((String::from_utf8_lossy(&pieces).as_ref(), &counts), (once.text.as_str(), &once.counts), "{text}");
        }
    }

    #[test]
    fn the_value_of_a_manifest_goes_whatever_its_name() {
        let text = "kind: Secret\nmetadata:\n  name: db\ndata:\n  user: Ym9iLXRoZS1idWlsZGVy\n---\nkind: ConfigMap\ndata:\n  user: Ym9iLXRoZS1idWlsZGVy\n";
        assert_eq!(redact(text).text, text.replacen("Ym9iLXRoZS1idWlsZGVy", "[redacted:secret]", 1));
    }

    #[test]
    fn a_url_without_a_user_hides_no_word_behind_it() {
        for (text, expected) in [
            ("see https://acme.io/a and password='hunter2!'\n", "see https://acme.io/a and password='[redacted:password]'\n"),
            ("see https://acme.io/a\nhttps://bob:hunter2x@acme.io\n", "see https://acme.io/a\nhttps://bob:[redacted:url-password]@acme.io\n"),
        ] {
            assert_eq!(redact(text).text, expected);
        }
    }

    #[test]
    fn a_secret_that_is_said_twice_goes_twice() {
        let got = redact("token = 'q7Rt2Vx9Lm4Kp8Zw' | was q7Rt2Vx9Lm4Kp8Zw");
        assert_eq!(got.text, "token = '[redacted:token]' | was [redacted:token]");
        // A word may stand elsewhere as one.
        assert_eq!(redact("password: 'swordfish' # the swordfish").text, "password: '[redacted:password]' # the swordfish");
    }

    #[test]
    fn the_value_of_a_part_of_a_form_stands_below_its_name() {
        let part = |name: &str| format!("Content-Disposition: form-data; name=\"{name}\"\r\nContent-Type: text/plain\r\n\r\nq7Rt2Vx9Lm4Kp8Zw\r\n--x\r\n");
        assert_eq!(redact(&part("token")).text, part("token").replace("q7Rt2Vx9Lm4Kp8Zw", "[redacted:token]"));
        assert_eq!(redact(&part("title")).text, part("title"));
    }

    #[test]
    fn names_and_markers_by_the_thousand_stay_linear_and_are_all_masked() {
        let line = format!("password=hunter2x {} -----BEGIN PRIVATE KEY----- ", token()).repeat(4_000);
        let got = redact(&line);
        assert_eq!(got.counts.get("password"), Some(&4_000));
        assert_eq!(got.counts.get("github-token"), Some(&4_000));
    }

    #[test]
    fn a_hostile_line_takes_linear_time() {
        // Not a measurement: what is quadratic would not end within the test's patience.
        for part in [
            "password=",
            "key=",
            "eyJ",
            "://a:b@",
            "-----BEGIN ",
            "Cookie: a=b;",
            "authorization: bearer ",
            "mysql -p",
            "token ",
            "\"secret\":\"",
            "AC",
            "[redacted:",
            "[redacted:password] ",
            "A_session=",
            "xoxb-xxxx-",
            "glpat-your_",
            "password='",
            "token=,",
            "key=)",
            "curl -u a:",
            "echo abcdef| ",
            "://a:s3cr3tX@h ",
            "-----BEGIN PRIVATE KEY-----",
            "set-cookie:",
            "name=\"token\"",
            "acme_live_",
            "password == \"",
            "s.0.1/2/",
            "sk-proj-",
            "kind: Secret\ndata:\n  a: b1c2d3\n",
            "<token>\n",
            "curl -u a",
            " ",
            "\\",
        ] {
            let text = part.repeat(60_000 / part.len());
            let once = redact(&text);
            assert!(once.text.len() <= text.len() * 12, "{part}");
        }
    }

    /// Text that is likely to come near a secret.
    fn near() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just(token()),
            Just(["AKIA", "Z7Q2W9E4R6T8Y1U3"].concat()),
            Just("-----BEGIN RSA PRIVATE KEY-----".to_owned()),
            Just("-----END RSA PRIVATE KEY-----".to_owned()),
            Just("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7".to_owned()),
            prop::sample::select(vec![
                "password",
                "token",
                "api_key",
                "SECRET",
                "Authorization",
                "Bearer",
                "Basic",
                "Cookie",
                "://",
                "user",
                "@",
                "host",
                "=",
                ": ",
                " ",
                "\n",
                "\\n",
                "\"",
                "'",
                "--",
                "-p",
                ";",
                "&",
                "?",
                ",",
                "[redacted:",
                "[redacted:password]",
                "]",
                "<",
                ">",
                "\u{1b}[31m",
                "\u{1b}[0m",
                "\0",
                "\r",
                "\u{200b}",
                "|",
                "=\\\n",
                ": |\n",
                "[passwords]\n",
                "- name: ",
                "value: ",
                "mysql ",
                "$",
                "{",
                "}",
                "%3D",
                "é",
                "日本",
            ])
            .prop_map(str::to_owned),
            "[a-zA-Z0-9+/=_.-]{1,40}",
            "\\PC{0,8}",
        ];
        prop::collection::vec(piece, 0..24).prop_map(|v| v.concat())
    }

    proptest! {
        #[test]
        fn a_second_pass_changes_nothing(text in near()) {
            let once = redact(&text);
            let twice = redact(&once.text);
            prop_assert_eq!(&twice.text, &once.text);
            prop_assert_eq!(twice.counts.values().sum::<usize>(), 0);
        }

        #[test]
        fn lines_are_kept_and_growth_is_bounded(text in near()) {
            let got = redact(&text).text;
            prop_assert_eq!(got.matches('\n').count(), text.matches('\n').count());
            prop_assert!(got.len() <= text.len() * 12 + 64);
        }

        #[test]
        fn chunks_do_not_matter(text in near(), cuts in prop::collection::vec(0usize..40, 0..20)) {
            let (out, counts) = streamed(text.as_bytes(), &cuts);
            let whole = redact(&text);
            prop_assert_eq!(String::from_utf8_lossy(&out), whole.text.as_str());
            prop_assert_eq!(counts, whole.counts);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), cuts in prop::collection::vec(0usize..60, 0..8)) {
            let (out, _) = streamed(&bytes, &cuts);
            prop_assert_eq!(memchr::memchr_iter(b'\n', &out).count(), memchr::memchr_iter(b'\n', &bytes).count());
        }

        #[test]
        fn only_the_secret_goes_wherever_it_stands(before in "[a-z ,.;#/]{0,30} ", after in "( [a-z ,.;#/]{0,30})?", line in "[a-z ]{0,20}") {
            let text = format!("{line}\n{before}{}{after}\n{line}", token());
            prop_assert_eq!(redact(&text).text, format!("{line}\n{before}[redacted:github-token]{after}\n{line}"));
        }

        #[test]
        fn a_token_is_found_wherever_it_stands(before in "\\PC{0,20}[ \"'=(\\[,:/>]", after in "([ \"')\\],;<]\\PC{0,20})?") {
            let text = format!("{before}{}{after}", token());
            prop_assert!(!redact(&text).text.contains(&token()));
        }
    }
}
