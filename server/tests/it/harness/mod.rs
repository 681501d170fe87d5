//! A small world for every test: a data directory, a database, devices, and the binary that works with them.

pub(crate) mod canary;
pub(crate) mod client;
pub(crate) mod database;
pub(crate) mod devices;
pub(crate) mod disk;
pub(crate) mod output;
pub(crate) mod postgres;
pub(crate) mod server;
pub(crate) mod world;

pub(crate) use client::{Answer, Client};
pub(crate) use devices::Gate;
pub(crate) use output::Output;
pub(crate) use server::Server;
pub(crate) use world::World;

use std::future::Future;
use std::time::Duration;

/// The user and the password of every simulated device.
pub(crate) const DEVICE_USER: &str = "backup";
pub(crate) const DEVICE_PASSWORD: &str = "device-pass-7Qx";

/// Asks again until there is an answer. What never comes is the only thing that a test gives up waiting for, and only
/// after far longer than anything takes.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    for _ in 0..2_400 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("this never came: {what}");
}
