//! Whatever a text holds: no panic, lines are kept, growth is bounded, pieces do not matter, and a second pass finds nothing.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use regreen_fuzz::domain::redaction::{Redactor, redact};

/// What a text is put together of, beside single characters, so that it comes near secrets.
const PIECES: [&str; 128] = [
    "password",
    "kind: Secret\n",
    "password: |\n",
    "token",
    "TOKEN",
    "api_key",
    "apiKey",
    "SECRET",
    "secret_key",
    "acme_key",
    "== ",
    "Authorization",
    "Bearer ",
    "Basic ",
    "Cookie: ",
    "Set-Cookie: ",
    "x-api-key",
    "session",
    "sessionid",
    "auth",
    "_authToken",
    "\ndata:\n  ",
    "private_key",
    "connectionString",
    "://",
    "postgres://",
    "https://",
    "user",
    "@",
    "@host",
    "host:5432/db",
    "?",
    "&",
    "sig=",
    "X-Amz-Signature=",
    "access_token=",
    "=",
    ": ",
    ":",
    " = ",
    " => ",
    ":=",
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\\n",
    "\\",
    "\\\"",
    "\"",
    "'",
    "`",
    ",",
    ";",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "<",
    ">",
    "</",
    "--",
    "-",
    "-p",
    " -p ",
    " -u ",
    " -a ",
    "--password ",
    "--token=",
    "mysql ",
    "curl ",
    "docker login ",
    "sshpass -p ",
    "redis-cli ",
    "export ",
    "$env:",
    "set ",
    "ENV ",
    "- name: ",
    "value: ",
    "name=",
    "login bob password ",
    "machine ",
    "echo ",
    " | docker login --password-stdin",
    "[redacted:",
    "[redacted:password]",
    "[redacted:private-key]",
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "-----BEGIN ",
    "-----END ",
    "-----",
    "PRIVATE KEY",
    "PuTTY-User-Key-File-3: ssh-rsa",
    "Private-Lines: 2",
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7",
    "hunter2!",
    "s3cr3tX1",
    "Zx9",
    "swordfish",
    "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5",
    "0123456789abcdef",
    "4f3a9c2b",
    "ghp_",
    "github_pat_",
    "glpat-",
    "AKIA",
    "_live_",
    "xoxb-",
    "sk-",
    "sk_live_",
    "eyJ",
    "eyJhbGciOiJIUzI1NiJ9.",
    "<token>\n",
    "AIza",
    "SG.",
    "AC",
    "SK",
    "hooks.slack.com/services/",
    "discord.com/api/webhooks/",
    "\u{1b}[31m",
    "%3D",
    "$",
    "${X}",
];

/// Every byte from 128 on stands for a piece.
fn composed(bytes: &[u8]) -> Vec<u8> {
    static TABLE: LazyLock<Vec<Vec<u8>>> =
        LazyLock::new(|| (0..=255u8).map(|b| b.checked_sub(128).map_or_else(|| vec![b], |i| PIECES[usize::from(i)].as_bytes().to_vec())).collect());
    bytes.iter().flat_map(|b| &TABLE[usize::from(*b)]).copied().collect()
}

fuzz_target!(|data: &[u8]| {
    let [how, cut, rest @ ..] = data else { return };
    let bytes = if how % 4 == 0 { rest.to_vec() } else { composed(rest) };

    let mut whole = Redactor::new();
    let mut once = Vec::new();
    whole.push(&bytes, &mut once);
    let counts = whole.finish(&mut once);

    let mut pieces = Redactor::new();
    let mut streamed = Vec::new();
    bytes.chunks(usize::from(*cut) + 1).for_each(|piece| pieces.push(piece, &mut streamed));
    assert_eq!((&pieces.finish(&mut streamed), &streamed), (&counts, &once), "pieces matter: {:?}", String::from_utf8_lossy(&bytes));

    let shown = String::from_utf8_lossy(&once);
    assert_eq!(bytes.iter().filter(|b| **b == b'\n').count(), once.iter().filter(|b| **b == b'\n').count(), "{shown:?}");
    assert!(once.len() <= bytes.len() * 12 + 64, "{shown:?}");
    // A key is counted where its body begins: not where a text comes in with half of it masked.
    let half = memchr::memmem::find(&bytes, b"[redacted:private-key]").is_some();
    assert!(!counts.is_empty() || once == bytes || half, "masked, but not counted: {shown:?}");

    let mut second = Redactor::new();
    let mut twice = Vec::new();
    second.push(&once, &mut twice);
    let again = second.finish(&mut twice);
    assert!(twice == once, "a second pass makes {:?} of {shown:?} of {:?}", String::from_utf8_lossy(&twice), String::from_utf8_lossy(&bytes));
    assert!(again.is_empty(), "{again:?} in {shown:?}");

    if let Ok(text) = std::str::from_utf8(&bytes) {
        assert_eq!(redact(text).text.as_bytes(), once);
    }
});
