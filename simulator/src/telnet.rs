//! The telnet side of a session: options (RFC 854, 855, 857, 858, 1073, 1091), and what is typed between them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf, split};
use tokio::sync::{Mutex, mpsc};

use crate::cable::Cable;
use crate::output::Output;
use crate::recorded;
use crate::state::State;

const IAC: u8 = 255;
const DO: u8 = 253;
const WILL: u8 = 251;
const SB: u8 = 250;
const SE: u8 = 240;

const ECHO: u8 = 1;
const SUPPRESS_GO_AHEAD: u8 = 3;
const TERMINAL_TYPE: u8 = 24;
const WINDOW_SIZE: u8 = 31;
const SEND: u8 = 1;

/// What a device begins with: it echoes, and it wants to know the terminal.
const OPENING: &[u8] =
    &[IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD, IAC, DO, TERMINAL_TYPE, IAC, DO, WINDOW_SIZE];

/// Plays the recorded device of `state` over one connection, until either side leaves.
pub(crate) async fn serve(state: Arc<State>, cable: Cable) {
    cable.is_logged_in().store(true, Ordering::Relaxed);
    let (reader, writer) = split(cable);
    let writer = TelnetWriter(Arc::new(Mutex::new(writer)));
    if writer.write_raw(OPENING).await.is_err() {
        return;
    }
    let (sender, mut input) = mpsc::unbounded_channel();
    let mut output = Output::telnet(writer.clone());
    tokio::select! {
        _ = listen(reader, &writer, &sender) => {}
        // Gone means that the client left, or a fault did its work: nobody is there to be told.
        _ = recorded::run_shell(&state, &mut output, &mut input) => {}
    }
}

/// The writing side, shared by what the device says and its answers to options.
#[derive(Clone)]
pub(crate) struct TelnetWriter(Arc<Mutex<WriteHalf<Cable>>>);

impl TelnetWriter {
    /// Writes text: IAC is doubled.
    pub(crate) async fn write(&self, text: &[u8]) -> io::Result<()> {
        let mut encoded = Vec::with_capacity(text.len());
        for byte in text {
            encoded.push(*byte);
            if *byte == IAC {
                encoded.push(IAC);
            }
        }
        self.write_raw(&encoded).await
    }

    async fn write_raw(&self, bytes: &[u8]) -> io::Result<()> {
        let mut writer = self.0.lock().await;
        writer.write_all(bytes).await?;
        writer.flush().await
    }

    /// Nothing more comes.
    pub(crate) async fn finish(&self) -> io::Result<()> {
        self.0.lock().await.shutdown().await
    }
}

/// Hands on what is typed, and asks for the terminal's kind once it is offered.
async fn listen(
    mut reader: ReadHalf<Cable>,
    writer: &TelnetWriter,
    typed: &mpsc::UnboundedSender<Vec<u8>>,
) -> io::Result<()> {
    let (mut decoder, mut buffer) = (Decoder::default(), [0; 4_096]);
    loop {
        let count = reader.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        let text: Vec<u8> = buffer[..count].iter().filter_map(|byte| decoder.take(*byte)).collect();
        if std::mem::take(&mut decoder.offers_kind) {
            writer.write_raw(&[IAC, SB, TERMINAL_TYPE, SEND, IAC, SE]).await?;
        }
        if !text.is_empty() && typed.send(text).is_err() {
            return Ok(());
        }
    }
}

/// Tells text from commands.
#[derive(Default)]
struct Decoder {
    state: Within,
    /// The client will tell its terminal's kind.
    offers_kind: bool,
}

#[derive(Default, Clone, Copy)]
enum Within {
    #[default]
    Text,
    Command,
    /// Behind WILL, WONT, DO or DONT.
    Option(u8),
    Subnegotiation,
    SubnegotiationCommand,
}

impl Decoder {
    fn take(&mut self, byte: u8) -> Option<u8> {
        let (state, text) = match (self.state, byte) {
            (Within::Text, IAC) => (Within::Command, None),
            // A NUL only pads a carriage return.
            (Within::Text, byte) => (Within::Text, Some(byte).filter(|byte| *byte != 0)),
            (Within::Command, IAC) => (Within::Text, Some(IAC)),
            (Within::Command, SB) => (Within::Subnegotiation, None),
            (Within::Command, WILL..IAC) => (Within::Option(byte), None),
            (Within::Option(verb), option) => {
                self.offers_kind |= verb == WILL && option == TERMINAL_TYPE;
                (Within::Text, None)
            }
            (Within::Subnegotiation, IAC) => (Within::SubnegotiationCommand, None),
            (Within::Command, _) | (Within::SubnegotiationCommand, SE) => (Within::Text, None),
            (Within::Subnegotiation | Within::SubnegotiationCommand, _) => (Within::Subnegotiation, None),
        };
        self.state = state;
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_told_from_options() {
        let mut decoder = Decoder::default();
        let bytes =
            [b'a', IAC, WILL, TERMINAL_TYPE, IAC, SB, 31, 1, IAC, IAC, 3, IAC, SE, IAC, IAC, b'\r', 0];
        let text: Vec<u8> = bytes.into_iter().filter_map(|byte| decoder.take(byte)).collect();
        assert_eq!(text, [b'a', IAC, b'\r']);
        assert!(decoder.offers_kind);
    }
}
