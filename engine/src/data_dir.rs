//! The data directory: its layout, its rights, and the lock that keeps a second server out.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use etiqa_model::UserError;

use crate::files::{rename_without_replacing, sync_folder};
use crate::hex::to_hex;

/// A directory with this file in it is being restored, or was and did not come to its end.
pub(crate) const RESTORING: &str = ".restoring";

/// Begins the names of the directories that restore drills work in, and of what imports unpack.
pub(crate) const DRILL: &str = ".drill-";

/// The file with a folder's own name.
const INSTANCE: &str = "instance";

/// The file that says at which PostgreSQL the instance is, without user and password.
const POSTGRES: &str = ".postgres";

/// Where everything is kept.
#[derive(Debug, Clone)]
pub struct DataDir {
    root: PathBuf,
    id: String,
    /// Where archives, vendors' backups and attached files are, and that folder's name.
    files: PathBuf,
    files_id: String,
}

/// A folder that machines share, or are to.
#[derive(Debug)]
pub(crate) struct SharedFolder {
    path: PathBuf,
    mark: Option<String>,
}

impl SharedFolder {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The name that it was given.
    pub(crate) fn mark(&self) -> Option<&str> {
        self.mark.as_deref()
    }

    /// Gives it a name.
    pub(crate) fn make_mark(&self) -> Result<String, UserError> {
        read_or_make_id(&self.path).map_err(|error| not_usable(&self.path, &error))
    }
}

fn not_usable(folder: &Path, error: &io::Error) -> UserError {
    let then = name_mended(folder, error).unwrap_or_else(|| {
        "Mount it, make it writable for this user, or name another one with --shared-dir.".to_owned()
    });
    UserError::invalid(format!("The shared folder {} cannot be used: {error}. {then}", folder.display()))
}

/// What to do about a folder whose file with its name is empty or no text; none where something else is wrong with it.
fn name_mended(folder: &Path, error: &io::Error) -> Option<String> {
    let is_of_name = error.kind() == io::ErrorKind::InvalidData;
    is_of_name.then(|| {
        format!(
            "Its name is in {}: bring that file back from a copy, or delete it. Then the folder gets a new name, and archives \
             that are in it count as another machine's.",
            folder.join(INSTANCE).display()
        )
    })
}

/// Held by a server for as long as it lives; the system lets go of it however the process ends.
#[derive(Debug)]
pub struct ServerLock {
    _file: File,
}

/// Held by a command for as long as it runs: several of them may.
#[derive(Debug)]
pub struct CommandLock {
    file: File,
}

