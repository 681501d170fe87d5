//! Where metrics are told without a sign-in, if anywhere: to Prometheus on this machine or on a network of its own.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use etiqa_engine::{Engine, Error, Result};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::cli::output;
use crate::http::metrics;
use crate::serve::cannot_listen;

/// How long an answer that is under way may take when the program stops.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

/// Listens at `address`, where one is given, and says so.
pub(crate) async fn bind(address: Option<SocketAddr>) -> Result<Option<TcpListener>> {
    let Some(address) = address else { return Ok(None) };
    let listener = tokio::net::TcpListener::bind(address).await;
    let listener = listener.map_err(|error| cannot_listen(address, "--metrics-listen", &error))?;
    let address = listener.local_addr().map_err(Error::io("asking for the address"))?;
    output::say(&format!("Telling metrics on http://{address}/metrics"));
    Ok(Some(listener.into_std().map_err(Error::io("listening"))?))
}

/// Tells the metrics of an engine until that is to stop.
pub(crate) fn tell(engine: &Arc<Engine>, listener: Option<&TcpListener>) -> Result<Option<JoinHandle<()>>> {
    let Some(listener) = listener else { return Ok(None) };
    let listener = listener.try_clone().and_then(tokio::net::TcpListener::from_std);
    let listener = listener.map_err(Error::io("listening"))?;
    let (engine, stopping) = (Arc::clone(engine), engine.stopping.clone());
    let too_long = async move {
        stopping.cancelled().await;
        sleep(ENDS_WITHIN).await;
    };
    Ok(Some(tokio::spawn(async move {
        tokio::select! {
            served = metrics::serve(engine, listener) => {
                if let Err(error) = served {
                    tracing::error!(%error, "metrics are not told any more");
                }
            }
            () = too_long => {}
        }
    })))
}
