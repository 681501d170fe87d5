//! A file on its way in: written and hashed piece by piece, never whole in memory, and gone again unless it is kept.

use std::io;
use std::path::{Path, PathBuf};

use etiqa_model::class::Class;
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

use crate::collect::failure::{Failure, Step};
use crate::hex::to_hex;

/// A file under a name of its own in the folder where it may be kept.
#[derive(Debug)]
pub struct Incoming {
    path: PathBuf,
    file: File,
    hash: Sha256,
    size: u64,
    limit: u64,
}

/// A whole file on the disk, not named yet; removed when it is dropped.
#[derive(Debug)]
pub struct Received {
    /// Where it is.
    pub path: PathBuf,
    /// The SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub size_bytes: u64,
}

impl Drop for Received {
    fn drop(&mut self) {
        // Kept ones were renamed.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Incoming {
    /// Begins a file in `folder` that may grow to `limit` bytes.
    pub async fn create(folder: &Path, limit: u64) -> io::Result<Self> {
        let mut unique = [0_u8; 16];
        rand::fill(&mut unique);
        let path = folder.join(format!("{INCOMING_PREFIX}{}", to_hex(&unique)));
        let mut options = File::options();
        options.create_new(true).write(true);
        #[cfg(unix)]
        options.mode(0o600);
        let file = options.open(&path).await?;
        Ok(Self { path, file, hash: Sha256::new(), size: 0, limit })
    }

    /// Bytes so far.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Puts the next piece to it.
    pub(crate) async fn write(&mut self, piece: &[u8]) -> Step<()> {
        self.size += piece.len() as u64;
        if self.size > self.limit {
            let message = format!("The file is larger than the limit of {} bytes.", self.limit);
            return Err(Failure::new(Class::TooLarge, message));
        }
        self.hash.update(piece);
        self.file.write_all(piece).await.map_err(|error| unwritable(&error))
    }

    /// Forgets what has come, for another try.
    pub(super) async fn begin_again(&mut self) -> Step<()> {
        let emptied = async {
            self.file.set_len(0).await?;
            self.file.rewind().await
        };
        emptied.await.map_err(|error| unwritable(&error))?;
        self.hash = Sha256::new();
        self.size = 0;
        Ok(())
    }

    /// Makes what has come survive a power cut.
    pub(crate) async fn finish(mut self) -> Step<Received> {
        let synced = async {
            self.file.flush().await?;
            self.file.sync_all().await
        };
        synced.await.map_err(|error| unwritable(&error))?;
        let hash = std::mem::take(&mut self.hash);
        let path = std::mem::take(&mut self.path);
        Ok(Received { path, sha256: to_hex(&hash.finalize()), size_bytes: self.size })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// How the names of files begin that are still on their way; one that is left over was cut off with its process.
pub const INCOMING_PREFIX: &str = ".incoming-";

fn unwritable(error: &io::Error) -> Failure {
    let message = format!("The file cannot be stored here: {error}. Make room in the data directory.");
    Failure::new(Class::Incomplete, message)
}
