//! Rust sources as the house's rules see them: without comments, without the insides of literals, without tests.

/// A path as it is written: `crate::ports::git::{Git, GitError}` gives two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where it begins, from 1.
    pub line: usize,
    /// Its segments.
    pub segments: Vec<String>,
}

/// One file.
#[derive(Debug)]
pub struct Source {
    /// From the root of the repository, with slashes.
    pub path: String,
    /// As it lies there.
    pub text: String,
    /// Byte for byte as long as `text`: comments, the insides of literals and test items are spaces.
    pub code: String,
    /// Where each line begins.
    starts: Vec<usize>,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let code = without_tests(&blanked(text));
        assert_eq!(code.len(), text.len(), "{path}");
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { path: path.to_owned(), text: text.to_owned(), code, starts }
    }

    /// The line of a byte, from 1.
    pub fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }

    /// Lines of the file that are not tests.
    pub fn size(&self) -> usize {
        let tests: usize = test_items(&blanked(&self.text)).into_iter().map(|(from, to)| self.text[from..to].lines().count()).sum();
        self.text.lines().count() - tests
    }

    /// The module that the file is: `["domain", "gate"]`.
    pub fn module(&self) -> Vec<String> {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let inside = inside.strip_suffix(".rs").unwrap_or(inside);
        let mut module: Vec<String> = inside.split('/').map(str::to_owned).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            module.pop();
        }
        module
    }

    /// Where each whole word `word` stands in the code.
    pub fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        let code = self.code.as_bytes();
        self.code.match_indices(word).map(|(at, _)| at).filter(move |at| {
            let before = at.checked_sub(1).is_none_or(|before| !is_word(code[before]));
            before && code.get(at + word.len()).is_none_or(|after| !is_word(*after))
        })
    }

    /// Every path with more than one segment. Those from `crate`, `self` and `super` are told from the crate's root,
    /// with `crate` in front.
    pub fn paths(&self) -> Vec<Written> {
        let code = self.code.as_bytes();
        let mut found = Vec::new();
        let mut at = 0;
        while at < code.len() {
            if !is_word(code[at]) {
                at += 1;
                continue;
            }
            let start = at;
            let tail = start >= 2 && &code[start - 2..start] == b"::";
            let mut segments = Vec::new();
            let mut expanded = Vec::new();
            at = path(code, at, &mut segments, &mut expanded);
            if !tail {
                let line = self.line(start);
                let more = expanded.into_iter().filter(|segments| segments.len() > 1);
                found.extend(more.map(|segments| Written { line, segments: self.resolved(segments) }));
            }
        }
        found
    }

    fn resolved(&self, segments: Vec<String>) -> Vec<String> {
        let mut module = self.module();
        let mut rest = segments.as_slice();
        match rest[0].as_str() {
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|segment| segment == "super") {
                    module.pop();
                    rest = &rest[1..];
                }
            }
            _ => return segments,
        }
        ["crate".to_owned()].into_iter().chain(module).chain(rest.iter().cloned()).collect()
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn skip_space(code: &[u8], mut at: usize) -> usize {
    while code.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// Reads a path from `at`, with its groups spread out into `found`, and gives where it ends.
fn path(code: &[u8], mut at: usize, before: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let depth = before.len();
    loop {
        let start = at;
        while at < code.len() && is_word(code[at]) {
            at += 1;
        }
        before.push(String::from_utf8_lossy(&code[start..at]).into_owned());
        let joint = skip_space(code, at);
        if code.get(joint..joint + 2) != Some(b"::") {
            break;
        }
        let next = skip_space(code, joint + 2);
        match code.get(next) {
            Some(b'{') => {
                at = next + 1;
                loop {
                    at = skip_space(code, at);
                    match code.get(at) {
                        Some(byte) if is_word(*byte) => at = path(code, at, before, found),
                        Some(b'}') => {
                            at += 1;
                            break;
                        }
                        Some(b'*') => {
                            found.push(before.clone());
                            at += 1;
                        }
                        Some(_) => at += 1,
                        None => break,
                    }
                }
                before.truncate(depth);
                return at;
            }
            Some(byte) if is_word(*byte) => at = next,
            _ => break,
        }
    }
    found.push(before.clone());
    before.truncate(depth);
    at
}

/// The text with comments and the insides of literals as spaces; line ends stay.
pub fn blanked(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut blank = |from: usize, to: usize| {
        for byte in &mut out[from..to.min(bytes.len())] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    };
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let end = if rest.starts_with(b"//") {
            let end = at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            blank(at, end);
            end
        } else if rest.starts_with(b"/*") {
            let end = comment_end(bytes, at);
            blank(at, end);
            end
        } else if let Some((open, hashes)) = raw_string(bytes, at) {
            let close: Vec<u8> = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
            let inside = bytes[open..].windows(close.len()).position(|window| window == close);
            let end = inside.map_or(bytes.len(), |inside| open + inside);
            blank(open, end);
            end + close.len()
        } else if rest[0] == b'"' {
            let mut end = at + 1;
            while end < bytes.len() && bytes[end] != b'"' {
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
            blank(at + 1, end);
            end + 1
        } else if let Some(end) = character(text, at) {
            blank(at + 1, end - 1);
            end
        } else if is_word(rest[0]) {
            // A whole word at once: the `r` at the end of a name opens no raw string.
            at + rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len())
        } else {
            at + 1
        };
        at = end;
    }
    String::from_utf8(out).expect("only whole characters were replaced, each byte by a space")
}

