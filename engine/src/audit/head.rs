//! The end of the chain, signed with every row that is added: whoever has the database alone can neither write the chain
//! anew nor cut it off. Who adds to an end that was not signed by this instance does not sign it either, and so nothing that
//! the program does by itself makes a forged log a good one.

use etiqa_model::UserError;
use etiqa_model::audit::ChainState;

use super::act::{Act, action};
use super::check::{Walk, check};
use super::prune::signed;
use super::record::record_in_txn;
use crate::db::{Db, Result as DbResult};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::audit::{
    Head, audit_head_in_txn, audit_head_insert_in_txn, audit_head_save_in_txn, audit_lock_in_txn,
    audit_oldest_in_txn, checkpoint_list_in_txn, checkpoint_save_in_txn,
};
use crate::time::now;
use crate::vault::Signer;

/// What the end is signed as.
const SIGNED_AS: &str = "audit head";

fn text_of(head: &Head) -> Vec<u8> {
    let Head { last, hash, pruned, signed, .. } = head;
    format!("{last} {hash} {pruned} {signed}").into_bytes()
}

/// The end as this key signs it; without a key nobody does.
pub(super) fn sealed(head: Head, signer: Option<&Signer>) -> Head {
    let signature = signer.map(|signer| signer.sign(SIGNED_AS, &text_of(&head))).unwrap_or_default();
    Head { signature, ..head }
}

/// Whether this key signed the end.
pub(super) fn is_sealed(head: &Head, signer: &Signer) -> bool {
    signer.has_signed(SIGNED_AS, &text_of(head), &head.signature)
}

/// Begins the log of a database that had none when this process came, and signs that it is empty. Any other without a signed
/// end is one that somebody emptied.
pub(crate) async fn begin(db: &Db) -> DbResult<()> {
    if !db.has_new_log() {
        return Ok(());
    }
    let mut tx = db.write().await?;
    let signer = tx.signer();
    let is_empty = audit_head_in_txn(&mut tx).await?.is_none()
        && audit_oldest_in_txn(&mut tx).await?.is_none()
        && checkpoint_list_in_txn(&mut tx).await?.is_empty();
    if is_empty && signer.is_some() {
        audit_head_insert_in_txn(&mut tx, &sealed(Head::default(), signer.as_deref())).await?;
    }
    Ok(tx.commit().await?)
}

/// Signs the log as it is, for a person who knows why it is not signed by this instance: it was restored without its key, or
/// its first start was cut off before it was signed. Refuses one whose rows do not fit together. Gives what was found; nothing
/// is done where that is whole.
pub async fn sign(engine: &Engine) -> Result<ChainState> {
    let found = check(engine).await?;
    if found.is_whole() {
        return Ok(found);
    }
    let signer: &Signer = engine.vault.signer();
    let mut tx = engine.db.write().await?;
    audit_lock_in_txn(&mut tx).await?;
    let head = audit_head_in_txn(&mut tx).await?.unwrap_or_default();
    let checkpoints = checkpoint_list_in_txn(&mut tx).await?;
    let mut walk = Walk::from_the_first(head.clone(), checkpoints.clone(), None);
    walk.look_before(&mut tx).await?;
    walk.go_on(&mut tx, u64::MAX).await?;
    if let Some(broken) = walk.end_of_all().broken {
        let message = format!(
            "Row {}: {} A log that does not fit together is not signed: keep what it tells.",
            broken.row, broken.problem
        );
        return Err(UserError::conflict(message).into());
    }
    for known in &checkpoints {
        checkpoint_save_in_txn(&mut tx, &signed(known.through, &known.hash, known.at, signer)).await?;
    }
    if head.last > head.pruned {
        checkpoint_save_in_txn(&mut tx, &signed(head.last, &head.hash, now(), signer)).await?;
    }
    let words = match &found.broken {
        Some(broken) => format!("Up to row {}. Before: row {}: {}", head.last, broken.row, broken.problem),
        None => format!(
            "Up to row {}. Before: {} checkpoints of another key.",
            head.last, found.foreign_checkpoints
        ),
    };
    let head = sealed(Head { signed: head.last, ..head }, Some(signer));
    audit_head_save_in_txn(&mut tx, &head).await?;
    record_in_txn(&mut tx, Act::new(action::AUDIT_SIGN).saying(words)).await?;
    tx.commit().await?;
    Ok(found)
}
