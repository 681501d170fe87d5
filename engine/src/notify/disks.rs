//! The disks of this process's files; those of other machines are theirs to look at. One that hangs (a network file system)
//! is told as well, and holds nothing up.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use etiqa_model::Timestamp;
use etiqa_model::notify::{Item, NotifyEvent};

use super::watch::{Looked, condition};
use crate::engine::Engine;
use crate::files::Disk;
use crate::health::Probe;
use crate::machines::host_name;

/// A disk with less room is nearly full: a twentieth, or this much of a large one.
const LOW: u64 = 5 << 30;
/// Ends what is said of one that does not answer.
const SILENT: &str = "does not answer.";

/// A disk, and which one it is.
type Found = io::Result<(u64, Disk)>;

/// Whether the disks of the archives and of the database have room, and answer.
pub(super) async fn look(engine: &Engine, at: Timestamp) -> Looked {
    let event = NotifyEvent::DiskLow;
    let mut looked = Looked::of(event, Vec::new());
    // What others told of their disks stays as it is.
    looked.is_cut = true;
    let backups = found(&engine.health.backups_disk, engine.dir.backups()).await;
    let data = found(&engine.health.data_disk, engine.dir.root().to_owned()).await;
    let is_one = matches!((&backups, &data), (Some((one, _)), Some((other, _))) if one == other);
    judge(&mut looked, engine.dir.files_id(), "backups", backups.map(|(_, disk)| disk), at);
    if !is_one {
        let id = format!("{}:data", engine.dir.id());
        judge(&mut looked, &id, "database", data.map(|(_, disk)| disk), at);
    }
    looked
}

/// What is said of a disk that lasts no longer what was told of it.
pub(super) fn over(told: &Item) -> &'static str {
    if told.words.ends_with(SILENT) { "It answers again, and has room." } else { "There is room again." }
}

/// Notes how a disk stands; none: it does not answer.
fn judge(looked: &mut Looked, id: &str, of: &str, disk: Option<Disk>, at: Timestamp) {
    let event = looked.event;
    let words = match disk {
        None => format!("The disk of the {of} {SILENT}"),
        Some(disk) => {
            let low = (disk.total / 20).min(LOW);
            if disk.room() >= low {
                if disk.room() >= low + low / 5 {
                    // Not a byte more: a disk that is just about full would be told again and again.
                    looked.over.insert(format!("{}:{id}", event.as_str()));
                }
                return;
            }
            let mib = disk.room() >> 20;
            format!("The disk of the {of} has room for {mib} MiB. Free some space, or keep fewer archives.")
        }
    };
    looked.conditions.push(condition(event, id, &host_name(), words, at, "/backup/".into()));
}

/// The disk of a folder, where it answers within a while.
async fn found(probe: &Probe, folder: PathBuf) -> Option<(u64, Disk)> {
    let shown = folder.display().to_string();
    match probe.ask(move || ask(&folder)).await {
        Some(Ok(found)) => Some(found),
        Some(Err(error)) => {
            tracing::warn!(folder = %shown, %error, "the disk of {shown} could not be asked for its room: {error}");
            None
        }
        None => {
            tracing::warn!(folder = %shown, "the disk of {shown} does not answer");
            None
        }
    }
}

fn ask(folder: &Path) -> Found {
    Ok((folder.metadata()?.dev(), Disk::of(folder)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(free: u64, total: u64) -> Looked {
        let mut looked = Looked::of(NotifyEvent::DiskLow, Vec::new());
        judge(&mut looked, "x", "backups", Some(Disk { free, total }), Timestamp(0));
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
        judge(&mut looked, "x", "backups", None, Timestamp(0));
        let item = &looked.conditions[0].item;
        assert_eq!(item.words, "The disk of the backups does not answer.");
        assert_eq!(over(item), "It answers again, and has room.");
    }
}
