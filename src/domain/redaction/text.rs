//! Questions about bytes that the detectors share: what borders a word, how varied a value is, what only stands in for a secret.

use std::collections::HashSet;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// Bytes of a value that are weighed; what is longer is judged by its beginning.
const WEIGHED: usize = 512;
/// Bytes of the longest word or beginning that stands in for a secret.
const LONGEST_WORD: usize = 32;

/// `[A-Za-z0-9_]`.
#[must_use]
pub(super) fn word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

/// Whether a token may start at `at`: what stands before is no part of a longer word.
///
/// Colour codes (`ESC[32m`), escapes (`\n`, `\t`) and percent escapes (`%3D`) end in letters and digits, and still end the word before them.
#[must_use]
pub(super) fn starts_word(line: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).and_then(|i| line.get(i)) else { return true };
    if !word(*before) && *before != b'-' {
        return true;
    }
    if let [.., b'\\', b'n' | b'r' | b't'] = line[..at] {
        return true;
    }
    if let [.., b'%', high, low] = line[..at]
        && high.is_ascii_hexdigit()
        && low.is_ascii_hexdigit()
    {
        return true;
    }
    if *before == b'-' {
        // `-p-token` does not start a word, ` -token` and `--token` do.
        return !at.checked_sub(2).and_then(|i| line.get(i)).is_some_and(|b| word(*b));
    }
    *before == b'm' && colour_before(line, at)
}

fn colour_before(line: &[u8], at: usize) -> bool {
    let mut i = at.saturating_sub(1);
    let floor = at.saturating_sub(24);
    while i > floor {
        i -= 1;
        match line[i] {
            b'0'..=b'9' | b';' => {}
            b'[' => return i > 0 && line[i - 1] == 0x1b,
            _ => return false,
        }
    }
    false
}

/// Shannon entropy in bits a byte, over at most the first 512 bytes.
#[must_use]
pub(super) fn entropy(value: &[u8]) -> f64 {
    let value = &value[..value.len().min(WEIGHED)];
    if value.is_empty() {
        return 0.0;
    }
    let mut seen = [0u32; 256];
    for b in value {
        seen[usize::from(*b)] += 1;
    }
    #[expect(clippy::cast_precision_loss, reason = "at most 512")]
    let total = value.len() as f64;
    seen.iter().filter(|n| **n > 0).map(|n| f64::from(*n) / total).map(|p| -p * p.log2()).sum()
}

/// How many different bytes the first 512 hold.
#[must_use]
pub(super) fn distinct(value: &[u8]) -> usize {
    let mut seen = [false; 256];
    for b in value.iter().take(WEIGHED) {
        seen[usize::from(*b)] = true;
    }
    seen.iter().filter(|s| **s).count()
}

/// Which classes of characters a value has.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one flag a class of characters")]
pub(super) struct Classes {
    pub lower: bool,
    pub upper: bool,
    pub digit: bool,
    /// Printable ASCII that is neither letter, digit, `_`, `-`, `.` nor `/`.
    pub symbol: bool,
    /// `_`, `-`, `.` or `/`: what joins words in names and paths.
    pub joiner: bool,
    /// Beyond ASCII, or a control.
    pub other: bool,
}

/// The classes of the first 512 bytes of `value`.
#[must_use]
pub(super) fn classes(value: &[u8]) -> Classes {
    let mut found = Classes::default();
    for b in value.iter().take(WEIGHED) {
        match b {
            b'a'..=b'z' => found.lower = true,
            b'A'..=b'Z' => found.upper = true,
            b'0'..=b'9' => found.digit = true,
            b'_' | b'-' | b'.' | b'/' => found.joiner = true,
            0x21..=0x7e => found.symbol = true,
            _ => found.other = true,
        }
    }
    found
}

/// Whether `value` is hexadecimal throughout.
#[must_use]
pub(super) fn hex(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(u8::is_ascii_hexdigit)
}

/// Whether `value` has the form of a UUID.
#[must_use]
pub(super) fn uuid(value: &[u8]) -> bool {
    value.len() == 36 && value.iter().enumerate().all(|(i, b)| if matches!(i, 8 | 13 | 18 | 23) { *b == b'-' } else { b.is_ascii_hexdigit() })
}

/// ASCII-case-insensitive search.
#[must_use]
pub(super) fn contains(haystack: &[u8], needle: &str) -> bool {
    let needle = needle.as_bytes();
    let Some(first) = needle.first() else { return true };
    let Some(last) = haystack.len().checked_sub(needle.len()) else { return false };
    memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), &haystack[..=last])
        .any(|at| haystack[at..at + needle.len()].eq_ignore_ascii_case(needle))
}

/// Words that a made-up value contains, whatever stands around them.
const MADE_UP_PARTS: &str = "\
    example changeme change-me change_me change-this change_this changeit placeholder redacted your- your_ yourpass yourtoken yoursecret yourkey \
    yourapi youraccess xxxx replaceme replace_ replace- insert_ insert- _here -here goeshere fixme censored dummy not-a-real not_a_real notreal \
    **** .... … < removed filtered";

