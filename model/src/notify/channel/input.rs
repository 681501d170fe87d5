//! A channel as a person fills it in, and what becomes of it.

use serde::{Deserialize, Serialize};

use super::ChannelKind;
use super::settings::{
    AppriseSettings, ChannelSettings, EmailSettings, HeartbeatSettings, MailSecurity, NtfySettings,
    SyslogSettings, SyslogTransport, WebSettings,
};
use crate::field::{Fields, number, optional_text, short_text};
use crate::{BackupConfigId, Secret, UserError};

/// Receivers of one channel's mails.
const MOST_RECEIVERS: usize = 50;
/// `local0` of RFC 5424.
const FACILITY: u32 = 16;

/// A channel as a person fills it in, every field a text. Which of them count follows the kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChannelInput {
    /// Unique; required.
    pub name: String,
    /// `email`, `webhook`, `slack`, `teams`, `ntfy`, `syslog`, `apprise` or `heartbeat`.
    pub kind: String,
    /// Whether anything is sent to it.
    pub enabled: bool,
    /// Webhook, Slack, Teams, Apprise, heartbeat: the address, a secret itself. Empty while editing: as it was.
    pub secret_url: Secret,
    /// Webhook: what signs each message. Apprise without a key: where it passes messages on to. Empty while editing: as it
    /// was.
    pub secret: Secret,
    /// Webhook, ntfy: a token that is sent along. Empty while editing: as it was.
    pub token: Secret,
    /// E-mail, syslog: IP address or host name; required.
    pub host: String,
    /// E-mail, syslog: the usual one when empty.
    pub port: String,
    /// E-mail: `starttls`, `tls` or `none`; the first when empty.
    pub security: String,
    /// E-mail: the login name, or empty.
    pub username: String,
    /// E-mail: empty while editing: as it was.
    pub password: Secret,
    /// E-mail: the sender's address; required.
    pub from: String,
    /// E-mail: the receivers' addresses with commas between; required.
    pub to: String,
    /// ntfy: `https://…`; required.
    pub server: String,
    /// ntfy: required.
    pub topic: String,
    /// Apprise: which services of the key; all when empty.
    pub tag: String,
    /// Syslog: `udp`, `tcp` or `tls`; the first when empty.
    pub transport: String,
    /// Syslog: 0 to 23; 16 (`local0`) when empty.
    pub facility: String,
    /// Heartbeat: the number of the backup; required.
    pub backup: String,
    /// Whether it may be in a private network.
    pub own_network: bool,
}

impl Default for ChannelInput {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: ChannelKind::Email.as_str().to_owned(),
            enabled: true,
            secret_url: Secret::default(),
            secret: Secret::default(),
            token: Secret::default(),
            host: String::new(),
            port: String::new(),
            security: MailSecurity::default().as_str().to_owned(),
            username: String::new(),
            password: Secret::default(),
            from: String::new(),
            to: String::new(),
            server: String::new(),
            topic: String::new(),
            tag: String::new(),
            transport: SyslogTransport::default().as_str().to_owned(),
            facility: String::new(),
            backup: String::new(),
            own_network: false,
        }
    }
}

/// Everything secret of a channel; what its kind does not need is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChannelSecrets {
    /// Webhook, Slack, Teams, Apprise, heartbeat.
    pub url: Secret,
    /// Webhook, Apprise.
    pub secret: Secret,
    /// Webhook, ntfy.
    pub token: Secret,
    /// E-mail.
    pub password: Secret,
}

impl ChannelSecrets {
    /// These, and where one is empty the one of `before`.
    #[must_use]
    pub fn or(self, before: &Self) -> Self {
        let or = |new: Secret, old: &Secret| if new.is_empty() { old.clone() } else { new };
        Self {
            url: or(self.url, &before.url),
            secret: or(self.secret, &before.secret),
            token: or(self.token, &before.token),
            password: or(self.password, &before.password),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        let Self { url, secret, token, password } = self;
        [url, secret, token, password].into_iter().all(Secret::is_empty)
    }
}

/// A channel ready to be stored. The host of an address that was left empty is empty: it is as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChannel {
    /// Unique.
    pub name: String,
    /// Where it leads.
    pub settings: ChannelSettings,
    /// Those that were given; the others stay as they were.
    pub secrets: ChannelSecrets,
    /// Whether anything is sent to it.
    pub enabled: bool,
}

