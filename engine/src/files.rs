//! Writing files so that a power cut leaves either all of them or nothing.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

/// Makes what was renamed or created in a folder survive a power cut.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The folder that a file is in.
pub(crate) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Renames a file, unless the new name is taken: then `AlreadyExists`, and nothing happened.
pub(crate) fn rename_without_replacing(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(()),
            // Some network file systems know no such flag; a hard link refuses a taken name as well.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {}
            Err(error) => return Err(error.into()),
        }
    }
    fs::hard_link(from, to)?;
    fs::remove_file(from)
}

/// The disk that a folder is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Disk {
    /// Bytes that this user may still write.
    pub(crate) free: u64,
    /// Bytes in all.
    pub(crate) total: u64,
}

impl Disk {
    /// The disk of a folder, as it is now. Blocks.
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        let disk = rustix::fs::statvfs(folder)?;
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        Ok(Self { free: bytes(disk.f_bavail), total: bytes(disk.f_blocks) })
    }

    /// The same, for who must not block.
    pub(crate) async fn look_at(folder: PathBuf) -> io::Result<Self> {
        spawn_blocking(move || Self::of(&folder)).await.map_err(io::Error::other)?
    }

    /// What archives leave free, so that the database can still be written and retention still make room.
    pub(crate) fn reserve(self) -> u64 {
        (self.total / 20).min(64 << 20)
    }

    /// What an archive may still take.
    pub(crate) fn room(self) -> u64 {
        self.free.saturating_sub(self.reserve())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_name_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write(&from, "new").unwrap();
        fs::write(&to, "old").unwrap();
        assert_eq!(rename_without_replacing(&from, &to).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&to).unwrap(), "old");
        assert_eq!(fs::read_to_string(&from).unwrap(), "new");
    }
}
