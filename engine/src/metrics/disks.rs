//! How full disks are. A disk that never answers (a network file system) has one thread waiting for it, however often this is
//! asked, and is left out.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};

use super::text::{Kind, Page};
use crate::engine::Engine;
use crate::files::Disk;
use crate::store::metric::database_file_size;

/// What was found is told again for so long, however many ask.
const FRESH: Duration = Duration::from_secs(5);
/// A disk that does not answer within this is left out.
const WITHIN: Duration = Duration::from_secs(1);
/// A probe that is on its way is waited for, looked at this often.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What was found last. One looks at a time, and the others wait for it.
#[derive(Debug, Default)]
pub(super) struct Disks {
    last: Mutex<Option<(Instant, Found)>>,
    is_probing: Arc<AtomicBool>,
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
        let found = self.probe(engine).await.unwrap_or_default();
        *last = Some((Instant::now(), found.clone()));
        found
    }

    async fn probe(&self, engine: &Engine) -> Option<Found> {
        let is_probing = Arc::clone(&self.is_probing);
        // Whoever asked before may have gone without waiting for the answer.
        let began = Instant::now();
        while is_probing.swap(true, Ordering::SeqCst) {
            if began.elapsed() > WITHIN {
                return None;
            }
            sleep(LOOK_AGAIN).await;
        }
        let folders = [("data", engine.dir.root().to_owned()), ("backups", engine.dir.backups())];
        let database = engine.db.file().map(Path::to_path_buf);
        let probing = spawn_blocking(move || {
            let disks = folders.iter().filter_map(|(name, folder)| Some((*name, Disk::of(folder).ok()?)));
            let found =
                Found { disks: disks.collect(), database_bytes: database.as_deref().map(database_file_size) };
            is_probing.store(false, Ordering::SeqCst);
            found
        });
        timeout(WITHIN, probing).await.ok()?.ok()
    }

    /// Has the next one look anew.
    #[cfg(test)]
    pub(super) async fn forget(&self) {
        *self.last.lock().await = None;
    }

    /// As if a disk never answered.
    #[cfg(test)]
    pub(super) fn hang(&self) {
        self.is_probing.store(true, Ordering::SeqCst);
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
