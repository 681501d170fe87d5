//! `etiqa backup-status`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use etiqa_engine::backup::config;
use etiqa_engine::{Engine, Result, status};
use etiqa_model::user::{Reach, Role};

use super::output;

/// Show how every backup stands
#[derive(Debug, Args)]
#[command(after_help = "Example: etiqa backup-status --json | jq .summary")]
pub(crate) struct BackupStatus {
    /// Exactly what GET /backup/status/ answers
    #[arg(long)]
    json: bool,
}

impl BackupStatus {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        let all = Reach::from(Role::Admin);
        if self.json {
            output::print_json(&status::report(engine, &all).await?)?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut table =
            vec![["", "NAME", "STATE", "SCHEDULE", "NEXT RUN", "LAST RUN"].map(str::to_owned).to_vec()];
        for row in config::list(engine, &all).await? {
            let last = row.last_run.as_ref().map_or_else(
                || "never".to_owned(),
                |run| format!("{} {}", run.status.as_str(), output::time(run.finished_at)),
            );
            table.push(vec![
                row.state.sign().to_owned(),
                row.config.name.clone(),
                row.state.label().to_owned(),
                row.config.schedule.words(),
                output::time(row.config.next_run_at),
                last,
            ]);
        }
        output::print_table(&table);
        if !status::scheduler_is_running(engine).await? {
            output::say("No server is running: nothing runs by itself until `etiqa serve` is started.");
        }
        Ok(ExitCode::SUCCESS)
    }
}
