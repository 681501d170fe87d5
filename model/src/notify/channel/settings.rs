//! Where a channel leads, kind by kind; everything that is not secret.

use serde::{Deserialize, Serialize};

use super::{ChannelInput, ChannelKind};
use crate::BackupConfigId;
use crate::field::by_name;

/// What a channel needs to be told, but for its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ChannelSettings {
    /// A mail server.
    Email(EmailSettings),
    /// Any program that takes JSON by HTTP.
    Webhook(WebSettings),
    /// A channel of Slack.
    Slack(WebSettings),
    /// A channel of Microsoft Teams.
    Teams(WebSettings),
    /// A topic of an ntfy server.
    Ntfy(NtfySettings),
    /// A syslog server.
    Syslog(SyslogSettings),
    /// An Apprise API.
    Apprise(AppriseSettings),
    /// A monitor of one backup.
    Heartbeat(HeartbeatSettings),
}

/// A mail server, from whom to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailSettings {
    /// IP address or host name.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// The login name; none: nobody is asked.
    pub username: Option<String>,
    /// The sender's address.
    pub from: String,
    /// The receivers' addresses.
    pub to: Vec<String>,
    /// Whether it may be in a private network.
    pub own_network: bool,
}

/// How the connection to a mail server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailSecurity {
    /// It begins in the clear and must go over to TLS (RFC 3207).
    #[default]
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// Everybody on the way can read it.
    None,
}

impl MailSecurity {
    /// Every choice.
    pub const ALL: &[Self] = &[Self::Starttls, Self::Tls, Self::None];

    /// The name in the database, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starttls => "starttls",
            Self::Tls => "tls",
            Self::None => "none",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Starttls => "STARTTLS",
            Self::Tls => "TLS",
            Self::None => "None: in the clear",
        }
    }

    /// The port that is usual for it.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Starttls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }

    /// The choice of this name, in any case.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("protection of mail", name, Self::ALL, Self::as_str)
    }
}

/// An address that is a secret itself: whoever knows it may send there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebSettings {
    /// The host of the address, which is all that is shown of it.
    pub host: String,
    /// Whether it may be in a private network.
    pub own_network: bool,
}

/// A topic of an ntfy server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NtfySettings {
    /// `https://…`, without the topic.
    pub server: String,
    /// The topic.
    pub topic: String,
    /// Whether it may be in a private network.
    pub own_network: bool,
}

/// A syslog server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyslogSettings {
    /// IP address or host name.
    pub host: String,
    /// UDP or TCP port.
    pub port: u16,
    /// How it is reached.
    pub transport: SyslogTransport,
    /// Its number in RFC 5424, 0 to 23.
    pub facility: u8,
    /// Whether it may be in a private network.
    pub own_network: bool,
}

/// How a syslog server is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyslogTransport {
    /// A datagram each (RFC 5426): nobody says whether it came.
    #[default]
    Udp,
    /// Counted frames over TCP (RFC 6587).
    Tcp,
    /// The same over TLS (RFC 5425).
    Tls,
}

impl SyslogTransport {
    /// Every way.
    pub const ALL: &[Self] = &[Self::Udp, Self::Tcp, Self::Tls];

    /// The name in the database, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }

    /// The port that is usual for it.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Udp => 514,
            Self::Tcp => 601,
            Self::Tls => 6514,
        }
    }

    /// The way of this name, in any case.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("way to a syslog server", name, Self::ALL, Self::as_str)
    }
}

/// An Apprise API. Its address is a secret: whoever knows the key in it may send there, and ask where that leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppriseSettings {
    /// The host of the address, which is all that is shown of it.
    pub host: String,
    /// Which of the key's services; empty: all.
    pub tag: String,
    /// Whether it may be in a private network.
    pub own_network: bool,
}

/// A monitor that expects pings of the runs of one backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatSettings {
    /// The host of the address, which is all that is shown of it.
    pub host: String,
    /// Of which backup.
    pub backup: BackupConfigId,
    /// Whether it may be in a private network.
    pub own_network: bool,
}

