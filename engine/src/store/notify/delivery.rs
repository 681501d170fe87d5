//! The outbox: messages to channels, and each try to send one.

use std::collections::HashMap;

use etiqa_model::notify::{Attempt, ChannelKind, Delivery, DeliveryState, Message, Ping};
use etiqa_model::{ChannelId, DeliveryId, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;

use crate::db::{Db, Filter, Result, RowExt, Tx};

/// Messages that wait for one channel; the oldest are given up for newer ones.
pub const MOST_WAITING: u32 = 1_000;
/// One that was tried so often lets all others go first: what a server fails at every time must not keep it from the rest.
const HOLDS_UP: u32 = 8;
/// Bytes of a text that lists show.
const SHOWN: usize = 20_000;
/// Tries that are kept of one message.
const MOST_ATTEMPTS: u32 = 20;

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// A message.
    Message(Message),
    /// A heartbeat.
    Ping(Ping),
}

impl Content {
    /// One line.
    pub fn title(&self) -> String {
        match self {
            Self::Message(message) => message.title.clone(),
            Self::Ping(ping) => format!("{}, run {}", ping.kind.label(), ping.run),
        }
    }

    /// All of it.
    pub fn text(&self) -> &str {
        match self {
            Self::Message(message) => &message.text,
            Self::Ping(ping) => &ping.text,
        }
    }
}

/// A message that is about to wait for a channel.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// The message's own id.
    pub message_id: String,
    /// Whom it is for.
    pub channel: ChannelId,
    /// The rule's name; empty for tests and heartbeats.
    pub rule: String,
    /// What is sent.
    pub content: Content,
}

/// A message whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDelivery {
    /// Row id.
    pub id: DeliveryId,
    /// The message's own id.
    pub message_id: String,
    /// What is sent.
    pub content: Content,
    /// Since when it waits.
    pub due_at: Timestamp,
}

/// Adds a message, and gives up the oldest that wait for the same channel where these are too many; gives how many.
pub async fn delivery_insert_in_txn(tx: &mut Tx, new: &NewDelivery, now: Timestamp) -> Result<u64> {
    insert(tx, new, DeliveryState::Waiting, now).await?;
    let sql = format!(
        "UPDATE notify_delivery SET state = 'dropped', ended_at = $2
         WHERE channel_id = $1 AND state = 'waiting' AND id <= (
             SELECT id FROM notify_delivery WHERE channel_id = $1 AND state = 'waiting'
             ORDER BY id DESC LIMIT 1 OFFSET {MOST_WAITING})"
    );
    let done =
        sqlx::query(crate::db::built(sql)).bind(new.channel.0).bind(now.millis()).execute(&mut **tx).await?;
    let dropped = done.rows_affected();
    if dropped > 0 {
        sqlx::query("UPDATE notify_channel SET dropped = dropped + $2 WHERE id = $1")
            .bind(new.channel.0)
            .bind(i64::try_from(dropped).unwrap_or(i64::MAX))
            .execute(&mut **tx)
            .await?;
    }
    Ok(dropped)
}

/// Adds one that was sent, or not, already.
pub async fn delivery_insert_ended_in_txn(
    tx: &mut Tx,
    new: &NewDelivery,
    attempt: &Attempt,
    now: Timestamp,
) -> Result<()> {
    let state = if attempt.is_good { DeliveryState::Sent } else { DeliveryState::Failed };
    let id = insert(tx, new, state, now).await?;
    sqlx::query("UPDATE notify_delivery SET tries = 1, ended_at = $2 WHERE id = $1")
        .bind(id.0)
        .bind(now.millis())
        .execute(&mut **tx)
        .await?;
    attempt_insert_in_txn(tx, id, attempt).await
}

async fn insert(tx: &mut Tx, new: &NewDelivery, state: DeliveryState, now: Timestamp) -> Result<DeliveryId> {
    let row = sqlx::query(
        "INSERT INTO notify_delivery (message_id, channel_id, rule, title, content, state, created_at, due_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING id",
    )
    .bind(new.message_id.clone())
    .bind(new.channel.0)
    .bind(new.rule.clone())
    .bind(new.content.title())
    .bind(serde_json::to_string(&new.content).unwrap_or_default())
    .bind(state.as_str())
    .bind(now.millis())
    .fetch_one(&mut **tx)
    .await?;
    Ok(DeliveryId(row.int("id")?))
}

