//! What happened, out of the notices that were written beside it: failed runs, changed and suspect texts, and the heartbeats
//! of runs.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use etiqa_model::backup::BackupConfig;
use etiqa_model::notify::{Item, ItemState, NotifyEvent, Ping, PingKind};
use etiqa_model::run::{Run, RunStatus};
use etiqa_model::{BackupConfigId, ConfigVersionId, DeviceId, RunId};

use super::facets::Facets;
use crate::engine::Engine;
use crate::error::Result;
use crate::history::read::unified_masked;
use crate::store::backup_config::backup_config_list;
use crate::store::config_version::version_fetch;
use crate::store::device::device_fetch;
use crate::store::notify::notice::{Happened as Noted, Notice};
use crate::store::run::run_fetch;

/// Differences that are made at once: each reads and compares two texts.
const MOST_DIFFS: usize = 20;
/// Lines and bytes of a difference; more is left out.
const DIFF_LINES: usize = 120;
const DIFF_BYTES: usize = 8_000;

/// Something that happened.
#[derive(Debug, Clone)]
pub(super) enum Happened {
    /// It only happened; of which version, where that is a changed one.
    Once { item: Item, facets: Facets, changed: Option<ConfigVersionId> },
    /// It lasts from now on.
    Begins { about: String, item: Item, facets: Facets },
    /// It is over.
    Ends { about: String, item: Item },
}

/// What is to be told of notices.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) happened: Vec<Happened>,
    /// Heartbeats, each of the runs of a backup.
    pub(super) pings: Vec<(BackupConfigId, Ping)>,
}

/// Reads what notices are about; what is gone by now is not told.
pub(super) async fn read(engine: &Engine, notices: &[Notice]) -> Result<Found> {
    let mut found = Found::default();
    if notices.is_empty() {
        return Ok(found);
    }
    let configs = backup_config_list(&engine.db).await?;
    let mut runs: HashMap<RunId, Option<Run>> = HashMap::new();
    for notice in notices {
        match notice.happened {
            Noted::Started(id) => {
                let Some(run) = run_fetch(&engine.db, id).await? else { continue };
                let ping =
                    Ping { kind: PingKind::Start, run: id, text: format!("Run {id} of {} began.", run.name) };
                found.pings.extend(run.backup_config_id.map(|config| (config, ping)));
            }
            Noted::Ended(id) => {
                let Some(run) = run_fetch(&engine.db, id).await? else { continue };
                if let Some(config) = run.backup_config_id {
                    found.pings.extend(ping_of(&run).map(|ping| (config, ping)));
                    found.happened.extend(ended(&run, config));
                }
                runs.insert(id, Some(run));
            }
            Noted::Changed(device, version) | Noted::Suspect(device, version) => {
                let config = match notice.run {
                    Some(id) => {
                        if let Entry::Vacant(entry) = runs.entry(id) {
                            entry.insert(run_fetch(&engine.db, id).await?);
                        }
                        runs.get(&id).and_then(Option::as_ref).and_then(|run| run.backup_config_id)
                    }
                    None => None,
                };
                let is_suspect = matches!(notice.happened, Noted::Suspect(..));
                let told = text(engine, &configs, (device, version), is_suspect, config).await?;
                found.happened.extend(told);
            }
        }
    }
    Ok(found)
}

/// What is told of a run that ended: that its backup fails, or does so no longer.
fn ended(run: &Run, config: BackupConfigId) -> Option<Happened> {
    let about = format!("{}:{config}", NotifyEvent::RunFailed.as_str());
    match run.status {
        RunStatus::Failed => {
            let item = of_run(run, words_of_failure(run));
            Some(Happened::Begins { about, item, facets: Facets::of_backup(config) })
        }
        RunStatus::Completed => {
            let words = format!("Run {} completed: {}.", run.id, counted(run));
            Some(Happened::Ends { about, item: Item { state: ItemState::Over, ..of_run(run, words) } })
        }
        RunStatus::Pending | RunStatus::Running | RunStatus::Cancelled => None,
    }
}

/// What is said of a run that failed.
pub(super) fn words_of_failure(run: &Run) -> String {
    let why = run.error.as_deref().unwrap_or("The log says why.");
    format!("Run {} failed: {why}", run.id)
}

