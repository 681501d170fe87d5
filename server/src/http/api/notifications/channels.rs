//! `/api/v1/notifications/channels`: where messages are sent to. Secrets go in and never come out.

use std::sync::Arc;

use axum::extract::Path;
use etiqa_engine::access::About;
use etiqa_engine::{Engine, notify};
use etiqa_model::notify::{
    Channel, ChannelInput, ChannelKind, ChannelSettings, MailSecurity, SyslogTransport,
};
use etiqa_model::user::Role;
use etiqa_model::{Secret, Timestamp, UserError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::api::answer::{Answered, Part, created, etag, item, limit, nothing, shown};
use crate::http::api::ask::{Ask, Edits};
use crate::http::api::cursor::after;
use crate::http::api::destinations::Tested;
use crate::http::api::words::{ChannelKindName, MailSecurityName, SyslogTransportName};

static EDITS: Edits = Edits::new();

pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, edit, remove))
        .routes(routes!(test))
}

/// A channel as it is filled in. Which fields count follows `kind`; a secret that is left out or empty stays as it was.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct ChannelWrite {
    /// Unique; required.
    name: String,
    /// It stays: another kind is another channel.
    #[schema(value_type = ChannelKindName)]
    kind: ChannelKind,
    /// Whether anything is sent to it.
    enabled: bool,
    /// Webhook, Slack, Teams, Apprise, heartbeat: the address, which is a secret itself.
    #[schema(value_type = String, format = Password, write_only)]
    secret_url: Secret,
    /// Webhook: what signs each message. Apprise without a key: where it passes messages on to.
    #[schema(value_type = String, format = Password, write_only)]
    secret: Secret,
    /// Webhook, ntfy: a token that is sent along.
    #[schema(value_type = String, format = Password, write_only)]
    token: Secret,
    /// E-mail, syslog: IP address or host name; required.
    host: String,
    /// E-mail, syslog: the usual one where there is none.
    port: Option<u16>,
    /// E-mail: how the connection is protected.
    #[schema(value_type = MailSecurityName)]
    security: MailSecurity,
    /// E-mail: the login name, or empty.
    username: String,
    /// E-mail.
    #[schema(value_type = String, format = Password, write_only)]
    password: Secret,
    /// E-mail: the sender's address; required.
    from: String,
    /// E-mail: the receivers' addresses, 50 at most; required.
    to: Vec<String>,
    /// ntfy: `https://…`; required.
    server: String,
    /// ntfy: required.
    topic: String,
    /// Apprise: which services of the key; empty: all.
    tag: String,
    /// Syslog: how it is reached.
    #[schema(value_type = SyslogTransportName)]
    transport: SyslogTransport,
    /// Syslog: 0 to 23; 16 (`local0`) where there is none.
    facility: Option<u8>,
    /// Heartbeat: the number of the backup config; required.
    backup: Option<i64>,
    /// Whether it may be in a private network.
    own_network: bool,
}

impl Default for ChannelWrite {
    fn default() -> Self {
        Self::from(ChannelInput::default())
    }
}

impl From<ChannelInput> for ChannelWrite {
    fn from(input: ChannelInput) -> Self {
        let to = input.to.split(',').map(str::trim).filter(|address| !address.is_empty());
        Self {
            to: to.map(str::to_owned).collect(),
            name: input.name,
            kind: ChannelKind::parse(&input.kind).unwrap_or(ChannelKind::Email),
            enabled: input.enabled,
            secret_url: input.secret_url,
            secret: input.secret,
            token: input.token,
            host: input.host,
            port: input.port.parse().ok(),
            security: MailSecurity::parse(&input.security).unwrap_or_default(),
            username: input.username,
            password: input.password,
            from: input.from,
            server: input.server,
            topic: input.topic,
            tag: input.tag,
            transport: SyslogTransport::parse(&input.transport).unwrap_or_default(),
            facility: input.facility.parse().ok(),
            backup: input.backup.parse().ok(),
            own_network: input.own_network,
        }
    }
}

