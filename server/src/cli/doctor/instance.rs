//! What can be looked at once an instance is open: its database, its archives, and what it reaches.

use std::time::Duration;

use etiqa_engine::backup::orphans::find_orphans;
use etiqa_engine::backup::{config, destinations};
use etiqa_engine::db::DbKind;
use etiqa_engine::store::drill::{drill_list_failed, sqlite_problems};
use etiqa_engine::store::run::run_list_damaged;
use etiqa_engine::store::setting::last_tick_fetch;
use etiqa_engine::time::now;
use etiqa_engine::{
    Engine, Result, audit, drivers, inventory_sources, machines, notify, pause, reachability, recovery,
    status,
};
use etiqa_model::user::{Reach, Role};
use rustix::fs::statvfs;
use tokio::net::TcpListener;

use super::{Report, size};
use crate::cli::{Serve, output};
use crate::http::edge::Edge;
use crate::serve::cannot_listen;

/// Devices that are tried.
const SAMPLE: usize = 12;

/// A note of the scheduler that is so far in the future was made before the clock was set back.
const SET_BACK: Duration = Duration::from_mins(10);

/// Clocks that differ by less do no harm.
const APART_MS: u64 = 5_000;

pub(super) async fn look(report: &mut Report, engine: &Engine, served: Option<&Serve>) -> Result<()> {
    database(report, engine).await?;
    clock(report, engine).await?;
    server(report, engine, served).await?;
    secrets(report, engine).await?;
    archives(report, engine).await?;
    places(report, engine).await?;
    lists(report, engine).await?;
    channels(report, engine).await?;
    platforms(report, engine).await?;
    devices(report, engine).await?;
    history(report, engine).await
}

async fn database(report: &mut Report, engine: &Engine) -> Result<()> {
    if engine.db.kind() == DbKind::Postgres {
        report.good("database", "The PostgreSQL answers, and its schema is this version's.");
        return Ok(());
    }
    let problems = sqlite_problems(&engine.db).await?.into_iter().map(|problem| {
        format!("The file is damaged: {problem}. Restore the newest archive into a new directory (`etiqa restore`).")
    });
    report.all("database", problems.collect(), "The file is whole, and its schema is this version's.");
    Ok(())
}

async fn clock(report: &mut Report, engine: &Engine) -> Result<()> {
    let ahead = machines::measure_clock(engine).await?;
    if ahead.unsigned_abs() >= APART_MS {
        report.todo(
            "clock",
            format!("It differs from the database's by {} s: have both set by NTP.", ahead / 1_000),
        );
    }
    if let Some(last) = last_tick_fetch(&engine.db).await?.filter(|last| *last > now().plus(SET_BACK)) {
        report.todo(
            "clock",
            format!(
                "The scheduler looked last at {}, which is still to come: the clock was set back. Have it set by NTP; a \
                 server counts its due times anew.",
                output::time(Some(last))
            ),
        );
    }
    Ok(())
}

/// Whether one runs; where none does, whether one could.
async fn server(report: &mut Report, engine: &Engine, served: Option<&Serve>) -> Result<()> {
    let runs = status::scheduler_is_running(engine).await?;
    if runs {
        report.good("server", "One runs, and watches the clock.");
    } else {
        report.note("server", "None runs: nothing is backed up by itself until `etiqa serve` is started.");
    }
    let Some(serve) = served else {
        report.todo("port", "What a server is told cannot be read: see `etiqa serve --help`.");
        return Ok(());
    };
    // One that signs itself would be made now.
    if !serve.tls_self_signed {
        match Edge::open(engine, serve) {
            Ok(edge) => report.good("address", format!("Pages are served by {}.", edge.scheme())),
            Err(error) => report.todo("address", error.message),
        }
    }
    let listen = serve.listen;
    match TcpListener::bind(listen).await {
        Ok(_) if runs => report.note("port", format!("The server that runs does not listen on {listen}.")),
        Ok(_) => report.good("port", format!("{listen} is free.")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && runs => {
            report.good("port", format!("{listen} is taken, by the server that runs as far as can be seen."));
        }
        // The service may be given a right that whoever asks has not.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied && runs => report.note(
            "port",
            format!(
                "This user may not listen on port {}; the server that runs has a right of its own.",
                listen.port()
            ),
        ),
        Err(error) => report.todo("port", cannot_listen(listen, "--listen (ETIQA_LISTEN)", &error).message),
    }
    Ok(())
}

