//! Whether this process works, and whether it can do what it is for.
//!
//! [`Health::is_alive`] says that the program's threads still get to their work, and [`Health::hanging`] names a loop that does
//! not turn any more. Both ask nobody: who restarts what hangs (a watchdog, an orchestrator) must not do so because a database
//! is away. [`ready`] asks everything that the program needs. Its reasons are fixed sentences: they are told to anybody.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::db::ping;
use crate::engine::{Engine, Role};
use crate::files::Disk;
use crate::store::setting::{key_fingerprint_fetch, last_tick_fetch};
use crate::time::now;

/// The pulse beats so often.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// A process whose pulse stood still for so long hangs.
const STOPPED_AFTER: Duration = Duration::from_secs(15);
/// A loop that is so late hangs. A look at thousands of due backups, or at a database that does not answer, is over long
/// before.
const GRACE: Duration = Duration::from_mins(5);
/// A worker that is so late takes no jobs, even where it waits for a database.
const WORKER_STOPPED_AFTER: Duration = Duration::from_mins(3);
/// Besides its interval a scheduler may take so long to look.
const LOOK_MARGIN: Duration = Duration::from_mins(1);
/// What was found is told again for so long, however many ask.
const FRESH: Duration = Duration::from_secs(1);
/// The database, or a disk, that does not answer within this is down.
const WITHIN: Duration = Duration::from_secs(10);
/// A probe of a disk that is on its way is waited for, looked at this often.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// When something was last seen at work.
#[derive(Debug)]
pub struct Pulse {
    began: Instant,
    /// Milliseconds since then.
    beat: AtomicU64,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { began: Instant::now(), beat: AtomicU64::new(0) }
    }
}

impl Pulse {
    /// It is at work now.
    pub(crate) fn beat(&self) {
        self.beat.store(self.now(), Ordering::Relaxed);
    }

    /// How long ago that was; since the start, where it was never seen.
    pub fn age(&self) -> Duration {
        Duration::from_millis(self.now().saturating_sub(self.beat.load(Ordering::Relaxed)))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// By when a loop will be heard of again; nothing while it waits for what may never come. Counted by a clock that nobody sets.
#[derive(Debug)]
pub(crate) struct Promise {
    began: Instant,
    /// Milliseconds since then; 0: nothing is promised.
    by: AtomicU64,
}

impl Default for Promise {
    fn default() -> Self {
        Self { began: Instant::now(), by: AtomicU64::new(0) }
    }
}

impl Promise {
    /// It is heard of again within this time.
    pub(crate) fn again_within(&self, wait: Duration) {
        let by = u64::try_from((self.began.elapsed() + wait).as_millis()).unwrap_or(u64::MAX);
        self.by.store(by.max(1), Ordering::Relaxed);
    }

    /// Nothing is promised.
    pub(crate) fn rest(&self) {
        self.by.store(0, Ordering::Relaxed);
    }

    /// Whether it should have been heard of so long ago.
    fn is_late(&self, by: Duration, at: Instant) -> bool {
        let promised = self.by.load(Ordering::Relaxed);
        promised > 0 && at.saturating_duration_since(self.began) > Duration::from_millis(promised) + by
    }
}

/// What a process knows of its own health.
#[derive(Debug, Default)]
pub struct Health {
    /// Of the threads that all tasks share.
    threads: Pulse,
    /// Of the task that queues what is due.
    pub(crate) scheduler: Promise,
    /// Of the task that takes jobs.
    pub(crate) worker: Promise,
    /// Of the task that makes notifications.
    pub(crate) notifier: Promise,
    last: Mutex<Option<(Instant, Readiness)>>,
    /// Writes to the disks.
    writing: Probe,
    /// Asks the disk of the archives for its room.
    pub(crate) backups_disk: Probe,
    /// Asks the disk of the data directory.
    pub(crate) data_disk: Probe,
}

/// Asks a disk. One that never answers (a network file system) has one thread waiting for it, however often this is asked.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    is_asking: Arc<AtomicBool>,
    /// How often in a row there was no answer.
    silences: AtomicU32,
}

/// Lets the next one ask, whatever becomes of this one.
struct Free(Arc<AtomicBool>);

impl Drop for Free {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl Probe {
    /// What `ask` gives; none where the disk does not answer within a while.
    pub(crate) async fn ask<T: Send + 'static>(&self, ask: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        self.ask_within(WITHIN, ask).await
    }

    /// The same, where nobody waits for longer.
    pub(crate) async fn ask_within<T: Send + 'static>(
        &self,
        limit: Duration,
        ask: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let asking = async {
            // Whoever asked before may have gone without waiting for the answer.
            while self.is_asking.swap(true, Ordering::SeqCst) {
                sleep(LOOK_AGAIN).await;
            }
            let free = Free(Arc::clone(&self.is_asking));
            spawn_blocking(move || {
                let _free = free;
                ask()
            })
            .await
        };
        let answer = timeout(limit, asking).await.ok().and_then(Result::ok);
        if answer.is_some() {
            self.silences.store(0, Ordering::Relaxed);
        } else {
            self.silences.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }

