//! `etiqa serve`: the pages, the scheduler and the worker, until somebody says stop.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use etiqa_engine::access::SetupCode;
use etiqa_engine::schedule::{tick, worker};
use etiqa_engine::{Engine, Error, Options, Result, Role};
use etiqa_model::{ErrorKind, UserError};
use tokio::net::TcpListener;
use tokio::signal;

use crate::cli::output;
use crate::http;

/// Serves until SIGINT or SIGTERM, then hands back what runs and ends.
pub(crate) async fn serve(options: Options, listen: SocketAddr) -> Result<ExitCode> {
    let engine = Engine::open(options, Role::Server).await?;
    let listener = TcpListener::bind(listen).await.map_err(|error| cannot_listen(listen, &error))?;
    let address = listener.local_addr().map_err(Error::io("asking for the address"))?;
    output::say(&format!("Serving http://{address} from {}", engine.dir.root().display()));
    if SetupCode::is_open(&engine.db).await? {
        let code = engine.setup_code.show();
        output::say(&format!(
            "Create the first admin at http://{address}/setup with the code {}",
            code.reveal()
        ));
    }
    let scheduler = tokio::spawn(tick::scheduler(Arc::clone(&engine)));
    let reaper = tokio::spawn(tick::reaper(Arc::clone(&engine)));
    let working = tokio::spawn(worker::worker(Arc::clone(&engine)));
    let stopping = engine.stopping.clone();
    tokio::spawn(async move {
        stop_signal().await;
        tracing::info!("stopping");
        stopping.cancel();
    });
    let served = http::serve(Arc::clone(&engine), listener).await;
    engine.stopping.cancel();
    for task in [scheduler, reaper, working] {
        if let Err(error) = task.await {
            tracing::error!(%error, "a task of the server broke");
        }
    }
    engine.hand_back().await?;
    engine.db.close().await;
    served.map_err(Error::io("serving"))?;
    Ok(ExitCode::SUCCESS)
}

fn cannot_listen(listen: SocketAddr, error: &std::io::Error) -> UserError {
    let message = match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!(
                "Port {} is taken by another program. Stop that, or choose another one with --listen.",
                listen.port()
            )
        }
        std::io::ErrorKind::PermissionDenied => {
            format!(
                "This user may not listen on port {}. Choose one above 1023 with --listen.",
                listen.port()
            )
        }
        std::io::ErrorKind::AddrNotAvailable => {
            format!("{} is not an address of this machine. Choose another one with --listen.", listen.ip())
        }
        _ => format!("Listening on {listen} failed: {error}."),
    };
    UserError::new(ErrorKind::Unavailable, message)
}

async fn stop_signal() {
    let interrupt = async {
        // Without a handler there is nothing to wait for; the system's own answer to the signal still ends us.
        if signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => {
                terminate.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
