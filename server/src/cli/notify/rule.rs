//! `etiqa notify rule`.

use std::sync::Arc;

use clap::{Args, Subcommand};
use etiqa_engine::backup::config;
use etiqa_engine::notify;
use etiqa_engine::{Engine, Result};
use etiqa_model::notify::{NotifyEvent, Rule as KnownRule, RuleInput, RuleList};
use serde_json::json;

use crate::cli::output;

/// Manage what is told to which channels
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: etiqa notify rule events")]
pub(crate) enum Rule {
    /// Add a rule
    #[command(
        after_help = "Examples: etiqa notify rule add \"On call\" --event run_failed,device_failing --channel noc --remind 24\n          \
                      etiqa notify rule add Changes --event config_changed --channel chat --timing daily --at 08:00 --site vienna"
    )]
    Add {
        /// Its name
        name: String,
        #[command(flatten)]
        fields: RuleFields,
    },
    /// Change a rule; what is not named stays as it is
    #[command(
        after_help = "Example: etiqa notify rule edit \"On call\" --quiet \"22:00-06:00\" --quiet-then hold"
    )]
    Edit {
        /// Its name
        name: String,
        /// Its new name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        #[command(flatten)]
        fields: RuleFields,
        /// Let it tell
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
        /// Let it tell nothing
        #[arg(long)]
        disable: bool,
    },
    /// List the rules
    #[command(after_help = "Example: etiqa notify rule list --json")]
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a message of a rule, with made-up things
    #[command(after_help = "Example: etiqa notify rule preview \"On call\"")]
    Preview {
        /// Its name
        name: String,
    },
    /// List what can be told
    #[command(after_help = "Example: etiqa notify rule events --json")]
    Events {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a rule, with what it holds
    #[command(after_help = "Example: etiqa notify rule remove \"On call\"")]
    Remove {
        /// Its name
        name: String,
    },
}

/// What can be said of a rule.
#[derive(Debug, Args)]
pub(crate) struct RuleFields {
    /// What is told, with commas between; `etiqa notify rule events` lists them
    #[arg(long, value_name = "EVENTS", value_delimiter = ',')]
    event: Option<Vec<String>>,
    /// Whom it tells; once for each channel
    #[arg(long, value_name = "NAME")]
    channel: Option<Vec<String>>,
    /// Only of these backups; once for each
    #[arg(long, value_name = "NAME", conflicts_with = "all_backups")]
    backup: Option<Vec<String>>,
    /// Of all backups
    #[arg(long)]
    all_backups: bool,
    /// Only of devices of these types, with commas between
    #[arg(long, value_name = "TYPES")]
    device_type: Option<String>,
    /// Only of these sites, with commas between
    #[arg(long, value_name = "SITES")]
    site: Option<String>,
    /// Only of devices with one of these tags, with commas between
    #[arg(long, value_name = "TAGS")]
    tag: Option<String>,
    /// A device counts as failing after so many failures in a row; 2 when not named
    #[arg(long, value_name = "N")]
    after: Option<String>,
    /// Tell when something is over; =false not to
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    recovered: Option<bool>,
    /// once (when it begins and when it is over) or every (each time that it happens)
    #[arg(long, value_name = "HOW")]
    repeat: Option<String>,
    /// Tell again after so many hours while it lasts; 0: never
    #[arg(long, value_name = "HOURS")]
    remind: Option<String>,
    /// Tell changes with what changed, secrets masked; =false not to
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    diff: Option<bool>,
    /// now, daily or weekly
    #[arg(long, value_name = "WHEN")]
    timing: Option<String>,
    /// daily, weekly: the time
    #[arg(long, value_name = "HH:MM")]
    at: Option<String>,
    /// weekly: the day
    #[arg(long, value_name = "D")]
    weekday: Option<String>,
    /// The IANA zone of these times; the machine's own when not named
    #[arg(long, value_name = "TZ")]
    zone: Option<String>,
    /// Quiet hours, such as "mon-fri 22:00-06:00; sat,sun"; empty: none
    #[arg(long, value_name = "WINDOWS")]
    quiet: Option<String>,
    /// What becomes of what comes then: hold or drop
    #[arg(long, value_name = "HOW")]
    quiet_then: Option<String>,
    /// A template of the line above; empty: the program's own
    #[arg(long, value_name = "TEMPLATE")]
    title: Option<String>,
    /// A template of the text; empty: the program's own
    #[arg(long, value_name = "TEMPLATE")]
    text: Option<String>,
}

