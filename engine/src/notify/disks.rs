//! The disks of this process's files; those of other machines are theirs to look at. One that hangs (a network file system)
//! is told as well, and holds nothing up.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use etiqa_model::Timestamp;
use etiqa_model::notify::{Item, NotifyEvent};

use super::watch::{Looked, condition};
use crate::engine::{Engine, Role};
use crate::files::Disk;
use crate::health::Probe;
use crate::machines::host_name;

/// A disk with less room is nearly full: a twentieth, or this much of a large one.
const LOW: u64 = 5 << 30;
/// Stands in what is said of one that has too little.
const ROOM: &str = "has room for";

/// A disk that did not answer so often in a row is told: one that is busy for a moment is no news.
const SILENT_AFTER: u32 = 2;

/// What came of asking a disk.
enum Found {
    /// Which one it is, and how full.
    Answered(io::Result<(u64, Disk)>),
    /// It did not answer this time.
    Slow,
    /// It does not answer.
    Silent,
}

/// Whether the disks of the archives and of the database have room, and answer.
pub(super) async fn look(engine: &Engine, at: Timestamp) -> Looked {
    let event = NotifyEvent::DiskLow;
    let mut looked = Looked::of(event, Vec::new());
    // What others told of their disks stays as it is.
    looked.is_cut = true;
    // A command looks once.
    let patience = if engine.role == Role::Command { 1 } else { SILENT_AFTER };
    let (backups, data) = tokio::join!(
        found(&engine.health.backups_disk, engine.dir.backups(), patience),
        found(&engine.health.data_disk, engine.dir.root().to_owned(), patience),
    );
    let data_id = format!("{}:data", engine.dir.id());
    judge_both(&mut looked, (engine.dir.files_id(), &backups), (&data_id, &data), at);
    looked
}

/// Notes how the disks of the backups and of the data directory stand. What is one disk is told once; so is what may well be
/// one, because nobody answers.
fn judge_both(looked: &mut Looked, backups: (&str, &Found), data: (&str, &Found), at: Timestamp) {
    judge(looked, backups.0, "backups", backups.1, at);
    match (backups.1, data.1) {
        (Found::Answered(Ok((one, _))), Found::Answered(Ok((other, _)))) if one == other => {
            // Told while nobody could say that both are one.
            looked.over.insert(format!("{}:{}", looked.event.as_str(), data.0));
        }
        // It may be the same one.
        (Found::Slow | Found::Silent, Found::Slow | Found::Silent)
        | (Found::Slow, Found::Answered(Ok(_))) => {}
        _ => judge(looked, data.0, "data directory", data.1, at),
    }
}

/// What is said of a disk that lasts no longer what was told of it.
pub(super) fn over(told: &Item) -> &'static str {
    if told.words.contains(ROOM) { "There is room again." } else { "It answers again, and has room." }
}

/// Notes how a disk stands.
fn judge(looked: &mut Looked, id: &str, of: &str, disk: &Found, at: Timestamp) {
    let event = looked.event;
    let words = match disk {
        Found::Slow => return,
        Found::Silent => format!("The disk of the {of} does not answer."),
        Found::Answered(Err(error)) => {
            format!("The disk of the {of} does not say how much room it has: {error}.")
        }
        Found::Answered(Ok((_, disk))) => {
            let low = (disk.total / 20).min(LOW);
            if disk.room() >= low {
                if disk.room() >= low + low / 5 {
                    // Not a byte more: a disk that is just about full would be told again and again.
                    looked.over.insert(format!("{}:{id}", event.as_str()));
                }
                return;
            }
            let mib = disk.room() >> 20;
            format!("The disk of the {of} {ROOM} {mib} MiB. Free some space, or keep fewer archives.")
        }
    };
    looked.conditions.push(condition(event, id, &host_name(), words, at, "/backup/".into()));
}

/// The disk of a folder, where it answers within a while.
async fn found(probe: &Probe, folder: PathBuf, patience: u32) -> Found {
    let shown = folder.display().to_string();
    match probe.ask(move || ask(&folder)).await {
        Some(answer) => {
            if let Err(error) = &answer {
                tracing::warn!(folder = %shown, %error, "the disk of {shown} could not be asked for its room: {error}");
            }
            Found::Answered(answer)
        }
        None => {
            tracing::warn!(folder = %shown, "the disk of {shown} does not answer");
            if probe.silences() < patience { Found::Slow } else { Found::Silent }
        }
    }
}

fn ask(folder: &Path) -> io::Result<(u64, Disk)> {
    Ok((folder.metadata()?.dev(), Disk::of(folder)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(free: u64, total: u64) -> Looked {
        let mut looked = Looked::of(NotifyEvent::DiskLow, Vec::new());
        judge(&mut looked, "x", "backups", &Found::Answered(Ok((1, Disk { free, total }))), Timestamp(0));
        looked
    }

    #[test]
    fn a_disk_is_told_when_it_is_nearly_full_and_is_over_when_there_is_clearly_more_room() {
        let (mib, total) = (1 << 20, 1_000 << 20);
        let full = told(90 * mib, total);
        assert_eq!(full.names().into_iter().collect::<Vec<_>>(), ["disk_low:x"]);
        assert!(full.conditions[0].item.words.contains("has room for 40 MiB"), "{full:?}");
        let just_about = told(105 * mib, total);
        assert!(just_about.conditions.is_empty() && just_about.over.is_empty(), "{just_about:?}");
        let roomy = told(500 * mib, total);
        assert!(roomy.conditions.is_empty() && roomy.over.contains("disk_low:x"), "{roomy:?}");
    }

    #[test]
    fn a_disk_that_does_not_answer_is_told_and_so_is_that_it_answers() {
        let mut looked = Looked::of(NotifyEvent::DiskLow, Vec::new());
        judge(&mut looked, "x", "backups", &Found::Slow, Timestamp(0));
        assert!(looked.conditions.is_empty(), "it may have been busy for a moment");
        judge(&mut looked, "x", "backups", &Found::Silent, Timestamp(0));
        let item = &looked.conditions[0].item;
        assert_eq!(item.words, "The disk of the backups does not answer.");
        assert_eq!(over(item), "It answers again, and has room.");
    }

    #[test]
    fn one_disk_is_told_once_and_what_was_told_of_it_twice_ends() {
        let roomy = |number| Found::Answered(Ok((number, Disk { free: 900 << 30, total: 1_000 << 30 })));
        let looked = |backups: &Found, data: &Found| {
            let mut looked = Looked::of(NotifyEvent::DiskLow, Vec::new());
            judge_both(&mut looked, ("files", backups), ("data", data), Timestamp(0));
            looked
        };
        let silent = looked(&Found::Silent, &Found::Silent);
        assert_eq!(silent.names().into_iter().collect::<Vec<_>>(), ["disk_low:files"]);
        let slow = looked(&roomy(1), &Found::Silent);
        assert_eq!(slow.names().into_iter().collect::<Vec<_>>(), ["disk_low:data"]);
        let both = looked(&roomy(1), &roomy(1));
        assert!(both.conditions.is_empty() && both.over.contains("disk_low:data"), "{both:?}");
        let full = Found::Answered(Ok((1, Disk { free: 1 << 30, total: 1_000 << 30 })));
        assert!(looked(&Found::Slow, &full).conditions.is_empty(), "it is told of the backups, or soon is");
        let away = looked(&roomy(1), &Found::Answered(Err(io::ErrorKind::NotFound.into())));
        let words = &away.conditions[0].item.words;
        assert!(
            words.starts_with("The disk of the data directory does not say how much room it has:"),
            "{words}"
        );
    }
}
