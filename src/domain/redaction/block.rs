//! Private keys that span lines: PEM and OpenPGP blocks, and PuTTY's `Private-Lines`.

use crate::domain::source::text::colour;

use super::Span;

/// Lines of a block that look like no body before it is taken as broken off.
const STRAY: usize = 8;
/// Lines of one block at most; a 16384-bit RSA key has about 210.
const LONGEST: usize = 1024;
/// Fewest base64 characters of a line that opens the body of a block.
const OPENING: usize = 24;

/// Bytes of a marker's label.
const LONGEST_LABEL: usize = 64;

/// What stands for a body that was masked.
const MASK: &[u8] = b"[redacted:private-key]";

/// Where in a private key the last line ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Block {
    /// In none.
    #[default]
    Outside,
    /// After a `BEGIN` line: `body` lines were masked, the last `stray` lines were none.
    Inside { body: usize, stray: usize },
    /// So many lines of a PuTTY key follow.
    Putty(usize),
}

/// Marks what `line` holds of a private key; the count goes up with every block that begins to be masked.
pub(super) fn scan(block: &mut Block, line: &[u8], spans: &mut Vec<Span>, begun: &mut usize) {
    let mut at = 0;
    loop {
        match *block {
            Block::Outside => {
                let Some(start) = begin(&line[at..]).map(|(_, to)| at + to) else {
                    if let Some(lines) = putty(&line[at..]) {
                        *block = Block::Putty(lines);
                    }
                    return;
                };
                *block = Block::Inside { body: 0, stray: 0 };
                at = start;
                // A second pass finds the body masked, and must go on as the first did.
                let stop = memchr::memmem::find(&line[at..], b"-----").map_or(line.len(), |i| at + i);
                if let Some(mask) = memchr::memmem::find(&line[at..stop], MASK) {
                    *block = Block::Inside { body: 1, stray: 0 };
                    at += mask + MASK.len();
                    match end(&line[at..]) {
                        Some((_, len)) => {
                            *block = Block::Outside;
                            at += len;
                            continue;
                        }
                        None => return,
                    }
                }
                // What follows the marker on its own line, if anything does, is a one-line key.
                let Some((from, to)) = body_in(&line[at..]) else {
                    if let Some((_, len)) = end(&line[at..]) {
                        *block = Block::Outside;
                        at += len;
                        continue;
                    }
                    return;
                };
                spans.push(Span::new(at + from, at + to, "private-key", 90).uncounted());
                *begun += 1;
                *block = Block::Inside { body: 1, stray: 0 };
                at += to;
                if let Some((_, len)) = end(&line[at..]) {
                    *block = Block::Outside;
                    at += len;
                    continue;
                }
                return;
            }
            Block::Inside { body, stray } => {
                if let Some((marker, len)) = end(line) {
                    // The last of the body may stand before the end marker on its line.
                    if memchr::memmem::find(&line[..marker], MASK).is_none()
                        && let Some((from, to)) = body_line(&line[..marker], body > 0)
                    {
                        spans.push(Span::new(from, to, "private-key", 90).uncounted());
                        *begun += usize::from(body == 0);
                    }
                    *block = Block::Outside;
                    at = len;
                    continue;
                }
                if memchr::memmem::find(line, MASK).is_some() {
                    *block = Block::Inside { body: body + 1, stray: 0 };
                } else if let Some((from, to)) = body_line(line, body > 0) {
                    spans.push(Span::new(from, to, "private-key", 90).uncounted());
                    *begun += usize::from(body == 0);
                    *block = Block::Inside { body: body + 1, stray: 0 };
                } else {
                    *block = Block::Inside { body, stray: stray + 1 };
                }
                if let Block::Inside { body, stray } = *block
                    && (stray > STRAY || body > LONGEST)
                {
                    *block = Block::Outside;
                }
                return;
            }
            Block::Putty(left) => {
                if memchr::memmem::find(line, b"[redacted:").is_none()
                    && let Some((from, to)) = body_line(line, true)
                {
                    spans.push(Span::new(from, to, "private-key", 90));
                }
                *block = if left > 1 { Block::Putty(left - 1) } else { Block::Outside };
                return;
            }
        }
    }
}