impl ChannelInput {
    /// Checks every field that the kind needs; the error names each wrong one.
    pub fn parse(&self) -> Result<NewChannel, UserError> {
        let mut fields = Fields::default();
        let name = fields.check("name", short_text("The name", &self.name, 100));
        let settings = match fields.check("kind", ChannelKind::parse(&self.kind)) {
            Some(ChannelKind::Email) => self.email(&mut fields).map(ChannelSettings::Email),
            Some(ChannelKind::Webhook) => self.web(&mut fields).map(ChannelSettings::Webhook),
            Some(ChannelKind::Slack) => self.web(&mut fields).map(ChannelSettings::Slack),
            Some(ChannelKind::Teams) => self.web(&mut fields).map(ChannelSettings::Teams),
            Some(ChannelKind::Ntfy) => self.ntfy(&mut fields).map(ChannelSettings::Ntfy),
            Some(ChannelKind::Syslog) => self.syslog(&mut fields).map(ChannelSettings::Syslog),
            Some(ChannelKind::Apprise) => self.apprise(&mut fields).map(ChannelSettings::Apprise),
            Some(ChannelKind::Heartbeat) => self.heartbeat(&mut fields).map(ChannelSettings::Heartbeat),
            None => None,
        };
        // Several addresses may stand in lines of their own; a token goes into a header.
        if self.secret.reveal().chars().any(|c| c.is_control() && c != '\n' && c != '\r') {
            fields.wrong("secret", "It has a control character in it.");
        }
        if self.token.reveal().trim().chars().any(char::is_control) {
            fields.wrong("token", "It has a line break or another control character in it.");
        }
        fields.finish()?;
        match (name, settings) {
            (Some(name), Some(settings)) => {
                let secrets = self.secrets(settings.kind());
                Ok(NewChannel { name, settings, secrets, enabled: self.enabled })
            }
            // Whatever is missing here was named above.
            _ => Err(UserError::invalid("Fill in where the channel leads.")),
        }
    }

    /// Those that the kind has a use for.
    fn secrets(&self, kind: ChannelKind) -> ChannelSecrets {
        let mut secrets = ChannelSecrets::default();
        match kind {
            ChannelKind::Email => secrets.password = self.password.clone(),
            ChannelKind::Webhook => {
                secrets.url = trimmed(&self.secret_url);
                secrets.secret = trimmed(&self.secret);
                secrets.token = trimmed(&self.token);
            }
            ChannelKind::Slack | ChannelKind::Teams | ChannelKind::Heartbeat => {
                secrets.url = trimmed(&self.secret_url);
            }
            ChannelKind::Ntfy => secrets.token = trimmed(&self.token),
            ChannelKind::Apprise => {
                secrets.url = trimmed(&self.secret_url);
                secrets.secret = trimmed(&self.secret);
            }
            ChannelKind::Syslog => {}
        }
        secrets
    }

    fn email(&self, fields: &mut Fields) -> Option<EmailSettings> {
        let security = match self.security.trim() {
            "" => Some(MailSecurity::default()),
            security => fields.check("security", MailSecurity::parse(security)),
        };
        let (host, port) = self.server_of(fields, security.unwrap_or_default().default_port());
        let username = fields.check("username", optional_text("The user name", &self.username, 200));
        let from = fields.check("from", mail_address(&self.from));
        let to: Vec<String> = self
            .to
            .split([',', ';', '\n'])
            .filter(|address| !address.trim().is_empty())
            .filter_map(|address| fields.check("to", mail_address(address)))
            .collect();
        if to.is_empty() {
            fields.wrong("to", "Name at least one address that mails go to.");
        } else if to.len() > MOST_RECEIVERS {
            fields
                .wrong("to", format!("These are more than {MOST_RECEIVERS} addresses: use a mailing list."));
        }
        Some(EmailSettings {
            host: host?,
            port: port?,
            security: security?,
            username: username.filter(|name| !name.is_empty()),
            from: from?,
            to,
            own_network: self.own_network,
        })
    }

    fn web(&self, fields: &mut Fields) -> Option<WebSettings> {
        Some(WebSettings { host: self.host_of_url(fields)?, own_network: self.own_network })
    }

