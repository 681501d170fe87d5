//! A folder of an SSH server, over the same SSH as devices are collected by.

use std::net::IpAddr;
use std::path::Path;

use etiqa_model::destination::{DestinationSecrets, SftpSettings};
use etiqa_model::shown::misleads;
use etiqa_model::{Secret, class::Class};
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::protocol::{OpenFlags, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::place::{Doing, Headway, Pieces, Place, PlaceError};
use crate::collect::{Endpoint, HostKeySeen, Limits, Login, SftpConnection, SftpFailure, open_sftp};
use crate::outgoing::{NoWay, Outgoing};

/// Bytes that are read or written at once; the library sends them in several requests.
const PIECE: usize = 1 << 18;

/// A folder on a server that is logged in to.
pub(super) struct Sftp {
    connection: SftpConnection,
    folder: String,
}

impl Sftp {
    /// Logs in and makes the folder where it is missing. The key that the server showed comes back in any case; where it
    /// is another one than the remembered one, that is the error, and no secret was sent.
    pub(super) async fn open(
        settings: &SftpSettings,
        secrets: &DestinationSecrets,
        host_key: Option<String>,
        outgoing: &Outgoing,
    ) -> (Result<Self, PlaceError>, Option<(HostKeySeen, bool)>) {
        let addresses = match outgoing.resolve(&settings.address).await {
            Ok(addresses) => addresses,
            Err(NoWay::Refused(refused)) => return (Err(PlaceError::permanent(refused.to_string())), None),
            Err(error @ NoWay::Unknown(_)) => return (Err(PlaceError::temporary(error.to_string())), None),
        };
        let given = |secret: &Secret| Some(secret.clone()).filter(|secret| !secret.is_empty());
        let login = Login {
            username: settings.username.clone(),
            password: given(&secrets.password),
            private_key: given(&secrets.private_key),
            key_passphrase: given(&secrets.key_passphrase),
            ..Login::default()
        };
        let (opened, key) = open_first(settings, &addresses, host_key, &login).await;
        let is_changed = matches!(&opened, Err(failure) if failure.class == Class::HostKeyChanged);
        let key = key.map(|key| (key, is_changed));
        let place = match opened {
            Ok(connection) => Self { connection, folder: settings.path.clone() }.with_folder().await,
            Err(failure) => Err(refused(&failure, settings, key.as_ref().map(|(key, _)| key))),
        };
        (place, key)
    }

    async fn with_folder(self) -> Result<Self, PlaceError> {
        if self.folder.is_empty() {
            return Ok(self);
        }
        let session = &self.connection.session;
        match session.metadata(self.folder.as_str()).await {
            Ok(found) if found.is_dir() => return Ok(self),
            Ok(_) => {
                return Err(PlaceError::permanent(format!("{} is no folder on the server.", self.folder)));
            }
            Err(SftpError::Status(status)) if status.status_code == StatusCode::NoSuchFile => {}
            Err(error) => return Err(trouble(&error, "The folder cannot be looked at")),
        }
        let mut path = String::new();
        for piece in self.folder.split_inclusive('/') {
            path.push_str(piece);
            // Those above it may be there, and may be other people's.
            session.create_dir(path.trim_end_matches('/')).await.ok();
        }
        match session.metadata(self.folder.as_str()).await {
            Ok(_) => Ok(self),
            Err(_) => Err(PlaceError::permanent(format!(
                "There is no folder {} on the server, and this user may not make it.",
                self.folder
            ))),
        }
    }

    fn path(&self, name: &str) -> String {
        match self.folder.as_str() {
            "" => name.to_owned(),
            folder => format!("{}/{name}", folder.trim_end_matches('/')),
        }
    }

    async fn upload(&self, name: &str, file: &Path, headway: &Headway) -> Result<(), PlaceError> {
        let unreadable = |error: std::io::Error| {
            PlaceError::one_file(format!("The archive cannot be read here: {error}."))
        };
        let cut_off = |error: std::io::Error| trouble(&error.into(), "The copy could not be written");
        let mut file = tokio::fs::File::open(file).await.map_err(unreadable)?;
        let flags = OpenFlags::CREATE | OpenFlags::TRUNCATE | OpenFlags::WRITE;
        let opened = self.connection.session.open_with_flags(self.path(name), flags).await;
        let mut there = opened.map_err(|error| trouble(&error, "The folder cannot be written to"))?;
        let mut piece = vec![0; PIECE];
        loop {
            let read = file.read(&mut piece).await.map_err(unreadable)?;
            if read == 0 {
                break;
            }
            tokio::select! {
                written = there.write_all(&piece[..read]) => written.map_err(cut_off)?,
                error = headway.unwanted() => return Err(error),
            }
            headway.step()?;
        }
        there.flush().await.map_err(cut_off)?;
        there.sync_all().await.map_err(|error| trouble(&error, "The copy could not be written"))?;
        there.shutdown().await.map_err(cut_off)
    }
}

impl Place for Sftp {
    fn can_rename(&self) -> bool {
        true
    }

    fn write<'a>(&'a self, name: &'a str, file: &'a Path, headway: &'a Headway) -> Doing<'a, ()> {
        Box::pin(self.upload(name, file, headway))
    }

    /// Version 3 of the protocol refuses a name that is taken (draft-ietf-secsh-filexfer-02, section 6.5).
    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> Doing<'a, bool> {
        Box::pin(async move {
            match self.connection.session.rename(self.path(from), self.path(to)).await {
                Ok(()) => Ok(true),
                Err(error) if self.size_of(to).await?.is_none() => {
                    Err(trouble(&error, "The copy could not be given its name"))
                }
                Err(_) => Ok(false),
            }
        })
    }

    fn size_of<'a>(&'a self, name: &'a str) -> Doing<'a, Option<u64>> {
        Box::pin(async move {
            match self.connection.session.metadata(self.path(name)).await {
                Ok(found) => Ok(Some(found.size.unwrap_or_default())),
                Err(SftpError::Status(status)) if status.status_code == StatusCode::NoSuchFile => Ok(None),
                Err(error) => Err(trouble(&error, "The folder cannot be looked at")),
            }
        })
    }

    fn read<'a>(&'a self, name: &'a str) -> Doing<'a, Pieces<'a>> {
        Box::pin(async move {
            let opened = self.connection.session.open(self.path(name)).await;
            let file = opened.map_err(|error| trouble(&error, "The copy cannot be read"))?;
            let pieces = futures::stream::try_unfold(file, |mut file| async move {
                let mut piece = vec![0; PIECE];
                match file.read(&mut piece).await {
                    Ok(0) => Ok(None),
                    Ok(read) => {
                        piece.truncate(read);
                        Ok(Some((piece, file)))
                    }
                    Err(error) => Err(trouble(&error.into(), "The copy cannot be read")),
                }
            });
            Ok(Box::pin(pieces) as Pieces<'a>)
        })
    }

    fn delete<'a>(&'a self, name: &'a str) -> Doing<'a, ()> {
        Box::pin(async move {
            match self.connection.session.remove_file(self.path(name)).await {
                Ok(()) => Ok(()),
                Err(SftpError::Status(status)) if status.status_code == StatusCode::NoSuchFile => Ok(()),
                Err(error) => Err(trouble(&error, "The copy cannot be deleted")),
            }
        })
    }
}

