//! What is masked and what is not, over two lists; and the command, over files and pipes.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use regreen::domain::redaction::redact;

const SECRETS: &str = include_str!("../redaction/secrets.txt");
const LOOKALIKES: &str = include_str!("../redaction/lookalikes.txt");
/// How often every generator is drawn.
const ROUNDS: u64 = 8;

/// A small generator of numbers: the lists must come out alike wherever they run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 33).expect("31 bits fit") % n
    }

    fn run(&mut self, set: &str, n: usize) -> String {
        let set: Vec<char> = set.chars().collect();
        (0..n).map(|_| set[self.below(set.len())]).collect()
    }

    /// `text` with its generators drawn.
    fn fill(&mut self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            out.push_str(&rest[..open]);
            let Some(close) = rest[open..].find('}').map(|i| open + i) else {
                rest = &rest[open..];
                break;
            };
            match self.generator(&rest[open + 1..close]) {
                Some(drawn) => {
                    out.push_str(&drawn);
                    rest = &rest[close + 1..];
                }
                None => {
                    out.push('{');
                    rest = &rest[open + 1..];
                }
            }
        }
        out.push_str(rest);
        out.replace('⏎', "\n")
    }

    fn generator(&mut self, name: &str) -> Option<String> {
        const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
        const DIGITS: &str = "0123456789";
        if name == "." {
            return Some(String::new());
        }
        if name == "G" {
            return Some([8, 4, 4, 4, 12].map(|n| self.run("0123456789abcdef", n)).join("-"));
        }
        let n: usize = name.get(1..)?.parse().ok()?;
        let set = match name.get(..1)? {
            "A" => [UPPER, LOWER, DIGITS].concat(),
            "L" => [LOWER, DIGITS].concat(),
            "U" => [UPPER, DIGITS].concat(),
            "H" => "0123456789abcdef".to_owned(),
            "X" => "0123456789ABCDEF".to_owned(),
            "D" => DIGITS.to_owned(),
            "W" => [UPPER, LOWER, DIGITS, "_-"].concat(),
            "B" => [UPPER, LOWER, DIGITS, "+/"].concat(),
            "P" => [UPPER, LOWER, DIGITS, "!%^*_+"].concat(),
            "a" => LOWER.to_owned(),
            _ => return None,
        };
        // A secret ends in a letter or digit: whether a last dash belongs to it is a matter of taste.
        let mut drawn = self.run(&set, n);
        if drawn.ends_with(|c: char| !c.is_ascii_alphanumeric()) {
            drawn.pop();
            drawn.push('k');
        }
        Some(drawn)
    }
}

fn rows(list: &str) -> impl Iterator<Item = &str> {
    list.lines().filter(|l| !l.starts_with('#') && !l.is_empty())
}

#[test]
fn every_made_up_secret_is_masked_and_its_surroundings_stay() {
    let mut missed = Vec::new();
    let mut kinds = BTreeSet::new();
    let mut examples = 0;
    for (number, row) in rows(SECRETS).enumerate() {
        let (name, text) = row.split_once('\t').unwrap_or_else(|| panic!("no tab: {row}"));
        kinds.insert(name);
        examples += 1;
        for round in 0..ROUNDS {
            let marked = Draw(number as u64 * 1000 + round).fill(text);
            let plain = marked.replace(['«', '»'], "");
            let masked = redact(&plain);
            let mut rest = masked.text.as_str();
            for (i, part) in marked.split(['«', '»']).enumerate() {
                if i % 2 == 1 {
                    if masked.text.contains(part) {
                        missed.push(format!("{name}: leaked: {}", masked.text));
                    }
                } else if let Some(at) = rest.find(part) {
                    rest = &rest[at + part.len()..];
                } else {
                    missed.push(format!("{name}: lost `{part}`: {}", masked.text));
                }
            }
            assert!(!masked.counts.is_empty() || missed.iter().any(|m| m.starts_with(name)), "{name}: nothing counted");
            assert_eq!(masked.text.lines().count(), plain.lines().count(), "{name}");
            assert_eq!(redact(&masked.text).text, masked.text, "{name}: not stable");
        }
    }
    assert!(examples >= 150 && kinds.len() >= 150, "{examples} examples of {} kinds", kinds.len());
    assert!(missed.is_empty(), "{} of {}:\n{}", missed.len(), examples * ROUNDS as usize, missed.join("\n"));
}

