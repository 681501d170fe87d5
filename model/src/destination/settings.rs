//! Where a destination is, kind by kind; everything that is not secret.

use serde::{Deserialize, Serialize};

use super::DestinationKind;
use super::input::DestinationInput;
use crate::field::by_name;

/// What a destination needs to be told, but for its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DestinationSettings {
    /// Another folder of this machine.
    Folder(FolderSettings),
    /// A bucket.
    S3(S3Settings),
    /// A folder of a WebDAV server.
    Webdav(WebdavSettings),
    /// A folder of an SSH server.
    Sftp(SftpSettings),
    /// A repository of the texts.
    Git(GitSettings),
}

/// Another folder of this machine, such as a mounted share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderSettings {
    /// Absolute.
    pub path: String,
}

/// A bucket of an S3-compatible object store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct S3Settings {
    /// `https://…`; none: Amazon's own, of the region.
    pub endpoint: Option<String>,
    /// Such as `eu-central-1`; what most others take is `us-east-1`.
    pub region: String,
    /// The bucket's name.
    pub bucket: String,
    /// Begins the names of all objects; without a slash at its ends. May be empty.
    pub prefix: String,
    /// The bucket is named in the path and not in the host name.
    pub path_style: bool,
    /// How the server encrypts what it stores: `AES256` or `aws:kms`; none: as the bucket says.
    pub encryption: Option<String>,
    /// For `aws:kms`: which key; none: the account's own.
    pub kms_key_id: Option<String>,
    /// The access key's id.
    pub access_key_id: String,
    /// Whether it may be in a private network.
    #[serde(default = "as_before")]
    pub own_network: bool,
}

/// A folder of a WebDAV server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebdavSettings {
    /// `https://…`, the folder itself.
    pub url: String,
    /// For basic authentication; none: nobody is asked.
    pub username: Option<String>,
    /// Whether it may be in a private network.
    #[serde(default = "as_before")]
    pub own_network: bool,
}

/// A folder of an SSH server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SftpSettings {
    /// IP address or host name.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// The login name.
    pub username: String,
    /// The folder; one that does not begin with a slash is in the user's own. May be empty.
    pub path: String,
    /// Whether it may be in a private network.
    #[serde(default = "as_before")]
    pub own_network: bool,
}

/// A Git repository of the active texts, one commit a run; it is kept here and pushed where a remote is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitSettings {
    /// `https://…`, `ssh://…` or `user@host:path`; none: the mirror stays here.
    pub url: Option<String>,
    /// The branch that is written.
    pub branch: String,
    /// The login name, where the remote's address has none.
    pub username: Option<String>,
    /// Which texts.
    pub texts: GitTexts,
    /// Whether the remote may be in a private network.
    #[serde(default = "as_before")]
    pub own_network: bool,
}

/// Whoever made a destination before this was asked meant what they filled in.
fn as_before() -> bool {
    true
}

/// Which texts a Git mirror holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GitTexts {
    /// With secrets masked.
    #[default]
    Redacted,
    /// As the devices sent them.
    Whole,
}

impl GitTexts {
    /// Both.
    pub const ALL: &[Self] = &[Self::Redacted, Self::Whole];

    /// The name in the database, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Redacted => "redacted",
            Self::Whole => "whole",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Redacted => "With secrets masked",
            Self::Whole => "Whole, as the devices sent them",
        }
    }

    /// The choice of this name, in any case.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("choice of texts", name, Self::ALL, Self::as_str)
    }
}

impl DestinationSettings {
    /// What kind of place it is.
    pub fn kind(&self) -> DestinationKind {
        match self {
            Self::Folder(_) => DestinationKind::Folder,
            Self::S3(_) => DestinationKind::S3,
            Self::Webdav(_) => DestinationKind::Webdav,
            Self::Sftp(_) => DestinationKind::Sftp,
            Self::Git(_) => DestinationKind::Git,
        }
    }

    /// Whether it may be in a private network.
    pub fn own_network(&self) -> bool {
        match self {
            Self::Folder(_) => false,
            Self::S3(s3) => s3.own_network,
            Self::Webdav(webdav) => webdav.own_network,
            Self::Sftp(sftp) => sftp.own_network,
            Self::Git(git) => git.own_network,
        }
    }

    /// Where it is, for a person.
    pub fn words(&self) -> String {
        match self {
            Self::Folder(folder) => folder.path.clone(),
            Self::S3(s3) => {
                let slash = if s3.prefix.is_empty() { "" } else { "/" };
                let at = s3.endpoint.as_deref().unwrap_or("Amazon S3");
                format!("{}{slash}{} at {at}", s3.bucket, s3.prefix)
            }
            Self::Webdav(webdav) => webdav.url.clone(),
            Self::Sftp(SftpSettings { address, port, username, path, .. }) => {
                let place = if path.is_empty() { "its home" } else { path };
                match port {
                    22 => format!("{username}@{address}, {place}"),
                    port => format!("{username}@{address} port {port}, {place}"),
                }
            }
            Self::Git(git) => match &git.url {
                Some(url) => format!("{url}, branch {}", git.branch),
                None => format!("kept here, branch {}", git.branch),
            },
        }
    }

