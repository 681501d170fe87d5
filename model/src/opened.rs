//! Which unchanged lines of a difference are shown although they are far from every change.

use std::fmt;

/// Ranges that an address may ask for; those after them are left out.
const MOST: usize = 100;

/// Lines of the older text that a person opened: ranges from 1, both ends in them, in order and apart.
///
/// Its text form, in addresses, is `4-23,180-199`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened(Vec<(u32, u32)>);

impl Opened {
    /// Reads the text form; what is no range opens nothing.
    pub fn parse(text: &str) -> Self {
        text.split(',')
            .take(MOST)
            .filter_map(|range| {
                let (first, last) = range.split_once('-')?;
                Some((first.parse().ok()?, last.parse().ok()?))
            })
            .fold(Self::default(), |opened, (first, last)| opened.with(first, last))
    }

    /// These, and the lines from `first` to `last`.
    #[must_use]
    pub fn with(&self, first: u32, last: u32) -> Self {
        let mut ranges = self.0.clone();
        if first > 0 && first <= last {
            ranges.push((first, last));
        }
        ranges.sort_unstable();
        let mut apart: Vec<(u32, u32)> = Vec::new();
        for (first, last) in ranges {
            match apart.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
                _ => apart.push((first, last)),
            }
        }
        Self(apart)
    }

    /// The ranges, in order and apart.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }
}

impl fmt::Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{first}-{last}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_are_one_and_nonsense_opens_nothing() {
        let read = |text| Opened::parse(text).to_string();
        assert_eq!(read("180-199,4-23,24-30"), "4-30,180-199");
        assert_eq!(read("4-10,2-50"), "2-50");
        assert_eq!(read("0-7,9-3,x-4,5,-,7-99999999999"), "");
        assert_eq!(read("1-4294967295,7-8"), "1-4294967295");
    }
}
