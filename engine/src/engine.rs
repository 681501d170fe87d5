//! What a process of the program shares among its tasks: database, data directory, key, drivers, events.

mod opening;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use etiqa_model::admin::Settings;
use etiqa_model::event::Topic;
use etiqa_model::{Timestamp, UserError};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

pub(crate) use self::opening::explained;
use crate::access::{self, Door, Throttle};
use crate::audit::{self, Act, action, record_in_txn};
use crate::backup::destinations::{Seen, shared};
use crate::backup::restore::moving;
use crate::backup::restore::takeover::Takeover;
use crate::changes::Changes;
use crate::collect::Trust;
use crate::data_dir::{CommandLock, DataDir, ServerLock};
use crate::db::{Db, place_of_url};
use crate::drivers::Drivers;
use crate::error::{Error, Result};
use crate::events::Events;
use crate::fleet::{Errands, Groups, Load, Slots};
use crate::health::Health;
use crate::hex::to_hex;
use crate::history::search::PAGES_AT_ONCE;
use crate::machines::{Steady, measure_clock};
use crate::metrics::{Meters, Scrapes};
use crate::outgoing::Reach;
use crate::recovery::settle_key_files;
use crate::schedule::Lead;
use crate::shared_dir::{self, SharedDir};
use crate::store::lease::leases_expire_of;
use crate::store::setting::{
    key_fingerprint_fetch, key_fingerprint_save, settings_fetch, settings_lock_in_txn, settings_save_in_txn,
};
use crate::time::now;
use crate::vault::{Vault, VaultError};

/// Where a process finds its things.
#[derive(Clone, Default)]
pub struct Options {
    /// The data directory.
    pub data_dir: PathBuf,
    /// A PostgreSQL URL; none: the SQLite file of the data directory.
    pub database_url: Option<String>,
    /// The key file; none: `secret.key` of the data directory.
    pub secret_key_file: Option<PathBuf>,
    /// A file of certificate authorities (PEM) that appliances' certificates may be signed by, besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Networks that copies may be sent to besides public ones.
    pub reach: Reach,
    /// The folder in which all machines of the database keep their files.
    pub shared_dir: SharedDir,
    /// How long a file waits for the destination in which all machines keep theirs; none: five minutes.
    pub shared_patience: Option<Duration>,
}

/// A URL may have a password in it.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}

/// What kind of process this is; begins the name under which it holds leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Serves pages and works on the queue until it is told to stop.
    Server,
    /// Works on the queue of a site until it is told to stop.
    Worker,
    /// Runs one command.
    Command,
}

impl Role {
    /// Begins the names of this role's leases.
    pub fn owner_prefix(self) -> &'static str {
        match self {
            Self::Server => "server-",
            Self::Worker => "worker-",
            Self::Command => "command-",
        }
    }
}

/// A running process of the program.
#[derive(Debug)]
pub struct Engine {
    /// The database.
    pub db: Db,
    /// The data directory.
    pub dir: DataDir,
    /// Seals and opens secrets.
    pub vault: Vault,
    /// The file of its key.
    pub key_file: PathBuf,
    /// Known drivers.
    pub drivers: Drivers,
    /// What live pages listen to.
    pub events: Events,
    /// Slows down guessing at sign-in.
    pub throttle: Throttle,
    /// When sessions and tokens were used, and what an admin set for them.
    pub seen: access::Seen,
    /// What was refused lately, and how much of it was not told.
    pub refusals: audit::Refusals,
    /// How a restore into this instance goes, while it waits for its first admin.
    pub takeover: Takeover,
    /// What this process is for.
    pub role: Role,
    /// The name under which this process holds leases.
    pub owner: String,
    /// Since when it works.
    pub opened_at: Timestamp,
    /// Cancelled when the process is to stop.
    pub stopping: CancellationToken,
    /// Whether it stops because the database is of a newer version by now.
    outdated: AtomicBool,
    /// Rung when something was queued here.
    pub work: Notify,
    /// Rung when a schedule changed here.
    pub schedule_changed: Notify,
    /// Whether this process's scheduler is the one that acts.
    pub lead: Lead,
    /// Device sessions at once.
    pub sessions: Slots,
    /// Devices of shared runs that this process has taken on.
    pub load: Arc<Load>,
    /// Device sessions at once by site and by jump host.
    pub groups: Arc<Groups>,
    /// Vendors' backups at once.
    pub artifact_slots: Slots,
    /// Vendors' backups at once by site and by jump host.
    pub artifact_groups: Arc<Groups>,
    /// Vendors' backups that are being fetched, or whose traces are being removed.
    pub artifact_errands: Errands,
    /// Searches for pages at once.
    pub searches: Semaphore,
    /// What devices told of their changes.
    pub changes: Changes,
    /// What this process counts of what it does.
    pub meters: Meters,
    /// What metrics tell of the database, as it was read last.
    pub scrapes: Scrapes,
    /// Whether this process works.
    pub health: Health,
    /// Since when it has said so to the others without a gap.
    pub(crate) steady: Steady,
    /// The address by which people open the pages, without the slash at its end, once that is known.
    pub public_url: OnceLock<String>,
    /// Networks that copies may be sent to besides public ones.
    pub(crate) reach: Reach,
    /// How long a file waits for the destination in which all machines keep theirs.
    pub(crate) shared_patience: Duration,
    /// What of this machine's files was seen there.
    pub(crate) shared_seen: std::sync::Mutex<Seen>,
    /// The authorities that appliances' certificates are verified against; read when first needed.
    trust: OnceLock<Arc<Trust>>,
    /// Keeps a second server off the embedded database; the next engine of this process takes it over.
    lock: std::sync::Mutex<Option<ServerLock>>,
    /// Says that a command works with the key.
    command: Option<CommandLock>,
}

