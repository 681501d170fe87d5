//! How full disks are. A disk that never answers (a network file system) is left out, and the other one is not.

use std::path::Path;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::text::{Kind, Page};
use crate::engine::Engine;
use crate::files::Disk;
use crate::health::Probe;
use crate::store::metric::database_file_size;

/// What was found is told again for so long, however many ask.
const FRESH: Duration = Duration::from_secs(5);
/// A disk that does not answer within this is left out.
const WITHIN: Duration = Duration::from_secs(1);

/// What was found last. One looks at a time, and the others wait for it.
#[derive(Debug, Default)]
pub(super) struct Disks {
    last: Mutex<Option<(Instant, Found)>>,
    data: Probe,
    backups: Probe,
}

/// What the disks of this machine told; nothing where one does not answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    disks: Vec<(&'static str, Disk)>,
    /// Bytes of the database, where it is a file.
    pub(super) database_bytes: Option<u64>,
}

impl Disks {
    /// Looks at the disks of the data directory and of the archives, which may be elsewhere, and at the database's file.
    pub(super) async fn look(&self, engine: &Engine) -> Found {
        let mut last = self.last.lock().await;
        if let Some((at, found)) = last.as_ref()
            && at.elapsed() < FRESH
        {
            return found.clone();
        }
        let found = self.probe(engine).await;
        *last = Some((Instant::now(), found.clone()));
        found
    }

    async fn probe(&self, engine: &Engine) -> Found {
        let (root, backups) = (engine.dir.root().to_owned(), engine.dir.backups());
        let database = engine.db.file().map(Path::to_path_buf);
        let (data, backups) = tokio::join!(
            self.data.ask_within(WITHIN, move || {
                (Disk::of(&root).ok(), database.as_deref().map(database_file_size))
            }),
            self.backups.ask_within(WITHIN, move || Disk::of(&backups).ok()),
        );
        let (data, database_bytes) = data.unwrap_or_default();
        let disks = [("data", data), ("backups", backups.flatten())];
        let disks = disks.into_iter().filter_map(|(name, disk)| Some((name, disk?))).collect();
        Found { disks, database_bytes }
    }

    /// Has the next one look anew.
    #[cfg(test)]
    pub(super) async fn forget(&self) {
        *self.last.lock().await = None;
    }

    /// As if the disk of the archives never answered.
    #[cfg(test)]
    pub(super) fn hang(&self) {
        self.backups.hang();
    }
}

impl Found {
    pub(super) fn write(&self, page: &mut Page) {
        page.metric(
            "etiqa_disk_free_bytes",
            Kind::Gauge,
            "Bytes that may still be written to the disk of a folder.",
        );
        for (name, disk) in &self.disks {
            page.count(&[("folder", name)], disk.free);
        }
        page.metric("etiqa_disk_size_bytes", Kind::Gauge, "Bytes of the disk of a folder.");
        for (name, disk) in &self.disks {
            page.count(&[("folder", name)], disk.total);
        }
    }
}
