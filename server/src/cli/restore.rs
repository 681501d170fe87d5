//! `etiqa restore`.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use etiqa_engine::Result;
use etiqa_engine::backup::restore::{Request, Secrets, Step, extract, list, restore_telling};
use etiqa_model::{Secret, UserError};
use serde_json::json;

use super::progress::Progress;
use super::unlock::Unlock;
use super::{exit, given_file, output};

/// Restore an archive into an empty instance, or take single files out of it
#[derive(Debug, Args)]
#[command(
    after_help = "Examples: etiqa restore nightly_20261123_020000.zip --data-dir /srv/etiqa-new --key-file secret.key\n          \
                  etiqa restore nightly_20261123_020000.zip --only configs/core-rtr-1 --to /tmp/restored\n\n\
                  A restored instance runs nothing by itself until you confirm that it may: on its first page, or with \
                  `etiqa resume`."
)]
pub(crate) struct Restore {
    /// The archive
    archive: PathBuf,
    #[command(flatten)]
    unlock: Unlock,
    /// The secret.key of the instance that made the archive
    #[arg(long, value_name = "FILE", conflicts_with = "without_key")]
    key_file: Option<PathBuf>,
    /// The key is lost: leave out all that it seals (credentials, passphrases, tokens, second factors), and make a new key
    #[arg(long)]
    without_key: bool,
    /// Take out only what has this name in the archive, or is below it
    #[arg(long, value_name = "PATH", conflicts_with_all = ["key_file", "without_key"])]
    only: Vec<String>,
    /// Where to put what is taken out; this folder when not named
    #[arg(long, value_name = "DIR", requires = "only")]
    to: Option<PathBuf>,
    /// Only say what the archive holds
    #[arg(long, conflicts_with_all = ["key_file", "without_key", "only"])]
    list: bool,
    /// What the archive holds, or what was restored, as JSON
    #[arg(long)]
    json: bool,
}

impl Restore {
    /// Whether it only looks into an archive, and comes near no instance.
    pub(super) fn only_looks(&self) -> bool {
        self.list || !self.only.is_empty()
    }

    pub(super) async fn run(self, data_dir: PathBuf, database_url: Option<String>) -> Result<ExitCode> {
        let key = self.unlock.key().await?;
        if self.list {
            let manifest = list(self.archive, key).await?;
            if self.json {
                output::print_json(&manifest)?;
                return Ok(exit(true));
            }
            let mut table = vec![["SIZE", "SHA-256", "NAME"].map(str::to_owned).to_vec()];
            for entry in manifest.entries {
                table.push(vec![
                    entry.size.to_string(),
                    entry.sha256.get(..16).unwrap_or("?").to_owned(),
                    entry.name,
                ]);
            }
            output::print_table(&table);
            return Ok(exit(true));
        }
        if !self.only.is_empty() {
            let folder = self.to.unwrap_or_else(|| PathBuf::from("."));
            let progress = Progress::start("Reading the archive");
            let files = extract(self.archive, key, self.only, folder.clone()).await?;
            drop(progress);
            if self.json {
                output::print_json(&json!({ "files": files, "folder": folder.display().to_string() }))?;
            } else {
                output::print(&format!("{} written to {}.", files_in_words(files), folder.display()));
            }
            return Ok(exit(true));
        }
        let secrets = match (&self.key_file, self.without_key) {
            (Some(file), _) => Secrets::With(read_key(file).await?),
            (None, true) => Secrets::Forget,
            (None, false) => {
                let message = "The secrets in an archive are sealed: name the secret.key of the instance that made it \
                               with --key-file, or say --without-key to leave out what it seals: credentials, \
                               passphrases, tokens, second factors.";
                return Err(UserError::invalid(message).into());
            }
        };
        let request =
            Request { archive: self.archive, key, data_dir: data_dir.clone(), database_url, secrets };
        let url = if request.database_url.is_some() { " --database-url URL" } else { "" };
        let progress = RefCell::new(Progress::start(""));
        let tell = |step: Step| progress.borrow_mut().at(words(step), 0, 0);
        let restored = restore_telling(request, tell).await?;
        drop(progress);
        if self.json {
            output::print_json(&json!({
                "rows": restored.rows, "files": restored.files, "data_dir": data_dir.display().to_string(),
            }))?;
            return Ok(exit(true));
        }
        output::print(&format!(
            "Restored {} rows and {} into {}. Start it with `etiqa serve --data-dir {}{url}`; it runs nothing by itself until \
             you confirm that it may.",
            restored.rows,
            files_in_words(restored.files),
            data_dir.display(),
            data_dir.display()
        ));
        Ok(exit(true))
    }
}

fn words(step: Step) -> &'static str {
    match step {
        Step::Reading => "Reading the archive back",
        Step::Files => "Writing files",
        Step::Database => "Filling the database",
    }
}

async fn read_key(file: &Path) -> Result<Secret> {
    let text = tokio::fs::read_to_string(file).await;
    let text = text.map_err(|error| given_file::unread("key file", file, &error))?;
    Ok(Secret::new(text))
}

fn files_in_words(count: u64) -> String {
    format!("{count} file{}", if count == 1 { "" } else { "s" })
}
