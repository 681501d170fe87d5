//! Why an enabled device needs a hand, as a condition on `device d`. For each device the first reason that holds is the only
//! one: a number of devices and the list that it leads to are of the same ones.

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
