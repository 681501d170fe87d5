//! `etiqa media`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use etiqa_engine::media::{self, Attaching};
use etiqa_engine::{Engine, Result, inventory};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use super::{given_file, new_file, output};

/// Attach files to devices
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: etiqa media list core-rtr-1")]
pub(crate) enum Media {
    /// Attach a file to a device
    #[command(after_help = "Example: etiqa media add core-rtr-1 rack-plan.pdf")]
    Add {
        /// Host name or address
        device: String,
        /// The file
        file: PathBuf,
    },
    /// List the files of a device
    #[command(after_help = "Example: etiqa media list core-rtr-1 --json")]
    List {
        /// Host name or address
        device: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Copy an attached file into a new one
    #[command(after_help = "Example: etiqa media save core-rtr-1 rack-plan.pdf /tmp/rack-plan.pdf")]
    Save {
        /// Host name or address
        device: String,
        /// Its name, as it is listed
        name: String,
        /// A file that is not there yet; in this folder, under the same name, when not named
        file: Option<PathBuf>,
    },
    /// Delete an attached file
    #[command(after_help = "Example: etiqa media remove core-rtr-1 rack-plan.pdf")]
    Remove {
        /// Host name or address
        device: String,
        /// Its name, as it is listed
        name: String,
    },
}

impl Media {
    pub(super) async fn run(self, engine: &Engine) -> Result<ExitCode> {
        match self {
            Self::Add { device, file } => add(engine, &device, file).await?,
            Self::List { device, json } => list(engine, &device, json).await?,
            Self::Save { device, name, file } => {
                let device = inventory::find(engine, &device).await?;
                let (found, path) =
                    media::open(engine, media::find(engine, device.id, &name).await?.id).await?;
                new_file::copy(&path, &file.unwrap_or_else(|| PathBuf::from(&found.file_name))).await?;
            }
            Self::Remove { device, name } => {
                let device = inventory::find(engine, &device).await?;
                media::remove(engine, media::find(engine, device.id, &name).await?.id).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn add(engine: &Engine, device: &str, path: PathBuf) -> Result<()> {
    let device = inventory::find(engine, device).await?;
    let unreadable = |error: std::io::Error| given_file::unread("file", &path, &error);
    let mut file = File::open(&path).await.map_err(unreadable)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut attaching = Attaching::begin(engine, device.id, &name).await?;
    let mut piece = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut piece).await.map_err(unreadable)?;
        if read == 0 {
            break;
        }
        attaching.write(&piece[..read]).await.map_err(media::refused)?;
    }
    let kept = attaching.finish("the command line").await?;
    output::say(&format!("{} is attached to {}.", kept.file_name, device.hostname));
    Ok(())
}

async fn list(engine: &Engine, device: &str, json: bool) -> Result<()> {
    let device = inventory::find(engine, device).await?;
    let files = media::list(engine, device.id).await?.files;
    if json {
        return output::print_json(&files);
    }
    let mut table = vec![["FILE", "BYTES", "ATTACHED", "BY", "SHA-256"].map(str::to_owned).to_vec()];
    for file in &files {
        table.push(vec![
            file.file_name.clone(),
            file.size_bytes.to_string(),
            output::time(Some(file.uploaded_at)),
            file.uploaded_by.clone(),
            if file.is_missing { "missing".to_owned() } else { file.sha256.clone() },
        ]);
    }
    output::print_table(&table);
    Ok(())
}
