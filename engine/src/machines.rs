//! The processes that work on one database: each says every few seconds that it is alive, and one of them leads.
//!
//! Times are the database's where that is on another machine: what a process sees on its own clock is corrected by what
//! its clock is ahead, so that leases and due times mean the same to all of them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use etiqa_model::device::DEFAULT_SITE;
use etiqa_model::event::Topic;
use etiqa_model::job::JobState;
use etiqa_model::machine::{Machine, MachineRole, MachineRow, MachineState};
use etiqa_model::{Timestamp, UserError};
use tokio::time::Instant;

use crate::audit::{Act, action, record_in_txn};
use crate::db::DbError;
use crate::engine::{Engine, Role};
use crate::error::Result;
use crate::schedule::{ASKED_BY_PEOPLE, jobs};
use crate::store::job::job_unplace;
use crate::store::lease::session_leases_expire_of;
use crate::store::machine::{
    database_clock, lead_holder, lead_take, leads_drop, machine_forget_in_txn, machine_list, machine_save,
    machine_stop, machine_take_place,
};
use crate::store::setting::{shared_destination_fetch, shared_dir_fetch};
use crate::time::{correct_by, now, now_uncorrected};

/// A process says so often that it is alive.
const BEAT_EVERY: Duration = Duration::from_secs(3);
/// One that was not heard of for so long has vanished.
const VANISHED_AFTER: Duration = Duration::from_secs(15);
/// The devices of one that has vanished are free, once this process was heard for so long itself: longer than others take
/// to be heard again after an outage of the database.
pub(crate) const FREED_AFTER: Duration = Duration::from_secs(30);
/// One of the same role and site that was not heard of for so long is forgotten when another one starts.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(7 * 24);
/// What a person asked of a site waits so long for its workers.
const DESERTED_AFTER: Duration = Duration::from_mins(2);
/// The lead lasts so long unless it is renewed, with every beat: another one has it within a quarter of a minute.
const LEAD_LASTS: Duration = Duration::from_secs(10);
/// What the scheduler leads in.
const SCHEDULER: &str = "scheduler";
/// A clock that differs by less is right: asking takes some milliseconds itself.
const RIGHT_WITHIN: Duration = Duration::from_millis(500);
/// A clock that differs by more is worth a word.
const WRONG_FROM: Duration = Duration::from_secs(5);

/// Says that this process is alive and takes the lead where nobody has it, until the program stops. On an embedded database
/// nothing is written: the server's lock keeps everybody else out.
pub async fn beat(engine: Arc<Engine>, role: MachineRole, site: Option<String>) {
    if is_embedded(&engine) {
        engine.lead.keep();
        return engine.stopping.cancelled().await;
    }
    let mut beat = Beat { engine, role, site, has_place: false, said_wrong: false, known: Vec::new() };
    let stopping = beat.engine.stopping.clone();
    loop {
        let done = beat.once().await;
        beat.engine.steady.note(done.is_ok());
        if let Err(error) = done {
            tracing::warn!(%error, "this process could not say that it is alive");
        }
        if let Err(error) = beat.look_at_others().await {
            tracing::debug!(%error, "other processes could not be looked for");
        }
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(BEAT_EVERY) => {}
        }
    }
}

/// Since when each beat of this process came through.
#[derive(Debug, Default)]
pub(crate) struct Steady(Mutex<Option<Instant>>);

impl Steady {
    fn note(&self, has_beaten: bool) {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *since = if has_beaten { since.or_else(|| Some(Instant::now())) } else { None };
    }

    /// Whether others, too, have had time to beat since the database was away, if it was.
    fn is_long(&self) -> bool {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() > FREED_AFTER)
    }
}

/// Whether those that are not heard of are gone, as far as this process can tell. A command does not beat, and comes and goes.
pub(crate) fn can_tell_others(engine: &Engine) -> bool {
    is_embedded(engine) || engine.role == Role::Command || engine.steady.is_long()
}

/// Whether nobody else can work on the database while this process does: it is the file of a data directory.
fn is_embedded(engine: &Engine) -> bool {
    engine.db.url().is_none()
}

struct Beat {
    engine: Arc<Engine>,
    role: MachineRole,
    site: Option<String>,
    /// Whether it has taken the place of those that it was started again for.
    has_place: bool,
    said_wrong: bool,
    known: Vec<(String, MachineState)>,
}

