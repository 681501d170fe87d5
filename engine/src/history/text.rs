//! Texts as they are stored: zstd, addressed by the SHA-256 of the plain text.

use std::io;

use etiqa_model::UserError;
use tokio::task::spawn_blocking;

use crate::db::Db;
use crate::error::{Error, Result};
use crate::hex::sha256_hex;
use crate::store::config_version::text_fetch;

/// zstd's default: a config shrinks to a tenth, at hundreds of megabytes a second.
const LEVEL: i32 = 3;
/// No stored text unpacks to more; a larger one was tampered with.
const LARGEST: usize = 1 << 30;

/// A text ready to be stored.
#[derive(Debug, Clone)]
pub struct PackedText {
    /// SHA-256 of the plain text, lower-case hex.
    pub sha256: String,
    /// Bytes of the plain text.
    pub size_bytes: u64,
    /// The compressed text.
    pub zstd: Vec<u8>,
}

/// Compresses a text.
pub fn pack(text: &str) -> Result<PackedText> {
    let mut zstd = zstd::bulk::compress(text.as_bytes(), LEVEL).map_err(Error::io("compressing a text"))?;
    // It was given room for a text that does not shrink, and may have to wait for its write.
    zstd.shrink_to_fit();
    Ok(PackedText { sha256: sha256_hex(text.as_bytes()), size_bytes: text.len() as u64, zstd })
}

/// The text of a compressed one.
pub fn unpack(packed: &[u8]) -> Result<String> {
    let bytes = unpack_bytes(packed).map_err(Error::io("unpacking a text"))?;
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// The bytes of a compressed text.
pub(crate) fn unpack_bytes(packed: &[u8]) -> io::Result<Vec<u8>> {
    let size = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten().unwrap_or(0);
    let capacity = usize::try_from(size).unwrap_or(LARGEST).min(LARGEST);
    zstd::bulk::decompress(packed, capacity)
}

/// Reads a stored text.
pub async fn text_read(db: &Db, sha256: &str) -> Result<String> {
    let packed = text_fetch(db, sha256).await?.ok_or_else(|| UserError::not_found("text of this version"))?;
    off_runtime("unpacking a text", move || unpack(&packed)).await
}

/// Does what computes for long off the runtime's threads.
pub(crate) async fn off_runtime<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    spawn_blocking(work).await.map_err(|error| Error::io(what)(io::Error::other(error)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back_as_it_was() {
        for text in ["", "hostname r1\n", &"interface\n".repeat(100_000)] {
            assert_eq!(unpack(&pack(text).unwrap().zstd).unwrap(), text);
        }
    }
}
