//! The whole of what is answered, and what it costs at most.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::process;
use super::standing::{Standing, disks};
use super::text::{Kind, Page};
use crate::db::DbKind;
use crate::engine::Engine;

/// What was read of the database is told again for so long, however many ask.
const FRESH: Duration = Duration::from_secs(5);
/// A database that does not answer within this is told to be down: Prometheus waits for ten seconds.
const WITHIN: Duration = Duration::from_secs(4);

/// What was read last. One reads at a time, and the others wait for it.
#[derive(Default)]
pub struct Scrapes(Mutex<Option<Read>>);

struct Read {
    at: Instant,
    /// None: the database did not answer.
    standing: Option<Arc<Standing>>,
}

impl std::fmt::Debug for Scrapes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scrapes").finish_non_exhaustive()
    }
}

impl Scrapes {
    async fn standing(&self, engine: &Engine) -> Option<Arc<Standing>> {
        let mut last = self.0.lock().await;
        if let Some(read) = last.as_ref().filter(|read| read.at.elapsed() < FRESH) {
            return read.standing.clone();
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
        *last = Some(Read { at: Instant::now(), standing: standing.clone() });
        standing
    }
}

/// Everything that there is to tell, for others to add to. Where the database does not answer, that is told, and what this
/// process knows by itself.
pub async fn page(engine: &Engine) -> Page {
    let standing = engine.scrapes.standing(engine).await;
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
        engine.meters.write(&mut page, &standing.names());
    }
    disks(engine, &mut page);
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
