//! What a device writes to a channel, with the faults that befall it on the way.

use russh::server::{Handle, Msg};
use russh::{ChannelWriteHalf, Disconnect};

use crate::spec::Faults;

/// Standard error, RFC 4254 section 5.2.
const STDERR: u32 = 1;

/// The session is over: the client left, or a fault cut it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

impl From<russh::Error> for Gone {
    fn from(_: russh::Error) -> Self {
        Self
    }
}

/// The writing side of a channel. Every write waits for the client's window, so a slow reader slows only its
/// own session.
pub(crate) struct Output {
    channel: ChannelWriteHalf<Msg>,
    connection: Handle,
    faults: Faults,
    /// Bytes of configuration so far, while one is being shown.
    config_bytes: Option<usize>,
}

impl Output {
    pub(crate) fn new(channel: ChannelWriteHalf<Msg>, connection: Handle) -> Self {
        Self { channel, connection, faults: Faults::default(), config_bytes: None }
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
        if self.faults.hang_after == limit {
            // The task is aborted when the client leaves.
            std::future::pending::<()>().await;
        }
        self.connection.disconnect(Disconnect::ByApplication, String::new(), String::new()).await?;
        Err(Gone)
    }

    async fn send(&self, bytes: &[u8]) -> Result<(), Gone> {
        for piece in bytes.chunks(self.faults.chunk_bytes.unwrap_or(usize::MAX).max(1)) {
            self.channel.data_bytes(piece.to_vec()).await?;
        }
        Ok(())
    }

    pub(crate) async fn write_error(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        Ok(self.channel.extended_data_bytes(STDERR, bytes.to_vec()).await?)
    }

    /// Ends the channel as a finished program does.
    pub(crate) async fn finish(&mut self, exit_status: u32) -> Result<(), Gone> {
        self.channel.exit_status(exit_status).await?;
        self.channel.eof().await?;
        Ok(self.channel.close().await?)
    }
}
