//! One command on an SSH server that is no device, for a part of the program that speaks a protocol over it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream;
use russh::{ChannelMsg, ChannelReadHalf};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::bytes::Bytes;
use tokio_util::io::StreamReader;

use super::evidence::Evidence;
use super::failure::{Failure, Step};
use super::outcome::HostKeySeen;
use super::target::{Limits, Login, Target};
use super::transport::route::{self, Way};
use super::transport::ssh::Connection;

/// Bytes that are kept of what a command says beside its output.
const MOST_SAID: usize = 4 * 1024;

/// A command that runs. Dropping it cuts the connection.
pub(crate) struct Command {
    /// What it writes.
    pub(crate) output: Pin<Box<dyn AsyncRead + Send>>,
    /// What it reads.
    pub(crate) input: Pin<Box<dyn AsyncWrite + Send>>,
    aside: Arc<Mutex<Aside>>,
    connection: Connection,
    _way: Way,
}

/// What comes beside the output.
#[derive(Default)]
struct Aside {
    said: Vec<u8>,
    was_refused: bool,
}

/// Logs in to `target` and runs `command` there. The key that the server shows is left in `host_key`, whatever comes of it.
pub(crate) async fn run_command(
    target: &Target,
    login: &Login,
    command: &str,
    limits: &Limits,
    host_key: &mut Option<HostKeySeen>,
) -> Step<Command> {
    let mut evidence = Evidence::default();
    let (stream, way) = route::open(target, limits, &mut evidence).await?;
    let connected = route::ssh(stream, &target.endpoint, limits, &mut evidence).await;
    *host_key = evidence.host_key.take();
    let mut connection = connected?;
    connection.login(login, limits).await?;
    let (from, to) = connection.exec(command, limits).await?.split();
    let aside = Arc::default();
    let output = Box::pin(StreamReader::new(Box::pin(output(from, Arc::clone(&aside)))));
    Ok(Command { output, input: Box::pin(to.make_writer()), aside, connection, _way: way })
}

/// The pieces of a command's output; what comes beside it is kept.
fn output(from: ChannelReadHalf, aside: Arc<Mutex<Aside>>) -> impl futures::Stream<Item = io::Result<Bytes>> {
    stream::unfold((from, aside), |(mut from, aside)| async move {
        loop {
            match from.wait().await? {
                ChannelMsg::Data { data } if !data.is_empty() => return Some((Ok(data), (from, aside))),
                ChannelMsg::ExtendedData { data, .. } => {
                    let mut aside = aside.lock().unwrap_or_else(PoisonError::into_inner);
                    let room = MOST_SAID - aside.said.len().min(MOST_SAID);
                    aside.said.extend_from_slice(&data[..data.len().min(room)]);
                }
                ChannelMsg::Failure => {
                    aside.lock().unwrap_or_else(PoisonError::into_inner).was_refused = true;
                    return None;
                }
                ChannelMsg::Close => return None,
                // The end of the output; what is said beside it may still come.
                _ => {}
            }
        }
    })
}

impl Command {
    /// What it said beside its output, as far as it was read.
    pub(crate) fn said(&self) -> String {
        let aside = self.aside.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&aside.said).into_owned()
    }

    /// Whether the server would not run it.
    pub(crate) fn was_refused(&self) -> bool {
        self.aside.lock().unwrap_or_else(PoisonError::into_inner).was_refused
    }

    /// Says goodbye.
    pub(crate) async fn close(self) {
        self.connection.close().await;
    }
}

/// Why no command runs.
pub(crate) type CommandFailure = Failure;
