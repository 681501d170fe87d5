//! What `etiqa backup-config` says of retention: how many archives are kept, and which ones that means.

use clap::Args;
use etiqa_engine::backup::{config, prune};
use etiqa_engine::{Engine, Result};
use etiqa_model::backup::RetentionInput;

use super::output;

/// How many archives are kept.
#[derive(Debug, Args)]
pub(super) struct Counts {
    /// Keep the newest so many
    #[arg(long, value_name = "N")]
    pub(super) max_backups: Option<String>,
    /// Besides, keep the last of each of so many hours
    #[arg(long, value_name = "N")]
    pub(super) keep_hourly: Option<String>,
    /// … days
    #[arg(long, value_name = "N")]
    pub(super) keep_daily: Option<String>,
    /// … weeks
    #[arg(long, value_name = "N")]
    pub(super) keep_weekly: Option<String>,
    /// … months
    #[arg(long, value_name = "N")]
    pub(super) keep_monthly: Option<String>,
    /// … years
    #[arg(long, value_name = "N")]
    pub(super) keep_yearly: Option<String>,
}

/// The archives of a backup config, and other counts to think about.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: etiqa backup-config archives Nightly --max-backups 3 --keep-monthly 12\nNothing is changed."
)]
pub(crate) struct Archives {
    /// Its name
    name: String,
    #[command(flatten)]
    counts: Counts,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Archives {
    pub(super) async fn run(self, engine: &Engine) -> Result<()> {
        let known = config::find(engine, &self.name).await?;
        let keeps = known.retention;
        let or = |asked: Option<String>, now: u32| asked.unwrap_or_else(|| now.to_string());
        let counts = RetentionInput {
            max_backups: or(self.counts.max_backups, keeps.max_backups),
            keep_hourly: or(self.counts.keep_hourly, keeps.keep_hourly),
            keep_daily: or(self.counts.keep_daily, keeps.keep_daily),
            keep_weekly: or(self.counts.keep_weekly, keeps.keep_weekly),
            keep_monthly: or(self.counts.keep_monthly, keeps.keep_monthly),
            keep_yearly: or(self.counts.keep_yearly, keeps.keep_yearly),
        };
        let preview = prune::preview(engine, known.id, Some(counts.parse()?)).await?;
        if self.json {
            return output::print_json(&preview);
        }
        let mut table = vec![["ARCHIVE", "MADE", "FATE", "WHY"].map(str::to_owned).to_vec()];
        for fate in preview.fates {
            table.push(vec![
                fate.run.file.unwrap_or_default(),
                output::time(fate.run.finished_at),
                if fate.keep { "stays" } else { "goes" }.to_owned(),
                fate.reason,
            ]);
        }
        output::print_table(&table);
        Ok(())
    }
}
