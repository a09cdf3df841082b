//! The patch engine: from a model's raw answer to a checked, canonical change.
//!
//! ```text
//! answer ─► parse ─► rooted ─► inspect ─► apply (with repair) ─► canonical diff + hash ─► integrity
//! ```
//!
//! Everything here is in memory. A model's answer is hostile and sloppy: it is bounded where it is
//! read, its paths are checked before anything is looked up, and an edit whose place is not certain
//! is an error that can be handed back to the model, never a guess.

pub mod apply;
pub mod canonical;
mod compared;
pub mod inspect;
pub mod integrity;
pub mod parse;
pub mod repair;
mod root;

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use apply::{Applied, FileChange, Stats, apply};
pub use compared::compared;
pub use inspect::{Inspection, PathRules, Touches, TreeFacts, inspect};
pub use parse::parse;
pub use root::rooted;

/// The largest answer that is read at all, in bytes.
pub const MAX_ANSWER_BYTES: usize = 2 * 1024 * 1024;

/// What a patch may weigh. Parsing bounds (`max_files`, `max_hunks`, `max_bytes`) protect us;
/// the line caps keep a fix reviewable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchLimits {
    /// Files one patch may touch.
    pub max_files: usize,
    /// Lines one patch may add.
    pub max_added_lines: usize,
    /// Lines one patch may add and remove together.
    pub max_changed_lines: usize,
    /// Bytes of the canonical diff.
    pub max_bytes: usize,
    /// Bytes of one touched file, before or after.
    pub max_file_bytes: usize,
}

impl Default for PatchLimits {
    fn default() -> Self {
        Self { max_files: 20, max_added_lines: 600, max_changed_lines: 1_000, max_bytes: 256 * 1024, max_file_bytes: 4 * 1024 * 1024 }
    }
}

/// A parsed answer: what the model asks for, before it met the repository.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Patch {
    /// In the order of the answer. One path may occur in several entries; they apply in sequence.
    pub files: Vec<FilePatch>,
    /// What had to be mended to read the answer at all.
    pub repairs: Vec<Repair>,
}

/// What happens to a file as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// The file exists and keeps its path.
    Modify,
    /// The file must not exist yet.
    Create,
    /// The file goes away.
    Delete,
    /// The file moves, perhaps with edits.
    Rename,
}

/// One file's part of a patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilePatch {
    /// Path before; `None` for a created file.
    pub old_path: Option<String>,
    /// Path after; `None` for a deleted file.
    pub new_path: Option<String>,
    /// What happens to the file.
    pub kind: FileKind,
    /// Mode named by the headers (`old mode`, `new mode`, `new file mode`), if any.
    pub mode: ModeChange,
    /// The edits, in the order of the answer.
    pub hunks: Vec<Hunk>,
    /// The complete new text, where the answer gave a whole file in place of hunks.
    pub whole: Option<String>,
    /// The answer says that this file is binary.
    pub binary: bool,
}

impl FilePatch {
    /// The path to show: the new one, else the old one.
    #[must_use]
    pub fn path(&self) -> &str {
        self.new_path.as_deref().or(self.old_path.as_deref()).unwrap_or("")
    }
}

/// Modes named in extended headers, as git writes them (octal, e.g. `100755`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ModeChange {
    /// `old mode` or `deleted file mode`.
    pub old: Option<u32>,
    /// `new mode` or `new file mode`.
    pub new: Option<u32>,
}

/// One edit: a run of lines and where it is said to be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Hunk {
    /// Stated first line in the old file, 1-based; `None` for a numberless `@@`.
    pub old_start: Option<usize>,
    /// Stated (old, new) line counts; they are recounted and never trusted.
    pub counts: Option<(usize, usize)>,
    /// Lines the place lies beneath, outermost first: text after `@@` in the apply-patch format.
    pub anchors: Vec<String>,
    /// The line above the place that a header with numbers repeats behind its second `@@`.
    pub heading: Option<String>,
    /// The edit must end at the end of the file.
    pub at_end: bool,
    /// The lines.
    pub lines: Vec<Line>,
}

