//! Masking: what viewers and transcripts may not show.

use std::ops::Range;
use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

use super::driver::Driver;

/// What stands in place of a secret.
pub const MASK: &str = "<removed>";

/// A private key in PEM or OpenSSH form, on any platform; also one whose end was cut off.
static PRIVATE_KEY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    RegexBuilder::new(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(.*?)(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)")
        .dot_matches_new_line(true)
        .build()
        .ok()
});

/// `text` with every secret masked that the driver knows of, and every private key. Masking twice changes nothing.
///
/// What is left of two lines is never joined into one, and no mask is cut: a search of masked texts relies on that.
pub fn redact(driver: &Driver, text: &str) -> String {
    let mut masked = text.to_owned();
    for pattern in PRIVATE_KEY.iter().chain(&driver.secrets) {
        if let Some(replaced) = replace_groups(pattern, &masked, masked_span) {
            masked = replaced;
        }
    }
    masked
}

/// What becomes of a secret, and how far it goes.
fn masked_span(text: &str, secret: Range<usize>) -> (Range<usize>, &'static str) {
    let secret = around_masks(text, secret);
    let begins_line = secret.start == 0 || text[..secret.start].ends_with('\n');
    let with = match (text[secret.clone()].ends_with('\n'), begins_line) {
        (false, _) => MASK,
        // Whole lines leave nothing behind.
        (true, true) => "",
        (true, false) => "<removed>\n",
    };
    (secret, with)
}

/// The span with every mask whole that it cuts.
fn around_masks(text: &str, mut span: Range<usize>) -> Range<usize> {
    let cut = |at: usize| {
        let begins = (at.saturating_sub(MASK.len() - 1)..at)
            .find(|begin| text.as_bytes()[*begin..].starts_with(MASK.as_bytes()));
        begins.map(|begin| begin..begin + MASK.len())
    };
    if let Some(mask) = cut(span.start) {
        span.start = mask.start;
    }
    if let Some(mask) = cut(span.end) {
        span.end = mask.end;
    }
    span
}

/// Replaces the groups of every match, or the whole match of a regex without groups, by what `with` says: the span, which
/// may be wider than the group, and what takes its place. None: nothing matched.
pub(super) fn replace_groups(
    pattern: &Regex,
    text: &str,
    with: impl Fn(&str, Range<usize>) -> (Range<usize>, &'static str),
) -> Option<String> {
    let mut replaced = String::new();
    let mut kept = 0;
    for captures in pattern.captures_iter(text) {
        let groups = usize::from(captures.len() > 1)..captures.len();
        for group in groups.filter_map(|index| captures.get(index)) {
            // A group within another, or an empty one, has nothing left to replace.
            if group.end() > kept && !group.is_empty() {
                let (span, with) = with(text, group.start().max(kept)..group.end());
                replaced.push_str(&text[kept..span.start.max(kept)]);
                replaced.push_str(with);
                kept = span.end;
            }
        }
    }
    (kept > 0).then(|| replaced + &text[kept..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::{DriverSet, compare_text};
    use proptest::prelude::*;
    use std::sync::Arc;

    fn ios() -> Arc<Driver> {
        DriverSet::built_in().get("ios").unwrap()
    }

    #[test]
    fn ios_secrets_are_masked_and_the_rest_stays() {
        let text = "enable secret 9 $9$abc\nusername admin privilege 15 secret 5 $1$xyz\n\
                    snmp-server community s3cret RO\nhostname core-1\nend\n";
        let masked = redact(&ios(), text);
        for secret in ["$9$abc", "$1$xyz", "s3cret"] {
            assert!(!masked.contains(secret), "{masked}");
        }
        assert!(masked.contains("username admin privilege 15 secret 5 <removed>\n"), "{masked}");
        assert!(masked.contains("snmp-server community <removed> RO\nhostname core-1\nend\n"), "{masked}");
    }

    #[test]
    fn private_keys_are_masked_on_every_platform() {
        let text = "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb\n";
        let masked = redact(&ios(), text);
        assert!(!masked.contains("MIIE") && masked.ends_with("\nb\n"), "{masked}");
        assert!(!redact(&ios(), "-----BEGIN OPENSSH PRIVATE KEY-----\nMIIE\n").contains("MIIE"));
    }

    #[test]
    fn what_is_left_of_two_lines_is_never_joined_and_no_mask_is_cut() {
        let own = "[[secret]]\npattern = '^key (.*\\n)'\n[[secret]]\npattern = '^(old .*\\n)'\n\
                   [[secret]]\npattern = 'em(ov)'\n[[secret]]\npattern = 'id (\\w+)(\\w)'\n";
        let driver = Driver::parse("own", &format!("{}\n{own}", ios().text())).unwrap();
        assert_eq!(redact(&driver, "key abc\nhostname a\n"), "key <removed>\nhostname a\n");
        assert_eq!(redact(&driver, "a\nold 1\nold 2\nb\n"), "a\nb\n");
        assert_eq!(redact(&driver, "enable secret 9 x\nb\n"), "enable secret 9 <removed>\nb\n");
        assert_eq!(redact(&driver, "id abcdef\n"), "id <removed><removed>\n");
        let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n";
        assert_eq!(
            redact(&driver, key),
            "-----BEGIN RSA PRIVATE KEY-----<removed>\n-----END RSA PRIVATE KEY-----\n"
        );
    }

    #[test]
    fn uptimes_and_counters_make_no_difference_and_configuration_does() {
        let text = |time: &str, host: &str| {
            format!(
                "Current configuration : {} bytes\n!\n! Last configuration change at {time}\n!\nhostname {host}\nend\n",
                time.len()
            )
        };
        let (first, second) = (text("10:00:00 UTC", "a"), text("11:30:00 UTC by admin", "a"));
        assert_eq!(compare_text(&ios(), "running", &first), compare_text(&ios(), "running", &second));
        let other = text("10:00:00 UTC", "b");
        assert_ne!(compare_text(&ios(), "running", &first), compare_text(&ios(), "running", &other));
    }

    proptest! {
        #[test]
        fn masking_twice_changes_nothing(
            lines in proptest::collection::vec("(enable secret |username a password 7 |snmp-server community |key )?[a-z0-9$ <>]{0,12}", 0..8)
        ) {
            let once = redact(&ios(), &lines.join("\n"));
            prop_assert_eq!(redact(&ios(), &once), once);
        }
    }
}