impl ChannelWrite {
    /// As it is, but for its secrets.
    fn of(known: &Channel) -> Self {
        let usual = match &known.settings {
            ChannelSettings::Email(email) => Some(email.security.default_port()),
            ChannelSettings::Syslog(syslog) => Some(syslog.transport.default_port()),
            _ => None,
        };
        let filled = Self::from(known.to_input());
        // The usual port is left out, so that another protection brings its own.
        Self { port: filled.port.filter(|port| Some(*port) != usual), ..filled }
    }

    fn input(self) -> ChannelInput {
        ChannelInput {
            name: self.name,
            kind: self.kind.as_str().to_owned(),
            enabled: self.enabled,
            secret_url: self.secret_url,
            secret: self.secret,
            token: self.token,
            host: self.host,
            port: self.port.map(|port| port.to_string()).unwrap_or_default(),
            security: self.security.as_str().to_owned(),
            username: self.username,
            password: self.password,
            from: self.from,
            to: self.to.join(", "),
            server: self.server,
            topic: self.topic,
            tag: self.tag,
            transport: self.transport.as_str().to_owned(),
            facility: self.facility.map(|facility| facility.to_string()).unwrap_or_default(),
            backup: self.backup.map(|backup| backup.to_string()).unwrap_or_default(),
            own_network: self.own_network,
        }
    }
}

/// A channel, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
struct ChannelItem {
    id: i64,
    name: String,
    #[schema(value_type = ChannelKindName)]
    kind: ChannelKind,
    enabled: bool,
    /// Where it leads: the fields of its kind. Of an address that is a secret it is the host alone.
    #[schema(value_type = Object)]
    settings: serde_json::Value,
    /// When it last took a message.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_ok_at: Option<Timestamp>,
    /// Why it last did not, in a sentence.
    problem: Option<String>,
    /// How often in a row it did not.
    failures: u32,
    /// Nothing is tried before this time.
    #[schema(value_type = Option<String>, format = DateTime)]
    paused_until: Option<Timestamp>,
    /// Messages that wait for it.
    waiting: u64,
    /// Messages that were given up, because too many waited, since it last took one.
    dropped: u64,
    /// Rules that send to it.
    rules: u64,
}

impl ChannelItem {
    fn new(known: Channel) -> Result<Self, UserError> {
        Ok(Self {
            id: known.id.0,
            kind: known.kind(),
            settings: serde_json::to_value(&known.settings).map_err(|_| UserError::internal())?,
            name: known.name,
            enabled: known.enabled,
            last_ok_at: known.last_ok_at,
            problem: known.problem,
            failures: known.failures,
            paused_until: known.paused_until,
            waiting: known.waiting,
            dropped: known.dropped,
            rules: known.rules,
        })
    }
}

/// Which channels, and where the list goes on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ChannelQuery {
    /// Only of this kind.
    #[param(value_type = Option<ChannelKindName>, inline)]
    kind: Option<ChannelKind>,
    /// Only enabled or disabled ones.
    enabled: Option<bool>,
    /// How many at most, 1 to 500; 100 where nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the part before.
    cursor: Option<String>,
}

/// Channels, by name
///
/// Needs the role operator and no scope.
#[utoipa::path(get, path = "/api/v1/notifications/channels", operation_id = "channel_list", tag = "notifications",
    params(ChannelQuery), responses((status = 200, description = "A part of the list.", body = Part<ChannelItem>)))]
async fn list(ask: Ask) -> Answered {
    let context = ask.require(Role::Operator, About::Everything).await?;
    let query: ChannelQuery = ask.query()?;
    let (limit, last) = (limit(query.limit)?, after::<String>(query.cursor.as_deref())?);
    let mut all = notify::list(&context.engine).await?;
    all.retain(|known| query.kind.is_none_or(|kind| known.kind() == kind));
    all.retain(|known| query.enabled.is_none_or(|enabled| known.enabled == enabled));
    all.sort_by(|one, other| one.name.cmp(&other.name));
    let all: Vec<ChannelItem> = all.into_iter().map(ChannelItem::new).collect::<Result<_, _>>()?;
    Ok(shown(&Part::of_all(all, last.as_ref(), limit, |known| known.name.clone())))
}

