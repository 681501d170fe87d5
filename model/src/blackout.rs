//! Times at which no run begins by itself: office hours, change freezes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::schedule::{TimeOfDay, Weekday};

/// Windows that one schedule may have.
const MOST_WINDOWS: usize = 20;
const MINUTES_A_DAY: u16 = 24 * 60;

/// A window of a local clock, on some days of the week: `mon-fri 08:00-18:00`, `sat,sun`, `22:00-02:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blackout {
    /// Bit 0 is Monday: the days on which it begins.
    days: u8,
    /// Minutes after midnight.
    from: u16,
    /// Minutes after the midnight before `from`: more than a day's where it goes into the next day.
    to: u16,
}

/// All windows of a schedule, in the order in which they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Blackouts(Vec<Blackout>);

impl Blackout {
    /// Reads one window: days, times, or both.
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "\"{text}\" is no such window; write it as mon-fri 08:00-18:00, as sat, or as 22:00-02:00."
            )
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let (days, times) = match words[..] {
            [times] if times.contains(':') => (0x7f, Some(times)),
            [days] => (days_of(days)?, None),
            [days, times] => (days_of(days)?, Some(times)),
            _ => return Err(wrong()),
        };
        let Some(times) = times else { return Ok(Self { days, from: 0, to: MINUTES_A_DAY }) };
        let (from, to) = times.split_once('-').ok_or_else(wrong)?;
        let (from, to) = (minutes_of(from)?, minutes_of(to)?);
        if from == to || from == MINUTES_A_DAY {
            return Err(wrong());
        }
        Ok(Self { days, from, to: if to > from { to } else { to + MINUTES_A_DAY } })
    }

    /// Minutes until its end, where it is on at this minute of a day of the week (0 is Monday).
    fn minutes_left(self, weekday: u8, minute: u16) -> Option<u16> {
        let begins = |day: u8| self.days & (1 << day) != 0;
        let yesterday = (weekday + 6) % 7;
        if begins(weekday) && (self.from..self.to).contains(&minute) {
            return Some(self.to - minute);
        }
        let since = minute + MINUTES_A_DAY;
        (begins(yesterday) && (self.from..self.to).contains(&since)).then(|| self.to - since)
    }
}

impl Blackouts {
    /// Reads windows, with semicolons or ends of lines between them; none of an empty text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let windows = text.split([';', '\n']).map(str::trim).filter(|window| !window.is_empty());
        let windows = windows.map(Blackout::parse).collect::<Result<Vec<_>, _>>()?;
        if windows.len() > MOST_WINDOWS {
            return Err(format!("These are too many windows: {MOST_WINDOWS} are enough."));
        }
        Ok(Self(windows))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Minutes until the windows that are on at this minute of a day of the week (0 is Monday) have ended; none where
    /// none is. Those that begin where another one ends are not looked at.
    pub fn minutes_left(&self, weekday: u8, minute: u16) -> Option<u16> {
        self.0.iter().filter_map(|window| window.minutes_left(weekday, minute)).max()
    }
}

/// `mon`, `mon-fri`, `sat,sun`, as bits.
fn days_of(text: &str) -> Result<u8, String> {
    let mut days = 0;
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) =
            (Weekday::parse(first)?.days_from_monday(), Weekday::parse(last)?.days_from_monday());
        let length = (last + 7 - first) % 7;
        for day in first..=first + length {
            days |= 1 << (day % 7);
        }
    }
    Ok(days)
}

/// `08:00`, and `24:00` for the end of a day.
fn minutes_of(text: &str) -> Result<u16, String> {
    if text.trim() == "24:00" {
        return Ok(MINUTES_A_DAY);
    }
    let TimeOfDay { hour, minute } = TimeOfDay::parse(text)?;
    Ok(u16::from(hour) * 60 + u16::from(minute))
}

impl fmt::Display for Blackout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_whole_day = (self.from, self.to) == (0, MINUTES_A_DAY);
        if self.days != 0x7f || is_whole_day {
            write_days(f, self.days)?;
        }
        if is_whole_day {
            return Ok(());
        }
        if self.days != 0x7f {
            f.write_str(" ")?;
        }
        let to = if self.to > MINUTES_A_DAY { self.to - MINUTES_A_DAY } else { self.to };
        write!(f, "{:02}:{:02}-{:02}:{:02}", self.from / 60, self.from % 60, to / 60, to % 60)
    }
}

