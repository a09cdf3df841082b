//! Applies a parsed patch to a tree, in memory, and writes the canonical diff of the result.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::repair::{self, Doc, Edit, Placement};
use super::{FileContent, FileKind, FileMode, FilePatch, Hunk, LineKind, Patch, PatchError, PatchHash, PatchLimits, Repair, RepairKind, canonical, inspect};

/// One path before and after. A rename is two of these, and a pair in [`Applied::renames`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The path.
    pub path: String,
    /// What it held; `None` where it did not exist.
    pub before: Option<FileContent>,
    /// What it holds; `None` where it goes away.
    pub after: Option<FileContent>,
}

/// How big the change is, counted in the canonical diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Stats {
    /// Files touched; a rename counts once.
    pub files: usize,
    /// Lines added.
    pub added: usize,
    /// Lines removed.
    pub removed: usize,
}

/// A patch that fits the tree.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Every path that differs, sorted.
    pub files: Vec<FileChange>,
    /// (old, new) of every rename.
    pub renames: Vec<(String, String)>,
    /// Unified diff with `diff --git` headers and three lines of context, taken by a strict `git apply`.
    pub canonical: String,
    /// SHA-256 of `canonical`.
    pub hash: PatchHash,
    /// What had to be mended, in order.
    pub repairs: Vec<Repair>,
    /// Its size.
    pub stats: Stats,
}

/// Apply `patch` to the tree behind `lookup`. Paths are checked before they are looked up.
///
/// # Errors
/// Any [`PatchError`]; nothing is applied in part.
pub fn apply(patch: &Patch, lookup: impl Fn(&str) -> Option<FileContent>, limits: &PatchLimits) -> Result<Applied, PatchError> {
    let asked: usize =
        patch.files.iter().flat_map(|file| &file.hunks).map(|hunk| hunk.lines.iter().filter(|line| line.kind != LineKind::Context).count()).sum();
    // A sloppy hunk may remove and add a line that stays, so what is asked is bounded loosely here
    // and what is changed exactly below.
    let loose = limits.max_changed_lines.saturating_mul(4);
    if asked > loose {
        return Err(PatchError::TooLarge { what: "changed lines", found: asked, limit: limits.max_changed_lines });
    }
    let all: Vec<_> = patch.files.iter().flat_map(|file| &file.hunks).flat_map(|hunk| &hunk.lines).cloned().collect();
    // A diff in which nothing had to be mended was made by a program: it says what it means.
    let doubtful = !patch.repairs.is_empty() && repair::spelling::inserts_escaped(&all);
    let (before, after, renames, repairs) = (BTreeMap::new(), BTreeMap::new(), Vec::new(), patch.repairs.clone());
    let mut tree = Overlay { lookup, limits, before, after, renames, repairs, doubtful, escaped: false };
    for file in &patch.files {
        tree.file(file)?;
    }
    tree.finish()
}

struct Overlay<'a, F> {
    lookup: F,
    limits: &'a PatchLimits,
    before: BTreeMap<String, Option<FileContent>>,
    after: BTreeMap<String, Option<FileContent>>,
    renames: Vec<(String, String)>,
    repairs: Vec<Repair>,
    /// The answer has HTML's escapes and nothing that would be escaped.
    doubtful: bool,
    /// A place was found only after the escapes were undone.
    escaped: bool,
}

