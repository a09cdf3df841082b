//! Values given to a name that means a secret: `DB_PASSWORD=…`, `"apiKey": "…"`, `--token …`, `<password>…</password>`.

use crate::domain::source::text::colour;

use super::Span;
use super::names::{Meaning, meaning, spoken};
use super::text::{contains, made_up, phrase, random, uuid, word};
use super::value::{Form, code, location, mentions, secret};

/// What, within a name, may mean that it names a secret; matched in any case.
pub(super) const WORDS: &[&str] = &[
    "pass",
    "pwd",
    "secret",
    "token",
    "key",
    "auth",
    "credential",
    "session",
    "_pat",
    "jwt",
    "bearer",
    "bindpw",
    "_pw",
    "mnemonic",
    "seed phrase",
    "seed_phrase",
    "reporter_id",
    "salt",
    "pepper",
    "sonar_login",
    "sonar.login",
    "sonarlogin",
    "crumb",
    "password to proceed",
    "connectionstring_",
    "_psw",
    "-pw",
    "contraseña",
    "passwort",
    "cred=",
];

/// Longest name that is looked at.
const LONGEST_NAME: usize = 96;
/// Bytes in which the end of a value is looked for, again for every name; one that goes on is taken whole once it is known for a secret.
const LONGEST_VALUE: usize = 4 << 10;

/// Walks the names of a line from left to right.
#[derive(Default)]
pub(super) struct Names {
    /// The end of the last name: several words may be found in one.
    done: usize,
    /// The stretch of the last unquoted value: a name within it need not look for its end again.
    stretch: (usize, usize),
    /// The value is one of a list between semicolons, in which `#` begins nothing.
    listed: bool,
}

impl Names {
    /// A word of [`WORDS`] was found at `start..end`.
    pub fn found(&mut self, line: &[u8], start: usize, end: usize, spans: &mut Vec<Span>) {
        if end <= self.done {
            return;
        }
        let Some(name) = Name::around(line, start, end) else { return };
        self.done = name.end;
        // `https://x-access-token:…@host`: a user's name, whose password is told by the URL.
        if line[..name.start].ends_with(b"://") && line.get(name.end) == Some(&b':') {
            return;
        }
        let Some((mut meaning, kind)) = meaning(&line[name.start..name.end]) else { return };
        if identity(line, &name) {
            return;
        }
        let Some(value) = self.value(line, &name) else { return };
        // `Using Key=…` in a message, against `key=…` of a cache.
        if meaning == Meaning::Lone && &line[name.start..name.end] == b"Key" && value.form == Form::Equals {
            meaning = Meaning::Weak;
        }
        let text = &line[value.start..value.end];
        let upper = line[name.start..name.end].iter().all(|b| !b.is_ascii_lowercase());
        let sigil = line[..name.start].last() == Some(&b'$') && sigil_word(text, meaning, value.form, &line[value.end..]);
        let joined = joined_words(&line[name.start..name.end], text, value.form);
        if sigil || joined || secret(text, meaning, value.form, upper, &line[value.end..], value.alone) {
            let bound = value.start + LONGEST_VALUE;
            let beyond = if value.end < bound { 0 } else { line[value.end..].iter().take_while(|b| !blank(**b)).count() };
            spans.push(Span::new(value.start, value.end + beyond, kind, 10));
            self.done = value.end + beyond;
        }
    }

