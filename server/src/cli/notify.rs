//! `etiqa notify`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use etiqa_engine::backup::config;
use etiqa_engine::notify;
use etiqa_engine::{Engine, Result};
use etiqa_model::notify::{
    Channel as Known, ChannelInput, DeliveryState, NotifyEvent, Rule as KnownRule, RuleInput, RuleList,
};
use etiqa_model::{DeliveryId, UserError};
use serde_json::json;

use super::{exit, output};

/// Manage what is told to whom, and look at what was
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: etiqa notify deliveries --state failed")]
pub(crate) enum Notify {
    /// Manage the places that messages are sent to
    #[command(subcommand)]
    Channel(Channel),
    /// Manage what is told to which channels
    #[command(subcommand)]
    Rule(Rule),
    /// List messages, newest first, each with its tries
    #[command(after_help = "Example: etiqa notify deliveries --state failed")]
    Deliveries {
        /// Only those that are waiting, sent, failed or dropped
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// Only those before this number
        #[arg(long, value_name = "NUMBER")]
        before: Option<i64>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Try a message again that was not sent
    #[command(after_help = "Example: etiqa notify retry 7")]
    Retry {
        /// Its number, as `etiqa notify deliveries` shows it
        number: i64,
    },
}

/// Manage the places that messages are sent to
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: etiqa notify channel test noc")]
pub(crate) enum Channel {
    /// Add a channel; secrets come from standard input, never from the command line
    #[command(
        after_help = "Examples: etiqa notify channel add noc --kind email --host mail.example.com \\\n            \
                      --from etiqa@example.com --to noc@example.com\n          \
                      printf '%s\\n' \"$URL\" | etiqa notify channel add chat --kind slack --url-stdin\n          \
                      etiqa notify channel add log --kind syslog --host 10.0.0.9 --own-network"
    )]
    Add {
        /// Its name
        name: String,
        /// email, webhook, slack, teams, ntfy, syslog, apprise or heartbeat
        #[arg(long, value_name = "KIND")]
        kind: String,
        #[command(flatten)]
        fields: ChannelFields,
    },
    /// Change a channel; what is not named stays as it is
    #[command(after_help = "Example: etiqa notify channel edit noc --to noc@example.com,ada@example.com")]
    Edit {
        /// Its name
        name: String,
        /// Its new name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        #[command(flatten)]
        fields: ChannelFields,
        /// Send to it
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
        /// Send nothing to it
        #[arg(long)]
        disable: bool,
    },
    /// List the channels, and how they are
    #[command(after_help = "Example: etiqa notify channel list --json")]
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Send a test message
    #[command(after_help = "Example: etiqa notify channel test noc")]
    Test {
        /// Its name
        name: String,
        /// What it came to, as JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a channel, and its messages
    #[command(after_help = "Example: etiqa notify channel remove noc")]
    Remove {
        /// Its name
        name: String,
    },
}

/// What can be said of a channel; which of it counts follows the kind.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct ChannelFields {
    /// email, syslog: IP address or host name of the server
    #[arg(long, value_name = "A")]
    host: Option<String>,
    /// email, syslog: the usual one when not named
    #[arg(long, value_name = "P")]
    port: Option<String>,
    /// email: starttls, tls or none
    #[arg(long, value_name = "HOW")]
    security: Option<String>,
    /// email: the login name
    #[arg(long, value_name = "U")]
    username: Option<String>,
    /// email: the sender's address
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,
    /// email: the receivers' addresses, with commas between
    #[arg(long, value_name = "ADDRESSES")]
    to: Option<String>,
    /// ntfy: https://…
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// ntfy: the topic
    #[arg(long, value_name = "T")]
    topic: Option<String>,
    /// apprise: which services of the key
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// syslog: udp, tcp or tls
    #[arg(long, value_name = "HOW")]
    transport: Option<String>,
    /// syslog: 0 to 23; 16 (local0) when not named
    #[arg(long, value_name = "N")]
    facility: Option<String>,
    /// heartbeat: of which backup
    #[arg(long, value_name = "NAME")]
    backup: Option<String>,
    /// webhook, slack, teams, apprise, heartbeat: read the address from a line of standard input
    #[arg(long)]
    url_stdin: bool,
    /// webhook: read what signs the messages from the next line; apprise: where it passes messages on to
    #[arg(long)]
    secret_stdin: bool,
    /// webhook, ntfy: read the token from the next line
    #[arg(long)]
    token_stdin: bool,
    /// email: read the password from the next line
    #[arg(long)]
    password_stdin: bool,
    /// It may be in a private network, such as 192.168.0.0/16; =false to stop that
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    own_network: Option<bool>,
}

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