async fn secrets(report: &mut Report, engine: &Engine) -> Result<()> {
    let kit = recovery::kit_state(engine).await?;
    match (kit.taken_at, kit.is_current) {
        (None, _) => report.todo(
            "recovery kit",
            "No recovery kit was taken: without it and without secret.key, the secrets in an archive are lost. An admin \
             takes it on the page Administration, Recovery kit, or with `etiqa recovery-kit`.",
        ),
        (Some(at), false) => report.todo(
            "recovery kit",
            format!(
                "The recovery kit of {} is too old: the key or a passphrase is newer. Take it again.",
                output::time(Some(at))
            ),
        ),
        (Some(at), true) => {
            report.good("recovery kit", format!("It was taken at {}.", output::time(Some(at))));
        }
    }
    Ok(())
}

/// Those that are kept, and whether there is room for the next ones.
async fn archives(report: &mut Report, engine: &Engine) -> Result<()> {
    let mut problems = Vec::new();
    for run in run_list_damaged(&engine.db, 100).await? {
        problems.push(format!(
            "The archive {} is damaged: {} Run its backup again, or fetch it from a destination (`etiqa destination \
             bring-back`).",
            run.file.unwrap_or_default(),
            run.damage.unwrap_or_default()
        ));
    }
    for (file, problem) in drill_list_failed(&engine.db).await? {
        problems.push(format!("The archive {file} does not restore: {problem}"));
    }
    let orphans = find_orphans(engine).await?;
    for (run, file) in orphans.missing {
        problems.push(format!("The archive {file} of run {run} is gone from the folder of backups."));
    }
    for file in orphans.files {
        problems.push(format!(
            "The file {file} in the folder of backups is of no run: keep it elsewhere, or remove it."
        ));
    }
    report.all("archives", problems, "All that are kept are there, and none is known to be damaged.");
    let rows = config::list(engine, &Reach::from(Role::Admin)).await?;
    let newest = rows.iter().filter(|row| row.config.enabled).filter_map(|row| row.last_run.as_ref());
    let needed: u64 = newest.filter_map(|run| run.size_bytes).sum();
    if let Ok(disk) = statvfs(engine.dir.backups()) {
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if needed > free {
            report.todo(
                "space",
                format!(
                    "The next archives need about {}, and {} are free where they go: free some space, or keep fewer.",
                    size(needed),
                    size(free)
                ),
            );
        }
    }
    Ok(())
}

async fn places(report: &mut Report, engine: &Engine) -> Result<()> {
    let known = destinations::list(engine).await?;
    let mut problems = Vec::new();
    for destination in &known {
        let waiting = destination.waiting + destination.leaving;
        if let Some(problem) = destination.problem.as_ref().filter(|_| destination.enabled) {
            problems.push(format!(
                "The destination {} does not work, {waiting} waiting: {problem}",
                destination.name
            ));
        }
    }
    let good = match known.len() {
        0 => "There is none: a disk that breaks takes the archives with it (`etiqa destination add`)."
            .to_owned(),
        count => {
            format!("{count} known; none failed when it was used last (`etiqa destination test` tries one).")
        }
    };
    if known.is_empty() {
        report.note("destinations", good);
    } else {
        report.all("destinations", problems, good);
    }
    if machines::keep_files_apart(engine).await? {
        report.todo(
            "machines",
            "Several servers work on this database, and each keeps its archives for itself: who loses a machine loses \
             them. Name a folder that all of them see (--shared-dir), or a destination (`etiqa destination share NAME`).",
        );
    }
    Ok(())
}