    /// The value that is given to `name`, if one is.
    fn value(&mut self, line: &[u8], name: &Name) -> Option<Value> {
        let upper = line[name.start..name.end].iter().all(|b| !b.is_ascii_lowercase()) && name.end - name.start > 2;
        let mut at = name.end;
        let front = name.start - line[..name.start].iter().rev().take(2).take_while(|b| **b == b'-').count();
        let listed_flag = name.dashes && front > 0 && matches!(line[front - 1], b'"' | b'\'') && line.get(name.end) == Some(&line[front - 1]) && {
            matches!(line[..front - 1].trim_ascii_end().last(), Some(b'[' | b','))
        };
        let quoted_name =
            name.start > 0 && matches!(line[name.start - 1], b'"' | b'\'' | b'`') && line[name.end..].iter().take(2).any(|b| *b == line[name.start - 1]);
        at = skip(line, at, |b| matches!(b, b'"' | b'\'' | b'`' | b'\\' | b']' | b'*'), 4);
        at = skip_colour(line, at);
        let spaced = at;
        at = skip(line, at, |b| b == b' ' || b == b'\t', 40);
        let gap = at - spaced;
        let rest = &line[at..];
        let alone = line[..name.start].iter().all(|b| matches!(b, b' ' | b'\t' | b'-' | b'"' | b'\'' | b'+' | b'>' | b'|'));
        let query = name.start > 0 && matches!(line[name.start - 1], b'?' | b'&' | b';');
        self.listed = name.start > 0 && line[name.start - 1] == b';';
        let (form, from) = match rest {
            // What make, PHP and Ruby know beside `=`.
            [b':', b':', b':', b'=', ..] => (Form::Bare, at + 4),
            [b':', b':', b'=', ..] | [b'?', b'?', b'=', ..] | [b'|', b'|', b'=', ..] => (Form::Bare, at + 3),
            // `password == "…"`: a comparison may show what is expected.
            [b'=' | b'!', b'=', more @ ..] if compared(more) => (Form::Prose, at + 2 + more.iter().take_while(|b| **b == b'=').count()),
            // Other comparisons, and Rust's and C++'s paths, give nothing.
            [b'=', b'=', ..] | [b':', b':', ..] | [b'=', b'~', ..] => return None,
            [b':', b'=', ..] | [b'=', b'>', ..] | [b'?', b'=', ..] | [b'+', b'=', ..] | [b'.', b'=', ..] | [b'-', b'>', ..] => (Form::Bare, at + 2),
            [b'=', ..] if query => (Form::Query, at + 1),
            [b'=', ..] if upper && gap == 0 => (Form::Environment, at + 1),
            [b'=', ..] if gap == 0 && rest.get(1) != Some(&b' ') => (if name.dashes { Form::Flag } else { Form::Equals }, at + 1),
            [b'=', ..] => (Form::Bare, at + 1),
            [b'%', b'3', b'D' | b'd' | b'A' | b'a', ..] => (Form::Query, at + 3),
            [b':', ..] => (Form::Bare, at + 1),
            [b'>', ..] if name.start > 0 && line[name.start - 1] == b'<' => (Form::Element, at + 1),
            // `define('DB_PASSWORD', 'x')`, and pairs of a list.
            [b',', ..] if quoted_name => {
                let next = skip(line, at + 1, |b| b == b' ', 4);
                let next = named_value(line, next).unwrap_or(next);
                if !matches!(line.get(next), Some(b'"' | b'\'')) || name.end - name.start <= 4 {
                    return None;
                }
                (Form::Quoted, next)
            }
            // `["--password", "…"]`
            [b',', ..] if listed_flag => {
                let next = skip(line, at + 1, |b| b == b' ', 4);
                if !matches!(line.get(next), Some(b'"' | b'\'')) || line.get(next + 1) == Some(&b'-') {
                    return None;
                }
                (Form::Flag, next)
            }
            _ if name.dashes && gap > 0 && !rest.starts_with(b"-") => (Form::Flag, at),
            [b'"' | b'\'', ..] if quoted_name && gap > 0 => (Form::Quoted, at),
            _ if quoted_name && gap > 0 => (Form::Quoted, named_value(line, at)?),
            [b'>', ..] if quoted_name => (Form::Element, at + 1),
            // `const apiKey string = "…"`
            [b's', b't', b'r', b'i', b'n', b'g', b' ', b'=', b' ', b'"' | b'`', ..] if gap == 1 => (Form::Quoted, at + 9),
            [b'-', b' ', b'"' | b'\'', ..] if gap == 1 => (Form::Quoted, at + 2),
            [b'i', b's', b':', b' ', ..] if gap == 1 => (Form::Prose, at + 4),
            [b'i', b's', b' ', ..] if gap == 1 => (Form::Prose, at + 3),
            [b'w', b'a', b's', b' ', ..] if gap == 1 => (Form::Prose, at + 4),
            [b'(', b'"' | b'\'', ..] if gap == 0 => (Form::Quoted, at + 1),
            _ if upper && gap > 0 && assigned_before(&line[..name.start]) => (Form::Environment, at),
            // `with password 'x'`, `storePassword 'x'`, `machine h login u password x`, `token 8f14…`.
            // A bare `pass` is a verb.
            // In a table the value stands further off.
            _ if (gap == 1 || alone && gap > 1) && name.end - name.start > 4 => (Form::Prose, at),
            _ => return None,
        };
        let value = self.text(line, from, form, alone)?;
        // `process.env.TOKEN || '…'`: what is taken where the other is not there.
        if form == Form::Bare
            && let Some(at) = fallback(line, value.end)
        {
            return self.text(line, at, form, alone);
        }
        Some(value)
    }

