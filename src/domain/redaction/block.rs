//! Private keys that span lines: PEM and OpenPGP blocks, and PuTTY's `Private-Lines`.

use super::Span;

/// Lines of a block that look like no body before it is taken as broken off.
const STRAY: usize = 8;
/// Lines of one block at most; a 16384-bit RSA key has about 210.
const LONGEST: usize = 1024;
/// Fewest base64 characters of a line that opens the body of a block.
const OPENING: usize = 24;

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
                let Some(start) = begin(&line[at..]).map(|i| at + i) else {
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
                        Some(len) => {
                            *block = Block::Outside;
                            at += len;
                            continue;
                        }
                        None => return,
                    }
                }
                // What follows the marker on its own line, if anything does, is a one-line key.
                let Some((from, to)) = body_in(&line[at..]) else {
                    if let Some(len) = end(&line[at..]) {
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
                if let Some(len) = end(&line[at..]) {
                    *block = Block::Outside;
                    at += len;
                    continue;
                }
                return;
            }
            Block::Inside { body, stray } => {
                if let Some(len) = end(line) {
                    // The last of the body may stand before the end marker on its line.
                    if let Some(marker) = memchr::memmem::find(line, b"-----END")
                        && memchr::memmem::find(&line[..marker], MASK).is_none()
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

/// The end of the first `-----BEGIN … PRIVATE KEY…-----` in `line`.
fn begin(line: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = memchr::memmem::find(&line[from..], b"-----BEGIN ").map(|i| i + from) {
        let label = at + 11;
        let window = &line[label..line.len().min(label + 64)];
        if let Some(dashes) = memchr::memmem::find(window, b"-----") {
            let name = &window[..dashes];
            if memchr::memmem::find(name, b"PRIVATE KEY").is_some() {
                return Some(label + dashes + 5);
            }
        }
        from = label;
    }
    // SSH.com keys have four dashes and spaces.
    memchr::memmem::find(line, b"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----").map(|i| i + 42)
}

/// The markers of private keys on a line, each from its first dash to its last.
pub(super) fn markers(line: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for at in memchr::memmem::find_iter(line, b"-----") {
        let word = at + 5;
        let rest = &line[word..line.len().min(word + 72)];
        if !(rest.starts_with(b"BEGIN ") || rest.starts_with(b"END ")) {
            continue;
        }
        if let Some(dashes) = memchr::memmem::find(rest, b"-----")
            && memchr::memmem::find(&rest[..dashes], b"PRIVATE KEY").is_some()
        {
            found.push((at, word + dashes + 5));
        }
    }
    found
}

/// The end of the first `-----END …-----`.
fn end(line: &[u8]) -> Option<usize> {
    let at = memchr::memmem::find(line, b"-----END ").or_else(|| memchr::memmem::find(line, b"---- END "))?;
    let label = at + 9;
    let window = &line[label..line.len().min(label + 64)];
    Some(memchr::memmem::find(window, b"----").map_or(line.len(), |i| (label + i + 5).min(line.len())))
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
    let length = to - from;
    if line[..from].windows(2).any(|w| w == b": ") && length < OPENING {
        return None;
    }
    let enough = if begun { length >= 4 || (length > 0 && line[..from].trim_ascii().is_empty()) } else { length >= OPENING };
    enough.then_some((from, to))
}

/// The number of lines a PuTTY key announces.
fn putty(line: &[u8]) -> Option<usize> {
    let at = memchr::memmem::find(line, b"Private-Lines: ")? + 15;
    let digits = line[at..].iter().take(3).take_while(|b| b.is_ascii_digit()).fold(0usize, |n, b| n * 10 + usize::from(b - b'0'));
    (digits > 0).then_some(digits.min(256))
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
