//! What this process did since it was started.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use etiqa_model::BackupConfigId;
use etiqa_model::class::Class;
use etiqa_model::run::RunStatus;

use super::histogram::{Counts, Histogram};
use super::text::{Kind, Page};

/// Seconds of a device's session: from a switch that answers at once to a firewall with tens of thousands of lines.
const SESSION_SECONDS: &[f64] = &[0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];
/// Seconds of a run: from a handful of devices to thousands.
const RUN_SECONDS: &[f64] = &[1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1_800.0, 3_600.0, 10_800.0, 28_800.0];
/// How runs end.
const ENDINGS: [RunStatus; 3] = [RunStatus::Completed, RunStatus::Failed, RunStatus::Cancelled];

/// What this process counts.
#[derive(Debug)]
pub struct Meters {
    runs: Mutex<HashMap<BackupConfigId, Runs>>,
    results: HashMap<&'static str, AtomicU64>,
    sessions: Histogram,
    text_bytes: AtomicU64,
    artifacts_ok: AtomicU64,
    artifacts_failed: AtomicU64,
}

/// The runs of one backup config.
#[derive(Debug, Clone, Default)]
struct Runs {
    ended: [u64; ENDINGS.len()],
    seconds: Counts,
    archive_bytes: u64,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            runs: Mutex::default(),
            results: Class::ALL.iter().map(|class| (class.as_str(), AtomicU64::new(0))).collect(),
            sessions: Histogram::new(SESSION_SECONDS),
            text_bytes: AtomicU64::new(0),
            artifacts_ok: AtomicU64::new(0),
            artifacts_failed: AtomicU64::new(0),
        }
    }
}

impl Meters {
    /// A run of this backup config ended so after so long, with an archive of so many bytes where it made one.
    pub(crate) fn run_ended(
        &self,
        config: Option<BackupConfigId>,
        status: RunStatus,
        took: Option<Duration>,
        archive_bytes: u64,
    ) {
        // Of a backup that was deleted nothing is shown.
        let Some(config) = config else { return };
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let runs = runs.entry(config).or_default();
        if let Some(at) = ENDINGS.iter().position(|ending| *ending == status) {
            runs.ended[at] += 1;
        }
        if let Some(took) = took {
            runs.seconds.add(RUN_SECONDS, took.as_secs_f64());
        }
        runs.archive_bytes += archive_bytes;
    }

    /// The collection of a device came to this.
    pub(crate) fn device_collected(&self, class: Class) {
        if let Some(count) = self.results.get(class.as_str()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A session with a device took so long and brought so many bytes of text.
    pub(crate) fn session_ended(&self, took: Duration, text_bytes: u64) {
        self.sessions.add(took.as_secs_f64());
        self.text_bytes.fetch_add(text_bytes, Ordering::Relaxed);
    }

    /// A vendor's own backup was fetched, or was to be.
    pub(crate) fn artifact_fetched(&self, class: Class) {
        let count = if class.is_good() { &self.artifacts_ok } else { &self.artifacts_failed };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes all of it; of the runs those of these backup configs, each with zeros where it had none here yet: a counter
    /// that is not there at first hides its first step.
    pub(super) fn write(&self, page: &mut Page, configs: &[(BackupConfigId, String)]) {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let of = |id: &BackupConfigId| {
            let mut runs = runs.get(id).cloned().unwrap_or_default();
            runs.seconds.buckets.resize(RUN_SECONDS.len(), 0);
            runs
        };
        page.metric("etiqa_runs_total", Kind::Counter, "Runs that this process ended.");
        for (id, name) in configs {
            for (status, count) in ENDINGS.iter().zip(of(id).ended) {
                page.count(&[("backup_config", name), ("status", status.as_str())], count);
            }
        }
        page.metric(
            "etiqa_run_duration_seconds",
            Kind::Histogram,
            "How long the runs took that this process ended, from their claim to their end.",
        );
        for (id, name) in configs {
            page.histogram(&[("backup_config", name)], RUN_SECONDS, &of(id).seconds);
        }
        page.metric(
            "etiqa_archive_bytes_total",
            Kind::Counter,
            "Bytes of the archives that this process made.",
        );
        for (id, name) in configs {
            page.count(&[("backup_config", name)], of(id).archive_bytes);
        }
        page.metric(
            "etiqa_device_results_total",
            Kind::Counter,
            "Collections of devices by this process, by how they ended.",
        );
        for class in Class::ALL {
            let count = self.results.get(class.as_str()).map_or(0, |count| count.load(Ordering::Relaxed));
            page.count(&[("class", class.as_str())], count);
        }
        page.metric(
            "etiqa_device_session_duration_seconds",
            Kind::Histogram,
            "How long sessions with devices took in this process.",
        );
        self.sessions.write(page, &[]);
        page.metric(
            "etiqa_device_text_bytes_total",
            Kind::Counter,
            "Bytes of configuration that devices gave this process.",
        );
        page.count(&[], self.text_bytes.load(Ordering::Relaxed));
        page.metric(
            "etiqa_artifacts_fetched_total",
            Kind::Counter,
            "Vendors' own backups that this process fetched, or failed to.",
        );
        page.count(&[("outcome", "ok")], self.artifacts_ok.load(Ordering::Relaxed));
        page.count(&[("outcome", "failed")], self.artifacts_failed.load(Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_that_has_not_run_here_yet_counts_from_zero() {
        let meters = Meters::default();
        let nightly = BackupConfigId(1);
        meters.run_ended(Some(nightly), RunStatus::Failed, Some(Duration::from_secs(2)), 0);
        meters.run_ended(Some(nightly), RunStatus::Completed, Some(Duration::from_secs(90)), 1_000);
        meters.run_ended(None, RunStatus::Failed, None, 0);
        meters.device_collected(Class::AuthFailed);
        let mut page = Page::default();
        meters.write(&mut page, &[(nightly, "Nightly".into()), (BackupConfigId(2), "Weekly".into())]);
        let text = page.into_text();
        for line in [
            "etiqa_runs_total{backup_config=\"Nightly\",status=\"completed\"} 1",
            "etiqa_runs_total{backup_config=\"Nightly\",status=\"failed\"} 1",
            "etiqa_runs_total{backup_config=\"Weekly\",status=\"failed\"} 0",
            "etiqa_run_duration_seconds_bucket{backup_config=\"Nightly\",le=\"5\"} 1",
            "etiqa_run_duration_seconds_count{backup_config=\"Weekly\"} 0",
            "etiqa_archive_bytes_total{backup_config=\"Nightly\"} 1000",
            "etiqa_device_results_total{class=\"auth_failed\"} 1",
            "etiqa_device_results_total{class=\"ok\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
