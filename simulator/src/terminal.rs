//! A terminal as a device's shell sees it: it echoes, edits a line and pages.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use crate::output::{Gone, Output};

const CTRL_C: u8 = 0x03;
const BACKSPACE: u8 = 0x08;
const CTRL_U: u8 = 0x15;
const DELETE: u8 = 0x7f;

/// How a platform pages.
pub(crate) struct Pager {
    /// Lines on a page.
    pub(crate) rows: usize,
    /// What stands where a page ends.
    pub(crate) prompt: &'static str,
    /// What removes that from the screen.
    pub(crate) erase: &'static str,
}

/// A line-editing terminal on a channel.
pub(crate) struct Terminal {
    pub(crate) output: Output,
    input: mpsc::UnboundedReceiver<Vec<u8>>,
    typed: VecDeque<u8>,
    /// A line feed directly after a carriage return belongs to it.
    after_return: bool,
}

impl Terminal {
    pub(crate) fn new(mut output: Output, input: mpsc::UnboundedReceiver<Vec<u8>>) -> Self {
        output.hold_back();
        Self { output, input, typed: VecDeque::new(), after_return: false }
    }

    /// Writes `text` with CR LF line ends.
    pub(crate) async fn print(&mut self, text: &str) -> Result<(), Gone> {
        let mut sent = Vec::with_capacity(text.len() + text.len() / 16);
        for line in text.split_inclusive('\n') {
            match line.strip_suffix('\n') {
                Some(line) => {
                    sent.extend_from_slice(line.as_bytes());
                    sent.extend_from_slice(b"\r\n");
                }
                None => sent.extend_from_slice(line.as_bytes()),
            }
        }
        self.output.write(&sent).await
    }

    /// Writes `text`, asking for a key after each page: space shows a page, Enter a line, `q` ends it.
    pub(crate) async fn print_paged(&mut self, text: &str, pager: &Pager) -> Result<(), Gone> {
        let mut room = pager.rows;
        let mut rest = text;
        while !rest.is_empty() {
            if room == 0 {
                self.output.write(pager.prompt.as_bytes()).await?;
                room = loop {
                    match self.read_key().await? {
                        b' ' => break pager.rows,
                        b'\r' | b'\n' => break 1,
                        b'q' | b'Q' | CTRL_C => break 0,
                        _ => {}
                    }
                };
                self.output.write(pager.erase.as_bytes()).await?;
                if room == 0 {
                    return Ok(());
                }
            }
            let page_ends = rest.match_indices('\n').nth(room - 1).map_or(rest.len(), |(at, _)| at + 1);
            self.print(&rest[..page_ends]).await?;
            rest = &rest[page_ends..];
            room = 0;
        }
        Ok(())
    }

    /// The next line, echoed as it is typed unless it is a secret.
    pub(crate) async fn read_line(&mut self, is_secret: bool) -> Result<String, Gone> {
        let mut line = Vec::new();
        loop {
            let mut echo = Vec::new();
            let mut is_finished = false;
            self.wait_for_input().await?;
            while !is_finished && let Some(byte) = self.next_typed() {
                match byte {
                    b'\r' | b'\n' => is_finished = true,
                    CTRL_C => {
                        line.clear();
                        is_finished = true;
                    }
                    CTRL_U => echo.extend(b"\x08 \x08".repeat(line.drain(..).count())),
                    BACKSPACE | DELETE => {
                        let erased: &[u8] = if line.pop().is_some() { b"\x08 \x08" } else { b"" };
                        echo.extend(erased);
                    }
                    byte if byte >= b' ' => {
                        line.push(byte);
                        echo.push(byte);
                    }
                    _ => {}
                }
            }
            if is_secret {
                echo.clear();
            }
            if is_finished {
                echo.extend(b"\r\n");
            }
            self.output.write(&echo).await?;
            if is_finished {
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
        }
    }

    async fn read_key(&mut self) -> Result<u8, Gone> {
        loop {
            self.wait_for_input().await?;
            if let Some(byte) = self.next_typed() {
                return Ok(byte);
            }
        }
    }

    async fn wait_for_input(&mut self) -> Result<(), Gone> {
        while self.typed.is_empty() {
            self.output.flush().await?;
            self.typed.extend(self.input.recv().await.ok_or(Gone)?);
        }
        Ok(())
    }

    fn next_typed(&mut self) -> Option<u8> {
        let mut byte = self.typed.pop_front()?;
        if byte == b'\n' && std::mem::take(&mut self.after_return) {
            byte = self.typed.pop_front()?;
        }
        self.after_return = byte == b'\r';
        Some(byte)
    }
}
