//! `etiqa serve`: the pages, the scheduler and the worker, until somebody says stop.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use etiqa_engine::access::{keep_seen, setup_code_renew, setup_is_open};
use etiqa_engine::changes::{self, Sockets};
use etiqa_engine::health;
use etiqa_engine::history::search;
use etiqa_engine::schedule::{tick, tidy, worker};
use etiqa_engine::{Engine, Error, Options, Result, Role};
use etiqa_engine::{audit, machines, notify, reachability, relay};
use etiqa_model::machine::MachineRole;
use etiqa_model::{ErrorKind, UserError};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cli::{Serve, exit, output};
use crate::http;
use crate::http::edge::Edge;
use crate::scraping;
use crate::service;
use crate::signals::StopSignals;
use crate::syslog;

/// How long answers that are under way, such as downloads, may take when the program stops.
const ANSWERS_END_WITHIN: Duration = Duration::from_secs(5);

/// For all connections of browsers, and for devices, databases and archives besides.
const OPEN_FILES: u64 = 8_192;

/// Serves until SIGINT or SIGTERM, then hands back what runs and ends.
pub(crate) async fn serve(options: Options, serve: &Serve) -> Result<ExitCode> {
    let (listen, start_delay) = (serve.listen, Duration::from_secs(serve.start_delay.into()));
    let engine = Engine::open(options.clone(), Role::Server).await?;
    let edge = Edge::open(&engine, serve)?;
    raise_open_files();
    let listener = TcpListener::bind(listen).await;
    let listener = listener.map_err(|error| cannot_listen(listen, "--listen", &error))?;
    let syslog = syslog::bind(serve.syslog_listen).await?;
    let metrics = scraping::bind(serve.metrics_listen).await?;
    // Before anybody is told that there is a server, who could then stop it.
    let mut signals = StopSignals::listen();
    let address = listener.local_addr().map_err(Error::io("asking for the address"))?;
    let base = format!("{}://{address}", edge.scheme());
    output::say(&format!("Serving {base} from {}", engine.dir.root().display()));
    if let Some(words) = edge.words(address) {
        output::say(&words);
    }
    syslog::say(syslog.as_ref());
    let stop = CancellationToken::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!("stopping; a second signal stops at once");
        service::stopping();
        asked.cancel();
        signals.next().await;
        // What runs is as after a power cut: nothing that was said to be stored is lost.
        std::process::exit(1);
    });
    let listener = listener.into_std().map_err(Error::io("listening"))?;
    tokio::spawn(Arc::clone(&edge).keep_certificate());
    // Who connects before the first answer can be given waits for it.
    service::ready(&format!("Serving {base}"));
    let mut engine = engine;
    // An instance that an archive was restored into is closed and opened again; whoever asks meanwhile waits.
    loop {
        engine.changes.set_quiet(Duration::from_secs(serve.change_quiet.into()));
        if let Some(url) = serve.public_url.as_deref().filter(|url| !url.is_empty()) {
            // Only this sets it, once for each engine.
            let _ = engine.public_url.set(url.trim_end_matches('/').to_owned());
        }
        let then = serve_engine(
            &engine,
            &edge,
            (&listener, &base),
            start_delay,
            syslog.as_ref(),
            metrics.as_ref(),
            &stop,
        )
        .await?;
        if then == Then::End {
            break;
        }
        engine = engine.reopen(options.clone()).await?;
    }
    Ok(exit(!engine.is_outdated()))
}

/// What comes after an engine has ended.
#[derive(Debug, PartialEq, Eq)]
enum Then {
    End,
    Reopen,
}

