//! What a session leaves behind even when it is cut in its middle.

use etiqa_model::bench::StepKind;
use tokio::sync::mpsc;

use super::failure::excerpt;
use super::hush::Hush;
use super::outcome::{HopKeySeen, HostKeySeen};
use super::trace::Trace;
use super::transcript::Transcript;

/// Filled while a session goes on; it outlives the session's future, which a deadline or a person may drop.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    pub(super) transcript: Transcript,
    pub(super) host_key: Option<HostKeySeen>,
    pub(super) hop_keys: Vec<HopKeySeen>,
    /// The SSH server's version string, such as `SSH-2.0-OpenSSH_9.2`.
    pub(super) ssh_version: Option<String>,
    pub(super) login: Option<String>,
    /// By the jump host's name.
    pub(super) hop_logins: Vec<(String, String)>,
    pub(super) bytes: usize,
    /// Who hears of each step, where somebody watches.
    pub(super) steps: Option<mpsc::UnboundedSender<String>>,
    /// What is being waited for, to end the sentence "The deadline passed while …".
    pub(super) doing: String,
    /// What a rehearsal writes down.
    pub(super) trace: Option<Box<Trace>>,
    /// What nobody may read of what the device says.
    pub(super) hush: Hush,
}

impl Evidence {
    /// Says what the session does next.
    pub(super) fn doing(&mut self, what: impl Into<String>) {
        self.doing = what.into();
        self.tell(self.doing.clone());
    }

    /// Says what was found, to whoever watches; short, and without the session's secrets.
    pub(super) fn found(&self, what: &str) {
        self.tell(format!("→ {}", excerpt(what, 160)));
    }

    /// Writes a step down, where somebody rehearses.
    pub(super) fn step(&mut self, kind: StepKind, text: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.step(kind, &text());
        }
    }

    fn tell(&self, what: String) {
        if let Some(steps) = &self.steps {
            // Nobody watching any more is fine.
            let _ = steps.send(self.hush.masked(&what));
        }
    }
}