    /// The text of the value that begins after `from`.
    fn text(&mut self, line: &[u8], from: usize, form: Form, alone: bool) -> Option<Value> {
        let mut at = from;
        if !matches!(form, Form::Element) {
            at = skip_colour(line, at);
            at = skip(line, at, |b| b == b' ' || b == b'\t', 80);
        }
        // `password: str = "…"` and `token: &str = "…"`: the value comes after the type.
        if form == Form::Bare
            && let Some(after) = annotated(line, at)
        {
            at = after;
        }
        // Prefixes of strings: `b"…"`, `r"…"`, `f"…"`, `@"…"`, `$"…"`, `String::from("…")`.
        for lead in [&b"String::from("[..], b"SecretString::from(", b"Some(", b"new String(", b"to_owned(", b"SecretStr(", b"Buffer.from(", b"N"] {
            if line[at..].starts_with(lead) && matches!(line.get(at + lead.len()), Some(b'"' | b'\'')) {
                at += lead.len();
            }
        }
        if matches!(line.get(at), Some(b'b' | b'r' | b'f' | b'u' | b'@')) && matches!(line.get(at + 1), Some(b'"' | b'\'')) {
            at += 1;
        }
        let bound = line.len().min(at + LONGEST_VALUE);
        // A quote, perhaps escaped since the line is a string in a string.
        let escapes = line[at..bound].iter().take(3).take_while(|b| **b == b'\\').count();
        if let Some(quote @ (b'"' | b'\'' | b'`')) = line.get(at + escapes).copied() {
            let start = at + escapes + 1;
            let mut end = start;
            while end < bound {
                if line[end] == quote && line[start..end].iter().rev().take_while(|b| **b == b'\\').count() % 2 == escapes % 2 {
                    break;
                }
                if matches!(line[end], b'\n' | 0x1b) {
                    break;
                }
                end += 1;
            }
            let end = end.saturating_sub(if line.get(end) == Some(&quote) { escapes } else { 0 }).max(start);
            let form = match form {
                Form::Environment | Form::Flag | Form::Prose => form,
                _ => Form::Quoted,
            };
            return (end > start).then_some(Value { start, end, form, alone });
        }
        let start = at;
        let end = if (self.stretch.0..self.stretch.1).contains(&start) {
            self.stretch.1
        } else {
            let end = start + line[start..bound].iter().take_while(|b| !blank(**b)).count();
            self.stretch = (start, end);
            end
        };
        if form == Form::Element {
            let end = start + memchr::memchr(b'<', &line[start..bound])?;
            return (end > start).then_some(Value { start, end, form, alone });
        }
        let end = cut(line, start, end, form, self.listed);
        (end > start).then_some(Value { start, end, form, alone })
    }
}

/// `$password = swordfish;`: a bare word in a file of settings. In a program it would be a constant or a call.
fn sigil_word(text: &[u8], meaning: Meaning, form: Form, after: &[u8]) -> bool {
    const CALLS: [&[u8]; 8] = [b"shift", b"getcwd", b"prompt", b"undef", b"readline", b"readpass", b"random", b"generate"];
    meaning == Meaning::Password
        && form == Form::Bare
        && text.len() >= 5
        && text.iter().all(u8::is_ascii_lowercase)
        && after.trim_ascii() == b";"
        && !CALLS.contains(&text)
        && !mentions(text)
        && !made_up(text)
}

/// `client_secret=words-with-dashes-like-this`: four words or more that speak of nothing that a secret's name would.
fn joined_words(name: &[u8], text: &[u8], form: Form) -> bool {
    const OWNERS: [&str; 6] = ["client", "app", "api", "consumer", "shared", "oauth"];
    let secret = name.len() > 6 && name[name.len() - 6..].eq_ignore_ascii_case(b"secret");
    secret
        && OWNERS.iter().any(|owner| contains(name, owner))
        && matches!(form, Form::Equals | Form::Query | Form::Environment | Form::Flag | Form::Quoted)
        && text.len() >= 16
        && text.split(|b| *b == b'-').count() >= 4
        && text.split(|b| *b == b'-').all(|word| word.len() >= 2 && word.iter().all(u8::is_ascii_lowercase))
        && !mentions(text)
        && !made_up(text)
}