impl<F: Fn(&str) -> Option<FileContent>> Overlay<'_, F> {
    /// The present content of a checked path.
    fn get(&mut self, path: &str) -> Result<Option<FileContent>, PatchError> {
        if let Some(content) = self.after.get(path) {
            return Ok(content.clone());
        }
        inspect::check_path(path)?;
        let content = (self.lookup)(path);
        if let Some(content) = &content {
            self.readable(path, content)?;
        }
        self.before.insert(path.to_owned(), content.clone());
        self.after.insert(path.to_owned(), content.clone());
        Ok(content)
    }

    fn readable(&self, path: &str, content: &FileContent) -> Result<(), PatchError> {
        let path = || path.to_owned();
        if !canonical::is_plain(content.mode) {
            let reason = if content.mode == FileMode::Symlink { "it is a symbolic link" } else { "it is a submodule" };
            return Err(PatchError::SpecialFile { path: path(), reason });
        }
        if content.bytes.len() > self.limits.max_file_bytes {
            return Err(PatchError::TooLarge { what: "bytes in one file", found: content.bytes.len(), limit: self.limits.max_file_bytes });
        }
        if content.bytes.contains(&0) {
            return Err(PatchError::Binary { path: path() });
        }
        if content.text().is_none() {
            return Err(PatchError::NotUtf8 { path: path() });
        }
        Ok(())
    }

    fn set(&mut self, path: &str, content: Option<FileContent>) -> Result<(), PatchError> {
        if let Some(content) = &content {
            self.readable(path, content)?;
        }
        self.after.insert(path.to_owned(), content);
        Ok(())
    }

    fn repaired(&mut self, kind: RepairKind, path: &str, hunk: Option<usize>, detail: &str) {
        self.repairs.push(Repair::new(kind, path, hunk, detail));
    }

    /// The path that is in the tree: as stated, or without a prefix that only diffs have.
    fn resolve(&mut self, path: &str) -> Result<String, PatchError> {
        if self.get(path)?.is_some() {
            return Ok(path.to_owned());
        }
        for prefix in ["a/", "b/"] {
            if let Some(rest) = path.strip_prefix(prefix)
                && self.get(rest)?.is_some()
            {
                self.repaired(RepairKind::Path, rest, None, "the path carried a diff prefix");
                return Ok(rest.to_owned());
            }
        }
        Ok(path.to_owned())
    }

    fn file(&mut self, file: &FilePatch) -> Result<(), PatchError> {
        if file.binary {
            return Err(PatchError::Binary { path: file.path().to_owned() });
        }
        for (at, hunk) in file.hunks.iter().enumerate() {
            if hunk.lines.iter().any(|line| line.text.contains('\0')) {
                return Err(PatchError::Binary { path: file.path().to_owned() });
            }
            // A mark for left-out code must never become code.
            if let Some(line) = hunk.lines.iter().find(|line| line.kind == LineKind::Insert && repair::is_placeholder(&line.text, hunk)) {
                return Err(PatchError::Placeholder { path: file.path().to_owned(), hunk: at + 1, line: line.text.trim().to_owned() });
            }
        }
        let (old, new) = (file.old_path.as_deref(), file.new_path.as_deref());
        match (file.kind, old, new) {
            (FileKind::Create, _, Some(new)) => self.create(file, new),
            (FileKind::Delete, Some(old), _) => {
                let path = self.resolve(old)?;
                if self.get(&path)?.is_none() {
                    return Err(PatchError::MissingFile { path });
                }
                self.set(&path, None)
            }
            (FileKind::Rename, Some(old), Some(new)) => self.rename(file, old, new),
            (FileKind::Modify, _, Some(path)) => self.modify(file, path),
            _ => Err(PatchError::Malformed { line: 0, reason: "a file without a path" }),
        }
    }

    fn create(&mut self, file: &FilePatch, path: &str) -> Result<(), PatchError> {
        let existing = self.get(path)?;
        let mut text = String::new();
        for line in file.hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.kind == LineKind::Insert) {
            text.push_str(&line.text);
            text.push_str(if line.cr { "\r\n" } else { "\n" });
            if line.no_newline {
                text.truncate(text.trim_end_matches(['\r', '\n']).len());
            }
        }
        let mode = created_mode(file, path, &text)?;
        if let Some(existing) = existing {
            if existing.bytes == text.as_bytes() {
                self.repaired(RepairKind::AlreadyApplied, path, None, "the file exists with this very text");
                return Ok(());
            }
            if !existing.bytes.is_empty() {
                return Err(PatchError::FileExists { path: path.to_owned() });
            }
        }
        self.set(path, Some(FileContent { bytes: text.into_bytes(), mode }))
    }

    fn rename(&mut self, file: &FilePatch, old: &str, new: &str) -> Result<(), PatchError> {
        let source = self.resolve(old)?;
        let target_exists = self.get(new)?.is_some();
        let Some(content) = self.get(&source)? else {
            // `--- a/x.orig` over `+++ b/x`: the file that exists is meant.
            if target_exists {
                self.repaired(RepairKind::Path, new, None, "the old path does not exist, the new one does");
                return self.modify(file, new);
            }
            return Err(PatchError::MissingFile { path: source });
        };
        if target_exists {
            return Err(PatchError::FileExists { path: new.to_owned() });
        }
        let edited = self.edited(file, &source, content)?;
        self.set(&source, None)?;
        self.set(new, Some(edited))?;
        self.renames.push((source, new.to_owned()));
        Ok(())
    }

    fn modify(&mut self, file: &FilePatch, path: &str) -> Result<(), PatchError> {
        let path = self.resolve(path)?;
        let Some(content) = self.get(&path)? else {
            let only_inserts = !file.hunks.is_empty() && file.hunks.iter().flat_map(|hunk| &hunk.lines).all(|line| line.kind == LineKind::Insert);
            if let Some(text) = &file.whole {
                if text.lines().any(repair::is_elision) {
                    return Err(PatchError::Elided { path });
                }
                let mode = created_mode(file, &path, text)?;
                return self.set(&path, Some(FileContent { bytes: text.clone().into_bytes(), mode }));
            }
            if only_inserts {
                self.repaired(RepairKind::Kind, &path, None, "the file does not exist yet and is created");
                return self.create(file, &path);
            }
            return Err(PatchError::MissingFile { path });
        };
        let edited = self.edited(file, &path, content)?;
        self.set(&path, Some(edited))
    }

    /// The content of an existing file with the edits and the mode of `file`.
    fn edited(&mut self, file: &FilePatch, path: &str, content: FileContent) -> Result<FileContent, PatchError> {
        let text = content.text().ok_or_else(|| PatchError::NotUtf8 { path: path.to_owned() })?;
        let result = match &file.whole {
            Some(whole) => replaced(path, text, whole)?,
            None => self.hunks(path, text, &file.hunks)?,
        };
        let mode = changed_mode(file, path, content.mode, &result)?;
        Ok(FileContent { bytes: result.into_bytes(), mode })
    }

    fn hunks(&mut self, path: &str, text: &str, hunks: &[Hunk]) -> Result<String, PatchError> {
        let doc = Doc::new(text);
        let mut hunks = hunks.to_vec();
        let told = hunks.clone();
        let placements = hunks.iter_mut().map(|hunk| repair::place(&doc, hunk)).collect::<Result<Vec<_>, _>>()?;
        // One hunk that is only found without its escapes says that the whole answer was escaped.
        let of_old = |hunk: &Hunk| hunk.lines.iter().any(|line| line.kind != LineKind::Insert && line.text.contains('&'));
        self.escaped |= hunks.iter().zip(&told).any(|(now, told)| now.lines != told.lines && of_old(told));
        for hunk in hunks.iter_mut().zip(&told).filter(|(now, told)| now.lines == told.lines && self.doubtful).map(|(now, _)| now) {
            if !repair::spelling::inserts_escaped(&hunk.lines) || is_markup(path) || ["&lt;", "&gt;", "&amp;"].iter().any(|entity| text.contains(entity)) {
                continue;
            }
            if !self.escaped {
                return Err(PatchError::Escaped { path: path.to_owned() });
            }
            hunk.lines = repair::spelling::inserts_plain(&hunk.lines);
        }
        let placements = if hunks.iter().zip(&told).all(|(now, told)| now.lines == told.lines) {
            placements
        } else {
            hunks.iter_mut().map(|hunk| repair::place(&doc, hunk)).collect::<Result<Vec<_>, _>>()?
        };
        let offset = common_offset(&hunks, &placements);
        let mut edits: Vec<(usize, Edit)> = Vec::new();
        for (at, (hunk, placement)) in hunks.iter().zip(placements).enumerate() {
            let number = at + 1;
            if hunk.lines.iter().all(|line| line.kind == LineKind::Context) {
                let elided = hunk.lines.iter().any(|line| repair::is_elision(&line.text));
                // Context alone changes nothing, but what is nowhere in the file may have lost its sign.
                if matches!(placement, Placement::Nowhere) && !elided {
                    return Err(nowhere(path, number, hunk, &doc));
                }
                continue;
            }
            let stated = hunk.old_start.map(|start| start.saturating_sub(1));
            let (place, made, mended) = match placement {
                Placement::Certain { at, edits, repairs } => (at, edits, repairs),
                Placement::Already => {
                    self.repaired(RepairKind::AlreadyApplied, path, Some(number), "the edit is in the file already");
                    continue;
                }
                Placement::Repeated { line } => return Err(PatchError::Repeated { path: path.to_owned(), hunk: number, line: line + 1 }),
                Placement::Several { level, places } => {
                    let Some(place) = settled(&doc, hunk, &places, offset) else {
                        return Err(PatchError::Ambiguous { path: path.to_owned(), hunk: number, places: places.iter().take(20).map(|at| at + 1).collect() });
                    };
                    let (edits, repairs) = repair::settle(&doc, hunk, place, level);
                    (place, edits, repairs)
                }
                Placement::Nowhere => return Err(nowhere(path, number, hunk, &doc)),
            };
            if let Some(stated) = stated
                && stated != place
                && !mended.iter().any(|kind| matches!(kind, RepairKind::StaleContext | RepairKind::Elided))
            {
                self.repaired(RepairKind::Drift, path, Some(number), &format!("stated at line {}, found at line {}", stated + 1, place + 1));
            }
            // A draft and its repetition: the same hunk twice is one hunk.
            if hunks[..at].contains(hunk) && made.iter().all(|edit| edits.iter().any(|(_, other)| other == edit)) {
                self.repaired(RepairKind::Duplicate, path, Some(number), "the same hunk came twice");
                continue;
            }
            for kind in mended {
                self.repaired(kind, path, Some(number), detail(kind));
            }
            edits.extend(made.into_iter().map(|edit| (number, edit)));
        }
        edits.sort_by_key(|(number, edit)| (edit.start, edit.end, *number));
        for pair in edits.windows(2) {
            let [(first, a), (second, b)] = pair else { continue };
            let same_point = a.start == a.end && b.start == b.end && a.start == b.start;
            if a.end > b.start || same_point {
                return Err(PatchError::Overlap { path: path.to_owned(), first: *first.min(second), second: *first.max(second) });
            }
        }
        let edits: Vec<Edit> = edits.into_iter().map(|(_, edit)| edit).collect();
        Ok(doc.edited(&edits))
    }

    fn finish(mut self) -> Result<Applied, PatchError> {
        let mut files = Vec::new();
        for (path, before) in &self.before {
            let after = self.after.get(path).cloned().flatten();
            if *before != after {
                files.push(FileChange { path: path.clone(), before: before.clone(), after });
            }
        }
        if files.is_empty() {
            let already = self.repairs.iter().any(|repair| repair.kind == RepairKind::AlreadyApplied);
            return Err(if already { PatchError::AlreadyApplied } else { PatchError::NoChange });
        }
        let touched = |path: &str| files.iter().find(|file| file.path == path);
        // A rename stands only if in the end one path went and the other came, and nobody else took either: a file that was put back
        // and moved on again would go to two places.
        let (mut gone, mut come) = (BTreeSet::new(), BTreeSet::new());
        self.renames.retain(|(old, new)| {
            touched(old).is_some_and(|file| file.after.is_none())
                && touched(new).is_some_and(|file| file.before.is_none() && file.after.is_some())
                && !gone.contains(old)
                && come.insert(new.clone())
                && gone.insert(old.clone())
        });
        let count = files.len() - self.renames.len();
        if count > self.limits.max_files {
            return Err(PatchError::TooLarge { what: "files", found: count, limit: self.limits.max_files });
        }
        let mut stats = Stats { files: count, ..Stats::default() };
        let mut text = String::new();
        for file in &files {
            if self.renames.iter().any(|(old, _)| *old == file.path) {
                continue;
            }
            let source = self.renames.iter().find(|(_, new)| *new == file.path).and_then(|(old, _)| touched(old));
            let before = source.unwrap_or(file);
            let section = canonical::section(
                before.before.as_ref().map(|content| (before.path.as_str(), content)),
                file.after.as_ref().map(|content| (file.path.as_str(), content)),
            )?;
            stats.added += section.added;
            stats.removed += section.removed;
            text.push_str(&section.text);
        }
        self.capped("added lines", stats.added, self.limits.max_added_lines)?;
        self.capped("changed lines", stats.added + stats.removed, self.limits.max_changed_lines)?;
        self.capped("bytes of diff", text.len(), self.limits.max_bytes)?;
        let hash = PatchHash::of(&text);
        Ok(Applied { files, renames: self.renames, canonical: text, hash, repairs: self.repairs, stats })
    }

    fn capped(&self, what: &'static str, found: usize, limit: usize) -> Result<(), PatchError> {
        if found > limit { Err(PatchError::TooLarge { what, found, limit }) } else { Ok(()) }
    }
}

