//! The command line of `etiqa-simulator`.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use etiqa_model::Secret;
use etiqa_model::device::DeviceType;
use etiqa_model::recording::Recording;
use etiqa_simulator::fleet::{FaultPlan, FleetPlan, MIXED};
use etiqa_simulator::{DeviceSpec, Personality};

/// Plays network devices over real SSH, telnet and HTTPS, each on a loopback address of its own, until it is stopped.
///
/// Writes an inventory for `etiqa import-devices` once all of them listen, then prints one line:
/// `Ready: N devices, inventory in FILE`.
#[derive(Debug, Parser)]
#[command(name = "etiqa-simulator", version)]
pub(crate) struct Args {
    /// How many devices
    #[arg(long, default_value_t = 12)]
    devices: usize,

    /// A recorded session that one more device plays, as in drivers/recordings; may be given several times
    #[arg(long, value_name = "FILE")]
    recording: Vec<PathBuf>,

    /// One more device of each of these kinds; fortios and panos have a web server alone, others can be reached
    /// through a jump-host
    #[arg(long, value_name = "KIND,…", value_delimiter = ',')]
    also: Vec<Also>,

    /// All devices speak only SSH algorithms of the time before 2010
    #[arg(long)]
    legacy_ssh: bool,

    /// The first device's address, on loopback; 127.0.0.1 itself stays free and means 127.1.0.1
    #[arg(long, value_name = "ADDRESS", default_value_t = Ipv4Addr::LOCALHOST)]
    listen: Ipv4Addr,

    /// The port of every device
    #[arg(long, default_value_t = 2222, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,

    /// The port of the web server that some devices have (F5, Infoblox)
    #[arg(long, value_name = "PORT", default_value_t = 8443, value_parser = clap::value_parser!(u16).range(1..))]
    https_port: u16,

    /// Where to write the certificate of an authority, as PEM, that signs those of all web servers; without it each signs
    /// its own
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,

    /// Where to write the inventory, as CSV
    #[arg(long, value_name = "FILE")]
    pub(crate) inventory: PathBuf,

    /// What goes into the inventory's credential column
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(crate) credential: String,

    /// Comma-separated: mixed, switch, router, check_point, f5_big_ip, infoblox, other, or a platform (ios,
    /// gaia, bigip, nios, linux)
    #[arg(long, default_value = "mixed", value_parser = parse_types)]
    types: Types,

    /// About how big each configuration is, as 8000, 64k or 2m
    #[arg(long, value_name = "SIZE", default_value = "8k", value_parser = parse_size)]
    config_size: usize,

    /// About how big each backup file is that a device makes of itself
    #[arg(long, value_name = "SIZE", default_value = "300k", value_parser = parse_size)]
    artifact_size: usize,

    /// How long a device takes to make one
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    backup_ms: u64,

    /// How long every device takes to begin each answer
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    latency_ms: u64,

    /// Every so often one device in ten, and at least one, changes its configuration
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    change_every: Option<u64>,

    /// What texts and host keys are derived from; the same seed plays the same devices
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Who may log in
    #[arg(long, value_name = "NAME", default_value = "admin")]
    username: String,

    /// With which password
    #[arg(long, default_value = "admin")]
    password: String,

    /// What `enable` asks for on IOS; without it a login is privileged at once
    #[arg(long, value_name = "PASSWORD")]
    enable_password: Option<String>,

    /// How many devices, or what share of them, have a fault, as wrong-password=1,hang=2,drop=5%,error=1,slow=1
    #[arg(long, value_name = "FAULT=COUNT,…", default_value = "")]
    faults: FaultPlan,

    /// After how many bytes of configuration a device with the fault `hang` says nothing more
    #[arg(long, value_name = "BYTES", default_value_t = 2_000)]
    hang_after: usize,

    /// After how many bytes of configuration a device with the fault `drop` disconnects
    #[arg(long, value_name = "BYTES", default_value_t = 2_000)]
    drop_after: usize,