#[test]
fn look_alikes_stay_as_they_are() {
    let mut masked = Vec::new();
    let mut examples = 0;
    for (number, row) in rows(LOOKALIKES).enumerate() {
        examples += 1;
        for round in 0..ROUNDS {
            let text = Draw(number as u64 * 1000 + round).fill(row);
            let got = redact(&text);
            if got.text != text {
                masked.push(format!("{text}\n  → {}", got.text));
            }
        }
    }
    assert!(examples >= 150, "{examples}");
    assert!(masked.is_empty(), "{} of {}:\n{}", masked.len(), examples * ROUNDS as usize, masked.join("\n"));
}

fn regreen(args: &[&str], input: &[u8]) -> (Vec<u8>, Vec<u8>, Option<i32>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_regreen"))
        .arg("redact")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary was built for this test");
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let out = child.wait_with_output().expect("it ends with its input");
    // Where the file is named, nobody reads the pipe.
    let _ = writer.join().expect("the writer does not panic");
    (out.stdout, out.stderr, out.status.code())
}

#[test]
fn the_command_streams_text_and_keeps_bytes() {
    let mut input = b"\xff first\r\nDB_PASSWORD=hunter2x\n".to_vec();
    input.extend_from_slice(&[0, 0x80, b'\n', b'z']);
    let (out, _, code) = regreen(&["-"], &input);
    assert_eq!(out, b"\xff first\r\nDB_PASSWORD=[redacted:password]\n\x00\x80\nz");
    assert_eq!(code, Some(0));
}

#[test]
fn the_command_counts_in_json_and_reads_a_file() {
    let folder = tempfile::tempdir().expect("a folder for the file");
    let file = folder.path().join("log.txt");
    std::fs::write(&file, "password: 'hunter2!'\nredis://:s3cr3tX1@cache/0\n").expect("it can be written");
    let (out, _, code) = regreen(&[file.to_str().expect("UTF-8"), "--format", "json"], b"");
    let json: serde_json::Value = serde_json::from_slice(&out).expect("one object");
    assert_eq!(
        json,
        serde_json::json!({"counts": {"password": 1, "url-password": 1}, "text": "password: '[redacted:password]'\nredis://:[redacted:url-password]@cache/0\n"})
    );
    assert_eq!(code, Some(0));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let (out, err, code) = regreen(&["/nowhere/log.txt"], b"");
    assert!(out.is_empty());
    assert!(String::from_utf8_lossy(&err).contains("/nowhere/log.txt"));
    assert_ne!(code, Some(0));
}

#[test]
fn a_diagnosis_shows_no_secret() {
    let secret = ["ghp", "_", "16C7e42F292c6912E7710c838347Ae178B4a"].concat();
    let log = format!(
        "2026-11-21T02:08:09.1234567Z ##[group]Run cargo test\n2026-11-21T02:08:09.1234567Z ##[endgroup]\n2026-11-21T02:08:10.1234567Z error: clone of https://x:{secret}@github.com/o/r failed\n2026-11-21T02:08:10.1234567Z ##[error]Process completed with exit code 101.\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ci.log");
    std::fs::write(&path, log).unwrap();
    for format in ["text", "json"] {
        let out = std::process::Command::new(env!("CARGO_BIN_EXE_regreen")).args(["diagnose", "--format", format, "--log"]).arg(&path).output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(!text.contains(&secret) && text.contains("redacted"), "{text}");
        if format == "json" {
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert!(!value["redactions"].as_object().unwrap().is_empty(), "{text}");
        }
    }
}
