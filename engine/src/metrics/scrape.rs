//! The whole of what is answered, and what it costs at most.

use std::sync::Arc;
use std::time::Duration;

use etiqa_model::BackupConfigId;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::disks::Disks;
use super::process;
use super::standing::Standing;
use super::text::{Kind, Page};
use crate::db::DbKind;
use crate::engine::Engine;

/// What was read of the database is told again for so long, however many ask.
const FRESH: Duration = Duration::from_secs(5);
/// A database that does not answer within this is told to be down: Prometheus waits for ten seconds.
const WITHIN: Duration = Duration::from_secs(4);

/// What was read last. One reads at a time, and the others wait for it.
#[derive(Default)]
pub struct Scrapes {
    last: Mutex<Option<Read>>,
    disks: Disks,
}

#[derive(Clone)]
struct Read {
    at: Instant,
    /// None: the database did not answer.
    standing: Option<Arc<Standing>>,
    /// The backup configs that there were when it last did.
    names: Arc<[(BackupConfigId, String)]>,
}

impl std::fmt::Debug for Scrapes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scrapes").finish_non_exhaustive()
    }
}

impl Scrapes {
    async fn read(&self, engine: &Engine) -> Read {
        let mut last = self.last.lock().await;
        if let Some(read) = last.as_ref().filter(|read| read.at.elapsed() < FRESH) {
            return read.clone();
        }
        let standing = match timeout(WITHIN, Standing::read(engine)).await {
            Ok(Ok(standing)) => Some(Arc::new(standing)),
            Ok(Err(error)) => {
                tracing::warn!(%error, "what metrics tell could not be read");
                None
            }
            Err(_) => {
                tracing::warn!("the database does not answer in time to be told of in metrics");
                None
            }
        };
        let names: Arc<[(BackupConfigId, String)]> = match (&standing, last.take()) {
            (Some(standing), _) => standing.names().into(),
            (None, Some(before)) => before.names,
            (None, None) => Arc::default(),
        };
        let read = Read { at: Instant::now(), standing, names };
        *last = Some(read.clone());
        read
    }
}

/// Everything that there is to tell, for others to add to. Where the database does not answer, that is told, and what this
/// process knows by itself.
pub async fn page(engine: &Engine) -> Page {
    let (Read { standing, names, .. }, disks) =
        tokio::join!(engine.scrapes.read(engine), engine.scrapes.disks.look(engine));
    let mut page = Page::default();
    page.metric("etiqa_build_info", Kind::Gauge, "The program: 1, with what it is in the labels.");
    let database = match engine.db.kind() {
        DbKind::Sqlite => "sqlite",
        DbKind::Postgres => "postgresql",
    };
    page.count(&[("version", env!("CARGO_PKG_VERSION")), ("database", database)], 1);
    page.metric("etiqa_database_up", Kind::Gauge, "Whether the database answered.");
    page.count(&[], u64::from(standing.is_some()));
    if let Some(standing) = &standing {
        standing.write(&mut page);
    }
    page.metric("etiqa_database_size_bytes", Kind::Gauge, "Bytes of the database.");
    let told = standing.as_ref().and_then(|standing| standing.database_bytes());
    if let Some(bytes) = told.or(disks.database_bytes) {
        page.count(&[], bytes);
    }
    engine.meters.write(&mut page, &names);
    disks.write(&mut page);
    page.metric(
        "etiqa_scheduler_leads",
        Kind::Gauge,
        "Whether this process's scheduler is the one that acts.",
    );
    page.count(&[], u64::from(engine.lead.is_held()));
    page.metric("etiqa_device_sessions", Kind::Gauge, "Sessions with devices that are on in this process.");
    page.count(&[], engine.sessions.taken() as u64);
    page.metric(
        "etiqa_device_sessions_limit",
        Kind::Gauge,
        "Sessions that may be on at once in this process.",
    );
    page.count(&[], engine.sessions.limit() as u64);
    process::write(&mut page);
    page
}

#[cfg(test)]
mod tests {
    use etiqa_model::backup::BackupConfigInput;
    use etiqa_model::run::RunStatus;

    use super::*;
    use crate::backup::config;
    use crate::engine::{Options, Role};

    async fn engine(folder: &tempfile::TempDir) -> Arc<Engine> {
        let options = Options { data_dir: folder.path().join("data"), ..Options::default() };
        Engine::open(options, Role::Server).await.unwrap()
    }

    async fn told(engine: &Engine) -> String {
        // What was read before is old.
        if let Some(read) = engine.scrapes.last.lock().await.as_mut() {
            read.at = read.at.checked_sub(FRESH).unwrap();
        }
        engine.scrapes.disks.forget().await;
        page(engine).await.into_text()
    }

    #[tokio::test]
    async fn what_a_process_counted_is_told_while_the_database_is_down() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(&folder).await;
        let input = BackupConfigInput { name: "Nightly".into(), ..BackupConfigInput::default() };
        let nightly = config::save(&engine, None, &input).await.unwrap();
        engine.meters.run_ended(Some(nightly), RunStatus::Failed, None, 0);
        let ended = "etiqa_runs_total{backup_config=\"Nightly\",status=\"failed\"} 1\n";
        let before = told(&engine).await;
        assert!(before.contains("etiqa_database_up 1\n") && before.contains(ended), "{before}");
        engine.db.close().await;
        for _ in 0..2 {
            let down = told(&engine).await;
            assert!(down.contains("etiqa_database_up 0\n") && down.contains(ended), "{down}");
            assert!(!down.contains("etiqa_backup_state{"), "{down}");
        }
    }

    #[tokio::test]
    async fn a_disk_that_does_not_answer_is_left_out_and_all_else_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(&folder).await;
        let before = told(&engine).await;
        let of_archives = "etiqa_disk_free_bytes{folder=\"backups\"}";
        assert!(before.contains(of_archives), "{before}");
        engine.scrapes.disks.hang();
        let hanging = told(&engine).await;
        assert!(!hanging.contains(of_archives), "{hanging}");
        for name in
            ["etiqa_database_up 1", "etiqa_disk_free_bytes{folder=\"data\"}", "etiqa_database_size_bytes "]
        {
            assert!(hanging.lines().any(|line| line.starts_with(name)), "{hanging}");
        }
    }
}
