//! The lines that tell, as everybody may see them: with their secrets masked, whoever looks.

use etiqa_model::rule::RuleLine;
use etiqa_model::shown::harmless;

use crate::collect::{Driver, redact};

/// Characters that are shown of a line.
const LONGEST: usize = 300;

/// The lines of these numbers. Where masking takes whole lines away, what is left has other numbers, and where the driver is
/// gone nobody knows what to mask: then numbers are all that is told.
pub(super) fn lines_of(
    driver: Option<&Driver>,
    text: &str,
    numbers: impl IntoIterator<Item = u32>,
) -> Vec<RuleLine> {
    let masked = driver.map(|driver| redact(driver, text)).filter(|masked| ends(masked) == ends(text));
    let lines: Vec<&str> = masked.iter().flat_map(|masked| masked.split('\n')).collect();
    let line = |number: u32| {
        let line = usize::try_from(number).ok().and_then(|number| lines.get(number.checked_sub(1)?));
        RuleLine { number, text: line.map(|line| shortened(line)) }
    };
    numbers.into_iter().map(line).collect()
}

fn ends(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

fn shortened(line: &str) -> String {
    let line = line.trim_end_matches('\r');
    let mut shown: String = line.chars().take(LONGEST).collect();
    if line.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    harmless(&shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::DriverSet;

    fn told(text: &str, numbers: &[u32]) -> Vec<(u32, Option<String>)> {
        let ios = DriverSet::built_in().get("ios").unwrap();
        let lines = lines_of(Some(&ios), text, numbers.iter().copied());
        lines.into_iter().map(|line| (line.number, line.text)).collect()
    }

    #[test]
    fn a_line_is_shown_without_its_secret_and_without_what_turns_it_around() {
        let text = "hostname a\r\nsnmp-server community public RO\nbanner \u{202e}x\n";
        let line = |number, text: &str| (number, Some(text.to_owned()));
        assert_eq!(
            told(text, &[1, 2, 3]),
            [
                line(1, "hostname a"),
                line(2, "snmp-server community <removed> RO"),
                line(3, "banner \u{fffd}x")
            ]
        );
        assert_eq!(told(text, &[9]), [(9, None)], "there is no such line");
        assert_eq!(told(&"x".repeat(400), &[1])[0].1.as_ref().unwrap().chars().count(), LONGEST + 1);
    }

    #[test]
    fn where_masking_takes_lines_away_or_nobody_can_mask_only_numbers_are_told() {
        let key = "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb\n";
        assert_eq!(told(key, &[5]), [(5, None)]);
        assert_eq!(lines_of(None, "a\n", [1]), [RuleLine { number: 1, text: None }]);
    }
}
