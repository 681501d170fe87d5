//! The database: SQLite inside, or PostgreSQL beside; the same SQL text for both.
//!
//! Holds connections, transactions and the small helpers that make `Any` bearable. No table is named here.

mod filter;
mod migrate;
mod row;
mod together;
mod tx;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use etiqa_model::Secret;
use sqlx::any::{Any, AnyConnectOptions, AnyPoolOptions, AnyRow};
use sqlx::{AssertSqlSafe, Connection, Executor, Pool, Row};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use filter::{Filter, contains, one_of};
pub use migrate::newest as newest_schema;
pub(crate) use migrate::{
    MACHINES, other_table_in_txn, tables_drop_in_txn, tables_lock_in_txn, tables_there_in_txn,
};
pub use row::{RowExt, json_text};
use together::Together;
pub use tx::Tx;

use crate::vault::Signer;

/// What can go wrong below the stores.
#[derive(Debug, Error)]
pub enum DbError {
    /// The database cannot be opened at all; the sentence says what to do.
    #[error("{0}")]
    Open(String),
    /// It was written by a newer version of the program.
    #[error(
        "The database is of a newer version of this program (schema {found}, this one knows {known}). \
         Start the newer version, or restore an older backup into a new directory."
    )]
    Newer {
        /// The database's schema number.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// A column holds something that this program never writes.
    #[error("the database holds an unexpected value in {column}: {message}")]
    Value {
        /// The column's name.
        column: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// Everything else that the driver reports.
    #[error(transparent)]
    Sqlx(#[from] sqlx::Error),
    /// What befell the transaction that several writes shared.
    #[error(transparent)]
    Shared(Arc<DbError>),
}

impl DbError {
    /// Whether an insert or update met a row with the same unique value.
    pub fn is_unique_violation(&self) -> bool {
        match self {
            Self::Sqlx(sqlx::Error::Database(error)) => error.is_unique_violation(),
            Self::Shared(error) => error.is_unique_violation(),
            _ => false,
        }
    }

    /// Whether the database itself is gone, so that the next statement will fail as well. Everything else is about
    /// the one row or statement that met it.
    pub fn is_lost(&self) -> bool {
        use sqlx::Error::{Database, Io, PoolClosed, PoolTimedOut, Protocol, Tls, WorkerCrashed};
        match self {
            Self::Sqlx(Io(_) | PoolClosed | PoolTimedOut | Protocol(_) | Tls(_) | WorkerCrashed) => true,
            // PostgreSQL's classes 08 (connection exception) and 57P (shutdown); SQLite's codes have other forms.
            Self::Sqlx(Database(error)) => error
                .code()
                .is_some_and(|code| code.len() == 5 && (code.starts_with("08") || code.starts_with("57P"))),
            Self::Shared(error) => error.is_lost(),
            _ => false,
        }
    }

    /// Whether SQLite could not read or write its file: no room (13), an error of the disk (10), no way to open it (14).
    /// Extended codes have the plain one in their lowest byte (<https://sqlite.org/rescode.html>).
    pub fn is_of_the_disk(&self) -> bool {
        match self {
            Self::Sqlx(sqlx::Error::Database(error)) => error
                .code()
                .filter(|code| code.len() != 5)
                .and_then(|code| code.parse::<u32>().ok())
                .is_some_and(|code| [10, 13, 14].contains(&(code & 0xff))),
            Self::Shared(error) => error.is_of_the_disk(),
            _ => false,
        }
    }
}

/// What stores return.
pub type Result<T, E = DbError> = std::result::Result<T, E>;

/// Which of the two it is; only the few places that must differ ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DbKind {
    /// Embedded.
    Sqlite,
    /// A server.
    Postgres,
}

/// A handle to the database; cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    kind: DbKind,
    reader: Pool<Any>,
    writer: Pool<Any>,
    /// One connection for what reads for long, so that it takes none of the readers'.
    dumper: Pool<Any>,
    dump_turn: Arc<Semaphore>,
    together: Arc<Together>,
    file: Option<PathBuf>,
    /// Where a PostgreSQL is, with its password.
    url: Option<Secret>,
    kept: Arc<Kept>,
}

/// What all handles to one database know.
#[derive(Debug, Default)]
struct Kept {
    /// What signs with the key of the instance, once that is open.
    signer: RwLock<Option<Arc<Signer>>>,
    /// Whether the schema was first given its audit log here.
    has_new_log: AtomicBool,
}

/// One consistent state of the whole database.
pub struct Snapshot {
    tx: Tx,
    _turn: Option<OwnedSemaphorePermit>,
}

impl Snapshot {
    /// The transaction that it is read in.
    pub fn tx(&mut self) -> &mut Tx {
        &mut self.tx
    }

    /// Lets the next one read.
    pub async fn end(self) -> Result<()> {
        Ok(self.tx.rollback().await?)
    }
}