/// Whether what `name` names is public: a part of an ARN (`arn:aws:secretsmanager:…:secret:name`), the token of a .NET assembly's public key.
fn identity(line: &[u8], name: &Name) -> bool {
    let before = &line[name.start.saturating_sub(128)..name.start];
    if before.ends_with(b":") && line.get(name.end) == Some(&b':') {
        let run = before.iter().rev().take_while(|b| !blank(**b)).count();
        return memchr::memmem::find(&before[before.len() - run..], b"arn:").is_some();
    }
    let text = &line[name.start..name.end];
    let tail = |text: &[u8], end: &[u8]| text.len() >= end.len() && text[text.len() - end.len()..].eq_ignore_ascii_case(end);
    tail(text, b"publickeytoken") || text.eq_ignore_ascii_case(b"token") && tail(before, b"public key ")
}

/// What ends an unquoted value wherever it stands.
fn blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'\'' | b'`' | 0x1b | 0x00)
}

/// A value, and how it is written.
struct Value {
    start: usize,
    end: usize,
    form: Form,
    /// Whether only blanks, dashes and quotes stand before its name.
    alone: bool,
}

/// Where an unquoted value ends: before what closes or continues the structure around it.
fn cut(line: &[u8], start: usize, end: usize, form: Form, listed: bool) -> usize {
    let mut end = end;
    let value = &line[start..end];
    let stop = value.iter().enumerate().position(|(i, b)| match b {
        b'&' => form == Form::Query || assignment_follows(&value[i + 1..]),
        b';' => !matches!(form, Form::Environment | Form::Flag) || i + 1 == value.len() || assignment_follows(&value[i + 1..]),
        b',' => i + 1 == value.len() || assignment_follows(&value[i + 1..]) || matches!(form, Form::Bare | Form::Equals) && value[..i].iter().all(|b| word(*b)),
        b'<' => value[i..].starts_with(b"</"),
        b'\\' => matches!(value.get(i + 1), Some(b'n' | b'r' | b't' | b'"' | b'\'')),
        b'#' => form == Form::Query && !listed,
        // `x-api-key: A|x-api-key: B`
        b'|' => assignment_follows(&value[i + 1..]),
        _ => false,
    });
    if let Some(stop) = stop {
        end = start + stop;
    }
    // What opens stands before all that closes here, so it is looked for once, however long the run of closing ones is.
    let closing = end > start && matches!(line[end - 1], b')' | b']' | b'}' | b',' | b';' | b'.');
    let opened: Vec<u8> = [b'(', b'[', b'{'].into_iter().filter(|b| closing && line[start..end].contains(b)).collect();
    while end > start {
        let last = line[end - 1];
        let open = match last {
            b')' => b'(',
            b']' => b'[',
            b'}' => b'{',
            b',' | b';' => 0,
            b'.' if matches!(form, Form::Prose | Form::Bare) => 0,
            _ => break,
        };
        if open != 0 && opened.contains(&open) {
            break;
        }
        end -= 1;
    }
    end
}

/// Whether `rest` begins with `name=`, as the next pair of a list does.
fn assignment_follows(rest: &[u8]) -> bool {
    let rest = rest.trim_ascii_start();
    let name = rest.iter().take(64).take_while(|b| word(**b) || matches!(b, b'-' | b'.' | b' ')).count();
    name > 0 && matches!(rest.get(name), Some(b'=' | b':'))
}

fn skip(line: &[u8], from: usize, what: impl Fn(u8) -> bool, most: usize) -> usize {
    from + line[from..].iter().take(most).take_while(|b| what(**b)).count()
}

/// Skips colours.
fn skip_colour(line: &[u8], mut at: usize) -> usize {
    while let Some(length) = colour(&line[at..]) {
        at += length;
    }
    at
}

/// The place after `value=` or `"value":`, where one stands at `at`.
fn named_value(line: &[u8], at: usize) -> Option<usize> {
    let at = skip(line, at, |b| matches!(b, b'"' | b'\'' | b' ' | b',' | b'\\'), 6);
    let rest = &line[at..line.len().min(at + 5)];
    if !rest.eq_ignore_ascii_case(b"value") {
        return None;
    }
    let at = skip(line, at + 5, |b| matches!(b, b'"' | b'\'' | b' ' | b'\\'), 4);
    matches!(line.get(at), Some(b'=' | b':')).then(|| skip(line, at + 1, |b| b == b' ', 8))
}

