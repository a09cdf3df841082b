//! What a set-up made of a tree: told by comparing before with after, kept, and laid over the next tree.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Folders of dependencies, by their tools' own names: what is in them follows from the lock files, and from nothing else in the tree. Folders of build
/// output (`target`, `build`, `dist`) are none: they follow from the sources.
const DEPENDENCIES: [&str; 16] = [
    "node_modules",
    ".venv",
    "venv",
    "vendor",
    "bower_components",
    ".bundle",
    ".tox",
    ".nox",
    ".yarn",
    ".pnpm-store",
    "__pycache__",
    ".eggs",
    "elm-stuff",
    "Pods",
    ".m2",
    ".npm",
];

/// What stood at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Folder,
    /// Length, time of change in nanoseconds, mode.
    File(u64, i128, u32),
    Link(PathBuf),
    Other,
}

/// A tree as it was at one moment, `.git` apart.
#[derive(Debug)]
pub struct Listing(BTreeMap<PathBuf, Seen>);

/// What came to a tree since it was listed.
#[derive(Debug, PartialEq, Eq)]
pub struct Made {
    /// The topmost new paths, and the files that were changed.
    pub paths: Vec<PathBuf>,
    /// Nothing but folders of dependencies: good for every commit with the same lock files. Else it is good for this commit alone.
    pub follows_from_locks: bool,
}

/// Lists a tree.
///
/// # Errors
/// The file system's.
pub fn list(tree: &Path) -> io::Result<Listing> {
    let mut seen = BTreeMap::new();
    walk(tree, &mut |relative, what| {
        let folder = what == Seen::Folder;
        seen.insert(relative.to_owned(), what);
        folder
    })?;
    Ok(Listing(seen))
}

/// What came to the tree since; `None` where something is gone or has become something else, which can't be laid over another tree.
///
/// # Errors
/// The file system's.
pub fn made(before: &Listing, tree: &Path) -> io::Result<Option<Made>> {
    let mut made = Made { paths: Vec::new(), follows_from_locks: true };
    let (mut known, mut other_kind) = (0, false);
    walk(tree, &mut |relative, what| {
        let Some(was) = before.0.get(relative) else {
            made.follows_from_locks &= what == Seen::Folder && relative.file_name().is_some_and(of_dependencies);
            made.paths.push(relative.to_owned());
            return false;
        };
        known += 1;
        match (was, &what) {
            (Seen::Folder, Seen::Folder) => return true,
            (Seen::File(..), Seen::File(..)) if *was != what => {
                made.follows_from_locks = false;
                made.paths.push(relative.to_owned());
            }
            _ => other_kind |= *was != what,
        }
        false
    })?;
    Ok((known == before.0.len() && !other_kind).then_some(made))
}

fn of_dependencies(name: &OsStr) -> bool {
    DEPENDENCIES.iter().any(|known| name == *known) || name.as_encoded_bytes().ends_with(b".egg-info")
}

/// Shorter files are alike by accident.
const TELLING: u64 = 48;

/// Larger files are compared by nobody.
const COMPARED: u64 = 1 << 20;