/// A connection to PostgreSQL that nobody used for longer is tried before it is used.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// The oldest SQLite without the WAL-reset corruption.
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);

impl Db {
    /// Opens (and creates) an SQLite database file and brings its schema up to date.
    pub async fn open_sqlite(file: &Path) -> Result<Self> {
        let db = Self::connect_sqlite(file).await?;
        db.migrate(newest_schema()).await?;
        Ok(db)
    }

    /// Opens (and creates) an SQLite database file as it is.
    pub(crate) async fn connect_sqlite(file: &Path) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let shown = file.display();
        // The pool would try for half a minute before it gave up on such a file.
        if is_something_else(file) {
            let message = format!(
                "The file {shown} is not a database of this program. Put the right one back, or choose another \
                 directory with --data-dir."
            );
            return Err(DbError::Open(message));
        }
        let url = sqlite_url(file)?;
        let options = AnyConnectOptions::from_str(&url).map_err(|error| {
            DbError::Open(format!("The database file {shown} cannot be opened: {error}."))
        })?;
        let unreadable = |error: sqlx::Error| {
            DbError::Open(format!("The database file {shown} cannot be opened: {}.", reason(&error)))
        };
        let pool = |connections| {
            AnyPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(Duration::from_secs(30))
                .idle_timeout(None)
                // A file inside this process does not go away while nobody looks.
                .test_before_acquire(false)
                .max_lifetime(None)
                .after_connect(|connection, _| {
                    Box::pin(async move {
                        connection.execute(PRAGMAS).await?;
                        Ok(())
                    })
                })
        };
        let writer = pool(1).connect_with(options.clone()).await.map_err(unreadable)?;
        let reader = pool(4).connect_lazy_with(options.clone());
        let dumper = pool(1).connect_lazy_with(options);
        let dump_turn = Arc::new(Semaphore::new(1));
        let (together, kept, file) = (Arc::default(), Arc::default(), Some(file.to_owned()));
        let db =
            Self { kind: DbKind::Sqlite, reader, writer, dumper, dump_turn, together, file, url: None, kept };
        db.refuse_old_sqlite().await?;
        Ok(db)
    }

    /// Connects to PostgreSQL and brings the schema up to date.
    pub async fn open_postgres(url: &str) -> Result<Self> {
        let db = Self::connect_postgres(url).await?;
        db.migrate(newest_schema()).await?;
        Ok(db)
    }

    /// Connects to PostgreSQL and leaves the schema as it is.
    pub(crate) async fn connect_postgres(url: &str) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let options = postgres_options(url)?;
        let pool = |connections| {
            AnyPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(Duration::from_secs(30))
                .test_before_acquire(false)
                .before_acquire(|connection, seen| {
                    Box::pin(async move {
                        // One that was good a moment ago costs no further round trip.
                        Ok(seen.idle_for <= TRUSTED_FOR || connection.ping().await.is_ok())
                    })
                })
        };
        let unreachable = |error: sqlx::Error| {
            let reason = reason(&error);
            DbError::Open(format!("The PostgreSQL database does not let us in: {reason}. Check its URL."))
        };
        // PostgreSQL lets in a hundred connections by default, for all machines together.
        let writer = pool(6).connect_with(options.clone()).await.map_err(unreachable)?;
        let reader = pool(4).connect_lazy_with(options.clone());
        let dumper = pool(1).connect_lazy_with(options);
        let dump_turn = Arc::new(Semaphore::new(1));
        let (together, kept) = (Arc::default(), Arc::default());
        let url = Some(Secret::new(url));
        Ok(Self {
            kind: DbKind::Postgres,
            reader,
            writer,
            dumper,
            dump_turn,
            together,
            file: None,
            url,
            kept,
        })
    }

    /// Folds all of SQLite's write-ahead log into its file; an error where that cannot be.
    pub(crate) async fn fold_log(&self) -> Result<()> {
        let row: AnyRow = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&self.writer).await?;
        match row.try_get::<i64, _>(0)? {
            0 => Ok(()),
            _ => Err(DbError::Open("The database's log could not be folded into its file.".into())),
        }
    }

    /// The number of the schema, 0 where there is none yet; refuses one that a newer version has brought up to date.
    pub(crate) async fn schema(&self) -> Result<i64> {
        migrate::found(self).await
    }

    /// Refuses a database that a newer version has brought up to date.
    pub(crate) async fn refuse_newer(&self) -> Result<()> {
        migrate::found(self).await.map(drop)
    }

    /// Whether the schema is the one that this program knows.
    pub(crate) async fn is_current(&self) -> Result<bool> {
        migrate::is_current(self).await
    }

    /// Brings the schema up to this number, where it is older.
    pub(crate) async fn migrate(&self, schema: i64) -> Result<()> {
        let before = migrate::run(self, schema).await?;
        if before < migrate::AUDIT_LOG && schema >= migrate::AUDIT_LOG {
            self.kept.has_new_log.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Whether the schema had no audit log when this process came.
    pub(crate) fn has_new_log(&self) -> bool {
        self.kept.has_new_log.load(Ordering::Relaxed)
    }

    /// From now on transactions sign with this key.
    pub fn sign_with(&self, signer: &Arc<Signer>) {
        *self.kept.signer.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(signer));
    }

    fn signer(&self) -> Option<Arc<Signer>> {
        self.kept.signer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Which database it is.
    pub fn kind(&self) -> DbKind {
        self.kind
    }

    /// The SQLite file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Where the PostgreSQL is, for a connection of another kind; none where the database is embedded.
    pub(crate) fn url(&self) -> Option<&Secret> {
        self.url.as_ref()
    }

    /// For statements that only read.
    pub fn reader(&self) -> &Pool<Any> {
        &self.reader
    }

    /// Begins a transaction that writes. On SQLite there is one at a time, and it takes the lock at once: a
    /// deferred one that upgrades would fail instead of waiting.
    pub async fn write(&self) -> Result<Tx> {
        let begun = match self.kind {
            DbKind::Sqlite => self.writer.begin_with("BEGIN IMMEDIATE").await?,
            DbKind::Postgres => self.writer.begin().await?,
        };
        Ok(Tx::new(begun, self.signer()))
    }

    /// Begins a transaction that only reads, and soon ends.
    pub async fn read(&self) -> Result<Tx> {
        Ok(Tx::new(self.reader.begin().await?, self.signer()))
    }

    /// Begins to read one consistent state, however long it takes: on a connection of its own, one at a time. Whoever
    /// comes while another one reads waits for its end.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        let turn = Arc::clone(&self.dump_turn).acquire_owned().await;
        let begun = match self.kind {
            DbKind::Sqlite => self.dumper.begin().await?,
            DbKind::Postgres => {
                self.dumper.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?
            }
        };
        Ok(Snapshot { tx: Tx::new(begun, self.signer()), _turn: turn.ok() })
    }

    /// Closes every connection, so that SQLite folds its write-ahead log into the file.
    pub async fn close(&self) {
        self.dumper.close().await;
        self.reader.close().await;
        self.writer.close().await;
    }

    async fn refuse_old_sqlite(&self) -> Result<()> {
        let row: AnyRow = sqlx::query("SELECT sqlite_version()").fetch_one(&self.writer).await?;
        let version: String = row.try_get(0)?;
        let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        if (next(), next(), next()) < OLDEST_SQLITE {
            return Err(DbError::Open(format!(
                "This build carries SQLite {version}, which can corrupt its log; build it with 3.51.3 or newer."
            )));
        }
        Ok(())
    }
}

