//! The backup files that a device makes: archives of any size, which nobody holds in memory.
//!
//! A file is a function of the device's seed and of how many it made before, so any part of it can be read at any time,
//! and no two of a device are equal.

mod archive;
mod noise;

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use archive::Archive;
use noise::Noise;

/// How much of a file is looked at in one go.
pub(crate) const PIECE: usize = 64 * 1024;

/// What a backup file is to be.
pub(crate) struct Recipe {
    /// What distinguishes it from others.
    pub(crate) seed: u64,
    /// About how many bytes it has.
    pub(crate) size: u64,
    /// The readable file within the archive.
    pub(crate) path: &'static str,
    /// That file's text.
    pub(crate) text: Arc<str>,
    /// Whether the device sees to it that nobody reads it, or spoils it.
    pub(crate) form: Form,
}

/// The form of a backup file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A `.tar.gz`.
    Archive,
    /// The first half of one.
    HalfArchive,
    /// What GnuPG makes of a file with a passphrase.
    Encrypted,
    /// Nothing that has a form.
    Noise,
}

/// A backup file.
pub(crate) struct Artifact {
    bytes: Bytes,
    size: u64,
    sha256: String,
}

enum Bytes {
    Archive(Archive),
    Noise(Noise),
}

/// How a message that is encrypted with a passphrase begins, RFC 4880 sections 5.3 and 5.13: a session key packet
/// (AES-256, salted and iterated SHA-512; the salt comes from elsewhere), then an integrity protected data packet.
const OPENPGP_HEAD: &[u8] = &[
    0x8c, 0x0d, 0x04, 0x09, 0x03, 0x0a, 0x5a, 0x1c, 0x77, 0xe3, 0x42, 0x90, 0x6b, 0xf8, 0xff, 0xd2, 0xec,
    0x01,
];

impl Artifact {
    /// Makes the file. It takes a while where the file is big, since its checksums are made.
    pub(crate) fn make(recipe: &Recipe) -> Self {
        let mut size = recipe.size;
        let bytes = match recipe.form {
            Form::Archive | Form::HalfArchive => {
                let archive = Archive::new(recipe);
                size = archive.size();
                if recipe.form == Form::HalfArchive {
                    size /= 2;
                }
                Bytes::Archive(archive)
            }
            Form::Encrypted => Bytes::Noise(Noise::new(recipe.seed, OPENPGP_HEAD)),
            Form::Noise => Bytes::Noise(Noise::new(recipe.seed, b"")),
        };
        let mut artifact = Self { bytes, size, sha256: String::new() };
        artifact.sha256 = artifact.hashed();
        artifact
    }

    /// How many bytes it has.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Its SHA-256 in lower-case hexadecimal.
    pub(crate) fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The bytes from `at` on, at most `limit` and at most [`PIECE`] of them; none at the end.
    pub(crate) fn read(&self, at: u64, limit: u64) -> Vec<u8> {
        let count = self.size.saturating_sub(at).min(limit).min(PIECE as u64);
        let mut piece = vec![0; count as usize];
        match &self.bytes {
            Bytes::Archive(archive) => archive.read(at, &mut piece),
            Bytes::Noise(noise) => noise.read(at, &mut piece),
        }
        piece
    }

    fn hashed(&self) -> String {
        let mut hasher = Sha256::new();
        let mut at = 0;
        while at < self.size {
            let piece = self.read(at, u64::MAX);
            hasher.update(&piece);
            at += piece.len() as u64;
        }
        hex(&hasher.finalize())
    }
}

/// The SHA-256 of `bytes` in lower-case hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn recipe(size: u64, form: Form) -> Recipe {
        Recipe { seed: 7, size, path: "config/bigip.conf", text: "hostname lb\n".into(), form }
    }

    fn whole(artifact: &Artifact) -> Vec<u8> {
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < artifact.size() {
            // Pieces of an odd length: a part is the same whatever was read before it.
            bytes.extend(artifact.read(bytes.len() as u64, 4_999));
        }
        bytes
    }

    #[test]
    fn an_archive_unpacks_and_holds_the_text() {
        for size in [0, 10_000, 300 * 1024, 3_000_000] {
            let artifact = Artifact::make(&recipe(size, Form::Archive));
            let bytes = whole(&artifact);
            assert_eq!(sha256(&bytes), artifact.sha256());
            let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
            let mut entries = archive.entries().unwrap();
            let mut text = String::new();
            entries.next().unwrap().unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "hostname lb\n");
            let mut rest = Vec::new();
            entries.next().unwrap().unwrap().read_to_end(&mut rest).unwrap();
            assert!(entries.next().is_none());
            assert!(
                size < 10_000 || artifact.size().abs_diff(size) < 3_000,
                "{} for {size}",
                artifact.size()
            );
        }
    }

    #[test]
    fn the_rest_of_a_half_archive_is_missed() {
        let bytes = whole(&Artifact::make(&recipe(100_000, Form::HalfArchive)));
        let mut decoder = flate2::read::GzDecoder::new(bytes.as_slice());
        assert!(decoder.read_to_end(&mut Vec::new()).is_err());
    }

    #[test]
    fn an_encrypted_file_is_no_gzip_and_of_the_asked_size() {
        let artifact = Artifact::make(&recipe(100_000, Form::Encrypted));
        let bytes = whole(&artifact);
        assert_eq!((artifact.size(), &bytes[..4]), (100_000, [0x8c, 0x0d, 0x04, 0x09].as_slice()));
    }
}
