//! Values given to a name that means a secret: `DB_PASSWORD=…`, `"apiKey": "…"`, `--token …`, `<password>…</password>`.

use super::Span;
use super::text::{classes, contains, distinct, entropy, hex, phrase, placeholder, random, uuid, word};

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
    "salt",
    "pepper",
    "sonar_login",
    "sonar.login",
    "connectionstring_",
    "_psw",
    "-pw",
    "contraseña",
    "passwort",
    "cred=",
];

/// Longest name that is looked at.
const LONGEST_NAME: usize = 96;
/// Longest value.
const LONGEST_VALUE: usize = 16 << 10;

/// How much a name says about its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Whatever it is, if it is no placeholder.
    Password,
    /// A token, key or secret: it must look like one where code and prose stand as well.
    Secret,
    /// It must look random.
    Weak,
    /// A lone `key` is one of a cache or a map, but in the query of a URL.
    Lone,
}

/// How a value is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
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

/// Walks the names of a line from left to right.
#[derive(Default)]
pub(super) struct Names {
    /// The end of the last name: several words may be found in one.
    done: usize,
    /// The stretch of the last unquoted value: a name within it need not look for its end again.
    stretch: (usize, usize),
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
        let Some((meaning, kind)) = meaning(&line[name.start..name.end]) else { return };
        let Some(value) = self.value(line, &name) else { return };
        let text = &line[value.start..value.end];
        let upper = line[name.start..name.end].iter().all(|b| !b.is_ascii_lowercase());
        if secret(text, meaning, value.form, upper, &line[value.end..], value.alone) {
            spans.push(Span::new(value.start, value.end, kind, 10));
        }
    }

    /// The value that is given to `name`, if one is.
    fn value(&mut self, line: &[u8], name: &Name) -> Option<Value> {
        let upper = line[name.start..name.end].iter().all(|b| !b.is_ascii_lowercase()) && name.end - name.start > 2;
        let mut at = name.end;
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
        let (form, from) = match rest {
            // Comparisons, and Rust's and C++'s paths, give nothing.
            [b'=', b'=', ..] | [b':', b':', ..] | [b'=', b'~', ..] => return None,
            [b':', b'=', ..] | [b'=', b'>', ..] | [b'?', b'=', ..] | [b'+', b'=', ..] | [b'-', b'>', ..] => (Form::Bare, at + 2),
            [b'=', ..] if query => (Form::Query, at + 1),
            [b'=', ..] if upper && gap == 0 => (Form::Environment, at + 1),
            [b'=', ..] if gap == 0 && !rest.get(1).is_some_and(|b| *b == b' ') => (if name.dashes { Form::Flag } else { Form::Equals }, at + 1),
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
            _ if name.dashes && gap > 0 && !rest.starts_with(b"-") => (Form::Flag, at),
            [b'"' | b'\'', ..] if quoted_name && gap > 0 => (Form::Quoted, at),
            _ if quoted_name && gap > 0 => (Form::Quoted, named_value(line, at)?),
            [b'>', ..] if quoted_name => (Form::Element, at + 1),
            [b'i', b's', b':', b' ', ..] if gap == 1 => (Form::Prose, at + 4),
            [b'i', b's', b' ', ..] if gap == 1 => (Form::Prose, at + 3),
            [b'w', b'a', b's', b' ', ..] if gap == 1 => (Form::Prose, at + 4),
            [b'(', b'"' | b'\'', ..] if gap == 0 => (Form::Quoted, at + 1),
            _ if upper && gap > 0 && assigned_before(&line[..name.start]) => (Form::Environment, at),
            // `with password 'x'`, `storePassword 'x'`, `machine h login u password x`, `token 8f14…`.
            // A bare `pass` is a verb.
            _ if gap == 1 && name.end - name.start > 4 => (Form::Prose, at),
            _ => return None,
        };
        self.text(line, from, form, alone)
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
            let end = start + line[start..bound].iter().take_while(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'\'' | b'`' | 0x1b | 0x00)).count();
            self.stretch = (start, end);
            end
        };
        if form == Form::Element {
            let end = start + memchr::memchr(b'<', &line[start..bound])?;
            return (end > start).then_some(Value { start, end, form, alone });
        }
        let end = cut(line, start, end, form);
        (end > start).then_some(Value { start, end, form, alone })
    }
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
fn cut(line: &[u8], start: usize, end: usize, form: Form) -> usize {
    let mut end = end;
    let value = &line[start..end];
    let stop = value.iter().enumerate().position(|(i, b)| match b {
        b'&' => form == Form::Query || assignment_follows(&value[i + 1..]),
        b';' => !matches!(form, Form::Environment | Form::Flag) || i + 1 == value.len() || assignment_follows(&value[i + 1..]),
        b',' => i + 1 == value.len() || assignment_follows(&value[i + 1..]) || matches!(form, Form::Bare | Form::Equals) && value[..i].iter().all(|b| word(*b)),
        b'<' => value[i..].starts_with(b"</"),
        b'\\' => matches!(value.get(i + 1), Some(b'n' | b'r' | b't' | b'"' | b'\'')),
        b'#' => form == Form::Query,
        _ => false,
    });
    if let Some(stop) = stop {
        end = start + stop;
    }
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
        if open != 0 && line[start..end].contains(&open) {
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

/// Skips `ESC[…m`.
fn skip_colour(line: &[u8], mut at: usize) -> usize {
    while line[at..].starts_with(b"\x1b[") {
        let digits = skip(line, at + 2, |b| b.is_ascii_digit() || b == b';', 16);
        if line.get(digits) != Some(&b'm') {
            break;
        }
        at = digits + 1;
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
            if SPOKEN_KEYS.iter().any(|k| adjective.eq_ignore_ascii_case(k.as_bytes())) {
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

/// Last words that mean a password, however they are joined to what stands before.
const PASSWORDS: &[&str] = &["password", "passwd", "passphrase", "passcode", "pwd", "passwort", "contraseña", "bindpw"];
/// Whole words that do.
const PASSWORD_WORDS: &[&str] = &[
    "pass",
    "pw",
    "psw",
    "dbpass",
    "userpass",
    "keypass",
    "storepass",
    "sshpass",
    "ftppass",
    "mysqlpass",
    "adminpass",
    "rootpass",
    "smtppass",
    "mailpass",
    "pgpass",
];
/// Words after the name that do not change what it means.
const QUALIFIERS: &[&str] = &[
    "value",
    "prod",
    "production",
    "staging",
    "stage",
    "dev",
    "live",
    "main",
    "backup",
    "old",
    "new",
    "current",
    "plain",
    "plaintext",
    "b64",
    "base64",
    "raw",
    "confirm",
    "confirmation",
    "again",
    "admin",
    "root",
    "ro",
    "rw",
    "primary",
    "secondary",
    "default",
    "text",
    "string",
    "override",
    "global",
    "internal",
    "external",
    "test",
    "sandbox",
];
/// What stands before `key` where it is a secret.
const SECRET_KEYS: &[&str] = &[
    "api",
    "app",
    "application",
    "access",
    "secret",
    "private",
    "admin",
    "account",
    "storage",
    "encryption",
    "encrypt",
    "signing",
    "sign",
    "master",
    "auth",
    "service",
    "license",
    "licence",
    "deploy",
    "write",
    "ingest",
    "ingestion",
    "integration",
    "server",
    "shared",
    "webhook",
    "session",
    "jwt",
    "hmac",
    "aes",
    "crypto",
    "cipher",
    "function",
    "host",
    "consumer",
    "sas",
    "routing",
    "sdk",
    "maps",
    "subscription",
    "security",
    "personal",
    "project",
    "user",
    "team",
    "org",
    "client",
    "developer",
    "read",
    "rest",
    "legacy",
    "aws",
    "gcp",
    "azure",
    "stripe",
    "openai",
    "anthropic",
    "claude",
    "gemini",
    "cohere",
    "mistral",
    "groq",
    "deepseek",
    "google",
    "github",
    "gitlab",
    "twilio",
    "sendgrid",
    "mailgun",
    "mailchimp",
    "algolia",
    "datadog",
    "dd",
    "newrelic",
    "fastly",
    "cloudflare",
    "heroku",
    "pagerduty",
    "opsgenie",
    "airtable",
    "notion",
    "linear",
    "figma",
    "mapbox",
    "sentry",
    "rollbar",
    "bugsnag",
    "segment",
    "amplitude",
    "mixpanel",
    "intercom",
    "zendesk",
    "hubspot",
    "shopify",
    "square",
    "paypal",
    "plaid",
    "adyen",
    "braintree",
    "razorpay",
    "ssh",
    "rsa",
    "tls",
    "ssl",
    "pem",
    "etherscan",
    "infura",
    "alchemy",
    "nuget",
    "rubygems",
    "pypi",
    "npm",
    "docker",
    "dockerhub",
    "quay",
    "vercel",
    "netlify",
    "render",
    "supabase",
    "neon",
    "upstash",
    "pinecone",
    "weaviate",
    "qdrant",
    "voyage",
    "together",
    "fireworks",
    "replicate",
    "huggingface",
    "hf",
    "wandb",
    "honeycomb",
    "grafana",
    "logdna",
    "loggly",
    "papertrail",
    "sumologic",
    "splunk",
    "snyk",
    "sonar",
    "codecov",
    "coveralls",
    "postmark",
    "resend",
    "brevo",
    "sendinblue",
    "vonage",
    "nexmo",
    "pusher",
    "ably",
    "onesignal",
    "firebase",
    "fcm",
    "gcm",
    "vapid",
    "youtube",
    "giphy",
    "tmdb",
    "omdb",
    "weather",
    "openweather",
    "steam",
    "riot",
    "discord",
    "slack",
    "telegram",
    "twitter",
    "facebook",
    "instagram",
    "linkedin",
    "spotify",
    "dropbox",
    "box",
    "cloudinary",
    "imgur",
    "giphy",
    "launchdarkly",
    "statsig",
    "posthog",
    "elastic",
    "meili",
    "meilisearch",
    "typesense",
    "perplexity",
    "xai",
    "tavily",
    "serpapi",
    "serper",
    "exa",
    "elevenlabs",
    "deepgram",
    "assemblyai",
    "langchain",
    "langsmith",
    "langfuse",
    "nvidia",
    "cerebras",
    "openrouter",
    "fernet",
    "vault",
    "unseal",
    "wallet",
    "ethereum",
    "eth",
];
/// What stands before `key`, behind a blank, where a sentence speaks of a secret.
const SPOKEN_KEYS: &[&str] =
    &["api", "secret", "private", "access", "account", "encryption", "signing", "master", "license", "admin", "subscription", "shared", "auth"];
/// What stands before `key` where it is none.
const PLAIN_KEYS: &[&str] = &[
    "public",
    "pub",
    "publishable",
    "cache",
    "foreign",
    "partition",
    "sort",
    "row",
    "group",
    "map",
    "dict",
    "hash",
    "object",
    "idempotency",
    "translation",
    "i18n",
    "lookup",
    "registry",
    "json",
    "config",
    "index",
    "unique",
    "composite",
    "natural",
    "surrogate",
    "candidate",
    "query",
    "react",
    "list",
    "item",
    "hot",
    "arrow",
    "enter",
    "shift",
    "escape",
    "tab",
    "return",
    "restore",
    "save",
    "s3",
    "bucket",
    "message",
    "locale",
    "label",
    "env",
    "property",
    "prop",
    "field",
    "column",
    "range",
    "hashed",
    "sorted",
    "dedupe",
    "deduplication",
    "primary",
    "anon",
    "site",
    "context",
    "artifact",
    "toolchain",
    "host-key",
    "version",
    "invalid",
    "unknown",
    "missing",
    "duplicate",
    "unexpected",
    "any",
    "this",
    "socket",
    "gpg",
    "pgp",
    "turnkey",
    "mon",
    "don",
    "hockey",
    "disney",
    "whiskey",
    "jockey",
    "monkey",
    "turkey",
    "donkey",
    "whis",
    "hoc",
];
/// What stands before `token` where a parser, a model or a page speaks.
const PLAIN_TOKENS: &[&str] = &[
    "next",
    "page",
    "continuation",
    "cancellation",
    "cancel",
    "sync",
    "syntax",
    "unexpected",
    "invalid",
    "pad",
    "eos",
    "bos",
    "unk",
    "mask",
    "special",
    "end",
    "start",
    "stop",
    "parse",
    "lexer",
    "num",
    "max",
    "min",
    "total",
    "per",
    "prompt",
    "completion",
    "cls",
    "sep",
    "current",
    "last",
    "first",
    "previous",
    "prev",
    "eof",
    "punctuation",
    "keyword",
    "illegal",
    "expected",
    "reserved",
    "public",
    "design",
    "color",
    "stop",
];

/// What `name` says about its value, and what kind of secret that is.
fn meaning(name: &[u8]) -> Option<(Meaning, &'static str)> {
    let words = words(name);
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    while words.len() > 1 && words.last().is_some_and(|w| QUALIFIERS.contains(w) || w.bytes().all(|b| b.is_ascii_digit())) {
        words.pop();
    }
    let (last, before) = words.split_last()?;
    let previous = before.last().copied().unwrap_or("");
    if PASSWORD_WORDS.contains(last) || PASSWORDS.iter().any(|p| last.ends_with(p)) {
        // A pass of a compiler or of a test run.
        return (!matches!(previous, "by" | "no" | "first" | "second" | "multi" | "single" | "test" | "tests" | "render" | "all" | "old" if *last == "pass")
            && *last != "oldpwd")
            .then_some((Meaning::Password, "password"));
    }
    match *last {
        "base" if before.ends_with(&["secret", "key"]) => Some((Meaning::Secret, "secret")),
        "secret" | "secretkey" | "clientsecret" | "appsecret" | "apisecret" | "jwtsecret" | "sharedsecret" | "sessionsecret" | "signingsecret" => {
            Some((Meaning::Secret, "secret"))
        }
        "token" if !PLAIN_TOKENS.contains(&previous) => Some((Meaning::Secret, "token")),
        "accesstoken" | "authtoken" | "refreshtoken" | "idtoken" | "bearertoken" | "apitoken" | "sessiontoken" | "bottoken" | "usertoken" | "csrftoken"
        | "oauthtoken" | "personaltoken" | "privatetoken" | "deploytoken" => Some((Meaning::Secret, "token")),
        "apikey" | "appkey" | "accesskey" | "privatekey" | "authkey" | "licensekey" | "masterkey" | "encryptionkey" | "signingkey" | "sharedkey"
        | "accountkey" | "consumerkey" | "subscriptionkey" | "writekey" => Some((Meaning::Secret, "key")),
        "key" if PLAIN_KEYS.contains(&previous) => None,
        "key" if SECRET_KEYS.contains(&previous) => Some((Meaning::Secret, "key")),
        "key" if before.iter().any(|w| matches!(*w, "secret" | "private" | "api" | "apikey")) => Some((Meaning::Secret, "key")),
        "key" if before.is_empty() => Some((Meaning::Lone, "key")),
        "key" => Some((Meaning::Weak, "key")),
        "keys" if matches!(previous, "api" | "secret" | "access") => Some((Meaning::Weak, "key")),
        "auth" | "credential" | "credentials" | "cred" | "creds" => Some((Meaning::Weak, "credential")),
        "pat" | "jwt" | "bearer" => Some((Meaning::Secret, "token")),
        "session" | "sessionid" | "sessid" | "phpsessid" | "jsessionid" => Some((Meaning::Weak, "session")),
        "id" if previous == "session" => Some((Meaning::Weak, "session")),
        "salt" | "pepper" if name.iter().all(|b| !b.is_ascii_lowercase()) => Some((Meaning::Weak, "secret")),
        "login" if previous == "sonar" => Some((Meaning::Secret, "token")),
        "mnemonic" | "phrase" => Some((Meaning::Weak, "seed-phrase")),
        "tokens" | "secrets" | "passwords" if !name.iter().any(u8::is_ascii_digit) => Some((Meaning::Weak, "secret")),
        w if w.ends_with("token") && w.len() > 5 && !PLAIN_TOKENS.contains(&&w[..w.len() - 5]) => Some((Meaning::Secret, "token")),
        w if w.ends_with("secret") => Some((Meaning::Secret, "secret")),
        w if w.ends_with("apikey") => Some((Meaning::Secret, "key")),
        _ => None,
    }
}

/// The words of a name, in small letters: at `_`, `-`, `.`, and at humps.
fn words(name: &[u8]) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for (i, b) in name.iter().enumerate() {
        let joiner = !b.is_ascii_alphanumeric() && *b < 0x80;
        let hump = b.is_ascii_uppercase()
            && i > 0
            && (name[i - 1].is_ascii_lowercase()
                || name[i - 1].is_ascii_digit()
                || (name[i - 1].is_ascii_uppercase() && name.get(i + 1).is_some_and(u8::is_ascii_lowercase)));
        if (joiner || hump) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if !joiner {
            word.push(char::from(b.to_ascii_lowercase()));
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Words of which sentences about passwords are made.
const SENTENCE: &[&str] = &[
    "is",
    "must",
    "required",
    "the",
    "be",
    "invalid",
    "incorrect",
    "not",
    "your",
    "enter",
    "wrong",
    "failed",
    "at",
    "least",
    "should",
    "for",
    "cannot",
    "missing",
    "field",
    "please",
    "a",
    "an",
    "to",
    "of",
    "and",
    "or",
    "with",
    "are",
    "too",
    "forgot",
    "reset",
    "change",
    "new",
    "confirm",
    "no",
    "in",
    "on",
    "from",
    "was",
    "has",
    "expected",
    "does",
];

/// Whether `value` is a secret, given what its name says and how it is written.
fn secret(value: &[u8], meaning: Meaning, form: Form, upper: bool, after: &[u8], alone: bool) -> bool {
    let value = value.trim_ascii();
    if placeholder(value) || code(value, form) || location(value) || (meaning != Meaning::Password && version(value)) {
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
                    if !ends && form == Form::Bare || form == Form::Prose {
                        return random(value, 16);
                    }
                    random(value, 8) || uuid(value)
                }
            }
        }
        Meaning::Lone => form == Form::Query && random(value, 16) && !uuid(value),
        Meaning::Weak => {
            if hex(value) && !matches!(form, Form::Environment | Form::Query) || uuid(value) || value.starts_with(b"sha") {
                return false;
            }
            let least = if form == Form::Quoted || form == Form::Environment || form == Form::Query { 16 } else { 20 };
            random(value, least) && !(found.joiner && !found.symbol && segmented(value)) && entropy(value) >= 3.2
        }
    }
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
        // `sha256_password` names a plugin, `my-password-field` an element.
        Form::Quoted if found.joiner && !found.symbol && contains(value, "password") => false,
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
            value.len() >= 4 && !(phrase(value) && !found.digit) && !value.iter().all(|b| b.is_ascii_digit() && value.len() < 4)
        }
        // `with password 'hunter2'` says more than `password reset2 ok`.
        Form::Prose => {
            let shown = quoted || (alone && ends(after)) || (value.len() >= 8 && !phrase(value));
            value.len() >= 6 && (found.digit || found.symbol) && (found.lower || found.upper) && shown
        }
    }
}

/// Whether an identifier speaks of a secret itself: `user_password`, `getToken`.
fn mentions(value: &[u8]) -> bool {
    ["pass", "pwd", "secret", "token", "key", "value", "param", "arg", "input", "string"].iter().any(|w| contains(value, w))
}

/// Whether a value stands at the end of its line, or of its entry.
fn ends(after: &[u8]) -> bool {
    let mut rest = after.trim_ascii_start();
    while let [b',' | b';' | b'}' | b')' | b']' | b'"' | b'\'' | b'`', more @ ..] = rest {
        if after.len() != rest.len() || rest.len() == 1 || true {
            // What follows a comma is the next entry.
            if matches!(rest[0], b',' | b';') {
                return true;
            }
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
    if pieces.iter().any(|w| SENTENCE.iter().any(|s| w.eq_ignore_ascii_case(s.as_bytes()))) || value.len() > 256 {
        return false;
    }
    match meaning {
        Meaning::Password => {
            pieces.len() <= 12
                && pieces.len() >= 2
                && (pieces.len() >= 4 || value.iter().any(u8::is_ascii_digit))
                && !value.ends_with(b".")
                && !value.ends_with(b":")
        }
        Meaning::Weak => (12..=24).contains(&pieces.len()) && pieces.iter().all(|w| (3..=8).contains(&w.len()) && w.iter().all(u8::is_ascii_lowercase)),
        Meaning::Secret | Meaning::Lone => false,
    }
}

/// Whether `value` is code: a path of names, a call, a dereference, a type.
fn code(value: &[u8], form: Form) -> bool {
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
    if contains(value, "::") || contains(value, "->") || contains(value, "${") || contains(value, "{{") || contains(value, "$(") {
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
fn location(value: &[u8]) -> bool {
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

/// The kind of secret that the next line may hold: this one is `- name: DB_PASSWORD` or `"Key": "api_key",` and no more.
pub(super) fn named(line: &[u8]) -> Option<&'static str> {
    if line.len() > 256 {
        return None;
    }
    let text = line.trim_ascii();
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
    match meaning(name) {
        Some((Meaning::Password | Meaning::Secret, kind)) => Some(kind),
        _ => None,
    }
}

/// Marks the value of a line `value: …` that follows the line that names it.
pub(super) fn value_line(line: &[u8], kind: &'static str, spans: &mut Vec<Span>) {
    let lead = line.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'"')).count();
    if !line[lead..].get(..5).is_some_and(|w| w.eq_ignore_ascii_case(b"value")) {
        return;
    }
    let at = skip(line, lead + 5, |b| matches!(b, b'"' | b' '), 8);
    if !matches!(line.get(at), Some(b':' | b'=')) {
        return;
    }
    if let Some(value) = Names::default().text(line, at + 1, Form::Bare, true) {
        let text = &line[value.start..value.end];
        if text.len() >= 4 && !placeholder(text) && !location(text) && !code(text, value.form) && !(phrase(text) && text.len() < 8) {
            spans.push(Span::new(value.start, value.end, kind, 10));
        }
    }
}
