//! The audit log. Rows are inserted, read, and given up from the oldest on; nothing changes one.

use etiqa_model::Timestamp;
use etiqa_model::audit::{AuditFilter, AuditOutcome, AuditRow};
use etiqa_model::history::HistoryPage;
use sqlx::any::AnyRow;

use super::newest::History;
use super::restore::{Cell, table_fill_in_txn};
use super::run::Span;
use crate::db::{Db, Filter, Result, RowExt, Tx, contains};

const SELECT: &str = "SELECT id, at, who, means, address, action, object_id, object, outcome, words, changes, \
     hash FROM audit_log";

/// A row as it is stored and hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAct {
    /// Its number; they follow each other.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// How they came.
    pub means: String,
    /// From where.
    pub address: Option<String>,
    /// What they did.
    pub action: String,
    /// On what.
    pub object_id: Option<i64>,
    /// Its name.
    pub object: String,
    /// What it came to.
    pub outcome: String,
    /// Why, or what else there is to say.
    pub words: Option<String>,
    /// What was changed, as JSON.
    pub changes: String,
    /// Over all of these and the hash of the row before.
    pub hash: String,
}

/// The end of the chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// The number of the newest row; 0: there was never any.
    pub last: i64,
    /// Its hash.
    pub hash: String,
    /// The newest row that was given up; 0: none.
    pub pruned: i64,
    /// The row of the newest checkpoint; 0: there is none.
    pub signed: i64,
    /// Over all of these; empty: nobody signed it.
    pub signature: String,
}

/// A signed hash of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The row.
    pub through: i64,
    /// Its hash.
    pub hash: String,
    /// When it was signed.
    pub at: Timestamp,
    /// Names the key that signed.
    pub fingerprint: String,
    /// The signature.
    pub signature: String,
}

/// Takes the next `count` numbers; gives the end of the chain as it was before. Until the transaction ends nobody else gets
/// one.
pub async fn audit_begin_in_txn(tx: &mut Tx, count: i64) -> Result<Head> {
    let row = sqlx::query(
        "INSERT INTO audit_head (id, last, hash, pruned, signed, signature) VALUES (1, $1, '', 0, 0, '')
         ON CONFLICT (id) DO UPDATE SET last = audit_head.last + excluded.last
         RETURNING last, hash, pruned, signed, signature",
    )
    .bind(count)
    .fetch_one(&mut **tx)
    .await?;
    let head = head(&row)?;
    Ok(Head { last: head.last - count, ..head })
}

/// The columns of a row, in the order in which [`cells_of`] has them.
const COLUMNS: [&str; 15] = [
    "id",
    "at",
    "who",
    "means",
    "address",
    "action",
    "object_id",
    "object",
    "outcome",
    "words",
    "changes",
    "hash",
    "who_key",
    "kind",
    "object_key",
];

/// Adds the rows whose numbers were taken, and says where the chain ends now.
pub async fn audit_append_in_txn(tx: &mut Tx, acts: &[StoredAct], head: &Head) -> Result<()> {
    match acts {
        [act] => append_one(tx, act).await?,
        acts => {
            let columns = COLUMNS.map(str::to_owned);
            let rows: Vec<Vec<Cell>> = acts.iter().map(cells_of).collect();
            table_fill_in_txn(tx, "audit_log", &columns, &rows).await?;
        }
    }
    audit_head_save_in_txn(tx, head).await
}

