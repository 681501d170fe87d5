//! Sealing of secrets: XChaCha20-Poly1305 under the key of `secret.key`, bound to the row they belong to.
//!
//! A sealed secret is `1 | nonce (24 bytes) | ciphertext and tag`. The associated data names table and row, so that
//! a sealed value copied to another row does not open.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use etiqa_model::Secret;
use hmac::{Hmac, Mac};
use serde::Serialize;
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::hex::{from_hex, to_hex};

const FORMAT: u8 = 1;
const NONCE_BYTES: usize = 24;
const KEY_BYTES: usize = 32;
/// Of SHA-256.
const BLOCK_BYTES: usize = 64;
/// Bytes of secrets that are sealed together: a private key of 16,384 bits has 13 KiB.
const ROOM: usize = 64 << 10;
const NO_KEY: &str = "it does not hold a key of 64 hexadecimal digits";

/// Why a secret cannot be sealed or opened.
#[derive(Debug, Error)]
pub enum VaultError {
    /// The key file cannot be read or made.
    #[error(
        "The key file {path} cannot be used: {reason}. Put the right secret.key back, or name it with \
         ETIQA_SECRET_KEY_FILE."
    )]
    KeyFile {
        /// Where it was looked for.
        path: String,
        /// One clause.
        reason: String,
    },
    /// The database's secrets were sealed with another key.
    #[error(
        "The key file does not belong to this database: its secrets were sealed with another key. \
         Put the right secret.key back, or name it with ETIQA_SECRET_KEY_FILE."
    )]
    Foreign,
    /// Sealed with another key, for another row, or damaged.
    #[error("a sealed secret does not open: it is damaged or was sealed with another key")]
    Sealed,
}

/// Holds the key.
#[derive(Clone)]
pub struct Vault {
    cipher: XChaCha20Poly1305,
    signer: Arc<Signer>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("fingerprint", &self.signer.fingerprint).finish_non_exhaustive()
    }
}

/// Signs texts with a key of its own that is made of the vault's; it opens nothing.
pub struct Signer {
    fingerprint: String,
    key: Zeroizing<[u8; KEY_BYTES]>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

impl Signer {
    /// Names the vault's key without telling it.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Signs a text (HMAC-SHA-256, RFC 2104) as what it is, such as `audit checkpoint`; in hexadecimal digits.
    pub fn sign(&self, what: &str, text: &[u8]) -> String {
        to_hex(&self.mac_of(what, text).finalize().into_bytes())
    }

    /// Whether this key signed the text as what it is.
    pub fn has_signed(&self, what: &str, text: &[u8], signature: &str) -> bool {
        from_hex(signature).is_some_and(|given| self.mac_of(what, text).verify_slice(&given).is_ok())
    }

    fn mac_of(&self, what: &str, text: &[u8]) -> Hmac<Sha256> {
        mac(&*self.key, &[what.as_bytes(), &[0], text])
    }
}

impl Vault {
    /// Reads the key file; makes it (mode 0600) when it is missing and `may_create`.
    pub fn open(file: &Path, may_create: bool) -> Result<Self, VaultError> {
        let wrong = |reason: String| VaultError::KeyFile { path: file.display().to_string(), reason };
        let text = match fs::read_to_string(file) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound && may_create => {
                create_key_file(file).map_err(|error| wrong(error.to_string()))?
            }
            Err(error) => return Err(wrong(error.to_string())),
        };
        let key = key_bytes(&text).ok_or_else(|| wrong(NO_KEY.into()))?;
        Ok(Self::with_key(&key))
    }

    /// A vault with the key of a key file's text.
    pub fn from_text(text: &Secret) -> Result<Self, VaultError> {
        let wrong = || VaultError::KeyFile { path: "that was given".into(), reason: NO_KEY.into() };
        Ok(Self::with_key(&key_bytes(text.reveal()).ok_or_else(wrong)?))
    }

