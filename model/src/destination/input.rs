//! A destination as a person fills it in, and what becomes of it.

use serde::{Deserialize, Serialize};

use super::settings::{
    DestinationSettings, FolderSettings, GitSettings, GitTexts, S3Settings, SftpSettings, WebdavSettings,
};
use super::{DestinationKind, KeepCopies};
use crate::field::{Fields, number, optional_text, short_text};
use crate::{Secret, UserError};

/// A destination as a person fills it in, every field a text. Which of them count follows the kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DestinationInput {
    /// Unique; required.
    pub name: String,
    /// `folder`, `s3`, `webdav`, `sftp` or `git`.
    pub kind: String,
    /// What becomes of copies whose archive is removed here: `retention` (they go as well) or `forever`; empty: the first.
    pub keep: String,
    /// Whether anything is sent to it.
    pub enabled: bool,
    /// Folder: absolute. SFTP: the folder there.
    pub path: String,
    /// S3: `https://…`; empty: Amazon's own.
    pub endpoint: String,
    /// S3: `us-east-1` when empty.
    pub region: String,
    /// S3: required.
    pub bucket: String,
    /// S3: begins the names of all objects.
    pub prefix: String,
    /// S3: the bucket is named in the path and not in the host name.
    pub path_style: bool,
    /// S3: how the server encrypts: `AES256`, `aws:kms`, or empty.
    pub sse: String,
    /// S3: the key for `aws:kms`.
    pub kms_key_id: String,
    /// S3: required.
    pub access_key_id: String,
    /// S3: empty while editing: as it was.
    pub secret_access_key: Secret,
    /// WebDAV: the folder, required. Git: the remote, or empty.
    pub url: String,
    /// SFTP: IP address or host name; required.
    pub address: String,
    /// SFTP: 22 when empty.
    pub port: String,
    /// WebDAV, SFTP (required) and Git.
    pub username: String,
    /// WebDAV, SFTP and Git (there also a token). Empty while editing: as it was.
    pub password: Secret,
    /// SFTP and Git: in OpenSSH or PEM form. Empty while editing: as it was.
    pub private_key: Secret,
    /// Opens `private_key` where it is encrypted.
    pub key_passphrase: Secret,
    /// Git: `main` when empty.
    pub branch: String,
    /// Git: `redacted` or `whole`; the first when empty.
    pub texts: String,
    /// All but folders: whether it may be in a private network.
    pub own_network: bool,
}

impl Default for DestinationInput {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: DestinationKind::Folder.as_str().to_owned(),
            keep: KeepCopies::default().as_str().to_owned(),
            enabled: true,
            path: String::new(),
            endpoint: String::new(),
            region: String::new(),
            bucket: String::new(),
            prefix: String::new(),
            path_style: false,
            sse: String::new(),
            kms_key_id: String::new(),
            access_key_id: String::new(),
            secret_access_key: Secret::default(),
            url: String::new(),
            address: String::new(),
            port: String::new(),
            username: String::new(),
            password: Secret::default(),
            private_key: Secret::default(),
            key_passphrase: Secret::default(),
            branch: String::new(),
            texts: GitTexts::default().as_str().to_owned(),
            own_network: false,
        }
    }
}

/// Everything secret of a destination; what its kind does not need is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DestinationSecrets {
    /// S3.
    pub secret_access_key: Secret,
    /// WebDAV, SFTP, Git.
    pub password: Secret,
    /// SFTP, Git.
    pub private_key: Secret,
    /// Opens the key.
    pub key_passphrase: Secret,
}

impl DestinationSecrets {
    /// These, and where one is empty the one of `before`. A passphrase belongs to its key.
    #[must_use]
    pub fn or(self, before: &Self) -> Self {
        let or = |new: Secret, old: &Secret| if new.is_empty() { old.clone() } else { new };
        let key_passphrase = if self.private_key.is_empty() {
            or(self.key_passphrase, &before.key_passphrase)
        } else {
            self.key_passphrase
        };
        Self {
            secret_access_key: or(self.secret_access_key, &before.secret_access_key),
            password: or(self.password, &before.password),
            private_key: or(self.private_key, &before.private_key),
            key_passphrase,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        let Self { secret_access_key, password, private_key, key_passphrase } = self;
        [secret_access_key, password, private_key, key_passphrase].into_iter().all(Secret::is_empty)
    }
}

/// A destination ready to be stored. The engine still looks at keys and folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDestination {
    /// Unique.
    pub name: String,
    /// Where it is.
    pub settings: DestinationSettings,
    /// Those that were given; the others stay as they were.
    pub secrets: DestinationSecrets,
    /// Whether copies stay for longer than their archives.
    pub keep: KeepCopies,
    /// Whether anything is sent to it.
    pub enabled: bool,
}