    fn ntfy(&self, fields: &mut Fields) -> Option<NtfySettings> {
        let server = fields.check("server", web_address("The server", &self.server));
        let topic = fields.check("topic", short_text("The topic", &self.topic, 64));
        // As ntfy's own server takes them.
        let is_odd = |c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_';
        if topic.as_ref().is_some_and(|topic| topic.contains(is_odd)) {
            fields.wrong("topic", "A topic has only letters, digits, - and _ in it.");
        }
        Some(NtfySettings { server: server?, topic: topic?, own_network: self.own_network })
    }

    fn syslog(&self, fields: &mut Fields) -> Option<SyslogSettings> {
        let transport = match self.transport.trim() {
            "" => Some(SyslogTransport::default()),
            transport => fields.check("transport", SyslogTransport::parse(transport)),
        };
        let (host, port) = self.server_of(fields, transport.unwrap_or_default().default_port());
        let facility = number("The facility", &self.facility, 0..=23, Some(FACILITY));
        let facility = fields.check("facility", facility);
        Some(SyslogSettings {
            host: host?,
            port: port?,
            transport: transport?,
            facility: u8::try_from(facility?).ok()?,
            own_network: self.own_network,
        })
    }

    fn apprise(&self, fields: &mut Fields) -> Option<AppriseSettings> {
        let host = self.host_of_url(fields);
        let tag = fields.check("tag", optional_text("The tag", &self.tag, 200));
        Some(AppriseSettings { host: host?, tag: tag?, own_network: self.own_network })
    }

    fn heartbeat(&self, fields: &mut Fields) -> Option<HeartbeatSettings> {
        let host = self.host_of_url(fields);
        let backup = self.backup.trim().parse::<i64>().ok().filter(|id| *id > 0);
        if backup.is_none() {
            fields.wrong("backup", "Choose the backup that it is to tell of.");
        }
        Some(HeartbeatSettings {
            host: host?,
            backup: BackupConfigId(backup?),
            own_network: self.own_network,
        })
    }

    /// Host and port of a server that is no web server.
    fn server_of(&self, fields: &mut Fields, usual_port: u16) -> (Option<String>, Option<u16>) {
        let host = fields.check("host", short_text("The server", &self.host, 253));
        if host.as_ref().is_some_and(|host| host.contains(['/', '@', ' '])) {
            fields.wrong("host", "The server is an IP address or a host name, nothing else.");
        }
        let port = number("The port", &self.port, 1..=65_535, Some(u32::from(usual_port)));
        let port = fields.check("port", port).and_then(|port| u16::try_from(port).ok());
        (host, port)
    }

    /// The host of the secret address; an empty one of an empty address, which is as it was.
    fn host_of_url(&self, fields: &mut Fields) -> Option<String> {
        let url = self.secret_url.reveal().trim();
        if url.is_empty() {
            return Some(String::new());
        }
        // No message repeats it.
        let host = fields.check("secret_url", host_of(url).ok_or_else(|| NO_URL.to_owned()))?;
        if url.len() > 2_000 || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
            fields.wrong("secret_url", NO_URL);
        }
        Some(host)
    }
}

const NO_URL: &str = "The address begins with https:// (or http:// in a network that you trust), without spaces and without \
                      a login in it.";

fn trimmed(secret: &Secret) -> Secret {
    Secret::new(secret.reveal().trim())
}

/// The host of a web address, with its port; none of anything else, and where a login is in it.
fn host_of(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    (!host.is_empty() && !host.contains(['@', ' ', '\\'])).then(|| host.to_owned())
}