    /// How long a device with the fault `slow` waits before each answer
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 2_000)]
    slow_ms: u64,
}

impl Args {
    /// The fleet. Errors when a recording cannot be read.
    pub(crate) fn plan(&self) -> anyhow::Result<FleetPlan> {
        let mut template = DeviceSpec::new(Personality::Ios)
            .login(&self.username, &self.password)
            .config_size(self.config_size)
            .seed(self.seed)
            .artifact_size(self.artifact_size as u64)
            .backup_time(Duration::from_millis(self.backup_ms))
            .latency(Duration::from_millis(self.latency_ms));
        template.legacy_ssh = self.legacy_ssh;
        template.enable_password = self.enable_password.as_deref().map(Secret::new);
        let mut faults = self.faults.clone();
        faults.hang_after = self.hang_after;
        faults.drop_after = self.drop_after;
        faults.slow = Duration::from_millis(self.slow_ms);
        let recorded = self.recording.iter().map(|path| recorded(path, &template));
        let also = self.also.iter().map(|kind| Ok(kind.spec(&template)));
        let more = recorded.chain(also).collect::<anyhow::Result<_>>()?;
        Ok(FleetPlan {
            devices: self.devices,
            listen: self.listen,
            port: self.port,
            https_port: self.https_port,
            types: self.types.0.clone(),
            template,
            faults,
            more,
        })
    }

    pub(crate) fn change_every(&self) -> Option<Duration> {
        self.change_every.map(Duration::from_secs)
    }
}

/// The device that plays the recording at `path`, named after it, with the login of `template`.
fn recorded(path: &Path, template: &DeviceSpec) -> anyhow::Result<DeviceSpec> {
    let what = || format!("The recording {}", path.display());
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", what()))?;
    let recording = Recording::parse(&text).with_context(what)?;
    let spec = DeviceSpec::recorded(recording);
    let hostname = path.file_stem().and_then(|name| name.to_str()).unwrap_or(&spec.hostname).to_owned();
    Ok(DeviceSpec { recording: spec.recording, hostname, ..template.clone() })
}

/// A kind of device that a fleet has none of by itself.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Also {
    #[value(name = "fortios")]
    FortiOs,
    #[value(name = "panos")]
    PanOs,
    JumpHost,
}

impl Also {
    /// Such a device, with the login of `template`.
    fn spec(self, template: &DeviceSpec) -> DeviceSpec {
        let (personality, hostname, jump_host) = match self {
            Self::FortiOs => (Personality::FortiOs, "fw-branch-1", false),
            Self::PanOs => (Personality::PanOs, "fw-edge-1", false),
            Self::JumpHost => (Personality::Linux, "jump-1", true),
        };
        DeviceSpec {
            personality,
            hostname: hostname.to_owned(),
            https: personality.https(),
            jump_host,
            ..template.clone()
        }
    }
}

/// Device types, in turn. A type of its own, since clap takes a plain list for an option given many times.
#[derive(Debug, Clone)]
struct Types(Vec<DeviceType>);

fn parse_types(text: &str) -> Result<Types, String> {
    let mut types = Vec::new();
    for name in text.split(',').map(str::trim) {
        match name {
            "mixed" => types.extend(MIXED),
            "ios" => types.extend([DeviceType::Switch, DeviceType::Router]),
            "gaia" => types.push(DeviceType::CheckPoint),
            "linux" => types.push(DeviceType::Other),
            name => types.push(DeviceType::parse(name)?),
        }
    }
    Ok(Types(types))
}

/// Bytes, with `k` or `m` for 1,024 and 1,048,576 of them.
fn parse_size(text: &str) -> Result<usize, String> {
    let text = text.trim().to_lowercase();
    let (digits, unit) = match text.strip_suffix(['k', 'm']) {
        Some(digits) if text.ends_with('k') => (digits, 1_024),
        Some(digits) => (digits, 1_048_576),
        None => (text.as_str(), 1),
    };
    digits
        .parse::<usize>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| format!("\"{text}\" is no size; write 8000, 64k or 2m."))
}
