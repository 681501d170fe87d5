//! Channels: where messages are sent to.

mod input;
mod settings;

use serde::{Deserialize, Serialize};

use crate::field::by_name;
use crate::{ChannelId, Timestamp};

pub use input::{ChannelInput, ChannelSecrets, NewChannel};
pub use settings::{
    AppriseSettings, ChannelSettings, EmailSettings, HeartbeatSettings, MailSecurity, NtfySettings,
    SyslogSettings, SyslogTransport, WebSettings,
};

/// What kind of place a channel leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// A mail server.
    Email,
    /// Any program that takes JSON by HTTP.
    Webhook,
    /// A channel of Slack.
    Slack,
    /// A channel of Microsoft Teams, by a workflow.
    Teams,
    /// A topic of an ntfy server.
    Ntfy,
    /// A syslog server (RFC 5424).
    Syslog,
    /// An Apprise API, which reaches many others.
    Apprise,
    /// A monitor that expects pings of the runs of one backup, such as Healthchecks.
    Heartbeat,
}

impl ChannelKind {
    /// Every kind.
    pub const ALL: &[Self] = &[
        Self::Email,
        Self::Webhook,
        Self::Slack,
        Self::Teams,
        Self::Ntfy,
        Self::Syslog,
        Self::Apprise,
        Self::Heartbeat,
    ];

    /// The name in the database, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Teams => "teams",
            Self::Ntfy => "ntfy",
            Self::Syslog => "syslog",
            Self::Apprise => "apprise",
            Self::Heartbeat => "heartbeat",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Email => "E-mail",
            Self::Webhook => "Webhook",
            Self::Slack => "Slack",
            Self::Teams => "Microsoft Teams",
            Self::Ntfy => "ntfy",
            Self::Syslog => "Syslog",
            Self::Apprise => "Apprise",
            Self::Heartbeat => "Heartbeat",
        }
    }

    /// The kind of this name, in any case.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("kind of channel", name, Self::ALL, Self::as_str)
    }
}

/// A channel as pages show it: no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Row id.
    pub id: ChannelId,
    /// Unique.
    pub name: String,
    /// What kind of place it leads to, and where that is.
    pub settings: ChannelSettings,
    /// Whether anything is sent to it.
    pub enabled: bool,
    /// When it last took a message.
    pub last_ok_at: Option<Timestamp>,
    /// Why it last did not; one sentence.
    pub problem: Option<String>,
    /// How often in a row it did not.
    pub failures: u32,
    /// Nothing is tried before this time.
    pub paused_until: Option<Timestamp>,
    /// Messages that wait for it.
    pub waiting: u64,
    /// Messages that were given up, because too many waited, since it last took one.
    pub dropped: u64,
    /// Rules that send to it.
    pub rules: u64,
    /// When a person last changed it. Not for browsers.
    #[serde(skip)]
    pub updated_at: Option<Timestamp>,
}

impl Channel {
    /// What kind of place it leads to.
    pub fn kind(&self) -> ChannelKind {
        self.settings.kind()
    }

    /// The same channel as a person would fill it in; secrets stay where they are.
    pub fn to_input(&self) -> ChannelInput {
        let mut input = ChannelInput {
            name: self.name.clone(),
            kind: self.kind().as_str().to_owned(),
            enabled: self.enabled,
            ..ChannelInput::default()
        };
        self.settings.fill(&mut input);
        input
    }
}

/// A channel's name, kind and id, where no more is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelName {
    /// Row id.
    pub id: ChannelId,
    /// Unique.
    pub name: String,
    /// What kind of place it leads to.
    pub kind: ChannelKind,
}

/// What a test of a channel came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelTest {
    /// Whether the other side took the message.
    pub is_good: bool,
    /// What it answered, or why there was no answer.
    pub message: String,
}