/// Words that, alone, are no secret: types, states, and the values that documentation and CI files use.
const MADE_UP_WORDS: &str = "\
    ! - abc abc123 any array auto bar baz bool boolean buffer bytes char const default denied disabled empty enabled env error expected expired \
    fail failed fake false field file float foo foobar found func function hidden ignored incorrect inherit input int integer interface invalid \
    key keyword masked missing mismatch mock must n/a na never new nil no none not null nullable number object off ok on optional option pass \
    passed passwd password pending postgres present private prompt protected provided public pwd read readonly required return root sample \
    secret secrets securestring secretstring self set skip skipped static stdin str string super symbol tbd test testing text todo token true \
    type undefined unexpected unknown unset unused valid value var varchar void wrong write x xx xxx yes user username pass123 apikey api_key \
    api-key mysecret mypassword mytoken my-secret my-token my-password my_secret my_token my_password test-token test_token testtoken \
    test-secret test_secret test-key test_key secret-key secret_key access_token access-token accesstoken authorized unauthorized forbidden \
    revoked rotated created deleted updated accepted rejected changed some-token some_token sometoken some-secret some_secret fake-token \
    fake_token fake-key fake_key fake-secret fake_secret";

/// What stands before a reference to a value that is kept elsewhere.
const REFERENCES: &str = "\
    op:// vault: vault/ ssm: ssm/ env: env. file: secret: secret/ secrets/ secrets. arn:aws projects/ keyring: ref+ enc[ process.env os.environ \
    os.getenv system.getenv std::env import.meta.env keyvault: awssm: gcpsm: data: $ansible_vault age1 ssh-rsa ssh-ed25519 urn: github_token \
    secure: id= src= source= type=";

/// Whether `value` only stands in for a secret: a variable, a template, stars, a word of documentation.
#[must_use]
pub(super) fn made_up(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    if value.len() > WEIGHED {
        return made_up(&value[..WEIGHED]);
    }
    if distinct(value) <= 2 && value.len() >= 3 && !value.iter().all(u8::is_ascii_digit) {
        return true;
    }
    if value.first().is_some_and(|f| value.iter().all(|b| b == f)) || dots(value) {
        return true;
    }
    if value.iter().all(|b| !b.is_ascii_alphanumeric() && b.is_ascii()) {
        return true;
    }
    // `"'$NAME'"`: a shell leaves one pair of quotes for another.
    let bare = value.strip_prefix(b"'").map_or(value, |v| v.strip_suffix(b"'").unwrap_or(v));
    if variable(value) || variable(bare) || memchr::memmem::find(value, b"[redacted:").is_some() {
        return true;
    }
    if std::str::from_utf8(value).is_err() {
        return false;
    }
    static PARTS: LazyLock<AhoCorasick> = LazyLock::new(|| words(MADE_UP_PARTS));
    static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| MADE_UP_WORDS.split_ascii_whitespace().collect());
    let lower = String::from_utf8_lossy(&value[..value.len().min(LONGEST_WORD)]).to_ascii_lowercase();
    lower.is_empty()
        || value.len() <= LONGEST_WORD && WORDS.contains(lower.as_str())
        || REFERENCES.split_ascii_whitespace().any(|p| lower.starts_with(p))
        || PARTS.is_match(value)
        || (lower.starts_with("your") && !classes(value).digit)
}

/// Whether `value` is one character beyond ASCII again and again, such as the dots of a field for a password.
fn dots(value: &[u8]) -> bool {
    let width = value.iter().skip(1).take_while(|b| **b & 0xc0 == 0x80).count() + 1;
    width > 1 && value.len() > width && value.chunks(width).all(|c| c == &value[..width])
}

/// Whether `value` is a key that its issuer means to be published: it stands in pages and apps.
#[must_use]
pub(super) fn published(value: &[u8]) -> bool {
    [&b"pk_live_"[..], b"pk_test_", b"pk_prod_", b"pk_dev_", b"FLWPUBK", b"sb_publishable_", b"pk.eyJ"].iter().any(|p| value.starts_with(p))
        || value.strip_prefix(b"pub").is_some_and(|rest| rest.len() >= 32 && hex(rest))
}

/// An automaton over the words of a list, in any case.
fn words(list: &str) -> AhoCorasick {
    AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .ascii_case_insensitive(true)
        .build(list.split_ascii_whitespace())
        .expect("a few dozen short literals fit an automaton")
}

