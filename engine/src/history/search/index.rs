//! Keeping the index: texts that became active are added, those that are active no more are taken out. Beside the
//! sessions that store texts, never within their transactions.

use std::sync::Arc;
use std::time::Duration;

use etiqa_model::event::Topic;
use tokio::sync::broadcast::error::RecvError;

use super::gram::{Distinct, Gram};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::history::unpack;
use crate::store::search::{
    search_delete_in_txn, search_insert_in_txn, search_list_missing, search_list_stale, text_list,
};

/// Texts in one transaction: on SQLite nobody else writes meanwhile.
const TEXTS_AT_ONCE: u32 = 16;
/// After an event it is waited for more of them.
const AFTER_EVENT: Duration = Duration::from_secs(2);
/// What other processes stored is looked for this often.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Keeps the index until the program stops.
pub async fn keep_index(engine: Arc<Engine>) {
    let mut events = engine.events.listen();
    loop {
        let changed = async {
            loop {
                match events.recv().await {
                    Ok(event) if event.topic != Topic::Devices => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => return tokio::time::sleep(AFTER_EVENT).await,
                    Err(RecvError::Closed) => return std::future::pending().await,
                }
            }
        };
        tokio::select! {
            () = engine.stopping.cancelled() => return,
            indexed = index_texts(&engine, u64::MAX) => match indexed {
                Ok(0) => {}
                Ok(texts) => tracing::info!(texts, "{texts} texts were added to the index that searches use"),
                Err(error) => tracing::error!(%error, "the index that searches use could not be kept"),
            }
        }
        tokio::select! {
            () = engine.stopping.cancelled() => return,
            () = changed => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Takes out what is active no more, and adds what is missing, `most` texts at most; gives how many were added.
pub async fn index_texts(engine: &Engine, most: u64) -> Result<u64> {
    take_out_stale(engine).await?;
    let mut distinct = Distinct::new();
    let (mut after, mut added) = (String::new(), 0);
    while added < most {
        let limit = u32::try_from(most - added).unwrap_or(u32::MAX).min(TEXTS_AT_ONCE);
        let missing = search_list_missing(&engine.db, &after, limit).await?;
        let Some(last) = missing.last() else { break };
        after.clone_from(last);
        let mut packed = text_list(&engine.db, &missing).await?;
        // In one order, so that two servers that add the same ones wait for each other, never both.
        packed.sort_unstable();
        let read = move || {
            let mut read: Vec<(String, Vec<Gram>)> = Vec::with_capacity(packed.len());
            for (sha256, packed) in packed {
                // What is damaged keeps no other text from being found, and is looked at again: the next session mends it.
                match unpack(&packed) {
                    Ok(text) => read.push((sha256, distinct.of(&text))),
                    Err(error) => {
                        tracing::debug!(text = %sha256, %error, "the text {sha256} cannot be read and is not indexed");
                    }
                }
            }
            (read, distinct)
        };
        let (texts, again) = tokio::task::spawn_blocking(read)
            .await
            .map_err(|error| Error::io("reading texts for the index")(std::io::Error::other(error)))?;
        distinct = again;
        let mut tx = engine.db.write().await?;
        for (sha256, grams) in &texts {
            search_insert_in_txn(&mut tx, engine.db.kind(), sha256, grams).await?;
        }
        tx.commit().await?;
        added += texts.len() as u64;
    }
    Ok(added)
}

async fn take_out_stale(engine: &Engine) -> Result<()> {
    loop {
        let stale = search_list_stale(&engine.db, TEXTS_AT_ONCE).await?;
        if stale.is_empty() {
            return Ok(());
        }
        let mut tx = engine.db.write().await?;
        search_delete_in_txn(&mut tx, engine.db.kind(), &stale).await?;
        tx.commit().await?;
    }
}