impl Hunk {
    /// Lines (removed plus context, added plus context) as they really are.
    #[must_use]
    pub fn recount(&self) -> (usize, usize) {
        self.lines.iter().fold((0, 0), |(old, new), line| match line.kind {
            LineKind::Context => (old + 1, new + 1),
            LineKind::Delete => (old + 1, new),
            LineKind::Insert => (old, new + 1),
        })
    }
}

/// What a line in a hunk does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// Stays.
    Context,
    /// Goes.
    Delete,
    /// Comes.
    Insert,
}

/// One line of a hunk, without its line end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What it does.
    pub kind: LineKind,
    /// Its text, without `\n` and without a final `\r`.
    pub text: String,
    /// It ended in `\r\n` while the hunk's header did not, so the `\r` is content.
    pub cr: bool,
    /// Followed by `\ No newline at end of file`.
    pub no_newline: bool,
}

impl Line {
    /// A line that ends in `\n`.
    #[must_use]
    pub fn new(kind: LineKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), cr: false, no_newline: false }
    }
}

/// What a path in the tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileMode {
    /// `100644`
    Regular,
    /// `100755`
    Executable,
    /// `120000`
    Symlink,
    /// `160000`
    Submodule,
}

impl FileMode {
    /// As git writes it.
    #[must_use]
    pub fn octal(self) -> u32 {
        match self {
            Self::Regular => 0o100_644,
            Self::Executable => 0o100_755,
            Self::Symlink => 0o120_000,
            Self::Submodule => 0o160_000,
        }
    }

    /// From git's number; an unknown number is `None`.
    #[must_use]
    pub fn from_octal(mode: u32) -> Option<Self> {
        match mode {
            0o100_644 | 0o100_664 | 0o644 => Some(Self::Regular),
            0o100_755 | 0o755 => Some(Self::Executable),
            0o120_000 => Some(Self::Symlink),
            0o160_000 => Some(Self::Submodule),
            _ => None,
        }
    }
}

/// A file's bytes and mode, as looked up in the base tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileContent {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The mode.
    pub mode: FileMode,
}

impl FileContent {
    /// A regular file.
    #[must_use]
    pub fn regular(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), mode: FileMode::Regular }
    }

    /// The text, if it is UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }
}

/// SHA-256 of the canonical diff: the name of a change, shown as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PatchHash([u8; 32]);

impl PatchHash {
    /// The hash of a canonical diff.
    #[must_use]
    pub fn of(canonical: &str) -> Self {
        Self(Sha256::digest(canonical.as_bytes()).into())
    }

    /// The raw digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for PatchHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PatchHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PatchHash({self})")
    }
}

impl Serialize for PatchHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The closed list of mendings. Each is named in the result, because a mended patch is riskier
/// than one that was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RepairKind {
    /// The answer was not a unified diff and was converted (search/replace, apply-patch, whole file).
    Converted,
    /// Headers were incomplete (`diff --git`, prefixes, `---`/`+++`).
    Headers,
    /// Hunk counts were wrong or missing.
    Recount,
    /// A context line had lost its leading space.
    Prefix,
    /// The same section came twice.
    Duplicate,
    /// The path carried a prefix that is not in the repository.
    Path,
    /// The edit was found at another line.
    Drift,
    /// Blanks at line ends differ.
    TrailingWhitespace,
    /// Indentation differs; inserted lines were indented like the file.
    Indentation,
    /// LF and CRLF differ; the file's own were kept.
    LineEndings,
    /// The newline at the end of the file differs; the file's own was kept.
    FinalNewline,
    /// Context lines were elided (`...`).
    Elided,
    /// Every old line carried its number.
    LineNumbers,
    /// The text was escaped as for HTML.
    Escaped,
    /// Quotes, dashes or blanks were look-alikes of the file's.
    Lookalike,
    /// Context lines that are not in the file were left out; what remained is unique.
    StaleContext,
    /// The edit was there already and was left out.
    AlreadyApplied,
    /// A created file exists with the same text, or a deleted one is gone.
    Kind,
}

