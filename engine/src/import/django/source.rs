//! Where the Django edition's rows come from: its database, an archive of it, or a dump.

use std::borrow::Cow;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};

use etiqa_model::UserError;
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;
use zip::ZipArchive;

use super::dump::Dump;
use super::record::Record;
use super::sqlite::Database;
use crate::data_dir::DRILL;
use crate::error::{Error, Result};

/// Bytes of a dump or of a database within an archive; a larger one was made to fill a memory or a disk.
const LARGEST: u64 = 4 << 30;

/// What is brought. The names are those of the README's models; that of the devices' is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Whatever NetworkConfig refers to: `NetworkDevice`, `Device`.
    Device,
    /// `NetworkConfig`.
    Config,
    /// `BackupConfig`.
    Backup,
    /// `BackupHistory`.
    History,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Device, Self::Config, Self::Backup, Self::History];

    /// The kind of a table (`network_scanner_backupconfig`), of a model (`network_scanner.backupconfig`) or of a list.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name: String =
            name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        Some(match () {
            () if ends(&["backuphistory", "backuphistories"]) => Self::History,
            () if ends(&["backupconfig", "backupconfigs"]) => Self::Backup,
            () if ends(&["networkconfig", "networkconfigs", "deviceconfig", "deviceconfigs"]) => Self::Config,
            () if ends(&["device", "devices"]) => Self::Device,
            () => return None,
        })
    }

    /// What it is called to a person.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Device => "devices",
            Self::Config => "configurations (NetworkConfig)",
            Self::Backup => "backup configs (BackupConfig)",
            Self::History => "history (BackupHistory)",
        }
    }
}

/// An opened one.
pub(super) enum Source {
    /// `db.sqlite3`.
    Database(Box<Database>),
    /// `database.json` of an archive, or what `dumpdata` wrote.
    Dump(Dump),
}

/// What a file turned out to be.
enum Opened {
    Database(PathBuf, Option<NamedTempFile>),
    Dump(Dump),
}

impl Source {
    /// Opens a file, whatever its name is; a database within an archive is unpacked in `folder` for a while.
    pub(super) async fn open(file: &Path, folder: &Path) -> Result<Self> {
        let (path, folder) = (file.to_owned(), folder.to_owned());
        let opened = spawn_blocking(move || look_into(&path, &folder)).await.map_err(|error| {
            Error::io("reading the Django edition's file")(std::io::Error::other(error))
        })??;
        Ok(match opened {
            Opened::Dump(dump) => Self::Dump(dump),
            Opened::Database(path, unpacked) => {
                Self::Database(Box::new(Database::open(&path, unpacked).await?))
            }
        })
    }

    /// Where the rows come from, for a person.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Database(_) => "the database of the Django edition".to_owned(),
            Self::Dump(dump) => dump.words().to_owned(),
        }
    }

    /// What it should have and has not; a sentence each.
    pub(super) fn missing(&self) -> Vec<String> {
        let has = |kind: Kind| match self {
            Self::Database(database) => database.has(kind),
            Self::Dump(dump) => dump.has(kind),
        };
        let gone = Kind::ALL.into_iter().filter(|kind| !has(*kind));
        gone.map(|kind| format!("There are no {} in it; the rest is brought.", kind.label())).collect()
    }

    /// All rows of a kind, in the order of their numbers.
    pub(super) async fn all(&mut self, kind: Kind) -> Result<Vec<Record>> {
        match self {
            Self::Database(database) => database.all(kind).await,
            Self::Dump(dump) => Ok(dump.all(kind)),
        }
    }

    /// The configurations of a device: the one of this number, or where the file names devices otherwise, of one of `names`.
    pub(super) async fn configs_of(&mut self, key: &str, names: &[&str]) -> Result<Vec<Record>> {
        match self {
            Self::Database(database) => database.configs_of(key).await,
            Self::Dump(dump) => Ok(dump.configs_of(key, names)),
        }
    }

    /// How many configurations there are, whosever they are.
    pub(super) async fn count_configs(&mut self) -> Result<u64> {
        match self {
            Self::Database(database) => database.count(Kind::Config).await,
            Self::Dump(dump) => Ok(dump.count_configs()),
        }
    }

    /// What configurations call their devices, where the devices themselves are not there.
    pub(super) fn named_devices(&self) -> Vec<String> {
        match self {
            Self::Dump(dump) if !dump.has(Kind::Device) => dump.named_devices(),
            Self::Database(_) | Self::Dump(_) => Vec::new(),
        }
    }

    pub(super) async fn close(self) {
        if let Self::Database(database) = self {
            database.close().await;
        }
    }
}

