//! What a device remembers between sessions; shared by all of them.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etiqa_model::Secret;

use crate::backups::{Backups, Job};
use crate::faults::{Faults, HttpFault};
use crate::https::Web;
use crate::spec::DeviceSpec;
use crate::text;

/// A device's memory: the spec never changes, the rest does.
pub(crate) struct State {
    pub(crate) spec: DeviceSpec,
    changing: Mutex<Changing>,
    /// The backups that it made of itself.
    pub(crate) backups: Backups,
    newest_backup: Mutex<Option<Job>>,
    web: Mutex<Web>,
    sessions_open: AtomicUsize,
    sessions_total: AtomicUsize,
    bytes_sent: AtomicUsize,
    jumps: AtomicUsize,
    /// Counts what was shown, so that volatile lines differ every time.
    pub(crate) moment: AtomicU64,
}

struct Changing {
    password: Secret,
    faults: Faults,
    revision: u64,
    verbatim: Option<Arc<str>>,
    /// How many calls each fault of calls fitted so far.
    calls_seen: Vec<usize>,
}

impl State {
    pub(crate) fn new(spec: DeviceSpec) -> Self {
        let changing = Changing {
            password: spec.password.clone(),
            faults: spec.faults.clone(),
            revision: 0,
            verbatim: None,
            calls_seen: Vec::new(),
        };
        Self {
            spec,
            changing: Mutex::new(changing),
            backups: Backups::default(),
            newest_backup: Mutex::default(),
            web: Mutex::default(),
            sessions_open: AtomicUsize::new(0),
            sessions_total: AtomicUsize::new(0),
            bytes_sent: AtomicUsize::new(0),
            jumps: AtomicUsize::new(0),
            moment: AtomicU64::new(0),
        }
    }

    /// A panic elsewhere leaves these plain values whole, so a poisoned lock is still good.
    fn changing(&self) -> MutexGuard<'_, Changing> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn faults(&self) -> Faults {
        self.changing().faults.clone()
    }

    pub(crate) fn set_faults(&self, faults: Faults) {
        let mut changing = self.changing();
        changing.faults = faults;
        changing.calls_seen.clear();
    }

    /// What befalls this call of the web server; counts it.
    pub(crate) fn call_fault(&self, call: &str) -> Option<HttpFault> {
        let mut changing = self.changing();
        let Changing { faults, calls_seen, .. } = &mut *changing;
        calls_seen.resize(faults.https.calls.len(), 0);
        let mut found = None;
        for (fault, seen) in faults.https.calls.iter().zip(calls_seen) {
            if call.contains(&fault.call) {
                *seen += 1;
                let is_meant = fault.nth.is_none_or(|nth| nth == *seen);
                found = found.or_else(|| is_meant.then_some(fault.what));
            }
        }
        found
    }

    /// The backup that was begun last from the command line.
    pub(crate) fn newest_backup(&self) -> MutexGuard<'_, Option<Job>> {
        self.newest_backup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the web server remembers.
    pub(crate) fn web(&self) -> MutexGuard<'_, Web> {
        self.web.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_password(&self, password: &str) {
        self.changing().password = Secret::new(password);
    }

    pub(crate) fn set_config(&self, text: String) {
        self.changing().verbatim = Some(text.into());
    }

    pub(crate) fn change_config(&self) {
        let mut changing = self.changing();
        changing.revision += 1;
        changing.verbatim = None;
    }

    pub(crate) fn revision(&self) -> u64 {
        self.changing().revision
    }

    pub(crate) fn accepts_user(&self, user: &str) -> bool {
        user == self.spec.username && !self.changing().faults.wrong_password
    }

    pub(crate) fn accepts_password(&self, user: &str, password: &str) -> bool {
        self.accepts_user(user) && self.changing().password.reveal() == password
    }

    /// The password that is accepted now.
    pub(crate) fn password(&self) -> String {
        self.changing().password.reveal().to_owned()
    }

    fn delay(&self) -> Duration {
        self.spec.latency + self.changing().faults.slow.unwrap_or_default()
    }

    /// Whether the device waits before each answer.
    pub(crate) fn thinks(&self) -> bool {
        !self.delay().is_zero()
    }

    /// Waits as long as the device does before each answer.
    pub(crate) async fn think(&self) {
        // A sleep of no length would still wait for the timer's next tick.
        if self.thinks() {
            tokio::time::sleep(self.delay()).await;
        }
    }

    /// The configuration as it is shown now: every showing is a later moment.
    pub(crate) fn show_config(&self) -> Arc<str> {
        self.show_config_by(|revision, moment| text::config(&self.spec, revision, moment))
    }

    /// [`State::show_config`], with the text made by `make` of revision and moment where nobody set it.
    pub(crate) fn show_config_by(&self, make: impl FnOnce(u64, u64) -> String) -> Arc<str> {
        let moment = self.next_moment();
        self.config_by(moment, make)
    }

    /// The configuration as it was last shown.
    pub(crate) fn shown_config(&self) -> Arc<str> {
        let moment = self.moment.load(Ordering::Relaxed);
        self.config_by(moment, |revision, moment| text::config(&self.spec, revision, moment))
    }

    fn config_by(&self, moment: u64, make: impl FnOnce(u64, u64) -> String) -> Arc<str> {
        let (verbatim, revision) = {
            let changing = self.changing();
            (changing.verbatim.clone(), changing.revision)
        };
        verbatim.unwrap_or_else(|| make(revision, moment).into())
    }

    pub(crate) fn next_moment(&self) -> u64 {
        self.moment.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn sessions_open(&self) -> usize {
        self.sessions_open.load(Ordering::Relaxed)
    }

    pub(crate) fn sessions_total(&self) -> usize {
        self.sessions_total.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes_sent(&self) -> usize {
        self.bytes_sent.load(Ordering::Relaxed)
    }

    pub(crate) fn count_bytes(&self, count: usize) {
        self.bytes_sent.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn jumps(&self) -> usize {
        self.jumps.load(Ordering::Relaxed)
    }

    pub(crate) fn count_jump(&self) {
        self.jumps.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a session as open until the guard goes.
    pub(crate) fn session_guard(this: &Arc<Self>) -> SessionGuard {
        this.sessions_open.fetch_add(1, Ordering::Relaxed);
        this.sessions_total.fetch_add(1, Ordering::Relaxed);
        SessionGuard(this.clone())
    }
}

/// An open session.
pub(crate) struct SessionGuard(Arc<State>);

impl SessionGuard {
    /// The device whose session it is.
    pub(crate) fn state(&self) -> &State {
        &self.0
    }
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        self.0.sessions_open.fetch_sub(1, Ordering::Relaxed);
    }
}
