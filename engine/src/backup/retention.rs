//! Which archives of a backup config are kept, and why.
//!
//! The rules are those of restic's `forget` ("Removing backup snapshots" in its manual): each looks at all archives by
//! itself, and what any of them keeps stays. They see good archives only, so a damaged one never takes a good one's
//! place, and a time in which nothing good was made uses up no count: after a pause nothing is removed because of the
//! pause.
//!
//! Nothing here removes anything or looks at the clock.

use std::collections::HashSet;
use std::fmt;

use chrono_tz::Tz;
use etiqa_model::backup::Retention;
use etiqa_model::{RunId, Timestamp};

mod period;

#[cfg(test)]
mod tests;

pub use period::Period;

/// An archive of one backup config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Archive {
    /// The run that made it.
    pub run: RunId,
    /// When that run ended.
    pub finished_at: Timestamp,
    /// Completed, verified, not damaged.
    pub good: bool,
    /// Devices that gave no good text to it.
    pub devices_failed: u32,
    /// A person wants it kept for good.
    pub protected: bool,
}

/// What becomes of one archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The run that made it.
    pub run: RunId,
    /// Whether it is kept.
    pub keep: bool,
    /// Why; the strongest reason where there are several. Its `Display` is for a person.
    pub reason: Reason,
}

/// Why an archive is kept or goes, in words through `Display`: "one of the newest 10".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Kept: a person protected it.
    Protected,
    /// Kept: it is the newest good one, whatever the counts say.
    NewestGood,
    /// Kept: it is the newest good one in which no device failed.
    NewestWithoutFailures,
    /// Kept: it is one of the newest so many.
    Newest(u32),
    /// Kept: it is the last good one of this period.
    LastOf(Period),
    /// Kept: it is damaged, but still one of the newest so many archives of any kind, and somebody may want to look.
    DamagedButNew(u32),
    /// Goes: it is damaged, and so many archives are newer.
    DamagedAndOld(u32),
    /// Goes: no rule keeps it.
    Old,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let newest =
            |count: &u32| if *count == 1 { "the newest".into() } else { format!("the newest {count}") };
        match self {
            Self::Protected => f.write_str("protected"),
            Self::NewestGood => f.write_str("the newest good one"),
            Self::NewestWithoutFailures => f.write_str("the newest without failed devices"),
            Self::Newest(count) => write!(f, "one of {}", newest(count)),
            Self::LastOf(period) => write!(f, "the last of {period}"),
            Self::DamagedButNew(count) => write!(f, "damaged, but one of {}", newest(count)),
            Self::DamagedAndOld(count) => write!(f, "damaged, and not one of {}", newest(count)),
            Self::Old => f.write_str("older than what is kept"),
        }
    }
}

/// Says of each archive whether it is kept, in the order given. Periods are those of `zone`.
///
/// Whatever the counts, these stay: protected archives, the newest good one, and the newest good one without failed
/// devices.
pub fn plan(archives: &[Archive], retention: &Retention, zone: Tz) -> Vec<Verdict> {
    // What was made last, whatever the clock said then: one that was wrong for a day must not make every later archive
    // the oldest.
    let mut newest_first: Vec<&Archive> = archives.iter().collect();
    newest_first.sort_unstable_by_key(|archive| std::cmp::Reverse(archive.run));
    let good: Vec<&Archive> = newest_first.iter().copied().filter(|archive| archive.good).collect();
    let mut good_by_time = good.clone();
    good_by_time.sort_unstable_by_key(|archive| std::cmp::Reverse((archive.finished_at, archive.run)));

    let rules = Rules {
        newest_good: good.first().map(|archive| archive.run),
        newest_without_failures: good
            .iter()
            .find(|archive| archive.devices_failed == 0)
            .map(|archive| archive.run),
        newest: runs(good.iter().copied().take(retention.max_backups as usize)),
        newest_of_any_kind: runs(newest_first.into_iter().take(retention.max_backups as usize)),
        last_of: Period::counts(retention)
            .into_iter()
            .map(|(period_of, count)| last_of_periods(&good_by_time, count, |time| period_of(time, zone)))
            .collect(),
        max_backups: retention.max_backups,
    };
    archives
        .iter()
        .map(|archive| {
            let reason = rules.reason(archive);
            let keep = !matches!(reason, Reason::Old | Reason::DamagedAndOld(_));
            Verdict { run: archive.run, keep, reason }
        })
        .collect()
}

/// What each rule keeps.
struct Rules {
    newest_good: Option<RunId>,
    newest_without_failures: Option<RunId>,
    newest: HashSet<RunId>,
    newest_of_any_kind: HashSet<RunId>,
    /// Per kind of period, from hours to years.
    last_of: Vec<Vec<(RunId, Period)>>,
    max_backups: u32,
}

impl Rules {
    fn reason(&self, archive: &Archive) -> Reason {
        let run = archive.run;
        if archive.protected {
            return Reason::Protected;
        }
        if !archive.good {
            let is_new = self.newest_of_any_kind.contains(&run);
            let damaged = if is_new { Reason::DamagedButNew } else { Reason::DamagedAndOld };
            return damaged(self.max_backups);
        }
        if self.newest_good == Some(run) {
            return Reason::NewestGood;
        }
        if self.newest_without_failures == Some(run) {
            return Reason::NewestWithoutFailures;
        }
        if self.newest.contains(&run) {
            return Reason::Newest(self.max_backups);
        }
        let last_of = self.last_of.iter().flatten().find(|(last, _)| *last == run);
        last_of.map_or(Reason::Old, |(_, period)| Reason::LastOf(*period))
    }
}

fn runs<'a>(archives: impl Iterator<Item = &'a Archive>) -> HashSet<RunId> {
    archives.map(|archive| archive.run).collect()
}

/// The last archive of each of the newest `count` periods that have one.
fn last_of_periods(
    newest_first: &[&Archive],
    count: u32,
    period_of: impl Fn(Timestamp) -> Period,
) -> Vec<(RunId, Period)> {
    let mut last: Vec<(RunId, Period)> = Vec::new();
    for archive in newest_first {
        if last.len() >= count as usize {
            break;
        }
        let period = period_of(archive.finished_at);
        if last.last().is_none_or(|(_, newer)| *newer != period) {
            last.push((archive.run, period));
        }
    }
    last
}
