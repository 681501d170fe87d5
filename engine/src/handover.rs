//! An instance of the embedded database, handed over to a PostgreSQL.
//!
//! Every row is copied and read back in one transaction there. Until it commits, the PostgreSQL is empty and the
//! instance is here; then a note in the file here keeps it from going on in two places. Files stay where they are.

use std::path::{Path, PathBuf};

use etiqa_model::{ErrorKind, UserError};
use futures::TryStreamExt;

use crate::audit::{Act, action, record};
use crate::data_dir::{DataDir, RESTORING, ServerLock};
use crate::db::{
    Db, DbError, Tx, is_postgres_url, newest_schema, other_table_in_txn, place_of_url, tables_lock_in_txn,
    tables_there_in_txn,
};
use crate::engine::{Engine, Options, Role, explained, refuse_waiting};
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::store::dump::{last_ids_in_txn, table_columns_in_txn, table_rows_in_txn, tables_handed_over};
use crate::store::lease::leases_expire_of;
use crate::store::restore::{Cell, first_filled_table_in_txn, ids_go_on_after_in_txn, table_fill_in_txn};
use crate::store::setting::{Moved, last_tick_forget_in_txn, moved_fetch, moved_forget, moved_save};
use crate::time::now;

/// Rows that are inserted at once, and bytes after which they are inserted sooner.
const ROWS: usize = 200;
const BYTES: usize = 4 << 20;