/// `$NAME`, `${…}`, `$(…)`, `%NAME%`, `{{…}}`, `#{…}`, `@{…}`, `!Ref`, `<…>`, `[…]`, `{…}`, `(…)`.
fn variable(value: &[u8]) -> bool {
    match value {
        [b'$', b'{' | b'(' | b'[', ..] | [b'{', b'{', ..] | [b'#' | b'@' | b'%', b'{', ..] => true,
        // `$2b$10$…` is a hash and `$ecret!1` a password; a variable is a name throughout.
        [b'$', first, rest @ ..] => {
            // `$BASE_URL/path` begins with one.
            let name = rest.iter().take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || **b == b'_').count();
            first.is_ascii_uppercase() && name >= 2 && rest.get(name) == Some(&b'/')
                || rest.starts_with(b"nv{")
                || (first.is_ascii_alphabetic() || *first == b'_')
                    && rest.iter().all(|b| word(*b) || matches!(b, b'.' | b':' | b'}' | b'"' | b'\'' | b')' | b',' | b';' | b'[' | b']' | b'-' | b'>'))
        }
        [b'%', rest @ .., b'%'] => rest.iter().all(|b| word(*b)),
        // What `printf` fills in.
        [b'%', b's' | b'd' | b'v' | b'q' | b'w' | b'@'] => true,
        [b'<', .., b'>'] | [b'[', .., b']'] | [b'{', .., b'}'] | [b'(', .., b')'] => true,
        [b'!', first, rest @ ..] => {
            first.is_ascii_uppercase() && rest.iter().all(u8::is_ascii_alphanumeric) || matches!(value, b"!vault" | b"!secret" | b"!env" | b"!reference")
        }
        _ => false,
    }
}

/// What a token in documentation contains.
const DOCUMENTED: &str = "\
    example xxxx your- your_ yourtoken yourkey yourapi placeholder changeme replace_ replace- replaceme redacted insert_ insert- _here -here **** ....";

/// Whether a token with a known prefix is an example from documentation: little variety, or a word that says so.
#[must_use]
pub(super) fn documented(tail: &[u8]) -> bool {
    let tail = &tail[..tail.len().min(WEIGHED)];
    let different = distinct(tail);
    if different <= 3 || (tail.len() >= 16 && different <= 4) {
        return true;
    }
    static WORDS: LazyLock<AhoCorasick> = LazyLock::new(|| words(DOCUMENTED));
    WORDS.is_match(tail)
}

/// Whether `value` reads as joined words (`my-app-secret`, `refreshToken`, `src/main/java`, `v2`): a name, not a secret.
#[must_use]
pub(super) fn phrase(value: &[u8]) -> bool {
    value.split(|b| matches!(b, b'-' | b'_' | b'.' | b'/' | b':' | b' ' | b'@' | b'+')).all(|part| {
        let letters = part.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        let digits = part.len() - letters;
        part[letters..].iter().all(u8::is_ascii_digit)
            && (if letters > 1 { digits <= 2 } else { digits <= 4 })
            && (letters == 0 || plain_word(&part[..letters]))
    })
}

/// `word`, `Word`, `WORD` or `camelCase`, with vowels about as often as words have them.
fn plain_word(letters: &[u8]) -> bool {
    let vowels = letters.iter().filter(|b| matches!(b.to_ascii_lowercase(), b'a' | b'e' | b'i' | b'o' | b'u' | b'y')).count();
    // A change of case every other letter is noise; words change it once in about four.
    let humps = letters.windows(2).filter(|w| w[0].is_ascii_lowercase() && w[1].is_ascii_uppercase()).count();
    let length = letters.len();
    if length >= 24 && vowels * 5 < length {
        return false;
    }
    // Five small consonants in a row stand in no long word.
    let mut run = 0;
    let cluster = letters.iter().any(|b| {
        run = if b.is_ascii_lowercase() && !matches!(b, b'a' | b'e' | b'i' | b'o' | b'u' | b'y') { run + 1 } else { 0 };
        run >= 5
    });
    if length >= 12 && cluster {
        return false;
    }
    if length >= 16 && tangled(letters) * 5 >= length {
        return false;
    }
    length <= 5 || (vowels * 6 >= length && humps * 4 <= length)
}

/// How many runs of one case are such as names hardly have: one or two small letters, or several capitals.
fn tangled(letters: &[u8]) -> usize {
    let odd = |run: &&[u8]| if run[0].is_ascii_lowercase() { run.len() <= 2 } else { run.len() >= 2 };
    letters.chunk_by(|a, b| a.is_ascii_lowercase() == b.is_ascii_lowercase()).filter(odd).count()
}

/// Whether `value` looks random: letters and digits mixed, varied for its length.
#[must_use]
pub(super) fn random(value: &[u8], least: usize) -> bool {
    if value.len() < least || phrase(value) {
        return false;
    }
    let found = classes(value);
    let letters = found.lower || found.upper;
    let mixed = (letters && found.digit) || (found.lower && found.upper && value.len() >= 16);
    let floor = if hex(value) {
        2.5
    } else if value.len() < 16 {
        2.4
    } else {
        3.0
    };
    mixed && entropy(value) >= floor
}