/// How far the stated numbers are off, if they are off by the same everywhere they can be checked.
/// Without any hunk to check them on, they count as stated.
fn common_offset(hunks: &[Hunk], placements: &[Placement]) -> Option<isize> {
    let mut offsets = hunks.iter().zip(placements).filter_map(|(hunk, placement)| match placement {
        Placement::Certain { at, repairs, .. } if !repairs.iter().any(|kind| matches!(kind, RepairKind::StaleContext | RepairKind::Elided)) => {
            let stated = hunk.old_start?.saturating_sub(1);
            Some(isize::try_from(*at).ok()? - isize::try_from(stated).ok()?)
        }
        _ => None,
    });
    match offsets.next() {
        None => Some(0),
        Some(first) => offsets.all(|offset| offset == first).then_some(first),
    }
}

/// The one of several places that trusted numbers point at.
fn settled(doc: &Doc, hunk: &Hunk, places: &[usize], offset: Option<isize>) -> Option<usize> {
    if !hunk.lines.iter().any(|line| line.kind != LineKind::Insert) {
        return None;
    }
    let stated = hunk.old_start?.saturating_sub(1);
    let headed = repair::under_heading(doc, hunk, places);
    let numbered = offset.and_then(|offset| stated.checked_add_signed(offset)).filter(|place| places.contains(place));
    match (numbered, headed) {
        // Numbers of a header that does not even count its own lines prove nothing.
        (Some(place), _) if hunk.counts == Some(hunk.recount()) => Some(place),
        // Numbers and heading must not speak against each other, not even numbers that prove nothing.
        (Some(place), Some(headed)) => (place == headed).then_some(headed),
        (Some(_), None) => None,
        (None, headed) => headed.filter(|_| !places.contains(&stated)),
    }
}

