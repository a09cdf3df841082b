//! `regreen patch apply`: what the patch engine makes of a diff.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use crate::domain::patch::{self, Applied, FileContent, FileMode, PatchError, PatchLimits, PathRules, Repair, TreeFacts};

/// Work with patches.
#[derive(Debug, Args)]
pub struct PatchArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: PatchCommand,
}

/// The patch commands.
#[derive(Debug, Subcommand)]
pub enum PatchCommand {
    /// Read a patch out of an answer and apply it to a folder, in memory: the canonical diff, or why not.
    ///
    /// Nothing is changed without `--write`. Exit codes: 0 it applies, 1 it does not, 2 usage, 70 a bug of ours.
    Apply(ApplyArgs),
}

/// `regreen patch apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The folder the paths of the diff are relative to.
    #[arg(long, value_name = "PATH")]
    pub dir: PathBuf,
    /// The diff, or a whole answer that holds one; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    pub diff: PathBuf,
    /// Write the result into the folder.
    #[arg(long)]
    pub write: bool,
    /// What to print.
    #[arg(long, value_enum, default_value_t = PatchFormat::Diff)]
    pub format: PatchFormat,
}

/// Output of `regreen patch apply`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PatchFormat {
    /// The canonical unified diff on stdout, mendings and refusals on stderr.
    Diff,
    /// One JSON object.
    Json,
}

/// The JSON that is printed. The names are a contract.
#[derive(Debug, Serialize)]
struct Report {
    applies: bool,
    diff: Option<String>,
    files: Vec<FileReport>,
    repairs: Vec<Repair>,
    reason: Option<String>,
    code: Option<&'static str>,
    refusals: Vec<String>,
    hash: Option<String>,
    added: usize,
    removed: usize,
    written: bool,
}

#[derive(Debug, Serialize)]
struct FileReport {
    path: String,
    change: &'static str,
}

/// Run the command; the result is the exit code.
///
/// # Errors
/// What cannot be read or written, naming it.
pub fn run(args: &PatchArgs) -> anyhow::Result<u8> {
    let PatchCommand::Apply(args) = &args.command;
    run_apply(args, &mut std::io::stdout().lock(), &mut std::io::stderr().lock())
}

fn run_apply(args: &ApplyArgs, out: &mut dyn std::io::Write, notes: &mut dyn std::io::Write) -> anyhow::Result<u8> {
    let dir = match args.dir.canonicalize() {
        Ok(dir) if dir.is_dir() => dir,
        Ok(_) => {
            writeln!(notes, "error: `{}` is not a folder: name the checkout with --dir", args.dir.display())?;
            return Ok(2);
        }
        Err(error) => {
            writeln!(notes, "error: `{}` cannot be opened: {error}; name the checkout with --dir", args.dir.display())?;
            return Ok(2);
        }
    };
    let bytes = match read_answer(&args.diff) {
        Ok(bytes) => bytes,
        Err(error) => {
            writeln!(notes, "error: `{}` cannot be read: {error}; name a file, or `-` for standard input", args.diff.display())?;
            return Ok(2);
        }
    };
    let outcome = attempt(&dir, &bytes);
    let mut report = Report {
        applies: false,
        diff: None,
        files: Vec::new(),
        repairs: Vec::new(),
        reason: None,
        code: None,
        refusals: Vec::new(),
        hash: None,
        added: 0,
        removed: 0,
        written: false,
    };
    let code = match outcome {
        Ok(applied) => {
            if args.write {
                write_back(&dir, &applied)?;
                report.written = true;
            }
            report.applies = true;
            report.files = files(&applied);
            report.hash = Some(applied.hash.to_string());
            (report.added, report.removed) = (applied.stats.added, applied.stats.removed);
            report.repairs = applied.repairs;
            report.diff = Some(applied.canonical);
            0
        }
        Err(errors) => {
            report.reason = errors.first().map(ToString::to_string);
            report.code = errors.first().map(PatchError::code);
            report.refusals = errors.iter().map(ToString::to_string).collect();
            if errors.iter().any(PatchError::is_bug) { 70 } else { 1 }
        }
    };
    match args.format {
        PatchFormat::Json => {
            serde_json::to_writer(&mut *out, &report)?;
            writeln!(out)?;
        }
        PatchFormat::Diff => {
            if let Some(diff) = &report.diff {
                out.write_all(diff.as_bytes())?;
            }
            for repair in &report.repairs {
                writeln!(notes, "mended: {}{}: {}", repair.path, repair.hunk.map_or_else(String::new, |hunk| format!(" hunk {hunk}")), repair.detail)?;
            }
            for refusal in &report.refusals {
                writeln!(notes, "refused: {refusal}")?;
            }
        }
    }
    out.flush()?;
    Ok(code)
}

