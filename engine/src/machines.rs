//! The processes that work on one database: each says every few seconds that it is alive, and one of them leads.
//!
//! Times are the database's where that is on another machine: what a process sees on its own clock is corrected by what
//! its clock is ahead, so that leases and due times mean the same to all of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use etiqa_model::event::Topic;
use etiqa_model::job::JobState;
use etiqa_model::machine::{Machine, MachineRole, MachineRow, MachineState};
use etiqa_model::{Timestamp, UserError};
use tokio::time::Instant;

use crate::engine::Engine;
use crate::error::Result;
use crate::schedule::jobs;
use crate::store::machine::{
    database_clock, lead_holder, lead_take, leads_drop, machine_forget, machine_list, machine_save,
    machine_stop,
};
use crate::time::{correct_by, now, now_uncorrected};

/// A process says so often that it is alive.
const BEAT_EVERY: Duration = Duration::from_secs(3);
/// One that was not heard of for so long has vanished.
const VANISHED_AFTER: Duration = Duration::from_secs(15);
/// The lead lasts so long unless it is renewed, with every beat: another one has it within a quarter of a minute.
const LEAD_LASTS: Duration = Duration::from_secs(10);
/// What the scheduler leads in.
const SCHEDULER: &str = "scheduler";
/// A clock that differs by less is right: asking takes some milliseconds itself.
const RIGHT_WITHIN: Duration = Duration::from_millis(500);
/// A clock that differs by more is worth a word.
const WRONG_FROM: Duration = Duration::from_secs(5);

/// Says that this process is alive and takes the lead where nobody has it, until the program stops.
pub async fn beat(engine: Arc<Engine>, role: MachineRole, site: Option<String>) {
    let started_at = now();
    let mut said_wrong = false;
    let mut known = Vec::new();
    loop {
        if let Err(error) = beat_once(&engine, role, site.as_deref(), started_at, &mut said_wrong).await {
            tracing::warn!(%error, "this process could not say that it is alive");
        }
        match states(&engine).await {
            Ok(states) if states != known => {
                known = states;
                engine.events.send(Topic::Jobs, None);
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "other processes could not be looked for"),
        }
        tokio::select! {
            () = engine.stopping.cancelled() => return,
            () = tokio::time::sleep(BEAT_EVERY) => {}
        }
    }
}

async fn beat_once(
    engine: &Engine,
    role: MachineRole,
    site: Option<&str>,
    started_at: Timestamp,
    said_wrong: &mut bool,
) -> Result<()> {
    let ahead = measure_clock(engine).await?;
    let is_wrong = ahead.unsigned_abs() >= WRONG_FROM.as_millis() as u64;
    if is_wrong && !*said_wrong {
        tracing::warn!(
            ahead_ms = ahead,
            "this machine's clock differs from the database's by {} s: the database's counts; have it set by NTP",
            ahead / 1000
        );
    }
    *said_wrong = is_wrong;
    let at = now();
    let machine = Machine {
        owner: engine.owner.clone(),
        host: host_name(),
        role,
        site: site.map(str::to_owned),
        data_dir: engine.dir.id().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sessions: u32::try_from(engine.sessions.taken()).unwrap_or(u32::MAX),
        max_sessions: u32::try_from(engine.sessions.limit()).unwrap_or(u32::MAX),
        clock_ahead_ms: ahead,
        started_at,
        seen_at: at,
        stopped_at: None,
    };
    // Before the row: a scheduler that leads must not wait for a page's sake.
    if role == MachineRole::Server {
        let asked = Instant::now();
        if lead_take(&engine.db, SCHEDULER, &engine.owner, at, at.plus(LEAD_LASTS)).await? {
            engine.lead.hold(asked + LEAD_LASTS);
        } else {
            engine.lead.lose();
        }
    }
    machine_save(&engine.db, &machine, at.minus(VANISHED_AFTER)).await?;
    Ok(())
}

/// Has times counted by the database's clock from now on; gives by how many milliseconds this machine's is ahead.
pub(crate) async fn measure_clock(engine: &Engine) -> Result<i64> {
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
    leads_drop(&engine.db, &engine.owner).await?;
    machine_stop(&engine.db, &engine.owner, now()).await?;
    engine.events.send(Topic::Jobs, None);
    Ok(())
}

/// Every process that works on the database, or did, and how it is.
pub(crate) async fn known(engine: &Engine) -> Result<Vec<(Machine, MachineState)>> {
    let at = now();
    let machines = machine_list(&engine.db).await?;
    let with_state = |machine: Machine| {
        let state = state(&machine, at);
        (machine, state)
    };
    Ok(machines.into_iter().map(with_state).collect())
}

/// Every process that works on the database, or did, with what it works on.
pub async fn list(engine: &Engine) -> Result<Vec<MachineRow>> {
    let at = now();
    let leader = lead_holder(&engine.db, SCHEDULER, at).await?;
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

/// Which processes there are, and how each is.
async fn states(engine: &Engine) -> Result<Vec<(String, MachineState)>> {
    let machines = known(engine).await?;
    let mut states: Vec<_> = machines.into_iter().map(|(machine, state)| (machine.owner, state)).collect();
    states.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(states)
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
    if !machine_forget(&engine.db, owner, now().minus(VANISHED_AFTER)).await? {
        return Err(UserError::conflict("This machine works, or was forgotten already.").into());
    }
    engine.events.send(Topic::Jobs, None);
    Ok(())
}

/// The machine's own name (proc(5)).
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => std::env::var("HOSTNAME").unwrap_or_else(|_| "this machine".to_owned()),
        name => name.to_owned(),
    }
}