/// Name the first line that is not where it should be.
fn nowhere(path: &str, number: usize, hunk: &Hunk, doc: &Doc) -> PatchError {
    let old: Vec<&str> = hunk.lines.iter().filter(|line| line.kind != LineKind::Insert).map(|line| line.text.as_str()).collect();
    let own = |at: usize| doc.lines.get(at).map(|line| line.text.as_str());
    let agreeing = |start: usize| old.iter().enumerate().take_while(|(offset, text)| own(start + offset).is_some_and(|own| own.trim() == text.trim())).count();
    let stated = hunk.old_start.map(|start| start.saturating_sub(1));
    // The start where most lines agree, judged from the first line with text.
    let best = (0..doc.lines.len().min(200_000))
        .filter(|&at| old.first().is_some_and(|first| own(at).is_some_and(|own| own.trim() == first.trim())))
        .max_by_key(|&at| agreeing(at))
        .or(stated);
    let matched = best.map_or(0, agreeing);
    PatchError::StaleContext {
        path: path.to_owned(),
        hunk: number,
        expected: old.get(matched).or_else(|| old.first()).map_or_else(String::new, |text| (*text).to_owned()),
        near: best.map(|at| at + matched + 1),
        found: best.and_then(|at| own(at + matched)).map(str::to_owned),
    }
}