pub(super) fn read_answer(path: &Path) -> std::io::Result<Vec<u8>> {
    // One byte more than is taken, so that the parser can say that it is too large.
    let bound = patch::MAX_ANSWER_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(bound).read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(path)?.take(bound).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn attempt(dir: &Path, bytes: &[u8]) -> Result<Applied, Vec<PatchError>> {
    let text = String::from_utf8_lossy(bytes);
    let parsed = patch::parse(&text).map_err(|error| vec![error])?;
    let known = known(dir, &parsed);
    let parsed = patch::rooted(parsed, &known.iter().map(String::as_str).collect());
    let limits = PatchLimits::default();
    let rules = PathRules::new(&[]).map_err(|_| vec![PatchError::SelfCheck { path: String::new(), reason: "the built-in path rules do not compile" }])?;
    // Only the links on the way to a touched path matter, so the tree is not walked.
    let tree = TreeFacts { symlinks: links(dir, &parsed), submodules: Vec::new() };
    let inspection = patch::inspect(&parsed, &tree, &rules, &limits);
    if !inspection.refusals.is_empty() {
        return Err(inspection.refusals);
    }
    patch::apply(&parsed, |path| read_file(dir, path), &limits).map_err(|error| vec![error])
}

/// What of the paths of a patch, and of their ends, the folder has: files, and the folders that a path may begin in.
pub(super) fn known(dir: &Path, parsed: &patch::Patch) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for path in parsed.files.iter().flat_map(|file| [file.old_path.as_deref(), file.new_path.as_deref()]).flatten() {
        let slashed = path.replace('\\', "/");
        let bare = slashed.rsplit_once(" (").map_or(slashed.as_str(), |(bare, _)| bare);
        for start in std::iter::once(0).chain(bare.match_indices('/').map(|(at, _)| at + 1)) {
            for rest in [&bare[start..], slashed.get(start..).unwrap_or_default()] {
                if patch::inspect::check_path(rest).is_ok() && dir.join(rest).is_file() {
                    known.insert(rest.to_owned());
                }
            }
        }
        if let Some((first, _)) = bare.split_once('/')
            && patch::inspect::check_path(first).is_ok()
            && dir.join(first).is_dir()
        {
            known.insert(format!("{first}/"));
        }
    }
    known
}

/// The symbolic links among the touched paths and their folders.
pub(super) fn links(dir: &Path, parsed: &patch::Patch) -> Vec<String> {
    let mut links = Vec::new();
    for path in parsed.files.iter().flat_map(|file| file.old_path.iter().chain(&file.new_path)) {
        for path in [path.as_str()].into_iter().chain(path.strip_prefix("a/")).chain(path.strip_prefix("b/")) {
            if patch::inspect::check_path(path).is_err() {
                continue;
            }
            let mut so_far = PathBuf::new();
            for part in path.split('/') {
                so_far.push(part);
                if dir.join(&so_far).symlink_metadata().is_ok_and(|meta| meta.is_symlink()) {
                    links.extend(so_far.to_str().map(str::to_owned));
                    break;
                }
            }
        }
    }
    links
}

/// A file of the folder. The path has been checked; links are not followed.
pub(super) fn read_file(dir: &Path, path: &str) -> Option<FileContent> {
    let full = dir.join(path);
    let meta = full.symlink_metadata().ok()?;
    if meta.is_symlink() {
        return Some(FileContent { bytes: Vec::new(), mode: FileMode::Symlink });
    }
    if !meta.is_file() {
        return meta.is_dir().then(|| FileContent { bytes: Vec::new(), mode: FileMode::Submodule });
    }
    let bytes = std::fs::read(&full).ok()?;
    Some(FileContent { bytes, mode: if executable(&meta) { FileMode::Executable } else { FileMode::Regular } })
}

#[cfg(unix)]
fn executable(meta: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    meta.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn executable(_meta: &std::fs::Metadata) -> bool {
    false
}

/// Write every file beside its place first, then move all of them in, so that a full disk leaves
/// the folder as it was.
fn write_back(dir: &Path, applied: &Applied) -> anyhow::Result<()> {
    use anyhow::Context as _;
    let mut ready = Vec::new();
    for change in &applied.files {
        let target = dir.join(&change.path);
        let Some(after) = &change.after else { continue };
        let folder = target.parent().unwrap_or(dir);
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create folder `{}`", folder.display()))?;
        let mut file = tempfile::NamedTempFile::new_in(folder).with_context(|| format!("cannot write into `{}`", folder.display()))?;
        file.write_all(&after.bytes).with_context(|| format!("cannot write `{}`", change.path))?;
        permit(&file, &target, after.mode).with_context(|| format!("cannot set the mode of `{}`", change.path))?;
        ready.push((file, target));
    }
    for (file, target) in ready {
        file.persist(&target).with_context(|| format!("cannot replace `{}`", target.display()))?;
    }
    for change in applied.files.iter().filter(|change| change.after.is_none()) {
        let target = dir.join(&change.path);
        std::fs::remove_file(&target).with_context(|| format!("cannot remove `{}`", target.display()))?;
    }
    Ok(())
}

/// The present permissions of the file, or the usual ones; the executable bit as the patch says.
#[cfg(unix)]
fn permit(file: &tempfile::NamedTempFile, target: &Path, mode: FileMode) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let present = target.metadata().map_or(0o644, |meta| meta.permissions().mode() & 0o777);
    let bits = if mode == FileMode::Executable { present | ((present & 0o444) >> 2) } else { present & !0o111 };
    file.as_file().set_permissions(std::fs::Permissions::from_mode(bits))
}

