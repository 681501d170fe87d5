//! A device's web server: HTTP/1.1 over TLS, with the interface that the platform's backups are taken by.
//!
//! It serves backups and what one needs for them, nothing else of a device.

mod call;
mod certificate;
mod exchange;
mod faucet;
mod fortios;
mod icontrol;
mod panos;
mod reply;
mod spec;
mod wapi;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

pub use certificate::SimulatedCa;
pub use spec::HttpsSpec;

use crate::cable::Cable;
use crate::state::State;
use certificate::Leaf;
use faucet::{Faucet, Orders};

/// What a web server remembers between calls.
#[derive(Default)]
pub(crate) struct Web {
    calls: Vec<String>,
    icontrol: icontrol::Memory,
    wapi: wapi::Memory,
    fortios: fortios::Memory,
}

impl Web {
    /// The calls there were, without secrets.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.clone()
    }

    /// What a web server forgets when it restarts: every login. A public backup tool of F5 notes that its users find
    /// their tokens gone when `restjavad` restarts while a UCS is saved.
    fn forget_logins(&mut self) {
        self.icontrol.forget_logins();
        self.wapi.forget_logins();
        self.fortios.forget_logins();
    }

    /// How many tokens of logins and downloads nobody gave back yet.
    pub(crate) fn tokens_open(&self) -> usize {
        self.icontrol.tokens_open() + self.wapi.downloads_open()
    }
}

/// The web server of one device.
pub(crate) struct Site {
    state: Arc<State>,
    addr: SocketAddr,
    leaf: Mutex<Leaf>,
    restart: mpsc::UnboundedSender<Duration>,
}

impl Site {
    /// Opens the web server of `state` at `addr`, until `stopped`. Errors when the place is taken.
    pub(crate) async fn open(
        state: Arc<State>,
        addr: SocketAddr,
        stopped: watch::Receiver<bool>,
    ) -> anyhow::Result<Arc<Self>> {
        let listener = TcpListener::bind(addr).await.map_err(|error| {
            anyhow::anyhow!("{addr} cannot be listened on ({error}); choose another port.")
        })?;
        let addr = listener.local_addr()?;
        let leaf = Mutex::new(leaf_of(&state, addr).context("A certificate cannot be made")?);
        let (restart, restarts) = mpsc::unbounded_channel();
        let site = Arc::new(Self { state, addr, leaf, restart });
        tokio::spawn(run(site.clone(), listener, restarts, stopped));
        Ok(site)
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn certificate_sha256(&self) -> String {
        self.leaf().sha256.clone()
    }

    pub(crate) fn certificate_pem(&self) -> String {
        self.leaf().pem.clone()
    }

    /// Shows another certificate from the next connection on.
    pub(crate) fn new_certificate(&self) {
        match leaf_of(&self.state, self.addr) {
            Ok(leaf) => *self.leaf() = leaf,
            Err(error) => tracing::warn!(%error, "the certificate stays as it is"),
        }
    }

    fn leaf(&self) -> MutexGuard<'_, Leaf> {
        self.leaf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn leaf_of(state: &State, addr: SocketAddr) -> anyhow::Result<Leaf> {
    let ca = state.spec.https.as_ref().and_then(|https| https.ca.as_ref());
    Leaf::new(&state.spec.hostname, addr.ip(), ca)
}

/// Listens until the device stops, with a pause where the web server restarts.
async fn run(
    site: Arc<Site>,
    listener: TcpListener,
    mut restarts: mpsc::UnboundedReceiver<Duration>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut listener = Some(listener);
    loop {
        let life = async {
            match listener.take() {
                Some(listener) => accept(&site, &listener).await,
                None => std::future::pending().await,
            }
        };
        // With the future, the listener and all connections go.
        let pause = tokio::select! {
            () = life => return,
            Some(pause) = restarts.recv() => pause,
            _ = stopped.wait_for(|stop| *stop) => return,
        };
        tokio::time::sleep(pause).await;
        listener = TcpListener::bind(site.addr)
            .await
            .inspect_err(|error| tracing::warn!(%error, "the web server did not come back"))
            .ok();
    }
}

/// Accepts connections for ever; they end with the future.
async fn accept(site: &Arc<Site>, listener: &TcpListener) {
    // Dropped with the future, which ends the connections.
    let (_end, ended) = watch::channel(false);
    loop {
        match listener.accept().await {
            Ok((tcp, _)) => drop(tokio::spawn(converse(site.clone(), tcp, ended.clone()))),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // Out of file descriptors, most likely: others must be able to close some.
                tokio::task::yield_now().await;
            }
        }
    }
}

/// Answers the calls of one connection.
async fn converse(site: Arc<Site>, tcp: TcpStream, ended: watch::Receiver<bool>) {
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was refused");
    }
    let config = site.leaf().config.clone();
    let cable = Cable::new(tcp, &site.state, ended);
    let tls = match TlsAcceptor::from(config).accept(cable).await {
        Ok(tls) => tls,
        Err(error) => return tracing::debug!(%error, "a client did not agree on TLS"),
    };
    let orders = Arc::new(Orders::default());
    let faucet = Faucet::new(tls, orders.clone());
    let service = service_fn(move |request| exchange::answer(site.clone(), orders.clone(), request));
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(faucet), service).await {
        tracing::debug!(%error, "a connection ended");
    }
}
