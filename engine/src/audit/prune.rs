//! Checkpoints, and giving up rows that are older than they are to be kept.
//!
//! A checkpoint is the number and the hash of a row, signed with a key that is made of `secret.key`: whoever has the
//! database alone can write a chain anew from its beginning, but not sign it.

use std::time::Duration;

use etiqa_model::Timestamp;
use etiqa_model::audit::FEWEST_DAYS;

use super::act::{Act, action};
use super::check::Walk;
use super::record::record_in_txn;
use crate::db::Tx;
use crate::engine::Engine;
use crate::error::Result;
use crate::store::audit::{
    Checkpoint, audit_first_since_in_txn, audit_head_in_txn, audit_lock_in_txn, audit_oldest_in_txn,
    audit_prune_in_txn, checkpoint_list_in_txn, checkpoint_newest_in_txn, checkpoint_save_in_txn,
};
use crate::vault::Vault;

/// After so many rows there is another checkpoint.
const EVERY: i64 = 1_000;
/// Rows that are given up within one transaction.
const AT_ONCE: u64 = 20_000;
/// What a checkpoint is signed as.
const SIGNED_AS: &str = "audit checkpoint";
const DAY: Duration = Duration::from_hours(24);

fn text_of(through: i64, hash: &str, at: Timestamp) -> Vec<u8> {
    format!("{through} {hash} {}", at.millis()).into_bytes()
}

fn signed(through: i64, hash: &str, at: Timestamp, vault: &Vault) -> Checkpoint {
    Checkpoint {
        through,
        hash: hash.to_owned(),
        at,
        fingerprint: vault.fingerprint().to_owned(),
        signature: vault.sign(SIGNED_AS, &text_of(through, hash, at)),
    }
}

/// Whether this key signed a checkpoint.
pub(super) fn is_signed(checkpoint: &Checkpoint, vault: &Vault) -> bool {
    let Checkpoint { through, hash, at, signature, .. } = checkpoint;
    vault.has_signed(SIGNED_AS, &text_of(*through, hash, *at), signature)
}

/// Signs the newest row where a thousand came since the newest checkpoint; not where they do not fit together.
pub async fn sign_checkpoint(engine: &Engine, at: Timestamp) -> Result<()> {
    let mut tx = engine.db.read().await?;
    let head = audit_head_in_txn(&mut tx).await?;
    let newest = checkpoint_newest_in_txn(&mut tx).await?;
    if head.last - newest.as_ref().map_or(head.pruned, |newest| newest.through) < EVERY {
        return Ok(tx.rollback().await?);
    }
    let mut walk = match newest {
        Some(newest) => Walk::from_checkpoint(newest, &head, &engine.vault),
        None => Walk::from_the_first(&head, Vec::new(), &engine.vault),
    };
    walk.go_on(&mut tx, u64::MAX).await?;
    tx.rollback().await?;
    if !walk.holds() {
        tracing::error!("the audit log is not whole: run `etiqa audit check`");
        return Ok(());
    }
    let (through, hash) = walk.place();
    let checkpoint = signed(through, hash, at, &engine.vault);
    let mut tx = engine.db.write().await?;
    checkpoint_save_in_txn(&mut tx, &checkpoint).await?;
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
    let head = audit_head_in_txn(&mut tx).await?;
    let first_kept = audit_first_since_in_txn(&mut tx, kept_since).await?.unwrap_or(head.last + 1);
    let checkpoints = checkpoint_list_in_txn(&mut tx).await?;
    let mut walk = Walk::from_the_first(&head, checkpoints, &engine.vault);
    let old = u64::try_from(first_kept - 1 - head.pruned).unwrap_or(0);
    walk.go_on(&mut tx, old.min(AT_ONCE)).await?;
    if !walk.holds() || walk.place().0 == head.pruned {
        tx.rollback().await?;
        tracing::error!("the audit log is not whole, and so none of it is given up: run `etiqa audit check`");
        return Ok(0);
    }
    let (through, hash) = walk.place();
    checkpoint_save_in_txn(&mut tx, &signed(through, hash, at, &engine.vault)).await?;
    let rows = audit_prune_in_txn(&mut tx, through).await?;
    let words = format!("{rows} rows up to row {through}, older than {days} days.");
    record_in_txn(&mut tx, Act::new(action::AUDIT_PRUNE).saying(words)).await?;
    tx.commit().await?;
    Ok(rows)
}

/// Signs with `to` every checkpoint that `from` signed: the key is being replaced.
pub(crate) async fn sign_anew_in_txn(tx: &mut Tx, from: &Vault, to: &Vault) -> Result<()> {
    for known in checkpoint_list_in_txn(tx).await? {
        if is_signed(&known, from) {
            checkpoint_save_in_txn(tx, &signed(known.through, &known.hash, known.at, to)).await?;
        }
    }
    Ok(())
}