fn comment_end(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0;
    while at < bytes.len() {
        match bytes.get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at.min(bytes.len())
}

/// Where the inside of a raw string begins, and its number of hashes, if one opens here.
fn raw_string(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    if at > 0 && is_word(bytes[at - 1]) {
        return None;
    }
    let mut open = at;
    if matches!(bytes[open], b'b' | b'c') {
        open += 1;
    }
    if bytes.get(open) != Some(&b'r') {
        return None;
    }
    let hashes = bytes[open + 1..].iter().take_while(|byte| **byte == b'#').count();
    (bytes.get(open + 1 + hashes) == Some(&b'"')).then_some((open + 2 + hashes, hashes))
}

/// Where a character literal ends, if one opens here and it is no lifetime.
fn character(text: &str, at: usize) -> Option<usize> {
    let inside = text[at..].strip_prefix('\'')?;
    if let Some(escaped) = inside.strip_prefix('\\') {
        let mut chars = escaped.char_indices().skip(1);
        return chars.find(|(_, c)| *c == '\'').map(|(end, _)| at + 2 + end + 1);
    }
    let c = inside.chars().next()?;
    inside[c.len_utf8()..].starts_with('\'').then(|| at + 1 + c.len_utf8() + 1)
}

/// The ranges of items under `#[cfg(test)]`, attribute included.
fn test_items(code: &str) -> Vec<(usize, usize)> {
    let bytes = code.as_bytes();
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (start, attribute) in code.match_indices("#[cfg(test)]") {
        if found.last().is_some_and(|(_, end)| start < *end) {
            continue;
        }
        let mut at = start + attribute.len();
        let mut depth = 0_usize;
        while at < bytes.len() {
            match bytes[at] {
                b'{' | b'(' | b'[' => depth += 1,
                b')' | b']' => depth = depth.saturating_sub(1),
                b'}' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        break;
                    }
                }
                b';' if depth == 0 => break,
                _ => {}
            }
            at += 1;
        }
        found.push((start, (at + 1).min(bytes.len())));
    }
    found
}

fn without_tests(code: &str) -> String {
    let mut bytes = code.as_bytes().to_vec();
    for (from, to) in test_items(code) {
        for byte in &mut bytes[from..to] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    String::from_utf8(bytes).expect("only whole characters were replaced, each byte by a space")
}

/// The files that `#[cfg(test)] mod name;` in this file makes tests, without their ending: `src/domain/proof/tests`.
pub fn test_modules(path: &str, text: &str) -> Vec<String> {
    let code = blanked(text);
    let folder = path.strip_suffix(".rs").unwrap_or(path).trim_end_matches("/mod").trim_end_matches("/lib");
    let declared = test_items(&code).into_iter().filter_map(|(from, to)| {
        let item = code[from..to].strip_suffix(';')?;
        item.rsplit_once("mod ").map(|(_, name)| format!("{folder}/{}", name.trim()))
    });
    declared.collect()
}

#[test]
fn only_code_is_left() {
    let cases = [
        ("a // b\nc", "a     \nc"),
        ("a /* b /* c */ d */ e", "a                   e"),
        (r#"f("x\"y", 'z', '\'', b'"')"#, r#"f("    ", ' ', '  ', b' ')"#),
        ("<'a>(x: &'a str)", "<'a>(x: &'a str)"),
        ("r#\"a\"b\"# c", "r#\"   \"# c"),
        ("br\"a\" b\"c\" r", "br\" \" b\" \" r"),
        ("'\\u{1f600}' x 'ü'", "'         ' x '  '"),
        ("a\n#[cfg(test)]\nmod tests { fn f() { \"}\" } }\nb", "a\n            \n                            \nb"),
        ("#[cfg(test)]\n#[path = \"x\"]\nmod tests;\nb", "            \n             \n          \nb"),
    ];
    for (text, expected) in cases {
        assert_eq!(without_tests(&blanked(text)), expected, "{text}");
    }
}

#[test]
fn paths_are_spread_out_and_resolved() {
    let text = "use crate::{a::B, c::{self, D}};\nuse super::super::e::F;\nfn f() -> self::g::H { x::y() }\nuse std::env;\nuse i::*;";
    let found: Vec<(usize, String)> = Source::new("src/domain/gate.rs", text).paths().into_iter().map(|path| (path.line, path.segments.join("::"))).collect();
    let expected =
        [(1, "crate::a::B"), (1, "crate::c::self"), (1, "crate::c::D"), (2, "crate::e::F"), (3, "crate::domain::gate::g::H"), (3, "x::y"), (4, "std::env")];
    assert_eq!(found, expected.map(|(line, path)| (line, path.to_owned())));
    assert_eq!(test_modules("src/domain/proof.rs", "#[cfg(test)]\nmod tests;\n#[cfg(test)]\nmod more { }\n"), ["src/domain/proof/tests"]);
}