/// The place after `type =`, where an annotated name stands before.
fn annotated(line: &[u8], at: usize) -> Option<usize> {
    let length = line[at..]
        .iter()
        .take(48)
        .take_while(|b| word(**b) || matches!(b, b'&' | b'<' | b'>' | b'[' | b']' | b':' | b'|' | b'.' | b'\'' | b'?' | b'*'))
        .count();
    let after = skip(line, at + length, |b| b == b' ', 4);
    if length == 0 || line.get(after) != Some(&b'=') || line.get(after + 1) == Some(&b'=') {
        return None;
    }
    let value = skip(line, after + 1, |b| b == b' ', 4);
    matches!(line.get(value), Some(b'"' | b'\'' | b'`' | b'b' | b'r' | b'S')).then_some(value)
}

/// Whether what stands behind `==`, or behind a third `=`, is in quotes.
fn compared(rest: &[u8]) -> bool {
    let rest = rest.strip_prefix(b"=").unwrap_or(rest);
    matches!(rest.strip_prefix(b" ").unwrap_or(rest).first(), Some(b'"' | b'\''))
}

/// The place of the quote behind ` || `, ` ?? ` or ` or `, where one of them stands at `at`.
fn fallback(line: &[u8], at: usize) -> Option<usize> {
    let rest = &line[at..line.len().min(at + 8)];
    let length = [&b" || "[..], b" ?? ", b" or "].iter().find(|word| rest.starts_with(word))?.len();
    matches!(rest.get(length), Some(b'"' | b'\'' | b'`')).then_some(at + length)
}

/// `ENV NAME value`, `setx NAME value`, `set NAME value`, `ARG …`: the name stands after a word that assigns.
fn assigned_before(before: &[u8]) -> bool {
    let before = before.trim_ascii_end();
    [&b"ENV"[..], b"setx", b"SETX", b"setenv", b"set-env", b"set -x", b"set -gx", b"#define"].iter().any(|w| before.ends_with(w))
}

/// A name: letters, digits, `_`, `-` and `.`, around the word that was found.
struct Name {
    start: usize,
    end: usize,
    /// Whether it is a flag: `-name` or `--name`.
    dashes: bool,
}

impl Name {
    fn around(line: &[u8], start: usize, end: usize) -> Option<Self> {
        let part = |b: &u8| word(*b) || matches!(b, b'-' | b'.' | b'$') || *b >= 0x80;
        let mut from = start - line[..start].iter().rev().take(LONGEST_NAME).take_while(|b| part(b)).count();
        let to = end + line[end..].iter().take(LONGEST_NAME).take_while(|b| part(b)).count();
        if to - from > LONGEST_NAME {
            return None;
        }
        // `ESC[31mpassword`, `\npassword`.
        if from > 0 && from < start && (line[from - 1] == b'[' && line[..from - 1].ends_with(b"\x1b") || line[from - 1] == b';') {
            let digits = line[from..start].iter().take_while(|b| b.is_ascii_digit()).count();
            if line.get(from + digits) == Some(&b'm') {
                from += digits + 1;
            }
        }
        if from > 0 && from < start && line[from - 1] == b'\\' && matches!(line[from], b'n' | b't' | b'r') {
            from += 1;
        }
        let lead = line[from..start].iter().take_while(|b| matches!(b, b'-' | b'.' | b'$')).count();
        let dashes = line[from..from + lead].contains(&b'-') && (from == 0 || !word(line[from - 1]));
        let mut name = Self { start: from + lead, end: to, dashes };
        // `API key: …`, `secret key is …`: a sentence joins the words of a name by a blank.
        if !dashes && line[name.start..name.end].eq_ignore_ascii_case(b"key") && name.start > 0 && line[name.start - 1] == b' ' {
            let before = &line[..name.start - 1];
            let length = before.iter().rev().take(16).take_while(|b| b.is_ascii_alphabetic()).count();
            let adjective = &before[before.len() - length..];
            if spoken(adjective) {
                name.start -= length + 1;
            }
        }
        let mut trailing = name.end;
        while trailing > end && matches!(line[trailing - 1], b'-' | b'.') {
            trailing -= 1;
        }
        (name.start < trailing).then_some(Self { end: trailing, ..name })
    }
}

