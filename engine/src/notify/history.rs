//! What became of messages, for people.

use etiqa_model::event::Topic;
use etiqa_model::notify::{Delivery, DeliveryPage, DeliveryState};
use etiqa_model::{DeliveryId, UserError};

use crate::audit::{Act, action, record_in_txn};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::notify::channel::channel_unpause_in_txn;
use crate::store::notify::delivery::{delivery_fetch, delivery_list, delivery_retry_in_txn};
use crate::time::now;

/// Deliveries of one page.
const SHOWN: u32 = 50;

/// Deliveries before `before`, newest first, a page of them; of one state where named.
pub async fn list_deliveries(
    engine: &Engine,
    state: Option<DeliveryState>,
    before: Option<DeliveryId>,
) -> Result<DeliveryPage> {
    let mut rows = delivery_list(&engine.db, state, before, SHOWN + 1).await?;
    let has_more = rows.len() > SHOWN as usize;
    rows.truncate(SHOWN as usize);
    let next = rows.last().filter(|_| has_more).map(|last| last.id);
    Ok(DeliveryPage { rows, next })
}

/// One delivery.
pub async fn find_delivery(engine: &Engine, id: DeliveryId) -> Result<Delivery> {
    let found = delivery_fetch(&engine.db, id).await?;
    Ok(found.ok_or_else(|| UserError::not_found(format!("message {id}")))?)
}

/// Has a message that was not sent tried now.
pub async fn retry(engine: &Engine, id: DeliveryId) -> Result<()> {
    let at = now();
    let mut tx = engine.db.write().await?;
    let Some((channel, title)) = delivery_retry_in_txn(&mut tx, id, at).await? else {
        let message = "This message was sent, or is not kept any more: there is nothing to try again.";
        return Err(UserError::conflict(message).into());
    };
    channel_unpause_in_txn(&mut tx, channel).await?;
    record_in_txn(&mut tx, Act::new(action::DELIVERY_RETRY).on(id.0, &title)).await?;
    tx.commit().await?;
    engine.events.send(Topic::Admin, channel.0);
    super::send::queue_due(engine, at).await
}
