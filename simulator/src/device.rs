//! A running device: its listener, and the handle by which a test looks at it and changes it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use etiqa_model::device::Transport;
use russh::keys::PublicKey;
use russh::server::Config;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::cable::Cable;
use crate::faults::Faults;
use crate::https::Site;
use crate::spec::DeviceSpec;
use crate::ssh::{Client, server_config};
use crate::state::State;
use crate::{telnet, text};

/// Starts a device that listens on `addr`; port 0 takes a free one. Its web server, if it has one, listens at the same
/// address. Errors when the address is not on loopback or is taken, or when the spec's authorized key cannot be read.
pub async fn start(spec: DeviceSpec, addr: impl Into<SocketAddr>) -> anyhow::Result<SimulatedDevice> {
    let addr = addr.into();
    anyhow::ensure!(
        addr.ip().is_loopback(),
        "{} is not a loopback address; simulated devices listen on 127.0.0.0/8 only.",
        addr.ip()
    );
    let authorized_key = spec
        .authorized_key
        .as_deref()
        .map(PublicKey::from_openssh)
        .transpose()
        .context("The authorized key is not a public key in OpenSSH's one-line form.")?;
    let listener = TcpListener::bind(addr)
        .await
        .map_err(|error| anyhow::anyhow!("{addr} cannot be listened on ({error}); choose another port."))?;
    let addr = listener.local_addr()?;
    let config = Arc::new(Mutex::new(Arc::new(server_config(&spec, 0))));
    let state = Arc::new(State::new(spec));
    let (stop, stopped) = watch::channel(false);
    let site = match state.spec.https.as_ref().map(|https| https.port) {
        Some(port) => Some(Site::open(state.clone(), (addr.ip(), port).into(), stopped.clone()).await?),
        None => None,
    };
    tokio::spawn(accept(listener, state.clone(), config.clone(), authorized_key, stopped));
    Ok(SimulatedDevice { addr, state, config, site, key_generation: AtomicU64::new(0), stop })
}

async fn accept(
    listener: TcpListener,
    state: Arc<State>,
    config: Arc<Mutex<Arc<Config>>>,
    authorized_key: Option<PublicKey>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stop| *stop) => return,
        };
        let tcp = match accepted {
            Ok((tcp, _)) => tcp,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // Out of file descriptors, most likely: others must be able to close some.
                tokio::task::yield_now().await;
                continue;
            }
        };
        let config = config.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was refused");
        }
        let cable = Cable::new(tcp, &state, stopped.clone());
        if state.spec.transport() == Transport::Telnet {
            tokio::spawn(telnet::serve(state.clone(), cable));
            continue;
        }
        let client = Client::new(state.clone(), authorized_key.clone(), cable.is_logged_in());
        tokio::spawn(async move {
            let ended = match russh::server::run_stream(config, cable, client).await {
                Ok(session) => session.await,
                Err(error) => Err(error),
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a session ended");
            }
        });
    }
}

/// A device that is running; dropping it closes its port and ends its sessions.
pub struct SimulatedDevice {
    addr: SocketAddr,
    state: Arc<State>,
    config: Arc<Mutex<Arc<Config>>>,
    site: Option<Arc<Site>>,
    key_generation: AtomicU64,
    stop: watch::Sender<bool>,
}

impl SimulatedDevice {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The exact text that a correct collector ends up with for the device's main part: everything that the
    /// device sent when its configuration was last shown (or would have sent, before the first showing), minus
    /// echo, pager and prompt, with LF line ends and one at the end.
    ///
    /// | platform | command |
    /// |---|---|
    /// | ios | `show running-config`, from `Building configuration...` to `end` |
    /// | linux | `cat /etc/network/interfaces` |
    /// | gaia | `show configuration`, from its first `#` line |
    /// | bigip | `tmsh -q -c 'cd /; show running-config recursive'` |
    /// | nios | `show network` |
    /// | fortios | the backup that its web server gives |
    /// | panos | the configuration that its web server exports |
    ///
    /// A recorded device has no such text: its recording says what each command gives.
    ///
    /// Volatile lines are those of the last showing; compare across showings by
    /// [`SimulatedDevice::same_config`].
    pub fn config(&self) -> String {
        self.state.shown_config().to_string()
    }