/// What a line names whose value stands on a later one, and the kind of secret that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// The next line may say `value: …`.
    Value(&'static str),
    /// A part of a form: its value is the first line behind a blank one. So many lines may still come.
    Part(&'static str, u8),
    /// The next line may hold nothing but the value: `<password>`, `token: |`, `apiKey:`. Whether that is certain.
    Below(&'static str, bool),
    /// The lines below `token: |`, each of which may hold nothing but a piece of the value: so many may still come.
    Lines(&'static str, u8),
    /// What is left of a value in this quote, which the line that names it does not close: so many lines may still come.
    Rest(&'static str, u8, u8),
    /// The values below `[passwords]` in a file of settings: so many lines may still come.
    Section(&'static str, u8),
    /// The values below `data:` in a manifest that says `kind: Secret`: so many lines may still come, and whether it was said.
    Manifest(u8, bool),
}

/// Lines of a part of a form before its value: headers, and the blank line that ends them.
const PART_LINES: u8 = 4;
/// Lines of a value that is written over several.
const VALUE_LINES: u8 = 16;
/// Lines of a section of a file of settings.
const SECTION_LINES: u8 = 64;
/// Lines of a manifest of Kubernetes behind its kind.
const MANIFEST_LINES: u8 = 200;

/// What this line names for a later one: it is `- name: DB_PASSWORD`, `"Key": "api_key",` or `…form-data; name="token"` and no more.
pub(super) fn named(line: &[u8]) -> Option<Awaited> {
    if let Some(at) = memchr::memmem::find(line, b"form-data; name=\"").map(|i| i + 17) {
        let name = &line[at..at + memchr::memchr(b'"', &line[at..])?];
        let kind = announced(name)?;
        return line[at + name.len() + 1..].trim_ascii().is_empty().then_some(Awaited::Part(kind, PART_LINES));
    }
    let text = line[stamp(line)..].trim_ascii();
    if let Some(manifest) = text.strip_prefix(b"kind:").map(|k| k.trim_ascii()) {
        return matches!(manifest, b"Secret" | b"\"Secret\"" | b"'Secret'").then_some(Awaited::Manifest(MANIFEST_LINES, false));
    }
    // What Jenkins says when it is set up; the password stands alone below.
    if text.ends_with(b"password to proceed to installation:") {
        return Some(Awaited::Part("password", PART_LINES));
    }
    // Only the end of a line is looked at: what is masked before it must not change the answer.
    if let Some(below) = opened(text) {
        return Some(below);
    }
    if text.len() > 256 {
        return None;
    }
    if let Some(rest) = unclosed(text) {
        return Some(rest);
    }
    // Sections that hold secrets whatever they are called.
    if let Some(section) = text.strip_prefix(b"[").and_then(|t| t.strip_suffix(b"]")) {
        return match section {
            b"passwords" => Some(Awaited::Section("password", SECTION_LINES)),
            b"secrets" | b"credentials" => Some(Awaited::Section("secret", SECTION_LINES)),
            b"tokens" => Some(Awaited::Section("token", SECTION_LINES)),
            _ => None,
        };
    }
    // `variable "api_token" {`, whose value is its default.
    if let Some(name) = text.strip_prefix(b"variable \"").and_then(|rest| rest.strip_suffix(b"{")) {
        let name = name.trim_ascii_end().strip_suffix(b"\"")?;
        return announced(name).map(Awaited::Value);
    }
    let text = text.strip_prefix(b"-").unwrap_or(text).trim_ascii_start();
    let colon = text.iter().position(|b| matches!(b, b':' | b'='))?;
    let label = text[..colon].trim_ascii();
    let label = label.strip_prefix(b"\"").and_then(|l| l.strip_suffix(b"\"")).unwrap_or(label);
    if !(label.eq_ignore_ascii_case(b"name") || label.eq_ignore_ascii_case(b"key")) {
        return None;
    }
    let name = text[colon + 1..].trim_ascii();
    let name = name.strip_suffix(b",").unwrap_or(name);
    let name = match name {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        n => n,
    };
    if name.is_empty() || !name.iter().all(|b| word(*b) || matches!(b, b'-' | b'.')) {
        return None;
    }
    announced(name).map(Awaited::Value)
}

/// The kind of secret that `name` announces for a later line. Only a name that makes its own line worth looking at does: lines that come in
/// one piece with others are passed over where nothing triggers.
fn announced(name: &[u8]) -> Option<&'static str> {
    let (meaning, kind) = meaning(name)?;
    (matches!(meaning, Meaning::Password | Meaning::Secret) && WORDS.iter().any(|word| contains(name, word))).then_some(kind)
}

/// The value that `text` begins in a quote and does not close, as `token: "[redacted:token]` shows once its beginning is masked.
fn unclosed(text: &[u8]) -> Option<Awaited> {
    let inner = text.strip_suffix(b"]")?;
    let open = memchr::memmem::rfind(inner, b"[redacted:")?;
    let kind = ["password", "token", "secret", "key"].into_iter().find(|kind| kind.as_bytes() == &inner[open + 10..])?;
    let quote = *text[..open].last().filter(|b| matches!(b, b'"' | b'\''))?;
    matches!(text[..open - 1].trim_ascii_end().last(), Some(b':' | b'=')).then_some(Awaited::Rest(kind, quote, VALUE_LINES))
}

/// What `text` names for the line below it: an element that is opened, a block of YAML, or a name that is given nothing.
fn opened(text: &[u8]) -> Option<Awaited> {
    let (name, certain) = if let Some(name) = text.strip_prefix(b"<").and_then(|t| t.strip_suffix(b">")) {
        (name, true)
    } else if let Some(name) = [&b": |"[..], b": |-", b": >", b": >-"].iter().find_map(|end| text.strip_suffix(*end)) {
        return alone_name(name).and_then(announced).map(|kind| Awaited::Lines(kind, VALUE_LINES));
    } else if let Some(name) = text.strip_suffix(b"=\\") {
        // A shell goes on where the line below begins.
        (name, true)
    } else if let Some(flag) = text.strip_suffix(b"\\").map(|t| t.trim_ascii_end()) {
        let word = &flag[flag.iter().rposition(|b| blank(*b)).map_or(0, |i| i + 1)..];
        (word.strip_prefix(b"--")?, true)
    } else {
        (text.strip_suffix(b":").or_else(|| text.strip_suffix(b"="))?.trim_ascii_end(), false)
    };
    alone_name(name).and_then(announced).map(|kind| Awaited::Below(kind, certain))
}

/// The name that `text` ends with, perhaps in quotes.
fn alone_name(text: &[u8]) -> Option<&[u8]> {
    let name = text.rsplit(|b| blank(*b) && !matches!(b, b'"' | b'\'')).next()?;
    let name = match name {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        n => n,
    };
    (!name.is_empty() && name.len() <= LONGEST_NAME && name.iter().all(|b| word(*b) || matches!(b, b'-' | b'.'))).then_some(name)
}

/// Bytes of the time that a runner puts before every line, and of the blank behind it.
fn stamp(line: &[u8]) -> usize {
    let [y, _, _, _, b'-', _, _, b'-', _, _, b'T', ..] = line else { return 0 };
    let length = line.iter().take(40).take_while(|b| b.is_ascii_digit() || matches!(b, b'-' | b'T' | b':' | b'.' | b'+' | b'Z')).count();
    if y.is_ascii_digit() && line.get(length) == Some(&b' ') { length + 1 } else { 0 }
}

/// Marks the value that a line before has named, and tells whether it is still to come.
pub(super) fn awaited(line: &[u8], what: Awaited, spans: &mut Vec<Span>) -> Option<Awaited> {
    match what {
        Awaited::Value(kind) => {
            value_line(line, kind, spans);
            None
        }
        Awaited::Below(kind, certain) => {
            below(line, kind, certain, spans);
            None
        }
        Awaited::Lines(kind, left) => {
            below(line, kind, true, spans);
            (left > 1).then_some(Awaited::Lines(kind, left - 1))
        }
        Awaited::Rest(kind, quote, left) => {
            let (lead, length) = rest(line, quote);
            let text = &line[lead..lead + length];
            // A value has one word a line; more of them are the next thing, behind a quote that was none.
            if !text.is_empty() && !text.iter().any(|b| blank(*b)) && !made_up(text) {
                spans.push(Span::new(lead, lead + length, kind, 10));
            }
            (left > 1).then_some(Awaited::Rest(kind, quote, left - 1))
        }
        Awaited::Section(kind, left) => {
            let value = memchr::memchr(b'=', line).and_then(|equals| Names::default().text(line, equals + 1, Form::Bare, true));
            if let Some(Value { start, end, .. }) = value
                && !line[stamp(line)..].trim_ascii_start().starts_with(b"[")
            {
                let given = &line[start..end];
                if random(given, 8) && !made_up(given) && !location(given) && !code(given, Form::Bare) && !uuid(given) {
                    spans.push(Span::new(start, end, kind, 10));
                }
            }
            (left > 1).then_some(Awaited::Section(kind, left - 1))
        }
        Awaited::Manifest(left, data) => {
            let from = stamp(line);
            let text = line[from..].trim_ascii();
            let lead = line[from..].iter().take_while(|b| b.is_ascii_whitespace()).count();
            let data = matches!(text, b"data:" | b"stringData:") || data && (lead > 0 || text.is_empty());
            if data && let Some(colon) = memchr::memmem::find(text, b": ") {
                let at = from + lead + colon + 2;
                if let Some(value) = Names::default().text(line, at, Form::Bare, true) {
                    let given = &line[value.start..value.end];
                    // `|` and `>` open a block.
                    if given.len() >= 4 && !made_up(given) {
                        spans.push(Span::new(value.start, value.end, "secret", 10));
                    }
                }
            }
            (left > 1 && !text.starts_with(b"---")).then_some(Awaited::Manifest(left - 1, data))
        }
        Awaited::Part(kind, left) => {
            let text = line.trim_ascii();
            if text.is_empty() || text.len() >= 8 && text[..8].eq_ignore_ascii_case(b"content-") {
                return (left > 1).then_some(Awaited::Part(kind, left - 1));
            }
            if text.len() >= 4 && !text.starts_with(b"--") && !text.iter().any(|b| blank(*b)) && !made_up(text) {
                let lead = line.len() - line.trim_ascii_start().len();
                spans.push(Span::new(lead, lead + text.len(), kind, 10));
            }
            None
        }
    }
}

impl Awaited {
    /// Whether what was awaited goes on behind `line`, which is looked at as it is once its secrets are masked: so a second pass will find it.
    pub fn goes_on(self, line: &[u8]) -> bool {
        let text = line[stamp(line)..].trim_ascii();
        match self {
            Self::Lines(..) => {
                let inner = text.trim_ascii_end().strip_suffix(b",").unwrap_or(text);
                let inner = inner.strip_prefix(b"\"").and_then(|t| t.strip_suffix(b"\"")).unwrap_or(inner);
                inner.starts_with(b"[redacted:") && inner.ends_with(b"]") && !inner.iter().any(|b| blank(*b))
            }
            Self::Rest(_, quote, _) => {
                let (lead, length) = rest(line, quote);
                length > 0 && line.get(lead + length) != Some(&quote) && !line[lead..lead + length].iter().any(|b| blank(*b))
            }
            Self::Section(..) => !text.starts_with(b"[") || text.starts_with(b"[redacted:"),
            Self::Value(_) | Self::Part(..) | Self::Below(..) | Self::Manifest(..) => true,
        }
    }
}

/// Where the rest of a value in `quote` begins on a line, and its bytes up to the quote, or to the end of the line.
fn rest(line: &[u8], quote: u8) -> (usize, usize) {
    let lead = stamp(line);
    let lead = lead + line[lead..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let rest = &line[lead..];
    (lead, memchr::memchr(quote, rest).unwrap_or_else(|| rest.trim_ascii_end().len()))
}

/// Marks the value that a line holds and nothing else.
fn below(line: &[u8], kind: &'static str, certain: bool, spans: &mut Vec<Span>) {
    let lead = stamp(line);
    let lead = lead + line[lead..].iter().take_while(|b| matches!(b, b' ' | b'\t' | b'"' | b'\'')).count();
    let rest = &line[lead..];
    let length = rest.iter().take(LONGEST_VALUE).take_while(|b| !blank(**b)).count();
    let text = &rest[..length];
    let alone = rest[length..].iter().all(|b| blank(*b) || matches!(b, b',' | b';' | b'\\'));
    let text = text.strip_suffix(b",").unwrap_or(text);
    let random = random(text, if certain { 8 } else { 16 }) || text.len() >= 16 && text.iter().all(u8::is_ascii_digit);
    if alone && (random || certain && uuid(text)) && !made_up(text) && !location(text) && !code(text, Form::Bare) {
        spans.push(Span::new(lead, lead + text.len(), kind, 10));
    }
}

/// Marks the value of a line `value: …` that follows the line that names it.
fn value_line(line: &[u8], kind: &'static str, spans: &mut Vec<Span>) {
    let stamp = stamp(line);
    let lead = stamp + line[stamp..].iter().take_while(|b| matches!(b, b' ' | b'\t' | b'"')).count();
    let rest = &line[lead..];
    let Some(word) = [&b"value"[..], b"default"].into_iter().find(|word| rest.get(..word.len()).is_some_and(|w| w.eq_ignore_ascii_case(word))) else {
        return;
    };
    let at = skip(line, lead + word.len(), |b| matches!(b, b'"' | b' '), 8);
    if !matches!(line.get(at), Some(b':' | b'=')) {
        return;
    }
    if let Some(value) = Names::default().text(line, at + 1, Form::Bare, true) {
        let text = &line[value.start..value.end];
        let least = if phrase(text) { 8 } else { 4 };
        if text.len() >= least && !made_up(text) && !location(text) && !code(text, value.form) {
            spans.push(Span::new(value.start, value.end, kind, 10));
        }
    }
}