impl Beat {
    async fn once(&mut self) -> Result<()> {
        let engine = &self.engine;
        refuse_newer(engine).await?;
        let ahead = measure_clock(engine).await?;
        let is_wrong = ahead.unsigned_abs() >= WRONG_FROM.as_millis() as u64;
        if is_wrong && !self.said_wrong {
            tracing::warn!(
                ahead_ms = ahead,
                "this machine's clock differs from the database's by {} s: the database's counts; have it set by NTP",
                ahead / 1000
            );
        }
        self.said_wrong = is_wrong;
        let (asked, at) = (Instant::now(), now());
        // Before the row: a scheduler that leads must not wait for a page's sake.
        if self.role == MachineRole::Server {
            if lead_take(&engine.db, SCHEDULER, &engine.owner, at, at.plus(LEAD_LASTS)).await? {
                engine.lead.hold(asked + LEAD_LASTS);
            } else {
                engine.lead.lose();
            }
        }
        let own = own(engine, self.role, self.site.as_deref(), ahead, at);
        if !self.has_place {
            for gone in
                machine_take_place(&engine.db, &own, at.minus(VANISHED_AFTER), at.minus(FORGOTTEN_AFTER))
                    .await?
            {
                session_leases_expire_of(&engine.db, &gone, at).await?;
            }
            self.has_place = true;
        }
        Ok(machine_save(&engine.db, &own).await?)
    }

    /// Tells pages of a process that came or went, and frees the devices that one had which vanished: a session holds its
    /// device for minutes. After an outage of the database all seem to have vanished, until they have had time to beat.
    async fn look_at_others(&mut self) -> Result<()> {
        let engine = &self.engine;
        let machines = known(engine).await?;
        if engine.steady.is_long() {
            for (machine, _) in machines.iter().filter(|(_, state)| *state == MachineState::Vanished) {
                session_leases_expire_of(&engine.db, &machine.owner, now()).await?;
            }
        }
        let mut states: Vec<_> =
            machines.into_iter().map(|(machine, state)| (machine.owner, state)).collect();
        states.sort_by(|one, other| one.0.cmp(&other.0));
        if states != self.known {
            self.known = states;
            engine.events.send(Topic::Jobs, None);
        }
        Ok(())
    }
}

/// Ends this process where a newer version has brought the database up to date: it would not know what that queues.
async fn refuse_newer(engine: &Engine) -> Result<()> {
    let Err(error) = engine.db.refuse_newer().await else { return Ok(()) };
    if matches!(error, DbError::Newer { .. }) {
        tracing::error!(%error, "this process ends: {error}");
        engine.stop_as_outdated();
    }
    Err(error.into())
}

/// This process, as the others see it.
fn own(
    engine: &Engine,
    role: MachineRole,
    site: Option<&str>,
    clock_ahead_ms: i64,
    at: Timestamp,
) -> Machine {
    Machine {
        owner: engine.owner.clone(),
        host: host_name(),
        role,
        site: site.map(str::to_owned),
        data_dir: engine.dir.id().to_owned(),
        files_id: engine.dir.files_id().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sessions: u32::try_from(engine.sessions.taken()).unwrap_or(u32::MAX),
        max_sessions: u32::try_from(engine.sessions.limit()).unwrap_or(u32::MAX),
        clock_ahead_ms,
        syslog: engine.changes.heard(),
        started_at: engine.opened_at,
        seen_at: at,
        stopped_at: None,
    }
}

/// Has times counted by the database's clock from now on; gives by how many milliseconds this machine's is ahead.
pub async fn measure_clock(engine: &Engine) -> Result<i64> {
    let before = now_uncorrected();
    let Some(there) = database_clock(&engine.db).await? else { return Ok(0) };
    let after = now_uncorrected();
    // An answer that took long says little.
    let took = after.since(before);
    if took > Duration::from_secs(2) {
        return Ok(0);
    }
    let here = Timestamp(i64::midpoint(before.millis(), after.millis()));
    let ahead = here.millis() - there.millis();
    let is_right = ahead.unsigned_abs() <= RIGHT_WITHIN.as_millis() as u64;
    correct_by(if is_right { 0 } else { -ahead });
    Ok(ahead)
}

/// Says that this process ends, and lets the next one lead.
pub async fn say_goodbye(engine: &Engine) -> Result<()> {
    engine.lead.lose();
    if is_embedded(engine) {
        return Ok(());
    }
    leads_drop(&engine.db, &engine.owner).await?;
    machine_stop(&engine.db, &engine.owner, now()).await?;
    engine.events.send(Topic::Jobs, None);
    Ok(())
}

/// Every process that works on the database, or did, and how it is.
pub(crate) async fn known(engine: &Engine) -> Result<Vec<(Machine, MachineState)>> {
    let at = now();
    if is_embedded(engine) {
        return Ok(vec![(own(engine, MachineRole::Server, None, 0, at), MachineState::Alive)]);
    }
    let machines = machine_list(&engine.db).await?;
    let with_state = |machine: Machine| {
        let state = state(&machine, at);
        (machine, state)
    };
    Ok(machines.into_iter().map(with_state).collect())
}

/// The sites that have workers of their own; the default one never has, for anybody works there.
#[derive(Debug, Default)]
pub(crate) struct Sites {
    /// Those where somebody works or worked: nobody else does.
    pub(crate) manned: HashSet<String>,
    /// Those of them where somebody works now.
    pub(crate) alive: HashSet<String>,
    /// Those of them where somebody works now who keeps files where this process finds them.
    pub(crate) sharing: HashSet<String>,
    /// Whether all machines keep their files at one destination.
    pub(crate) all_share: bool,
}

