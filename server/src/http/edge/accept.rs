//! Takes connections until the program stops, and then waits for those that there are.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::normalize_path::NormalizePath;

use super::{Edge, connection};

/// What answers.
pub(in crate::http) type App = NormalizePath<Router>;

/// Serves everybody who connects, within the bounds.
pub(in crate::http) async fn accept(
    listener: TcpListener,
    edge: &Arc<Edge>,
    app: App,
    stopping: CancellationToken,
) -> io::Result<()> {
    let connections = TaskTracker::new();
    loop {
        let free = tokio::select! {
            free = edge.places.wait() => free,
            () = stopping.cancelled() => break,
        };
        let Some(free) = free else { break };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    rest_after(&error).await;
                    continue;
                }
            },
            () = stopping.cancelled() => break,
        };
        let is_proxy = edge.proxies.is_trusted(peer.ip());
        let Some(place) = edge.places.take(free, peer.ip(), is_proxy) else {
            tracing::debug!(%peer, "{peer} has too many connections; this one is closed");
            continue;
        };
        let serving = connection::serve(stream, peer, Arc::clone(edge), app.clone(), stopping.clone());
        connections.spawn(async move {
            serving.await;
            drop(place);
        });
    }
    // Nobody waits in the queue of a socket that takes no more.
    drop(listener);
    connections.close();
    connections.wait().await;
    Ok(())
}

/// What went wrong with one connection is its own trouble; where the system has no more of something, a moment helps.
async fn rest_after(error: &io::Error) {
    let is_of_one = matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    );
    if !is_of_one {
        tracing::error!(%error, "a connection could not be taken");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