/// WAL with a full sync at every commit: a power cut loses nothing that was said to be stored. Each of the connections
/// keeps a megabyte of pages; the system keeps the rest of the file at hand.
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 10000; \
                       PRAGMA foreign_keys = ON; PRAGMA cache_size = -1000;";

/// Whether a file is there that does not begin as every SQLite database does (<https://sqlite.org/fileformat.html>).
/// An empty one is a database without tables. What cannot be read is left to SQLite to complain about.
fn is_something_else(file: &Path) -> bool {
    let mut magic = Vec::new();
    let read = File::open(file).and_then(|file| file.take(16).read_to_end(&mut magic));
    read.is_ok() && !magic.is_empty() && magic != b"SQLite format 3\0"
}

fn postgres_options(url: &str) -> Result<AnyConnectOptions> {
    AnyConnectOptions::from_str(url)
        .map_err(|_| DbError::Open("The database URL is not one; write postgres://user@host/name.".into()))
}

/// Whether a URL is a PostgreSQL's.
pub fn is_postgres_url(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// Where a URL leads, as anybody may read it: without user, password and options.
pub fn place_of_url(url: &str) -> Result<String> {
    let url = postgres_options(url)?.database_url;
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    Ok(format!("postgres://{}{port}{}", url.host_str().unwrap_or_default(), url.path()))
}

fn sqlite_url(file: &Path) -> Result<String> {
    let path = file.to_str().ok_or_else(|| {
        DbError::Open("The data directory's path is not valid UTF-8; choose another one.".into())
    })?;
    // The few characters that mean something in a URL's path.
    let escaped = path.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    Ok(format!("sqlite://{escaped}?mode=rwc"))
}

/// The innermost words of a driver's error, without its wrapping.
fn reason(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::PoolTimedOut => "nothing answers at its address".into(),
        other => other.to_string(),
    }
}

/// A statement whose text was put together by [`Filter`] from pieces that are all in this program.
pub fn built(sql: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql)
}

/// Whether the database answers, for the health page.
pub async fn ping(db: &Db) -> Result<()> {
    db.reader.acquire().await?.ping().await?;
    Ok(())
}
