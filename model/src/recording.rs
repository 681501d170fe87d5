//! Recorded sessions: a text file that plays a device. `docs/drivers.md` describes the format.
//!
//! The engine rehearses drivers against them, and the simulator plays them over the network; so what a session says
//! is decided here, once. Nothing here knows of time or of a network.

mod change;
mod parse;
mod play;

use crate::class::Class;
use crate::device::Transport;

pub use parse::RecordingError;
pub use play::{Player, Reaction};

/// A recorded session.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The driver that it is for.
    pub platform: String,
    /// Where it comes from, in words.
    pub source: String,
    /// What carries it.
    pub transport: Transport,
    /// One shell, or single commands.
    pub is_exec: bool,
    /// The SSH server's version string.
    pub ssh_version: Option<String>,
    /// What is said to a command that was not recorded.
    pub unknown: String,
    /// How the device pages, unless it is told not to.
    pub pager: Option<RecordedPager>,
    /// The commands that stop it from paging.
    pub paging_off: Vec<String>,
    /// The class that a session must end in.
    pub expect: Class,
    /// Whether the login has an enable password.
    pub has_enable: bool,
    /// What the device says before anything is typed, its prompt included.
    greeting: String,
    exchanges: Vec<Exchange>,
}

/// A question between two pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedPager {
    /// What it shows.
    pub question: String,
    /// What it sends to wipe the question when a key was pressed.
    pub erase: String,
    /// Lines of a page.
    pub lines: usize,
}

/// Something typed, and what the device says to it, up to and with its next prompt or question.
#[derive(Debug, Clone)]
struct Exchange {
    typed: Typed,
    answer: String,
    /// Of a single command.
    status: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Typed {
    /// A line, ended by Enter.
    Line(String),
    /// Any line, not echoed.
    Secret,
    /// A single key.
    Key,
}

impl Recording {
    /// Reads a recording.
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        parse::parse(text)
    }

    /// The whole answer to `command`, without the prompt behind it; none where it was not recorded.
    pub fn answer_to(&self, command: &str) -> Option<&str> {
        let exchange = self.find(0, command).map(|index| &self.exchanges[index])?;
        let end = if self.is_exec {
            exchange.answer.len()
        } else {
            exchange.answer.rfind('\n').map_or(0, |at| at + 1)
        };
        Some(&exchange.answer[..end])
    }

    /// What a single command gives: its output and its exit status. A shell answers 127 to what it does not know.
    pub fn run(&self, command: &str) -> (String, u32) {
        match self.find(0, command).map(|index| &self.exchanges[index]) {
            Some(exchange) => (exchange.answer.clone(), exchange.status),
            None => (format!("{}\n", self.unknown), 127),
        }
    }

    /// The first exchange for `line` at or behind `from`, else before it.
    fn find(&self, from: usize, line: &str) -> Option<usize> {
        let order = (from..self.exchanges.len()).chain(0..from);
        order.into_iter().find(|index| {
            matches!(&self.exchanges[*index].typed, Typed::Line(known) if known.trim() == line.trim())
        })
    }
}
