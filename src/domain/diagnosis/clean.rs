//! One raw log line in, one line that is safe to store, compare and show out.
//!
//! A log is written by programs that nobody here controls. What leaves this room holds no control
//! character (but tab), no terminal escape, no invisible or direction-changing character, and is bounded.

/// Most bytes of one cleaned line that are kept; the rest is cut around what was found.
pub const LINE_LIMIT: usize = 1_500;

/// A cleaned line and what was learned while cleaning it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Cleaned {
    /// The text, trimmed at its end.
    pub text: String,
    /// Job and step, where the line carries them (`gh run view --log` writes `job<TAB>step<TAB>time text`).
    pub origin: Option<(String, String)>,
    /// The line began with a runner's timestamp.
    pub stamped: bool,
    /// Escapes that do more than colour (titles, links, cursor, clipboard) were removed.
    pub hostile: bool,
}

/// Length of a runner's timestamp (`2026-04-22T16:09:37.3317193Z ` with any number of fraction digits), or 0.
#[must_use]
pub fn timestamp_len(raw: &[u8]) -> usize {
    // Jenkins puts it into brackets.
    if let Some(rest) = raw.strip_prefix(b"[") {
        let len = bare_timestamp_len(rest);
        return match rest.get(len..) {
            Some([b']', b' ', ..]) if len > 0 => len + 3,
            Some([b']']) if len > 0 => len + 2,
            _ => 0,
        };
    }
    bare_timestamp_len(raw)
}

fn bare_timestamp_len(raw: &[u8]) -> usize {
    const SHAPE: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    if raw.len() < SHAPE.len() + 1 {
        return 0;
    }
    for (byte, shape) in raw.iter().zip(SHAPE) {
        let fits = if *shape == b'd' { byte.is_ascii_digit() } else { byte == shape };
        if !fits {
            return 0;
        }
    }
    let mut at = SHAPE.len();
    if raw[at] == b'.' {
        at += 1;
        while at < raw.len() && raw[at].is_ascii_digit() {
            at += 1;
        }
    }
    if raw.get(at) != Some(&b'Z') {
        return 0;
    }
    at += 1;
    if raw.get(at) == Some(&b' ') {
        at += 1;
    }
    at
}

/// Cleans one line (without its line feed). `focus` is a byte offset in `raw` that must survive the cut
/// of a very long line.
#[must_use]
pub fn clean_line(raw: &[u8], focus: usize) -> Cleaned {
    let mut out = Cleaned::default();
    let mut body = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
    body = body.strip_suffix(b"\r").unwrap_or(body);
    if let Some((job, step, rest)) = split_origin(body) {
        out.origin = Some((strip(job, &mut out.hostile), strip(step, &mut out.hostile)));
        body = rest;
    }
    body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let stamp = timestamp_len(body);
    out.stamped = stamp > 0;
    body = &body[stamp..];
    if stamp > 0 {
        body = &body[stream_mark(body)..];
    }
    // A progress bar rewrites its line: what stands after the last carriage return is what a person saw,
    // unless that is empty.
    while let Some(at) = memchr::memrchr(b'\r', body) {
        if body[at + 1..].iter().all(u8::is_ascii_whitespace) {
            body = &body[..at];
        } else {
            body = &body[at + 1..];
            break;
        }
    }
    if body.len() > 4 * LINE_LIMIT {
        let offset = focus.saturating_sub(raw.len() - body.len()).min(body.len());
        if offset < LINE_LIMIT / 2 {
            body = &body[..4 * LINE_LIMIT];
        } else {
            let from = offset - 120;
            body = &body[from..body.len().min(from + 4 * LINE_LIMIT)];
        }
    }
    out.text = strip(body, &mut out.hostile);
    let kept = out.text.trim_end().len();
    out.text.truncate(kept);
    if out.text.len() > LINE_LIMIT {
        let mut cut = LINE_LIMIT;
        while !out.text.is_char_boundary(cut) {
            cut -= 1;
        }
        out.text.truncate(cut);
        out.text.push('…');
    }
    out
}

