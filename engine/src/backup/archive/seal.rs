//! How an archive is sealed, and what opens it again.
//!
//! A passphrase makes a zip whose entries are encrypted by AES-256 (WinZip's AE-2,
//! <https://www.winzip.com/en/support/aes-encryption/>); names and sizes of entries stay readable. Recipients make an
//! age file (<https://age-encryption.org/v1>) around the whole zip, which only their identities open.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::Arc;

use etiqa_model::Secret;

/// How an archive is sealed.
#[derive(Debug, Clone, Default)]
pub enum Seal {
    /// Everybody who has the file can read it.
    #[default]
    None,
    /// AES-256 under a passphrase.
    Passphrase(Secret),
    /// For the holders of some keys alone.
    Recipients(Vec<Recipient>),
}

/// Whoever holds the other half of this key can open what is sealed for it.
#[derive(Clone)]
pub struct Recipient {
    text: String,
    key: Arc<dyn age::Recipient + Send + Sync>,
}

impl Recipient {
    /// Reads `age1…`, `ssh-ed25519 …` or `ssh-rsa …`; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
            return Err(
                "This is the secret half of a key: keep it to yourself, and give the line that begins with \
                        age1."
                    .into(),
            );
        }
        let key: Arc<dyn age::Recipient + Send + Sync> = if text.starts_with("age1") {
            let key = age::x25519::Recipient::from_str(text).map_err(|_| {
                format!("\"{text}\" is no age recipient: a letter of it is wrong or missing.")
            })?;
            Arc::new(key)
        } else if text.starts_with("ssh-") {
            let key = age::ssh::Recipient::from_str(text).map_err(|_| {
                "This SSH key cannot be a recipient: give a whole ssh-ed25519 or ssh-rsa public key."
                    .to_owned()
            })?;
            Arc::new(key)
        } else {
            return Err(format!(
                "\"{text}\" is no recipient: give an age1… key, or an ssh-ed25519 or ssh-rsa public key."
            ));
        };
        Ok(Self { text: text.to_owned(), key })
    }

    /// As a person wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recipient").field(&self.text).finish()
    }
}

/// Seals what is written through it for `recipients` and for `witness`, who reads it back once.
pub(super) fn sealing<W: Write>(
    recipients: &[Recipient],
    witness: &Witness,
    output: W,
) -> io::Result<age::stream::StreamWriter<W>> {
    let witness = witness.0.to_public();
    let all = recipients.iter().map(|recipient| &*recipient.key as &dyn age::Recipient);
    let all = all.chain(std::iter::once(&witness as &dyn age::Recipient));
    age::Encryptor::with_recipients(all).map_err(io::Error::other)?.wrap_output(output)
}

/// A key that lives as long as one archive is being made: it reads back what was sealed for others, and is then
/// forgotten, so that nobody but these can open it.
#[derive(Clone)]
pub(crate) struct Witness(age::x25519::Identity);

impl Witness {
    pub(crate) fn new() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// As a key to read with.
    pub(crate) fn key(&self) -> Key {
        Key::Identities(Arc::new(vec![Box::new(self.0.clone())]))
    }
}

/// What opens an archive.
#[derive(Clone, Default)]
pub enum Key {
    /// Nothing is needed.
    #[default]
    None,
    /// A passphrase.
    Passphrase(Secret),
    /// Identities, of which one fits.
    Identities(Arc<Vec<Box<dyn age::Identity + Send + Sync>>>),
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "Key::None",
            Self::Passphrase(_) => "Key::Passphrase(…)",
            Self::Identities(_) => "Key::Identities(…)",
        })
    }
}

impl Key {
    /// Reads an identity file: one of `age-keygen`, or an OpenSSH private key, whose own passphrase may be given.
    pub fn from_identity_file(text: &Secret, passphrase: Option<Secret>) -> Result<Self, String> {
        let text = text.reveal();
        if text.contains("-----BEGIN") {
            let identity = age::ssh::Identity::from_buffer(text.as_bytes(), None)
                .map_err(|_| "The identity file holds no SSH key that can be read.".to_owned())?;
            return match (&identity, &passphrase) {
                (age::ssh::Identity::Unsupported(_), _) => {
                    Err("This kind of SSH key opens nothing: use an ed25519 or RSA key.".into())
                }
                (age::ssh::Identity::Encrypted(_), None) => {
                    Err("The SSH key of the identity file is locked: give its passphrase with \
                         --passphrase-stdin."
                        .into())
                }
                _ => Ok(Self::Identities(Arc::new(vec![Box::new(
                    identity.with_callbacks(Answer(passphrase.unwrap_or_default())),
                )]))),
            };
        }
        let mut identities: Vec<Box<dyn age::Identity + Send + Sync>> = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let identity = age::x25519::Identity::from_str(line)
                .map_err(|_| "The identity file has a line that is no AGE-SECRET-KEY-1… key.".to_owned())?;
            identities.push(Box::new(identity));
        }
        if identities.is_empty() {
            return Err("The identity file holds no key.".into());
        }
        Ok(Self::Identities(Arc::new(identities)))
    }
}

/// Answers the one question that age asks of a locked SSH key.
#[derive(Clone)]
struct Answer(Secret);

impl age::Callbacks for Answer {
    fn display_message(&self, _message: &str) {}

    fn confirm(&self, _message: &str, _yes: &str, _no: Option<&str>) -> Option<bool> {
        None
    }

    fn request_public_string(&self, _description: &str) -> Option<String> {
        None
    }

    fn request_passphrase(&self, _description: &str) -> Option<age::secrecy::SecretString> {
        Some(self.0.reveal().to_owned().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_key_given_as_a_recipient_is_sent_back_without_being_repeated() {
        let secret = "AGE-SECRET-KEY-1QQPQYUMQT6J8WZ9LXM0VEYVUN6KD0JH5Y2WKNZ7NZHV9AZJ7VVDQS3TTTT";
        let refused = Recipient::parse(secret).unwrap_err();
        assert!(refused.contains("secret half"), "{refused}");
        assert!(!refused.contains("QQPQYUM"), "{refused}");
    }

    #[test]
    fn what_is_no_recipient_is_refused_with_a_sentence() {
        for wrong in ["age1nonsense", "ssh-ed25519 AAAA", "somebody@example.net", ""] {
            assert!(Recipient::parse(wrong).unwrap_err().ends_with('.'), "{wrong}");
        }
    }
}
