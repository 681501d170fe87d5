//! The backups that a device makes of itself: begun by whichever way it is asked, kept until they are deleted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::artifact::{Artifact, Form, Recipe};
use crate::faults::BackupFault;
use crate::spec::{DeviceSpec, Personality};
use crate::state::State;
use crate::text;

/// What a device has made, and what of it is still there.
#[derive(Default)]
pub(crate) struct Backups(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    files: BTreeMap<String, Arc<Artifact>>,
    made: Vec<String>,
    begun: u64,
}

/// How far a backup is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It is being made.
    Running,
    /// It is made.
    Done,
    /// It was not made.
    Failed,
}

/// A backup that was begun.
#[derive(Clone)]
pub(crate) struct Job {
    /// The file's name.
    pub(crate) name: String,
    progress: Arc<Mutex<Progress>>,
}

impl Job {
    /// How far it is now.
    pub(crate) fn progress(&self) -> Progress {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, progress: Progress) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }
}

impl Backups {
    /// A panic elsewhere leaves these plain values whole, so a poisoned lock is still good.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The SHA-256 of each that was made, in order.
    pub(crate) fn made(&self) -> Vec<String> {
        self.inner().made.clone()
    }

    /// Notes a backup that is nothing but an answer.
    pub(crate) fn note_made(&self, sha256: String) {
        self.inner().made.push(sha256);
    }

    /// The names of the files that are there.
    pub(crate) fn names(&self) -> Vec<String> {
        self.inner().files.keys().cloned().collect()
    }

    /// The file of this name.
    pub(crate) fn file(&self, name: &str) -> Option<Arc<Artifact>> {
        self.inner().files.get(name).cloned()
    }

    /// Deletes the file of this name; tells whether there was one.
    pub(crate) fn remove(&self, name: &str) -> bool {
        self.inner().files.remove(name).is_some()
    }

    fn keep(&self, name: &str, artifact: Artifact) {
        let mut inner = self.inner();
        inner.made.push(artifact.sha256().to_owned());
        inner.files.insert(name.to_owned(), Arc::new(artifact));
    }

    fn next_number(&self) -> u64 {
        let mut inner = self.inner();
        inner.begun += 1;
        inner.begun
    }
}

/// Begins to make a backup in a file of this name, for as long as the device takes.
pub(crate) fn begin(state: &Arc<State>, name: &str, is_encrypted: bool) -> Job {
    let job = Job { name: name.to_owned(), progress: Arc::new(Mutex::new(Progress::Running)) };
    let (state, running) = (state.clone(), job.clone());
    tokio::spawn(async move {
        tokio::time::sleep(state.spec.backup_time).await;
        match state.faults().https.backup {
            Some(BackupFault::Fails) => running.set(Progress::Failed),
            Some(BackupFault::NeverEnds) => {}
            Some(BackupFault::VanishesWithoutFile) => running.set(Progress::Done),
            fault => {
                let form = match fault {
                    Some(BackupFault::NotGzip) => Form::Noise,
                    Some(BackupFault::Truncated) => Form::HalfArchive,
                    _ if is_encrypted => Form::Encrypted,
                    _ => Form::Archive,
                };
                make(&state, &running.name, form).await;
                running.set(Progress::Done);
            }
        }
    });
    job
}

async fn make(state: &Arc<State>, name: &str, form: Form) {
    let recipe = recipe(&state.spec, state.backups.next_number(), state.shown_config(), form);
    // Checksums of a big file take seconds, in which nothing else could go on here.
    if let Ok(artifact) = tokio::task::spawn_blocking(move || Artifact::make(&recipe)).await {
        state.backups.keep(name, artifact);
    }
}

fn recipe(spec: &DeviceSpec, number: u64, text: Arc<str>, form: Form) -> Recipe {
    let chance = text::random_bytes(&format!("backup {number} of {} {}", spec.hostname, spec.seed));
    let seed = chance.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte));
    let path = match spec.personality {
        Personality::BigIp => "config/bigip.conf",
        Personality::Nios => "onedb.xml",
        Personality::PanOs => "running-config.xml",
        _ => "config/active.conf",
    };
    Recipe { seed, size: spec.artifact_size, path, text, form }
}