#[cfg(not(unix))]
fn permit(_file: &tempfile::NamedTempFile, _target: &Path, _mode: FileMode) -> std::io::Result<()> {
    Ok(())
}

fn files(applied: &Applied) -> Vec<FileReport> {
    applied
        .files
        .iter()
        .map(|change| {
            let renamed = |pick: fn(&(String, String)) -> &String| applied.renames.iter().any(|pair| *pick(pair) == change.path);
            let what = match (&change.before, &change.after) {
                (None, _) if renamed(|(_, new)| new) => "renamed_to",
                (_, None) if renamed(|(old, _)| old) => "renamed_from",
                (None, _) => "created",
                (_, None) => "deleted",
                _ => "modified",
            };
            FileReport { path: change.path.clone(), change: what }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFF: &str = "--- a/x.txt\n+++ b/x.txt\n@@ -1,9 +1,9 @@\n a\n-b\n+B\n c\n";

    fn call(dir: &Path, diff: &str, write: bool, format: PatchFormat) -> (u8, String, String) {
        let file = dir.join("answer.diff");
        std::fs::write(&file, diff).unwrap();
        let args = ApplyArgs { dir: dir.to_owned(), diff: file, write, format };
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        let code = run_apply(&args, &mut out, &mut notes).unwrap();
        (code, String::from_utf8(out).unwrap(), String::from_utf8(notes).unwrap())
    }

    #[test]
    fn nothing_is_written_unless_asked() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("x.txt"), "a\nb\nc\n").unwrap();
        let (code, out, notes) = call(dir.path(), DIFF, false, PatchFormat::Diff);
        assert_eq!((code, out.as_str()), (0, "diff --git a/x.txt b/x.txt\n--- a/x.txt\n+++ b/x.txt\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"));
        assert!(notes.contains("line counts"), "{notes}");
        assert_eq!(std::fs::read_to_string(dir.path().join("x.txt")).unwrap(), "a\nb\nc\n");
        let (code, ..) = call(dir.path(), DIFF, true, PatchFormat::Diff);
        assert_eq!((code, std::fs::read_to_string(dir.path().join("x.txt")).unwrap().as_str()), (0, "a\nB\nc\n"));
        let (code, _, notes) = call(dir.path(), DIFF, true, PatchFormat::Diff);
        assert!(code == 1 && notes.contains("in the repository already"), "{notes}");
    }

    #[test]
    fn json_has_the_names_of_the_contract() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("x.txt"), "a\nb\nc\n").unwrap();
        let (code, out, _) = call(dir.path(), DIFF, false, PatchFormat::Json);
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!((code, &value["applies"], &value["files"][0]["path"], &value["repairs"][1]["kind"]), (0, &true.into(), &"x.txt".into(), &"recount".into()));
        let (code, out, _) = call(dir.path(), "--- a/y.txt\n+++ b/y.txt\n@@ -1 +1 @@\n-a\n+b\n", false, PatchFormat::Json);
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!((code, &value["applies"], &value["code"], &value["diff"]), (1, &false.into(), &"missing_file".into(), &serde_json::Value::Null));
        assert!(value["reason"].as_str().unwrap().contains("`y.txt`"), "{value}");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("x.txt"), "a\nb\nc\n").unwrap();
        std::os::unix::fs::symlink(outside.path(), dir.path().join("link")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("x.txt"), dir.path().join("x.txt")).unwrap();
        for path in ["x.txt", "link/x.txt", "link/new.txt"] {
            let diff = DIFF.replace("x.txt", path);
            let (code, out, _) = call(dir.path(), &diff, true, PatchFormat::Json);
            assert!(code == 1 && out.contains("special_file"), "{out}");
        }
        assert_eq!(std::fs::read_to_string(outside.path().join("x.txt")).unwrap(), "a\nb\nc\n");
    }

    #[test]
    fn usage_faults_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let args = ApplyArgs { dir: dir.path().join("gone"), diff: dir.path().join("gone.diff"), write: false, format: PatchFormat::Diff };
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        assert_eq!(run_apply(&args, &mut out, &mut notes).unwrap(), 2);
        let args = ApplyArgs { dir: dir.path().to_owned(), ..args };
        assert_eq!(run_apply(&args, &mut out, &mut notes).unwrap(), 2);
        assert!(String::from_utf8(notes).unwrap().contains("gone.diff"));
    }
}
