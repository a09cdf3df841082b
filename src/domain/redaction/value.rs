//! Whether a value is a secret, given what its name says and how it is written down.

use super::names::Meaning;
use super::text::{classes, contains, distinct, entropy, hex, made_up, phrase, random, uuid, word};

/// Bytes of a value that are judged.
const JUDGED: usize = 512;

/// How a value is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `NAME=value`, the name in capitals.
    Environment,
    /// In quotes.
    Quoted,
    /// `--name value`.
    Flag,
    /// `?name=value&`.
    Query,
    /// `name=value`.
    Equals,
    /// `name: value`, `name = value`.
    Bare,
    /// `<name>value</name>`.
    Element,
    /// `name is value`.
    Prose,
}

/// Words of which sentences about passwords are made.
const SENTENCE: &str = "\
    is must required the be invalid incorrect not your enter wrong failed at least should for cannot missing field please a an to of and or with \
    are too forgot reset change new confirm no in on from was has expected does";

/// Whether `value` is a secret, given what its name says and how it is written.
pub(super) fn secret(value: &[u8], meaning: Meaning, form: Form, upper: bool, after: &[u8], alone: bool) -> bool {
    let value = value[..value.len().min(JUDGED)].trim_ascii();
    // `<secret>{AQAAABAAAA…}</secret>`: what Jenkins encrypts stands in braces, as templates do.
    if form == Form::Element
        && let [b'{', inner @ .., b'}'] = value
        && matches!(meaning, Meaning::Password | Meaning::Secret)
        && inner.split(u8::is_ascii_whitespace).any(|piece| random(piece, 16))
        && inner.iter().all(|b| !matches!(b, b'{' | b'}' | b'$'))
    {
        return true;
    }
    if made_up(value) || code(value, form) || location(value) || (meaning != Meaning::Password && version(value)) {
        return false;
    }
    let found = classes(value);
    if value.iter().any(|b| matches!(b, b' ' | b'\t')) {
        return spaced(value, meaning, form);
    }
    let alphabetic = !found.digit && !found.symbol && !found.other;
    match meaning {
        Meaning::Password => password(value, form, upper, after, alone, matches!(after.first(), Some(b'"' | b'\'' | b'`'))),
        Meaning::Secret => {
            if value.len() < 6 || (value.iter().all(u8::is_ascii_digit) && value.len() < 12) {
                return false;
            }
            match form {
                Form::Environment => !(phrase(value) && value.len() < 8),
                Form::Quoted | Form::Flag | Form::Query | Form::Element | Form::Equals => {
                    if alphabetic {
                        return value.len() >= 16 && !phrase(value) || value.len() >= 32 && !found.joiner && entropy(value) > 3.5;
                    }
                    !phrase(value) && (value.len() >= 8 || found.digit) && distinct(value) >= 4
                }
                Form::Bare | Form::Prose => {
                    let ends = ends(after);
                    // Digits throughout: long ones count nothing.
                    if ends && form == Form::Bare && value.len() >= 16 && value.iter().all(u8::is_ascii_digit) {
                        return true;
                    }
                    // A long run of letters that is no word stands for itself where nothing follows.
                    if ends && form == Form::Bare && alphabetic && !found.joiner && value.len() >= 12 {
                        return !phrase(value) && entropy(value) > 3.0;
                    }
                    if !ends && form == Form::Bare || form == Form::Prose {
                        return random(value, 16);
                    }
                    random(value, 8) || uuid(value)
                }
            }
        }
        Meaning::Identifier => uuid(value) || random(value, 24) && !segmented(value),
        Meaning::Lone => form == Form::Query && random(value, 16) && !uuid(value),
        Meaning::Keyed if hashlike(value) => match form {
            Form::Prose => false,
            Form::Bare => ends(after),
            _ => true,
        },
        Meaning::Weak | Meaning::Keyed => {
            if hex(value) && !matches!(form, Form::Environment | Form::Query) || uuid(value) || value.starts_with(b"sha") {
                return false;
            }
            let least = if form == Form::Quoted || form == Form::Environment || form == Form::Query { 16 } else { 20 };
            random(value, least) && !(found.joiner && !found.symbol && segmented(value)) && entropy(value) >= 3.2
        }
    }
}

/// Whether `value` has the form of a hash or of a UUID, as the keys of many services have.
fn hashlike(value: &[u8]) -> bool {
    uuid(value) || value.len() >= 32 && hex(value) && random(value, 32)
}

