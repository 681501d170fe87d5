//! Vendors' own backups, fetched from simulated appliances: whole or not at all, and nothing is left on the device.

#[path = "../common/mod.rs"]
mod common;

mod appliances;
mod certificates;
mod faults;
mod fetch;
mod runs;
