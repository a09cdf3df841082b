//! Results of set-ups, kept for the next tree with the same lock files: what is not used for long, or is too much, goes.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// All results together may take so many bytes; the least recently used go first.
pub const CAP: u64 = 20 << 30;

/// The file that says that a result is whole; its time is that of the last use.
const WHOLE: &str = "complete";

/// The folder of all results.
pub fn of(work_dir: &Path) -> PathBuf {
    work_dir.join("cache")
}

/// Marks a result as whole.
///
/// # Errors
/// The file system's.
pub fn complete(entry: &Path) -> std::io::Result<()> {
    std::fs::write(entry.join(WHOLE), b"")
}

/// Whether there is a whole result. Asking is using.
pub fn take(entry: &Path, now: SystemTime) -> bool {
    let Ok(file) = std::fs::File::open(entry.join(WHOLE)) else { return false };
    if let Err(error) = file.set_modified(now) {
        tracing::debug!(%error, "the time of use was not kept");
    }
    true
}

/// Whether a result that was taken is still whole, now that it was copied.
pub fn is_whole(entry: &Path) -> bool {
    entry.join(WHOLE).exists()
}

/// Removes what was last used before `keep`, what was never finished, and beyond `cap` bytes the least recently used; says how many.
///
/// # Errors
/// The folder can't be listed.
pub fn clean(work_dir: &Path, keep: SystemTime, cap: u64) -> std::io::Result<usize> {
    let listed = match std::fs::read_dir(of(work_dir)) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut entries = Vec::new();
    for entry in listed.flatten() {
        let path = entry.path();
        let used = used_at(&path).or_else(|| entry.metadata().and_then(|meta| meta.modified()).ok());
        entries.push((used.unwrap_or(SystemTime::UNIX_EPOCH), size(&path), path));
    }
    entries.sort_by_key(|(used, ..)| std::cmp::Reverse(*used));
    let (mut kept, mut removed) = (0_u64, 0);
    for (used, bytes, path) in entries {
        kept = kept.saturating_add(bytes);
        if used >= keep && kept <= cap {
            continue;
        }
        kept -= bytes;
        // Somebody may have taken it since it was listed.
        if used_at(&path) > Some(used) {
            continue;
        }
        // It is no result any more before its files go, so that nobody takes half of it: who has begun to copy it sees that at the end.
        if let Err(error) =
            std::fs::remove_file(path.join(WHOLE)).or_else(|error| if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
        {
            tracing::warn!(%error, "an old result of a set-up could not be removed");
            continue;
        }
        match std::fs::remove_dir_all(&path) {
            Ok(()) => removed += 1,
            Err(error) => tracing::warn!(%error, "an old result of a set-up could not be removed"),
        }
    }
    Ok(removed)
}

/// When a whole result was used last.
fn used_at(entry: &Path) -> Option<SystemTime> {
    std::fs::metadata(entry.join(WHOLE)).and_then(|meta| meta.modified()).ok()
}

/// Bytes below a folder; links are not followed.
fn size(folder: &Path) -> u64 {
    let mut bytes = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => folders.push(entry.path()),
                Ok(meta) => bytes += meta.len(),
                Err(_) => {}
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_old_and_the_many_go() {
        let work = tempfile::tempdir().unwrap();
        let day = |n: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(n * 86_400);
        for (name, used) in [("old", 1), ("fresh", 30), ("older", 20), ("oldest", 18)] {
            let entry = of(work.path()).join(name);
            std::fs::create_dir_all(entry.join("tree/deep")).unwrap();
            std::fs::write(entry.join("tree/deep/file"), [0; 100]).unwrap();
            assert!(!take(&entry, day(used)), "half a result is none");
            complete(&entry).unwrap();
            assert!(take(&entry, day(used)));
        }
        let left = || {
            let mut names: Vec<_> = std::fs::read_dir(of(work.path())).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        assert_eq!(clean(work.path(), day(10), 1000).unwrap(), 1);
        assert_eq!(left(), ["fresh", "older", "oldest"]);
        assert_eq!(clean(work.path(), day(10), 250).unwrap(), 1);
        assert_eq!(left(), ["fresh", "older"]);
        assert_eq!(clean(&work.path().join("none"), day(10), 1).unwrap(), 0);
    }
}
