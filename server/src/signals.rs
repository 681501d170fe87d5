//! Being told to stop.

use tokio::signal;

/// The signals that stop the program. Listens from the first wait to the last, so that none is lost in between.
pub(crate) struct StopSignals {
    #[cfg(unix)]
    interrupt: Option<signal::unix::Signal>,
    #[cfg(unix)]
    terminate: Option<signal::unix::Signal>,
}

#[cfg(unix)]
impl StopSignals {
    pub(crate) fn listen() -> Self {
        use signal::unix::{SignalKind, signal};
        // Without a handler there is nothing to wait for; the system's own answer to the signal still ends us.
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            () = next_of(&mut self.interrupt) => {}
            () = next_of(&mut self.terminate) => {}
        }
    }
}

#[cfg(unix)]
async fn next_of(signal: &mut Option<signal::unix::Signal>) {
    let heard = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if heard.is_none() {
        std::future::pending::<()>().await;
    }
}

#[cfg(not(unix))]
impl StopSignals {
    pub(crate) fn listen() -> Self {
        Self {}
    }

    pub(crate) async fn next(&mut self) {
        if signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
