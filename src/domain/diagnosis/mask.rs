//! What differs between two runs of the same failure is masked, so that what is left can be compared.

/// Units that may follow a number directly: a duration of `1.2s` and one of `980ms` are the same thing.
const UNITS: &[&str] = &[
    "ns", "us", "µs", "ms", "s", "sec", "secs", "seconds", "m", "min", "mins", "h", "kb", "mb", "gb", "kib", "mib", "gib", "b", "k", "kB", "KB", "MB", "GB",
    "KiB", "MiB", "GiB", "x", "th", "%",
];

/// Where runners and people keep a checkout: the part before the repository's own path says nothing.
const WORKSPACES: &[(&str, usize)] = &[
    ("/home/runner/work/", 2),
    ("/Users/runner/work/", 2),
    ("/__w/", 2),
    ("D:\\a\\", 2),
    ("D:/a/", 2),
    ("/d/a/", 2),
    ("C:\\a\\", 2),
    ("/github/workspace/", 0),
    ("/runner/_work/", 2),
    ("/actions-runner/_work/", 2),
    ("/home/travis/build/", 2),
    ("/Users/travis/build/", 2),
    ("/home/vsts/work/1/s/", 0),
    ("/Users/runner/work/1/s/", 0),
    ("/home/circleci/", 1),
    ("/root/project/", 0),
    ("/var/lib/jenkins/workspace/", 1),
    ("/home/jenkins/workspace/", 1),
    ("/home/jenkins/agent/workspace/", 1),
    ("/var/jenkins_home/workspace/", 1),
    ("/var/lib/buildkite-agent/builds/", 3),
    ("/drone/src/", 0),
    ("/opt/atlassian/pipelines/agent/build/", 0),
    ("/vercel/path0/", 0),
    ("/builds/", 2),
];

/// Roots of temporary files: what stands below them is new in every run.
const TEMPORARY: &[&str] = &["/tmp/", "/private/tmp/", "/var/tmp/", "/var/folders/", "/private/var/folders/", "/dev/shm/"];

/// How much of a text is masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Numbers, identifiers, times, paths: for messages.
    Full,
    /// Only what is certainly new in every run: for names of tests, in which numbers tell parameters apart.
    Name,
}

/// The part of `path` below the checkout on a runner, if it stands in one.
#[must_use]
pub fn below_workspace(path: &str) -> Option<&str> {
    for (root, components) in WORKSPACES {
        if let Some(at) = path.find(root) {
            let mut rest = &path[at + root.len()..];
            for _ in 0..*components {
                let cut = rest.find(['/', '\\'])?;
                rest = &rest[cut + 1..];
            }
            return Some(rest);
        }
    }
    // Below another folder the name says nothing.
    path.strip_prefix("/workspace/")
}

