//! Folders of this machine, as its file system is best told about them.

use std::path::Path;

use rustix::fs::{IFlags, Mode, OFlags, ioctl_getflags, ioctl_setflags, open};

/// Makes the folder, and tells the file system that what is made in it has nothing to do with each other (`chattr +T`, FS_TOPDIR_FL of
/// `linux/fs.h`): ext4 then looks for room for each folder in another part of the disk. Where trees of thousands of files come and go, a new one
/// otherwise lands where the last one was deleted, and without a journal each new file passes over every inode deleted in the last seconds there.
/// Other file systems don't know the flag; it only makes things faster, so that is no error.
///
/// # Errors
/// The folder can't be made.
pub fn of_strangers(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let set = open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .and_then(|opened| ioctl_getflags(&opened).and_then(|flags| ioctl_setflags(&opened, flags | IFlags::TOPDIR)));
    if let Err(error) = set {
        tracing::debug!(folder = %folder.display(), %error, "the file system takes no hint about this folder");
    }
    Ok(())
}
