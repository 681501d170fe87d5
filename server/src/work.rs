//! `etiqa worker`: works on what there is to do at a site, until somebody says stop. No pages, no scheduler.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use etiqa_engine::schedule::{tidy, worker};
use etiqa_engine::store::device::site_list;
use etiqa_engine::{Engine, Options, Result, Role, changes, health, machines, relay};
use etiqa_model::UserError;
use etiqa_model::machine::MachineRole;
use etiqa_model::scope::Scope;

use crate::cli::{Worker, exit, output};
use crate::signals::StopSignals;
use crate::{scraping, service, syslog};

/// Works until SIGINT or SIGTERM, then hands back what runs and ends.
pub(crate) async fn work(options: Options, told: Worker) -> Result<ExitCode> {
    if options.database_url.is_none() {
        let message = "A worker shares the database of a server: name it with --database-url postgres://… \
                       (an SQLite file belongs to one machine).";
        return Err(UserError::invalid(message).into());
    }
    let engine = Engine::open(options, Role::Worker).await?;
    engine.changes.set_quiet(Duration::from_secs(told.change_quiet.into()));
    let syslog = syslog::bind(told.syslog_listen).await?;
    let metrics = scraping::bind(told.metrics_listen).await?;
    let site = told.site;
    warn_of_unknown(&site, &engine).await?;
    let mut signals = StopSignals::listen();
    output::say(&format!("Working for the site {site} from {}", engine.dir.root().display()));
    syslog::say(syslog.as_ref());
    service::ready(&format!("Working for the site {site}"));
    let stopping = engine.stopping.clone();
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!("stopping; a second signal stops at once");
        service::stopping();
        stopping.cancel();
        signals.next().await;
        std::process::exit(1);
    });
    tokio::spawn(health::keep_pulse(Arc::downgrade(&engine)));
    let telling = scraping::tell(&engine, metrics.as_ref())?;
    let beating = tokio::spawn(machines::beat(Arc::clone(&engine), MachineRole::Worker, Some(site.clone())));
    let relaying = tokio::spawn(relay::relay(Arc::clone(&engine)));
    let tidying = tokio::spawn(tidy::file_tidier(Arc::clone(&engine)));
    let working = tokio::spawn(worker::worker(Arc::clone(&engine), Some(site.clone())));
    let vouching = tokio::spawn(service::keep_alive(Arc::clone(&engine)));
    let hearing =
        syslog.map(|sockets| tokio::spawn(changes::listen(Arc::clone(&engine), Some(site), sockets)));
    for task in [beating, relaying, tidying, working, vouching].into_iter().chain(hearing).chain(telling) {
        if let Err(error) = task.await {
            tracing::error!(%error, "a task of the worker broke");
        }
    }
    engine.hand_back().await?;
    machines::say_goodbye(&engine).await?;
    engine.db.close().await;
    Ok(exit(!engine.is_outdated()))
}

/// Says that no device is of a site: its name may be another one than was meant.
async fn warn_of_unknown(site: &str, engine: &Engine) -> Result<()> {
    let known = site_list(&engine.db, &Scope::default()).await?;
    if !known.is_empty() && !known.iter().any(|name| name == site) {
        output::say(&format!("No device is of the site {site}: known sites are {}.", known.join(", ")));
    }
    Ok(())
}
