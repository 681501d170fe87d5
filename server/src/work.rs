//! `etiqa worker`: works on what there is to do at a site, until somebody says stop. No pages, no scheduler.

use std::process::ExitCode;
use std::sync::Arc;

use etiqa_engine::schedule::worker;
use etiqa_engine::{Engine, Options, Result, Role, machines, relay};
use etiqa_model::UserError;
use etiqa_model::machine::MachineRole;

use crate::cli::output;
use crate::signals::StopSignals;

/// Works until SIGINT or SIGTERM, then hands back what runs and ends.
pub(crate) async fn work(options: Options, site: String) -> Result<ExitCode> {
    if options.database_url.is_none() {
        let message = "A worker shares the database of a server: name it with --database-url postgres://… \
                       (an SQLite file belongs to one machine).";
        return Err(UserError::invalid(message).into());
    }
    let engine = Engine::open(options, Role::Worker).await?;
    let mut signals = StopSignals::listen();
    output::say(&format!("Working for the site {site} from {}", engine.dir.root().display()));
    let stopping = engine.stopping.clone();
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!("stopping; a second signal stops at once");
        stopping.cancel();
        signals.next().await;
        std::process::exit(1);
    });
    let beating = tokio::spawn(machines::beat(Arc::clone(&engine), MachineRole::Worker, Some(site.clone())));
    let relaying = tokio::spawn(relay::relay(Arc::clone(&engine)));
    let working = tokio::spawn(worker::worker(Arc::clone(&engine), Some(site)));
    for task in [beating, relaying, working] {
        if let Err(error) = task.await {
            tracing::error!(%error, "a task of the worker broke");
        }
    }
    engine.hand_back().await?;
    machines::say_goodbye(&engine).await?;
    engine.db.close().await;
    Ok(ExitCode::SUCCESS)
}
