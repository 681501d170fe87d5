//! The repository on the disk: made whole or not at all, one writer at a time, never begun anew where it is damaged.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etiqa_model::{RunId, Timestamp, UserError};
use git2::{Config, ConfigLevel, ErrorClass, ErrorCode, Oid, Reference, Repository, RepositoryInitOptions};

use super::listing::{FILE, Listing};
use super::message::run_of;
use super::words::plain;
use crate::error::{Error, Result};
use crate::files::{folder_of, rename_without_replacing, sync_folder};

/// Settings of ours, which Git itself does not read: the first makes libgit2 wait for the disk before it names a file, the
/// others bound what it holds in memory. They stand in a file because libgit2 reads them nowhere else.
const SETTINGS: &str =
    "[core]\n\tfsyncObjectFiles = true\n[pack]\n\twindowMemory = 33554432\n\tdeltaCacheSize = 16777216\n";
const SETTINGS_FILE: &str = "etiqa.config";

/// How often another process that works on the repository is waited for, and how long each time.
const TRIES: u32 = 240;
const PAUSE: Duration = Duration::from_millis(250);

/// What files are called that libgit2 was writing when the process ended: the folder, and how their names begin.
const UNFINISHED: [(&str, &str); 2] = [("objects", "tmp_object_git2_"), ("objects/pack", "pack_git2_")];

/// A repository that nobody else writes meanwhile.
pub(super) struct Mirror {
    pub(super) repo: Repository,
    /// `refs/heads/…`.
    pub(super) reference: String,
    name: String,
    /// The system lets go of it however the process ends.
    _lock: File,
}

/// The last commit of the branch.
pub(super) struct Tip {
    pub(super) id: Oid,
    pub(super) listing: Listing,
    /// Whose commit it is.
    pub(super) run: Option<RunId>,
    seconds: i64,
}

impl Tip {
    /// Whether it was made by what ended after `at`.
    pub(super) fn is_after(&self, at: Timestamp) -> bool {
        self.seconds > at.millis().div_euclid(1_000)
    }
}

impl Mirror {
    /// Opens the repository, or makes it where there is none; waits for whoever works on it.
    pub(super) async fn open(path: &Path, branch: &str) -> Result<Self> {
        let reference = branch_reference(branch)?;
        let name = name_of(path);
        private_folder(folder_of(path)).map_err(Error::io("making the folder of mirrors"))?;
        let lock = lock(path, &name).await?;
        let (path, branch) = (path.to_owned(), branch.to_owned());
        super::blocking(move || {
            if !path.exists() {
                make(&path, &branch).map_err(|error| explained(&name, &error))?;
            }
            sweep(&path, &reference).map_err(Error::io("clearing up in a mirror"))?;
            let repo = open_repository(&path).map_err(|error| explained(&name, &error))?;
            Ok(Self { repo, reference, name, _lock: lock })
        })
        .await
    }

    /// The last commit; none before the first.
    pub(super) fn tip(&self) -> Result<Option<Tip>> {
        let Some(id) = tip_of(&self.repo, &self.reference).map_err(|error| self.explained(&error))? else {
            return Ok(None);
        };
        let listing = self.listing(id).map_err(|error| self.explained(&error))?;
        let listing = listing.map_err(|why| damaged(&self.name, &format!("{FILE} {why}")))?;
        let (run, seconds) = self.made(id).map_err(|error| self.explained(&error))?;
        Ok(Some(Tip { id, listing, run, seconds }))
    }

    /// Whether there is a commit yet.
    pub(super) fn is_begun(&self) -> Result<bool> {
        let tip = tip_of(&self.repo, &self.reference).map_err(|error| self.explained(&error))?;
        Ok(tip.is_some())
    }

    /// By which run a commit was made, and when.
    fn made(&self, commit: Oid) -> Result<(Option<RunId>, i64), git2::Error> {
        let commit = self.repo.find_commit(commit)?;
        let message = String::from_utf8_lossy(commit.message_bytes());
        Ok((run_of(&message), commit.time().seconds()))
    }

    fn listing(&self, commit: Oid) -> Result<Result<Listing, String>, git2::Error> {
        let tree = self.repo.find_commit(commit)?.tree()?;
        Ok(match tree.get_name(FILE) {
            Some(entry) => Listing::parse(self.repo.find_blob(entry.id())?.content()),
            None => Err("is not in its last commit".to_owned()),
        })
    }

    /// Moves the branch from the commit `from` to `to`, whose objects are written by now.
    pub(super) fn advance(&self, from: Option<Oid>, to: Oid) -> Result<(), git2::Error> {
        // Libgit2 waits for the disk with each file and the folder it is in, not with folders that it made for them.
        sync_folder(&self.repo.path().join("objects")).map_err(|error| os_error(&error))?;
        match from {
            Some(from) => self.repo.reference_matching(&self.reference, to, true, from, "mirror")?,
            None => self.repo.reference(&self.reference, to, false, "mirror")?,
        };
        if from.is_none() {
            self.sync_branch().map_err(|error| os_error(&error))?;
        }
        // What `git log` in the folder shows, and what a clone of it checks out.
        let head = self.repo.find_reference("HEAD")?;
        if head.symbolic_target_bytes() != Some(self.reference.as_bytes()) {
            self.repo.set_head(&self.reference)?;
        }
        Ok(())
    }