fn look_into(path: &Path, folder: &Path) -> Result<Opened> {
    let unreadable = |error: std::io::Error| {
        UserError::invalid(format!("The file {} cannot be read: {error}.", path.display()))
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut head = [0_u8; 16];
    let mut read = 0;
    while read < head.len() {
        match file.read(&mut head[read..]).map_err(unreadable)? {
            0 => break,
            more => read += more,
        }
    }
    file.rewind().map_err(unreadable)?;
    match &head[..read] {
        b"SQLite format 3\0" => Ok(Opened::Database(path.to_owned(), None)),
        [b'P', b'K', ..] => look_into_archive(file, folder),
        [] => Err(UserError::invalid("The file is empty.").into()),
        _ => {
            let text = read_all(file)?;
            Ok(Opened::Dump(Dump::read(&text, None)?))
        }
    }
}

/// An archive holds `database.json` and `network_configs.json`; one that somebody made by hand may hold the database itself.
fn look_into_archive(file: File, folder: &Path) -> Result<Opened> {
    let mut archive = ZipArchive::new(file).map_err(|error| broken(&error))?;
    let names: Vec<String> = archive.file_names().filter_map(Result::ok).map(Cow::into_owned).collect();
    let find = |ends: &[&str]| {
        let is_it = |name: &&String| {
            let last = name.rsplit(['/', '\\']).next().unwrap_or_default().to_lowercase();
            // Windows puts one of these into a folder of pictures.
            let is_other = last == "thumbs.db";
            !is_other && ends.iter().any(|end| last == *end || (end.starts_with('.') && last.ends_with(end)))
        };
        names.iter().find(is_it).cloned()
    };
    // That of this program is at the root; anybody's files may have one deeper down.
    if names.iter().any(|name| name == "manifest.json") {
        let message =
            "This is an archive of this program, not of the Django edition: `etiqa restore` reads it.";
        return Err(UserError::invalid(message).into());
    }
    let configs = match find(&["network_configs.json"]) {
        Some(name) => Some(entry(&mut archive, &name)?),
        None => None,
    };
    if let Some(name) = find(&["database.json"]) {
        let database = entry(&mut archive, &name)?;
        return Ok(Opened::Dump(Dump::read(&database, configs.as_deref())?));
    }
    if let Some(name) = find(&["db.sqlite3"]).or_else(|| find(&[".sqlite3", ".sqlite", ".db"])) {
        let mut inner = archive.by_name(&name).map_err(|error| broken(&error))?.take(LARGEST);
        let failed = Error::io("unpacking the Django edition's database");
        let mut unpacked = NamedTempFile::with_prefix_in(DRILL, folder).map_err(failed)?;
        let copied = std::io::copy(&mut inner, &mut unpacked).map_err(not_unpacked)?;
        if copied == LARGEST {
            let message =
                "The database in the archive is larger than 4 GiB: unpack it, and name the database itself.";
            return Err(UserError::invalid(message).into());
        }
        return Ok(Opened::Database(unpacked.path().to_owned(), Some(unpacked)));
    }
    if let Some(configs) = configs {
        return Ok(Opened::Dump(Dump::read(b"[]", Some(&configs))?));
    }
    let message = "The archive holds neither database.json nor a database nor network_configs.json: it is none of the \
                   Django edition, or one without its database.";
    Err(UserError::invalid(message).into())
}

fn entry(archive: &mut ZipArchive<File>, name: &str) -> Result<Vec<u8>> {
    read_all(archive.by_name(name).map_err(|error| broken(&error))?)
}

fn broken(error: &dyn std::fmt::Display) -> UserError {
    UserError::invalid(format!("The archive is damaged or is no zip: {error}. Take another one."))
}

/// A disk that is full says nothing of the archive.
fn not_unpacked(error: std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Error::io("unpacking the Django edition's database")(error)
        }
        _ => broken(&error).into(),
    }
}

fn read_all(from: impl Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let broken = |error| UserError::invalid(format!("The file is damaged: {error}. Take another one."));
    from.take(LARGEST).read_to_end(&mut bytes).map_err(broken)?;
    if bytes.len() as u64 == LARGEST {
        return Err(UserError::invalid("The file is larger than 4 GiB: name the database itself.").into());
    }
    Ok(bytes)
}
