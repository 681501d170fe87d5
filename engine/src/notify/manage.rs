//! What people do with channels: add, change, remove, test.

use std::time::{Duration, Instant};

use etiqa_model::event::Topic;
use etiqa_model::notify::{
    Attempt, Channel, ChannelInput, ChannelKind, ChannelSecrets, ChannelSettings, ChannelTest, MailSecurity,
    NewChannel,
};
use etiqa_model::{ChannelId, FieldError, UserError};
use serde_json::json;
use tokio::time::timeout;

use super::channels::{deliver, key_of};
use super::compose::test_message;
use super::send::{queue_due, row_name, secrets_of};
use crate::audit::{Act, Changes, action, record_if_asked_in_txn, record_in_txn};
use crate::db::DbError;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::outgoing::{Kind, NoWay};
use crate::store::backup_config::backup_config_fetch;
use crate::store::notify::channel::{
    ChannelRow, KeyedChannel, channel_delete_in_txn, channel_fetch, channel_fetch_by_name,
    channel_fetch_in_txn, channel_insert_in_txn, channel_list, channel_problem_in_txn, channel_seal_in_txn,
    channel_update_in_txn, channel_worked_in_txn,
};
use crate::store::notify::delivery::{Content, NewDelivery, delivery_insert_ended_in_txn};
use crate::time::now;

/// How long a name may take to be looked up.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// Every channel, by name.
pub async fn list(engine: &Engine) -> Result<Vec<Channel>> {
    Ok(channel_list(&engine.db).await?)
}

/// The channel of this number.
pub async fn fetch(engine: &Engine, id: ChannelId) -> Result<Channel> {
    Ok(channel_fetch(&engine.db, id).await?.ok_or_else(|| missing(id))?.channel)
}

/// The channel of this name.
pub async fn find(engine: &Engine, name: &str) -> Result<Channel> {
    let found = channel_fetch_by_name(&engine.db, name).await?;
    Ok(found.ok_or_else(|| UserError::not_found(format!("channel named \"{name}\"")))?.channel)
}

/// Adds (`id` none) or changes a channel. Empty secrets stay as they were, unless it is another server: that one would learn
/// them.
pub async fn save(engine: &Engine, id: Option<ChannelId>, input: &ChannelInput) -> Result<ChannelId> {
    let mut new = input.parse()?;
    let known = match id {
        Some(id) => Some(channel_fetch(&engine.db, id).await?.ok_or_else(|| missing(id))?),
        None => None,
    };
    keep_host(&mut new, known.as_ref())?;
    let before = match &known {
        Some(known) => secrets_before(engine, known, &new)?,
        None => ChannelSecrets::default(),
    };
    let secrets = new.secrets.clone().or(&before);
    check_secrets(&new, &secrets)?;
    check_backup(engine, &new.settings).await?;
    refuse_odd_place(engine, &new.settings, &secrets).await?;
    let at = now();
    let row = ChannelRow { name: new.name, settings: new.settings, enabled: new.enabled };
    let mut tx = engine.db.write().await?;
    let id = match &known {
        Some(known) => {
            let id = known.channel.id;
            if channel_fetch_in_txn(&mut tx, id).await?.is_none() {
                return Err(missing(id).into());
            }
            channel_update_in_txn(&mut tx, id, &row, at).await.map_err(|error| taken(error, &row.name))?;
            id
        }
        None => channel_insert_in_txn(&mut tx, &row, at).await.map_err(|error| taken(error, &row.name))?,
    };
    let sealed =
        if secrets.is_empty() { None } else { Some(engine.vault.seal_json(&row_name(id), &secrets)?) };
    channel_seal_in_txn(&mut tx, id, sealed).await?;
    let changes =
        told(known.as_ref().map(|known| &known.channel), &row).and_secret("secrets", secrets != before);
    let action = if known.is_some() { action::CHANNEL_CHANGE } else { action::CHANNEL_ADD };
    record_in_txn(&mut tx, Act::new(action).on(id.0, &row.name).changing(changes)).await?;
    tx.commit().await?;
    engine.events.send(Topic::Admin, id.0);
    queue_due(engine, at).await?;
    Ok(id)
}

