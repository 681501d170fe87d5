//! Simulated devices, seen through a real SSH client and a real HTTPS client.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod appliances;
mod client;
mod faults;
mod firewalls;
mod icontrol;
mod ios;
mod linux;
mod recorded;
mod ssh_servers;
mod transfers;
mod wapi;
mod web;
mod web_faults;

use etiqa_simulator::{DeviceSpec, Personality, SimulatedDevice, start};

/// A device on a free port of loopback.
async fn started(spec: DeviceSpec) -> SimulatedDevice {
    start(spec, ([127, 0, 0, 1], 0)).await.unwrap()
}

/// A device of this platform with nothing special about it.
async fn plain(personality: Personality) -> SimulatedDevice {
    started(DeviceSpec::new(personality)).await
}
