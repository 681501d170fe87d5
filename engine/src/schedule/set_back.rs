//! A clock that was set back: what waits for a time by the old one would wait far too long, or for ever.
//!
//! Seen by the note of the last look, which is then in the future. Due times are counted anew, what is queued is due at
//! once, and what nobody renews is given up as soon as it would have been.

use std::time::Duration;

use etiqa_model::Timestamp;

use super::due;
use crate::engine::Engine;
use crate::error::Result;
use crate::store::backup_config::{backup_config_advance_in_txn, backup_config_list};
use crate::store::inventory_source::sources_bring_forward_in_txn;
use crate::store::job::job_bring_forward_in_txn;
use crate::store::lease::leases_shorten_in_txn;
use crate::store::notify::channel::channels_bring_forward_in_txn;
use crate::store::promise::promises_bring_forward_in_txn;
use crate::store::setting::last_tick_fetch;

/// Clocks of several machines differ by less, and a due time that comes so much later does no harm: a time that has
/// fired must not fire again because another machine is behind.
const NOTICED: Duration = Duration::from_mins(10);
/// No lease is taken for longer: a vendor's backup has three quarters of an hour.
const LONGEST_LEASE: Duration = Duration::from_hours(1);

/// Brings forward what waits, if the last look was well after `at`.
pub(super) async fn catch_up(engine: &Engine, at: Timestamp) -> Result<()> {
    let Some(last) = last_tick_fetch(&engine.db).await?.filter(|last| *last > at.plus(NOTICED)) else {
        return Ok(());
    };
    let back_s = last.since(at).as_secs();
    tracing::warn!(back_s, "the clock was set back by {back_s} s or more: due times are counted anew");
    let configs = backup_config_list(&engine.db).await?;
    let mut tx = engine.db.write().await?;
    for config in configs.iter().filter(|config| config.enabled) {
        let next = due::next_after(&config.schedule, &config.slug, at);
        if next.is_some() && next < config.next_run_at {
            backup_config_advance_in_txn(&mut tx, config.id, config.next_run_at, next).await?;
        }
    }
    promises_bring_forward_in_txn(&mut tx, at).await?;
    job_bring_forward_in_txn(&mut tx, at).await?;
    channels_bring_forward_in_txn(&mut tx, at).await?;
    sources_bring_forward_in_txn(&mut tx, at).await?;
    leases_shorten_in_txn(&mut tx, at.plus(LONGEST_LEASE)).await?;
    Ok(tx.commit().await?)
}
