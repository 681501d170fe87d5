//! A restored instance does nothing by itself until a person says so: the one that it was restored from may still be there,
//! and two of them must not back up the same devices or write to the same places.

use etiqa_model::Timestamp;
use etiqa_model::event::Topic;

use crate::engine::Engine;
use crate::error::Result;
use crate::store::setting::{restored_at_fetch, restored_at_forget_in_txn};

/// When this instance was restored, while nobody has confirmed that it may work by itself.
pub async fn paused_since(engine: &Engine) -> Result<Option<Timestamp>> {
    Ok(restored_at_fetch(&engine.db).await?)
}

/// Lets it work by itself; false when it did already.
pub async fn resume(engine: &Engine) -> Result<bool> {
    let was_paused = paused_since(engine).await?.is_some();
    let mut tx = engine.db.write().await?;
    restored_at_forget_in_txn(&mut tx).await?;
    tx.commit().await?;
    engine.schedule_changed.notify_one();
    engine.events.send(Topic::BackupConfigs, None);
    Ok(was_paused)
}
