//! Finds the repository's root in paths that a model wrote as some machine has them.
//!
//! `/workspace/shop/src/a.rs` is `src/a.rs` where the tree has that and nothing else that the path could mean. What was taken off
//! one path is taken off all others of the answer, created ones too. What stays in doubt is left as it is: inspection says no.

use std::collections::BTreeSet;

use super::{FileKind, FilePatch, LineKind, Patch, Repair, RepairKind};

/// The patch with its paths as the tree has them. `tree` holds every path of the base tree.
#[must_use]
pub fn rooted(mut patch: Patch, tree: &BTreeSet<&str>) -> Patch {
    let mut roots: BTreeSet<String> = BTreeSet::new();
    for file in &mut patch.files {
        let Some(old) = file.old_path.clone() else { continue };
        if tree.contains(old.as_str()) {
            continue;
        }
        // `a/a/x` over `b/b/x`: the prefixes came twice.
        let bare = old.strip_prefix("a/").filter(|bare| file.new_path.as_deref().and_then(|new| new.strip_prefix("b/")) == Some(bare));
        if let Some(bare) = bare.filter(|bare| tree.contains(bare)) {
            file.new_path = Some(bare.to_owned());
            file.old_path = file.new_path.clone();
            file.kind = FileKind::Modify;
            patch.repairs.push(Repair::new(RepairKind::Path, bare, None, "the path carried a diff prefix twice"));
            continue;
        }
        if known(tree, &old) {
            continue;
        }
        let mended = [unlabelled(&old), slashed(&old)].into_iter().flatten().find(|path| known(tree, path));
        if let Some(path) = mended {
            patch.repairs.push(Repair::new(RepairKind::Path, &path, None, "the path was written otherwise than the tree has it"));
            rename(file, &old, path);
            continue;
        }
        if let Some(path) = suffixed(tree, &old, file) {
            patch.repairs.push(Repair::new(RepairKind::Path, &path, None, "the path carried a suffix that no file has"));
            if file.new_path.as_deref() == Some(&old) {
                file.new_path = Some(path.clone());
            }
            file.old_path = Some(path);
            continue;
        }
        roots.extend(root(tree, &old));
    }
    // Two roots in one answer: then it is not known what either means.
    let [root] = roots.into_iter().collect::<Vec<_>>().try_into().unwrap_or_else(|_| [String::new()]);
    if root.is_empty() {
        return patch;
    }
    for file in &mut patch.files {
        for path in [&mut file.old_path, &mut file.new_path].into_iter().flatten() {
            // A path that the tree has is right as it stands.
            if known(tree, path) {
                continue;
            }
            if let Some(rest) = path.strip_prefix(&root).filter(|rest| !rest.is_empty()) {
                patch.repairs.push(Repair::new(RepairKind::Path, rest, None, "the path carried a prefix that is not in the repository"));
                *path = rest.to_owned();
            }
        }
    }
    patch
}

fn known(tree: &BTreeSet<&str>, path: &str) -> bool {
    let bare = path.strip_prefix("a/").or_else(|| path.strip_prefix("b/"));
    tree.contains(path) || bare.is_some_and(|path| tree.contains(path))
}

/// One file under another name; both names at once where they mean the same file.
fn rename(file: &mut FilePatch, old: &str, path: String) {
    if let Some(new) = &file.new_path {
        let same = new == old || unlabelled(new).as_deref() == Some(&path) || slashed(new).as_deref() == Some(&path);
        if same {
            file.new_path = Some(path.clone());
            if file.kind == FileKind::Rename {
                file.kind = FileKind::Modify;
            }
        }
    }
    file.old_path = Some(path);
}

/// The one file of the tree that `path` names with something behind it (`src/a.tsx-v2`, `src/a.tsx:12`), where the edit names lines of it: those
/// must be found in the file. A whole text, or lines that are only added, may be for a new file of that name.
fn suffixed(tree: &BTreeSet<&str>, path: &str, file: &FilePatch) -> Option<String> {
    const LONGEST: usize = 24;
    let old = file.hunks.iter().flat_map(|hunk| &hunk.lines).any(|line| line.kind != LineKind::Insert && !line.text.trim().is_empty());
    if file.kind != FileKind::Modify || file.whole.is_some() || !old {
        return None;
    }
    let name = path.rfind('/').map_or(0, |slash| slash + 1);
    let ends = path.char_indices().filter(|(at, c)| *at > name && path.len() - at <= LONGEST && !c.is_alphanumeric()).map(|(at, _)| &path[..at]);
    let mut fits = ends.filter(|path| tree.contains(path));
    let one = fits.next()?;
    fits.next().is_none().then(|| one.to_owned())
}

/// `src/a.rs (original)` without what is said of it.
fn unlabelled(path: &str) -> Option<String> {
    let (path, label) = path.strip_suffix(')')?.rsplit_once(" (")?;
    (!label.contains(['(', '/'])).then(|| path.trim_end().to_owned())
}

/// A path of Windows, with or without a diff's prefix.
fn slashed(path: &str) -> Option<String> {
    path.contains('\\').then(|| {
        let path = path.replace('\\', "/");
        path.strip_prefix("a/").or_else(|| path.strip_prefix("b/")).map_or_else(|| path.clone(), str::to_owned)
    })
}

/// What to take off `path` so that the tree has the rest; `None` where more than one rest would do, or the path begins in a folder of the tree.
fn root(tree: &BTreeSet<&str>, path: &str) -> Option<String> {
    let first = path.split_inclusive('/').next()?;
    let folder = !path.starts_with('/') && tree.range(first..).next().is_some_and(|entry| entry.starts_with(first));
    // Only a path from somewhere else is looked at; one with `..` leads anywhere.
    if folder || path.split('/').any(|part| matches!(part, "." | "..")) {
        return None;
    }
    let mut rests = path.match_indices('/').map(|(at, _)| at + 1).filter(|at| tree.contains(&path[*at..]));
    let at = rests.next()?;
    rests.next().is_none().then(|| path[..at].to_owned())
}