/// Whether a file of the tree as it was listed stands again, byte for byte, in what was made of it or in the home: so it does where a set-up installs or
/// packs the project itself (`pip install .`, `tox`). The next commit's tests would then run this commit's code. A file that is the same by
/// accident costs another set-up, nothing more.
///
/// # Errors
/// The file system's.
pub fn holds_own(before: &Listing, tree: &Path, made: &[PathBuf], home: &Path) -> io::Result<bool> {
    let mut own: HashMap<u64, Vec<&Path>> = HashMap::new();
    for (path, seen) in &before.0 {
        if let Seen::File(length @ TELLING..=COMPARED, ..) = seen {
            own.entry(*length).or_default().push(path);
        }
    }
    let places = made.iter().map(|path| tree.join(path)).chain([home.to_owned()]);
    for place in places {
        let mut alike = Vec::new();
        walk(&place, &mut |relative, what| {
            if let Seen::File(length, ..) = what
                && let Some(own) = own.get(&length)
            {
                alike.push((place.join(relative), own));
            }
            what == Seen::Folder
        })?;
        for (path, own) in alike {
            let copy = std::fs::read(path)?;
            for known in own {
                // What the set-up has changed since is listed among what was made.
                if std::fs::read(tree.join(known)).is_ok_and(|known| known == copy) {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

/// Goes through a tree; `visit` says whether a folder is entered. Links are not followed.
fn walk(tree: &Path, visit: &mut impl FnMut(&Path, Seen) -> bool) -> io::Result<()> {
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(tree.join(&folder))? {
            let entry = entry?;
            if entry.file_name() == ".git" {
                continue;
            }
            let relative = folder.join(entry.file_name());
            let meta = entry.metadata()?;
            let what = if meta.is_dir() {
                Seen::Folder
            } else if meta.is_file() {
                Seen::File(meta.len(), i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec()), meta.mode())
            } else if meta.is_symlink() {
                Seen::Link(std::fs::read_link(entry.path())?)
            } else {
                Seen::Other
            };
            if visit(&relative, what) {
                folders.push(relative);
            }
        }
    }
    Ok(())
}

/// Copies these paths of a tree to the same places below another folder.
///
/// # Errors
/// The file system's.
pub fn keep(tree: &Path, paths: &[PathBuf], into: &Path) -> io::Result<()> {
    for path in paths {
        let place = into.join(path);
        std::fs::create_dir_all(place.parent().unwrap_or(into))?;
        lay(&tree.join(path), &place)?;
    }
    Ok(())
}

/// Copies a folder, a file or a link over what is there. Links are copied as links; none is followed, neither here nor there: whoever wrote the other tree
/// could otherwise say where our files go.
///
/// # Errors
/// The file system's; and where another kind of thing is in the way.
pub fn lay(from: &Path, into: &Path) -> io::Result<()> {
    let meta = std::fs::symlink_metadata(from)?;
    let there = match std::fs::symlink_metadata(into) {
        Ok(there) => Some(there),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let in_the_way = || Err(io::Error::other(format!("`{}` is another kind of thing there", into.display())));
    if meta.is_symlink() {
        let target = std::fs::read_link(from)?;
        match there {
            None => std::os::unix::fs::symlink(target, into)?,
            Some(there) if there.is_symlink() && std::fs::read_link(into)? == target => {}
            Some(_) => return in_the_way(),
        }
    } else if meta.is_dir() {
        match there {
            None => std::fs::create_dir(into)?,
            Some(there) if there.is_dir() => {}
            Some(_) => return in_the_way(),
        }
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            lay(&entry.path(), &into.join(entry.file_name()))?;
        }
    } else if meta.is_file() {
        match there {
            None => {}
            Some(there) if there.is_file() => {}
            Some(_) => return in_the_way(),
        }
        std::fs::copy(from, into)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), files);
        folder
    }

    fn write(tree: &Path, files: &[(&str, &str)]) {
        for (path, text) in files {
            std::fs::create_dir_all(tree.join(path).parent().unwrap()).unwrap();
            std::fs::write(tree.join(path), text).unwrap();
        }
    }

    fn sorted(made: Option<Made>) -> (Vec<String>, bool) {
        let made = made.unwrap();
        let mut paths: Vec<String> = made.paths.iter().map(|path| path.display().to_string()).collect();
        paths.sort();
        (paths, made.follows_from_locks)
    }

    #[test]
    fn what_a_set_up_made_is_told_at_any_depth() {
        let tree = tree(&[("web/package.json", "{}"), ("api/src/a.py", "a"), (".git/HEAD", "x")]);
        let before = list(tree.path()).unwrap();
        assert_eq!(sorted(made(&before, tree.path()).unwrap()), (vec![], true));
        write(tree.path(), &[("web/node_modules/x/index.js", "1"), ("api/.venv/bin/python", "2"), ("api/a.egg-info/PKG-INFO", ""), (".git/config", "y")]);
        assert_eq!(sorted(made(&before, tree.path()).unwrap()), (vec!["api/.venv".into(), "api/a.egg-info".into(), "web/node_modules".into()], true));
        // What follows from the sources is good for them alone.
        write(tree.path(), &[("api/src/generated.py", "g")]);
        assert!(!sorted(made(&before, tree.path()).unwrap()).1);
        std::fs::remove_file(tree.path().join("api/src/generated.py")).unwrap();
        write(tree.path(), &[("api/src/a.py", "other")]);
        assert_eq!(sorted(made(&before, tree.path()).unwrap()).0.len(), 4);
        std::fs::remove_file(tree.path().join("api/src/a.py")).unwrap();
        assert_eq!(made(&before, tree.path()).unwrap(), None, "what is gone can't be laid over another tree");
        symlink("/etc", tree.path().join("api/src/a.py")).unwrap();
        assert_eq!(made(&before, tree.path()).unwrap(), None);
    }

    #[test]
    fn a_copy_of_the_sources_among_the_dependencies_is_seen() {
        let source = "def add(a, b):\n    return a + b\n\n\ndef twice(a):\n    return add(a, a)\n";
        let short = "# nothing\n";
        let tree = tree(&[("src/pkg/calc.py", source), ("src/pkg/__init__.py", short)]);
        let before = list(tree.path()).unwrap();
        let home = tempfile::tempdir().unwrap();
        write(tree.path(), &[(".venv/lib/other.py", &source.replace('+', "-")), (".venv/lib/__init__.py", short)]);
        symlink("../../src/pkg/calc.py", tree.path().join(".venv/lib/linked.py")).unwrap();
        let paths = [PathBuf::from(".venv")];
        assert!(!holds_own(&before, tree.path(), &paths, home.path()).unwrap(), "of the same length, short, or a link");
        write(home.path(), &[(".local/lib/pkg/calc.py", source)]);
        assert!(holds_own(&before, tree.path(), &paths, home.path()).unwrap());
        write(tree.path(), &[(".venv/lib/site-packages/pkg/calc.py", source)]);
        assert!(holds_own(&before, tree.path(), &paths, tempfile::tempdir().unwrap().path()).unwrap());
    }

    #[test]
    fn it_is_laid_over_the_next_tree_and_through_no_link() {
        let first = tree(&[("web/package.json", "{}")]);
        write(first.path(), &[("web/node_modules/x/index.js", "1")]);
        symlink("x/index.js", first.path().join("web/node_modules/main")).unwrap();
        let kept = tempfile::tempdir().unwrap();
        keep(first.path(), &["web/node_modules".into()], kept.path()).unwrap();

        let next = tree(&[("web/package.json", "{\"a\": 1}")]);
        lay(kept.path(), next.path()).unwrap();
        assert_eq!(std::fs::read_to_string(next.path().join("web/node_modules/main")).unwrap(), "1");
        assert_eq!(std::fs::read_to_string(next.path().join("web/package.json")).unwrap(), "{\"a\": 1}");
        lay(kept.path(), next.path()).unwrap();

        // A commit that has links where the set-up made folders says where the files of an earlier one would go.
        let outside = tempfile::tempdir().unwrap();
        for link in ["web", "web/node_modules", "web/node_modules/x", "web/node_modules/x/index.js"] {
            let hostile = tempfile::tempdir().unwrap();
            std::fs::create_dir_all(hostile.path().join(link).parent().unwrap()).unwrap();
            symlink(outside.path().join("there"), hostile.path().join(link)).unwrap();
            assert!(lay(kept.path(), hostile.path()).is_err(), "{link}");
            symlink(outside.path(), hostile.path().join("folder")).unwrap();
            std::fs::remove_file(hostile.path().join(link)).unwrap();
            symlink(outside.path(), hostile.path().join(link)).unwrap();
            assert!(lay(kept.path(), hostile.path()).is_err(), "{link}");
        }
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}