impl Engine {
    /// Opens everything; creates what is missing. The error says in one sentence what to do.
    pub async fn open(options: Options, role: Role) -> Result<Arc<Self>> {
        Self::open_with(options, role, None).await
    }

    /// Opens the same again for the same server, once the database of this engine is closed. The lock changes hands and is
    /// never let go of: an answer that still hangs holds this engine, and keeps nobody out.
    pub async fn reopen(&self, options: Options) -> Result<Arc<Self>> {
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
        Self::open_with(options, Role::Server, lock).await
    }

    async fn open_with(options: Options, role: Role, held: Option<ServerLock>) -> Result<Arc<Self>> {
        let mut dir = DataDir::open(&options.data_dir)?;
        // Before the database is touched: a second server must not even bring the schema up to date.
        let is_embedded = options.database_url.is_none();
        let lock = match held {
            None if role == Role::Server && is_embedded => Some(lock(&dir)?),
            held => held,
        };
        let command = if role == Role::Command { Some(lock_for_command(&dir)?) } else { None };
        let mut refusal = None;
        if lock.is_none() {
            refuse_waiting(&dir)?;
        } else if moving::is_waiting(dir.root()) {
            refusal = moving::take_over(dir.root()).await?;
            dir = DataDir::open(dir.root())?;
        }
        let db = opening::open(options.database_url.as_deref(), &dir, role).await?;
        shared_dir::join(&mut dir, &db, &options.shared_dir, role).await?;
        if lock.is_none() {
            // Whoever takes over sees from now on that the database is open, and it may have been noted just before.
            refuse_waiting(&dir)?;
        }
        let trust = OnceLock::new();
        if let Some(file) = &options.ca_file {
            // One that cannot be read is said now, not when a device is asked at night.
            let read = Trust::with_ca_file(file).map_err(UserError::invalid)?;
            let _ = trust.set(Arc::new(read));
        }
        let key_file = options.secret_key_file.unwrap_or_else(|| dir.secret_key());
        let vault = open_vault(&db, &key_file).await?;
        if let Some(url) = &options.database_url {
            // It is for a later message alone: a full disk must not keep the program from being opened.
            if let Err(error) = dir.note_postgres(&place_of_url(url)?) {
                tracing::warn!(%error, "where the database is cannot be noted in the data directory: {error}");
            }
        }
        db.sign_with(vault.signer());
        audit::begin(&db).await?;
        let settings = settings_fetch(&db).await?;
        let mut unique = [0_u8; 8];
        rand::fill(&mut unique);
        let mut engine = Self {
            drivers: Drivers::load(&db, &dir).await?,
            events: Events::default(),
            throttle: Throttle::default(),
            seen: access::Seen::with(&settings),
            refusals: audit::Refusals::default(),
            takeover: Takeover::after(refusal),
            role,
            owner: format!("{}{}", role.owner_prefix(), to_hex(&unique)),
            opened_at: now(),
            stopping: CancellationToken::new(),
            outdated: AtomicBool::new(false),
            work: Notify::new(),
            schedule_changed: Notify::new(),
            lead: Lead::default(),
            sessions: Slots::new(settings.max_sessions),
            load: Arc::default(),
            groups: Arc::default(),
            artifact_slots: Slots::new(settings.max_artifacts),
            artifact_groups: Arc::default(),
            artifact_errands: Errands::default(),
            searches: Semaphore::new(PAGES_AT_ONCE),
            changes: Changes::default(),
            meters: Meters::default(),
            scrapes: Scrapes::default(),
            health: Health::default(),
            steady: Steady::default(),
            public_url: OnceLock::new(),
            reach: options.reach,
            shared_patience: options.shared_patience.unwrap_or(shared::PATIENCE),
            shared_seen: std::sync::Mutex::default(),
            trust,
            db,
            dir,
            vault,
            key_file,
            lock: std::sync::Mutex::new(lock),
            command,
        };
        // Before anything is leased: what counts is the database's clock.
        measure_clock(&engine).await?;
        engine.opened_at = now();
        if role == Role::Server && is_embedded {
            // Nobody else serves this directory: what servers before this one held is free.
            leases_expire_of(&engine.db, role.owner_prefix(), now()).await?;
            engine.dir.remove_scratch().map_err(Error::io("removing what drills left"))?;
            let leftovers = moving::remove_leftovers(engine.dir.root());
            leftovers.map_err(Error::io("removing what a restore left"))?;
        }
        Ok(Arc::new(engine))
    }