/// What of a channel is changed: how it is set up.
fn told(was: Option<&Channel>, row: &ChannelRow) -> Changes {
    let after = json!({"name": row.name, "settings": row.settings, "enabled": row.enabled});
    was.map_or_else(|| Changes::of_new(&after), |was| Changes::between(was, &after))
}

/// The host of an address that was left as it was.
fn keep_host(new: &mut NewChannel, known: Option<&KeyedChannel>) -> Result<(), UserError> {
    let own = match &mut new.settings {
        ChannelSettings::Webhook(web) | ChannelSettings::Slack(web) | ChannelSettings::Teams(web) => {
            &mut web.host
        }
        ChannelSettings::Apprise(apprise) => &mut apprise.host,
        ChannelSettings::Heartbeat(heartbeat) => &mut heartbeat.host,
        _ => return Ok(()),
    };
    if !own.is_empty() {
        return Ok(());
    }
    let before = match known.map(|known| &known.channel.settings) {
        Some(ChannelSettings::Webhook(web) | ChannelSettings::Slack(web) | ChannelSettings::Teams(web)) => {
            web.host.clone()
        }
        Some(ChannelSettings::Apprise(apprise)) => apprise.host.clone(),
        Some(ChannelSettings::Heartbeat(heartbeat)) => heartbeat.host.clone(),
        _ => String::new(),
    };
    if before.is_empty() {
        return Err(in_field("secret_url", "Fill in the address."));
    }
    *own = before;
    Ok(())
}

/// What it knows of secrets that may still be used with what was filled in.
fn secrets_before(engine: &Engine, known: &KeyedChannel, new: &NewChannel) -> Result<ChannelSecrets> {
    let settings = &known.channel.settings;
    if settings.kind() != new.settings.kind() {
        let message = "A channel stays of its kind: add another one instead.";
        return Err(in_field("kind", message).into());
    }
    if settings.is_same_server(&new.settings) {
        secrets_of(engine, known)
    } else {
        Ok(ChannelSecrets::default())
    }
}

fn check_secrets(new: &NewChannel, secrets: &ChannelSecrets) -> Result<(), UserError> {
    match &new.settings {
        ChannelSettings::Email(email) if email.username.is_some() && secrets.password.is_empty() => {
            Err(in_field("password", "Fill in the password, or leave the user name empty."))
        }
        ChannelSettings::Email(email)
            if email.username.is_none() && !secrets.password.is_empty() && !new.secrets.is_empty() =>
        {
            Err(in_field("username", "A password goes with a user name."))
        }
        ChannelSettings::Email(email)
            if email.security == MailSecurity::None && email.username.is_some() && !email.own_network =>
        {
            let message = "The password would cross the internet in the clear: choose STARTTLS or TLS.";
            Err(in_field("security", message))
        }
        ChannelSettings::Webhook(_)
            if !secrets.secret.is_empty() && key_of(secrets.secret.reveal()).is_none() =>
        {
            Err(in_field("secret", "Behind whsec_ stands a key in base64: this is none."))
        }
        settings if needs_url(settings.kind()) && secrets.url.is_empty() => {
            Err(in_field("secret_url", "Fill in the address."))
        }
        _ => Ok(()),
    }
}

fn needs_url(kind: ChannelKind) -> bool {
    matches!(
        kind,
        ChannelKind::Webhook
            | ChannelKind::Slack
            | ChannelKind::Teams
            | ChannelKind::Apprise
            | ChannelKind::Heartbeat
    )
}

async fn check_backup(engine: &Engine, settings: &ChannelSettings) -> Result<()> {
    if let Some(backup) = settings.backup()
        && backup_config_fetch(&engine.db, backup).await?.is_none()
    {
        return Err(in_field("backup", "There is no such backup any more: choose another one.").into());
    }
    Ok(())
}

