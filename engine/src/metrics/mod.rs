//! What Prometheus reads of the instance and of this process; docs/monitoring.md lists it.
//!
//! What the database holds (backups, devices, the queue, archives) is read from it, so that it is the same whichever process
//! is asked and outlives all of them. What a process did since it was started (runs that it ended, devices that it collected)
//! it counts itself: each run and each device is some process's, so that the sum over processes is right, and a counter that
//! begins anew is what Prometheus expects. Labels are names of backups, sites and what is named here: never a device.

mod disks;
mod histogram;
mod meters;
mod process;
mod scrape;
mod standing;
mod text;

pub use histogram::Histogram;
pub use meters::Meters;
pub use scrape::{Scrapes, page};
pub use text::{Kind, Page};
