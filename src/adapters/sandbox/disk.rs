//! How much folders have grown: walked from time to time, more often when the file system fills.

use std::{
    collections::HashSet,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use nix::libc;

/// The shortest time between two walks.
const PAUSE: Duration = Duration::from_secs(1);

/// Walking may take one part in so many of the time.
const DUTY: u32 = 10;

/// How often the file system is asked for its free space; one cheap call.
const GLANCE: Duration = Duration::from_millis(200);

/// Deeper than any real tree; what is deeper hides from us and counts as too much.
const DEPTH: usize = 200;

/// What a file costs beyond its blocks.
const INODE_BYTES: u64 = 256;

/// Free space below which a job is ended though it stayed below its bound.
const FLOOR_BYTES: u64 = 128 << 20;

/// Watches folders from its own thread until told to end.
#[derive(Debug, Default)]
pub struct DiskWatch {
    over: AtomicBool,
    ended: Mutex<bool>,
    wake: Condvar,
}

impl DiskWatch {
    /// Whether the folders have grown by more than they may.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Makes [`DiskWatch::run`] return.
    pub fn end(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.wake.notify_all();
    }

    /// Measures `folders` now and then, and notes when they have grown by more than `most` bytes.
    pub fn run(&self, folders: &[PathBuf], most: u64) {
        let start = measure(folders);
        let limit = start.unwrap_or(0).saturating_add(most);
        let mut free_at_walk = free(folders);
        let mut next_walk = Instant::now() + PAUSE;
        let mut earliest = Instant::now();
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        while !*ended {
            ended = self.wake.wait_timeout(ended, GLANCE).unwrap_or_else(PoisonError::into_inner).0;
            let now_free = free(folders);
            let shrunk = free_at_walk.saturating_sub(now_free) > most / 4;
            let due = Instant::now() >= next_walk || (shrunk && Instant::now() >= earliest);
            if *ended || !due {
                continue;
            }
            drop(ended);
            let began = Instant::now();
            let size = measure(folders);
            let took = began.elapsed();
            // Someone else may be filling the disk: only a job that grew itself is ended for it.
            let grown = size.unwrap_or(u64::MAX).saturating_sub(start.unwrap_or(0));
            let starving = now_free < FLOOR_BYTES && grown > FLOOR_BYTES;
            if size.is_none_or(|size| size > limit) || starving {
                self.over.store(true, Ordering::Relaxed);
            }
            free_at_walk = now_free;
            next_walk = Instant::now() + PAUSE.max(took * DUTY);
            earliest = Instant::now() + took * DUTY;
            ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The smallest free space of the file systems under `folders`, in bytes.
fn free(folders: &[PathBuf]) -> u64 {
    folders.iter().filter_map(|folder| free_of(folder)).min().unwrap_or(u64::MAX)
}

fn free_of(folder: &Path) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(folder.as_os_str().as_bytes()).ok()?;
    // SAFETY: an all-zero statvfs is a valid value, `path` is a C string, and both outlive the call.
    unsafe {
        let mut stat: libc::statvfs = std::mem::zeroed();
        (libc::statvfs(path.as_ptr(), &raw mut stat) == 0).then(|| stat.f_bavail as u64 * stat.f_frsize as u64)
    }
}

/// What the folders occupy, in bytes; `None` where something can't be measured because it is nested too deeply.
fn measure(folders: &[PathBuf]) -> Option<u64> {
    let mut seen = HashSet::new();
    let mut sum = 0u64;
    let mut stack: Vec<(PathBuf, usize)> = folders.iter().map(|folder| (folder.clone(), 0)).collect();
    while let Some((folder, depth)) = stack.pop() {
        if depth > DEPTH {
            return None;
        }
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => return None,
            // Gone, or closed to us: it counts with what its parent shows of it.
            Err(_) => continue,
        };
        for entry in entries.flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            let is_new = meta.is_dir() || meta.nlink() < 2 || seen.insert((meta.dev(), meta.ino()));
            if is_new {
                sum = sum.saturating_add(meta.blocks() * 512 + INODE_BYTES);
            }
            if meta.is_dir() {
                stack.push((entry.path(), depth + 1));
            }
        }
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_blocks_once_and_no_links_out() {
        let base = tempfile::tempdir().unwrap();
        let root = base.path().to_owned();
        fs::create_dir(root.join("a")).unwrap();
        fs::write(root.join("a/file"), vec![1; 100_000]).unwrap();
        let one = measure(std::slice::from_ref(&root)).unwrap();
        assert!((100_000..140_000).contains(&one), "{one}");
        fs::hard_link(root.join("a/file"), root.join("again")).unwrap();
        std::os::unix::fs::symlink("/usr", root.join("out")).unwrap();
        let two = measure(std::slice::from_ref(&root)).unwrap();
        assert!(two - one < 10_000, "{one} {two}");
    }

    #[test]
    fn what_hides_in_depth_is_too_much() {
        let base = tempfile::tempdir().unwrap();
        let deep: PathBuf = std::iter::repeat_n("d", DEPTH + 2).collect();
        fs::create_dir_all(base.path().join(deep)).unwrap();
        assert_eq!(measure(&[base.path().to_owned()]), None);
    }
}