impl CommandLock {
    /// Whether no other command works on this directory. If so, none does until this one ends.
    pub fn is_alone(&self) -> io::Result<bool> {
        // The same handle asks for more than it has (flock(2)), of which the standard library promises nothing.
        match rustix::fs::flock(&self.file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl DataDir {
    /// Makes what is missing (mode 0700) and checks that files can be written.
    pub fn open(root: &Path) -> Result<Self, UserError> {
        if root.join(RESTORING).exists() {
            let message = format!(
                "A restore into {} did not come to its end: do it again, or remove the directory.",
                root.display()
            );
            return Err(UserError::conflict(message));
        }
        Self::open_restoring(root)
    }

    /// Like [`Self::open`], for whoever restores into it.
    pub(crate) fn open_restoring(root: &Path) -> Result<Self, UserError> {
        let refused = |error: io::Error| refusal(root, &error);
        create_private(root).map_err(refused)?;
        let root = root.canonicalize().map_err(refused)?;
        close_to_others(&root).map_err(refused)?;
        let mut dir = Self { files: root.clone(), files_id: String::new(), root, id: String::new() };
        for folder in [dir.backups(), dir.artifacts(), dir.media(), dir.logs(), dir.drivers()] {
            create_private(&folder).map_err(refused)?;
        }
        // Two programs may look at once.
        tempfile::Builder::new().prefix(".writable-").tempfile_in(&dir.root).map_err(refused)?;
        dir.id = read_or_make_id(&dir.root).map_err(refused)?;
        dir.files_id.clone_from(&dir.id);
        Ok(dir)
    }

    /// A name of its own, made once: several machines, each with its directory, may share a database.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name of the folder that archives, vendors' backups and attached files are in: the directory's own, or that of a
    /// folder that several machines share.
    pub fn files_id(&self) -> &str {
        &self.files_id
    }

    /// Notes at which PostgreSQL the instance is.
    pub(crate) fn note_postgres(&self, place: &str) -> io::Result<()> {
        if self.postgres().as_deref() == Some(place) {
            return Ok(());
        }
        fs::write(self.root.join(POSTGRES), place)
    }

    /// At which PostgreSQL the instance is, if that was noted.
    pub(crate) fn postgres(&self) -> Option<String> {
        fs::read_to_string(self.root.join(POSTGRES)).ok().filter(|place| !place.is_empty())
    }

    /// Takes that note away.
    pub(crate) fn forget_postgres(&self) -> io::Result<()> {
        match fs::remove_file(self.root.join(POSTGRES)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether those files are in a folder that several machines share.
    pub fn is_shared(&self) -> bool {
        self.files != self.root
    }

    /// Finds the folder that machines share; nothing is written there.
    pub(crate) fn find_shared(&self, folder: &Path) -> Result<SharedFolder, UserError> {
        // Never made: what is not there is not mounted.
        let path = folder.canonicalize().map_err(|error| not_usable(folder, &error))?;
        if path == self.root {
            let message = "The data directory is this machine's own: name another folder with --shared-dir.";
            return Err(UserError::invalid(message));
        }
        let mark = read_id(&path).map_err(|error| not_usable(folder, &error))?;
        Ok(SharedFolder { path, mark })
    }

    /// Keeps those files in the folder of this mark from now on.
    pub(crate) fn share(&mut self, folder: &SharedFolder, mark: &str) -> Result<(), UserError> {
        let refused = |error: io::Error| not_usable(&folder.path, &error);
        self.files.clone_from(&folder.path);
        mark.clone_into(&mut self.files_id);
        for folder in [self.backups(), self.artifacts(), self.media()] {
            create_private(&folder).map_err(refused)?;
        }
        // Two machines may look at once.
        tempfile::Builder::new().prefix(".writable-").tempfile_in(&self.files).map_err(refused)?;
        Ok(())
    }

    /// Where archives of this machine are that were made before it shared a folder.
    pub(crate) fn own_backups(&self) -> PathBuf {
        self.root.join("backups")
    }

    /// Removes the scratch databases of drills and imports that were cut off.
    pub(crate) fn remove_scratch(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(DRILL) {
                let path = entry.path();
                if entry.file_type()?.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
            }
        }
        Ok(())
    }

    /// The directory itself, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The embedded database.
    pub fn database(&self) -> PathBuf {
        self.root.join("etiqa.db")
    }

    /// The key of the sealed secrets.
    pub fn secret_key(&self) -> PathBuf {
        self.root.join("secret.key")
    }

    /// Archives.
    pub fn backups(&self) -> PathBuf {
        self.files.join("backups")
    }

    /// Vendors' binary backups, by SHA-256.
    pub fn artifacts(&self) -> PathBuf {
        self.files.join("artifacts")
    }

    /// Files that people attach to devices.
    pub fn media(&self) -> PathBuf {
        self.files.join("media")
    }

    /// Files of other machines that were fetched from where all of them keep theirs, by SHA-256; made when it is needed.
    pub(crate) fn fetched(&self) -> PathBuf {
        self.root.join("fetched")
    }

    /// The program's own logs.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// The user's own drivers.
    pub fn drivers(&self) -> PathBuf {
        self.root.join("drivers")
    }

    /// Takes the server's lock; none while another server has it. Waits a moment for one that is just going.
    pub fn lock_for_server(&self) -> io::Result<Option<ServerLock>> {
        for attempt in 0..10 {
            if attempt > 0 {
                std::thread::sleep(Duration::from_millis(100));
            }
            let file = self.lock_file()?;
            match file.try_lock() {
                Ok(()) => return Ok(Some(ServerLock { _file: file })),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Whether a server works on this directory now.
    pub fn has_live_server(&self) -> io::Result<bool> {
        match self.lock_file()?.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Takes a command's lock; none while another command must be alone.
    pub(crate) fn lock_for_command(&self) -> io::Result<Option<CommandLock>> {
        let file = self.open_lock("commands.lock")?;
        match file.try_lock_shared() {
            Ok(()) => Ok(Some(CommandLock { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn lock_file(&self) -> io::Result<File> {
        self.open_lock("serve.lock")
    }

    fn open_lock(&self, name: &str) -> io::Result<File> {
        File::options().create(true).truncate(false).write(true).open(self.root.join(name))
    }
}

/// Why a data directory cannot be used, and what to do. Another user's is not to be given away: the service works in it.
fn refusal(root: &Path, error: &io::Error) -> UserError {
    let owner = if error.kind() == io::ErrorKind::PermissionDenied { stranger(root) } else { None };
    let then = match (owner, name_mended(root, error)) {
        (Some(owner), _) => {
            format!("It belongs to another user (uid {owner}): run this with sudo, or as that user.")
        }
        (None, Some(then)) => then,
        (None, None) => "Make it writable for this user, or choose another one with --data-dir.".to_owned(),
    };
    UserError::invalid(format!("The data directory {} cannot be used: {error}. {then}", root.display()))
}

/// Whose a folder is, where it is not this user's.
fn stranger(folder: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    let owner = fs::metadata(folder).ok()?.uid();
    (owner != rustix::process::geteuid().as_raw()).then_some(owner)
}

fn read_id(root: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(root.join(INSTANCE)) {
        Ok(id) if !id.trim().is_empty() => Ok(Some(id.trim().to_owned())),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(None),
    }
}

fn read_or_make_id(root: &Path) -> io::Result<String> {
    if let Some(id) = read_id(root)? {
        return Ok(id);
    }
    let mut unique = [0_u8; 16];
    rand::fill(&mut unique);
    let unique = to_hex(&unique);
    // Written aside and then named, so that of two that begin at once both read the whole of one.
    let draft = root.join(format!(".instance-{unique}"));
    let mut written = File::create(&draft)?;
    written.write_all(unique.as_bytes())?;
    written.sync_all()?;
    match rename_without_replacing(&draft, &root.join(INSTANCE)) {
        Ok(()) => {
            sync_folder(root)?;
            Ok(unique)
        }
        Err(error) => {
            let _ = fs::remove_file(&draft);
            if error.kind() != io::ErrorKind::AlreadyExists {
                return Err(error);
            }
            read_id(root)?.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "its name is missing"))
        }
    }
}

fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Passwords' hashes, configs and the key are nobody else's to read, whoever made the directory.
fn close_to_others(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(folder)?.permissions().mode();
        if mode & 0o077 != 0 {
            fs::set_permissions(folder, fs::Permissions::from_mode(mode & !0o077))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_does_not_get_the_lock_and_a_command_sees_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(&folder.path().join("data")).unwrap();
        assert!(!dir.has_live_server().unwrap());
        let lock = dir.lock_for_server().unwrap();
        assert!(lock.is_some());
        assert!(dir.has_live_server().unwrap());
        assert!(dir.lock_for_server().unwrap().is_none());
        drop(lock);
        assert!(dir.lock_for_server().unwrap().is_some());
    }

    #[test]
    fn a_directory_that_others_can_read_is_closed_to_them() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        DataDir::open(folder.path()).unwrap();
        assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn the_data_directory_of_another_user_is_theirs_to_work_in_or_roots() {
        let folder = tempfile::tempdir().unwrap();
        let root = rustix::process::geteuid().is_root();
        if root {
            std::os::unix::fs::chown(folder.path(), Some(48_112), None).unwrap();
        }
        // Who is not root is refused by root's own.
        let (place, owner) = if root { (folder.path(), 48_112) } else { (Path::new("/"), 0) };
        let said = refusal(place, &io::ErrorKind::PermissionDenied.into()).message;
        let wanted =
            format!("It belongs to another user (uid {owner}): run this with sudo, or as that user.");
        assert!(said.ends_with(&wanted), "{said}");
        let full = refusal(place, &io::ErrorKind::StorageFull.into()).message;
        assert!(
            full.ends_with("Make it writable for this user, or choose another one with --data-dir."),
            "{full}"
        );
    }

    #[test]
    fn a_data_directory_that_is_a_file_is_refused_with_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("data");
        fs::write(&file, "").unwrap();
        let error = DataDir::open(&file).unwrap_err();
        assert!(error.message.contains("choose another one with --data-dir"), "{error}");
    }

    #[test]
    fn a_data_directory_whose_name_was_lost_is_not_used_under_none() {
        let folder = tempfile::tempdir().unwrap();
        for lost in [&b""[..], b" \n", b"\xff\xfe"] {
            fs::write(folder.path().join(INSTANCE), lost).unwrap();
            let error = DataDir::open(folder.path()).unwrap_err();
            assert!(error.message.contains("bring that file back from a copy"), "{error}");
        }
        let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let hidden = left.filter(|name| name.to_string_lossy().starts_with('.')).count();
        assert_eq!(hidden, 0, "what it tried with is gone");
        fs::remove_file(folder.path().join(INSTANCE)).unwrap();
        assert!(!DataDir::open(folder.path()).unwrap().id().is_empty());
    }
}