/// Something of the event [`NotifyEvent::RunFailed`] that is about one run.
pub(super) fn of_run(run: &Run, words: String) -> Item {
    Item {
        event: NotifyEvent::RunFailed,
        state: ItemState::New,
        subject: run.name.clone(),
        words,
        at: run.finished_at.unwrap_or(run.queued_at),
        path: Some(format!("/backup/run/{}", run.id)),
        site: None,
        diff: None,
    }
}

fn counted(run: &Run) -> String {
    match (run.devices_ok, run.devices_failed) {
        (0, 0) => "no device was asked".to_owned(),
        (ok, 0) => format!("{ok} devices good"),
        (ok, failed) => format!("{ok} devices good, {failed} failed"),
    }
}

/// A run in which devices failed has made its archive: what is amiss with devices is told of them.
fn ping_of(run: &Run) -> Option<Ping> {
    let (kind, text) = match run.status {
        RunStatus::Completed => {
            let file = run.file.as_deref().unwrap_or_default();
            (PingKind::Success, format!("Run {} of {} completed: {}. {file}", run.id, run.name, counted(run)))
        }
        RunStatus::Failed | RunStatus::Cancelled => {
            let why = run.error.as_deref().unwrap_or("The log says why.");
            (PingKind::Fail, format!("Run {} of {} {}: {why}", run.id, run.name, run.status.as_str()))
        }
        RunStatus::Pending | RunStatus::Running => return None,
    };
    Some(Ping { kind, run: run.id, text })
}

async fn text(
    engine: &Engine,
    configs: &[BackupConfig],
    (device, version): (DeviceId, ConfigVersionId),
    is_suspect: bool,
    config: Option<BackupConfigId>,
) -> Result<Option<Happened>> {
    let Some(device) = device_fetch(&engine.db, device).await? else { return Ok(None) };
    let Some(version) = version_fetch(&engine.db, version).await? else { return Ok(None) };
    let mut facets = Facets::of_device(&device, configs);
    // It may have been chosen when it ran, and not be now.
    if let (Some(backups), Some(config)) = (&mut facets.backups, config)
        && !backups.contains(&config)
    {
        backups.push(config);
    }
    let (event, words) = if is_suspect {
        let words = format!(
            "{} shrank to {} bytes. Version {} waits until a person accepts or rejects it.",
            version.part, version.size_bytes, version.version
        );
        (NotifyEvent::SuspectVersion, words)
    } else {
        let words = format!(
            "{} changed, +{} −{} lines: version {}.",
            version.part, version.added, version.removed, version.version
        );
        (NotifyEvent::ConfigChanged, words)
    };
    let item = Item {
        event,
        state: ItemState::New,
        subject: device.hostname.clone(),
        words,
        at: version.collected_at,
        path: Some(format!("/configs/version/{}", version.id)),
        site: Some(device.site.clone()),
        diff: None,
    };
    let changed = (!is_suspect).then_some(version.id);
    Ok(Some(Happened::Once { item, facets, changed }))
}

/// What versions changed, secrets masked, for the first few of them. One that cannot be masked has none, and whoever is told
/// of a change without one is led to its page.
pub(super) async fn diffs(
    engine: &Engine,
    versions: &[ConfigVersionId],
) -> Result<HashMap<ConfigVersionId, String>> {
    let mut diffs = HashMap::new();
    for id in versions.iter().take(MOST_DIFFS) {
        let Some(version) = version_fetch(&engine.db, *id).await? else { continue };
        match unified_masked(engine, &version).await {
            Ok(diff) => {
                diffs.insert(*id, cut(&diff));
            }
            Err(error) => {
                tracing::warn!(version = %id, %error, "what version {id} changed could not be put into a message");
            }
        }
    }
    Ok(diffs)
}

/// Whole lines, no more than a message should have.
fn cut(diff: &str) -> String {
    let mut kept = String::new();
    let mut lines = diff.lines();
    for line in lines.by_ref().take(DIFF_LINES) {
        if kept.len() + line.len() > DIFF_BYTES {
            kept.push_str("…\n");
            return kept;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    if lines.next().is_some() {
        kept.push_str("…\n");
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_difference_is_cut_between_lines() {
        assert_eq!(cut("-a\n+b\n"), "-a\n+b\n");
        let long = cut(&"+line\n".repeat(1_000));
        assert_eq!(long.lines().count(), DIFF_LINES + 1);
        assert!(long.ends_with("…\n"));
        let wide = cut(&format!("+{}\n", "x".repeat(20_000)));
        assert_eq!(wide, "…\n");
    }
}