/// A statement that comes again and again, and so is prepared once.
async fn append_one(tx: &mut Tx, act: &StoredAct) -> Result<()> {
    let [who_key, kind, object_key] = keys_of(act);
    sqlx::query(
        "INSERT INTO audit_log (id, at, who, means, address, action, object_id, object, outcome, words, changes, hash,
                                who_key, kind, object_key)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(act.id)
    .bind(act.at.millis())
    .bind(act.who.clone())
    .bind(act.means.clone())
    .bind(act.address.clone())
    .bind(act.action.clone())
    .bind(act.object_id)
    .bind(act.object.clone())
    .bind(act.outcome.clone())
    .bind(act.words.clone())
    .bind(act.changes.clone())
    .bind(act.hash.clone())
    .bind(who_key)
    .bind(kind)
    .bind(object_key)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn cells_of(act: &StoredAct) -> Vec<Cell> {
    let text = |text: &String| Cell::Text(text.clone());
    let if_any = |text: Option<&String>| text.map_or(Cell::Null, |text| Cell::Text(text.clone()));
    let [who_key, kind, object_key] = keys_of(act).map(Cell::Text);
    vec![
        Cell::Int(act.id),
        Cell::Int(act.at.millis()),
        text(&act.who),
        text(&act.means),
        if_any(act.address.as_ref()),
        text(&act.action),
        act.object_id.map_or(Cell::Null, Cell::Int),
        text(&act.object),
        text(&act.outcome),
        if_any(act.words.as_ref()),
        text(&act.changes),
        text(&act.hash),
        who_key,
        kind,
        object_key,
    ]
}

/// The end of the chain; none: the log was never begun.
pub async fn audit_head_in_txn(tx: &mut Tx) -> Result<Option<Head>> {
    let row = sqlx::query("SELECT last, hash, pruned, signed, signature FROM audit_head WHERE id = 1")
        .fetch_optional(&mut **tx)
        .await?;
    row.as_ref().map(head).transpose()
}

/// Says where the chain of an empty log ends, unless somebody did.
pub async fn audit_head_insert_in_txn(tx: &mut Tx, head: &Head) -> Result<()> {
    sqlx::query(
        "INSERT INTO audit_head (id, last, hash, pruned, signed, signature) VALUES (1, $1, $2, $3, $4, $5)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(head.last)
    .bind(head.hash.clone())
    .bind(head.pruned)
    .bind(head.signed)
    .bind(head.signature.clone())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Says where the chain ends.
pub async fn audit_head_save_in_txn(tx: &mut Tx, head: &Head) -> Result<()> {
    sqlx::query(
        "INSERT INTO audit_head (id, last, hash, pruned, signed, signature) VALUES (1, $1, $2, $3, $4, $5)
         ON CONFLICT (id) DO UPDATE SET last = excluded.last, hash = excluded.hash, pruned = excluded.pruned,
                signed = excluded.signed, signature = excluded.signature",
    )
    .bind(head.last)
    .bind(head.hash.clone())
    .bind(head.pruned)
    .bind(head.signed)
    .bind(head.signature.clone())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn head(row: &AnyRow) -> Result<Head> {
    Ok(Head {
        last: row.int("last")?,
        hash: row.text("hash")?,
        pruned: row.int("pruned")?,
        signed: row.int("signed")?,
        signature: row.text("signature")?,
    })
}

/// At most `limit` rows after the row `after`, oldest first; each with whether it is looked up by what it says.
pub async fn audit_list_in_txn(tx: &mut Tx, after: i64, limit: u32) -> Result<Vec<(StoredAct, bool)>> {
    let mut filter = Filter::new();
    filter.and_int("id > ?", after);
    let select = SELECT.replace("hash FROM", "hash, who_key, kind, object_key FROM");
    let rows = filter.query(&select, &format!(" ORDER BY id LIMIT {limit}")).fetch_all(&mut **tx).await?;
    rows.iter()
        .map(|row| {
            let act = stored(row)?;
            let keys = [row.text("who_key")?, row.text("kind")?, row.text("object_key")?];
            let is_findable = keys == keys_of(&act);
            Ok((act, is_findable))
        })
        .collect()
}

/// What a row is looked up by: who, the kind of what was done, its name.
fn keys_of(act: &StoredAct) -> [String; 3] {
    let kind = act.action.split('.').next().unwrap_or_default();
    [act.who.to_lowercase(), kind.to_owned(), act.object.to_lowercase()]
}

/// Lets nobody else add to the log until the transaction ends.
pub async fn audit_lock_in_txn(tx: &mut Tx) -> Result<()> {
    sqlx::query("UPDATE audit_head SET pruned = pruned WHERE id = 1").execute(&mut **tx).await?;
    Ok(())
}

/// The oldest row.
pub async fn audit_oldest_in_txn(tx: &mut Tx) -> Result<Option<(i64, Timestamp)>> {
    let row =
        sqlx::query("SELECT id, at FROM audit_log ORDER BY id LIMIT 1").fetch_optional(&mut **tx).await?;
    row.map(|row| Ok((row.int("id")?, row.time("at")?))).transpose()
}

/// The oldest row that is not older than `time`, with all that are older than it in front of it.
pub async fn audit_first_since_in_txn(tx: &mut Tx, time: Timestamp) -> Result<Option<i64>> {
    let row = sqlx::query("SELECT id FROM audit_log WHERE at >= $1 ORDER BY id LIMIT 1")
        .bind(time.millis())
        .fetch_optional(&mut **tx)
        .await?;
    row.map(|row| row.int("id")).transpose()
}

/// Deletes the rows up to `head.pruned`, and the checkpoints before it; gives how many rows there were.
pub async fn audit_prune_in_txn(tx: &mut Tx, head: &Head) -> Result<u64> {
    // First: the triggers let go of no other rows.
    audit_head_save_in_txn(tx, head).await?;
    let rows =
        sqlx::query("DELETE FROM audit_log WHERE id <= $1").bind(head.pruned).execute(&mut **tx).await?;
    let old = sqlx::query("DELETE FROM audit_checkpoint WHERE through < $1").bind(head.pruned);
    old.execute(&mut **tx).await?;
    Ok(rows.rows_affected())
}

/// Every checkpoint, oldest first.
pub async fn checkpoint_list_in_txn(tx: &mut Tx) -> Result<Vec<Checkpoint>> {
    let rows = sqlx::query(
        "SELECT through, hash, at, fingerprint, signature FROM audit_checkpoint ORDER BY through",
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(checkpoint).collect()
}

/// The checkpoint of a row.
pub async fn checkpoint_fetch_in_txn(tx: &mut Tx, through: i64) -> Result<Option<Checkpoint>> {
    let row = sqlx::query(
        "SELECT through, hash, at, fingerprint, signature FROM audit_checkpoint WHERE through = $1",
    )
    .bind(through)
    .fetch_optional(&mut **tx)
    .await?;
    row.as_ref().map(checkpoint).transpose()
}

/// Keeps a checkpoint in place of one of the same row.
pub async fn checkpoint_save_in_txn(tx: &mut Tx, new: &Checkpoint) -> Result<()> {
    sqlx::query(
        "INSERT INTO audit_checkpoint (through, hash, at, fingerprint, signature) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (through) DO UPDATE SET hash = excluded.hash, at = excluded.at,
                fingerprint = excluded.fingerprint, signature = excluded.signature",
    )
    .bind(new.through)
    .bind(new.hash.clone())
    .bind(new.at.millis())
    .bind(new.fingerprint.clone())
    .bind(new.signature.clone())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

const HISTORY: History<AuditRow> = History {
    table: "audit_log",
    columns: "id, at, who, who_key, kind, action, object, object_key, outcome, address, words, changes",
    time: "at",
    until: "at <= ?",
    select: SELECT,
    id: "id",
    row,
};

/// Rows in `filter` of `span`, those before `before`, newest first.
pub async fn audit_page(
    db: &Db,
    filter: &AuditFilter,
    span: Span,
    before: Option<i64>,
) -> Result<HistoryPage<AuditRow>> {
    let mut rows = Filter::new();
    HISTORY.narrow_until(db, &mut rows, span.to).await?;
    let held = held_by_index(filter);
    narrow(&mut rows, filter, |narrowing| Some(narrowing) == held);
    HISTORY.page(db, &rows, |asked| narrow_aside(asked, filter, span, held), span, before).await
}

/// At most `limit` rows in `filter` of `span` after the row `after`, oldest first, each with its hash. Reads all that it passes: for what is
/// written out.
pub async fn audit_list_after_in_txn(
    tx: &mut Tx,
    filter: &AuditFilter,
    span: Span,
    after: i64,
    limit: u32,
) -> Result<Vec<(AuditRow, String)>> {
    let mut asked = Filter::new();
    asked.and_int("id > ?", after);
    narrow(&mut asked, filter, |_| true);
    narrow_aside(
        &mut asked,
        &AuditFilter { text: filter.text.clone(), ..AuditFilter::default() },
        span,
        None,
    );
    let rows = asked.query(SELECT, &format!(" ORDER BY id LIMIT {limit}")).fetch_all(&mut **tx).await?;
    rows.iter().map(|found| Ok((row(found)?, found.text("hash")?))).collect()
}

/// What a filter may narrow rows by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Narrowing {
    Object,
    Refused,
    Who,
    What,
}

/// What rows are looked up by: it has an index, and is what leaves the fewest.
fn held_by_index(filter: &AuditFilter) -> Option<Narrowing> {
    // No index tells those that were done: nearly all were.
    let is_refused = filter.outcome == Some(AuditOutcome::Refused);
    [
        (Narrowing::Object, !filter.object.is_empty()),
        (Narrowing::Refused, is_refused),
        (Narrowing::Who, !filter.who.is_empty()),
        (Narrowing::What, !filter.what.is_empty()),
    ]
    .into_iter()
    .find_map(|(narrowing, is_held)| is_held.then_some(narrowing))
}

/// Adds those conditions of a filter that `which` picks.
fn narrow(conditions: &mut Filter, filter: &AuditFilter, which: impl Fn(Narrowing) -> bool) {
    if !filter.object.is_empty() && which(Narrowing::Object) {
        conditions.and_text("object_key = ?", filter.object.to_lowercase());
    }
    if which(Narrowing::Refused) {
        match filter.outcome {
            Some(AuditOutcome::Refused) => conditions.and("outcome = 'refused'"),
            Some(AuditOutcome::Done) => conditions.and("outcome = 'done'"),
            None => &mut *conditions,
        };
    }
    if !filter.who.is_empty() && which(Narrowing::Who) {
        conditions.and_text("who_key = ?", filter.who.to_lowercase());
    }
    if !filter.what.is_empty() && which(Narrowing::What) {
        let column = if filter.what.contains('.') { "action = ?" } else { "kind = ?" };
        conditions.and_text(column, filter.what.clone());
    }
}

/// What is asked of the newest rows alone.
fn narrow_aside(asked: &mut Filter, filter: &AuditFilter, span: Span, held: Option<Narrowing>) {
    narrow(asked, filter, |narrowing| Some(narrowing) != held);
    if !filter.text.is_empty() {
        asked.and_text(
            "lower(who || ' ' || action || ' ' || object || ' ' || COALESCE(address, '') || ' ' ||
                   COALESCE(words, '') || ' ' || changes) LIKE ? ESCAPE '\\'",
            contains(&filter.text),
        );
    }
    if let Some(from) = span.from {
        asked.and_int("at >= ?", from.millis());
    }
    if let Some(to) = span.to {
        asked.and_int("at <= ?", to.millis());
    }
}

fn row(row: &AnyRow) -> Result<AuditRow> {
    Ok(AuditRow {
        id: row.int("id")?,
        at: row.time("at")?,
        who: row.text("who")?,
        means: row.text("means")?,
        address: row.opt_text("address")?,
        action: row.text("action")?,
        object_id: row.opt_int("object_id")?,
        object: row.text("object")?,
        outcome: row.named("outcome", AuditOutcome::parse)?,
        words: row.opt_text("words")?,
        changes: row.json("changes")?,
    })
}

fn stored(row: &AnyRow) -> Result<StoredAct> {
    Ok(StoredAct {
        id: row.int("id")?,
        at: row.time("at")?,
        who: row.text("who")?,
        means: row.text("means")?,
        address: row.opt_text("address")?,
        action: row.text("action")?,
        object_id: row.opt_int("object_id")?,
        object: row.text("object")?,
        outcome: row.text("outcome")?,
        words: row.opt_text("words")?,
        changes: row.text("changes")?,
        hash: row.text("hash")?,
    })
}

fn checkpoint(row: &AnyRow) -> Result<Checkpoint> {
    Ok(Checkpoint {
        through: row.int("through")?,
        hash: row.text("hash")?,
        at: row.time("at")?,
        fingerprint: row.text("fingerprint")?,
        signature: row.text("signature")?,
    })
}