    /// Stops this process, whose version is older than the database's. It has failed then: a service manager starts it again,
    /// until it is the newer version that starts.
    pub(crate) fn stop_as_outdated(&self) {
        self.outdated.store(true, Ordering::Relaxed);
        self.stopping.cancel();
    }

    /// Whether this process stops because the database is of a newer version.
    pub fn is_outdated(&self) -> bool {
        self.outdated.load(Ordering::Relaxed)
    }

    /// Lets go of everything that this process holds: the next one takes it up at once.
    pub async fn hand_back(&self) -> Result<()> {
        Ok(leases_expire_of(&self.db, &self.owner, now()).await?)
    }

    /// What it takes to let somebody in.
    pub fn door(&self) -> Door<'_> {
        Door { db: &self.db, vault: &self.vault, throttle: &self.throttle, seen: &self.seen }
    }

    /// Whether no other command works on this data directory; if so, none does as long as this one.
    pub fn is_alone(&self) -> Result<bool> {
        let asked = self.command.as_ref().map_or(Ok(false), CommandLock::is_alone);
        asked.map_err(Error::io("asking for other commands"))
    }

    /// The authorities that appliances' certificates are verified against.
    pub fn trust(&self) -> Arc<Trust> {
        Arc::clone(self.trust.get_or_init(|| Arc::new(Trust::system())))
    }

    /// Tells the workers of all processes that there is something to do. What else becomes of a job is told with its id, and
    /// wakes nobody.
    pub(crate) fn tell_of_work(&self) {
        self.work.notify_one();
        self.events.send(Topic::Jobs, None);
    }

    /// What an admin has set.
    pub async fn settings(&self) -> Result<Settings> {
        Ok(settings_fetch(&self.db).await?)
    }

    /// Changes what an admin has set; it counts at once here, and from their next fleet on in other processes.
    pub async fn save_settings(&self, settings: &Settings) -> Result<()> {
        let mut tx = self.db.write().await?;
        let changes = audit::Changes::between(&settings_lock_in_txn(&mut tx).await?, settings);
        settings_save_in_txn(&mut tx, settings).await?;
        record_in_txn(&mut tx, Act::new(action::SETTINGS_CHANGE).changing(changes)).await?;
        tx.commit().await?;
        self.sessions.resize(settings.max_sessions);
        self.artifact_slots.resize(settings.max_artifacts);
        self.seen.set_rules(settings);
        self.schedule_changed.notify_one();
        Ok(())
    }
}

/// Refuses a data directory in which what was restored waits to take over: a server alone, who has the lock, lets it.
pub(crate) fn refuse_waiting(dir: &DataDir) -> Result<()> {
    if !moving::is_waiting(dir.root()) {
        return Ok(());
    }
    let message = format!(
        "What was restored into {} is about to take over: start `etiqa serve`.",
        dir.root().display()
    );
    Err(UserError::conflict(message).into())
}

fn lock_for_command(dir: &DataDir) -> Result<CommandLock> {
    let lock = dir.lock_for_command().map_err(Error::io("taking a command's lock"))?;
    let message = "The key is being replaced, or the instance moved to PostgreSQL: try again in a moment.";
    lock.ok_or_else(|| UserError::conflict(message).into())
}

fn lock(dir: &DataDir) -> Result<ServerLock> {
    let lock = dir.lock_for_server().map_err(Error::io("taking the server's lock"))?;
    lock.ok_or_else(|| {
        let message = format!(
            "Another etiqa serves {} already. Stop it first, or choose another directory with --data-dir.",
            dir.root().display()
        );
        UserError::conflict(message).into()
    })
}

/// Opens the key and holds it against the database's fingerprint. A key is made only where nothing was sealed yet.
async fn open_vault(db: &Db, file: &Path) -> Result<Vault> {
    let known = key_fingerprint_fetch(db).await?;
    if let Some(known) = &known {
        settle_key_files(file, known).await?;
    }
    let vault = Vault::open(file, known.is_none())?;
    match known {
        Some(known) if known != vault.fingerprint() => Err(VaultError::Foreign.into()),
        Some(_) => Ok(vault),
        None => {
            key_fingerprint_save(db, vault.fingerprint()).await?;
            Ok(vault)
        }
    }
}
