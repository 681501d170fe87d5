//! What the tests share: a simulated device, and one collection from it.

use std::sync::Arc;
use std::time::Duration;

use etiqa_engine::collect::{Driver, DriverSet, Endpoint, Limits, Login, Outcome, Target, collect};
use etiqa_model::Secret;
use etiqa_model::device::Transport;
use etiqa_simulator::{DeviceSpec, Personality, SimulatedDevice, start};
use tokio_util::sync::CancellationToken;

pub(crate) fn login(name: &str, password: &str) -> Login {
    let password = Some(Secret::new(password));
    Login { name: name.into(), username: "admin".into(), password, ..Login::default() }
}

/// Short enough that a hung device costs a test little, long enough for a busy machine.
pub(crate) fn limits() -> Limits {
    Limits { connect: Duration::from_secs(10), step: Duration::from_secs(3), ..Limits::default() }
}

pub(crate) fn driver(name: &str) -> Arc<Driver> {
    DriverSet::built_in().get(name).unwrap()
}

pub(crate) fn driver_of(personality: Personality) -> Arc<Driver> {
    driver(personality.as_str())
}

pub(crate) async fn device(spec: DeviceSpec) -> SimulatedDevice {
    start(spec, ([127, 0, 0, 1], 0)).await.unwrap()
}

/// The SSH server at an address, its key not known yet.
pub(crate) fn at(address: &str, port: u16) -> Target {
    let endpoint = Endpoint { address: address.into(), judged: None, port, host_key: None, legacy: false };
    Target { endpoint, transport: Transport::Ssh, via: Vec::new() }
}

/// The same with a host key that is remembered.
pub(crate) fn knowing(mut target: Target, key: &str) -> Target {
    target.endpoint.host_key = Some(key.to_owned());
    target
}

pub(crate) fn target(device: &SimulatedDevice) -> Target {
    at(&device.addr().ip().to_string(), device.addr().port())
}

pub(crate) async fn run(target: &Target, driver: &Driver, logins: &[Login]) -> Outcome {
    collect(target, driver, logins, &limits(), &CancellationToken::new()).await
}

pub(crate) async fn collected(device: &SimulatedDevice, personality: Personality) -> Outcome {
    run(&target(device), &driver_of(personality), &[login("net", "admin")]).await
}

/// The part that [`SimulatedDevice::config`] is about.
pub(crate) fn main_part(personality: Personality) -> &'static str {
    if matches!(personality, Personality::Linux | Personality::Nios) { "network" } else { "running" }
}

pub(crate) fn text<'a>(outcome: &'a Outcome, part: &str) -> &'a str {
    let found = outcome.parts.iter().find(|text| text.part == part);
    let transcript = outcome.transcript.as_deref().unwrap_or_default();
    &found.unwrap_or_else(|| panic!("no {part}: {}\n{transcript}", outcome.message)).text
}

pub(crate) fn main_text(outcome: &Outcome, personality: Personality) -> &str {
    text(outcome, main_part(personality))
}

/// Lines that a function gives for 1, 2, and so on.
pub(crate) fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (1..=count).map(|number| line(number) + "\n").collect()
}
