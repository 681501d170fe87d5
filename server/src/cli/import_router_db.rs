//! `etiqa import-oxidized` and `etiqa import-rancid`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use etiqa_engine::import::router_db::{
    Names, Oxidized, OxidizedColumns, Rancid, RouterDbOptions, RouterDbReport, names,
};
use etiqa_engine::{Engine, Result};
use etiqa_model::UserError;
use etiqa_model::import::RowFate;

use super::{exit, given_file, output};

/// Import the devices of an Oxidized's router.db
///
/// --delimiter, --map and --vars-map are those of Oxidized's configuration. Groups become sites.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples: etiqa import-oxidized router.db --map name=0,ip=1,model=2,group=3 --dry-run\n          \
                  etiqa import-oxidized router.db --delimiter ';' --map name=0,model=1,username=2,password=3 \\\n            \
                  --vars-map enable=4 --with-credentials"
)]
pub(crate) struct ImportOxidized {
    /// The file; a hyphen for standard input
    file: PathBuf,
    /// What stands between two columns; a colon when not named
    #[arg(long, value_name = "TEXT", default_value = ":", hide_default_value = true)]
    delimiter: String,
    /// Which column holds what, from 0: name, ip, model, group, username, password, input
    #[arg(long, value_name = "MAP", default_value = "name=0,model=1")]
    map: String,
    /// The same of vars_map: enable, ssh_port, telnet_port
    #[arg(long, value_name = "MAP", default_value = "", hide_default_value = true)]
    vars_map: String,
    /// What models mean here, besides those that are known
    #[arg(long, value_name = "MODEL=PLATFORM", default_value = "", hide_default_value = true)]
    model_map: String,
    /// The model of devices that name none
    #[arg(long, value_name = "MODEL", default_value = "", hide_default_value = true)]
    default_model: String,
    /// Which site a group is; one that is not named becomes a site of its own name
    #[arg(long, value_name = "GROUP=SITE", default_value = "", hide_default_value = true)]
    group_map: String,
    /// Make credentials of the logins in the file
    #[arg(long)]
    with_credentials: bool,
    #[command(flatten)]
    common: Common,
}

/// Import the devices of a RANCID's router.db
///
/// Lines are name;type;state, or name:type:state of RANCID 2. A device that is not up is added and disabled.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: etiqa import-rancid /var/lib/rancid/vienna/router.db --site vienna --dry-run"
)]
pub(crate) struct ImportRancid {
    /// The file; a hyphen for standard input
    file: PathBuf,
    /// What types mean here, besides those that are known
    #[arg(long, value_name = "TYPE=PLATFORM", default_value = "", hide_default_value = true)]
    type_map: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Common {
    /// The site of devices that name none
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    site: String,
    /// Change devices that are known already; without it they are skipped
    #[arg(long)]
    update: bool,
    /// Only show what would happen
    #[arg(long)]
    dry_run: bool,
    /// What was done as JSON, with what was said of lines
    #[arg(long)]
    json: bool,
}

impl Common {
    fn options(self, with_credentials: bool) -> RouterDbOptions {
        let Self { site, update, dry_run, json: _ } = self;
        RouterDbOptions { update, dry_run, site, with_credentials }
    }
}

impl ImportOxidized {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        let content = given_file::read(&self.file).await?;
        let columns = OxidizedColumns::parse(&self.map).map_err(UserError::invalid)?;
        let variables = OxidizedColumns::parse(&self.vars_map).map_err(UserError::invalid)?;
        let oxidized = Oxidized {
            delimiter: self.delimiter,
            columns: columns.and(variables),
            models: mapped("--model-map", &self.model_map)?,
            groups: mapped("--group-map", &self.group_map)?,
            default_model: self.default_model,
        };
        let json = self.common.json;
        let options = self.common.options(self.with_credentials);
        print(&oxidized.import(engine, &content, &options).await?, json)
    }
}

impl ImportRancid {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        let content = given_file::read(&self.file).await?;
        let rancid = Rancid { types: mapped("--type-map", &self.type_map)? };
        let json = self.common.json;
        print(&rancid.import(engine, &content, &self.common.options(false)).await?, json)
    }
}

fn mapped(option: &str, text: &str) -> Result<Names, UserError> {
    names(option, text).map_err(UserError::invalid)
}

/// The first rows to look at where nothing is written, then what was said of lines, then the counts.
fn print(brought: &RouterDbReport, json: bool) -> Result<ExitCode> {
    let report = &brought.report;
    if json {
        output::print_json(brought)?;
        return Ok(exit(report.failed == 0));
    }
    for note in &brought.notes {
        output::say(&format!("line {}: {}", note.line, note.reason));
    }
    for error in &report.errors {
        output::say(&format!("line {}: refused: {}", error.line, error.reason));
    }
    let unseen = report.failed.saturating_sub(report.errors.len() as u64);
    if unseen > 0 {
        output::say(&format!("… and {unseen} more lines were refused"));
    }
    if report.dry_run && !brought.rows.is_empty() {
        let head = ["", "ADDRESS", "NAME", "PLATFORM", "SITE"].map(str::to_owned).to_vec();
        let rows = brought.rows.iter().map(|row| {
            let fate = match row.fate {
                RowFate::Create => "add",
                RowFate::Update => "change",
                RowFate::Skip => "skip",
            };
            let device = &row.device;
            let cells = [fate, &device.address, &device.hostname, &device.platform, &device.site];
            cells.map(str::to_owned).to_vec()
        });
        output::print_table(&std::iter::once(head).chain(rows).collect::<Vec<_>>());
    }
    let would = if report.dry_run { "would be " } else { "" };
    if !brought.credentials.is_empty() {
        output::print(&format!("Credentials {would}added: {}", brought.credentials.join(", ")));
    }
    output::print(&format!(
        "{} rows: {} {would}created ({} of them disabled), {} {would}updated, {} skipped, {} refused",
        report.rows, report.created, brought.disabled, report.updated, report.skipped, report.failed
    ));
    Ok(exit(report.failed == 0))
}
