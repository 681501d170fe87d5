//! What backup configs promise devices, as an expression over `device d`. Which promises there are is decided in
//! `backup/promise`.

use std::fmt::Write as _;

use etiqa_model::selector::Selector;
use etiqa_model::{BackupConfigId, Timestamp};

use super::device::covers;
use crate::db::{Filter, Result, Tx};

/// That these devices have a good text that was taken at `since` or later. Those that were added, enabled, or came to be
/// covered only after that are to have a text at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// Whose.
    pub devices: Selector,
    /// The oldest that it may be.
    pub since: Timestamp,
}

/// What the first promise to a device says, in milliseconds, 0 where any text will do; NULL where none is made to it. Its
/// values go along with `filter`.
pub(super) fn promised_since(promises: &[Promise], filter: &mut Filter) -> String {
    let mut cases = String::new();
    for Promise { devices, since } in promises {
        let (condition, value) = covers(devices);
        let condition = filter.numbered(&condition, value);
        let since = since.millis();
        // Writing to a String cannot fail.
        let _ = write!(
            cases,
            " WHEN {condition} THEN CASE WHEN d.promised_from > {since} THEN 0 ELSE {since} END"
        );
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

/// That an enabled backup which collects devices chooses them by what `selector`, a piece of SQL, gives: `'tag:' || …`.
pub(super) fn is_chosen_by(selector: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM backup_config b WHERE b.enabled = 1 AND b.kind <> 'data' AND b.devices = {selector})"
    )
}

/// From now on a backup config promises what it is due for; until that is so, what was due at `due_before`.
pub async fn promise_begin_in_txn(
    tx: &mut Tx,
    id: BackupConfigId,
    due_before: Option<Timestamp>,
    now: Timestamp,
) -> Result<()> {
    sqlx::query("UPDATE backup_config SET promised_from = $2, due_before = $3 WHERE id = $1")
        .bind(id.0)
        .bind(now.millis())
        .bind(due_before.map(Timestamp::millis))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// From now on something is promised to the devices that `covered` covers and `before` did not.
pub async fn promise_begin_for_covered_in_txn(
    tx: &mut Tx,
    covered: &Selector,
    before: &Selector,
    now: Timestamp,
) -> Result<()> {
    let mut filter = Filter::new();
    let [covered, before] = [covered, before].map(|selector| {
        let (condition, value) = covers(selector);
        filter.numbered(&condition, value)
    });
    filter.and_built(covered).and_built(format!("NOT ({before})"));
    let now = now.millis();
    let update = format!("UPDATE device SET promised_from = {now} WHERE id IN (SELECT d.id FROM device d");
    filter.query(&update, ")").persistent(false).execute(&mut **tx).await?;
    Ok(())
}

/// What is promised from a time after `now` is promised from now on: the clock was set back.
pub async fn promises_bring_forward_in_txn(tx: &mut Tx, now: Timestamp) -> Result<()> {
    for sql in [
        "UPDATE backup_config SET promised_from = $1 WHERE promised_from > $1",
        "UPDATE backup_config SET due_before = NULL WHERE due_before > $1",
        "UPDATE device SET promised_from = $1 WHERE promised_from > $1",
    ] {
        sqlx::query(sql).bind(now.millis()).execute(&mut **tx).await?;
    }
    Ok(())
}