    /// Whether a stored secret may still be used with other settings: never with another server, which would learn it.
    pub fn is_same_place(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Folder(_), Self::Folder(_)) => true,
            (Self::S3(a), Self::S3(b)) => a.endpoint == b.endpoint,
            (Self::Webdav(a), Self::Webdav(b)) => a.url == b.url,
            (Self::Sftp(a), Self::Sftp(b)) => (&a.address, a.port) == (&b.address, b.port),
            (Self::Git(a), Self::Git(b)) => a.url == b.url,
            _ => false,
        }
    }

    /// Whether copies that were sent with these settings are where the other ones lead: the place itself, whoever logs in
    /// and however it is encrypted there.
    pub fn has_same_copies(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Folder(a), Self::Folder(b)) => folder(&a.path) == folder(&b.path),
            (Self::S3(a), Self::S3(b)) => {
                (&a.endpoint, &a.bucket, &a.prefix) == (&b.endpoint, &b.bucket, &b.prefix)
            }
            (Self::Webdav(a), Self::Webdav(b)) => a.url == b.url,
            (Self::Sftp(a), Self::Sftp(b)) => {
                // What does not begin at the root is in the user's own folder.
                let is_same_home = a.path.starts_with('/') || a.username == b.username;
                (&a.address, a.port, folder(&a.path)) == (&b.address, b.port, folder(&b.path)) && is_same_home
            }
            // A mirror is kept here, and all of it is pushed to wherever its remote is.
            (Self::Git(_), Self::Git(_)) => true,
            _ => false,
        }
    }

    /// Fills a form with it.
    pub(super) fn fill(&self, input: &mut DestinationInput) {
        input.own_network = self.own_network();
        match self.clone() {
            Self::Folder(folder) => input.path = folder.path,
            Self::S3(s3) => {
                input.endpoint = s3.endpoint.unwrap_or_default();
                input.region = s3.region;
                input.bucket = s3.bucket;
                input.prefix = s3.prefix;
                input.path_style = s3.path_style;
                input.sse = s3.encryption.unwrap_or_default();
                input.kms_key_id = s3.kms_key_id.unwrap_or_default();
                input.access_key_id = s3.access_key_id;
            }
            Self::Webdav(webdav) => {
                input.url = webdav.url;
                input.username = webdav.username.unwrap_or_default();
            }
            Self::Sftp(sftp) => {
                input.address = sftp.address;
                input.port = if sftp.port == 22 { String::new() } else { sftp.port.to_string() };
                input.username = sftp.username;
                input.path = sftp.path;
            }
            Self::Git(git) => {
                input.url = git.url.unwrap_or_default();
                input.branch = git.branch;
                input.username = git.username.unwrap_or_default();
                git.texts.as_str().clone_into(&mut input.texts);
            }
        }
    }
}

/// A folder, however many slashes are at the ends of its path: whether it begins at the root, and what follows.
fn folder(path: &str) -> (bool, &str) {
    (path.starts_with('/'), path.trim_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(kind: &str, change: impl FnOnce(&mut DestinationInput)) -> DestinationSettings {
        let mut input = DestinationInput {
            name: "NAS".into(),
            kind: kind.into(),
            path: "/copies".into(),
            bucket: "configs".into(),
            prefix: "vienna".into(),
            access_key_id: "id".into(),
            url: "https://nas/copies".into(),
            address: "nas".into(),
            username: "etiqa".into(),
            ..DestinationInput::default()
        };
        change(&mut input);
        input.parse().unwrap().settings
    }

    #[test]
    fn copies_are_where_they_were_unless_the_place_itself_is_another_one() {
        type Change = fn(&mut DestinationInput);
        let stays: [(&str, Change); 8] = [
            ("folder", |input| input.path = "/copies/".into()),
            ("s3", |input| input.access_key_id = "other".into()),
            ("s3", |input| input.path_style = true),
            ("s3", |input| input.region = "eu-central-1".into()),
            ("webdav", |input| input.username = "other".into()),
            ("sftp", |input| input.username = "other".into()),
            ("sftp", |input| input.path = "/copies/".into()),
            ("git", |input| input.url = "https://git.example/other.git".into()),
        ];
        for (kind, change) in stays {
            let before = settings(kind, |_| {});
            assert!(before.has_same_copies(&settings(kind, change)), "{kind}: {before:?}");
        }
        let moves: [(&str, Change); 9] = [
            ("folder", |input| input.path = "/copies2".into()),
            ("s3", |input| input.bucket = "other".into()),
            ("s3", |input| input.prefix = "graz".into()),
            ("s3", |input| input.endpoint = "https://s3.example".into()),
            ("webdav", |input| input.url = "https://nas/other".into()),
            ("sftp", |input| input.path = "copies".into()),
            ("sftp", |input| input.address = "other".into()),
            ("sftp", |input| input.port = "2222".into()),
            ("sftp", |input| input.path = "/".into()),
        ];
        for (kind, change) in moves {
            let before = settings(kind, |_| {});
            assert!(!before.has_same_copies(&settings(kind, change)), "{kind}: {before:?}");
        }
        let home = settings("sftp", |input| input.path = "copies".into());
        let others = settings("sftp", |input| {
            input.path = "copies".into();
            input.username = "other".into();
        });
        assert!(!home.has_same_copies(&others), "it is another one's own folder");
    }
}
