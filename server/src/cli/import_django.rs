//! `etiqa import-django`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use etiqa_engine::import::django::{Brought, DjangoOptions, DjangoReport, import};
use etiqa_engine::import::router_db::names;
use etiqa_engine::{Engine, Result};
use etiqa_model::UserError;

use super::progress::Progress;
use super::{exit, given_file, output};

/// Bring devices, versions, backups and history from the Django edition
///
/// FILE is its database (db.sqlite3), one of its archives (a zip with database.json), or what `manage.py dumpdata` wrote.
/// What is here already stays as it is; run it again to bring what came since. Exit code 1: something was left out.
#[derive(Debug, Args)]
#[command(after_help = "Example: etiqa import-django db.sqlite3 --dry-run")]
pub(crate) struct ImportDjango {
    /// db.sqlite3, an archive, or a dump
    file: PathBuf,
    /// Only say what would be brought
    #[arg(long)]
    dry_run: bool,
    /// The site of its devices; they had none
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    site: String,
    /// TIME_ZONE of its settings: the zone of its schedules, and of its times where USE_TZ is off
    #[arg(long, value_name = "TZ", default_value = "", hide_default_value = true)]
    time_zone: String,
    /// The platforms of its types: router=ios,switch=nxos. Until a text's platform is known, viewers do not see it
    #[arg(long, value_name = "TYPE=PLATFORM", default_value = "", hide_default_value = true)]
    platform: String,
    /// The part that its texts become versions of; running when not named
    #[arg(long, value_name = "PART", default_value = "", hide_default_value = true)]
    part: String,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl ImportDjango {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        let options = DjangoOptions {
            dry_run: self.dry_run,
            site: self.site,
            time_zone: self.time_zone,
            part: self.part,
            platforms: names("--platform", &self.platform).map_err(UserError::invalid)?,
        };
        given_file::check(&self.file).await?;
        let progress = Progress::start(&format!("Reading {}", self.file.display()));
        let report = import(engine, &self.file, &options).await?;
        drop(progress);
        if self.json {
            output::print_json(&report)?;
        } else {
            print(&report);
        }
        let DjangoReport { devices, versions, backups, runs, .. } = &report;
        let all = [devices, versions, backups, runs];
        Ok(exit(all.iter().all(|brought| brought.left_out == 0)))
    }
}

fn print(report: &DjangoReport) {
    for note in &report.notes {
        output::say(note);
    }
    if report.more_notes > 0 {
        output::say(&format!("… and {} more notes", report.more_notes));
    }
    output::say(&format!("Read from {}.", report.read_from));
    let new = if report.dry_run { "WOULD BE BROUGHT" } else { "BROUGHT" };
    let head = ["", "FOUND", new, "HERE ALREADY", "LEFT OUT"].map(str::to_owned).to_vec();
    let row = |what: &str, brought: &Brought| {
        let Brought { found, new, known, left_out } = brought;
        let counts = [found, new, known, left_out].map(|count| output::count(*count));
        std::iter::once(what.to_owned()).chain(counts).collect::<Vec<_>>()
    };
    output::print_table(&[
        head,
        row("devices", &report.devices),
        row("versions", &report.versions),
        row("backups", &report.backups),
        row("runs", &report.runs),
    ]);
    if report.dry_run {
        output::say("Nothing was written.");
    }
}
