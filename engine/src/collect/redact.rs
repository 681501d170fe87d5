//! Masking: what viewers and transcripts may not show.

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

use super::driver::Driver;

const MASK: &str = "<removed>";

/// A private key in PEM or OpenSSH form, on any platform; also one whose end was cut off.
static PRIVATE_KEY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    RegexBuilder::new(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(.*?)(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)")
        .dot_matches_new_line(true)
        .build()
        .ok()
});

/// `text` with every secret masked that the driver knows of, and every private key. Masking twice changes nothing.
pub fn redact(driver: &Driver, text: &str) -> String {
    let mut masked = text.to_owned();
    for pattern in PRIVATE_KEY.iter().chain(&driver.secrets) {
        if let Some(replaced) = replace_groups(pattern, &masked, MASK) {
            masked = replaced;
        }
    }
    masked
}

/// Replaces the groups of every match, or the whole match of a regex without groups. None: nothing matched.
pub(super) fn replace_groups(pattern: &Regex, text: &str, with: &str) -> Option<String> {
    let mut replaced = String::new();
    let mut kept = 0;
    for captures in pattern.captures_iter(text) {
        let groups = usize::from(captures.len() > 1)..captures.len();
        for group in groups.filter_map(|index| captures.get(index)) {
            // A group within another, or an empty one, has nothing left to replace.
            if group.start() >= kept && !group.is_empty() {
                replaced.push_str(&text[kept..group.start()]);
                // Whole lines leave nothing behind, so that a line may come and go.
                if !group.as_str().ends_with('\n') {
                    replaced.push_str(with);
                }
                kept = group.end();
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