/// How far a handover is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many rows of a table were copied: all.
    Copied(&'static str, u64),
    /// So many rows of a table were read back, and are the same: all.
    Compared(&'static str, u64),
}

/// What was handed over.
#[derive(Debug)]
pub struct HandedOver {
    /// The PostgreSQL, without user and password.
    pub to: String,
    /// The data directory, where the files stay.
    pub data_dir: PathBuf,
    /// The rows of each table.
    pub tables: Vec<(&'static str, u64)>,
}

/// A table with the names of its columns and the count of its rows.
type Copied = (&'static str, Vec<String>, u64);

/// Hands the instance of a data directory over to the empty PostgreSQL at `url`; `seen` hears of every step. Nobody else
/// may work with the directory meanwhile.
pub async fn hand_over(options: Options, url: &str, seen: impl FnMut(Step)) -> Result<HandedOver> {
    if options.database_url.is_some() {
        let message = "This instance is on PostgreSQL already. To move another one, leave out --database-url \
                       (ETIQA_DATABASE_URL) and name its directory with --data-dir.";
        return Err(UserError::conflict(message).into());
    }
    if !is_postgres_url(url) {
        return Err(UserError::invalid("The URL to move to must begin with postgres://.").into());
    }
    let to = place_of_url(url)?;
    refuse_no_instance(&options.data_dir)?;
    let engine = Engine::open(options, Role::Command).await?;
    let handed_over = hand_over_alone(&engine, url, to, seen).await;
    let handed_back = engine.hand_back().await;
    engine.db.close().await;
    let handed_over = handed_over?;
    handed_back?;
    Ok(handed_over)
}

/// Lets the file of a data directory be the instance again, as it was when it was moved; gives where it was moved to.
/// None: it was not.
pub async fn take_back(data_dir: &Path) -> Result<Option<Moved>> {
    refuse_no_instance(data_dir)?;
    let dir = DataDir::open(data_dir)?;
    let _lock = keep_servers_out(&dir)?;
    let db = Db::open_sqlite(&dir.database()).await.map_err(explained)?;
    let moved = moved_fetch(&db).await?;
    if moved.is_some() {
        moved_forget(&db).await?;
        dir.forget_postgres().map_err(Error::io("forgetting where the database was"))?;
    }
    db.close().await;
    Ok(moved)
}

/// Refuses a directory that holds nothing, which opening would make into a new instance.
fn refuse_no_instance(data_dir: &Path) -> Result<()> {
    // One that is being restored is refused with a sentence of its own.
    if data_dir.join("etiqa.db").exists() || data_dir.join(RESTORING).exists() {
        return Ok(());
    }
    let message = format!(
        "There is no instance in {}: name the directory of yours with --data-dir.",
        data_dir.display()
    );
    Err(UserError::invalid(message).into())
}

fn keep_servers_out(dir: &DataDir) -> Result<ServerLock> {
    let lock = dir.lock_for_server().map_err(Error::io("taking the server's lock"))?;
    let message = "A server works with this data directory: stop it first, then do this again.";
    lock.ok_or_else(|| UserError::conflict(message).into())
}

async fn hand_over_alone(
    engine: &Engine,
    url: &str,
    to: String,
    seen: impl FnMut(Step),
) -> Result<HandedOver> {
    // Held to the end: what a server began meanwhile would stay behind.
    let _lock = keep_servers_out(&engine.dir)?;
    refuse_waiting(&engine.dir)?;
    if !engine.is_alone()? {
        let message =
            "Another command of etiqa works with this data directory: let it end first, then do this again.";
        return Err(UserError::conflict(message).into());
    }
    let target = Db::connect_postgres(url).await.map_err(explained)?;
    let copied = transfer(engine, &target, &to, seen).await;
    target.close().await;
    let copied = copied.map_err(|error| if_lost(error, &to))?;
    failpoint("handover.committed");
    moved_save(&engine.db, &Moved { to: to.clone(), at: now() }).await?;
    failpoint("handover.noted");
    let tables = copied.into_iter().map(|(table, _, rows)| (table, rows)).collect();
    Ok(HandedOver { to, data_dir: engine.dir.root().to_owned(), tables })
}

/// Copies every table, reads all of them back, and only then commits.
async fn transfer(engine: &Engine, target: &Db, to: &str, mut seen: impl FnMut(Step)) -> Result<Vec<Copied>> {
    let mut looking = target.write().await?;
    refuse_filled_in_txn(&mut looking, to).await?;
    looking.rollback().await?;
    target.migrate(newest_schema()).await.map_err(explained)?;
    failpoint("handover.begun");
    // Nobody else works here: what processes that are gone held is free, there as well.
    for role in [Role::Server, Role::Command] {
        leases_expire_of(&engine.db, role.owner_prefix(), now()).await?;
    }
    // It goes along with the rest.
    record(&engine.db, Act::new(action::MOVE).saying(format!("To {to}."))).await?;
    let mut source = engine.db.snapshot().await?;
    let mut tx = target.write().await?;
    let there = tables_there_in_txn(&mut tx).await?;
    tables_lock_in_txn(&mut tx, &there).await?;
    // Somebody may have come before the lock.
    refuse_filled_in_txn(&mut tx, to).await?;
    let mut tables = Vec::new();
    for table in tables_handed_over() {
        let columns = table_columns_in_txn(source.tx(), table).await?;
        let rows = copy(source.tx(), &mut tx, table, &columns).await?;
        seen(Step::Copied(table, rows));
        tables.push((table, columns, rows));
    }
    ids_go_on_after_in_txn(&mut tx, &last_ids_in_txn(source.tx()).await?).await?;
    failpoint("handover.copied");
    for (table, columns) in tables.iter().map(|(table, columns, _)| (*table, columns)) {
        let rows = compare(source.tx(), &mut tx, table, columns).await?;
        seen(Step::Compared(table, rows));
    }
    source.end().await?;
    failpoint("handover.compared");
    // On PostgreSQL it says that a server lives, and none does there yet.
    last_tick_forget_in_txn(&mut tx).await?;
    tx.commit().await.map_err(|error| if_commit_lost(error.into(), to))?;
    Ok(tables)
}

async fn refuse_filled_in_txn(tx: &mut Tx, to: &str) -> Result<()> {
    let tables = tables_there_in_txn(tx).await?;
    if let Some(other) = other_table_in_txn(tx, &tables).await? {
        let message = format!(
            "The database {to} is not empty (there is the table {other}, of another program): name an empty one."
        );
        return Err(UserError::conflict(message).into());
    }
    let Some(filled) = first_filled_table_in_txn(tx, &tables).await? else { return Ok(()) };
    let message = format!(
        "The database {to} is not empty (there is something in {filled}): name an empty one. Where a move to it was cut \
         off at its very end, all of this instance is there: see whether it is with `etiqa backup-status` and \
         --database-url, and start the server with that."
    );
    Err(UserError::conflict(message).into())
}

/// Copies all rows of a table; gives how many.
async fn copy(source: &mut Tx, target: &mut Tx, table: &'static str, columns: &[String]) -> Result<u64> {
    let mut rows = table_rows_in_txn(source, table, columns);
    let (mut copied, mut bytes, mut waiting) = (0, 0, Vec::new());
    while let Some(row) = rows.try_next().await? {
        bytes += row.iter().map(Cell::size).sum::<usize>();
        waiting.push(row);
        if waiting.len() >= ROWS || bytes >= BYTES {
            fill(target, table, columns, &waiting, copied).await?;
            copied += waiting.len() as u64;
            waiting.clear();
            bytes = 0;
        }
    }
    fill(target, table, columns, &waiting, copied).await?;
    Ok(copied + waiting.len() as u64)
}

/// Inserts the rows that come after so many.
async fn fill(
    target: &mut Tx,
    table: &'static str,
    columns: &[String],
    rows: &[Vec<Cell>],
    after: u64,
) -> Result<()> {
    match table_fill_in_txn(target, table, columns, rows).await {
        Ok(()) => Ok(()),
        Err(error) if error.is_lost() => Err(error.into()),
        Err(error) => {
            let (first, last) = (after + 1, after + rows.len() as u64);
            let message = format!(
                "PostgreSQL does not take the rows {first} to {last} of the table {table}: {error}. Nothing was moved."
            );
            Err(UserError::conflict(message).into())
        }
    }
}

/// Reads a table on both sides and compares it cell by cell; gives how many rows it has.
async fn compare(source: &mut Tx, target: &mut Tx, table: &'static str, columns: &[String]) -> Result<u64> {
    let mut ours = table_rows_in_txn(source, table, columns);
    let mut theirs = table_rows_in_txn(target, table, columns);
    let mut same = 0;
    loop {
        match (ours.try_next().await?, theirs.try_next().await?) {
            (None, None) => return Ok(same),
            (Some(our), Some(their)) if our == their => same += 1,
            (our, their) => {
                let what = difference(columns, our.as_deref(), their.as_deref());
                let message = format!("Row {} of the table {table} {what}. Nothing was moved.", same + 1);
                return Err(UserError::conflict(message).into());
            }
        }
    }
}

/// How a row differs; what is in it is nobody's to read here.
fn difference(columns: &[String], our: Option<&[Cell]>, their: Option<&[Cell]>) -> String {
    let (Some(our), Some(their)) = (our, their) else {
        return "is not on both sides".to_owned();
    };
    let cells = our.iter().zip(their);
    let differing = columns.iter().zip(cells).find(|(_, (our, their))| our != their);
    let column = differing.map_or("?", |(column, _)| column.as_str());
    format!("is not the same in PostgreSQL, in its column {column}")
}

/// A commit whose answer never came may have been done all the same.
fn if_commit_lost(error: DbError, to: &str) -> Error {
    if !error.is_lost() {
        return error.into();
    }
    tracing::error!(%error, "the connection to the PostgreSQL was lost with the last word of a handover");
    let message = format!(
        "The connection to {to} was lost with the very last word: see whether all of this instance is there, with \
         `etiqa backup-status` and --database-url. If it is, start the server with that; if not, move it again."
    );
    UserError::new(ErrorKind::Unavailable, message).into()
}

/// What a person is told when the PostgreSQL goes away meanwhile.
fn if_lost(error: Error, to: &str) -> Error {
    match error {
        Error::Db(error) if error.is_lost() => lost(&error, to),
        other => other,
    }
}

fn lost(error: &DbError, to: &str) -> Error {
    tracing::error!(%error, "the connection to the PostgreSQL was lost in a handover");
    let message = format!("The connection to {to} was lost, and the instance is still here: do it again.");
    UserError::new(ErrorKind::Unavailable, message).into()
}