impl Notify {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        match self {
            Self::Channel(command) => return command.run(engine).await,
            Self::Rule(command) => command.run(engine).await?,
            Self::Deliveries { state, before, json } => {
                deliveries(engine, state.as_deref(), before, json).await?;
            }
            Self::Retry { number } => notify::retry(engine, DeliveryId(number)).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Channel {
    async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        match self {
            Self::Add { name, kind, fields } => {
                let mut input = ChannelInput { name, kind, ..ChannelInput::default() };
                fields.fill(engine, &mut input).await?;
                notify::save(engine, None, &input).await?;
            }
            Self::Edit { name, rename, fields, enable, disable } => {
                let known = notify::find(engine, &name).await?;
                let mut input = known.to_input();
                input.name = rename.unwrap_or(input.name);
                input.enabled = enable || (input.enabled && !disable);
                fields.fill(engine, &mut input).await?;
                notify::save(engine, Some(known.id), &input).await?;
            }
            Self::List { json } => list_channels(engine, json).await?,
            Self::Test { name, json } => {
                let known = notify::find(engine, &name).await?;
                let test = notify::test(engine, known.id).await?;
                if json {
                    output::print_json(&test)?;
                } else {
                    output::print(&test.message);
                }
                return Ok(exit(test.is_good));
            }
            Self::Remove { name } => {
                let known = notify::find(engine, &name).await?;
                notify::remove(engine, known.id).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl ChannelFields {
    async fn fill(self, engine: &Engine, input: &mut ChannelInput) -> Result<()> {
        let pairs = [
            (self.host, &mut input.host),
            (self.port, &mut input.port),
            (self.security, &mut input.security),
            (self.username, &mut input.username),
            (self.from, &mut input.from),
            (self.to, &mut input.to),
            (self.server, &mut input.server),
            (self.topic, &mut input.topic),
            (self.tag, &mut input.tag),
            (self.transport, &mut input.transport),
            (self.facility, &mut input.facility),
        ];
        for (new, field) in pairs {
            if let Some(new) = new {
                *field = new;
            }
        }
        if let Some(name) = &self.backup {
            input.backup = config::find(engine, name).await?.id.to_string();
        }
        input.own_network = self.own_network.unwrap_or(input.own_network);
        if self.url_stdin {
            input.secret_url = output::read_secret("the address").await?;
        }
        if self.secret_stdin {
            input.secret = output::read_secret("the secret").await?;
        }
        if self.token_stdin {
            input.token = output::read_secret("the token").await?;
        }
        if self.password_stdin {
            input.password = output::read_secret("the password").await?;
        }
        Ok(())
    }
}

async fn list_channels(engine: &Engine, json: bool) -> Result<()> {
    let known = notify::list(engine).await?;
    if json {
        return output::print_json(&known);
    }
    let head = ["NAME", "KIND", "WHERE", "WAITING", "WORKED", "STATE"];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    for channel in known {
        table.push(vec![
            channel.name.clone(),
            channel.kind().as_str().to_owned(),
            channel.settings.words(),
            channel.waiting.to_string(),
            output::time(channel.last_ok_at),
            state_of(&channel),
        ]);
    }
    output::print_table(&table);
    Ok(())
}

fn state_of(channel: &Known) -> String {
    let state = match &channel.problem {
        _ if !channel.enabled => "disabled".to_owned(),
        Some(problem) => problem.clone(),
        None if channel.last_ok_at.is_none() => "not used yet".to_owned(),
        None => "works".to_owned(),
    };
    if channel.dropped > 0 { format!("{state}; {} messages were dropped", channel.dropped) } else { state }
}

impl Rule {
    async fn run(self, engine: &Arc<Engine>) -> Result<()> {
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

async fn deliveries(engine: &Engine, state: Option<&str>, before: Option<i64>, json: bool) -> Result<()> {
    let state = state.map(DeliveryState::parse).transpose().map_err(UserError::invalid)?;
    let page = notify::list_deliveries(engine, state, before.map(DeliveryId)).await?;
    if json {
        return output::print_json(&page.rows);
    }
    for delivery in page.rows {
        output::print(&format!(
            "{}  {}  {}  {}: {}",
            delivery.id,
            output::time(Some(delivery.created_at)),
            delivery.state.label(),
            delivery.channel,
            delivery.title
        ));
        for attempt in &delivery.attempts {
            let outcome = if attempt.is_good { "taken" } else { "not taken" };
            output::print(&format!(
                "    {}  {outcome} after {} ms: {}",
                output::time(Some(attempt.at)),
                attempt.duration_ms,
                attempt.answer
            ));
        }
    }
    if let Some(next) = page.next {
        output::say(&format!("There are older ones: --before {next}."));
    }
    Ok(())
}
