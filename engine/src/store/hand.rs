//! Why an enabled device needs a hand, as a condition on `device d`. For each device the first reason that holds is the only
//! one: a number of devices and the list that it leads to are of the same ones. Beside the condition stand the same reasons
//! for devices that were counted together.

use etiqa_model::overview::Reason;

/// Classes after which a device counts as backed up.
pub(super) const GOOD: &str = "d.last_class IN ('ok', 'unchanged')";

/// That a device needs a hand for this reason; `since` is what is promised to it. Disabled ones are for the caller to leave
/// out.
pub(super) fn needs_hand(reason: Reason, since: &str) -> String {
    match reason {
        Reason::Failing => {
            "d.last_class NOT IN ('ok', 'unchanged', 'suspect', 'host_key_changed')".to_owned()
        }
        Reason::Suspect => "d.last_class = 'suspect'".to_owned(),
        Reason::HostKeyChanged => "d.last_class = 'host_key_changed'".to_owned(),
        Reason::NeverBackedUp => "d.last_class IS NULL".to_owned(),
        // A text that is not there is older than any.
        Reason::Overdue => format!("{GOOD} AND COALESCE(d.last_good_at, -1) < {since}"),
        Reason::NoBackup => format!("{GOOD} AND {since} IS NULL"),
    }
}

/// How many of `total` enabled devices whose last collection ended in this class need a hand, by why: something is promised
/// to `planned` of them, and `covered` of these have a good text within it. A number may be 0.
pub(super) fn hands_of(
    last_class: Option<&str>,
    total: u64,
    planned: u64,
    covered: u64,
) -> Vec<(Reason, u64)> {
    match last_class {
        None => vec![(Reason::NeverBackedUp, total)],
        Some("suspect") => vec![(Reason::Suspect, total)],
        Some("host_key_changed") => vec![(Reason::HostKeyChanged, total)],
        Some("ok" | "unchanged") => vec![
            (Reason::Overdue, planned.saturating_sub(covered)),
            (Reason::NoBackup, total.saturating_sub(planned)),
        ],
        Some(_) => vec![(Reason::Failing, total)],
    }
}

/// Adds to how many there are of `what`.
pub(super) fn add<T: PartialEq>(counts: &mut Vec<(T, u64)>, what: T, number: u64) {
    match counts.iter_mut().find(|(known, _)| *known == what) {
        Some((_, count)) => *count += number,
        None => counts.push((what, number)),
    }
}

#[cfg(test)]
mod tests {
    use etiqa_model::class::Class;

    use super::*;

    #[test]
    fn devices_are_counted_under_the_reason_that_they_are_listed_by() {
        for class in Class::ALL {
            let quoted = format!("'{}'", class.as_str());
            let counted = hands_of(Some(class.as_str()), 3, 2, 1);
            let is_named = |reason| needs_hand(reason, "since").contains(&quoted);
            for reason in Reason::ALL {
                // Devices fail by any class that the others leave.
                let is_counted = counted.iter().any(|(counted, _)| counted == reason);
                assert_eq!(
                    is_named(*reason),
                    is_counted != (*reason == Reason::Failing),
                    "{quoted}: {reason:?}"
                );
            }
        }
    }
}