impl Rule {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<()> {
        match self {
            Self::Add { name, fields } => {
                let mut input = RuleInput { name, ..RuleInput::default() };
                fields.fill(engine, &mut input).await?;
                notify::save_rule(engine, None, &input).await?;
            }
            Self::Edit { name, rename, fields, enable, disable } => {
                let known = notify::find_rule(engine, &name).await?;
                let mut input = known.to_input();
                input.name = rename.unwrap_or(input.name);
                input.enabled = enable || (input.enabled && !disable);
                fields.fill(engine, &mut input).await?;
                notify::save_rule(engine, Some(known.id), &input).await?;
            }
            Self::List { json } => list_rules(engine, json).await?,
            Self::Preview { name } => {
                let known = notify::find_rule(engine, &name).await?;
                let (title, text) = notify::preview_of(engine, known.id).await?;
                output::print(&title);
                output::print("");
                output::print_text(&text);
            }
            Self::Events { json } => list_events(json)?,
            Self::Remove { name } => {
                let known = notify::find_rule(engine, &name).await?;
                notify::remove_rule(engine, known.id).await?;
            }
        }
        Ok(())
    }
}

impl RuleFields {
    async fn fill(self, engine: &Engine, input: &mut RuleInput) -> Result<()> {
        let pairs = [
            (self.device_type, &mut input.device_types),
            (self.site, &mut input.sites),
            (self.tag, &mut input.tags),
            (self.after, &mut input.after),
            (self.repeat, &mut input.repeat),
            (self.remind, &mut input.remind_hours),
            (self.timing, &mut input.timing),
            (self.at, &mut input.at),
            (self.weekday, &mut input.weekday),
            (self.zone, &mut input.time_zone),
            (self.quiet, &mut input.quiet),
            (self.quiet_then, &mut input.quiet_then),
            (self.title, &mut input.title),
            (self.text, &mut input.text),
        ];
        for (new, field) in pairs {
            if let Some(new) = new {
                *field = new;
            }
        }
        if let Some(events) = self.event {
            input.events = events;
        }
        input.recovered = self.recovered.unwrap_or(input.recovered);
        input.with_diff = self.diff.unwrap_or(input.with_diff);
        if let Some(names) = &self.channel {
            input.channels.clear();
            for name in names {
                input.channels.push(notify::find(engine, name).await?.id);
            }
        }
        if self.all_backups {
            input.backups.clear();
        }
        if let Some(names) = &self.backup {
            input.backups.clear();
            for name in names {
                input.backups.push(config::find(engine, name).await?.id);
            }
        }
        Ok(())
    }
}

fn list_events(json: bool) -> Result<()> {
    let events = NotifyEvent::ALL.iter();
    if json {
        let told = |event: &NotifyEvent| json!({ "name": event.as_str(), "label": event.label() });
        return output::print_json(&events.map(told).collect::<Vec<_>>());
    }
    let row = |event: &NotifyEvent| vec![event.as_str().to_owned(), event.label().to_owned()];
    output::print_table(&events.map(row).collect::<Vec<_>>());
    Ok(())
}

async fn list_rules(engine: &Engine, json: bool) -> Result<()> {
    let RuleList { rules, channels, .. } = notify::list_rules(engine).await?;
    if json {
        return output::print_json(&rules);
    }
    let head = ["NAME", "TELLS", "TO", "WHEN", "LASTS", "STATE"];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    for rule in rules {
        let names = channels.iter().filter(|channel| rule.channels.contains(&channel.id));
        let names: Vec<&str> = names.map(|channel| channel.name.as_str()).collect();
        table.push(vec![
            rule.name.clone(),
            events_of(&rule),
            names.join(", "),
            rule.settings.words(),
            rule.open.to_string(),
            if rule.enabled { "enabled".to_owned() } else { "disabled".to_owned() },
        ]);
    }
    output::print_table(&table);
    Ok(())
}

fn events_of(rule: &KnownRule) -> String {
    let names: Vec<&str> = rule.settings.events.iter().map(|event| event.as_str()).collect();
    names.join(", ")
}