/// A web address that is no secret, without the slash at its end.
fn web_address(what: &str, url: &str) -> Result<String, String> {
    let url = short_text(what, url, 1000)?;
    if host_of(&url).is_none() {
        return Err(format!(
            "{what} begins with https:// (or http:// in a network that you trust), without a login in it."
        ));
    }
    if url.contains(['?', '#', ' ', '"', '\\']) {
        return Err(format!("{what} is only a host and a path."));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

/// An address of mail, roughly as RFC 5321 has it; the mail library looks at it again.
fn mail_address(text: &str) -> Result<String, String> {
    let address = short_text("The address", text, 254)?;
    let wrong = || format!("\"{address}\" is no mail address; write it as name@example.com.");
    let (name, domain) = address.rsplit_once('@').ok_or_else(wrong)?;
    let is_odd = |c: char| c.is_whitespace() || "<>()[],;:\\\"@".contains(c);
    if name.is_empty() || domain.is_empty() || name.contains(is_odd) || domain.contains(is_odd) {
        return Err(wrong());
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(change: impl FnOnce(&mut ChannelInput)) -> Vec<String> {
        let mut input = ChannelInput { name: "On call".into(), ..ChannelInput::default() };
        change(&mut input);
        input.parse().unwrap_err().fields.into_iter().map(|error| error.field).collect()
    }

    fn kind(kind: &'static str) -> impl FnOnce(&mut ChannelInput) {
        move |input| kind.clone_into(&mut input.kind)
    }

    #[test]
    fn each_kind_asks_for_what_it_needs_and_for_nothing_else() {
        assert_eq!(wrong(kind("email")), ["host", "from", "to"]);
        assert_eq!(wrong(kind("ntfy")), ["server", "topic"]);
        assert_eq!(wrong(kind("syslog")), ["host"]);
        assert_eq!(wrong(kind("heartbeat")), ["backup"]);
        assert_eq!(wrong(kind("pigeon")), ["kind"]);
    }

    #[test]
    fn a_token_is_one_line() {
        let with = |token: &'static str| {
            move |input: &mut ChannelInput| {
                input.secret_url = Secret::new("https://example.com/hook");
                (input.kind, input.token) = ("webhook".into(), Secret::new(token));
            }
        };
        assert_eq!(wrong(with("one\r\nX-Other: two")), ["token"]);
        let mut input = ChannelInput { name: "On call".into(), ..ChannelInput::default() };
        with(" one\n")(&mut input);
        assert_eq!(input.parse().unwrap().secrets.token.reveal(), "one");
    }

    #[test]
    fn the_usual_port_is_that_of_the_protection() {
        let port = |security: &str| {
            let input = ChannelInput {
                name: "Mail".into(),
                host: "mail.lan".into(),
                security: security.into(),
                from: "etiqa@example.com".into(),
                to: "noc@example.com; ada@example.com".into(),
                ..ChannelInput::default()
            };
            let ChannelSettings::Email(email) = input.parse().unwrap().settings else { panic!("mail") };
            assert_eq!(email.to.len(), 2);
            email.port
        };
        assert_eq!([port(""), port("tls"), port("none")], [587, 465, 25]);
    }

    #[test]
    fn an_address_that_is_a_secret_is_shown_by_its_host_alone() {
        let input = ChannelInput {
            name: "Chat".into(),
            kind: "slack".into(),
            secret_url: Secret::new(" https://hooks.slack.com/services/T0/B0/hunter2 "),
            ..ChannelInput::default()
        };
        let new = input.parse().unwrap();
        assert_eq!(new.settings.words(), "hooks.slack.com");
        let url = Secret::new("https://apprise.example.com/notify/hunter2");
        let apprise = ChannelInput { kind: "apprise".into(), secret_url: url, ..input.clone() };
        assert_eq!(apprise.parse().unwrap().settings.words(), "apprise.example.com");
        assert_eq!(new.secrets.url.reveal(), "https://hooks.slack.com/services/T0/B0/hunter2");
        assert!(!format!("{new:?} {input:?}").contains("hunter2"));
        for url in ["ftp://hunter2", "https://", "https://ada:hunter2@x/", "https://x/hunter 2"] {
            let input = ChannelInput { secret_url: Secret::new(url), ..input.clone() };
            let error = input.parse().unwrap_err();
            assert!(error.field("secret_url").is_some_and(|words| !words.contains("hunter2")), "{error:?}");
        }
    }

    #[test]
    fn a_mail_address_is_a_name_and_a_domain_without_more() {
        for address in ["noc", "@example.com", "noc@", "a b@example.com", "Ada <ada@example.com>", "a@b@c"] {
            assert!(mail_address(address).is_err(), "{address}");
        }
        assert_eq!(mail_address(" noc@example.com ").as_deref(), Ok("noc@example.com"));
    }
}