/// Length of GitLab's mark after its timestamp: stream number, `O` or `E`, and `+` where the line continues.
fn stream_mark(body: &[u8]) -> usize {
    match body {
        [a, b, b'O' | b'E', b' ' | b'+', ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => 4,
        [a, b, b'O' | b'E'] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => 3,
        _ => 0,
    }
}

fn split_origin(raw: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let first = memchr::memchr(b'\t', raw.get(..raw.len().min(400))?)?;
    let second = first + 1 + memchr::memchr(b'\t', raw.get(first + 1..raw.len().min(first + 400))?)?;
    let rest = &raw[second + 1..];
    let rest = &rest[mark_len(rest)..];
    (timestamp_len(rest) > 0 && first > 0).then(|| (&raw[..first], &raw[first + 1..second], rest))
}

/// Length of the byte order mark at the start, also of one that a console read in its own code page and wrote as
/// letters (`я╗┐`, `∩╗┐`, `ï»¿`): no more than three letters beyond ASCII.
fn mark_len(raw: &[u8]) -> usize {
    let len = raw.iter().take_while(|b| !b.is_ascii()).count();
    let letters = raw[..len].iter().filter(|b| (**b & 0xc0) != 0x80).count();
    if letters <= 3 { len } else { 0 }
}

/// Text without escapes, control and invisible characters.
pub(crate) fn strip(raw: &[u8], hostile: &mut bool) -> String {
    // The common case first: plain printable ASCII costs one pass and one copy.
    if raw.iter().all(|b| (0x20..0x7f).contains(b) || *b == b'\t') && memchr::memmem::find(raw, b"^[[").is_none() {
        return String::from_utf8_lossy(raw).into_owned();
    }
    let text = String::from_utf8_lossy(raw);
    let text = recoded(&text).map_or(text, std::borrow::Cow::Owned);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' | '\u{9b}' | '\u{9d}' | '\u{90}' => {
                let kind = match c {
                    '\u{9b}' => Some('['),
                    '\u{9d}' => Some(']'),
                    '\u{90}' => Some('P'),
                    _ => chars.next(),
                };
                match kind {
                    Some('[') => *hostile |= control_sequence(&mut chars),
                    Some(kind @ (']' | 'P' | 'X' | '^' | '_')) => {
                        // Buildkite's timestamps are such strings (`_bk;t=1700000000000`); nothing else is expected.
                        *hostile |= kind != '_' || !chars.clone().take(5).eq("bk;t=".chars());
                        control_string(&mut chars);
                    }
                    Some('(' | ')' | '#' | '%' | ' ') => {
                        chars.next();
                    }
                    _ => {}
                }
            }
            // Some collectors write the escape as the two characters `^[`.
            '^' if chars.peek() == Some(&'[') => {
                let mut ahead = chars.clone();
                ahead.next();
                if ahead.peek() == Some(&'[') {
                    ahead.next();
                    let mut probe = ahead.clone();
                    let mut steps = 0;
                    while probe.peek().is_some_and(|c| c.is_ascii_digit() || *c == ';' || *c == '?') && steps < 24 {
                        probe.next();
                        steps += 1;
                    }
                    if probe.peek().is_some_and(char::is_ascii_alphabetic) {
                        probe.next();
                        chars = probe;
                        continue;
                    }
                }
                out.push(c);
            }
            '\t' => out.push('\t'),
            '\u{2028}' | '\u{2029}' | '\u{a0}' => out.push(' '),
            c if c.is_control() || invisible(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// The upper half of code page 437, in which a Windows console reads what is UTF-8.
const CODE_PAGE: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// The text with what a console read in its own code page (`ΓÇ║` for `›`) read as UTF-8 again; none if there is nothing such.
fn recoded(text: &str) -> Option<String> {
    // The first letter of three bytes, and of two.
    if !text.contains(['Γ', '├']) {
        return None;
    }
    let byte = |c: char| CODE_PAGE.chars().position(|known| known == c).and_then(|at| u8::try_from(at + 0x80).ok());
    let mut out = String::with_capacity(text.len());
    let mut changed = false;
    let mut rest = text;
    while let Some(start) = rest.find(['Γ', '├']) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let count = if rest.starts_with('Γ') { 3 } else { 2 };
        let letters: String = rest.chars().take(count).collect();
        let bytes: Option<Vec<u8>> = letters.chars().map(byte).collect();
        match bytes.and_then(|bytes| String::from_utf8(bytes).ok()) {
            Some(read) => {
                out.push_str(&read);
                changed = true;
                rest = &rest[letters.len()..];
            }
            None => {
                let first = letters.chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..first]);
                rest = &rest[first..];
            }
        }
    }
    out.push_str(rest);
    changed.then_some(out)
}