/// `text` with its volatile parts replaced; equal causes give equal masks.
#[must_use]
pub fn mask(text: &str, depth: Depth) -> String {
    let mut out = String::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut previous = ' ';
    while at < text.len() {
        let rest = &text[at..];
        let c = rest.chars().next().unwrap_or(' ');
        if c.is_whitespace() {
            if previous != ' ' {
                out.push(' ');
            }
            previous = ' ';
            at += c.len_utf8();
            continue;
        }
        let starts_word = !(previous.is_alphanumeric() || previous == '_');
        if starts_word
            && (c == '/' || c.is_ascii_uppercase() || c == '.')
            && let Some(len) = absolute_path(rest)
        {
            // The name of the file is the cause's, the way to it is the machine's.
            let path = &rest[..len];
            if TEMPORARY.iter().any(|root| path.starts_with(root)) || path.contains("\\Temp\\") {
                out.push_str("<tmp>");
            } else {
                out.push_str(path.rsplit(['/', '\\']).next().unwrap_or(path));
            }
            previous = 'x';
            at += len;
            continue;
        }
        if starts_word && c.is_ascii_alphanumeric() {
            let len = token_len(bytes, at);
            let token = &text[at..at + len];
            if let Some(mark) = volatile_token(token) {
                out.push_str(mark);
                previous = 'x';
                at += len;
                continue;
            }
            if depth == Depth::Full && calendar(token) && text[at + len..].trim_start_matches([',', ' ']).starts_with(|c: char| c.is_ascii_digit()) {
                previous = ' ';
                at += len;
                while at < bytes.len() && (bytes[at] == b',' || bytes[at] == b' ') {
                    at += 1;
                }
                continue;
            }
        }
        // The line after a file's name moves, in the names of tests too.
        let after = if c == ':' { &rest[1..] } else { "" };
        if depth == Depth::Name && after.starts_with(|c: char| c.is_ascii_digit()) && previous.is_alphanumeric() && names_file(&out) {
            at += 1 + after.bytes().take_while(u8::is_ascii_digit).count();
            continue;
        }
        if depth == Depth::Name && c.is_ascii_digit() && out.ends_with("(line ") {
            at += rest.bytes().take_while(u8::is_ascii_digit).count();
            out.push('#');
            continue;
        }
        if c.is_ascii_digit() && (depth == Depth::Full || looks_like_time(rest)) && starts_word {
            at += number_len(bytes, at);
            let unit = text[at..].chars().take_while(|c| c.is_alphabetic() || *c == '%').collect::<String>();
            if UNITS.contains(&unit.as_str()) || unit == "Z" {
                at += unit.len();
            }
            if !out.ends_with('#') && !out.ends_with("# ") {
                out.push('#');
            } else if out.ends_with(' ') {
                out.pop();
            }
            previous = '#';
            continue;
        }
        out.push(c);
        previous = c;
        at += c.len_utf8();
    }
    out.truncate(out.trim_end().len());
    out
}

/// The length of an absolute path of at least two components at the start of `rest`.
fn absolute_path(rest: &str) -> Option<usize> {
    let windows = rest.len() > 3 && rest.as_bytes()[1] == b':' && matches!(rest.as_bytes()[2], b'\\' | b'/');
    if !(windows || rest.starts_with('/')) {
        return None;
    }
    let len = rest
        .char_indices()
        .skip(if windows { 2 } else { 0 })
        .find(|(_, c)| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ':' | ',' | ';' | ')' | '(' | ']' | '>' | '<' | '|'))
        .map_or(rest.len(), |(at, _)| at);
    let path = &rest[..len];
    (path.matches(['/', '\\']).count() >= 2).then_some(len)
}

fn token_len(bytes: &[u8], at: usize) -> usize {
    let mut len = 0;
    while at + len < bytes.len() && (bytes[at + len].is_ascii_alphanumeric() || bytes[at + len] == b'-') {
        len += 1;
    }
    len
}

/// The mask for hashes, identifiers and addresses, in their usual shapes.
fn volatile_token(token: &str) -> Option<&'static str> {
    let lower = token.strip_prefix("0x").or_else(|| token.strip_prefix("0X"));
    if let Some(hex) = lower {
        return hex.bytes().all(|b| b.is_ascii_hexdigit()).then_some("<hex>");
    }
    let parts: Vec<&str> = token.split('-').collect();
    let hexadecimal = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_hexdigit());
    if parts.len() == 5 && parts.iter().map(|p| p.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(|p| hexadecimal(p)) {
        return Some("<id>");
    }
    if parts.len() > 1 {
        return None;
    }
    let digits = token.bytes().filter(u8::is_ascii_digit).count();
    if hexadecimal(token) && ((token.len() >= 7 && digits >= 1 && digits < token.len()) || token.len() >= 32) {
        return Some("<id>");
    }
    let upper = token.bytes().filter(u8::is_ascii_uppercase).count();
    let small = token.bytes().filter(u8::is_ascii_lowercase).count();
    (token.len() >= 20 && digits >= 3 && upper >= 3 && small >= 3).then_some("<id>")
}

