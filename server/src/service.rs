//! What a service manager is told: that the program is ready, that it works, that it stops (sd_notify(3)). Where none
//! started it, nothing is said.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::Duration;

use etiqa_engine::Engine;
use etiqa_engine::db::{DbKind, ping};

/// Says that requests, or jobs, are taken from now on; `words` are shown to who asks for the service.
pub(crate) fn ready(words: &str) {
    tell(&format!("READY=1\nSTATUS={words}"));
}

/// Says that the program ends by itself.
pub(crate) fn stopping() {
    tell("STOPPING=1\nSTATUS=Stopping");
}

/// Says again and again that the program works, where that is asked for (`WatchdogSec=`) and for as long as it is so. A
/// service manager that hears nothing starts the program anew.
pub(crate) async fn keep_alive(engine: Arc<Engine>) {
    let Some(every) = told_every() else { return engine.stopping.cancelled().await };
    let mut said = None;
    loop {
        let trouble = trouble(&engine).await;
        match &trouble {
            None if said.is_some() => tell("WATCHDOG=1\nSTATUS=Working"),
            None => tell("WATCHDOG=1"),
            Some(words) if trouble != said => {
                tracing::error!("{words} Unless that passes, the service manager starts the program anew");
                tell(&format!("STATUS={words}"));
            }
            Some(_) => {}
        }
        said = trouble;
        tokio::select! {
            () = engine.stopping.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// Four times within the service manager's time: what is busy for a moment is asked again. None: nobody wants to hear it, or
/// not of this process (sd_watchdog_enabled(3)).
fn told_every() -> Option<Duration> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let is_meant = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
    let longest = number("WATCHDOG_USEC").filter(|longest| *longest > 0 && is_meant)?;
    Some(Duration::from_micros(longest) / 4)
}

/// Why the program does not work, where a new start may mend it. A PostgreSQL that is gone is waited for: a new start would
/// not bring it back, and would cut off what goes on.
async fn trouble(engine: &Engine) -> Option<String> {
    if let Some(name) = engine.health.hanging() {
        return Some(format!("The {name} hangs."));
    }
    match engine.db.kind() {
        DbKind::Postgres => None,
        DbKind::Sqlite => {
            ping(&engine.db).await.err().map(|error| format!("The database does not answer: {error}."))
        }
    }
}

fn tell(state: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()) else { return };
    if let Err(error) = send(&socket, state) {
        tracing::warn!(%error, "the service manager could not be told how the program is");
    }
}

/// A path, or behind an `@` a name that is in no folder, which Linux alone has (unix(7)).
fn send(socket: &OsStr, state: &str) -> io::Result<()> {
    let from = UnixDatagram::unbound()?;
    #[cfg(target_os = "linux")]
    if let Some(name) = socket.as_bytes().strip_prefix(b"@") {
        use std::os::linux::net::SocketAddrExt;
        let to = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
        return from.send_to_addr(state.as_bytes(), &to).map(|_| ());
    }
    from.send_to(state.as_bytes(), socket).map(|_| ())
}
