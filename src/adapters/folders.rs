//! Folders of this machine, as its file system is best told about them.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

use rustix::fs::{IFlags, Mode, OFlags, ioctl_getflags, ioctl_setflags, open};

/// Makes the folder, and tells the file system that what is made in it has nothing to do with each other (`chattr +T`, FS_TOPDIR_FL of
/// `linux/fs.h`): ext4 then looks for room for each folder in another part of the disk. Where trees of thousands of files come and go, a new one
/// otherwise lands where the last one was deleted, and without a journal each new file passes over every inode deleted in the last seconds there.
/// Other file systems don't know the flag; it only makes things faster, so that is no error.
///
/// # Errors
/// The folder can't be made.
pub fn of_strangers(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let set = open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .and_then(|opened| ioctl_getflags(&opened).and_then(|flags| ioctl_setflags(&opened, flags | IFlags::TOPDIR)));
    if let Err(error) = set {
        tracing::debug!(folder = %folder.display(), %error, "the file system takes no hint about this folder");
    }
    Ok(())
}

/// A folder that one process has to itself. The kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct Claim {
    _lock: File,
}

/// What asking for a folder gave.
#[derive(Debug)]
pub enum Asked {
    /// It is ours for as long as this is kept.
    Ours(Claim),
    /// Another process has it: its id, where it can be read.
    Taken(Option<u32>),
}

/// Asks for a folder by an advisory lock (`flock(2)`) on a file in it, which holds the id of whoever has it.
///
/// # Errors
/// The file can't be made, locked or written.
pub fn claim(folder: &Path, name: &str) -> io::Result<Asked> {
    let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(folder.join(name))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            (&mut file).take(32).read_to_string(&mut holder)?;
            return Ok(Asked::Taken(holder.trim().parse().ok()));
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())?;
    Ok(Asked::Ours(Claim { _lock: file }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_owner_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let Asked::Ours(first) = claim(folder.path(), "x.lock").unwrap() else { panic!("nobody has it") };
        let Asked::Taken(by) = claim(folder.path(), "x.lock").unwrap() else { panic!("it is taken") };
        assert_eq!(by, Some(std::process::id()));
        drop(first);
        assert!(matches!(claim(folder.path(), "x.lock").unwrap(), Asked::Ours(_)));
    }
}