    fn with_key(key: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"etiqa key fingerprint");
        hash.update(key);
        let mut array = Zeroizing::new([0_u8; KEY_BYTES]);
        array.copy_from_slice(key);
        let mut signing = Zeroizing::new([0_u8; KEY_BYTES]);
        signing.copy_from_slice(&mac(key, &[b"etiqa signing key"]).finalize().into_bytes());
        Self {
            cipher: XChaCha20Poly1305::new((&*array).into()),
            signer: Arc::new(Signer { fingerprint: to_hex(&hash.finalize()[..16]), key: signing }),
        }
    }

    /// Names the key without telling it; kept in the database.
    pub fn fingerprint(&self) -> &str {
        &self.signer.fingerprint
    }

    /// What signs with this key.
    pub fn signer(&self) -> &Arc<Signer> {
        &self.signer
    }

    /// Seals a secret for one row, named like `credential:7`.
    pub fn seal(&self, row: &str, secret: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0_u8; NONCE_BYTES];
        rand::fill(&mut nonce);
        let payload = Payload { msg: secret, aad: row.as_bytes() };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| VaultError::Sealed)?;
        Ok([&[FORMAT][..], &nonce, &sealed].concat())
    }

    /// Seals several secrets at once, as JSON. No copy of them stays in memory: the buffer has room for all keys of usual
    /// length, and so never moves.
    pub fn seal_json(&self, row: &str, secrets: &impl Serialize) -> Result<Vec<u8>, VaultError> {
        let mut plain = Zeroizing::new(Vec::<u8>::with_capacity(ROOM));
        serde_json::to_writer(&mut *plain, secrets).map_err(|_| VaultError::Sealed)?;
        self.seal(row, &plain)
    }

    /// Opens what was sealed for the same row.
    pub fn open_sealed(&self, row: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (&format, rest) = sealed.split_first().ok_or(VaultError::Sealed)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::Sealed)?;
        if format != FORMAT {
            return Err(VaultError::Sealed);
        }
        let payload = Payload { msg: text, aad: row.as_bytes() };
        let opened = self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| VaultError::Sealed)?;
        Ok(Zeroizing::new(opened))
    }
}

/// A key shorter than a block of the hash is filled up with zeros (RFC 2104, section 2).
fn mac(key: &[u8], pieces: &[&[u8]]) -> Hmac<Sha256> {
    let mut block = Zeroizing::new([0_u8; BLOCK_BYTES]);
    block[..KEY_BYTES].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    for piece in pieces {
        mac.update(piece);
    }
    mac
}

fn key_bytes(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    from_hex(text.trim()).map(Zeroizing::new).filter(|key| key.len() == KEY_BYTES)
}

/// Makes a key in a new file (mode 0600); it is on the disk when this returns.
pub(crate) fn create_key_file(file: &Path) -> io::Result<Zeroizing<String>> {
    let mut key = Zeroizing::new([0_u8; KEY_BYTES]);
    rand::fill(&mut *key);
    let text = Zeroizing::new(to_hex(&*key));
    write_key_file(file, &Secret::new(text.as_str()))?;
    Ok(text)
}

/// Writes a key into a new file (mode 0600); it is on the disk when this returns.
pub(crate) fn write_key_file(file: &Path, key: &Secret) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut created = options.open(file)?;
    created.write_all(key.reveal().trim().as_bytes())?;
    created.write_all(b"\n")?;
    created.sync_all()?;
    crate::files::sync_folder(crate::files::folder_of(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_only_for_its_own_row_and_key() {
        let vault = Vault::with_key(&[7; KEY_BYTES]);
        let sealed = vault.seal("credential:1", b"hunter2").unwrap();
        assert_eq!(&*vault.open_sealed("credential:1", &sealed).unwrap(), b"hunter2");
        assert!(vault.open_sealed("credential:2", &sealed).is_err());
        assert!(Vault::with_key(&[8; KEY_BYTES]).open_sealed("credential:1", &sealed).is_err());
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let vault = Vault::with_key(&[7; KEY_BYTES]);
        let sealed = vault.seal("credential:1", b"hunter2").unwrap();
        for index in 0..sealed.len() {
            let mut broken = sealed.clone();
            broken[index] ^= 1;
            assert!(vault.open_sealed("credential:1", &broken).is_err(), "byte {index}");
        }
    }

    #[test]
    fn a_signature_is_of_one_text_as_one_thing_by_one_key() {
        let (vault, other) = (Vault::with_key(&[7; KEY_BYTES]), Vault::with_key(&[8; KEY_BYTES]));
        let (vault, other) = (vault.signer(), other.signer());
        let signature = vault.sign("checkpoint", b"17");
        assert!(vault.has_signed("checkpoint", b"17", &signature));
        assert!(!vault.has_signed("checkpoint", b"18", &signature));
        assert!(!vault.has_signed("another", b"17", &signature));
        assert!(!other.has_signed("checkpoint", b"17", &signature));
        assert!(!vault.has_signed("checkpoint", b"17", "no signature"));
    }

    #[test]
    fn a_key_file_is_made_once_and_readable_only_by_its_owner() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret.key");
        let first = Vault::open(&file, true).unwrap();
        let second = Vault::open(&file, true).unwrap();
        assert_eq!(first.fingerprint(), second.fingerprint());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_key_file_with_something_else_in_it_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret.key");
        fs::write(&file, "not a key").unwrap();
        assert!(Vault::open(&file, true).unwrap_err().to_string().contains("64 hexadecimal digits"));
    }
}
