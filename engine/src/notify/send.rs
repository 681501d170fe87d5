//! Sending: what waits for one channel, one message after the other, until one is not taken.
//!
//! A channel that does not work is left alone for ten seconds, then twice as long each time, a quarter of an hour at most;
//! half an hour where only a person can mend it. A message is tried for two days. That it is tried is noted before: what a
//! stop cuts off is sent again under the same id.

use std::time::{Duration, Instant};

use etiqa_model::event::Topic;
use etiqa_model::notify::{Attempt, ChannelSecrets, DeliveryState};
use etiqa_model::{ChannelId, Timestamp};

use super::channels::{Failure, Outlook, deliver, words_of_dropped};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::pause::paused_since;
use crate::schedule::{Work, enqueue};
use crate::store::job::job_fetch_open_by_key;
use crate::store::notify::channel::{
    KeyedChannel, channel_failed_in_txn, channel_fetch, channel_list_due, channel_problem_in_txn,
    channel_worked_in_txn,
};
use crate::store::notify::delivery::{
    Content, DueDelivery, delivery_begin, delivery_expire_in_txn, delivery_next_due, delivery_tried_in_txn,
};
use crate::time::now;

/// The first pause of a channel that does not work; each one after it is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_mins(15);
/// What only a person can mend is tried again now and then, for they may have mended it elsewhere.
const MENDED_ELSEWHERE: Duration = Duration::from_mins(30);
/// How long a message is tried.
const WORTH_A_MESSAGE: Duration = Duration::from_hours(48);
/// How long a heartbeat is: one that comes much later says nothing any more.
const WORTH_A_PING: Duration = Duration::from_hours(1);

/// Queues the sending to every channel for which something waits.
pub(super) async fn queue_due(engine: &Engine, at: Timestamp) -> Result<()> {
    let due = channel_list_due(&engine.db, at).await?;
    if due.is_empty() || paused_since(engine).await?.is_some() {
        return Ok(());
    }
    for channel in due {
        let work = Work::Notify { channel };
        // Looking takes no write lock, and this is asked every few seconds.
        let is_queued = match work.idempotency_key() {
            Some(key) => job_fetch_open_by_key(&engine.db, &key).await?.is_some(),
            None => false,
        };
        if !is_queued {
            enqueue(engine, &work).await?;
        }
    }
    Ok(())
}

/// Sends whatever waits for a channel, until something is not taken or the program stops. Only a lost database is an error:
/// all else is noted at the channel and its messages.
pub(crate) async fn send_due(engine: &Engine, id: ChannelId) -> Result<()> {
    while !engine.stopping.is_cancelled() && paused_since(engine).await?.is_none() {
        let at = now();
        let Some(keyed) = channel_fetch(&engine.db, id).await? else { return Ok(()) };
        let is_paused = keyed.channel.paused_until.is_some_and(|until| until > at);
        if !keyed.channel.enabled || is_paused {
            return Ok(());
        }
        let Some(mut due) = delivery_next_due(&engine.db, id, at).await? else { return Ok(()) };
        if at.since(due.due_at) >= worth(&due.content) {
            give_up(engine, &keyed, &due, at).await?;
            continue;
        }
        if !delivery_begin(&engine.db, due.id).await? {
            continue;
        }
        failpoint("notify.begun");
        tell_of_dropped(&mut due.content, keyed.channel.dropped);
        let began = Instant::now();
        let sent = tokio::select! {
            sent = try_to_send(engine, &keyed, &due.content) => sent?,
            // It may have been taken: it is sent again at the next start.
            () = engine.stopping.cancelled() => return Ok(()),
        };
        failpoint("notify.delivered");
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let goes_on = match sent {
            Ok(answer) => {
                let attempt = Attempt { at, duration_ms, is_good: true, answer };
                note_sent(engine, &keyed, &due, &attempt).await.map(|()| true)
            }
            Err(failure) => {
                let answer = failure.message.clone();
                let attempt = Attempt { at, duration_ms, is_good: false, answer };
                note_failed(engine, &keyed, &due, &attempt, &failure).await
            }
        };
        engine.events.send(Topic::Admin, id.0);
        if !goes_on? {
            return Ok(());
        }
    }
    Ok(())
}

/// The outer error is this program's own.
async fn try_to_send(
    engine: &Engine,
    keyed: &KeyedChannel,
    content: &Content,
) -> Result<Result<String, Failure>> {
    match secrets_of(engine, keyed) {
        Ok(secrets) => Ok(deliver(engine, &keyed.channel.settings, &secrets, content).await),
        Err(Error::Vault(_)) => {
            Ok(Err(Failure::permanent("Its secrets cannot be opened here: fill them in again.")))
        }
        Err(error) => Err(error),
    }
}

/// One that waited for so long that it says nothing any more is not sent: the server was away, or the channel disabled.
async fn give_up(engine: &Engine, keyed: &KeyedChannel, due: &DueDelivery, at: Timestamp) -> Result<()> {
    let answer = "It waited for too long: it is not sent any more.".to_owned();
    let attempt = Attempt { at, duration_ms: 0, is_good: false, answer };
    let mut tx = engine.db.write().await?;
    delivery_tried_in_txn(&mut tx, due.id, &attempt, Some(DeliveryState::Failed), at).await?;
    tx.commit().await?;
    let (id, name) = (&due.message_id, &keyed.channel.name);
    tracing::warn!(channel = %name, message = %id, "message {id} to {name} waited for too long and is given up");
    engine.events.send(Topic::Admin, keyed.channel.id.0);
    Ok(())
}

