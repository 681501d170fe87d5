//! Notifications: what happened and what lasts becomes messages by rules, and messages are sent to channels.
//!
//! What happens is noted in the transaction in which it does (`store/notify/notice`); what lasts is read from what the
//! database says ([`watch`]). [`sort`] makes messages of both, in one transaction with the note of what was told. Messages
//! wait in an outbox until [`send`] has sent them, one channel as one job of the queue; [`channels`] speak to the others. What
//! this never does: hold up a backup, send anything from an instance that was restored and not confirmed, or decide who may
//! see what is told: whoever sets up a channel says who reads it, and texts are masked as for viewers.

mod broken;
mod channels;
mod compose;
mod disks;
mod facets;
mod happened;
mod history;
mod manage;
mod rules;
mod send;
mod sort;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use etiqa_model::Timestamp;
use etiqa_model::event::Topic;
use tokio::time::Instant;

pub use history::{find_delivery, list_deliveries, retry};
pub use manage::{fetch, find, list, remove, save, test};
pub use rules::{find_rule, list_rules, preview_of, remove_rule, save_rule};
pub(crate) use send::send_due;

use crate::engine::Engine;
use crate::error::Result;
use crate::pause::paused_since;
use crate::schedule::Work;
use crate::schedule::queue::enqueue_in_txn;
use crate::schedule::worker::work_on_one;
use crate::store::notify::channel::channel_list_due;
use crate::store::notify::delivery::delivery_delete_ended_in_txn;
use crate::time::now;

/// What happened, and what waits to be sent, is looked for this often.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Before it is tried again, where the database did not answer.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// What lasts is looked for this often, and whenever something happened.
const CONDITIONS_EVERY: Duration = Duration::from_secs(30);
/// What was sent, and what was not, is kept this long.
const KEPT: Duration = Duration::from_hours(30 * 24);
/// What is over is forgotten this often.
const TIDY_EVERY: Duration = Duration::from_hours(1);

/// Makes messages and has them sent until the program stops, while this process leads.
pub async fn keeper(engine: Arc<Engine>) {
    let (mut looked, mut tidied) = (None::<Instant>, None::<Instant>);
    loop {
        let mut wait = LOOK_EVERY;
        engine.health.notifier.again_within(Duration::ZERO);
        if engine.lead.is_held() {
            let at = now();
            let is_time = looked.is_none_or(|looked| looked.elapsed() >= CONDITIONS_EVERY);
            match once(&engine, at, is_time).await {
                Ok(()) if is_time => looked = Some(Instant::now()),
                Ok(()) => {}
                Err(error) => {
                    tracing::error!(%error, "notifications could not be made; it is tried again in a moment");
                    // What lasts is looked at with the next try.
                    looked = None;
                    wait = AGAIN_AFTER;
                }
            }
            if tidied.is_none_or(|tidied| tidied.elapsed() >= TIDY_EVERY) {
                tidied = Some(Instant::now());
                if let Err(error) = tidy(&engine, at).await {
                    tracing::error!(%error, "messages that are over could not be forgotten");
                }
            }
        }
        engine.health.notifier.again_within(wait);
        tokio::select! {
            () = engine.stopping.cancelled() => return engine.health.notifier.rest(),
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Makes the messages that there are to make, and queues the sending of those that wait.
pub async fn once(engine: &Engine, at: Timestamp, with_conditions: bool) -> Result<()> {
    if sort::sort(engine, at, with_conditions).await? {
        engine.events.send(Topic::Admin, None);
    }
    send::queue_due(engine, at).await
}

/// Makes messages and sends them here and now: for a command beside which no server lives.
pub async fn send_now(engine: &Arc<Engine>) -> Result<()> {
    let at = now();
    sort::sort(engine, at, true).await?;
    if paused_since(engine).await?.is_some() {
        return Ok(());
    }
    for channel in channel_list_due(&engine.db, at).await? {
        let mut tx = engine.db.write().await?;
        let job = enqueue_in_txn(&mut tx, &Work::Notify { channel }, at).await?;
        tx.commit().await?;
        work_on_one(engine, job).await?;
    }
    Ok(())
}

async fn tidy(engine: &Engine, at: Timestamp) -> Result<()> {
    let mut tx = engine.db.write().await?;
    delivery_delete_ended_in_txn(&mut tx, at.minus(KEPT)).await?;
    Ok(tx.commit().await?)
}
