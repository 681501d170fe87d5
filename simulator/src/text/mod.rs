//! The texts that devices show, made up from a seed: equal seeds give equal texts.
//!
//! A text is a function of spec, revision (how often it was changed) and moment (how often it was shown), so
//! a device that nobody asks costs no memory.

mod dice;

pub(crate) mod bigip;
pub(crate) mod fortios;
pub(crate) mod gaia;
pub(crate) mod ios;
pub(crate) mod linux;
pub(crate) mod nios;
pub(crate) mod panos;

use chrono::{DateTime, TimeDelta, Utc};

pub(crate) use dice::random_bytes;

use crate::spec::{DeviceSpec, Personality};

/// How many of the newest edits a text shows; older ones went again, so that texts do not grow for ever.
const EDITS_SHOWN: u64 = 60;

/// The whole output of the command that shows the configuration.
pub(crate) fn config(spec: &DeviceSpec, revision: u64, moment: u64) -> String {
    if spec.recording.is_some() {
        return String::new();
    }
    match spec.personality {
        Personality::Ios => ios::running_config(spec, &ios::body(spec, revision), moment),
        Personality::Linux => linux::interfaces(spec, revision),
        Personality::Gaia => gaia::configuration(spec, revision, moment),
        Personality::BigIp => bigip::running_config(spec, revision),
        Personality::Nios => nios::config(spec, revision),
        Personality::FortiOs => fortios::configuration(spec, revision, moment),
        Personality::PanOs => panos::configuration(spec, revision),
    }
}

/// The line starts that change from one showing to the next without being a change.
const VOLATILE: &[&str] = &[
    "! Last configuration change at ",
    "! NVRAM config last updated at ",
    "ntp clock-period ",
    "# Exported by ",
    "#conf_file_ver=",
];

/// `text` without the lines that change by themselves.
pub(crate) fn without_volatile_lines(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !VOLATILE.iter().any(|start| line.starts_with(start))).collect()
}

/// The banner that SSH shows before the login, where the platform has one.
pub(crate) fn login_banner(personality: Personality) -> Option<&'static str> {
    match personality {
        Personality::Ios => Some(ios::LOGIN_BANNER),
        Personality::Gaia => Some(gaia::LOGIN_BANNER),
        Personality::Nios => Some(nios::LOGIN_BANNER),
        Personality::Linux | Personality::BigIp | Personality::FortiOs | Personality::PanOs => None,
    }
}

/// The clock of a device: a made-up time that goes on by a good minute with every showing.
fn clock(moment: u64) -> DateTime<Utc> {
    let start = DateTime::UNIX_EPOCH + TimeDelta::days(20_514);
    start + TimeDelta::seconds(8 * 3_600 + moment as i64 * 67)
}

/// The edits that a text of this revision shows.
fn edits(revision: u64) -> std::ops::RangeInclusive<u64> {
    (revision.saturating_sub(EDITS_SHOWN) + 1)..=revision
}

#[cfg(test)]
mod tests {
    use super::*;

    fn personalities() -> impl Iterator<Item = &'static Personality> {
        Personality::ALL.iter().chain(&[Personality::FortiOs, Personality::PanOs])
    }

    #[test]
    fn a_text_is_about_as_big_as_asked() {
        for personality in personalities() {
            for size in [8 * 1024, 64 * 1024, 1024 * 1024] {
                let text = config(&DeviceSpec::new(*personality).config_size(size), 0, 1);
                let is_about = (size * 9 / 10..size * 11 / 10).contains(&text.len());
                assert!(is_about, "{personality:?} has {} bytes instead of {size}", text.len());
            }
        }
    }

    #[test]
    fn every_edit_changes_a_few_lines() {
        for personality in personalities() {
            let spec = DeviceSpec::new(*personality);
            for revision in [0, 1, 2, 3, 500] {
                let (before, after) = (config(&spec, revision, 1), config(&spec, revision + 1, 1));
                let new = after.lines().filter(|line| !before.lines().any(|old| old == *line)).count();
                assert!(
                    (1..=4).contains(&new),
                    "{personality:?}: {new} lines are new after {revision} edits"
                );
            }
        }
    }

    #[test]
    fn no_line_of_a_text_ends_in_a_blank() {
        for personality in personalities() {
            let text = config(&DeviceSpec::new(*personality), 3, 1);
            assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{personality:?}");
            assert!(!text.lines().any(|line| line.ends_with(' ')), "{personality:?}");
        }
    }
}
