//! What is not seen within a word and would hide a secret: colours, zeros (as UTF-16 has them), carriage returns, joiners.

use crate::domain::source::text::{is_invisible, sequence};

use super::text::word;

/// What begins something that is not seen: escapes, zeros, carriage returns, and the first bytes of the invisible characters of
/// [`is_invisible`] as UTF-8 writes them.
pub(super) const HIDDEN: [&[u8]; 18] = [
    b"\x1b",
    b"\0",
    b"\r",
    b"\xc2\xad",
    b"\xcd\x8f",
    b"\xd8\x9c",
    b"\xe1\x85",
    b"\xe1\x9e",
    b"\xe1\xa0",
    b"\xe2\x80",
    b"\xe2\x81",
    b"\xe3\x85",
    b"\xef\xb8",
    b"\xef\xbb\xbf",
    b"\xef\xbe",
    b"\xef\xbf",
    b"\xf0\x9d\x85",
    b"\xf3\xa0",
];

/// Bytes of hidden things in a row that are looked through from one place; more of them hide nothing that anybody reads.
const LONGEST_ROW: usize = 256;

/// Bytes of the hidden thing that `bytes` begins with; 0 where none does.
fn hidden(bytes: &[u8]) -> usize {
    match bytes {
        [0x1b, ..] => sequence(bytes).unwrap_or(1).max(1),
        [0 | b'\r', ..] => 1,
        [first, ..] if *first >= 0x80 => {
            let length = match first {
                0xc0..=0xdf => 2,
                0xe0..=0xef => 3,
                _ => 4,
            };
            let letter = bytes.get(..length).and_then(|letter| std::str::from_utf8(letter).ok()).and_then(|letter| letter.chars().next());
            if letter.is_some_and(is_invisible) { length } else { 0 }
        }
        _ => 0,
    }
}

/// What a secret is made of for the most part.
fn solid(b: u8) -> bool {
    word(b) || matches!(b, b'-' | b'+' | b'/' | b'=')
}

/// Whether what stands at `at` is not seen, and a word goes on behind it.
pub(super) fn within_word(bytes: &[u8], at: usize) -> bool {
    if !at.checked_sub(1).and_then(|before| bytes.get(before)).is_some_and(|b| solid(*b)) {
        return false;
    }
    let mut end = at;
    while end < bytes.len() && end - at < LONGEST_ROW {
        match hidden(&bytes[end..]) {
            0 => break,
            length => end += length,
        }
    }
    end > at && bytes.get(end).is_some_and(|b| solid(*b))
}

/// A line without what is not seen in it.
pub(super) struct Bare {
    pub text: Vec<u8>,
    /// Where in the line each byte of the text stood.
    pub places: Vec<usize>,
    /// A carriage return was taken out: on a terminal the end of the line stood over its beginning.
    pub overwritten: bool,
}

/// The line without what hides in its words; none where nothing does.
pub(super) fn bare(line: &[u8]) -> Option<Bare> {
    let first = memchr::memchr3_iter(0x1b, 0, b'\r', line).find(|at| within_word(line, *at));
    // Only beyond ASCII there is more to look for.
    let first = first.or_else(|| {
        let beyond = line.iter().position(|b| *b >= 0x80)?;
        (beyond..line.len()).find(|at| line[*at] >= 0x80 && within_word(line, *at))
    });
    first?;
    let mut bare = Bare { text: Vec::with_capacity(line.len()), places: Vec::with_capacity(line.len()), overwritten: false };
    let mut at = 0;
    while at < line.len() {
        let length = hidden(&line[at..]);
        // Where nothing goes on behind it, a carriage return is a line end.
        if length == 0 || line[at] == b'\r' && !line.get(at + 1).is_some_and(|b| solid(*b)) {
            bare.text.push(line[at]);
            bare.places.push(at);
            at += 1;
        } else {
            bare.overwritten |= line[at] == b'\r';
            at += length;
        }
    }
    Some(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_invisible_character_is_looked_for() {
        for c in (0..=0x0010_ffff).filter_map(char::from_u32).filter(|c| is_invisible(*c)) {
            let text = format!("a{c}b");
            assert!(HIDDEN.iter().any(|start| text.as_bytes()[1..].starts_with(start)), "{c:?}");
            assert!(within_word(text.as_bytes(), 1), "{c:?}");
            assert_eq!(bare(text.as_bytes()).map(|bare| bare.text), Some(b"ab".to_vec()), "{c:?}");
        }
        for text in ["a b", "aéb", "\u{1b}[31ma\u{1b}[0m b", "a\r\n", "a\u{2028} b", "…a—b"] {
            assert!(bare(text.as_bytes()).is_none(), "{text:?}");
        }
    }
}