/// The message whose turn it is at a channel: the oldest, so that an end is never told before its beginning. One that was tried
/// often lets others go first where the channel took something since, and once in a while where it did not: either it is this
/// message that is not taken, or nothing is.
pub async fn delivery_next_due(db: &Db, channel: ChannelId, now: Timestamp) -> Result<Option<DueDelivery>> {
    // Sorted without the texts.
    let sql = format!(
        "SELECT id, message_id, content, due_at FROM notify_delivery WHERE id = (
             SELECT d.id FROM notify_delivery d JOIN notify_channel c ON c.id = d.channel_id
             WHERE d.channel_id = $1 AND d.state = 'waiting' AND d.due_at <= $2
             ORDER BY CASE WHEN d.tries >= {HOLDS_UP}
                            AND (c.last_ok_at > d.due_at OR (c.failures > 0 AND c.failures % {HOLDS_UP} = 0))
                      THEN 1 ELSE 0 END, d.id LIMIT 1)"
    );
    let row = sqlx::query(crate::db::built(sql))
        .bind(channel.0)
        .bind(now.millis())
        .fetch_optional(db.reader())
        .await?;
    row.map(|row| {
        Ok(DueDelivery {
            id: DeliveryId(row.int("id")?),
            message_id: row.text("message_id")?,
            content: row.json("content")?,
            due_at: row.time("due_at")?,
        })
    })
    .transpose()
}

/// Notes that one is being tried; false when it does not wait any more. What is cut off after this may have been sent.
pub async fn delivery_begin(db: &Db, id: DeliveryId) -> Result<bool> {
    let mut tx = db.write().await?;
    let done =
        sqlx::query("UPDATE notify_delivery SET tries = tries + 1 WHERE id = $1 AND state = 'waiting'")
            .bind(id.0)
            .execute(&mut *tx)
            .await?;
    tx.commit().await?;
    Ok(done.rows_affected() > 0)
}