impl DestinationInput {
    /// Checks every field that the kind needs; the error names each wrong one.
    pub fn parse(&self) -> Result<NewDestination, UserError> {
        let mut fields = Fields::default();
        let name = fields.check("name", short_text("The name", &self.name, 100));
        let keep = match self.keep.trim() {
            "" => Some(KeepCopies::default()),
            keep => fields.check("keep", KeepCopies::parse(keep)),
        };
        let settings = match fields.check("kind", DestinationKind::parse(&self.kind)) {
            Some(DestinationKind::Folder) => self.folder(&mut fields).map(DestinationSettings::Folder),
            Some(DestinationKind::S3) => self.s3(&mut fields).map(DestinationSettings::S3),
            Some(DestinationKind::Webdav) => self.webdav(&mut fields).map(DestinationSettings::Webdav),
            Some(DestinationKind::Sftp) => self.sftp(&mut fields).map(DestinationSettings::Sftp),
            Some(DestinationKind::Git) => self.git(&mut fields).map(DestinationSettings::Git),
            None => None,
        };
        fields.finish()?;
        match (name, keep, settings) {
            (Some(name), Some(keep), Some(settings)) => {
                let secrets = self.secrets(settings.kind());
                Ok(NewDestination { name, settings, secrets, keep, enabled: self.enabled })
            }
            // Whatever is missing here was named above.
            _ => Err(UserError::invalid("Fill in where the destination is.")),
        }
    }

    /// Those that the kind has a use for.
    fn secrets(&self, kind: DestinationKind) -> DestinationSecrets {
        let mut secrets = DestinationSecrets::default();
        match kind {
            DestinationKind::Folder => {}
            DestinationKind::S3 => secrets.secret_access_key = self.secret_access_key.clone(),
            DestinationKind::Webdav => secrets.password = self.password.clone(),
            DestinationKind::Sftp | DestinationKind::Git => {
                secrets.password = self.password.clone();
                secrets.private_key = self.private_key.clone();
                secrets.key_passphrase = self.key_passphrase.clone();
            }
        }
        secrets
    }

    fn folder(&self, fields: &mut Fields) -> Option<FolderSettings> {
        let path = fields.check("path", short_text("The folder", &self.path, 1000))?;
        if !path.starts_with('/') || has_dots(&path) {
            fields
                .wrong("path", "Name the folder from the root on, such as /mnt/nas/backups, without \"..\".");
        }
        Some(FolderSettings { path })
    }

    fn s3(&self, fields: &mut Fields) -> Option<S3Settings> {
        let endpoint = match self.endpoint.trim() {
            "" => None,
            url => fields.check("endpoint", http_url("The endpoint", url)),
        };
        let region = fields.check("region", optional_text("The region", &self.region, 100));
        let bucket = fields.check("bucket", short_text("The bucket", &self.bucket, 255));
        if bucket.as_ref().is_some_and(|bucket| bucket.contains('/')) {
            fields.wrong("bucket", "The bucket's name has no slash; what comes behind it is the prefix.");
        }
        let prefix = fields.check("prefix", optional_text("The prefix", &self.prefix, 500));
        if prefix.as_deref().is_some_and(has_dots) {
            fields.wrong("prefix", "The prefix has no \"..\" in it.");
        }
        let encryption = match self.sse.trim() {
            "" => None,
            sse if sse.eq_ignore_ascii_case("AES256") => Some("AES256".to_owned()),
            sse if sse.eq_ignore_ascii_case("aws:kms") => Some("aws:kms".to_owned()),
            _ => {
                fields.wrong("sse", "The server encrypts by AES256 or by aws:kms; leave it empty otherwise.");
                None
            }
        };
        let kms = fields.check("kms_key_id", optional_text("The key's id", &self.kms_key_id, 500));
        let kms_key_id = kms.filter(|id| !id.is_empty());
        if kms_key_id.is_some() && encryption.as_deref() != Some("aws:kms") {
            fields.wrong("kms_key_id", "A key's id goes with the encryption aws:kms.");
        }
        let access_key_id =
            fields.check("access_key_id", short_text("The access key's id", &self.access_key_id, 200));
        Some(S3Settings {
            endpoint,
            region: region.filter(|region| !region.is_empty()).unwrap_or_else(|| "us-east-1".to_owned()),
            bucket: bucket?,
            prefix: prefix?.trim_matches('/').to_owned(),
            path_style: self.path_style,
            encryption,
            kms_key_id,
            access_key_id: access_key_id?,
            own_network: self.own_network,
        })
    }