/// Logs in at the first address that answers.
async fn open_first(
    settings: &SftpSettings,
    addresses: &[IpAddr],
    host_key: Option<String>,
    login: &Login,
) -> (Result<SftpConnection, SftpFailure>, Option<HostKeySeen>) {
    let failure = || SftpFailure::new(Class::Unreachable, "The server has no address.");
    let mut opened = (Err(failure()), None);
    for address in addresses {
        let (judged, address, host_key) = (Some(vec![*address]), address.to_string(), host_key.clone());
        let endpoint = Endpoint { address, judged, port: settings.port, host_key, legacy: false };
        opened = open_sftp(&endpoint, login, &Limits::default()).await;
        let is_silent =
            |failure: &SftpFailure| matches!(failure.class, Class::Unreachable | Class::ConnectTimeout);
        if !opened.0.as_ref().is_err_and(is_silent) {
            break;
        }
    }
    opened
}

fn refused(failure: &SftpFailure, settings: &SftpSettings, key: Option<&HostKeySeen>) -> PlaceError {
    let SftpSettings { address, port, username, .. } = settings;
    match failure.class {
        Class::HostKeyChanged => PlaceError::permanent(format!(
            "The server shows another host key than the remembered one ({}). If it was replaced, accept its new key; if \
             not, somebody else may answer at its address.",
            key.map_or("none", |key| key.fingerprint.as_str())
        )),
        Class::AuthFailed => PlaceError::permanent(format!(
            "The server refuses the user {username}: check the name, and the password or the key."
        )),
        Class::AlgorithmMismatch => PlaceError::permanent(format!(
            "The server at {address} and this program have no SSH algorithm in common."
        )),
        Class::CommandRejected => {
            PlaceError::permanent(format!("The server gives the user {username} no SFTP; allow it there."))
        }
        Class::Unreachable | Class::ConnectTimeout => PlaceError::temporary(failure.message.clone()),
        _ => PlaceError::temporary(format!("The connection to {address} port {port} broke off.")),
    }
}

fn trouble(error: &SftpError, what: &str) -> PlaceError {
    match error {
        SftpError::Status(status) => match status.status_code {
            StatusCode::PermissionDenied => {
                PlaceError::permanent(format!("{what}: this user may not, on the server."))
            }
            StatusCode::NoSuchFile => {
                PlaceError::permanent(format!("{what}: it is not there, on the server."))
            }
            _ => {
                let said: String = status.error_message.chars().filter(|c| !misleads(*c)).take(120).collect();
                PlaceError::temporary(format!("{what}: the server says “{said}”."))
            }
        },
        SftpError::Timeout => PlaceError::temporary(format!("{what}: the server did not answer in time.")),
        _ => PlaceError::temporary(format!("{what}: the connection broke off.")),
    }
}
