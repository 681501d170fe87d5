//! Numbers, sizes and times in words. Everything here gives the same text on the server and in the browser.

use chrono::{Datelike, Timelike};
use etiqa_model::Timestamp;
use etiqa_model::device::{Device, Transport};

use crate::clock::Zone;

const DAY_MS: i64 = 86_400_000;

/// 4120 → `4,120`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 device`, `3 devices`.
pub(crate) fn plural(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Bytes in the unit that fits, decimal: `84 MB`, `1.4 GB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KB", "MB", "GB", "TB", "PB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let bytes = u128::from(bytes); // ten times a size may not fit in 64 bits
    let (mut one, mut unit) = (1_000, 0);
    while (bytes + one / 2) / one >= 1_000 && unit + 1 < UNITS.len() {
        one *= 1_000;
        unit += 1;
    }
    let (whole, tenths) = ((bytes + one / 2) / one, (bytes * 10 + one / 2) / one);
    if tenths < 100 {
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    } else {
        format!("{whole} {}", UNITS[unit])
    }
}

/// `97.7%` of a whole; `100%` only where it is all, `0%` only where it is none.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    // In tenths, rounded down, so that one failure among thousands still shows.
    let tenths = part.saturating_mul(1_000) / whole;
    if tenths.is_multiple_of(10) {
        format!("{}%", tenths / 10)
    } else {
        format!("{}.{}%", tenths / 10, tenths % 10)
    }
}

/// How long something took: `0.4 s`, `41 s`, `3 min 20 s`, `3 h 12 min`.
pub(crate) fn took(ms: i64) -> String {
    let ms = ms.max(0);
    if ms < 9_950 { format!("{}.{} s", ms / 1_000, ms % 1_000 / 100) } else { span(ms / 1_000) }
}

/// Seconds in the two units that fit.
pub(crate) fn span(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match () {
        () if seconds < 60 => format!("{seconds} s"),
        () if minutes < 10 && seconds % 60 != 0 => format!("{minutes} min {} s", seconds % 60),
        () if hours < 1 => format!("{minutes} min"),
        () if days < 1 && minutes % 60 != 0 => format!("{hours} h {} min", minutes % 60),
        () if days < 1 => format!("{hours} h"),
        () if days < 7 && hours % 24 != 0 => format!("{} {} h", plural(days as u64, "day"), hours % 24),
        () => plural(days as u64, "day"),
    }
}

/// How late a due time may be before it is called late; the same as for the state `due`.
const LATE_SECONDS: i64 = 5 * 60;

/// `in 3 h 12 min`, `now`, `6 min late`.
pub(crate) fn until(due: Timestamp, now: Timestamp) -> String {
    let seconds = (due.millis() - now.millis()).div_euclid(1_000);
    match seconds {
        1.. => format!("in {}", span(seconds)),
        late if late >= -LATE_SECONDS => "now".to_owned(),
        late => format!("{} late", span(-late / 60 * 60)),
    }
}

/// `just now`, `5 min ago`, `2 days ago`.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = (now.millis() - at.millis()) / 1_000;
    match seconds {
        ..60 => "just now".to_owned(),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} ago", plural((seconds / 86_400) as u64, "day")),
    }
}

fn local(at: Timestamp, zone: Zone) -> Timestamp {
    Timestamp(at.millis().saturating_add(i64::from(zone.offset_at(at)) * 60_000))
}

/// `today 02:00`, `21 Nov 02:00`, `21 Nov 2025 02:00`; with ` UTC` where the zone is not known.
pub(crate) fn when(at: Timestamp, now: Timestamp, zone: Zone) -> String {
    let (here, today) = (local(at, zone), local(now, zone));
    let time = here.to_utc();
    let suffix = if zone == Zone::Utc { " UTC" } else { "" };
    let clock = format!("{:02}:{:02}{suffix}", time.hour(), time.minute());
    match here.millis().div_euclid(DAY_MS) - today.millis().div_euclid(DAY_MS) {
        0 => format!("today {clock}"),
        -1 => format!("yesterday {clock}"),
        1 => format!("tomorrow {clock}"),
        _ if time.year() == today.to_utc().year() => format!("{} {clock}", day(here)),
        _ => format!("{} {} {clock}", day(here), time.year()),
    }
}

/// The whole time with its offset, for a tooltip: `2026-11-23 02:00:05 UTC+01:00`.
pub(crate) fn exact(at: Timestamp, zone: Zone) -> String {
    let minutes = zone.offset_at(at);
    let time = local(at, zone).to_utc();
    let offset = match minutes {
        0 => String::new(),
        _ => format!(
            "{}{:02}:{:02}",
            if minutes < 0 { '−' } else { '+' },
            minutes.abs() / 60,
            minutes.abs() % 60
        ),
    };
    format!(
        "{}-{:02}-{:02} {:02}:{:02}:{:02} UTC{offset}",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// A day of the calendar in UTC: `24 Oct`.
pub(crate) fn day(at: Timestamp) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let time = at.to_utc();
    format!("{} {}", time.day(), MONTHS[time.month0() as usize])
}

/// Where a device answers: its address, and what of port and transport is not the usual.
pub(crate) fn place(device: &Device) -> String {
    let mut place = device.address.clone();
    if device.port != device.transport.default_port() {
        place = format!("{place} port {}", device.port);
    }
    match device.transport {
        Transport::Ssh => place,
        Transport::Telnet => place + ", telnet",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23T02:00:05Z.
    const NOW: Timestamp = Timestamp(1_795_399_205_000);

    #[test]
    fn sizes_and_counts_are_in_the_unit_that_fits() {
        assert_eq!([size(0), size(999), size(1_000), size(84_200_000)], ["0 B", "999 B", "1.0 KB", "84 MB"]);
        assert_eq!(size(999_600), "1.0 MB");
        assert_eq!([count(7), count(4_120), count(1_000_000)], ["7", "4,120", "1,000,000"]);
        assert_eq!([plural(1, "device"), plural(0, "device")], ["1 device", "0 devices"]);
    }

    #[test]
    fn one_failure_among_thousands_is_never_rounded_to_all_good() {
        assert_eq!(percent(9_999, 10_000), "99.9%");
        assert_eq!(percent(128, 128), "100%");
        assert_eq!(percent(0, 0), "–");
    }

    #[test]
    fn a_time_says_its_day_in_the_viewers_zone() {
        let late_evening = Timestamp(NOW.millis() - 3 * 3_600_000);
        assert_eq!(when(late_evening, NOW, Zone::Utc), "yesterday 23:00 UTC");
        assert_eq!(when(late_evening, NOW, Zone::Offset(60)), "today 00:00");
        assert_eq!(when(Timestamp(0), NOW, Zone::Utc), "1 Jan 1970 00:00 UTC");
        assert_eq!(exact(NOW, Zone::Offset(-150)), "2026-11-22 23:30:05 UTC−02:30");
    }

    #[test]
    fn a_countdown_counts_to_now_and_then_says_how_late_it_is() {
        let due = |seconds: i64| until(Timestamp(NOW.millis() + seconds * 1_000), NOW);
        assert_eq!([due(11_520), due(42), due(0)], ["in 3 h 12 min", "in 42 s", "now"]);
        assert_eq!([due(-200), due(-400)], ["now", "6 min late"]);
        assert_eq!(due(190), "in 3 min 10 s");
    }

    #[test]
    fn a_duration_has_at_most_two_units() {
        assert_eq!([took(400), took(1_432), took(41_000)], ["0.4 s", "1.4 s", "41 s"]);
        assert_eq!([span(3_600), span(100_000), span(864_000)], ["1 h", "1 day 3 h", "10 days"]);
    }
}