impl ChannelSettings {
    /// What kind of place it leads to.
    pub fn kind(&self) -> ChannelKind {
        match self {
            Self::Email(_) => ChannelKind::Email,
            Self::Webhook(_) => ChannelKind::Webhook,
            Self::Slack(_) => ChannelKind::Slack,
            Self::Teams(_) => ChannelKind::Teams,
            Self::Ntfy(_) => ChannelKind::Ntfy,
            Self::Syslog(_) => ChannelKind::Syslog,
            Self::Apprise(_) => ChannelKind::Apprise,
            Self::Heartbeat(_) => ChannelKind::Heartbeat,
        }
    }

    /// The backup that it tells of, where it is of one.
    pub fn backup(&self) -> Option<BackupConfigId> {
        match self {
            Self::Heartbeat(heartbeat) => Some(heartbeat.backup),
            _ => None,
        }
    }

    /// Whether it may be in a private network.
    pub fn own_network(&self) -> bool {
        match self {
            Self::Email(email) => email.own_network,
            Self::Webhook(web) | Self::Slack(web) | Self::Teams(web) => web.own_network,
            Self::Ntfy(ntfy) => ntfy.own_network,
            Self::Syslog(syslog) => syslog.own_network,
            Self::Apprise(apprise) => apprise.own_network,
            Self::Heartbeat(heartbeat) => heartbeat.own_network,
        }
    }

    /// Where it leads, for a person.
    pub fn words(&self) -> String {
        match self {
            Self::Email(email) => {
                format!("{} by {}:{}", email.to.join(", "), email.host, email.port)
            }
            Self::Webhook(web) | Self::Slack(web) | Self::Teams(web) => web.host.clone(),
            Self::Ntfy(ntfy) => format!("{}/{}", ntfy.server, ntfy.topic),
            Self::Syslog(syslog) => {
                format!("{}:{} by {}", syslog.host, syslog.port, syslog.transport.label())
            }
            Self::Apprise(apprise) if apprise.tag.is_empty() => apprise.host.clone(),
            Self::Apprise(apprise) => format!("{}, tag {}", apprise.host, apprise.tag),
            Self::Heartbeat(heartbeat) => heartbeat.host.clone(),
        }
    }

    /// Whether secrets of the one may be sent to the other: it is the same server.
    pub fn is_same_server(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Email(a), Self::Email(b)) => {
                (&a.host, a.port, &a.username) == (&b.host, b.port, &b.username)
                    && (a.security == b.security || b.security != MailSecurity::None)
            }
            (Self::Ntfy(a), Self::Ntfy(b)) => a.server == b.server,
            // The address is a secret itself, and what goes with it goes to its host.
            (Self::Apprise(a), Self::Apprise(b)) => a.host == b.host,
            (Self::Webhook(a), Self::Webhook(b))
            | (Self::Slack(a), Self::Slack(b))
            | (Self::Teams(a), Self::Teams(b)) => a.host == b.host,
            (Self::Heartbeat(a), Self::Heartbeat(b)) => a.host == b.host,
            (Self::Syslog(_), Self::Syslog(_)) => true,
            _ => false,
        }
    }

    /// Fills a form with it.
    pub(super) fn fill(&self, input: &mut ChannelInput) {
        input.own_network = self.own_network();
        match self.clone() {
            Self::Email(email) => {
                input.host = email.host;
                input.port = email.port.to_string();
                email.security.as_str().clone_into(&mut input.security);
                input.username = email.username.unwrap_or_default();
                input.from = email.from;
                input.to = email.to.join(", ");
            }
            Self::Webhook(_) | Self::Slack(_) | Self::Teams(_) => {}
            Self::Ntfy(ntfy) => {
                input.server = ntfy.server;
                input.topic = ntfy.topic;
            }
            Self::Syslog(syslog) => {
                input.host = syslog.host;
                input.port = syslog.port.to_string();
                syslog.transport.as_str().clone_into(&mut input.transport);
                input.facility = syslog.facility.to_string();
            }
            Self::Apprise(apprise) => input.tag = apprise.tag,
            Self::Heartbeat(heartbeat) => input.backup = heartbeat.backup.to_string(),
        }
    }
}