/// Consumes the rest of a CSI sequence; tells whether it did more than set a colour or erase.
fn control_sequence(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    for _ in 0..64 {
        match chars.peek() {
            Some(c) if ('\u{40}'..='\u{7e}').contains(c) => {
                let last = *c;
                chars.next();
                return !matches!(last, 'm' | 'K' | 'J' | 'G' | 'A' | 'B' | 'C' | 'D' | 'h' | 'l');
            }
            Some(c) if ('\u{20}'..='\u{3f}').contains(c) => {
                chars.next();
            }
            _ => return false,
        }
    }
    false
}

/// Consumes an OSC, DCS, PM or APC string to its terminator. One that does not end takes its line with it.
fn control_string(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(c) = chars.next() {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                if chars.peek() == Some(&'\\') {
                    chars.next();
                }
                return;
            }
            _ => {}
        }
    }
}

/// Characters that are not seen, or that change the direction of what is: they hide text from a reader.
#[must_use]
pub fn invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
        | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' | '\u{fe00}'..='\u{fe0f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_come_out_plain() {
        let table: &[(&[u8], &str)] = &[
            (b"\xef\xbb\xbf2026-04-22T16:09:37.3317193Z hello", "hello"),
            (b"2026-04-22T16:09:37Z hello\r", "hello"),
            (b"2026-04-22T16:09:37.331719Z 01E hello", "hello"),
            (b"[2026-04-22T16:09:37.331Z] hello", "hello"),
            (b"2026-04-22T16:09:37.331719Z 00O+hello", "hello"),
            (b"\x1b_bk;t=1700000000000\x07hello", "hello"),
            (b"\x1b[31;1merror\x1b[0m: no", "error: no"),
            (b"^[[31m^[[1mFAILED^[[0m x", "FAILED x"),
            (b"a ^[b ^[[ c", "a ^[b ^[[ c"),
            (b"10%\r 50%\r100% done\r", "100% done"),
            (b"\x1b]0;title\x07text", "text"),
            (b"\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
            (b"\xff\xfe bad", "\u{fffd}\u{fffd} bad"),
            ("user\u{202e}nimda\u{200b}".as_bytes(), "usernimda"),
            (b"bell\x07 back\x08", "bell back"),
            (b"\ttabbed  ", "\ttabbed"),
            ("Warning\u{a0}(RUFF)".as_bytes(), "Warning (RUFF)"),
            // UTF-8 that a console read in its code page; Greek and lines drawn on purpose stay.
            ("  1) [firefox] ΓÇ║ a ΓÇ║ b ΓöÇ".as_bytes(), "  1) [firefox] › a › b ─"),
            ("caf├⌐ Γ£ô".as_bytes(), "café ✓"),
            ("Γειά ├── Γ".as_bytes(), "Γειά ├── Γ"),
        ];
        for (raw, want) in table {
            assert_eq!(clean_line(raw, 0).text, *want, "{:?}", String::from_utf8_lossy(raw));
        }
    }

    #[test]
    fn origin_of_a_whole_run_log_is_split_off() {
        let line = clean_line(b"build (ubuntu)\tRun tests\t2026-04-22T16:09:37.3317193Z ok", 0);
        assert_eq!(line.origin, Some(("build (ubuntu)".into(), "Run tests".into())));
        assert_eq!(line.text, "ok");
        for mark in ["\u{feff}", "∩╗┐", "я╗┐"] {
            let line = clean_line(format!("build\tRun tests\t{mark}2026-04-22T16:09:37.3317193Z ok").as_bytes(), 0);
            assert_eq!((line.origin.is_some(), line.text.as_str()), (true, "ok"), "{mark}");
        }
    }

    #[test]
    fn a_long_line_keeps_its_focus() {
        let mut raw = vec![b'x'; 60_000];
        raw[40_000..40_005].copy_from_slice(b"error");
        let line = clean_line(&raw, 40_000);
        assert!(line.text.contains("error"));
        assert!(line.text.len() <= LINE_LIMIT + 4);
    }

    proptest! {
        #[test]
        fn nothing_dangerous_survives(raw in proptest::collection::vec(any::<u8>(), 0..300)) {
            let raw: Vec<u8> = raw.into_iter().filter(|b| *b != b'\n').collect();
            let line = clean_line(&raw, 0);
            prop_assert!(line.text.chars().all(|c| c == '\t' || (!c.is_control() && !invisible(c))));
        }
    }
}
