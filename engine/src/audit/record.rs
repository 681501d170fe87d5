//! Writing a row.

use super::act::Act;
use super::actor::Means;
use super::chain::hash;
use crate::db::{Db, DbError, Result, Tx};
use crate::store::audit::{StoredAct, audit_append_in_txn, audit_begin_in_txn};

/// Records an act within the transaction that does it. The last thing before the commit: from here until then nobody else
/// adds to the log, and who waits for that must hold nothing that this transaction still needs.
pub async fn record_in_txn(tx: &mut Tx, act: Act) -> Result<()> {
    let (id, previous) = audit_begin_in_txn(tx).await?;
    let Act { acting, who, at, action, object_id, object, outcome, words, changes } = act;
    let changes = serde_json::to_string(&changes)
        .map_err(|error| DbError::Value { column: "changes", message: error.to_string() })?;
    let actor = acting.actor();
    let mut stored = StoredAct {
        id,
        at,
        who: who.unwrap_or_else(|| actor.name.clone()),
        means: actor.means.as_str().to_owned(),
        address: actor.address.clone(),
        action: action.as_str().to_owned(),
        object_id,
        object,
        outcome: outcome.as_str().to_owned(),
        words,
        changes,
        hash: String::new(),
    };
    stored.hash = hash(&previous, &stored);
    audit_append_in_txn(tx, &stored).await?;
    acting.note_recorded();
    Ok(())
}

/// [`record_if_asked`] within the transaction that does it.
pub async fn record_if_asked_in_txn(tx: &mut Tx, act: Act) -> Result<()> {
    if act.acting.actor().means == Means::Program {
        return Ok(());
    }
    record_in_txn(tx, act).await
}

/// Records what a person asked for; what the program does by itself every day is no act.
pub async fn record_if_asked(db: &Db, act: Act) -> Result<()> {
    if act.acting.actor().means == Means::Program {
        return Ok(());
    }
    record(db, act).await
}

/// Records an act that is in no transaction: a download, a test, a refusal.
pub async fn record(db: &Db, act: Act) -> Result<()> {
    let mut tx = db.write().await?;
    record_in_txn(&mut tx, act).await?;
    Ok(tx.commit().await?)
}
