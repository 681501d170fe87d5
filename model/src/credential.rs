//! Credentials as they cross the wire: secrets go in and never come out.

use serde::{Deserialize, Serialize};

use crate::field::{Fields, optional_text, short_text};
use crate::{CredentialId, Secret, Timestamp, UserError};

/// A credential as pages show it: no secret, only whether there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Row id.
    pub id: CredentialId,
    /// Unique.
    pub name: String,
    /// Tried for devices of this site; none: for every site, after the site's own.
    pub site: Option<String>,
    /// The login name.
    pub username: String,
    /// Whether a password is stored.
    pub has_password: bool,
    /// Whether an enable password is stored.
    pub has_enable: bool,
    /// Whether a private key is stored.
    pub has_key: bool,
    /// Devices that name it.
    pub devices: u64,
    /// While devices change from the previous secrets to new ones.
    pub rotation: Option<Rotation>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// How far a rotation is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// When the new secrets were set.
    pub since: Timestamp,
    /// Devices that took the credential when they were last logged in to.
    pub devices: u64,
    /// Those of them that took the new secrets.
    pub renewed: u64,
    /// Jump hosts that are logged in to with it and have not taken the new secrets yet, by name.
    pub jump_hosts: Vec<String>,
}

impl Rotation {
    /// Devices that were not yet seen to take the new secrets.
    pub fn waiting(&self) -> u64 {
        self.devices.saturating_sub(self.renewed)
    }
}

/// New secrets for a credential; what is empty stays as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewSecrets {
    /// The password.
    pub password: Secret,
    /// The enable (privileged mode) password.
    pub enable_password: Secret,
    /// A private key in OpenSSH or PEM form.
    pub private_key: Secret,
    /// The private key's passphrase.
    pub key_passphrase: Secret,
    /// What an appliance's API takes instead of a password: FortiOS' API token, PAN-OS' API key.
    pub api_token: Secret,
    /// What a device encrypts the backup with that it makes of itself.
    pub backup_passphrase: Secret,
}

impl NewSecrets {
    /// Whether there is none; a passphrase alone is none, for it belongs to its key.
    pub fn is_empty(&self) -> bool {
        let Self { password, enable_password, private_key, api_token, backup_passphrase, .. } = self;
        [password, enable_password, private_key, api_token, backup_passphrase]
            .into_iter()
            .all(Secret::is_empty)
    }
}

/// A credential as a person fills it in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CredentialInput {
    /// Unique; required.
    pub name: String,
    /// Empty: every site.
    pub site: String,
    /// The login name; required.
    pub username: String,
    /// Empty while editing: as it was.
    pub password: Secret,
    /// The enable (privileged mode) password. Empty while editing: as it was.
    pub enable_password: Secret,
    /// A private key in OpenSSH or PEM form. Empty while editing: as it was.
    pub private_key: Secret,
    /// The private key's passphrase.
    pub key_passphrase: Secret,
    /// FortiOS' API token or PAN-OS' API key. Empty while editing: as it was.
    pub api_token: Secret,
    /// What a device encrypts the backup with that it makes of itself. Empty while editing: as it was.
    pub backup_passphrase: Secret,
}

impl CredentialInput {
    /// Checks and trims the fields that are not secret; `name` and `username` are required.
    pub fn checked(mut self) -> Result<Self, UserError> {
        let mut fields = Fields::default();
        self.name = fields.check("name", short_text("The name", &self.name, 100)).unwrap_or_default();
        self.site = fields.check("site", optional_text("The site", &self.site, 100)).unwrap_or_default();
        self.username =
            fields.check("username", short_text("The user name", &self.username, 200)).unwrap_or_default();
        fields.finish()?;
        Ok(self)
    }
}
