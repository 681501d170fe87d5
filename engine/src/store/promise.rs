//! What backup configs promise devices, as an expression over `device d`. Which promises there are is decided in
//! `backup/promise`.

use std::fmt::Write as _;

use etiqa_model::Timestamp;
use etiqa_model::selector::Selector;

use super::device::covers;
use crate::db::Filter;

/// That these devices have a good text that was taken at `since` or later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// Whose.
    pub devices: Selector,
    /// The oldest that it may be.
    pub since: Timestamp,
}

/// What the first promise to a device says, in milliseconds; NULL where none is made to it. Its values go along with
/// `filter`.
pub(super) fn promised_since(promises: &[Promise], filter: &mut Filter) -> String {
    let mut cases = String::new();
    for Promise { devices, since } in promises {
        let (condition, value) = covers(devices);
        let condition = filter.numbered(&condition, value);
        // Writing to a String cannot fail.
        let _ = write!(cases, " WHEN {condition} THEN {}", since.millis());
        // Nobody is left for those behind it.
        if *devices == Selector::All {
            break;
        }
    }
    if cases.is_empty() {
        "CAST(NULL AS BIGINT)".to_owned()
    } else {
        format!("CAST(CASE{cases} END AS BIGINT)")
    }
}
