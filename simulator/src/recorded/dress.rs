//! How a recorded device's lines look on the wire: their ends, and what a terminal does not show.

use crate::faults::{Faults, LineEnd};

/// The way in which a device dresses its text.
pub(super) struct Dress {
    line_end: LineEnd,
    colours: bool,
}

impl Dress {
    pub(super) fn new(faults: &Faults) -> Self {
        Self { line_end: faults.line_end, colours: faults.colours }
    }

    /// What a shell says; lines come with CR LF.
    pub(super) fn shell(&self, text: &str) -> String {
        let text = if self.colours { coloured(text) } else { text.to_owned() };
        self.with_line_ends(text, "\r\n", "\r\n")
    }

    /// What a shell says back of a typed line.
    pub(super) fn echo(&self, text: &str) -> String {
        self.with_line_ends(text.to_owned(), "\r\n", "\r\n")
    }

    /// A single command's output, which no terminal shows; lines come with LF.
    pub(super) fn command(&self, text: &str) -> String {
        self.with_line_ends(text.to_owned(), "\n", "\n")
    }

    fn with_line_ends(&self, text: String, from: &str, usual: &str) -> String {
        let to = match self.line_end {
            LineEnd::Usual => usual,
            LineEnd::Lf => "\n",
            LineEnd::CrCrLf => "\r\r\n",
            LineEnd::LfCr => "\n\r",
            LineEnd::CrNulLf => "\r\0\n",
        };
        if from == to { text } else { text.replace(from, to) }
    }
}

/// With the colour reset and the cursor in the first column at the start of each line, and a green prompt.
fn coloured(text: &str) -> String {
    let (lines, prompt) = text.split_at(text.rfind('\n').map_or(0, |at| at + 1));
    let lines = lines.replace('\n', "\n\x1b[0m\x1b[1G");
    if prompt.is_empty() { lines } else { format!("{lines}\x1b[1;32m{prompt}\x1b[0m\x1b[K") }
}