    /// How often in a row there was no answer, up to now.
    pub(crate) fn silences(&self) -> u32 {
        self.silences.load(Ordering::Relaxed)
    }

    /// As if the disk never answered.
    #[cfg(test)]
    pub(crate) fn hang(&self) {
        self.is_asking.store(true, Ordering::SeqCst);
    }
}

impl Health {
    /// Whether the program's threads get to their work. Takes no lock and asks nobody, so that it can be called from any
    /// thread. [`keep_pulse`] must run.
    pub fn is_alive(&self) -> bool {
        self.threads.age() < STOPPED_AFTER
    }

    /// What hangs; none where all of it turns. A watchdog is told that all is well while there is none.
    pub fn hanging(&self) -> Option<&'static str> {
        if self.is_alive() { self.hanging_at(Instant::now()) } else { Some("program") }
    }

    fn hanging_at(&self, at: Instant) -> Option<&'static str> {
        let loops = [("scheduler", &self.scheduler), ("worker", &self.worker), ("notifier", &self.notifier)];
        loops.into_iter().find(|(_, promise)| promise.is_late(GRACE, at)).map(|(name, _)| name)
    }
}

/// Beats the pulse for as long as the engine is there, also while it stops.
pub async fn keep_pulse(engine: Weak<Engine>) {
    while let Some(engine) = engine.upgrade() {
        engine.health.threads.beat();
        drop(engine);
        sleep(BEAT_EVERY).await;
    }
}

/// Something that the program needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Need {
    /// What it is.
    pub name: &'static str,
    /// What is wrong with it, for anybody to read; none where it is there.
    pub problem: Option<&'static str>,
}

/// What a process needs to do its work, as far as it could be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Whether nothing is missing.
    pub ready: bool,
    /// Each of it.
    pub needs: Vec<Need>,
}

impl Readiness {
    fn of(needs: Vec<Need>) -> Self {
        Self { ready: needs.iter().all(|need| need.problem.is_none()), needs }
    }

    /// What is wrong.
    pub fn problems(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.needs.iter().filter_map(|need| need.problem)
    }
}

/// Whether the process can do its work: not while it stops, and only with a database of its own schema and key, disks that can
/// be written, a scheduler that looks and a worker that takes jobs. Asked often, it looks once a second.
pub async fn ready(engine: &Engine) -> Readiness {
    if engine.stopping.is_cancelled() {
        return Readiness::of(vec![Need { name: "process", problem: Some("stopping") }]);
    }
    let mut last = engine.health.last.lock().await;
    if let Some((at, found)) = &*last
        && at.elapsed() < FRESH
    {
        return found.clone();
    }
    let found = look(engine).await;
    *last = Some((Instant::now(), found.clone()));
    found
}

async fn look(engine: &Engine) -> Readiness {
    let mut needs = Vec::new();
    match timeout(WITHIN, database(engine)).await {
        Ok(found) => needs.extend(found),
        Err(_) => needs.push(Need { name: "database", problem: Some(NO_DATABASE) }),
    }
    needs.push(Need { name: "disk", problem: disk(engine).await });
    let is_stuck = engine.health.worker.is_late(WORKER_STOPPED_AFTER, Instant::now());
    let problem = is_stuck.then_some("the queue is not worked on");
    needs.push(Need { name: "worker", problem });
    Readiness::of(needs)
}

const NO_DATABASE: &str = "the database does not answer";

/// The database, and what only it can tell: nothing of that where it does not answer.
async fn database(engine: &Engine) -> Vec<Need> {
    let asked = async {
        ping(&engine.db).await?;
        let is_current = engine.db.is_current().await?;
        let fingerprint = key_fingerprint_fetch(&engine.db).await?;
        let tick = match engine.role {
            Role::Server => Some((last_tick_fetch(&engine.db).await?, engine.settings().await?.tick_minutes)),
            Role::Worker | Role::Command => None,
        };
        Ok::<_, crate::Error>((is_current, fingerprint, tick))
    };
    let (is_current, fingerprint, tick) = match asked.await {
        Ok(told) => told,
        Err(error) => {
            tracing::error!(%error, "the database does not answer");
            return vec![Need { name: "database", problem: Some(NO_DATABASE) }];
        }
    };
    let is_known = fingerprint.is_none_or(|known| known == engine.vault.fingerprint());
    let mut needs = vec![
        Need { name: "database", problem: None },
        Need {
            name: "schema",
            problem: (!is_current).then_some("the database is of another version of the program"),
        },
        Need {
            name: "key",
            problem: (!is_known).then_some("the key was replaced; the program must be started again"),
        },
    ];
    if let Some((last, minutes)) = tick {
        let longest = Duration::from_mins(u64::from(minutes)) + LOOK_MARGIN;
        let at = now();
        // One that has just begun may wait for the network, or for another one to let go of the lead.
        let is_late =
            last.is_none_or(|last| at.since(last) > longest) && at.since(engine.opened_at) > longest;
        let problem = is_late.then_some("the scheduler has not looked what is due for too long");
        needs.push(Need { name: "scheduler", problem });
    }
    needs
}