/// Says in a message, or beside a heartbeat, how many before it were dropped.
fn tell_of_dropped(content: &mut Content, dropped: u64) {
    match content {
        Content::Message(message) => message.dropped = dropped,
        Content::Ping(ping) if dropped > 0 => {
            ping.text = format!("{}\n\n{}", ping.text.trim_end(), words_of_dropped(dropped));
        }
        Content::Ping(_) => {}
    }
}

async fn note_sent(
    engine: &Engine,
    keyed: &KeyedChannel,
    due: &DueDelivery,
    attempt: &Attempt,
) -> Result<()> {
    let (at, channel) = (now(), &keyed.channel);
    let mut tx = engine.db.write().await?;
    delivery_tried_in_txn(&mut tx, due.id, attempt, Some(DeliveryState::Sent), at).await?;
    channel_worked_in_txn(&mut tx, channel.id, channel.dropped, at).await?;
    tx.commit().await?;
    let id = &due.message_id;
    tracing::info!(channel = %channel.name, message = %id, duration_ms = attempt.duration_ms, "message {id} is sent to {}", channel.name);
    Ok(())
}

/// Notes why it was not taken; false when the channel is not to be asked for anything else now.
async fn note_failed(
    engine: &Engine,
    keyed: &KeyedChannel,
    due: &DueDelivery,
    attempt: &Attempt,
    failure: &Failure,
) -> Result<bool> {
    let (at, channel) = (now(), &keyed.channel);
    let is_of_one = failure.outlook == Outlook::OneMessage;
    let is_too_old = at.since(due.due_at) >= worth(&due.content);
    let state = (is_of_one || is_too_old).then_some(DeliveryState::Failed);
    let mut tx = engine.db.write().await?;
    delivery_tried_in_txn(&mut tx, due.id, attempt, state, at).await?;
    let (mut lost, mut pause_s) = (0, None);
    if is_of_one {
        // It works, and yet somebody was not told of something. What it takes next takes this back.
        channel_problem_in_txn(&mut tx, channel.id, &failure.message).await?;
    } else {
        let failures = channel.failures.saturating_add(1);
        let least =
            if failure.outlook == Outlook::Permanent { MENDED_ELSEWHERE } else { pause_after(failures) };
        let pause = failure.retry_after.unwrap_or_default().max(least);
        pause_s = Some(pause.as_secs());
        channel_failed_in_txn(&mut tx, channel.id, &failure.message, failures, at.plus(pause)).await?;
        lost = delivery_expire_in_txn(&mut tx, channel.id, at.minus(WORTH_A_MESSAGE), at).await?;
    }
    tx.commit().await?;
    let id = &due.message_id;
    tracing::warn!(
        channel = %channel.name, message = %id, pause_s, error = %failure,
        "message {id} is not sent to {}: {failure}", channel.name
    );
    if lost > 0 {
        tracing::warn!(channel = %channel.name, lost, "{lost} messages to {} waited for two days and were given up", channel.name);
    }
    Ok(is_of_one)
}

fn worth(content: &Content) -> Duration {
    match content {
        Content::Message(_) => WORTH_A_MESSAGE,
        Content::Ping(_) => WORTH_A_PING,
    }
}

/// How long a channel is left alone after so many failures in a row.
fn pause_after(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST_PAUSE)
}

/// Opens the secrets of a channel.
pub(super) fn secrets_of(engine: &Engine, keyed: &KeyedChannel) -> Result<ChannelSecrets> {
    let Some(sealed) = &keyed.sealed else { return Ok(ChannelSecrets::default()) };
    let plain = engine.vault.open_sealed(&row_name(keyed.channel.id), sealed)?;
    // What was sealed here was written by this program; one that it cannot read any more is filled in again.
    Ok(serde_json::from_slice(&plain).unwrap_or_default())
}

/// What a channel's secrets are sealed for.
pub(super) fn row_name(id: ChannelId) -> String {
    format!("notify_channel:{id}")
}

#[cfg(test)]
mod tests {
    use etiqa_model::RunId;
    use etiqa_model::notify::{Ping, PingKind};

    use super::*;

    #[test]
    fn a_heartbeat_says_in_its_text_how_many_were_dropped() {
        let text = "Run 7 of Daily began.";
        let ping = Ping { kind: PingKind::Start, run: RunId(7), text: text.into() };
        let mut content = Content::Ping(ping);
        tell_of_dropped(&mut content, 0);
        assert_eq!(content.text(), text);
        tell_of_dropped(&mut content, 3);
        assert!(content.text().starts_with("Run 7 of Daily began.\n\n3 messages before"), "{content:?}");
    }

    #[test]
    fn a_pause_doubles_from_ten_seconds_to_a_quarter_of_an_hour() {
        let seconds: Vec<u64> = (1..=9).map(|failures| pause_after(failures).as_secs()).collect();
        assert_eq!(seconds, [10, 20, 40, 80, 160, 320, 640, 900, 900]);
        assert_eq!(pause_after(u32::MAX), LONGEST_PAUSE);
    }
}