fn detail(kind: RepairKind) -> &'static str {
    match kind {
        RepairKind::TrailingWhitespace => "blanks at line ends differ from the file",
        RepairKind::Prefix => "context lines had lost their leading space",
        RepairKind::Indentation => "indentation differs from the file; inserted lines follow the file",
        RepairKind::LineEndings => "line ends differ; the file's own were kept",
        RepairKind::FinalNewline => "the newline at the end of the file differs",
        RepairKind::LineNumbers => "every line carried its number",
        RepairKind::Escaped => "the text was escaped as for HTML",
        RepairKind::Lookalike => "quotes, dashes or blanks were look-alikes of the file's",
        RepairKind::Elided => "left-out context lines were skipped; every part has one place",
        RepairKind::StaleContext => "context lines that are not in the file were left out; what remained has one place",
        _ => "mended",
    }
}

/// Text in which HTML's escapes are at home.
fn is_markup(path: &str) -> bool {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    matches!(extension.as_str(), "html" | "htm" | "xhtml" | "xml" | "svg" | "vue" | "svelte" | "jsx" | "tsx" | "md" | "mdx" | "erb" | "hbs" | "jinja" | "twig")
}

/// A whole file in place of a diff: it must really be the whole.
fn replaced(path: &str, before: &str, whole: &str) -> Result<String, PatchError> {
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for line in before.lines() {
        *known.entry(line.trim_end()).or_default() += 1;
    }
    let mut kept = 0;
    for line in whole.lines() {
        if repair::is_elision(line) && !known.contains_key(line.trim_end()) {
            return Err(PatchError::Elided { path: path.to_owned() });
        }
        if let Some(left) = known.get_mut(line.trim_end()).filter(|left| **left > 0) {
            *left -= 1;
            kept += 1;
        }
    }
    // A snippet under a path line looks just like a file: one that drops most of it is not believed.
    let lines = before.lines().count();
    if lines > 10 && kept * 2 < lines {
        return Err(PatchError::Elided { path: path.to_owned() });
    }
    let mut text = if before.lines().count() > 0 && before.matches("\r\n").count() * 2 > before.lines().count() {
        whole.replace("\r\n", "\n").replace('\n', "\r\n")
    } else {
        whole.to_owned()
    };
    if before.starts_with('\u{feff}') && !text.starts_with('\u{feff}') {
        text.insert(0, '\u{feff}');
    }
    // A fence cannot say whether the file ends in a newline: the file's own end is kept.
    if !before.is_empty() && !before.ends_with('\n') {
        text.truncate(text.trim_end_matches(['\r', '\n']).len());
    }
    Ok(text)
}

