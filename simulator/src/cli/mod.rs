//! The platforms' command lines: what each answers to a line, and the loop that they share.

mod bigip;
mod gaia;
mod ios;
mod linux;
mod nios;
mod words;

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::output::{Gone, Output};
use crate::spec::Personality;
use crate::state::State;
use crate::terminal::{Pager, Terminal};
use crate::transfer;

/// A platform's command line in one session: the only thing that differs between devices once a user is in.
trait Cli: Send {
    /// What is shown before the first prompt.
    fn greeting(&self) -> String {
        String::new()
    }

    /// The prompt, as it is now.
    fn prompt(&self) -> String;

    /// How output is paged, if it is now.
    fn pager(&self) -> Option<Pager> {
        None
    }

    /// What a line is answered with.
    fn answer(&mut self, line: &str) -> Answer;

    /// What the answer to [`Next::Secret`] is answered with.
    fn secret(&mut self, _typed: &str) -> Answer {
        Answer::default()
    }
}

/// What a device says to a command.
#[derive(Default)]
struct Answer {
    /// Standard output, LF line ends.
    text: Text,
    /// Standard error.
    error: String,
    /// The exit status where there is one.
    status: u32,
    /// What it expects then.
    next: Next,
}

/// Output, told apart because faults count only the bytes of a configuration.
enum Text {
    Plain(String),
    Config(Arc<str>),
}

impl Default for Text {
    fn default() -> Self {
        Self::Plain(String::new())
    }
}

#[derive(Default)]
enum Next {
    /// The next command.
    #[default]
    Command,
    /// A secret, asked for by this prompt and not echoed.
    Secret(&'static str),
    /// Nothing more: the session ends.
    Exit,
}

impl Answer {
    fn text(text: impl Into<String>) -> Self {
        Self { text: Text::Plain(text.into()), ..Self::default() }
    }

    fn config(text: Arc<str>) -> Self {
        Self { text: Text::Config(text), ..Self::default() }
    }

    fn failure(error: impl Into<String>, status: u32) -> Self {
        Self { error: error.into(), status, ..Self::default() }
    }

    fn exit() -> Self {
        Self { next: Next::Exit, ..Self::default() }
    }
}

/// The command line of this device, if its platform's is played.
fn cli(state: &Arc<State>) -> Option<Box<dyn Cli>> {
    let state = state.clone();
    Some(match state.spec.personality {
        Personality::Ios => Box::new(ios::Ios::new(state)),
        Personality::Linux => Box::new(linux::Linux::new(state)),
        Personality::Gaia => Box::new(gaia::Gaia::new(state)),
        Personality::BigIp => Box::new(bigip::BigIp::new(state)),
        Personality::Nios => Box::new(nios::Nios::new(state)),
        Personality::FortiOs | Personality::PanOs => return None,
    })
}

/// Runs one command that may read what is typed, as `ssh host scp -f FILE` does, and ends the channel.
pub(crate) async fn run_program(
    state: &Arc<State>,
    output: &mut Output,
    input: &mut mpsc::UnboundedReceiver<Vec<u8>>,
    command: &str,
) -> Result<(), Gone> {
    let words = words::shell_words(command);
    if words.first().is_some_and(|program| program == "scp") && transfer::is_possible(state) {
        state.think().await;
        return transfer::send(state, output, input, &words).await;
    }
    run_command(state, output, command).await
}

/// Runs one command without a terminal, as `ssh host command` does, and ends the channel.
pub(crate) async fn run_command(state: &Arc<State>, output: &mut Output, command: &str) -> Result<(), Gone> {
    state.think().await;
    let Some(mut cli) = cli(state) else { return output.finish(1).await };
    let answer = cli.answer(command);
    match answer.text {
        Text::Plain(text) => output.write(text.as_bytes()).await?,
        Text::Config(text) => {
            output.begin_config(state.faults());
            output.write(text.as_bytes()).await?;
            output.end_config();
        }
    }
    output.write_error(answer.error.as_bytes()).await?;
    output.finish(answer.status).await
}

/// Runs the interactive shell until it is left.
pub(crate) async fn run_shell(state: &Arc<State>, terminal: &mut Terminal) -> Result<(), Gone> {
    let Some(mut cli) = cli(state) else { return terminal.output.finish(1).await };
    terminal.print(&cli.greeting()).await?;
    let mut status = 0;
    loop {
        terminal.print(&cli.prompt()).await?;
        let Ok(line) = terminal.read_line(false).await else {
            return terminal.output.finish(status).await;
        };
        let mut answer = cli.answer(&line);
        loop {
            if state.thinks() {
                terminal.output.flush().await?;
            }
            state.think().await;
            terminal.output.set_faults(state.faults());
            print_answer(state, terminal, cli.pager(), &answer).await?;
            let Next::Secret(prompt) = answer.next else { break };
            terminal.print(prompt).await?;
            answer = cli.secret(&terminal.read_line(true).await?);
        }
        if !line.trim().is_empty() {
            status = answer.status;
        }
        if matches!(answer.next, Next::Exit) {
            return terminal.output.finish(status).await;
        }
    }
}

async fn print_answer(
    state: &State,
    terminal: &mut Terminal,
    pager: Option<Pager>,
    answer: &Answer,
) -> Result<(), Gone> {
    let text: &str = match &answer.text {
        Text::Plain(text) => text,
        Text::Config(text) => {
            terminal.output.begin_config(state.faults());
            text
        }
    };
    match pager {
        Some(pager) => terminal.print_paged(text, &pager).await?,
        None => terminal.print(text).await?,
    }
    terminal.output.end_config();
    terminal.print(&answer.error).await
}
