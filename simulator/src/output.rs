//! What a device writes to a channel or a line, with the faults that befall it on the way.

use std::time::Duration;

use russh::server::{Handle, Msg};
use russh::{ChannelWriteHalf, Disconnect};

use crate::faults::Faults;
use crate::telnet::TelnetWriter;

/// Standard error, RFC 4254 section 5.2.
const STDERR: u32 = 1;

/// Long enough that a reader may take what stands before it for the end of an answer.
const PAUSE: Duration = Duration::from_millis(60);

/// A terminal holds back at most so much.
const MOST_HELD: usize = 256 * 1024;

/// The session is over: the client left, or a fault cut it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

impl From<russh::Error> for Gone {
    fn from(_: russh::Error) -> Self {
        Self
    }
}

impl From<std::io::Error> for Gone {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

/// The writing side of a channel or a line. Every write waits for the client's window, so a slow reader slows only
/// its own session.
pub(crate) struct Output {
    to: To,
    faults: Faults,
    /// Bytes of configuration so far, while one is being shown.
    config_bytes: Option<usize>,
    sent: usize,
    /// What was written and did not leave yet; none: everything leaves at once.
    held: Option<Vec<u8>>,
}

enum To {
    Channel(ChannelWriteHalf<Msg>, Handle),
    Telnet(TelnetWriter),
}

impl Output {
    pub(crate) fn channel(channel: ChannelWriteHalf<Msg>, connection: Handle) -> Self {
        Self::new(To::Channel(channel, connection))
    }

    pub(crate) fn telnet(writer: TelnetWriter) -> Self {
        Self::new(To::Telnet(writer))
    }

    fn new(to: To) -> Self {
        Self { to, faults: Faults::default(), config_bytes: None, sent: 0, held: None }
    }

    /// Holds back what is written until [`Output::flush`], so that an echo, its answer and the prompt leave together.
    pub(crate) fn hold_back(&mut self) {
        self.held.get_or_insert_default();
    }

    /// Sends what was held back.
    pub(crate) async fn flush(&mut self) -> Result<(), Gone> {
        match &mut self.held {
            Some(held) if !held.is_empty() => {
                let held = std::mem::take(held);
                self.send_pieces(held).await
            }
            _ => Ok(()),
        }
    }

    /// From here to [`Output::end_config`], bytes count towards the faults.
    pub(crate) fn begin_config(&mut self, faults: Faults) {
        self.faults = faults;
        self.config_bytes = Some(0);
    }

    pub(crate) fn end_config(&mut self) {
        self.config_bytes = None;
    }

    pub(crate) fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        let Some(before) = self.config_bytes else {
            return self.send(bytes).await;
        };
        let limit = self.faults.hang_after.into_iter().chain(self.faults.drop_after).min();
        let Some(left) = limit.map(|limit| limit.saturating_sub(before)).filter(|left| *left < bytes.len())
        else {
            self.config_bytes = Some(before + bytes.len());
            return self.send(bytes).await;
        };
        self.send(&bytes[..left]).await?;
        self.flush().await?;
        if self.faults.hang_after == limit {
            // The task is aborted when the client leaves.
            std::future::pending::<()>().await;
        }
        match &mut self.to {
            To::Channel(_, connection) => {
                connection.disconnect(Disconnect::ByApplication, String::new(), String::new()).await?;
            }
            To::Telnet(writer) => writer.finish().await?,
        }
        Err(Gone)
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        let pause = self.faults.pause_after.and_then(|at| at.checked_sub(self.sent));
        self.sent += bytes.len();
        let Some((first, second)) = pause.and_then(|at| bytes.split_at_checked(at)) else {
            return self.hold_or_send(bytes).await;
        };
        self.hold_or_send(first).await?;
        self.flush().await?;
        tokio::time::sleep(PAUSE).await;
        self.hold_or_send(second).await
    }

    async fn hold_or_send(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        let Some(held) = &mut self.held else { return self.send_pieces(bytes.to_vec()).await };
        held.extend_from_slice(bytes);
        if held.len() > MOST_HELD { self.flush().await } else { Ok(()) }
    }

    async fn send_pieces(&mut self, bytes: Vec<u8>) -> Result<(), Gone> {
        match (&mut self.to, self.faults.chunk_bytes) {
            (To::Channel(channel, _), None) => channel.data_bytes(bytes).await?,
            (To::Channel(channel, _), Some(size)) => {
                for piece in bytes.chunks(size.max(1)) {
                    channel.data_bytes(piece.to_vec()).await?;
                }
            }
            (To::Telnet(writer), size) => {
                for piece in bytes.chunks(size.unwrap_or(usize::MAX).max(1)) {
                    writer.write(piece).await?;
                }
            }
        }
        Ok(())
    }

    pub(crate) async fn write_error(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        self.flush().await?;
        match &mut self.to {
            To::Channel(channel, _) => Ok(channel.extended_data_bytes(STDERR, bytes.to_vec()).await?),
            To::Telnet(writer) => Ok(writer.write(bytes).await?),
        }
    }

    /// Ends the channel or the line as a finished program does.
    pub(crate) async fn finish(&mut self, exit_status: u32) -> Result<(), Gone> {
        self.flush().await?;
        match &mut self.to {
            To::Channel(channel, _) => {
                channel.exit_status(exit_status).await?;
                channel.eof().await?;
                Ok(channel.close().await?)
            }
            To::Telnet(writer) => Ok(writer.finish().await?),
        }
    }
}