/// Days in a row as `mon-fri`.
fn write_days(f: &mut fmt::Formatter<'_>, days: u8) -> fmt::Result {
    let name = |day: u8| &Weekday::ALL[usize::from(day)].as_str()[..3];
    let mut is_first = true;
    let mut day = 0;
    while day < 7 {
        if days & (1 << day) == 0 {
            day += 1;
            continue;
        }
        let last = (day..7).take_while(|next| days & (1 << next) != 0).last().unwrap_or(day);
        if !is_first {
            f.write_str(",")?;
        }
        is_first = false;
        match last - day {
            0 => f.write_str(name(day))?,
            1 => write!(f, "{},{}", name(day), name(last))?,
            _ => write!(f, "{}-{}", name(day), name(last))?,
        }
        day = last + 1;
    }
    Ok(())
}

impl fmt::Display for Blackouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, window) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            window.fmt(f)?;
        }
        Ok(())
    }
}

impl From<Blackouts> for String {
    fn from(blackouts: Blackouts) -> Self {
        blackouts.to_string()
    }
}

impl TryFrom<String> for Blackouts {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONDAY: u8 = 0;
    const SATURDAY: u8 = 5;
    const SUNDAY: u8 = 6;

    fn left(text: &str, weekday: u8, time: &str) -> Option<u16> {
        Blackouts::parse(text).unwrap().minutes_left(weekday, minutes_of(time).unwrap())
    }

    #[test]
    fn a_window_is_on_from_its_first_minute_to_the_one_before_its_end() {
        let office = "mon-fri 08:00-18:00";
        assert_eq!(left(office, MONDAY, "07:59"), None);
        assert_eq!(left(office, MONDAY, "08:00"), Some(600));
        assert_eq!(left(office, MONDAY, "17:59"), Some(1));
        assert_eq!(left(office, MONDAY, "18:00"), None);
        assert_eq!(left(office, SATURDAY, "12:00"), None);
    }

    #[test]
    fn a_window_that_ends_before_it_begins_goes_into_the_next_day() {
        assert_eq!(left("sun 22:00-02:00", SUNDAY, "23:00"), Some(180));
        assert_eq!(left("sun 22:00-02:00", MONDAY, "01:59"), Some(1));
        assert_eq!(left("sun 22:00-02:00", MONDAY, "22:00"), None);
        assert_eq!(left("22:00-02:00", SATURDAY, "00:00"), Some(120));
    }

    #[test]
    fn days_alone_are_whole_days_and_a_week_goes_around() {
        assert_eq!(left("sat,sun", SATURDAY, "00:00"), Some(1440));
        assert_eq!(left("sat-mon 00:00-24:00", MONDAY, "23:59"), Some(1));
        assert_eq!(left("sat-mon", 1, "00:00"), None);
    }

    #[test]
    fn windows_are_written_as_they_are_read() {
        for text in [
            "mon-fri 08:00-18:00; sat,sun",
            "22:00-02:00",
            "mon-sun",
            "tue,thu-sat 00:00-24:00",
            "mon 00:01-24:00",
        ] {
            let read = Blackouts::parse(text).unwrap();
            let written = read.to_string();
            assert_eq!(Blackouts::parse(&written).unwrap(), read, "{text}: {written}");
        }
        assert_eq!(
            Blackouts::parse("Monday-fri 8:00-18:00\nSATURDAY").unwrap().to_string(),
            "mon-fri 08:00-18:00; sat"
        );
    }

    #[test]
    fn what_is_no_window_is_refused_with_what_to_write() {
        for wrong in
            ["08:00", "mon 08:00-08:00", "mon 24:00-02:00", "someday 08:00-09:00", "mon 8-9", "a b c"]
        {
            assert!(Blackouts::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Blackouts::parse(&"sat;".repeat(21)).is_err());
    }
}
