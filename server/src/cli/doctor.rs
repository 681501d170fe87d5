//! `etiqa doctor`.

use std::process::ExitCode;

use etiqa_engine::backup::destinations;
use etiqa_engine::backup::orphans::find_orphans;
use etiqa_engine::store::drill::drill_list_failed;
use etiqa_engine::store::run::run_list_damaged;
use etiqa_engine::{Engine, Result, audit, machines, pause, recovery};

use super::{exit, output};

/// What a person should look at; 0 when there is nothing.
pub(super) async fn run(engine: &Engine) -> Result<ExitCode> {
    let mut findings = Vec::new();
    let kit = recovery::kit_state(engine).await?;
    match (kit.taken_at, kit.is_current) {
        (None, _) => findings.push(
            "No recovery kit was taken: without it and without secret.key, the secrets in an archive are lost. An admin \
             takes it on the page Administration, Recovery kit, or with `etiqa recovery-kit`."
                .to_owned(),
        ),
        (Some(at), false) => findings.push(format!(
            "The recovery kit of {} is too old: the key or a passphrase is newer. Take it again.",
            output::time(Some(at))
        )),
        (Some(_), true) => {}
    }
    for run in run_list_damaged(&engine.db, 100).await? {
        findings.push(format!(
            "The archive {} is damaged: {}",
            run.file.unwrap_or_default(),
            run.damage.unwrap_or_default()
        ));
    }
    for (file, problem) in drill_list_failed(&engine.db).await? {
        findings.push(format!("The archive {file} does not restore: {problem}"));
    }
    for destination in destinations::list(engine).await? {
        let waiting = destination.waiting + destination.leaving;
        if let Some(problem) = destination.problem.filter(|_| destination.enabled) {
            findings.push(format!(
                "The destination {} does not work, {waiting} waiting: {problem}",
                destination.name
            ));
        }
    }
    let orphans = find_orphans(engine).await?;
    for (run, file) in orphans.missing {
        findings.push(format!("The archive {file} of run {run} is gone from the folder of backups."));
    }
    for file in orphans.files {
        findings.push(format!(
            "The file {file} in the folder of backups is of no run: keep it elsewhere, or remove it."
        ));
    }
    let chain = audit::check(engine).await?;
    if let Some(broken) = chain.broken {
        findings.push(format!("The audit log is not whole. Row {}: {}", broken.row, broken.problem));
    }
    if chain.foreign_checkpoints > 0 {
        findings.push(
            "Checkpoints of the audit log were signed with another key than this instance's: they prove nothing of the \
             rows before them. Whoever knows that it was restored says `etiqa audit sign`."
                .to_owned(),
        );
    }
    if machines::keep_files_apart(engine).await? {
        findings.push(
            "Several servers work on this database, and each keeps its archives for itself: who loses a machine loses \
             them. Name a folder that all of them see (--shared-dir), or a destination (`etiqa destination share NAME`)."
                .to_owned(),
        );
    }
    if let Some(paused) = pause::schedule_pause(engine).await? {
        let at = output::time(Some(paused.at));
        findings.push(match paused.by {
            None => format!(
                "This instance was restored at {at} and runs nothing by itself. `etiqa resume` lets it."
            ),
            Some(by) => format!("All schedules were paused at {at} by {by}. `etiqa resume` lets them run."),
        });
    }
    for finding in &findings {
        output::print(&format!("⚠️  {finding}"));
    }
    if findings.is_empty() {
        output::print("✅ Nothing to do.");
    }
    Ok(exit(findings.is_empty()))
}
