//! Where trees lie while they are used: a folder each, and beside it a lock file that whoever uses it holds. What a killed process
//! left behind is told by the lock that nobody holds any more.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// The ending of lock files.
const LOCK: &str = "lock";

/// The folder in which the trees of all workers of this data folder lie.
pub fn of(work_dir: &Path) -> PathBuf {
    work_dir.join("jobs")
}

/// A folder of one's own.
pub struct Held {
    folder: PathBuf,
    /// The lock lives as long as the file is open.
    _lock: File,
}

impl Held {
    /// Makes a folder with a new name.
    ///
    /// # Errors
    /// It can't be made.
    pub fn new(work_dir: &Path) -> std::io::Result<Held> {
        let place = of(work_dir);
        std::fs::create_dir_all(&place)?;
        loop {
            let folder = place.join(uuid::Uuid::now_v7().simple().to_string());
            let path = folder.with_extension(LOCK);
            let lock = File::create_new(&path)?;
            match lock.try_lock() {
                Ok(()) if path.try_exists()? => {
                    std::fs::create_dir(&folder)?;
                    return Ok(Held { folder, _lock: lock });
                }
                // A sweep came between the two steps, and took the file for one that nobody holds: another name is taken.
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                // The file system knows no locks.
                Err(TryLockError::Error(error)) => {
                    std::fs::remove_file(&path)?;
                    return Err(error);
                }
            }
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.folder) {
            tracing::warn!(%error, folder = %self.folder.display(), "a working folder could not be removed");
        }
    }
}

/// Removes the folders that nobody holds, and says how many.
///
/// # Errors
/// The place can't be listed.
pub fn sweep(work_dir: &Path) -> std::io::Result<usize> {
    let listed = match std::fs::read_dir(of(work_dir)) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut removed = 0;
    for entry in listed.flatten() {
        let folder = entry.path().with_extension("");
        // Held until the folder is gone.
        let held = match File::open(folder.with_extension(LOCK)) {
            Ok(lock) => match lock.try_lock() {
                Ok(()) => Some(lock),
                Err(TryLockError::WouldBlock | TryLockError::Error(_)) => continue,
            },
            // The lock file goes last: a folder without one is a removal's that was cut short.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(_) => continue,
        };
        match remove(&folder) {
            Ok(()) => removed += 1,
            Err(error) => tracing::warn!(%error, folder = %folder.display(), "an old working folder could not be removed"),
        }
        drop(held);
    }
    Ok(removed)
}

/// Removes a folder and then its lock file. What is gone already is no error.
fn remove(folder: &Path) -> std::io::Result<()> {
    let gone = |done: std::io::Result<()>| match done {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    if gone(std::fs::remove_dir_all(folder)).is_err() {
        // Test code may have left folders without write permission behind.
        open_up(folder);
        gone(std::fs::remove_dir_all(folder))?;
    }
    gone(std::fs::remove_file(folder.with_extension(LOCK)))
}

/// Gives back the owner's rights on folders; links are not followed.
fn open_up(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(meta) = std::fs::symlink_metadata(folder) else { return };
    if !meta.is_dir() {
        return;
    }
    // Best effort: what stays closed is reported by the removal.
    let _ = std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700));
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        open_up(&entry.path());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_holds_is_swept() {
        let work = tempfile::tempdir().unwrap();
        assert_eq!(sweep(work.path()).unwrap(), 0, "there is no place yet");
        let held = Held::new(work.path()).unwrap();
        std::fs::write(held.folder().join("file"), "x").unwrap();
        let (dead, bare) = (of(work.path()).join("dead"), of(work.path()).join("bare"));
        for folder in [&dead, &bare] {
            std::fs::create_dir_all(folder.join("deep")).unwrap();
        }
        std::fs::write(dead.with_extension(LOCK), "").unwrap();
        sweep(work.path()).unwrap();
        assert!(held.folder().join("file").exists(), "somebody works there");
        assert!(!dead.exists() && !dead.with_extension(LOCK).exists() && !bare.exists());
        let folder = held.folder().to_owned();
        drop(held);
        assert!(!folder.exists());
        assert_eq!(std::fs::read_dir(of(work.path())).unwrap().count(), 0, "no lock file stays");
    }
}
