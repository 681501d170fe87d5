//! Checkpoints, and giving up rows that are older than they are to be kept.
//!
//! A checkpoint is the number and the hash of a row, signed with a key that is made of `secret.key`: whoever has the
//! database alone can write a chain anew from its beginning, but not sign it.

use std::time::Duration;

use etiqa_model::Timestamp;
use etiqa_model::audit::FEWEST_DAYS;

use super::act::{Act, action};
use super::check::Walk;
use super::head::{is_sealed, sealed};
use super::record::record_in_txn;
use crate::db::Tx;
use crate::engine::Engine;
use crate::error::Result;
use crate::store::audit::{
    Checkpoint, Head, audit_first_since_in_txn, audit_head_in_txn, audit_head_save_in_txn, audit_lock_in_txn,
    audit_oldest_in_txn, audit_prune_in_txn, checkpoint_list_in_txn, checkpoint_save_in_txn,
};
use crate::vault::Signer;

/// After so many rows there is another checkpoint.
const EVERY: i64 = 1_000;
/// Rows that are given up within one transaction.
const AT_ONCE: u64 = 20_000;
/// What a checkpoint is signed as.
const SIGNED_AS: &str = "audit checkpoint";
const DAY: Duration = Duration::from_hours(24);
const NOT_WHOLE: &str =
    "the audit log is not whole, and so none of it is signed or given up: run `etiqa audit check`";

fn text_of(through: i64, hash: &str, at: Timestamp) -> Vec<u8> {
    format!("{through} {hash} {}", at.millis()).into_bytes()
}

pub(super) fn signed(through: i64, hash: &str, at: Timestamp, signer: &Signer) -> Checkpoint {
    Checkpoint {
        through,
        hash: hash.to_owned(),
        at,
        fingerprint: signer.fingerprint().to_owned(),
        signature: signer.sign(SIGNED_AS, &text_of(through, hash, at)),
    }
}

/// Whether this key signed a checkpoint.
pub(super) fn is_signed(checkpoint: &Checkpoint, signer: &Signer) -> bool {
    let Checkpoint { through, hash, at, signature, .. } = checkpoint;
    signer.has_signed(SIGNED_AS, &text_of(*through, hash, *at), signature)
}

/// Signs the newest row where a thousand came since the newest checkpoint; not where they do not fit together, or where the
/// end of the log was not signed by this instance.
pub async fn sign_checkpoint(engine: &Engine, at: Timestamp) -> Result<()> {
    let signer: &Signer = engine.vault.signer();
    let mut tx = engine.db.read().await?;
    let head = audit_head_in_txn(&mut tx).await?.unwrap_or_default();
    if head.last - head.signed.max(head.pruned) < EVERY {
        return Ok(tx.rollback().await?);
    }
    let last = head.last;
    let mut walk = Walk::from_the_newest(&mut tx, head, signer).await?;
    walk.go_on(&mut tx, u64::MAX).await?;
    tx.rollback().await?;
    let (holds, (through, hash)) = (walk.holds(), walk.place());
    let checkpoint = signed(through, hash, at, signer);
    if !holds || through != last || walk.end().broken.is_some() {
        tracing::error!("{NOT_WHOLE}");
        return Ok(());
    }
    let mut tx = engine.db.write().await?;
    audit_lock_in_txn(&mut tx).await?;
    // Others may have added to it since; what they added to is what was looked at, or the end is not signed.
    let head = audit_head_in_txn(&mut tx).await?.unwrap_or_default();
    if !is_sealed(&head, signer) || head.last < through {
        tx.rollback().await?;
        tracing::error!("{NOT_WHOLE}");
        return Ok(());
    }
    if head.signed >= through {
        // Another machine did the same.
        return Ok(tx.rollback().await?);
    }
    checkpoint_save_in_txn(&mut tx, &checkpoint).await?;
    audit_head_save_in_txn(&mut tx, &sealed(Head { signed: through, ..head }, Some(signer))).await?;
    Ok(tx.commit().await?)
}

/// Gives up what is older than the settings say, once a day, and leaves a signed checkpoint that the rest starts from. What
/// does not fit together is kept: it tells where. Gives how many rows there were.
pub async fn prune(engine: &Engine, at: Timestamp) -> Result<u64> {
    let days = engine.settings().await?.audit_days.max(FEWEST_DAYS);
    let kept_since = at.minus(DAY * days);
    let mut tx = engine.db.write().await?;
    // Another machine may be about to do the same.
    audit_lock_in_txn(&mut tx).await?;
    let oldest = audit_oldest_in_txn(&mut tx).await?;
    if oldest.is_none_or(|(_, oldest)| oldest > kept_since.minus(DAY)) {
        tx.rollback().await?;
        return Ok(0);
    }
    let signer: &Signer = engine.vault.signer();
    let head = audit_head_in_txn(&mut tx).await?.unwrap_or_default();
    let first_kept = audit_first_since_in_txn(&mut tx, kept_since).await?.unwrap_or(head.last + 1);
    let checkpoints = checkpoint_list_in_txn(&mut tx).await?;
    let mut walk = Walk::from_the_first(head.clone(), checkpoints, Some(signer));
    let old = u64::try_from(first_kept - 1 - head.pruned).unwrap_or(0);
    walk.go_on(&mut tx, old.min(AT_ONCE)).await?;
    if !walk.holds() || walk.place().0 == head.pruned {
        tx.rollback().await?;
        tracing::error!("{NOT_WHOLE}");
        return Ok(0);
    }
    let (through, hash) = walk.place();
    checkpoint_save_in_txn(&mut tx, &signed(through, hash, at, signer)).await?;
    let head = Head { pruned: through, signed: head.signed.max(through), ..head };
    let rows = audit_prune_in_txn(&mut tx, &sealed(head, Some(signer))).await?;
    let words = format!("{rows} rows up to row {through}, older than {days} days.");
    record_in_txn(&mut tx, Act::new(action::AUDIT_PRUNE).saying(words)).await?;
    tx.commit().await?;
    Ok(rows)
}

/// Signs with `to` all that `from` signed, the end of the log among it: the key is being replaced. Whatever is recorded in
/// this transaction comes before.
pub(crate) async fn sign_anew_in_txn(tx: &mut Tx, from: &Signer, to: &Signer) -> Result<()> {
    for known in checkpoint_list_in_txn(tx).await? {
        if is_signed(&known, from) {
            checkpoint_save_in_txn(tx, &signed(known.through, &known.hash, known.at, to)).await?;
        }
    }
    if let Some(head) = audit_head_in_txn(tx).await?.filter(|head| is_sealed(head, from)) {
        audit_head_save_in_txn(tx, &sealed(head, Some(to))).await?;
    }
    Ok(())
}
