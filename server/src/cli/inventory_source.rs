//! `etiqa inventory-source`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use etiqa_engine::inventory_sources::{self, Asked};
use etiqa_engine::{Engine, Result};
use etiqa_model::inventory_source::{
    InventorySource as Known, InventorySourceInput, SyncPreview, SyncReport,
};

use super::{exit, output};

/// Keep the inventory as NetBox, a URL or a file has it
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: etiqa inventory-source sync netbox")]
pub(crate) enum InventorySource {
    /// Add a source; it does nothing by itself before its first sync
    #[command(
        after_help = "Examples: printf '%s\\n' \"$TOKEN\" | etiqa inventory-source add netbox --kind netbox \\\n            \
                      --place https://netbox.example.com --filter 'site=vienna&status=active' --token-stdin\n          \
                      etiqa inventory-source add list --kind file --place /srv/devices.csv --every 15"
    )]
    Add {
        /// Its name
        name: String,
        /// netbox, url or file
        #[arg(long, value_name = "KIND")]
        kind: String,
        #[command(flatten)]
        fields: Fields,
    },
    /// Change a source; what is not named stays as it is
    #[command(
        after_help = "Example: etiqa inventory-source edit netbox --owns hostname,site,tags --gone leave"
    )]
    Edit {
        /// Its name
        name: String,
        /// Its new name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        #[command(flatten)]
        fields: Fields,
        /// Forget its token
        #[arg(long, conflicts_with = "token_stdin")]
        no_token: bool,
        /// Follow it by schedule
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
        /// Do not follow it
        #[arg(long)]
        disable: bool,
    },
    /// List the sources, and how they are
    #[command(after_help = "Example: etiqa inventory-source list --json")]
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what a sync would do now; nothing is written
    #[command(after_help = "Example: etiqa inventory-source preview netbox")]
    Preview {
        /// Its name
        name: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Synchronise the inventory with a source now; from the first time on it is followed by schedule
    #[command(after_help = "Example: etiqa inventory-source sync netbox")]
    Sync {
        /// Its name
        name: String,
        /// Even if that disables more than a quarter of its devices, or gives them other addresses
        #[arg(long)]
        all_the_same: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a source; its devices stay as they are
    #[command(after_help = "Example: etiqa inventory-source remove netbox")]
    Remove {
        /// Its name
        name: String,
    },
}

/// What can be said of a source.
#[derive(Debug, Args)]
pub(crate) struct Fields {
    /// The URL of NetBox or of the list; of a file its path
    #[arg(long, value_name = "URL")]
    place: Option<String>,
    /// Read the token from a line of standard input
    #[arg(long)]
    token_stdin: bool,
    /// It may be in a private network, such as 192.168.0.0/16; =false to stop that
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    own_network: Option<bool>,
    /// netbox: which devices, as its list's address has it; status=active when not named
    #[arg(long, value_name = "QUERY")]
    filter: Option<String>,
    /// Minutes between two syncs; 60 when not named
    #[arg(long, value_name = "MINUTES")]
    every: Option<String>,
    /// Fields that it has a say in, with commas between: hostname, device_type, platform, site, tags, description, port, transport, credential
    #[arg(long, value_name = "FIELDS")]
    owns: Option<String>,
    /// What becomes of devices that it does not list any more: disable or leave
    #[arg(long, value_name = "HOW")]
    gone: Option<String>,
    /// The site of devices for which it names none
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
    /// What its names mean here, once for each: "platform cisco-xe = ios", "role leaf = switch", "site dc1 = vienna"
    #[arg(long = "mapping", value_name = "LINE")]
    mappings: Vec<String>,
}

impl InventorySource {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        match self {
            Self::Add { name, kind, fields } => {
                let mut input = InventorySourceInput { name, kind, ..InventorySourceInput::default() };
                fields.fill(&mut input).await?;
                inventory_sources::save(engine, None, &input).await?;
                output::say("It does nothing yet: look at `etiqa inventory-source preview`, then `sync`.");
            }
            Self::Edit { name, rename, fields, no_token, enable, disable } => {
                let known = inventory_sources::find(engine, &name).await?;
                let mut input = known.to_input();
                input.name = rename.unwrap_or(input.name);
                input.enabled = enable || (input.enabled && !disable);
                input.no_token = no_token;
                fields.fill(&mut input).await?;
                inventory_sources::save(engine, Some(known.id), &input).await?;
            }
            Self::List { json } => list(engine, json).await?,
            Self::Preview { name, json } => {
                let known = inventory_sources::find(engine, &name).await?;
                let preview = inventory_sources::preview_here(engine, known.id).await?;
                if json {
                    output::print_json(&preview)?;
                } else {
                    show(&preview);
                }
                return Ok(exit(preview.guard.is_none()));
            }
            Self::Sync { name, all_the_same, json } => {
                let known = inventory_sources::find(engine, &name).await?;
                let asked = Asked { by_person: true, all_the_same };
                let report = inventory_sources::sync_now(engine, known.id, asked).await?;
                if json {
                    output::print_json(&report)?;
                } else {
                    say_notes(&report);
                    output::print(&report.to_string());
                }
                return Ok(exit(report.refused == 0));
            }
            Self::Remove { name } => {
                let known = inventory_sources::find(engine, &name).await?;
                inventory_sources::remove(engine, known.id).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Fields {
    async fn fill(self, input: &mut InventorySourceInput) -> Result<()> {
        let pairs = [
            (self.place, &mut input.place),
            (self.filter, &mut input.filter),
            (self.every, &mut input.every_minutes),
            (self.owns, &mut input.owns),
            (self.gone, &mut input.gone),
            (self.site, &mut input.site),
        ];
        for (new, field) in pairs {
            if let Some(new) = new {
                *field = new;
            }
        }
        if !self.mappings.is_empty() {
            input.mappings = self.mappings.join("\n");
        }
        input.own_network = self.own_network.unwrap_or(input.own_network);
        if self.token_stdin {
            input.token = output::read_secret("the token").await?;
        }
        Ok(())
    }
}

async fn list(engine: &Engine, json: bool) -> Result<()> {
    let known = inventory_sources::list(engine).await?;
    if json {
        return output::print_json(&known);
    }
    let head = ["NAME", "KIND", "WHERE", "DEVICES", "GONE", "WORKED", "NEXT", "STATE"];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    for source in known {
        let state = state(&source);
        table.push(vec![
            source.name,
            source.settings.kind.as_str().to_owned(),
            source.settings.place,
            source.devices.to_string(),
            source.gone.to_string(),
            output::time(source.last_ok_at),
            output::time(source.next_at),
            state,
        ]);
    }
    output::print_table(&table);
    Ok(())
}

fn state(source: &Known) -> String {
    match &source.problem {
        _ if source.is_going_on => "going on".to_owned(),
        Some(problem) => problem.clone(),
        None if source.confirmed_at.is_none() => "waits for its first sync".to_owned(),
        None if !source.enabled => "disabled".to_owned(),
        None => "works".to_owned(),
    }
}

fn show(preview: &SyncPreview) {
    say_notes(&preview.report);
    let mut table = vec![["", "ADDRESS", "NAME", "CHANGES"].map(str::to_owned).to_vec()];
    for row in &preview.rows {
        let fate = row.fate.label().to_lowercase();
        table.push(vec![fate, row.address.clone(), row.hostname.clone(), row.words.join("; ")]);
    }
    if !preview.rows.is_empty() {
        output::print_table(&table);
    }
    output::print(&preview.report.to_string());
    if let Some(guard) = &preview.guard {
        output::say(guard);
    }
}

fn say_notes(report: &SyncReport) {
    for note in &report.notes {
        output::say(note);
    }
}