/// Whether most pieces of `value` are words or plain numbers: an identifier such as `node-modules-linux-x64-3f2a`.
fn segmented(value: &[u8]) -> bool {
    let pieces: Vec<&[u8]> = value.split(|b| matches!(b, b'-' | b'_' | b'.' | b'/')).collect();
    pieces.len() >= 3 && pieces.iter().filter(|p| phrase(p)).count() * 2 >= pieces.len()
}

fn password(value: &[u8], form: Form, upper: bool, after: &[u8], alone: bool, quoted: bool) -> bool {
    let found = classes(value);
    let name = !found.digit && !found.symbol && !found.other;
    if value.starts_with(b"/") || value == b"." || value == b".." {
        return false;
    }
    match form {
        // `sha256_password` names a plugin, `my-password-field` and `#add-password` an element.
        Form::Quoted if found.joiner && contains(value, "password") && !classes(value.strip_prefix(b"#").unwrap_or(value)).symbol => false,
        Form::Environment | Form::Quoted | Form::Element | Form::Query => value.len() >= 3,
        Form::Flag => value.len() >= 3 && !value.starts_with(b"-"),
        Form::Equals => {
            // `password=user_password` in a call, against `password=swordfish` in a file.
            if name {
                upper
                    || (value.len() >= 5
                        && !found.joiner
                        && !found.upper
                        && (ends(after) || after.starts_with(b"&") || after.starts_with(b";"))
                        && !mentions(value))
            } else {
                value.len() >= 4
            }
        }
        Form::Bare => {
            if !ends(after) {
                return value.len() >= 8 && found.digit && (found.lower || found.upper) && (found.symbol || random(value, 10)) && !phrase(value);
            }
            if name {
                let closed = after.trim_ascii_start().first().is_none_or(|b| *b == b'#');
                return alone && closed && value.len() >= 6 && !mentions(value) && !(found.lower && found.upper && !found.joiner);
            }
            value.len() >= 4 && (found.digit || !phrase(value))
        }
        // `with password 'hunter2'` says more than `password reset2 ok`.
        Form::Prose => {
            let shown = quoted || (alone && ends(after)) || (value.len() >= 8 && !phrase(value));
            value.len() >= 6 && (found.digit || found.symbol) && (found.lower || found.upper) && shown
        }
    }
}

/// Whether an identifier speaks of a secret itself: `user_password`, `getToken`.
pub(super) fn mentions(value: &[u8]) -> bool {
    ["pass", "pwd", "secret", "token", "key", "value", "param", "arg", "input", "string"].iter().any(|w| contains(value, w))
}

/// Whether a value stands at the end of its line, or of its entry.
fn ends(after: &[u8]) -> bool {
    let mut rest = after.trim_ascii_start();
    while let [b',' | b';' | b'}' | b')' | b']' | b'"' | b'\'' | b'`', more @ ..] = rest {
        // What follows a comma is the next entry.
        if matches!(rest[0], b',' | b';') {
            return true;
        }
        rest = more.trim_ascii_start();
    }
    rest.is_empty()
        || rest.starts_with(b"#")
        || rest.starts_with(b"//")
        || rest.starts_with(b"\\n")
        || rest.starts_with(b"&")
        || rest.starts_with(b"</")
        || rest.starts_with(b"\x1b")
        || rest.starts_with(b"|")
}

/// Whether a value with blanks is a passphrase and no sentence.
fn spaced(value: &[u8], meaning: Meaning, form: Form) -> bool {
    if !matches!(form, Form::Quoted | Form::Element | Form::Environment | Form::Flag) {
        return false;
    }
    let pieces: Vec<&[u8]> = value.split(|b| matches!(b, b' ' | b'\t')).filter(|w| !w.is_empty()).collect();
    if pieces.iter().any(|w| SENTENCE.split_ascii_whitespace().any(|s| w.eq_ignore_ascii_case(s.as_bytes()))) || value.len() > 256 {
        return false;
    }
    match meaning {
        Meaning::Password => {
            pieces.len() <= 12
                && pieces.len() >= 2
                && (pieces.len() >= 4
                    || value.iter().any(u8::is_ascii_digit)
                    || value[..value.len() - 1].iter().any(|b| matches!(b, b'#' | b'$' | b'%' | b'^' | b'&' | b'*' | b'@' | b'!')))
                && !value.ends_with(b".")
                && !value.ends_with(b":")
        }
        Meaning::Weak => (12..=24).contains(&pieces.len()) && pieces.iter().all(|w| (3..=8).contains(&w.len()) && w.iter().all(u8::is_ascii_lowercase)),
        // A key that is written in groups: none of them is a word.
        Meaning::Secret => {
            let joined = pieces.concat();
            pieces.len() <= 16 && random(&joined, 16) && pieces.iter().all(|piece| piece.iter().all(u8::is_ascii_alphanumeric) && !phrase(piece))
        }
        Meaning::Lone | Meaning::Identifier | Meaning::Keyed => false,
    }
}