    fn webdav(&self, fields: &mut Fields) -> Option<WebdavSettings> {
        let url = fields.check("url", http_url("The address", &self.url));
        let username = fields.check("username", optional_text("The user name", &self.username, 200));
        Some(WebdavSettings { url: url?, username: unless_empty(username?), own_network: self.own_network })
    }

    fn sftp(&self, fields: &mut Fields) -> Option<SftpSettings> {
        let address = fields.check("address", short_text("The address", &self.address, 253));
        if address.as_ref().is_some_and(|address| address.contains(['/', '@', ' '])) {
            fields.wrong("address", "The address is an IP address or a host name, nothing else.");
        }
        let port = fields.check("port", number("The port", &self.port, 1..=65_535, Some(22)));
        let username = fields.check("username", short_text("The user name", &self.username, 200));
        let path = fields.check("path", optional_text("The folder", &self.path, 1000));
        if path.as_deref().is_some_and(has_dots) {
            fields.wrong("path", "The folder has no \"..\" in it.");
        }
        Some(SftpSettings {
            address: address?,
            port: u16::try_from(port?).ok()?,
            username: username?,
            path: path?,
            own_network: self.own_network,
        })
    }

    fn git(&self, fields: &mut Fields) -> Option<GitSettings> {
        let url = fields.check("url", optional_text("The remote", &self.url, 1000))?;
        let is_web = url.starts_with("https://") || url.starts_with("http://");
        let is_ssh = url.starts_with("ssh://") || (!url.contains("://") && url.contains(':'));
        let is_folder = url.starts_with('/') || url.starts_with("file:///");
        if !url.is_empty() && !is_web && !is_ssh && !is_folder {
            let message = "The remote begins with https:// or ssh://, is written user@host:path, or is a folder's path.";
            fields.wrong("url", message);
        }
        if is_web && authority(&url).contains('@') {
            fields
                .wrong("url", "Put the user name and the token into their own fields, not into the address.");
        } else if is_web && url.contains(['?', '#']) {
            fields.wrong("url", "The remote is only a host and a path; a token has a field of its own.");
        } else if is_ssh && has_password(&url) {
            fields.wrong("url", "The remote has a password in it; that has a field of its own.");
        }
        let branch = fields.check("branch", optional_text("The branch", &self.branch, 200))?;
        let branch = if branch.is_empty() { "main".to_owned() } else { branch };
        let is_odd = |c: char| c.is_whitespace() || "~^:?*[\\".contains(c);
        if branch.contains(is_odd) || has_dots(&branch) || branch.starts_with(['-', '/']) {
            fields.wrong("branch", "This is no name of a branch.");
        }
        let username = fields.check("username", optional_text("The user name", &self.username, 200));
        let texts = match self.texts.trim() {
            "" => Some(GitTexts::default()),
            texts => fields.check("texts", GitTexts::parse(texts)),
        };
        Some(GitSettings {
            url: unless_empty(url),
            branch,
            username: unless_empty(username?),
            texts: texts?,
            own_network: self.own_network,
        })
    }
}

/// A text, unless it is empty.
fn unless_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn has_dots(path: &str) -> bool {
    path.split('/').any(|piece| piece == "..")
}

/// What stands between `://` and the next slash.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

/// Whether what stands in front of the `@` of an SSH address is more than a name. `user:secret@host:path` is none as Git
/// reads it, and is typed all the same.
fn has_password(url: &str) -> bool {
    let begin = match url.split_once("://") {
        Some(_) => authority(url),
        None => url.split('/').next().unwrap_or_default(),
    };
    begin.rsplit_once('@').is_some_and(|(login, _)| login.contains(':'))
}