    /// A branch that a power cut took away would begin anew, and its remote would refuse it.
    fn sync_branch(&self) -> io::Result<()> {
        let repository = self.repo.path();
        let mut folder = repository.join(&self.reference);
        while folder.pop() && folder.starts_with(repository) {
            sync_folder(&folder)?;
        }
        Ok(())
    }

    /// What a person is told of an error of libgit2.
    pub(super) fn explained(&self, error: &git2::Error) -> Error {
        explained(&self.name, error)
    }
}

/// `refs/heads/<branch>`, where that is a branch's name.
pub(super) fn branch_reference(branch: &str) -> Result<String, UserError> {
    let reference = format!("refs/heads/{branch}");
    // A name that begins with a dash, or is HEAD, would be something else on Git's command line.
    if branch.starts_with('-') || branch == "HEAD" || !Reference::is_valid_name(&reference) {
        return Err(UserError::invalid(format!(
            "{branch:?} cannot be the name of a branch; choose one like \"main\" or \"network/configs\"."
        )));
    }
    Ok(reference)
}

/// The commit that a branch is at; none where there is no such branch.
pub(super) fn tip_of(repo: &Repository, reference: &str) -> Result<Option<Oid>, git2::Error> {
    match repo.find_reference(reference) {
        Ok(found) => Ok(Some(found.peel_to_commit()?.id())),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens a bare repository by its own settings and ours alone: what this user's Git is told to do elsewhere is not meant here.
pub(super) fn open_repository(path: &Path) -> Result<Repository, git2::Error> {
    let repo = Repository::open_bare(path)?;
    let ours = path.join(SETTINGS_FILE);
    if fs::read(&ours).ok().as_deref() != Some(SETTINGS.as_bytes()) {
        fs::write(&ours, SETTINGS).map_err(|error| os_error(&error))?;
    }
    let mut config = Config::new()?;
    config.add_file(&path.join("config"), ConfigLevel::Local, false)?;
    config.add_file(&ours, ConfigLevel::App, false)?;
    repo.set_config(&config)?;
    Ok(repo)
}

/// Makes an empty repository aside and then names it, so that there is none or a whole one.
fn make(path: &Path, branch: &str) -> Result<(), git2::Error> {
    let draft = beside(path, ".new");
    match fs::remove_dir_all(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(os_error(&error)),
        _ => {}
    }
    private_folder(&draft).map_err(|error| os_error(&error))?;
    let mut options = RepositoryInitOptions::new();
    options.bare(true).external_template(false).initial_head(branch);
    Repository::init_opts(&draft, &options)?;
    let named = sync_all(&draft)
        .and_then(|()| rename_without_replacing(&draft, path))
        .and_then(|()| sync_folder(folder_of(path)));
    named.map_err(|error| os_error(&error))
}

fn sync_all(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_all(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_folder(folder)
}

/// Removes what a process left that ended while it wrote: whoever holds the lock is the only one who writes.
fn sweep(path: &Path, reference: &str) -> io::Result<()> {
    let mut stale = vec![path.join(format!("{reference}.lock")), path.join("HEAD.lock")];
    for (folder, begin) in UNFINISHED {
        let Ok(entries) = fs::read_dir(path.join(folder)) else { continue };
        for entry in entries {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(begin) {
                stale.push(entry.path());
            }
        }
    }
    for file in stale {
        match fs::remove_file(&file) {
            Ok(()) => tracing::info!("removed {}, which an interrupted mirroring had left", file.display()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn lock(path: &Path, name: &str) -> Result<File> {
    let failed = || Error::io("taking the lock of a mirror");
    let file = File::options().create(true).truncate(false).write(true).open(beside(path, ".lock"));
    let file = file.map_err(failed())?;
    for _ in 0..TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(PAUSE).await,
            Err(TryLockError::Error(error)) => return Err(failed()(error)),
        }
    }
    Err(UserError::conflict(format!(
        "Another process works on the Git repository {name}; wait until it has ended, then try again."
    ))
    .into())
}

/// The path with something put to its end.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// The repository's name within the data directory, for people: `mirror/7`.
pub(super) fn name_of(path: &Path) -> String {
    let last = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let names = [folder_of(path), path].map(|path| last(path).unwrap_or_default());
    names.join("/")
}

fn explained(name: &str, error: &git2::Error) -> Error {
    match (error.code(), error.class()) {
        (ErrorCode::Locked | ErrorCode::Modified, _) => UserError::conflict(format!(
            "Somebody else has changed the Git repository {name} meanwhile; try again, and let nobody push into it."
        ))
        .into(),
        (_, ErrorClass::Os | ErrorClass::Filesystem | ErrorClass::NoMemory) => {
            let is_full = error.message().contains("No space left on device");
            let kind = if is_full { io::ErrorKind::StorageFull } else { io::ErrorKind::Other };
            Error::io(format!("working on the Git repository {name}"))(io::Error::new(kind, error.message()))
        }
        _ => damaged(name, error.message()).into(),
    }
}

/// Nothing is begun anew by itself: that would give up the history, or ask for a push by force.
fn damaged(name: &str, why: &str) -> UserError {
    UserError::conflict(format!(
        "The Git repository {name} in the data directory is damaged or was not made by this program: {}. Move the folder \
         away. To keep the history, bring it back from its remote with \"git clone --bare URL {name}\"; without that it is \
         made anew, and then needs an empty remote or a branch of its own.",
        plain(why, 200)
    ))
}

/// An error of the system in the shape of libgit2's.
fn os_error(error: &io::Error) -> git2::Error {
    git2::Error::new(ErrorCode::GenericError, ErrorClass::Os, error.to_string())
}