    /// Whether `text` is this device's configuration, volatile lines left aside.
    pub fn same_config(&self, text: &str) -> bool {
        text::without_volatile_lines(text) == text::without_volatile_lines(&self.config())
    }

    /// Makes a small edit, as a person at work would: a line or two differ from now on. Undoes
    /// [`SimulatedDevice::set_config`].
    pub fn change_config(&self) {
        self.state.change_config();
    }

    /// Shows exactly this text from now on, without volatile lines of its own.
    pub fn set_config(&self, text: String) {
        self.state.set_config(text);
    }

    /// Has these faults from the next login or shell on, and for the next command of open ones.
    pub fn set_faults(&self, faults: Faults) {
        self.state.set_faults(faults);
    }

    /// Accepts this password, and no longer the old one, from the next login on.
    pub fn set_password(&self, password: &str) {
        self.state.set_password(password);
    }

    /// Offers another host key from the next connection on.
    pub fn new_host_key(&self) {
        let generation = self.key_generation.fetch_add(1, Ordering::Relaxed) + 1;
        let config = Arc::new(server_config(&self.state.spec, generation));
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// The fingerprint of the host key that the next connection is offered, `SHA256:…`.
    pub fn host_key_fingerprint(&self) -> String {
        let config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        config.keys.iter().map(|key| key.fingerprint(russh::keys::HashAlg::Sha256).to_string()).collect()
    }

    /// Where its web server listens, if it has one.
    pub fn https_addr(&self) -> Option<SocketAddr> {
        self.site.as_ref().map(|site| site.addr())
    }

    /// The SHA-256, in lower-case hexadecimal, of the certificate that the next connection of its web server is shown.
    pub fn certificate_sha256(&self) -> Option<String> {
        self.site.as_ref().map(|site| site.certificate_sha256())
    }

    /// That certificate.
    pub fn certificate_pem(&self) -> Option<String> {
        self.site.as_ref().map(|site| site.certificate_pem())
    }

    /// Shows another certificate from the next connection on.
    pub fn new_certificate(&self) {
        if let Some(site) = &self.site {
            site.new_certificate();
        }
    }

    /// The SHA-256, in lower-case hexadecimal, of each backup that it made of itself, in order: a file as it is on the
    /// device, or a text as it was answered.
    pub fn backups_made(&self) -> Vec<String> {
        self.state.backups.made()
    }

    /// The names of the backup files that are still on the device.
    pub fn backups_left(&self) -> Vec<String> {
        self.state.backups.names()
    }

    /// How many tokens are still open: F5's of logins, Infoblox's of downloads.
    pub fn tokens_open(&self) -> usize {
        self.state.web().tokens_open()
    }

    /// Every call of its web server in order, as `GET /mgmt/tm/task/sys/ucs/1`, with its query. For a secret stands
    /// `*`.
    pub fn calls(&self) -> Vec<String> {
        self.state.web().calls()
    }

    /// How many connections it made to others, as a jump host.
    pub fn jumps(&self) -> usize {
        self.state.jumps()
    }

    /// How many connections are open now.
    pub fn sessions_open(&self) -> usize {
        self.state.sessions_open()
    }

    /// How many bytes it has written to its connections from their logins on, over SSH encrypted.
    pub fn bytes_sent(&self) -> usize {
        self.state.bytes_sent()
    }

    /// How many connections there ever were.
    pub fn sessions_total(&self) -> usize {
        self.state.sessions_total()
    }
}

impl Drop for SimulatedDevice {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}