/// A created file is regular; it may be executable where it is a script.
fn created_mode(file: &FilePatch, path: &str, text: &str) -> Result<FileMode, PatchError> {
    match file.mode.new.map(|mode| (mode, FileMode::from_octal(mode))) {
        None | Some((_, Some(FileMode::Regular))) => Ok(FileMode::Regular),
        Some((_, Some(FileMode::Executable))) if text.starts_with("#!") => Ok(FileMode::Executable),
        Some((_, Some(FileMode::Executable))) => Err(PatchError::ModeChange { path: path.to_owned() }),
        Some((_, Some(FileMode::Symlink))) => Err(PatchError::SpecialFile { path: path.to_owned(), reason: "it would become a symbolic link" }),
        Some((_, Some(FileMode::Submodule))) => Err(PatchError::SpecialFile { path: path.to_owned(), reason: "it would become a submodule" }),
        Some((_, None)) => Err(PatchError::ModeChange { path: path.to_owned() }),
    }
}

/// An existing file keeps its mode; a script may become executable.
fn changed_mode(file: &FilePatch, path: &str, present: FileMode, text: &str) -> Result<FileMode, PatchError> {
    match file.mode.new {
        None => Ok(present),
        Some(mode) if FileMode::from_octal(mode) == Some(present) => Ok(present),
        Some(_) => match created_mode(file, path, text)? {
            FileMode::Executable => Ok(FileMode::Executable),
            _ => Err(PatchError::ModeChange { path: path.to_owned() }),
        },
    }
}