/// The first `-----WORD LABEL-----` that is `wanted`, from its first dash to its last. SSH.com keys have four dashes and blanks.
///
/// A label is of capitals, digits and blanks, so that no mask is ever a part of one.
fn marker(line: &[u8], word: &[u8], wanted: impl Fn(&[u8], usize) -> bool) -> Option<(usize, usize)> {
    memchr::memmem::find_iter(line, word).find_map(|at| {
        if !(line[..at].ends_with(b"-----") || line[..at].ends_with(b"---- ")) {
            return None;
        }
        let from = at + word.len();
        let length = line[from..].iter().take(LONGEST_LABEL).take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || **b == b' ').count();
        let dashes = line[from + length..].iter().take(5).take_while(|b| **b == b'-').count();
        wanted(&line[from..from + length], dashes).then_some((at - 5, from + length + dashes))
    })
}

/// The first marker that begins a private key.
fn begin(line: &[u8]) -> Option<(usize, usize)> {
    marker(line, b"BEGIN ", |label, dashes| dashes >= 4 && memchr::memmem::find(label, b"PRIVATE KEY").is_some())
}

/// The first marker that ends whatever has begun; a log may have cut it off.
fn end(line: &[u8]) -> Option<(usize, usize)> {
    marker(line, b"END ", |_, _| true)
}

/// The markers of private keys on a line, each from its first dash to its last, and the announcement of a PuTTY key.
pub(super) fn markers(line: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for finds in [begin as fn(&[u8]) -> Option<(usize, usize)>, end] {
        let mut from = 0;
        while let Some((at, to)) = finds(&line[from..]) {
            found.push((from + at, from + to));
            // Dashes may belong to the next one as well.
            from += at + 5;
        }
    }
    if putty(line).is_some()
        && let Some(at) = memchr::memmem::rfind(line, ANNOUNCEMENT)
    {
        found.push((at, line.len()));
    }
    found.sort_unstable();
    // Two that share a byte are one.
    found.dedup_by(|next, last| {
        let shared = next.0 < last.1;
        last.1 = if shared { last.1.max(next.1) } else { last.1 };
        shared
    });
    found
}

/// Where the body of a key stands on the line of its `BEGIN`: line ends written as `\n`, spaces, quotes between joined strings.
fn body_in(rest: &[u8]) -> Option<(usize, usize)> {
    let stop = memchr::memmem::find(rest, b"-----").unwrap_or(rest.len());
    if memchr::memmem::find(&rest[..stop], b"[redacted:").is_some() {
        return None;
    }
    let (mut letters, mut first, mut last) = (0, None, 0);
    let mut i = 0;
    while i < stop {
        match rest[i] {
            b'\\' if i + 1 < stop && matches!(rest[i + 1], b'n' | b'r' | b't') => i += 1,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=' => {
                letters += 1;
                first.get_or_insert(i);
                last = i + 1;
            }
            b'\\' | b' ' | b'"' | b'\'' | b',' | b':' | b'-' | b'\t' | b'\r' | b'.' | b'%' | b'&' | b'#' | b';' | b'|' | b'(' | b')' => {}
            _ => break,
        }
        i += 1;
    }
    (letters >= OPENING).then_some((first?, last))
}

