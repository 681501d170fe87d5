//! `etiqa notify channel`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use etiqa_engine::backup::config;
use etiqa_engine::notify;
use etiqa_engine::{Engine, Result};
use etiqa_model::notify::{Channel as Known, ChannelInput};

use crate::cli::{exit, output};

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

impl Channel {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
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
