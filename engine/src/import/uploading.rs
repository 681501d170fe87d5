//! A file that somebody uploads. It is on the disk until it is whole: whoever sends it slowly, or never to its end, takes no memory
//! and no turn of others.

use etiqa_model::UploadId;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use super::TURNS;
use super::apply::keep;
use crate::engine::Engine;
use crate::error::{Error, Result};

/// What came so far. It has no name, and is gone as soon as this is.
#[derive(Debug)]
pub struct Uploading(File);

impl Uploading {
    /// Nothing so far.
    pub fn begin(engine: &Engine) -> Result<Self> {
        let file = tempfile::tempfile_in(engine.dir.root()).map_err(Error::io("storing an upload"))?;
        Ok(Self(File::from_std(file)))
    }

    /// The next piece.
    pub async fn write(&mut self, piece: &[u8]) -> Result<()> {
        self.0.write_all(piece).await.map_err(Error::io("storing an upload"))
    }

    /// All of it has come: keeps it for a preview and an import by `by`. A file that cannot be imported at all is refused.
    pub async fn finish(mut self, engine: &Engine, file_name: &str, by: &str) -> Result<UploadId> {
        let _turn = TURNS.take().await?;
        let mut content = Vec::new();
        self.0.flush().await.map_err(Error::io("storing an upload"))?;
        self.0.rewind().await.map_err(Error::io("reading an upload"))?;
        self.0.read_to_end(&mut content).await.map_err(Error::io("reading an upload"))?;
        keep(engine, file_name, content, by).await
    }
}