/// Whether `value` is code: a path of names, a call, a dereference, a type.
pub(super) fn code(value: &[u8], form: Form) -> bool {
    let identifier = |v: &[u8]| !v.is_empty() && v.iter().all(|b| word(*b)) && (!v[0].is_ascii_digit() || v.iter().all(u8::is_ascii_digit));
    if matches!(form, Form::Environment | Form::Quoted | Form::Element | Form::Query) {
        // Strings hold templates, at most.
        return contains(value, "${")
            || contains(value, "{{")
            || contains(value, "$(")
            || contains(value, "%{")
            || contains(value, "#{")
            || value.starts_with(b"{") && value.ends_with(b"}");
    }
    if contains(value, "](") || value.starts_with(b"#[") || number(value) {
        return true;
    }
    // `&str`, `*key`, `&'a [u8]`, `CancellationToken|`.
    if let [b'&' | b'*', b'\'', ..] = value {
        return true;
    }
    if let [b'&' | b'*', rest @ ..] | [rest @ .., b'|'] = value
        && (identifier(rest) && !random(rest, 12)
            || rest.starts_with(b"[")
            || identifier(rest.split(|b| *b == b'[').next().unwrap_or_default()) && rest.ends_with(b"]"))
    {
        return true;
    }
    let value = value.strip_suffix(b"?").unwrap_or(value);
    if value.is_empty() {
        return true;
    }
    // `config.password`, `Token::Ident`, `self->token`, `res.data[0].token`.
    if contains(value, "::") || contains(value, "->") || contains(value, "#(") || contains(value, "${") || contains(value, "{{") || contains(value, "$(") {
        return true;
    }
    let path: Vec<&[u8]> = value.split(|b| *b == b'.').collect();
    if path.len() >= 2 && path.iter().all(|p| identifier(p)) && path.iter().all(|p| p.len() < 24) && !path.iter().any(|p| p.len() > 8 && random(p, 12)) {
        return true;
    }
    // A call, an index, a generic type.
    if let Some(open) = value.iter().position(|b| matches!(b, b'(' | b'[' | b'<' | b'{')) {
        let callee = value[..open].strip_suffix(b"!").unwrap_or(&value[..open]);
        if open == 0 || (callee.len() >= 2 && callee.split(|b| *b == b'.').all(|p| identifier(p) && (p.contains(&b'_') || !random(p, 12)))) {
            return true;
        }
    }
    false
}

/// `0x04`, `u32`, `__u32`, `uint8_t`: a number of a program, or its type.
fn number(value: &[u8]) -> bool {
    if let [b'0', b'x', digits @ ..] = value {
        return hex(digits) && digits.len() <= 8;
    }
    let start = value.iter().take_while(|b| **b == b'_').count();
    let bare = &value[start..];
    let bare = bare.strip_suffix(b"_t").unwrap_or(bare);
    let letters = bare.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    matches!(&bare[..letters], b"u" | b"i" | b"f" | b"int" | b"uint" | b"float") && matches!(&bare[letters..], b"8" | b"16" | b"32" | b"64" | b"128" | b"256")
}

/// `1.2.3`, `^9.0.2`, `>=1.0,<2`.
fn version(value: &[u8]) -> bool {
    let bare = &value[value.iter().take_while(|b| matches!(b, b'^' | b'~' | b'>' | b'<' | b'=' | b'v')).count()..];
    let major = bare.iter().take_while(|b| b.is_ascii_digit()).count();
    (1..=5).contains(&major) && bare.len() <= 32 && bare.get(major) == Some(&b'.') && bare.get(major + 1).is_some_and(u8::is_ascii_digit)
}

/// Whether `value` says where a secret is kept: a URL, a file.
pub(super) fn location(value: &[u8]) -> bool {
    let scheme = memchr::memmem::find(value, b"://").is_some_and(|i| value[..i].iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')));
    scheme
        || value.starts_with(b"./")
        || value.starts_with(b"../")
        || value.starts_with(b"~/")
        || (value.starts_with(b"/") && (phrase(&value[1..]) || value.iter().filter(|b| **b == b'/').count() >= 2))
        || (value.len() > 3 && value[1..].starts_with(b":\\"))
        || [&b".pem"[..], b".key", b".json", b".txt", b".yml", b".yaml", b".crt", b".env", b".rs", b".py", b".ts", b".js", b".go", b".java", b".html", b".php"]
            .iter()
            .any(|e| value.ends_with(e))
}
