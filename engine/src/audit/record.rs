//! Writing a row.

use super::act::Act;
use super::actor::{Acting, Means};
use super::chain::hash;
use super::head::{is_sealed, sealed};
use crate::db::{Db, DbError, Result, Tx};
use crate::store::audit::{Head, StoredAct, audit_append_in_txn, audit_begin_in_txn};

/// Records an act within the transaction that does it. The last thing before the commit: from here until then nobody else
/// adds to the log, and who waits for that must hold nothing that this transaction still needs.
pub async fn record_in_txn(tx: &mut Tx, act: Act) -> Result<()> {
    record_all_in_txn(tx, vec![act]).await
}

/// The same of many acts, in this order: a few statements, however many they are.
pub async fn record_all_in_txn(tx: &mut Tx, acts: Vec<Act>) -> Result<()> {
    if acts.is_empty() {
        return Ok(());
    }
    let before = audit_begin_in_txn(tx, acts.len() as i64).await?;
    // To an end that this instance did not sign it adds, and leaves it unsigned: `check` finds it.
    let signer = tx.signer().filter(|signer| is_sealed(&before, signer));
    let (mut last, mut previous) = (before.last, before.hash.clone());
    let mut rows = Vec::with_capacity(acts.len());
    let actings: Vec<Acting> = acts.iter().map(|act| act.acting.clone()).collect();
    for act in acts {
        last += 1;
        let row = stored(act, last, &previous)?;
        previous.clone_from(&row.hash);
        rows.push(row);
    }
    let head = sealed(Head { last, hash: previous, ..before }, signer.as_deref());
    audit_append_in_txn(tx, &rows, &head).await?;
    // From here on nobody can tell whether it was done: a commit that fails may have come through.
    actings.iter().for_each(Acting::note_recorded);
    Ok(())
}

/// An act as the row of this number that comes after the one of this hash.
fn stored(act: Act, id: i64, previous: &str) -> Result<StoredAct> {
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
    stored.hash = hash(previous, &stored);
    Ok(stored)
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
