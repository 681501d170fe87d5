//! A shell over telnet.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::route::Stream;
use super::telnet_protocol::Telnet;
use super::{Closed, Line};
use crate::collect::driver::TerminalSettings;

/// Bytes that are read at once.
const READ: usize = 16 * 1024;

/// An open connection. The device asks for the login within it.
pub(in crate::collect) struct TelnetLine {
    stream: Box<dyn Stream>,
    protocol: Telnet,
    buffer: Box<[u8]>,
    /// Answers to options that are still to be sent.
    unsent: Vec<u8>,
}

impl TelnetLine {
    pub(in crate::collect) fn new(stream: Box<dyn Stream>, terminal: &TerminalSettings) -> Self {
        let protocol = Telnet::new(&terminal.kind, terminal.width, terminal.height);
        Self { stream, protocol, buffer: vec![0; READ].into_boxed_slice(), unsent: Vec::new() }
    }

    /// Sends the answers to options. Dropping the future loses nothing: what was sent is taken off piece by piece.
    async fn answer(&mut self) -> Result<(), Closed> {
        while !self.unsent.is_empty() {
            let count = self.stream.write(&self.unsent).await.map_err(|_| Closed)?;
            if count == 0 {
                return Err(Closed);
            }
            self.unsent.drain(..count);
        }
        self.stream.flush().await.map_err(|_| Closed)
    }
}

impl Line for TelnetLine {
    async fn receive(&mut self) -> Option<Vec<u8>> {
        loop {
            self.answer().await.ok()?;
            let count = self.stream.read(&mut self.buffer).await.ok()?;
            if count == 0 {
                return None;
            }
            let heard = self.protocol.hear(&self.buffer[..count]);
            self.unsent.extend(heard.reply);
            if !heard.data.is_empty() {
                return Some(heard.data);
            }
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Closed> {
        self.answer().await?;
        self.stream.write_all(&self.protocol.encode(bytes)).await.map_err(|_| Closed)?;
        self.stream.flush().await.map_err(|_| Closed)
    }

    /// Seen with GNU inetutils' telnetd: it ends as soon as the shell does, and what the shell wrote last is lost where
    /// it was not sent yet.
    fn keeps_last_words(&self) -> bool {
        false
    }
}
