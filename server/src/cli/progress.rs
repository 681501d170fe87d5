//! How far a command is: a bar on a terminal; elsewhere a line for each thing that was done, as logs and scripts like it.
//!
//! The bar is the last line of the terminal, and redraws itself. Whatever else is written meanwhile, results and the log
//! among it, goes by [`aside`], which takes the bar away for that moment.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use etiqa_model::shown::harmless;
use indicatif::{ProgressBar, ProgressStyle};

use super::output;

/// The bar that is shown: a command has one at most.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// A bar that nothing moves shows all the same that the program lives.
const TICK: Duration = Duration::from_millis(120);

/// What is known of how long it takes.
const COUNTED: &str = "[{elapsed_precise}] {bar:30} {pos}/{len} {wide_msg}";
const NOT_COUNTED: &str = "[{elapsed_precise}] {spinner} {wide_msg}";

/// How far a command is, until it is dropped.
pub(super) struct Progress {
    /// None: nobody looks at a terminal.
    bar: Option<ProgressBar>,
    said: String,
}

impl Progress {
    /// Of something whose end is not known yet.
    pub(super) fn start(words: &str) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner().with_message(harmless(words));
            bar.set_style(style(NOT_COUNTED));
            bar.enable_steady_tick(TICK);
            bar
        });
        shown().clone_from(&bar);
        Self { bar, said: String::new() }
    }

    /// Of so many things.
    pub(super) fn of(total: u64, words: &str) -> Self {
        let progress = Self::start(words);
        progress.count(0, total);
        progress
    }

    /// Says what goes on, and how much of it is done: `total` 0 where nobody knows. A line that was said just before is not
    /// said again.
    pub(super) fn at(&mut self, words: &str, done: u64, total: u64) {
        let Some(bar) = &self.bar else {
            let line = if total == 0 { words.to_owned() } else { format!("{words} {done}/{total}") };
            if line != self.said {
                output::say(&line);
                self.said = line;
            }
            return;
        };
        bar.set_message(harmless(words));
        self.count(done, total);
    }

    /// One more of the things is done.
    pub(super) fn one_more(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// What goes on next; said on a terminal alone.
    pub(super) fn now(&self, words: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(harmless(words));
        }
    }

    fn count(&self, done: u64, total: u64) {
        let Some(bar) = &self.bar else { return };
        if total == 0 {
            bar.unset_length();
            bar.set_style(style(NOT_COUNTED));
        } else {
            bar.set_style(style(COUNTED));
            bar.set_length(total);
            bar.set_position(done);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            *shown() = None;
        }
    }
}

/// Writes while no bar is in the way.
pub(crate) fn aside<T>(write: impl FnOnce() -> T) -> T {
    // The lock is not held meanwhile: what is written may be an error of the bar itself.
    let bar = shown().clone();
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Standard error beside a bar; each write is a whole line.
pub(crate) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        aside(|| io::stderr().lock().write_all(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

fn shown() -> std::sync::MutexGuard<'static, Option<ProgressBar>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Without colours: a bar is read by its length.
fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("█▉▊▋▌▍▎▏ ")
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressStyle;

    use super::{COUNTED, NOT_COUNTED};

    #[test]
    fn the_bars_can_be_drawn() {
        for template in [COUNTED, NOT_COUNTED] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