impl Sites {
    /// What is said of the devices of a site whose workers are all gone.
    pub(crate) fn nobody_at(site: &str) -> String {
        format!(
            "No worker of the site {site} is heard of: start `etiqa worker --site {site}` there, or forget it on the page \
             Machines."
        )
    }

    /// Whether a device waits for workers that are all gone.
    pub(crate) fn is_deserted(&self, site: &str) -> bool {
        self.manned.contains(site) && !self.alive.contains(site)
    }
}

/// The sites that have workers of their own.
pub(crate) async fn sites(engine: &Engine) -> Result<Sites> {
    let mut sites = Sites::default();
    if is_embedded(engine) {
        return Ok(sites);
    }
    sites.all_share = shared_destination_fetch(&engine.db).await?.is_some();
    for (machine, state) in known(engine).await? {
        let is_worker = machine.role == MachineRole::Worker;
        let Some(site) = machine.site.filter(|site| is_worker && site != DEFAULT_SITE) else { continue };
        if state == MachineState::Alive {
            sites.alive.insert(site.clone());
            if sites.all_share || machine.files_id == engine.dir.files_id() {
                sites.sharing.insert(site.clone());
            }
        }
        sites.manned.insert(site);
    }
    Ok(sites)
}

/// Lets servers answer what a person asked of a site whose workers are gone for a while. What a device told waits for them.
pub(crate) async fn release_deserted(engine: &Engine) -> Result<()> {
    if is_embedded(engine) || !engine.lead.is_held() {
        return Ok(());
    }
    let (at, sites) = (now(), sites(engine).await?);
    let mut heard: HashMap<String, Timestamp> = HashMap::new();
    for machine in machine_list(&engine.db).await? {
        if let Some(site) = machine.site {
            let last = heard.entry(site).or_insert(machine.seen_at);
            *last = (*last).max(machine.seen_at);
        }
    }
    for (site, last) in heard {
        if sites.is_deserted(&site) && at.since(last) > DESERTED_AFTER {
            job_unplace(&engine.db, &site, &ASKED_BY_PEOPLE, at).await?;
        }
    }
    Ok(())
}

/// Every process that works on the database, or did, with what it works on.
pub async fn list(engine: &Engine) -> Result<Vec<MachineRow>> {
    let leader = if is_embedded(engine) {
        engine.lead.is_held().then(|| engine.owner.clone())
    } else {
        lead_holder(&engine.db, SCHEDULER, now()).await?
    };
    let mut jobs: HashMap<String, Vec<String>> = HashMap::new();
    for job in jobs::list(engine).await? {
        if let (JobState::Running, Some(worker)) = (job.state, job.worker) {
            jobs.entry(worker).or_default().push(job.title);
        }
    }
    Ok(known(engine)
        .await?
        .into_iter()
        .map(|(machine, state)| MachineRow {
            state,
            leads: leader.as_ref() == Some(&machine.owner),
            jobs: jobs.remove(&machine.owner).unwrap_or_default(),
            machine,
        })
        .collect())
}

/// Whether a server or a worker uses the database, on whatever machine; for PostgreSQL, where no lock tells.
pub async fn is_any_alive(engine: &Engine) -> Result<bool> {
    Ok(known(engine).await?.iter().any(|(_, state)| *state == MachineState::Alive))
}

/// Whether several servers work on the database, and each keeps its archives for itself.
pub async fn keep_files_apart(engine: &Engine) -> Result<bool> {
    let is_server = |(machine, state): &(Machine, MachineState)| {
        machine.role == MachineRole::Server && *state == MachineState::Alive
    };
    let servers = known(engine).await?.into_iter().filter(is_server);
    let folders: HashSet<String> = servers.map(|(machine, _)| machine.data_dir).collect();
    Ok(folders.len() > 1
        && shared_dir_fetch(&engine.db).await?.is_none()
        && shared_destination_fetch(&engine.db).await?.is_none())
}

fn state(machine: &Machine, at: Timestamp) -> MachineState {
    match machine.stopped_at {
        Some(_) => MachineState::Stopped,
        None if at.since(machine.seen_at) > VANISHED_AFTER => MachineState::Vanished,
        None => MachineState::Alive,
    }
}

/// Forgets a process that is gone for good.
pub async fn forget(engine: &Engine, owner: &str) -> Result<()> {
    let mut tx = engine.db.write().await?;
    if !machine_forget_in_txn(&mut tx, owner, now().minus(VANISHED_AFTER)).await? {
        return Err(UserError::conflict("This machine works, or was forgotten already.").into());
    }
    record_in_txn(&mut tx, Act::new(action::MACHINE_FORGET).on_named(owner)).await?;
    tx.commit().await?;
    engine.events.send(Topic::Jobs, None);
    Ok(())
}

/// The machine's own name (proc(5)).
pub(crate) fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => std::env::var("HOSTNAME").unwrap_or_else(|_| "this machine".to_owned()),
        name => name.to_owned(),
    }
}
