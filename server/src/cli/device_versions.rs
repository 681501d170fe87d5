//! What `etiqa device` does with versions: naming one, and texts as files.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use etiqa_engine::history::export::{Whose, texts_zip};
use etiqa_engine::history::{Reader, read};
use etiqa_engine::{Engine, Error, Result, inventory};
use etiqa_model::UserError;
use etiqa_model::compare::{Moment, Reading};
use etiqa_model::config::ConfigVersion;
use etiqa_model::user::Role;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::{new_file, output};

/// One version of a device.
#[derive(Debug, Args)]
pub(crate) struct VersionOf {
    /// Host name or address
    device: String,
    /// Which part
    #[arg(long, value_name = "P")]
    part: String,
    /// Which version
    #[arg(long, value_name = "N")]
    version: u32,
}

impl VersionOf {
    pub(super) async fn find(&self, engine: &Engine) -> Result<ConfigVersion> {
        let known = inventory::find(engine, &self.device).await?;
        read::find_version(engine, known.id, Some(&self.part), Some(self.version)).await
    }
}

/// Texts, into a zip.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The new zip file
    file: PathBuf,
    /// Of this device alone (host name or address); of all when not named
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// As they were then: 2026-11-01, "2026-11-01 14:30" in the machine's zone, or an RFC 3339 time
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// With their secrets masked
    #[arg(long)]
    masked: bool,
}

impl Export {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<()> {
        let whose = match &self.device {
            Some(device) => Whose::Device(inventory::find(engine, device).await?.id),
            None => Whose::Network,
        };
        let at = self.at.as_deref().map(Moment::parse).transpose().map_err(UserError::invalid)?;
        let zone = etiqa_engine::schedule::due::machine_zone();
        // Whoever runs this may read the database anyway.
        let reader = Reader::new(Role::Admin, Reading { masked: self.masked, without_volatile: false });
        let file = new_file::create(&self.file).await?;
        let written = async {
            let mut export = texts_zip(engine, &Role::Admin.into(), whose, at, reader, &zone).await?;
            write(file, &mut export.pieces).await.map_err(Error::io("writing the texts"))
        };
        if let Err(error) = written.await {
            // Half a zip is worth nothing.
            let _ = tokio::fs::remove_file(&self.file).await;
            return Err(error);
        }
        output::say(&format!("The texts are in {}.", self.file.display()));
        Ok(())
    }
}

async fn write(mut file: File, pieces: &mut mpsc::Receiver<io::Result<Vec<u8>>>) -> io::Result<()> {
    while let Some(piece) = pieces.recv().await {
        file.write_all(&piece?).await?;
    }
    file.sync_all().await
}
