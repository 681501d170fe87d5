//! Devices of a world, and a gate that keeps one from answering until the test wants it.

use std::net::SocketAddr;

use etiqa_simulator::{DeviceSpec, Personality};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{DEVICE_PASSWORD, DEVICE_USER};

/// A healthy Cisco router that takes the login of every world.
pub(crate) fn router(hostname: &str) -> DeviceSpec {
    device(Personality::Ios, hostname)
}

/// A healthy device of a platform that takes the login of every world.
pub(crate) fn device(personality: Personality, hostname: &str) -> DeviceSpec {
    DeviceSpec::new(personality).hostname(hostname).login(DEVICE_USER, DEVICE_PASSWORD)
}

/// Stands before a device: connections are accepted, and nothing is answered until it opens.
pub(crate) struct Gate {
    pub(crate) addr: SocketAddr,
    is_open: watch::Sender<bool>,
    waiting: watch::Receiver<u32>,
}

impl Gate {
    /// A closed gate before the device at `behind`.
    pub(crate) async fn before(behind: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (is_open, opened) = watch::channel(false);
        let (arrived, waiting) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((mut outside, _)) = listener.accept().await {
                arrived.send_modify(|count| *count += 1);
                let mut opened = opened.clone();
                tokio::spawn(async move {
                    if opened.wait_for(|is_open| *is_open).await.is_ok()
                        && let Ok(mut inside) = TcpStream::connect(behind).await
                    {
                        // Either end may hang up; that is the device's or the program's affair.
                        let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
                    }
                });
            }
        });
        Self { addr, is_open, waiting }
    }

    /// Lets everybody through, from now on.
    pub(crate) fn open(&self) {
        self.is_open.send_replace(true);
    }

    /// Waits until the program has come to the gate.
    pub(crate) async fn somebody_waits(&mut self) {
        self.waiting.wait_for(|count| *count > 0).await.unwrap();
    }
}
