//! Whether a run takes a device's own backup along.

use chrono::Datelike;
use chrono_tz::Tz;
use etiqa_model::Timestamp;
use etiqa_model::artifact::ArtifactCadence;

/// Whether one is due for the run that began at `now`, when the newest good one was asked for at `last` (which is when its
/// run began, however long that took). Days and weeks are those of the config's zone, so that a run which begins a
/// minute earlier than yesterday's still takes one along.
pub(crate) fn is_due(cadence: ArtifactCadence, last: Option<Timestamp>, now: Timestamp, zone: Tz) -> bool {
    let day = |at: Timestamp| at.to_utc().with_timezone(&zone).date_naive();
    let Some(last) = last else { return cadence != ArtifactCadence::Never };
    match cadence {
        ArtifactCadence::Never => false,
        ArtifactCadence::EveryRun => true,
        ArtifactCadence::Daily => day(last) != day(now),
        ArtifactCadence::Weekly => day(last).iso_week() != day(now).iso_week(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Utc};

    use super::*;

    fn at(day: u32, hour: u32) -> Timestamp {
        // The 23rd is a Monday.
        Timestamp::from(Utc.with_ymd_and_hms(2026, 11, day, hour, 0, 0).unwrap())
    }

    fn due(cadence: ArtifactCadence, last: Timestamp, now: Timestamp) -> bool {
        is_due(cadence, Some(last), now, chrono_tz::Europe::Vienna)
    }

    #[test]
    fn a_device_without_one_gets_one_unless_never() {
        for cadence in ArtifactCadence::ALL {
            let expected = *cadence != ArtifactCadence::Never;
            assert_eq!(is_due(*cadence, None, at(23, 2), Tz::UTC), expected, "{cadence:?}");
        }
    }

    #[test]
    fn a_day_is_the_zones_own() {
        // 22:30 and 23:30 UTC are on two days in Vienna.
        assert!(due(ArtifactCadence::Daily, at(24, 22), at(24, 23)));
        assert!(!due(ArtifactCadence::Daily, at(24, 1), at(24, 22)));
    }

    #[test]
    fn a_week_begins_on_monday() {
        assert!(due(ArtifactCadence::Weekly, at(22, 12), at(23, 2)));
        assert!(!due(ArtifactCadence::Weekly, at(23, 2), at(29, 12)));
    }
}