/// Add a channel
///
/// Needs the role admin.
#[utoipa::path(post, path = "/api/v1/notifications/channels", operation_id = "channel_create", tag = "notifications",
    request_body = ChannelWrite,
    responses((status = 201, description = "It was added.", body = ChannelItem)))]
async fn create(ask: Ask) -> Answered {
    let context = ask.require(Role::Admin, About::Everything).await?;
    let new: ChannelWrite = ask.json()?;
    let id = notify::save(&context.engine, None, &new.input()).await?;
    let made = notify::fetch(&context.engine, id).await?;
    let tag = tag(&made)?;
    Ok(created(format!("/api/v1/notifications/channels/{id}"), &ChannelItem::new(made)?, &tag))
}

/// One channel
///
/// Needs the role operator and no scope.
#[utoipa::path(get, path = "/api/v1/notifications/channels/{id}", operation_id = "channel_show", tag = "notifications",
    params(("id" = i64, Path, description = "The channel's number.")),
    responses((status = 200, description = "The channel.", body = ChannelItem)))]
async fn show(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("channel", &id), |_| About::Everything).await?;
    let known = notify::fetch(&context.engine, id).await?;
    let tag = tag(&known)?;
    Ok(item(&ChannelItem::new(known)?, &tag))
}

/// Change a channel
///
/// Needs the role admin. A merge patch. One that is moved to another server forgets its secrets, which that would learn.
#[utoipa::path(patch, path = "/api/v1/notifications/channels/{id}", operation_id = "channel_edit", tag = "notifications",
    params(("id" = i64, Path, description = "The channel's number.")), request_body = ChannelWrite,
    responses((status = 200, description = "The channel as it is now.", body = ChannelItem)))]
async fn edit(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Admin, ("channel", &id), |_| About::Everything).await?;
    let _turn = EDITS.turn().await;
    let known = notify::fetch(&context.engine, id).await?;
    ask.must_match(&tag(&known)?)?;
    let changed = ask.patched(&ChannelWrite::of(&known))?;
    notify::save(&context.engine, Some(id), &changed.input()).await?;
    let known = notify::fetch(&context.engine, id).await?;
    let tag = tag(&known)?;
    Ok(item(&ChannelItem::new(known)?, &tag))
}

/// Remove a channel
///
/// Needs the role admin. Its messages go with it.
#[utoipa::path(delete, path = "/api/v1/notifications/channels/{id}", operation_id = "channel_remove",
    tag = "notifications", params(("id" = i64, Path, description = "The channel's number.")),
    responses((status = 204, description = "It is gone.")))]
async fn remove(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Admin, ("channel", &id), |_| About::Everything).await?;
    let _turn = EDITS.turn().await;
    ask.may_match(&tag(&notify::fetch(&context.engine, id).await?)?)?;
    notify::remove(&context.engine, id).await?;
    Ok(nothing())
}

/// Try a channel
///
/// Needs the role operator and no scope. Sends a test message, here and now.
#[utoipa::path(post, path = "/api/v1/notifications/channels/{id}/test", operation_id = "channel_test",
    tag = "notifications", params(("id" = i64, Path, description = "The channel's number.")),
    responses((status = 200, description = "What it came to.", body = Tested)))]
async fn test(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("channel", &id), |_| About::Everything).await?;
    let test = notify::test(&context.engine, id).await?;
    Ok(shown(&Tested { good: test.is_good, message: test.message }))
}

/// New secrets change it, too: the time says so.
fn tag(known: &Channel) -> Result<String, UserError> {
    etag(&(ChannelWrite::of(known), known.updated_at))
}
