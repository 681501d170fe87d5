//! What goes on beside a run: its lease is kept, its progress written, and looked whether it is to stop.

use std::sync::Arc;
use std::time::Duration;

use etiqa_model::RunId;
use etiqa_model::event::Topic;
use etiqa_model::run::{Phase, Progress};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::engine::Engine;
use crate::error::Result;
use crate::lease;
use crate::store::run::run_is_cancelling;
use crate::store::run_write::{run_progress, run_renew};

/// How often progress is written, and looked whether somebody asked the run to stop.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What goes on beside a run; ends when it is dropped.
pub(super) struct Watch {
    /// Cancelled when a person asked for it, when the run is not ours any more, or when the program stops.
    pub(super) cancel: CancellationToken,
    steps: watch::Sender<(Phase, Progress)>,
    _looks: DropGuard,
    _lease: DropGuard,
}

impl Watch {
    /// Begins to watch a run that this process has just claimed.
    pub(super) fn begin(engine: &Arc<Engine>, id: RunId) -> Self {
        let cancel = engine.stopping.child_token();
        let (steps, heard) = watch::channel((Phase::Collecting, Progress { done: 0, total: 0 }));
        let looks = CancellationToken::new();
        tokio::spawn({
            let (engine, looks, cancel) = (Arc::clone(engine), looks.clone(), cancel.clone());
            async move {
                tokio::select! {
                    () = looks.cancelled() => {}
                    () = look(&engine, id, heard, &cancel) => {}
                }
            }
        });
        let renewing = Arc::clone(engine);
        let renew = move |until| {
            let engine = Arc::clone(&renewing);
            async move { run_renew(&engine.db, id, &engine.owner, until).await }
        };
        let lease = lease::keep(format!("run {id}"), cancel.clone(), renew);
        Self { cancel, steps, _looks: looks.drop_guard(), _lease: lease }
    }

    /// Says how far the run is; written to the database now and then, always the newest.
    pub(super) fn step(&self, phase: Phase, progress: Progress) {
        self.steps.send_replace((phase, progress));
    }
}

async fn look(
    engine: &Engine,
    id: RunId,
    mut heard: watch::Receiver<(Phase, Progress)>,
    cancel: &CancellationToken,
) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Err(error) = look_once(engine, id, &mut heard, cancel).await {
            tracing::warn!(run = %id, %error, "run {id} could not be watched");
        }
    }
}

async fn look_once(
    engine: &Engine,
    id: RunId,
    heard: &mut watch::Receiver<(Phase, Progress)>,
    cancel: &CancellationToken,
) -> Result<()> {
    if run_is_cancelling(&engine.db, id).await? {
        cancel.cancel();
    }
    if heard.has_changed().unwrap_or(false) {
        let (phase, progress) = *heard.borrow_and_update();
        run_progress(&engine.db, id, &engine.owner, phase, progress).await?;
        engine.events.send(Topic::Runs, id.0);
    }
    Ok(())
}