/// Writes to the disks of the data directory and of the archives.
async fn disk(engine: &Engine) -> Option<&'static str> {
    let (root, backups) = (engine.dir.root().to_owned(), engine.dir.backups());
    let probing = engine.health.writing.ask(move || {
        let written = [&root, &backups].into_iter().all(|folder| {
            let file = tempfile::Builder::new().prefix(".ready-").tempfile_in(folder);
            file.and_then(|mut file| std::io::Write::write_all(&mut file, b"ready")).is_ok()
        });
        let has_room = Disk::of(&backups).is_ok_and(|disk| disk.room() > 0);
        match (written, has_room) {
            (false, _) => Some("the data directory cannot be written"),
            (true, false) => Some("the disk of the archives is full"),
            (true, true) => None,
        }
    });
    probing.await.unwrap_or(Some(NO_DISK))
}

const NO_DISK: &str = "the disk does not answer";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Options;

    async fn engine(folder: &tempfile::TempDir) -> Arc<Engine> {
        let options = Options { data_dir: folder.path().join("data"), ..Options::default() };
        Engine::open(options, Role::Server).await.unwrap()
    }

    #[tokio::test]
    async fn a_process_that_has_all_it_needs_is_ready_and_one_that_stops_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(&folder).await;
        let found = ready(&engine).await;
        assert!(found.ready, "{found:?}");
        let names: Vec<_> = found.needs.iter().map(|need| need.name).collect();
        assert_eq!(names, ["database", "schema", "key", "scheduler", "disk", "worker"]);
        engine.stopping.cancel();
        assert_eq!(ready(&engine).await.problems().collect::<Vec<_>>(), ["stopping"]);
    }

    #[tokio::test]
    async fn a_database_of_another_version_or_key_makes_it_unready_in_words_that_anybody_may_read() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(&folder).await;
        let mut tx = engine.db.write().await.unwrap();
        for sql in [
            "DELETE FROM _sqlx_migrations WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)",
            "UPDATE setting SET value = 'another' WHERE name = 'key_fingerprint'",
        ] {
            sqlx::query(sql).execute(&mut *tx).await.unwrap();
        }
        tx.commit().await.unwrap();
        let found = ready(&engine).await;
        assert_eq!(
            found.problems().collect::<Vec<_>>(),
            [
                "the database is of another version of the program",
                "the key was replaced; the program must be started again",
            ]
        );
        engine.db.close().await;
        assert_eq!(look(&engine).await.problems().collect::<Vec<_>>(), [NO_DATABASE]);
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(&folder).await;
        std::fs::remove_dir_all(engine.dir.backups()).unwrap();
        let found = ready(&engine).await;
        assert_eq!(found.problems().collect::<Vec<_>>(), ["the data directory cannot be written"]);
    }

    #[test]
    fn a_loop_hangs_that_was_not_heard_of_long_after_it_said() {
        let (health, now) = (Health::default(), Instant::now());
        let much_later = now + Duration::from_hours(1);
        assert_eq!(health.hanging_at(much_later), None, "what has not begun has promised nothing");
        health.worker.again_within(Duration::from_secs(1));
        health.scheduler.again_within(Duration::from_hours(2));
        assert_eq!(health.hanging_at(now), None);
        assert_eq!(health.hanging_at(now + Duration::from_mins(4)), None, "some time is granted");
        assert_eq!(health.hanging_at(much_later), Some("worker"));
        health.worker.rest();
        assert_eq!(health.hanging_at(much_later), None);
        assert_eq!(health.hanging_at(now + Duration::from_hours(3)), Some("scheduler"));
        health.scheduler.rest();
        health.notifier.again_within(Duration::from_secs(2));
        assert_eq!(health.hanging_at(much_later), Some("notifier"));
    }

    #[tokio::test]
    async fn a_disk_that_hangs_has_one_thread_waiting_and_is_asked_again_once_it_answers() {
        let probe = Probe::default();
        assert_eq!(probe.ask(|| 7).await, Some(7));
        probe.hang();
        let soon = Duration::from_millis(1);
        assert_eq!((probe.ask_within(soon, || 8).await, probe.silences()), (None, 1));
        assert_eq!((probe.ask_within(soon, || 8).await, probe.silences()), (None, 2));
        let free = Arc::clone(&probe.is_asking);
        let asked = tokio::join!(probe.ask(|| 8), async {
            sleep(LOOK_AGAIN).await;
            free.store(false, Ordering::SeqCst);
        });
        assert_eq!(asked.0, Some(8), "it waits for whoever asked before");
        assert_eq!(probe.silences(), 0);
    }

    #[test]
    fn a_pulse_that_beats_is_young() {
        let pulse =
            Pulse { began: Instant::now().checked_sub(Duration::from_mins(5)).unwrap(), ..Pulse::default() };
        assert!(pulse.age() >= Duration::from_mins(5));
        pulse.beat();
        assert!(pulse.age() < Duration::from_mins(1));
    }
}