/// Inventory sources that are followed.
async fn lists(report: &mut Report, engine: &Engine) -> Result<()> {
    let mut known = inventory_sources::list(engine).await?;
    known.retain(|source| source.enabled);
    if known.is_empty() {
        return Ok(());
    }
    let good = format!("{} followed; the last sync of each came to its end.", known.len());
    let problems = known.into_iter().filter_map(|source| {
        let problem = source.problem?;
        Some(format!(
            "The inventory source {} could not be synchronised: {problem} `etiqa inventory-source preview` tries it.",
            source.name
        ))
    });
    report.all("inventory sources", problems.collect(), good);
    Ok(())
}

/// Where messages are sent to.
async fn channels(report: &mut Report, engine: &Engine) -> Result<()> {
    let mut known = notify::list(engine).await?;
    known.retain(|channel| channel.enabled);
    if known.is_empty() {
        report.note(
            "notifications",
            "There is no channel: nobody is told when a backup fails (`etiqa notify channel add`).",
        );
        return Ok(());
    }
    let good = format!(
        "{} known; none failed when it was used last (`etiqa notify channel test` tries one).",
        known.len()
    );
    let problems = known.into_iter().filter_map(|channel| {
        let problem = channel.problem?;
        Some(format!("The channel {} does not work, {} waiting: {problem}", channel.name, channel.waiting))
    });
    report.all("notifications", problems.collect(), good);
    Ok(())
}

async fn platforms(report: &mut Report, engine: &Engine) -> Result<()> {
    let rows = drivers::driver_rows(engine, &Reach::from(Role::Admin)).await?;
    let count = rows.len();
    let problems = rows.into_iter().filter_map(|row| {
        let problem = row.problem?;
        Some(format!(
            "drivers/{}.toml cannot be used: {problem} `etiqa drivers check` says it again once it is changed.",
            row.name
        ))
    });
    report.all("drivers", problems.collect(), format!("{count} platforms are known."));
    Ok(())
}

/// That single devices are down is what the program is there to tell; that none answers is this machine's trouble.
async fn devices(report: &mut Report, engine: &Engine) -> Result<()> {
    let sample = reachability::sample(engine, SAMPLE).await?;
    let (tried, silent) = (output::devices(sample.tried as u64), sample.silent.join(", "));
    if sample.tried == 0 {
        report.note("devices", "There is none that this machine connects to by itself.");
    } else if sample.silent.is_empty() {
        report.good("devices", format!("{tried} tried: all answer."));
    } else if sample.silent.len() == sample.tried && sample.tried > 1 {
        report.todo(
            "devices",
            format!(
                "{tried} tried, and none answers ({silent}): look at this machine's network and firewalls."
            ),
        );
    } else {
        report.note(
            "devices",
            format!(
                "{tried} tried, and {} of them not answering: {silent}. `etiqa device test` says more.",
                sample.silent.len()
            ),
        );
    }
    Ok(())
}

/// The audit log, and whether schedules run.
async fn history(report: &mut Report, engine: &Engine) -> Result<()> {
    let chain = audit::check(engine).await?;
    let mut problems = Vec::new();
    if let Some(broken) = chain.broken {
        problems.push(format!("The audit log is not whole. Row {}: {}", broken.row, broken.problem));
    }
    if chain.foreign_checkpoints > 0 {
        problems.push(
            "Checkpoints of the audit log were signed with another key than this instance's: they prove nothing of the \
             rows before them. Whoever knows that it was restored says `etiqa audit sign`."
                .to_owned(),
        );
    }
    report.all("audit log", problems, format!("It is whole: {} rows.", output::count(chain.checked)));
    if let Some(paused) = pause::schedule_pause(engine).await? {
        let at = output::time(Some(paused.at));
        report.todo(
            "schedules",
            match paused.by {
                None => {
                    format!("This instance was restored at {at} and runs nothing by itself. `etiqa resume` lets it.")
                }
                Some(by) => format!("All schedules were paused at {at} by {by}. `etiqa resume` lets them run."),
            },
        );
    }
    Ok(())
}
