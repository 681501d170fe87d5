//! The sending side of SCP: `scp -f PATH`, as OpenSSH's `scp.c` speaks it.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::File;
use crate::output::{Gone, Output};
use crate::state::State;

/// Sends the file that `command` names, and ends the channel.
pub(crate) async fn send(
    state: &State,
    output: &mut Output,
    input: &mut mpsc::UnboundedReceiver<Vec<u8>>,
    words: &[String],
) -> Result<(), Gone> {
    output.begin_config(state.faults());
    let mut input = Input { receiver: input, heard: VecDeque::new() };
    let path = words.iter().skip(1).find(|word| !word.starts_with('-')).map_or("", String::as_str);
    let is_sending = words.iter().any(|word| word.starts_with('-') && word.contains('f'));
    let Some(file) = File::open(state, path).filter(|_| is_sending) else {
        let why = if is_sending { "No such file or directory" } else { "Permission denied" };
        output.write(format!("\x01scp: {path}: {why}\n").as_bytes()).await?;
        return output.finish(1).await;
    };
    input.go_ahead().await?;
    if words.iter().any(|word| word.starts_with('-') && word.contains('p')) {
        output.write(b"T1772438400 0 1772438400 0\n").await?;
        input.go_ahead().await?;
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    output.write(format!("C0640 {} {name}\n", file.size()).as_bytes()).await?;
    input.go_ahead().await?;
    let mut at = 0;
    while at < file.size() {
        let piece = file.read(at, u64::MAX);
        output.write(&piece).await?;
        at += piece.len() as u64;
    }
    output.write(b"\0").await?;
    input.go_ahead().await?;
    output.finish(0).await
}

/// What the client says, of which each zero is a leave to go on.
struct Input<'a> {
    receiver: &'a mut mpsc::UnboundedReceiver<Vec<u8>>,
    heard: VecDeque<u8>,
}

impl Input<'_> {
    async fn go_ahead(&mut self) -> Result<(), Gone> {
        loop {
            match self.heard.pop_front() {
                Some(0) => return Ok(()),
                Some(_) => {}
                None => self.heard.extend(self.receiver.recv().await.ok_or(Gone)?),
            }
        }
    }
}
