//! History: runs that another program made, shown as what they are. Nothing here read their archives, so none is verified,
//! and none is among the archives that are kept.

use std::collections::HashMap;

use etiqa_model::run::RunStatus;

use super::backups::BroughtBackup;
use super::record::Record;
use super::source::{Kind, Source};
use super::{DjangoOptions, DjangoReport};
use crate::audit::{Act, action, record_in_txn};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::brought::{BroughtRun, run_bring_in_txn, run_has_own_in_txn, run_is_brought_in_txn};
use crate::store::run_note::run_note_insert_in_txn;
use crate::time::now;

/// Runs that are stored together.
const BATCH: usize = 500;
/// Of a message.
const LONGEST: usize = 1_000;

/// A run, and what is to be said of its archive.
struct Past {
    run: BroughtRun,
    note: Option<String>,
}

/// Brings all ended runs, in the order in which they began.
pub(super) async fn bring(
    engine: &Engine,
    source: &mut Source,
    backups: &HashMap<String, BroughtBackup>,
    options: &DjangoOptions,
    report: &mut DjangoReport,
) -> Result<()> {
    let records = source.all(Kind::History).await?;
    report.runs.found = records.len() as u64;
    let mut past: Vec<Past> = Vec::with_capacity(records.len());
    for record in &records {
        match past_of(record, backups, options) {
            Ok(one) => past.push(one),
            Err(why) => {
                report.runs.left_out += 1;
                report.note(format!("Run {} of the history is left out: {why}", record.key()));
            }
        }
    }
    past.sort_by_key(|one| one.run.started_at);
    for batch in past.chunks(BATCH) {
        bring_batch(engine, batch, options, report).await?;
    }
    Ok(())
}

fn past_of(
    record: &Record,
    backups: &HashMap<String, BroughtBackup>,
    options: &DjangoOptions,
) -> Result<Past, String> {
    let key = record.text(&["backup_config_id", "backup_config", "config_id", "config"]).unwrap_or_default();
    let backup = backups.get(key).ok_or("its backup config is not there any more.")?;
    let status = match record.text(&["status"]).unwrap_or_default().to_lowercase().as_str() {
        "completed" | "success" => RunStatus::Completed,
        "failed" | "error" => RunStatus::Failed,
        "pending" | "running" => return Err("it had not ended when the file was written.".to_owned()),
        other => return Err(format!("\"{other}\" is no status of a run.")),
    };
    let zone = &options.time_zone;
    let started = record.time(&["started_at", "start_time", "created_at", "timestamp"], zone);
    let ended = record.time(&["completed_at", "end_time", "finished_at", "ended_at"], zone);
    let Some(started_at) = started.or(ended) else { return Err("it has no time.".to_owned()) };
    let size = record.number::<i64>(&["file_size", "size", "size_bytes", "file_size_bytes", "backup_size"]);
    let file = record.text(&["file_path", "backup_file", "file_name", "filename", "file"]);
    let file = file.and_then(|path| path.rsplit(['/', '\\']).next()).filter(|name| !name.is_empty());
    let error = record.text(&["error_message", "error"]);
    let error = error.map(|error| error.replace('\0', "").chars().take(LONGEST).collect::<String>());
    let note = file.map(|name| {
        let name: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
        format!(
            "A run of the Django edition. Its archive {name} was not brought, and nothing here verified it."
        )
    });
    Ok(Past {
        run: BroughtRun {
            backup_config_id: backup.id,
            name: backup.name.clone(),
            kind: backup.kind,
            status,
            started_at,
            finished_at: ended.unwrap_or(started_at).max(started_at),
            size_bytes: size.filter(|size| *size >= 0),
            error: if status == RunStatus::Failed {
                error.or_else(|| Some("It failed; the Django edition does not say why.".to_owned()))
            } else {
                None
            },
        },
        note,
    })
}

async fn bring_batch(
    engine: &Engine,
    batch: &[Past],
    options: &DjangoOptions,
    report: &mut DjangoReport,
) -> Result<()> {
    let mut tx = if options.dry_run { engine.db.read().await? } else { engine.db.write().await? };
    let mut has_own: HashMap<i64, bool> = HashMap::new();
    let mut new = 0_u64;
    for Past { run, note } in batch {
        if run_is_brought_in_txn(&mut tx, run).await? {
            report.runs.known += 1;
            continue;
        }
        new += 1;
        if options.dry_run {
            continue;
        }
        let mut run = run.clone();
        if let Some(id) = run.backup_config_id {
            // A config's newest run is the one with the highest number: those of the past must not come after its own.
            let own = match has_own.get(&id.0) {
                Some(own) => *own,
                None => run_has_own_in_txn(&mut tx, id).await?,
            };
            has_own.insert(id.0, own);
            run.backup_config_id = Some(id).filter(|_| !own);
        }
        let id = run_bring_in_txn(&mut tx, &run).await?;
        if let Some(note) = note {
            run_note_insert_in_txn(&mut tx, id, note, now()).await?;
        }
    }
    report.runs.new += new;
    if options.dry_run || new == 0 {
        tx.rollback().await?;
        return Ok(());
    }
    let words = format!("{new} runs of the Django edition's history.");
    record_in_txn(&mut tx, Act::new(action::INSTANCE_IMPORT).saying(words)).await?;
    tx.commit().await?;
    Ok(())
}