/// The base64 of a line of the body: the last thing on it, after whatever a log put before.
fn body_line(line: &[u8], begun: bool) -> Option<(usize, usize)> {
    let mut to = line.len();
    loop {
        let before = to;
        while to > 0 && matches!(line[to - 1], b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b',' | b';' | b'+' | b'\\' | b')' | b'|') {
            to -= 1;
        }
        // The colour that ends with the line.
        if let Some(escape) = memchr::memrchr(0x1b, &line[to.saturating_sub(16)..to]).map(|i| to.saturating_sub(16) + i)
            && colour(&line[escape..]) == Some(to - escape)
        {
            to = escape;
        }
        // `\n` spelled out at the end of a string.
        if to >= 2 && line[to - 2] == b'\\' && matches!(line[to - 1], b'n' | b'r') {
            to -= 2;
        }
        if to == before {
            break;
        }
    }
    let mut from = to;
    while from > 0 && (line[from - 1].is_ascii_alphanumeric() || matches!(line[from - 1], b'+' | b'/' | b'=')) {
        from -= 1;
    }
    // The end of the colour that begins before the text.
    if let Some(escape) = memchr::memrchr(0x1b, &line[from.saturating_sub(16)..from]).map(|i| from.saturating_sub(16) + i)
        && let Some(length) = colour(&line[escape..to])
    {
        from = from.max(escape + length);
    }
    let length = to - from;
    // The end of a time: a body does not begin behind a point, a colon or a dash.
    if length < OPENING && (matches!(line[..from].last(), Some(b'.' | b':' | b'-')) || length >= 9 && line[from..to].iter().all(u8::is_ascii_digit)) {
        return None;
    }
    // `Comment: x` is no body; nor is what stood behind a name that was masked since.
    if length < OPENING && (memchr::memmem::find(&line[..from], b": ").is_some() || memchr::memmem::find(&line[..from], b"[redacted:").is_some()) {
        return None;
    }
    let enough = if begun { length >= 4 || (length > 0 && line[..from].trim_ascii().is_empty()) } else { length >= OPENING };
    enough.then_some((from, to))
}

/// What announces the lines of a PuTTY key.
const ANNOUNCEMENT: &[u8] = b"Private-Lines: ";

/// The number of lines a PuTTY key announces, at the end of its line.
fn putty(line: &[u8]) -> Option<usize> {
    let at = memchr::memmem::rfind(line, ANNOUNCEMENT)? + ANNOUNCEMENT.len();
    let length = line[at..].iter().take(3).take_while(|b| b.is_ascii_digit()).count();
    let lines = line[at..at + length].iter().fold(0usize, |n, b| n * 10 + usize::from(b - b'0'));
    (lines > 0 && line[at + length..].trim_ascii().is_empty()).then_some(lines.min(256))
}

#[cfg(test)]
mod tests {
    use super::super::redact;

    fn key(kind: &str, lines: &[&str]) -> String {
        format!("-----BEGIN {kind}PRIVATE KEY-----\n{}\n-----END {kind}PRIVATE KEY-----\n", lines.join("\n"))
    }

    const BODY: &[&str] =
        &["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj", "MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SX+JTKAgeTdrKPJfnkSjqxzWUkGdpEFeI", "a1B="];

    #[test]
    fn every_line_of_a_block_is_masked_and_counted_once() {
        for kind in ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", "DSA "] {
            let text = format!("before\n{}after 1\n", key(kind, BODY));
            let got = redact(&text);
            assert_eq!(got.text.lines().count(), text.lines().count());
            assert!(BODY.iter().all(|l| !got.text.contains(l)), "{}", got.text);
            assert!(got.text.starts_with("before\n-----BEGIN") && got.text.ends_with("-----\nafter 1\n"), "{}", got.text);
            assert_eq!(got.counts.get("private-key"), Some(&1), "{kind}");
            assert_eq!(redact(&got.text).text, got.text);
        }
    }

    #[test]
    fn prefixes_of_logs_and_escapes_do_not_hide_a_key() {
        let stamped: String = key("RSA ", BODY).lines().map(|l| format!("2026-01-02T03:04:05.678Z   {l}\n")).collect();
        let escaped = format!("\"private_key\": \"{}\",", key("", BODY).replace('\n', "\\n"));
        for text in [stamped, escaped] {
            let got = redact(&text).text;
            assert!(BODY[..2].iter().all(|l| !got.contains(l)), "{got}");
            assert!(got.contains("-----BEGIN"), "{got}");
        }
    }

    #[test]
    fn a_public_key_and_a_bare_marker_stay() {
        let public = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BODY.join("\n"));
        let cert = public.replace("PUBLIC KEY", "CERTIFICATE");
        let marker = "error: expected `-----BEGIN PRIVATE KEY-----` in key.pem\nsrc/main/java/org/example/Thing.java:12: error\nmore text\n".to_owned();
        for text in [public, cert, marker] {
            assert_eq!(redact(&text).text, text);
        }
    }
}
