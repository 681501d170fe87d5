//! Network devices that are not there: real SSH, telnet and HTTPS servers that play a platform or a recorded session,
//! with faults on demand, for tests, the demo and benches.
//!
//! [`start`] gives one device; `etiqa-simulator` (see [`fleet`]) gives as many as a machine can hold, each on
//! an address of its own. A device derives its texts from a seed, so equal seeds give equal texts, and knows
//! what a correct collector must end up with ([`SimulatedDevice::config`]).
//!
//! It never reads a real device's data and never listens outside loopback.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use etiqa_simulator::{DeviceSpec, Faults, Personality, start};
//! let spec = DeviceSpec::new(Personality::Ios).enable_password("s3cret").faults(Faults::drop_after(4_000));
//! let device = start(spec, ([127, 0, 0, 1], 0)).await?;
//! println!("{} shows {}", device.addr(), device.config());
//! # Ok(())
//! # }
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on fails"))]

mod artifact;
mod backups;
mod cable;
mod cli;
mod device;
mod faults;
pub mod fleet;
mod https;
mod output;
mod recorded;
mod spec;
mod ssh;
mod state;
mod telnet;
mod terminal;
mod text;
mod transfer;

pub use device::{SimulatedDevice, start};
pub use faults::{BackupFault, CallFault, Faults, HttpFault, HttpsFaults, LineEnd, Trick, WireFault};
pub use https::{HttpsSpec, SimulatedCa};
pub use spec::{DeviceSpec, Personality};
