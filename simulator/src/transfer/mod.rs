//! Files that a device lets be fetched over SSH: read only, by SFTP and by the old SCP.

mod scp;
mod sftp;

use std::sync::Arc;

use crate::artifact::Artifact;
use crate::spec::Personality;
use crate::state::State;
use crate::text;

pub(crate) use scp::send;
pub(crate) use sftp::serve;

/// Where Gaia puts its backups, and F5 its UCS files.
pub(crate) const GAIA_BACKUPS: &str = "/var/log/CPbackup/backups/";
const UCS: &str = "/var/local/ucs/";

/// Whether files of this device can be fetched: it has a shell that runs the programs which do it.
pub(crate) fn is_possible(state: &State) -> bool {
    let spec = &state.spec;
    spec.recording.is_none()
        && match spec.personality {
            Personality::Linux | Personality::BigIp => true,
            Personality::Gaia => !spec.clish_login,
            _ => false,
        }
}

/// A file to be read.
pub(crate) enum File {
    Text(Arc<str>),
    Backup(Arc<Artifact>),
}

impl File {
    /// The file at `path`, if there is one.
    fn open(state: &State, path: &str) -> Option<Self> {
        match state.spec.personality {
            Personality::Linux if path == text::linux::CONFIG_PATH => Some(Self::Text(state.show_config())),
            Personality::Linux => text::linux::file(&state.spec, path).map(|text| Self::Text(text.into())),
            _ => {
                let name = path.strip_prefix(backup_folder(state)?)?;
                state.backups.file(name).map(Self::Backup)
            }
        }
    }

    fn size(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Backup(artifact) => artifact.size(),
        }
    }

    /// The bytes from `at` on, at most `limit` and perhaps fewer; none at the end.
    fn read(&self, at: u64, limit: u64) -> Vec<u8> {
        match self {
            Self::Backup(artifact) => artifact.read(at, limit),
            Self::Text(text) => {
                let start = at.min(text.len() as u64);
                let end = start.saturating_add(limit).min(text.len() as u64);
                text.as_bytes()[start as usize..end as usize].to_vec()
            }
        }
    }
}

/// The folder of the backups that the device made of itself.
fn backup_folder(state: &State) -> Option<&'static str> {
    match state.spec.personality {
        Personality::Gaia => Some(GAIA_BACKUPS),
        Personality::BigIp => Some(UCS),
        _ => None,
    }
}

/// The names of the files in the folder `path`, if it is one that can be listed.
fn names_in(state: &State, path: &str) -> Option<Vec<String>> {
    let folder = backup_folder(state)?;
    (path.trim_end_matches('/') == folder.trim_end_matches('/')).then(|| state.backups.names())
}
