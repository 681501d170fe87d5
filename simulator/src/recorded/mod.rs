//! Devices that play a recorded session. What is said to what is typed is the recording's to know; this brings it to
//! the client, and makes of the recording what the device's faults make of it.

mod dress;
mod tricks;

use std::sync::Arc;

use etiqa_model::recording::{Player, Recording};
use tokio::sync::mpsc;

use crate::output::{Gone, Output};
use crate::state::State;
use dress::Dress;
use tricks::{ENDLESS, tricked};

/// What is typed.
pub(crate) type Input = mpsc::UnboundedReceiver<Vec<u8>>;

/// Runs the recorded shell until it is left.
pub(crate) async fn run_shell(
    state: &Arc<State>,
    output: &mut Output,
    input: &mut Input,
) -> Result<(), Gone> {
    let faults = state.faults();
    let Some(recording) = &state.spec.recording else { return output.finish(1).await };
    let recording = tricked(recording, &faults);
    let dress = Dress::new(&faults);
    output.begin_config(faults);
    let (mut player, greeting) = Player::begin(&recording);
    output.write(dress.shell(&greeting.say).as_bytes()).await?;
    while let Some(typed) = input.recv().await {
        let reaction = player.hear(&typed);
        let (echo, answer) = echo_and_answer(&reaction.say);
        output.write(dress.echo(echo).as_bytes()).await?;
        if !answer.is_empty() {
            state.think().await;
        }
        match answer.split_once(ENDLESS) {
            None => output.write(dress.shell(answer).as_bytes()).await?,
            Some((said, _)) => {
                output.write(dress.shell(said).as_bytes()).await?;
                return without_end(&recording, said, output, input, &dress).await;
            }
        }
        if reaction.ends {
            break;
        }
    }
    output.finish(0).await
}

/// Runs one recorded command and ends the channel.
pub(crate) async fn run_command(state: &Arc<State>, output: &mut Output, command: &str) -> Result<(), Gone> {
    state.think().await;
    let faults = state.faults();
    let Some(recording) = &state.spec.recording else { return output.finish(1).await };
    let (said, status) = tricked(recording, &faults).run(command);
    let dress = Dress::new(&faults);
    output.begin_config(faults);
    if let Some((said, _)) = said.split_once(ENDLESS) {
        loop {
            output.write(dress.command(said).as_bytes()).await?;
            tokio::task::yield_now().await;
        }
    }
    output.write(dress.command(&said).as_bytes()).await?;
    output.finish(status).await
}

/// Splits the echo of a typed line, with its line end, from what is said to it.
fn echo_and_answer(said: &str) -> (&str, &str) {
    said.split_at(said.find('\n').map_or(said.len(), |at| at + 1))
}

/// Says the same lines again and again; a page for each key where the device pages.
async fn without_end(
    recording: &Recording,
    said: &str,
    output: &mut Output,
    input: &mut Input,
    dress: &Dress,
) -> Result<(), Gone> {
    let pager = recording.pager.as_ref().filter(|_| recording.paging_off.is_empty());
    loop {
        if let Some(pager) = pager {
            output.write(pager.question.as_bytes()).await?;
            let Some(_) = input.recv().await else { return output.finish(0).await };
            output.write(pager.erase.as_bytes()).await?;
        }
        output.write(dress.shell(said).as_bytes()).await?;
        tokio::task::yield_now().await;
    }
}