/// An address of the web without a login, a query or an anchor in it; without the slash at its end.
fn http_url(what: &str, url: &str) -> Result<String, String> {
    let url = short_text(what, url, 1000)?;
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    if !is_web || authority(&url).is_empty() {
        return Err(format!("{what} begins with https:// (or http:// in a network that you trust)."));
    }
    if authority(&url).contains('@') {
        return Err(format!("{what} has no login in it; that has fields of its own."));
    }
    if url.contains(['?', '#', ' ', '"', '\\']) || has_dots(&url) {
        return Err(format!("{what} is only a host and a path."));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(change: impl FnOnce(&mut DestinationInput)) -> Vec<String> {
        let mut input = DestinationInput { name: "NAS".into(), ..DestinationInput::default() };
        change(&mut input);
        input.parse().unwrap_err().fields.into_iter().map(|error| error.field).collect()
    }

    fn mirror(url: &str) -> DestinationInput {
        DestinationInput {
            name: "Texts".into(),
            kind: "git".into(),
            url: url.into(),
            ..DestinationInput::default()
        }
    }

    #[test]
    fn each_kind_asks_for_what_it_needs_and_for_nothing_else() {
        let kind = |kind: &'static str| move |input: &mut DestinationInput| kind.clone_into(&mut input.kind);
        assert_eq!(wrong(kind("folder")), ["path"]);
        assert_eq!(wrong(kind("s3")), ["bucket", "access_key_id"]);
        assert_eq!(wrong(kind("webdav")), ["url"]);
        assert_eq!(wrong(kind("sftp")), ["address", "username"]);
        assert_eq!(wrong(kind("ftp")), ["kind"]);
        let git = DestinationInput { name: "Git".into(), kind: "git".into(), ..DestinationInput::default() };
        let DestinationSettings::Git(git) = git.parse().unwrap().settings else { panic!("it is a mirror") };
        assert_eq!((git.url, git.branch.as_str(), git.texts), (None, "main", GitTexts::Redacted));
    }

    #[test]
    fn an_address_that_holds_a_login_or_leads_elsewhere_is_refused() {
        for url in
            ["ftp://nas", "https://", "https://ada:secret@nas/dav", "https://nas/dav?x=1", "https://nas/../x"]
        {
            let fields = wrong(|input| {
                "webdav".clone_into(&mut input.kind);
                url.clone_into(&mut input.url);
            });
            assert_eq!(fields, ["url"], "{url}");
        }
        for url in [
            "https://ada:secret@git/x.git",
            "https://git/x.git?private_token=secret",
            "https://git/x.git#secret",
            "ssh://ada:secret@git/x.git",
            "ada:secret@git:x.git",
        ] {
            let error = mirror(url).parse().unwrap_err();
            assert!(
                error.field("url").is_some_and(|message| !message.contains("secret")),
                "{url}: {error:?}"
            );
        }
        for url in ["git@git:team/x.git", "git:x.git", "ssh://git@git:2222/~team/x.git", "https://git/x.git"]
        {
            assert!(mirror(url).parse().is_ok(), "{url}");
        }
        for path in ["backups", "/mnt/../etc"] {
            assert_eq!(wrong(|input| path.clone_into(&mut input.path)), ["path"], "{path}");
        }
    }

    #[test]
    fn what_is_shown_of_a_destination_is_what_was_filled_in_but_for_its_secrets() {
        let input = DestinationInput {
            name: "Store".into(),
            kind: "s3".into(),
            endpoint: "https://s3.example/".into(),
            bucket: "configs".into(),
            prefix: "/vienna/".into(),
            path_style: true,
            access_key_id: "id".into(),
            secret_access_key: Secret::new("hunter2"),
            ..DestinationInput::default()
        };
        let new = input.parse().unwrap();
        assert_eq!(new.settings.words(), "configs/vienna at https://s3.example");
        assert!(!format!("{new:?} {input:?}").contains("hunter2"));
        let mut shown = DestinationInput::default();
        new.settings.fill(&mut shown);
        assert_eq!(
            (shown.bucket.as_str(), shown.prefix.as_str(), shown.path_style),
            ("configs", "vienna", true)
        );
        assert!(shown.secret_access_key.is_empty());
    }

    #[test]
    fn an_empty_secret_keeps_the_one_before_and_a_new_key_does_not_take_the_old_passphrase() {
        let before = DestinationSecrets {
            password: Secret::new("old"),
            private_key: Secret::new("key"),
            key_passphrase: Secret::new("opens"),
            ..DestinationSecrets::default()
        };
        assert_eq!(DestinationSecrets::default().or(&before), before);
        let new = DestinationSecrets { private_key: Secret::new("other"), ..DestinationSecrets::default() };
        let kept = new.or(&before);
        assert_eq!((kept.password.reveal(), kept.private_key.reveal()), ("old", "other"));
        assert!(kept.key_passphrase.is_empty());
    }
}
