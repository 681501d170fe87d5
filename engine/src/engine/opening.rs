//! Opens the database of a process. A server brings its schema up to date; a command does so only where no server and no worker
//! works on it, and a worker never.

use std::time::Duration;

use etiqa_model::{ErrorKind, UserError};

use super::Role;
use crate::data_dir::DataDir;
use crate::db::{Db, DbError, MACHINES, is_postgres_url, newest_schema};
use crate::error::{Error, Result};
use crate::machines::FREED_AFTER;
use crate::store::machine::{database_clock, machine_is_any_alive};
use crate::store::setting::{key_fingerprint_fetch, moved_fetch, restoring_fetch, restoring_forget};
use crate::time::now;

/// A server that has just been started brings the schema up to date, and makes a key, while others look so often.
const LOOKS: u32 = 10;
/// How often they look.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Opens the database at this URL, or the file of the directory where there is none; refuses one that is not to be used.
pub(super) async fn open(url: Option<&str>, dir: &DataDir, role: Role) -> Result<Db> {
    let db = match url {
        Some(url) if is_postgres_url(url) => open_postgres(url, role).await?,
        Some(_) => {
            return Err(UserError::invalid(
                "The database URL must begin with postgres://; leave it out to use the SQLite file inside the \
                 data directory.",
            )
            .into());
        }
        None => open_embedded(dir, role).await?,
    };
    refuse_half_restored(&db, dir).await?;
    if url.is_none() {
        refuse_moved(&db).await?;
    }
    if role == Role::Worker && !comes_true(async || Ok(key_fingerprint_fetch(&db).await?.is_some())).await? {
        db.close().await;
        let message = "There is no key to this database yet: start a server first, which makes it.";
        return Err(UserError::conflict(message).into());
    }
    Ok(db)
}

async fn open_embedded(dir: &DataDir, role: Role) -> Result<Db> {
    if let Some(place) = dir.postgres().filter(|_| !dir.database().exists()) {
        let message = format!(
            "This directory belongs to an instance on {place}: name it with --database-url (ETIQA_DATABASE_URL)."
        );
        return Err(UserError::conflict(message).into());
    }
    let is_served =
        role == Role::Command && dir.has_live_server().map_err(Error::io("looking at the server's lock"))?;
    if !is_served {
        return Db::open_sqlite(&dir.database()).await.map_err(explained);
    }
    let db = Db::connect_sqlite(&dir.database()).await.map_err(explained)?;
    if becomes_current(&db).await? {
        return Ok(db);
    }
    db.close().await;
    let message = "A server of an older version works on this data: start it again first (systemctl restart etiqa). One \
                   that was started just now may still be bringing the data up to date: then wait for it.";
    Err(UserError::conflict(message).into())
}

/// A command brings the schema up to date where it is alone.
async fn open_postgres(url: &str, role: Role) -> Result<Db> {
    let db = Db::connect_postgres(url).await.map_err(explained)?;
    let message = match role {
        Role::Server => None,
        Role::Command if !is_worked_on(&db).await? => None,
        Role::Command | Role::Worker if becomes_current(&db).await? => return Ok(db),
        Role::Command => Some(
            "Servers or workers of an older version work on this database: install this version there and start a server \
             first, which brings the database up to date. One that was killed counts as gone after half a minute.",
        ),
        Role::Worker => Some(
            "The database is empty or of an older version: start a server of this version first, which brings it up to \
             date. One that was started just now may still be at it: then wait for it.",
        ),
    };
    if let Some(message) = message {
        db.close().await;
        return Err(UserError::conflict(message).into());
    }
    db.migrate(newest_schema()).await.map_err(explained)?;
    Ok(db)
}

/// Whether servers or workers were heard of lately.
async fn is_worked_on(db: &Db) -> Result<bool> {
    let schema = db.schema().await.map_err(explained)?;
    if schema < MACHINES {
        return Ok(false);
    }
    // They say so by that clock, and this machine's may be wrong.
    let at = database_clock(db).await?.unwrap_or_else(now);
    Ok(machine_is_any_alive(db, at.minus(FREED_AFTER)).await?)
}

/// Whether the schema is of this version, or is so in a moment.
async fn becomes_current(db: &Db) -> Result<bool> {
    comes_true(async || Ok(db.schema().await.map_err(explained)? == newest_schema())).await
}

/// Whether something is so, or is in a moment.
async fn comes_true(is_so: impl AsyncFn() -> Result<bool>) -> Result<bool> {
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        if is_so().await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Refuses a database whose restore was cut off, or still goes on. One that was restored beside this directory came to
/// its end: the directory would not have opened before.
async fn refuse_half_restored(db: &Db, dir: &DataDir) -> Result<()> {
    match restoring_fetch(db).await? {
        None => Ok(()),
        Some(restored) if restored == dir.id() => {
            restoring_forget(db, &restored).await?;
            Ok(())
        }
        Some(_) => {
            let message = "A restore into this database has not come to its end: wait for it, do it again, or name \
                           another database.";
            Err(UserError::conflict(message).into())
        }
    }
}

/// Refuses a database that was moved to PostgreSQL: what went on here would be in two places, and differ.
async fn refuse_moved(db: &Db) -> Result<()> {
    let Some(moved) = moved_fetch(db).await? else { return Ok(()) };
    let message = format!(
        "This instance was moved to {to} on {at}: name that with --database-url (ETIQA_DATABASE_URL). To go back to \
         this file, as it was then, stop what works with {to} and run `etiqa migrate-to --take-back`.",
        to = moved.to,
        at = moved.at.to_utc().format("%Y-%m-%d %H:%M UTC")
    );
    Err(UserError::conflict(message).into())
}

/// A database that cannot be opened is the person's to mend, whatever the driver calls it.
pub(crate) fn explained(error: DbError) -> Error {
    match error {
        DbError::Sqlx(error) => UserError::new(
            ErrorKind::Unavailable,
            format!("The database cannot be opened: {error}. Check its file's rights, or its server."),
        )
        .into(),
        other => UserError::new(ErrorKind::Unavailable, other.to_string()).into(),
    }
}
