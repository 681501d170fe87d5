//! What a simulated device is: its platform or its recording, its credentials, its size and its faults.

use std::sync::Arc;
use std::time::Duration;

use etiqa_model::Secret;
use etiqa_model::device::Transport;
use etiqa_model::recording::Recording;

use crate::faults::Faults;
use crate::https::HttpsSpec;

/// The platform that a device plays, named as its driver is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Personality {
    /// Cisco IOS, on switches and routers alike: an SSH shell with enable and a pager.
    Ios,
    /// A Linux server: SSH exec, any number of commands over one connection.
    Linux,
    /// Check Point Gaia: the clish shell.
    Gaia,
    /// F5 BIG-IP: SSH exec of `tmsh` commands.
    BigIp,
    /// Infoblox NIOS: the appliance's own command line.
    Nios,
    /// Fortinet FortiOS: its web server alone. Its command line is played from a recording.
    FortiOs,
    /// Palo Alto PAN-OS: its web server alone. Its command line is played from a recording.
    PanOs,
}

impl Personality {
    /// Every personality that has a command line.
    pub const ALL: &[Self] = &[Self::Ios, Self::Linux, Self::Gaia, Self::BigIp, Self::Nios];

    /// Those that have a web server.
    pub const WITH_HTTPS: &[Self] = &[Self::BigIp, Self::Nios, Self::FortiOs, Self::PanOs];

    /// The driver's name: `ios`, `linux`, `gaia`, `bigip`, `nios`, `fortios`, `panos`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::Linux => "linux",
            Self::Gaia => "gaia",
            Self::BigIp => "bigip",
            Self::Nios => "nios",
            Self::FortiOs => "fortios",
            Self::PanOs => "panos",
        }
    }

    /// The web server that such a device has, if it has one.
    pub fn https(self) -> Option<HttpsSpec> {
        Self::WITH_HTTPS.contains(&self).then(HttpsSpec::default)
    }
}

/// Everything that makes a simulated device; two devices of equal specs have equal texts and host keys.
#[derive(Debug, Clone)]
pub struct DeviceSpec {
    /// The platform, unless it plays a recording.
    pub personality: Personality,
    /// The recorded session that it plays.
    pub recording: Option<Arc<Recording>>,
    /// Its own name, in prompts and texts.
    pub hostname: String,
    /// The one user who may log in.
    pub username: String,
    /// That user's password, asked by `password` and by `keyboard-interactive`.
    pub password: Secret,
    /// IOS only: what `enable` asks for; none: the login is privileged at once.
    pub enable_password: Option<Secret>,
    /// A public key in OpenSSH's one-line form that may log in too.
    pub authorized_key: Option<String>,
    /// About how many bytes its configuration has.
    pub config_size: usize,
    /// What its texts and its host key are derived from.
    pub seed: u64,
    /// How long it takes to begin each answer.
    pub latency: Duration,
    /// Its web server, if it has one.
    pub https: Option<HttpsSpec>,
    /// About how many bytes each backup file has that it makes of itself.
    pub artifact_size: u64,
    /// How long it takes to make one.
    pub backup_time: Duration,
    /// Gaia only: the login shell is clish, so files cannot be fetched. With bash, which understands clish's commands
    /// here too, they can.
    pub clish_login: bool,
    /// Others can be reached through it: it connects to any place on loopback that it is asked for.
    pub jump_host: bool,
    /// It speaks only what SSH servers spoke before 2010: `diffie-hellman-group1-sha1`, `ssh-rsa` with 1024 bits,
    /// `aes128-cbc` and `3des-cbc`, `hmac-sha1`.
    pub legacy_ssh: bool,
    /// What is wrong with it.
    pub faults: Faults,
}

impl DeviceSpec {
    /// A healthy device of 8 KiB whose login is `admin`, `admin`, named after its platform. It makes backup files of
    /// 300 KiB at once, and has a web server where the platform has one.
    pub fn new(personality: Personality) -> Self {
        let hostname = match personality {
            Personality::Ios => "sw-branch-1",
            Personality::Linux => "host-1",
            Personality::Gaia => "fw-dc1-a",
            Personality::BigIp => "lb-edge-1",
            Personality::Nios => "ipam-grid-1",
            Personality::FortiOs => "fw-branch-1",
            Personality::PanOs => "fw-edge-1",
        };
        Self {
            personality,
            recording: None,
            hostname: hostname.to_owned(),
            username: "admin".to_owned(),
            password: Secret::new("admin"),
            enable_password: None,
            authorized_key: None,
            config_size: 8 * 1024,
            seed: 1,
            latency: Duration::ZERO,
            https: personality.https(),
            artifact_size: 300 * 1024,
            backup_time: Duration::ZERO,
            clish_login: false,
            jump_host: false,
            legacy_ssh: false,
            faults: Faults::default(),
        }
    }

    /// A healthy device that plays `recording`, over what it was recorded over. The login is `admin`, `admin`; a
    /// login within the recording (by telnet, every one) is played, so it takes whatever it is given.
    pub fn recorded(recording: Recording) -> Self {
        let hostname = format!("recorded-{}", recording.platform);
        Self { recording: Some(Arc::new(recording)), hostname, ..Self::new(Personality::Ios) }
    }

    /// The driver that it is for.
    pub fn platform(&self) -> &str {
        self.recording.as_ref().map_or(self.personality.as_str(), |recording| &recording.platform)
    }

    /// What it is reached by.
    pub fn transport(&self) -> Transport {
        self.recording.as_ref().map_or(Transport::Ssh, |recording| recording.transport)
    }

    /// With this name.
    #[must_use]
    pub fn hostname(mut self, hostname: impl Into<String>) -> Self {
        self.hostname = hostname.into();
        self
    }

    /// With this login.
    #[must_use]
    pub fn login(mut self, username: impl Into<String>, password: &str) -> Self {
        self.username = username.into();
        self.password = Secret::new(password);
        self
    }

    /// With a password for `enable`: a login then begins in user mode.
    #[must_use]
    pub fn enable_password(mut self, password: &str) -> Self {
        self.enable_password = Some(Secret::new(password));
        self
    }

    /// With a public key (`ssh-ed25519 AAAA…`) that may log in.
    #[must_use]
    pub fn authorized_key(mut self, openssh: impl Into<String>) -> Self {
        self.authorized_key = Some(openssh.into());
        self
    }

    /// With a configuration of about `bytes`.
    #[must_use]
    pub fn config_size(mut self, bytes: usize) -> Self {
        self.config_size = bytes;
        self
    }

    /// With texts and a host key of its own.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Taking `latency` to begin each answer.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// With this web server.
    #[must_use]
    pub fn https(mut self, https: HttpsSpec) -> Self {
        self.https = Some(https);
        self
    }

    /// With backup files of about `bytes`.
    #[must_use]
    pub fn artifact_size(mut self, bytes: u64) -> Self {
        self.artifact_size = bytes;
        self
    }

    /// Taking `time` to make a backup file.
    #[must_use]
    pub fn backup_time(mut self, time: Duration) -> Self {
        self.backup_time = time;
        self
    }

    /// With clish as the login shell.
    #[must_use]
    pub fn clish_login(mut self) -> Self {
        self.clish_login = true;
        self
    }

    /// As a host through which others can be reached.
    #[must_use]
    pub fn jump_host(mut self) -> Self {
        self.jump_host = true;
        self
    }

    /// Speaking only old algorithms.
    #[must_use]
    pub fn legacy_ssh(mut self) -> Self {
        self.legacy_ssh = true;
        self
    }

    /// With these faults.
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }
}
