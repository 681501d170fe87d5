//! Events between the processes that share a PostgreSQL: what one says, pages of all others hear, and their workers and
//! schedulers look at once. By LISTEN and NOTIFY; what is lost there is found a second or a few later all the same, since
//! everybody also looks by themselves.

use std::sync::Arc;
use std::time::Duration;

use etiqa_model::event::{Event, Topic};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::engine::{Engine, Role};
use crate::error::Result;

/// The channel of what wakes workers and schedulers.
const WORK: &str = "etiqa_work";
/// The channel of everything else, which only pages are about: workers at sites do not listen to it.
const PAGES: &str = "etiqa_pages";
/// Events are gathered for so long, and said together.
const GATHER: Duration = Duration::from_millis(100);
/// Events of one message: it has 8,000 bytes at most.
const AT_ONCE: usize = 100;
/// Before a connection that broke is opened again.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// What everything is about.
const ALL: [Topic; 7] = [
    Topic::Runs,
    Topic::BackupConfigs,
    Topic::Devices,
    Topic::Admin,
    Topic::Jobs,
    Topic::Views,
    Topic::Rules,
];

#[derive(Serialize, Deserialize)]
struct Message {
    from: String,
    events: Vec<Event>,
}

/// Passes events on in both directions until the program stops; at once done where nobody else can be there.
pub async fn relay(engine: Arc<Engine>) {
    if engine.db.url().is_none() {
        return;
    }
    let own = engine.events.listen_to_own();
    tokio::select! {
        () = engine.stopping.cancelled() => {}
        () = tell(&engine, own) => {}
        () = hear(&engine) => {}
    }
}

async fn tell(engine: &Engine, mut own: Receiver<Event>) {
    loop {
        let mut events = match own.recv().await {
            Ok(event) => vec![event],
            Err(RecvError::Lagged(_)) => everything(),
            Err(RecvError::Closed) => return,
        };
        tokio::time::sleep(GATHER).await;
        loop {
            match own.try_recv() {
                Ok(event) if !events.contains(&event) => events.push(event),
                Ok(_) => {}
                Err(TryRecvError::Lagged(_)) => events = everything(),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let (work, pages): (Vec<Event>, Vec<Event>) = events.into_iter().partition(is_work);
        for (channel, events) in [(WORK, work), (PAGES, pages)] {
            for some in events.chunks(AT_ONCE) {
                if let Err(error) = say(engine, channel, some).await {
                    tracing::debug!(%error, "other machines could not be told what changed");
                }
            }
        }
    }
}

/// Whether somebody works or plans by it.
fn is_work(event: &Event) -> bool {
    match event.topic {
        Topic::Jobs => event.id.is_none(),
        Topic::BackupConfigs => true,
        Topic::Runs | Topic::Devices | Topic::Admin | Topic::Views | Topic::Rules => false,
    }
}

fn everything() -> Vec<Event> {
    ALL.iter().map(|&topic| Event { topic, id: None }).collect()
}

async fn say(engine: &Engine, channel: &'static str, events: &[Event]) -> Result<()> {
    let message = Message { from: engine.owner.clone(), events: events.to_vec() };
    let text = serde_json::to_string(&message).unwrap_or_default();
    // It comes out of the transaction as a row of `void`, which `Any` does not know.
    sqlx::query("SELECT 1 AS one FROM (SELECT pg_notify($1, $2)) AS said")
        .bind(channel)
        .bind(text)
        .execute(engine.db.reader())
        .await?;
    Ok(())
}

async fn hear(engine: &Engine) {
    let mut is_first = true;
    loop {
        if let Err(error) = hear_once(engine, is_first).await {
            tracing::debug!(%error, "what other machines say is not heard just now");
        }
        is_first = false;
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

async fn hear_once(engine: &Engine, is_first: bool) -> Result<()> {
    let Some(url) = engine.db.url() else { return Ok(()) };
    let mut listener = sqlx::postgres::PgListener::connect(url.reveal()).await?;
    let is_worker = engine.owner.starts_with(Role::Worker.owner_prefix());
    listener.listen_all(if is_worker { vec![WORK] } else { vec![WORK, PAGES] }).await?;
    if !is_first {
        // Whatever was said meanwhile is not told again.
        take_in(engine, everything());
    }
    while let Some(said) = listener.try_recv().await? {
        let Ok(message) = serde_json::from_str::<Message>(said.payload()) else { continue };
        if message.from != engine.owner {
            take_in(engine, message.events);
        }
    }
    Ok(())
}

fn take_in(engine: &Engine, events: Vec<Event>) {
    for event in events {
        match event.topic {
            Topic::Jobs if is_work(&event) => engine.work.notify_one(),
            Topic::BackupConfigs => engine.schedule_changed.notify_one(),
            Topic::Jobs | Topic::Runs | Topic::Devices | Topic::Admin | Topic::Views | Topic::Rules => {}
        }
        engine.events.repeat(event);
    }
}
