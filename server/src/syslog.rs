//! Where devices' syslog is heard, if anywhere.

use std::net::SocketAddr;
use std::sync::Arc;

use etiqa_engine::Result;
use etiqa_engine::changes::Sockets;

use crate::cli::output;
use crate::serve::cannot_listen;

/// Listens at `address`, where one is given.
pub(crate) async fn bind(address: Option<SocketAddr>) -> Result<Option<Arc<Sockets>>> {
    let Some(address) = address else { return Ok(None) };
    let sockets = Sockets::bind(address).await;
    Ok(Some(Arc::new(sockets.map_err(|error| cannot_listen(address, "--syslog-listen", &error))?)))
}

/// Says where it is listened.
pub(crate) fn say(sockets: Option<&Arc<Sockets>>) {
    if let Some(sockets) = sockets {
        output::say(&format!("Listening for syslog on udp and tcp {}", sockets.address()));
    }
}