/// One mending: what, where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// Which.
    pub kind: RepairKind,
    /// In which file; empty for the answer as a whole.
    pub path: String,
    /// In which hunk, 1-based.
    pub hunk: Option<usize>,
    /// One line for a reader.
    pub detail: String,
}

impl Repair {
    pub(crate) fn new(kind: RepairKind, path: &str, hunk: Option<usize>, detail: impl Into<String>) -> Self {
        Self { kind, path: path.to_owned(), hunk, detail: detail.into() }
    }
}

/// Why an answer is not a usable patch. The messages are one line each and can be handed back to
/// the model as evidence; every quoted text in them is escaped and bounded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The answer holds no patch.
    #[error("the answer holds no patch: send one unified diff in a ```diff fence")]
    Nothing,
    /// A bound is exceeded.
    #[error("the patch is too large: {found} {what}, the limit is {limit}; send a smaller change")]
    TooLarge {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Binary content.
    #[error("`{}` is binary: only text can be patched", shown(path))]
    Binary {
        /// The file.
        path: String,
    },
    /// A text that is not UTF-8.
    #[error("`{}` is not UTF-8: it cannot be patched as text", shown(path))]
    NotUtf8 {
        /// The file.
        path: String,
    },
    /// The answer looks like a patch but cannot be read.
    #[error("line {line} of the answer cannot be read as a patch: {reason}")]
    Malformed {
        /// 1-based line in the answer.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// An edit fits in several places.
    #[error("hunk {hunk} of `{}` fits {} places ({}): add context lines until it fits one", shown(path), places.len(), listed(places))]
    Ambiguous {
        /// The file.
        path: String,
        /// 1-based hunk.
        hunk: usize,
        /// 1-based lines where it fits.
        places: Vec<usize>,
    },
    /// An edit fits nowhere.
    #[error("hunk {hunk} of `{}` does not match the file: `{}` {}", shown(path), shown(expected), found_at(*near, found.as_deref()))]
    StaleContext {
        /// The file.
        path: String,
        /// 1-based hunk.
        hunk: usize,
        /// First line of the hunk that is not where it should be.
        expected: String,
        /// 1-based line of the file nearest to the place.
        near: Option<usize>,
        /// What the file has there.
        found: Option<String>,
    },
    /// Two hunks claim the same lines.
    #[error("hunks {first} and {second} of `{}` overlap: merge them into one", shown(path))]
    Overlap {
        /// The file.
        path: String,
        /// 1-based hunk.
        first: usize,
        /// 1-based hunk.
        second: usize,
    },
    /// A whole-file answer that leaves parts out.
    #[error("`{}` was sent as a whole file but leaves parts out: send a unified diff", shown(path))]
    Elided {
        /// The file.
        path: String,
    },
    /// A new line of a diff that stands for code.
    #[error(
        "`{}` in hunk {hunk} of `{}` stands for code that is left out: send that code, or word the comment otherwise if it is one",
        shown(line),
        shown(path)
    )]
    Placeholder {
        /// The file.
        path: String,
        /// 1-based hunk.
        hunk: usize,
        /// The line.
        line: String,
    },
    /// An insertion that may have been made before: nothing around it tells.
    #[error(
        "hunk {hunk} of `{}` inserts what line {line} of the file says already, and it is ambiguous whether it shall stand there once more: add the lines above and below its place as context",
        shown(path)
    )]
    Repeated {
        /// The file.
        path: String,
        /// 1-based hunk.
        hunk: usize,
        /// 1-based line of the file.
        line: usize,
    },
    /// Several answers to choose from.
    #[error("the answer offers alternatives (lines {first} and {second}): send one patch, the one that you would apply")]
    Alternatives {
        /// 1-based line of the answer where the first is announced.
        first: usize,
        /// 1-based line of the answer where the second is.
        second: usize,
    },
    /// Text that is escaped as for HTML, or is it meant so? Nothing in the file tells.
    #[error("the new lines of `{}` are escaped as for HTML (`&lt;` for `<`): send them as they shall stand in the file", shown(path))]
    Escaped {
        /// The file.
        path: String,
    },
    /// The file to change is not there.
    #[error("`{}` does not exist in the repository", shown(path))]
    MissingFile {
        /// The file.
        path: String,
    },
    /// The file to create is there.
    #[error("`{}` exists already: send a diff against it", shown(path))]
    FileExists {
        /// The file.
        path: String,
    },
    /// A path that leads out of the repository, or into `.git`.
    #[error("`{}` is not a path inside the repository: {reason}", shown(path))]
    OutsideRepository {
        /// The path.
        path: String,
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// A path that no patch may touch.
    #[error("`{}` must not be touched (rule `{}`): fix the cause elsewhere", shown(path), shown(rule))]
    Forbidden {
        /// The path.
        path: String,
        /// The pattern that matched.
        rule: String,
    },
    /// A path on or beneath a symbolic link or a submodule, or one that would become one.
    #[error("`{}` is not an ordinary file: {reason}", shown(path))]
    SpecialFile {
        /// The path.
        path: String,
        /// Why.
        reason: &'static str,
    },
    /// A mode change that is not allowed.
    #[error("the mode of `{}` must not change: only a script that begins with `#!` may become executable", shown(path))]
    ModeChange {
        /// The file.
        path: String,
    },
    /// Every edit is there already.
    #[error("every edit is in the repository already: the failure has another cause")]
    AlreadyApplied,
    /// The patch changes nothing.
    #[error("the patch changes nothing")]
    NoChange,
    /// Our own canonical diff did not reproduce the result. A bug of ours; nothing may be used.
    #[error("the canonical diff of `{}` does not reproduce the result: {reason}", shown(path))]
    SelfCheck {
        /// The file.
        path: String,
        /// What differed.
        reason: &'static str,
    },
}

