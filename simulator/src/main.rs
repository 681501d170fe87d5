//! `etiqa-simulator`: a fleet of simulated devices, until it is stopped.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program's own result and error")]

mod args;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use etiqa_simulator::fleet::{inventory_csv, start_all};
use etiqa_simulator::{SimulatedCa, SimulatedDevice};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::args::Args;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> anyhow::Result<()> {
    // Before anything is promised to a script: a signal from now on ends the program in order.
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    allow_many_sockets();
    let mut members = args.plan()?.members()?;
    if let Some(file) = &args.ca {
        let ca = SimulatedCa::new()?;
        for https in members.iter_mut().filter_map(|member| member.spec.https.as_mut()) {
            https.ca = Some(ca.clone());
        }
        write_whole(file, ca.pem())?;
    }
    let devices = start_all(&members).await?;
    write_whole(&args.inventory, &inventory_csv(&members, &args.credential)?)?;
    println!("Ready: {} devices, inventory in {}", devices.len(), args.inventory.display());
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
        () = keep_changing(&devices, args.change_every()) => {}
    }
    Ok(())
}

/// Changes some devices' configurations again and again, each in its turn; never ends.
async fn keep_changing(devices: &[SimulatedDevice], every: Option<Duration>) {
    let Some(every) = every else { return std::future::pending().await };
    let mut turn = devices.iter().cycle();
    loop {
        tokio::time::sleep(every).await;
        turn.by_ref().take(devices.len().div_ceil(10)).for_each(SimulatedDevice::change_config);
    }
}

/// Writes a file that a waiting script sees whole or not at all.
fn write_whole(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    std::fs::write(&partial, text)
        .and_then(|()| std::fs::rename(&partial, path))
        .with_context(|| format!("{} cannot be written", path.display()))
}

/// Raises the soft limit of open files to the hard one: every device and every session takes a socket.
fn allow_many_sockets() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}
