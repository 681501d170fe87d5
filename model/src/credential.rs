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
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
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