impl PatchError {
    /// A stable name for logs, metrics and the model's evidence.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::TooLarge { .. } => "too_large",
            Self::Binary { .. } => "binary",
            Self::NotUtf8 { .. } => "not_utf8",
            Self::Malformed { .. } => "malformed",
            Self::Ambiguous { .. } => "ambiguous",
            Self::StaleContext { .. } => "stale_context",
            Self::Overlap { .. } => "overlap",
            Self::Elided { .. } => "elided",
            Self::Placeholder { .. } => "placeholder",
            Self::Repeated { .. } => "repeated",
            Self::Alternatives { .. } => "alternatives",
            Self::Escaped { .. } => "escaped",
            Self::MissingFile { .. } => "missing_file",
            Self::FileExists { .. } => "file_exists",
            Self::OutsideRepository { .. } => "outside_repository",
            Self::Forbidden { .. } => "forbidden_path",
            Self::SpecialFile { .. } => "special_file",
            Self::ModeChange { .. } => "mode_change",
            Self::AlreadyApplied => "already_applied",
            Self::NoChange => "no_change",
            Self::SelfCheck { .. } => "self_check",
        }
    }

    /// A bug of ours rather than a fault of the answer.
    #[must_use]
    pub fn is_bug(&self) -> bool {
        matches!(self, Self::SelfCheck { .. })
    }
}

/// Quote a text from outside: escaped, one line, at most 120 characters.
pub(crate) fn shown(text: &str) -> String {
    crate::domain::source::text::shown(text, 120)
}

fn listed(places: &[usize]) -> String {
    let mut shown: Vec<String> = places.iter().take(8).map(|line| format!("line {line}")).collect();
    if places.len() > 8 {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}

fn found_at(near: Option<usize>, found: Option<&str>) -> String {
    match (near, found) {
        (Some(line), Some(text)) => format!("was expected near line {line}, where the file has `{}`", shown(text)),
        (Some(line), None) => format!("was expected near line {line}, past the end of the file"),
        _ => "occurs nowhere in the file".to_owned(),
    }
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod tests;
