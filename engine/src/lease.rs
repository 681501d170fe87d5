//! Leases of work that goes on for long: renewed beside it, for as long as it goes on.

use std::fmt::Display;
use std::time::Duration;

use etiqa_model::Timestamp;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::db;
use crate::time::now;

/// What nobody renewed for so long is taken, or given up, by somebody else.
pub(crate) const LEASE: Duration = Duration::from_secs(30);
/// How often a lease is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// How soon it is tried again when the database did not answer: several times before the lease is over.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// Renews a lease on a task of its own until the guard is dropped: nothing that the work does, or waits for, comes
/// before it. `renew` gives false when the lease is somebody else's; then `lost` is cancelled.
pub(crate) fn keep<R>(
    what: impl Display + Send + Sync + 'static,
    lost: CancellationToken,
    renew: impl Fn(Timestamp) -> R + Send + Sync + 'static,
) -> DropGuard
where
    R: Future<Output = db::Result<bool>> + Send + 'static,
{
    let ended = CancellationToken::new();
    let guard = ended.clone().drop_guard();
    tokio::spawn(async move {
        let mut wait = RENEW_EVERY;
        loop {
            tokio::select! {
                () = ended.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            wait = RENEW_EVERY;
            match renew(now().plus(LEASE)).await {
                Ok(true) => {}
                Ok(false) => {
                    lost.cancel();
                    return;
                }
                Err(error) => {
                    tracing::warn!(%what, %error, "the lease of {what} could not be renewed; it is tried again");
                    wait = TRY_AGAIN;
                }
            }
        }
    });
    guard
}