/// Serves one engine to its end, when its database is closed. An answer that hangs may hold the engine itself for longer:
/// the next one is not kept waiting by that.
async fn serve_engine(
    engine: &Arc<Engine>,
    edge: &Arc<Edge>,
    (listener, base): (&std::net::TcpListener, &str),
    start_delay: Duration,
    syslog: Option<&Arc<Sockets>>,
    metrics: Option<&std::net::TcpListener>,
    stop: &CancellationToken,
) -> Result<Then> {
    let listener = listener.try_clone().and_then(TcpListener::from_std).map_err(Error::io("listening"))?;
    if setup_is_open(&engine.db).await? {
        let code = setup_code_renew(&engine.db).await?;
        output::say(&format!("Create the first admin at {base}/setup with the code {}", code.reveal()));
        output::say("The code works for an hour; `etiqa setup-code` prints a new one.");
    }
    let scheduler = tokio::spawn(tick::scheduler(Arc::clone(engine), start_delay));
    let beating = tokio::spawn(machines::beat(Arc::clone(engine), MachineRole::Server, None));
    let relaying = tokio::spawn(relay::relay(Arc::clone(engine)));
    let tidying = tokio::spawn(tidy::tidier(Arc::clone(engine)));
    let reaper = tokio::spawn(tick::reaper(Arc::clone(engine)));
    let looking = tokio::spawn(reachability::watch(Arc::clone(engine)));
    let indexing = tokio::spawn(search::keep_index(Arc::clone(engine)));
    let working = tokio::spawn(worker::worker(Arc::clone(engine), None));
    let seeing = tokio::spawn(keep_seen(Arc::clone(engine)));
    tokio::spawn(health::keep_pulse(Arc::downgrade(engine)));
    let telling = scraping::tell(engine, metrics)?;
    let notifying = tokio::spawn(notify::keeper(Arc::clone(engine)));
    let vouching = tokio::spawn(service::keep_alive(Arc::clone(engine)));
    let hearing =
        syslog.map(|sockets| tokio::spawn(changes::listen(Arc::clone(engine), None, Arc::clone(sockets))));
    let (stopping, asked) = (engine.stopping.clone(), stop.clone());
    tokio::spawn(async move {
        tokio::select! {
            () = asked.cancelled() => stopping.cancel(),
            () = stopping.cancelled() => {}
        }
    });
    let too_long = async {
        engine.stopping.cancelled().await;
        tokio::time::sleep(ANSWERS_END_WITHIN).await;
    };
    let served = tokio::select! {
        served = http::serve(Arc::clone(engine), edge, listener) => served,
        () = too_long => {
            tracing::warn!("some answers did not come to their end in time; they are cut off");
            Ok(())
        }
    };
    engine.stopping.cancel();
    let tasks = [
        beating, relaying, scheduler, tidying, reaper, looking, indexing, working, seeing, notifying,
        vouching,
    ];
    for task in tasks.into_iter().chain(hearing).chain(telling) {
        if let Err(error) = task.await {
            tracing::error!(%error, "a task of the server broke");
        }
    }
    if let Err(error) = engine.seen.write(&engine.db).await {
        tracing::warn!(%error, "when sessions and tokens were used last could not be written");
    }
    if let Err(error) = audit::tell_all_refusals(engine).await {
        tracing::warn!(%error, "how much was refused could not be noted in the audit log");
    }
    let is_restored = engine.takeover.has_restored();
    engine.hand_back().await?;
    machines::say_goodbye(engine).await?;
    if tokio::time::timeout(ANSWERS_END_WITHIN, engine.db.close()).await.is_err() {
        tracing::warn!("an answer that hangs still has the database open");
    }
    served.map_err(Error::io("serving"))?;
    Ok(if is_restored && !stop.is_cancelled() { Then::Reopen } else { Then::End })
}

/// Connections are files to the system, and some hand out few of them unless they are asked for more. What cannot be had is
/// done without.
fn raise_open_files() {
    let known = getrlimit(Resource::Nofile);
    if known.current.is_some_and(|current| current < OPEN_FILES) {
        let most = known.maximum.map_or(OPEN_FILES, |most| most.min(OPEN_FILES));
        setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum: known.maximum }).ok();
    }
}

/// Why an address cannot be listened on, and by which option another one is chosen.
pub(crate) fn cannot_listen(listen: SocketAddr, option: &str, error: &std::io::Error) -> UserError {
    let message = match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!(
                "Port {} is taken by another program. Stop that, or choose another one with {option}.",
                listen.port()
            )
        }
        std::io::ErrorKind::PermissionDenied => {
            format!(
                "This user may not listen on port {}. Choose one above 1023 with {option}.",
                listen.port()
            )
        }
        std::io::ErrorKind::AddrNotAvailable => {
            format!("{} is not an address of this machine. Choose another one with {option}.", listen.ip())
        }
        _ => format!("Listening on {listen} failed: {error}."),
    };
    UserError::new(ErrorKind::Unavailable, message)
}
