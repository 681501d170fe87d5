//! What of backups somebody with a scope sees: the configs that cover one of their devices, and of the runs of these what
//! concerns their devices. An archive concerns all devices: they see none.

use etiqa_model::backup::BackupConfigRow;
use etiqa_model::run::{Progress, Run};
use etiqa_model::selector::Selector;
use etiqa_model::user::Reach;
use etiqa_model::{BackupConfigId, DeviceId};

use crate::engine::Engine;
use crate::error::Result;
use crate::store::backup_config::backup_config_list;
use crate::store::device_count::device_count_selected;
use crate::store::result::result_count_of_runs;
use crate::store::scope::scope_list;

/// Stands in place of why a run failed, which may name devices of others.
const FAILED: &str = "The run failed. Somebody who sees all devices can tell why.";

/// The backup configs that cover an enabled device of the scope; none: who asks sees all of them.
pub(crate) async fn configs_seen(engine: &Engine, reach: &Reach) -> Result<Option<Vec<BackupConfigId>>> {
    if reach.is_whole() {
        return Ok(None);
    }
    let configs = backup_config_list(&engine.db).await?;
    let selectors: Vec<&Selector> = configs.iter().map(|config| &config.devices).collect();
    let counts = device_count_selected(&engine.db, reach.scope(), &selectors).await?;
    let seen = configs.iter().zip(counts).filter(|(_, count)| *count > 0);
    Ok(Some(seen.map(|(config, _)| config.id).collect()))
}

/// Leaves of these runs what somebody of this reach may know: numbers of their own devices, and nothing of an archive.
pub(crate) async fn narrow_runs<'a>(
    engine: &Engine,
    reach: &Reach,
    runs: impl IntoIterator<Item = &'a mut Run>,
) -> Result<()> {
    if reach.is_whole() {
        return Ok(());
    }
    let runs: Vec<&mut Run> = runs.into_iter().collect();
    let ids: Vec<_> = runs.iter().map(|run| run.id).collect();
    let counts = result_count_of_runs(&engine.db, reach.scope(), &ids).await?;
    for run in runs {
        let (all, failed) = counts.get(&run.id).copied().unwrap_or_default();
        (run.devices_ok, run.devices_failed) = (all.saturating_sub(failed), failed);
        if run.status.is_over() {
            run.progress = Progress { done: all, total: all };
        }
        (run.artifacts_ok, run.artifacts_failed) = (0, 0);
        (run.file, run.sha256, run.size_bytes) = (None, None, None);
        (run.damaged, run.damage) = (false, None);
        (run.removed_at, run.missing_at) = (None, None);
        run.error = run.error.take().map(|_| FAILED.to_owned());
    }
    Ok(())
}

/// Leaves of these configs what somebody of this reach may know: of devices that were chosen one by one their own, and nothing
/// of where archives are sent and whom they are sealed for. What is left is to be looked at, never to be saved.
pub(crate) async fn narrow_configs<'a>(
    engine: &Engine,
    reach: &Reach,
    rows: impl IntoIterator<Item = &'a mut BackupConfigRow>,
) -> Result<()> {
    if reach.is_whole() {
        return Ok(());
    }
    let rows: Vec<&mut BackupConfigRow> = rows.into_iter().collect();
    let mut chosen: Vec<DeviceId> = Vec::new();
    for row in &rows {
        if let Selector::Chosen(ids) = &row.config.devices {
            chosen.extend_from_slice(ids);
        }
    }
    let own = scope_list(&engine.db, reach.scope(), &chosen).await?;
    for row in rows {
        if let Selector::Chosen(ids) = &mut row.config.devices {
            ids.retain(|id| own.contains(id));
        }
        row.config.recipients.clear();
        row.destinations.clear();
    }
    Ok(())
}