/// One that nothing may be sent to. A name that leads nowhere today may do so tomorrow.
async fn refuse_odd_place(
    engine: &Engine,
    settings: &ChannelSettings,
    secrets: &ChannelSecrets,
) -> Result<(), UserError> {
    let (field, host) = match settings {
        ChannelSettings::Email(email) => ("host", Some(email.host.clone())),
        ChannelSettings::Syslog(syslog) => ("host", Some(syslog.host.clone())),
        ChannelSettings::Ntfy(ntfy) => ("server", host_of(&ntfy.server)),
        _ => ("secret_url", host_of(secrets.url.reveal())),
    };
    let Some(host) = host else { return Err(in_field(field, "The address cannot be used: check it.")) };
    let outgoing = engine.reach.outgoing(settings.own_network());
    match timeout(LONGEST_LOOK, outgoing.resolve(&host)).await {
        Ok(Err(NoWay::Refused(refused))) if refused.kind == Kind::Private => {
            Err(in_field("own_network", refused.to_string()))
        }
        Ok(Err(NoWay::Refused(refused))) => Err(in_field(field, refused.to_string())),
        _ => Ok(()),
    }
}

/// As the client reads it, which knows more ways to write an address than people do.
fn host_of(url: &str) -> Option<String> {
    reqwest::Url::parse(url).ok()?.host_str().map(str::to_owned)
}

/// Removes a channel, and its messages.
pub async fn remove(engine: &Engine, id: ChannelId) -> Result<()> {
    let mut tx = engine.db.write().await?;
    let known = channel_fetch_in_txn(&mut tx, id).await?.ok_or_else(|| missing(id))?.channel;
    channel_delete_in_txn(&mut tx, id).await?;
    let changes = Changes::of_removed(&json!({"settings": known.settings}));
    record_in_txn(&mut tx, Act::new(action::CHANNEL_REMOVE).on(id.0, &known.name).changing(changes)).await?;
    tx.commit().await?;
    engine.events.send(Topic::Admin, id.0);
    Ok(())
}

/// Sends a test message, here and now, past the outbox. A channel that takes it is sent to at once again, however it had
/// failed before.
pub async fn test(engine: &Engine, id: ChannelId) -> Result<ChannelTest> {
    let keyed = channel_fetch(&engine.db, id).await?.ok_or_else(|| missing(id))?;
    let channel = &keyed.channel;
    let at = now();
    let message = test_message(engine, &channel.name, at);
    let new = NewDelivery {
        message_id: message.id.clone(),
        channel: id,
        rule: String::new(),
        content: Content::Message(message),
    };
    let secrets = secrets_of(engine, &keyed)?;
    let began = Instant::now();
    let sent = deliver(engine, &channel.settings, &secrets, &new.content).await;
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (is_good, answer) = match sent {
        Ok(answer) => (true, answer),
        Err(failure) => (false, failure.message),
    };
    let attempt = Attempt { at, duration_ms, is_good, answer: answer.clone() };
    let ended = now();
    let mut tx = engine.db.write().await?;
    if channel_fetch_in_txn(&mut tx, id).await?.is_some() {
        delivery_insert_ended_in_txn(&mut tx, &new, &attempt, ended).await?;
        if is_good {
            channel_worked_in_txn(&mut tx, id, 0, ended).await?;
        } else {
            channel_problem_in_txn(&mut tx, id, &answer).await?;
        }
        let act = Act::new(action::CHANNEL_TEST).on(id.0, &channel.name).saying(&answer);
        record_if_asked_in_txn(&mut tx, act).await?;
        tx.commit().await?;
    }
    engine.events.send(Topic::Admin, id.0);
    if is_good {
        queue_due(engine, ended).await?;
    }
    let message = if is_good { format!("The other side took it: {answer}") } else { answer };
    Ok(ChannelTest { is_good, message })
}

fn missing(id: ChannelId) -> UserError {
    UserError::not_found(format!("channel {id}"))
}

fn in_field(field: &str, message: impl Into<String>) -> UserError {
    UserError::in_fields(vec![FieldError { field: field.to_owned(), message: message.into() }])
}

fn taken(error: DbError, name: &str) -> Error {
    if error.is_unique_violation() {
        let message = format!("There is a channel named \"{name}\" already; choose another name.");
        return in_field("name", message).into();
    }
    error.into()
}