/// Notes what became of a try. `state` none: it goes on waiting.
pub async fn delivery_tried_in_txn(
    tx: &mut Tx,
    id: DeliveryId,
    attempt: &Attempt,
    state: Option<DeliveryState>,
    now: Timestamp,
) -> Result<()> {
    attempt_insert_in_txn(tx, id, attempt).await?;
    if let Some(state) = state {
        // One that was given up for newer ones while it was on its way was sent all the same.
        sqlx::query(
            "UPDATE notify_delivery SET state = $2, ended_at = $3 WHERE id = $1 AND state IN ('waiting', 'dropped')",
        )
        .bind(id.0)
        .bind(state.as_str())
        .bind(now.millis())
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

async fn attempt_insert_in_txn(tx: &mut Tx, id: DeliveryId, attempt: &Attempt) -> Result<()> {
    sqlx::query(
        "INSERT INTO notify_attempt (delivery_id, at, duration_ms, good, answer) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(id.0)
    .bind(attempt.at.millis())
    .bind(i64::try_from(attempt.duration_ms).unwrap_or(i64::MAX))
    .bind(i64::from(attempt.is_good))
    .bind(attempt.answer.clone())
    .execute(&mut **tx)
    .await?;
    let sql = format!(
        "DELETE FROM notify_attempt WHERE delivery_id = $1 AND id <= (
             SELECT id FROM notify_attempt WHERE delivery_id = $1 ORDER BY id DESC LIMIT 1 OFFSET {MOST_ATTEMPTS})"
    );
    sqlx::query(crate::db::built(sql)).bind(id.0).execute(&mut **tx).await?;
    Ok(())
}

/// Gives up those that have waited for a channel since before a time; gives how many.
pub async fn delivery_expire_in_txn(
    tx: &mut Tx,
    channel: ChannelId,
    before: Timestamp,
    now: Timestamp,
) -> Result<u64> {
    let done = sqlx::query(
        "UPDATE notify_delivery SET state = 'failed', ended_at = $3
         WHERE channel_id = $1 AND state = 'waiting' AND due_at < $2",
    )
    .bind(channel.0)
    .bind(before.millis())
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Lets one that was not sent be tried now; gives its channel, none when it was sent or is not there.
pub async fn delivery_retry_in_txn(
    tx: &mut Tx,
    id: DeliveryId,
    now: Timestamp,
) -> Result<Option<(ChannelId, String)>> {
    let row = sqlx::query(
        "UPDATE notify_delivery SET state = 'waiting', due_at = $2, ended_at = NULL
         WHERE id = $1 AND state <> 'sent' RETURNING channel_id, title",
    )
    .bind(id.0)
    .bind(now.millis())
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| Ok((ChannelId(row.int("channel_id")?), row.text("title")?))).transpose()
}

/// Forgets those that ended before a time.
pub async fn delivery_delete_ended_in_txn(tx: &mut Tx, before: Timestamp) -> Result<()> {
    sqlx::query("DELETE FROM notify_delivery WHERE ended_at < $1")
        .bind(before.millis())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Deliveries before `before`, newest first, at most `limit`; of one state where named.
pub async fn delivery_list(
    db: &Db,
    state: Option<DeliveryState>,
    before: Option<DeliveryId>,
    limit: u32,
) -> Result<Vec<Delivery>> {
    let mut filter = Filter::new();
    if let Some(before) = before {
        filter.and_int("d.id < ?", before.0);
    }
    if let Some(state) = state {
        filter.and_text("d.state = ?", state.as_str());
    }
    deliveries(db, &filter, &format!(" ORDER BY d.id DESC LIMIT {limit}")).await
}

/// One, by id.
pub async fn delivery_fetch(db: &Db, id: DeliveryId) -> Result<Option<Delivery>> {
    let mut filter = Filter::new();
    filter.and_int("d.id = ?", id.0);
    Ok(deliveries(db, &filter, "").await?.pop())
}

async fn deliveries(db: &Db, filter: &Filter, order: &str) -> Result<Vec<Delivery>> {
    let select = "SELECT d.id, d.message_id, c.name AS channel, c.kind, d.rule, d.title, d.content, d.state, d.created_at, \
                  d.due_at, d.ended_at, d.tries FROM notify_delivery d JOIN notify_channel c ON c.id = d.channel_id";
    let rows = filter.query(select, order).fetch_all(db.reader()).await?;
    let mut deliveries = rows.iter().map(delivery).collect::<Result<Vec<_>>>()?;
    let mut attempts = attempts(db, &deliveries).await?;
    for delivery in &mut deliveries {
        delivery.attempts = attempts.remove(&delivery.id).unwrap_or_default();
    }
    Ok(deliveries)
}

async fn attempts(db: &Db, of: &[Delivery]) -> Result<HashMap<DeliveryId, Vec<Attempt>>> {
    let mut filter = Filter::new();
    filter.and_one_of("delivery_id", of.iter().map(|delivery| delivery.id.0));
    let select = "SELECT delivery_id, at, duration_ms, good, answer FROM notify_attempt";
    let rows = filter.query(select, " ORDER BY id DESC").fetch_all(db.reader()).await?;
    let mut attempts: HashMap<DeliveryId, Vec<Attempt>> = HashMap::new();
    for row in &rows {
        let attempt = Attempt {
            at: row.time("at")?,
            duration_ms: row.count("duration_ms")?,
            is_good: row.flag("good")?,
            answer: row.text("answer")?,
        };
        attempts.entry(DeliveryId(row.int("delivery_id")?)).or_default().push(attempt);
    }
    Ok(attempts)
}

fn delivery(row: &AnyRow) -> Result<Delivery> {
    let content: Content = row.json("content")?;
    Ok(Delivery {
        id: DeliveryId(row.int("id")?),
        message_id: row.text("message_id")?,
        channel: row.text("channel")?,
        kind: row.named("kind", ChannelKind::parse)?,
        rule: row.text("rule")?,
        title: row.text("title")?,
        text: shown(content.text()),
        state: row.named("state", DeliveryState::parse)?,
        created_at: row.time("created_at")?,
        due_at: row.time("due_at")?,
        ended_at: row.opt_time("ended_at")?,
        tries: row.count("tries")?,
        attempts: Vec::new(),
    })
}

fn shown(text: &str) -> String {
    if text.len() <= SHOWN {
        return text.to_owned();
    }
    let end = (0..=SHOWN).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    format!("{}\n…", &text[..end])
}