/// Whether the last word is the name of a file.
fn names_file(text: &str) -> bool {
    let word = text.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or("");
    word.rsplit_once('.').is_some_and(|(stem, ending)| !stem.is_empty() && (1..=5).contains(&ending.len()))
}

fn calendar(token: &str) -> bool {
    matches!(
        token,
        "Mon" | "Tue" | "Wed" | "Thu" | "Fri" | "Sat" | "Sun" | "Jan" | "Feb" | "Mar" | "Apr" | "May" | "Jun" | "Jul" | "Aug" | "Sep" | "Oct" | "Nov" | "Dec"
    )
}

fn looks_like_time(rest: &str) -> bool {
    let b = rest.as_bytes();
    b.len() >= 10 && b[4] == b'-' && b[7] == b'-' && b[..4].iter().all(u8::is_ascii_digit) && b[5].is_ascii_digit()
}

/// Digits and what joins them: dates, clock times, versions, decimals, thousands.
fn number_len(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    loop {
        while at < bytes.len() && bytes[at].is_ascii_digit() {
            at += 1;
        }
        let joins = at + 1 < bytes.len() && matches!(bytes[at], b'.' | b':' | b',' | b'T' | b'-' | b'/' | b'+') && bytes[at + 1].is_ascii_digit();
        if !joins {
            return at - start;
        }
        at += 1;
    }
}

/// A 64-bit FNV-1a hash: stable across builds and machines, which the standard hasher does not promise.
#[must_use]
pub fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volatile_parts_are_masked_and_the_rest_is_kept() {
        let same: &[(&str, &str)] = &[
            ("took 1.23s", "took 980ms"),
            ("at 2026-04-22T16:09:37.331Z", "at 2025-01-02T03:04:05Z"),
            ("thread 'x' (25975) panicked at src/a.rs:10:5", "thread 'x' (7) panicked at src/a.rs:999:17"),
            ("commit 1a2b3c4d5e6f", "commit 9f8e7d6c5b4a"),
            ("listen 127.0.0.1:34567", "listen 127.0.0.1:1"),
            ("open /tmp/abc/def.txt", "open /tmp/xyz123/other.txt"),
            ("at 0x7f279ff61160>", "at 0x7f27a4079f80>"),
            ("id 73522277-17d4-4851-9ca2-cac7199bd5d9", "id fb1f1307-bcba-4dad-ae86-3c4036098561"),
            ("in /home/runner/work/a/a/src/x.rs", "in /home/me/code/a/src/x.rs"),
            ("Mon, 21 Apr 2026 10:11:12 GMT failed", "Tue, 22 May 2026 01:01:01 GMT failed"),
        ];
        for (a, b) in same {
            assert_eq!(mask(a, Depth::Full), mask(b, Depth::Full));
        }
        let differ: &[(&str, &str)] = &[
            ("error[E0308]: mismatched", "error[E0277]: mismatched"),
            ("error TS2322: no", "error TS2345: no"),
            ("open src/a.rs", "open src/b.rs"),
            ("missing deadbeef", "missing decade"),
        ];
        for (a, b) in differ {
            assert_ne!(mask(a, Depth::Full), mask(b, Depth::Full));
        }
        assert_ne!(mask("test_x[1]", Depth::Name), mask("test_x[2]", Depth::Name));
    }

    #[test]
    fn workspace_is_cut() {
        assert_eq!(below_workspace("/home/runner/work/tokio/tokio/src/a.rs"), Some("src/a.rs"));
        assert_eq!(below_workspace("D:\\a\\x\\x\\src\\a.cs"), Some("src\\a.cs"));
        assert_eq!(below_workspace("/workspace/src/a.rs"), Some("src/a.rs"));
        assert_eq!(below_workspace("/home/me/workspace/src/a.rs"), None);
        assert_eq!(below_workspace("src/a.rs"), None);
    }
}
