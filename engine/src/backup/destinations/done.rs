//! What became of a copy, and what is noted of that: at the copy, at its destination, and in the notes of its run.
//!
//! What keeps a destination from working pauses it: for a minute, then twice as long each time, six hours at most; a day
//! where only a person can mend it. Retry reads what the error says of itself, never its words.

use std::time::Duration;

use etiqa_model::destination::CopyState;

use super::place::{Outlook, PlaceError};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::archive_copy::{
    DueCopy, copy_hold_in_txn, copy_put_off_in_txn, copy_set_gone_in_txn, copy_set_kept_in_txn,
    copy_set_left_in_txn, copy_set_sent_in_txn,
};
use crate::store::destination::{KeyedDestination, destination_failed_in_txn, destination_worked_in_txn};
use crate::store::run_note::run_note_insert_in_txn;
use crate::time::now;

/// The first pause of a destination that does not work; each one after it is twice as long.
const FIRST_PAUSE: Duration = Duration::from_mins(1);
const LONGEST_PAUSE: Duration = Duration::from_hours(6);
/// What only a person can mend is tried again once a day, for they may have mended it elsewhere.
const DAILY: Duration = Duration::from_hours(24);

/// What was done about a copy.
#[derive(Debug)]
pub(super) enum Done {
    /// It is there under this name.
    Sent(String),
    /// It was to be deleted, is there under this name, and stays.
    Kept(String),
    /// It was deleted.
    Deleted,
    /// There was nothing to delete.
    Absent,
    /// Another file has its name, in a sentence; that one stays.
    Left(String),
}

/// Notes what was done, unless it was done at a place where the destination is no more.
pub(super) async fn note_done(
    engine: &Engine,
    keyed: &KeyedDestination,
    copy: &DueCopy,
    done: Done,
) -> Result<()> {
    let (at, destination) = (now(), &keyed.destination);
    let (run, file, place) = (copy.run, &copy.file, &destination.name);
    let mut tx = engine.db.write().await?;
    if !copy_hold_in_txn(&mut tx, copy.id, this_try(copy)).await? {
        return Ok(());
    }
    let note = match &done {
        Done::Sent(name) => {
            copy_set_sent_in_txn(&mut tx, copy.id, name, at).await?;
            None
        }
        Done::Kept(name) => {
            copy_set_kept_in_txn(&mut tx, copy.id, name, at).await?;
            None
        }
        Done::Deleted => {
            copy_set_gone_in_txn(&mut tx, copy.id).await?.then(|| format!("Deleted at {place}."))
        }
        Done::Absent => {
            copy_set_gone_in_txn(&mut tx, copy.id).await?;
            None
        }
        Done::Left(why) => copy_set_left_in_txn(&mut tx, copy.id, why)
            .await?
            .then(|| format!("Not deleted at {place}: {why}")),
    };
    if let Some(note) = note {
        run_note_insert_in_txn(&mut tx, run, &note, at).await?;
    }
    destination_worked_in_txn(&mut tx, destination.id, at).await?;
    tx.commit().await?;
    match done {
        Done::Sent(_) => tracing::info!(%run, %file, destination = %place, "{file} is at {place}"),
        Done::Kept(_) => tracing::info!(%run, %file, destination = %place, "{file} is kept at {place}"),
        Done::Deleted | Done::Absent => {
            tracing::info!(%run, %file, destination = %place, "{file} is gone from {place}");
        }
        Done::Left(why) => {
            tracing::warn!(%run, %file, destination = %place, %why, "{file} was not deleted at {place}: {why}");
        }
    }
    Ok(())
}

/// Notes why it did not work, unless the destination is elsewhere by now; false when it is not to be asked for anything
/// else now.
pub(super) async fn note_failed(
    engine: &Engine,
    keyed: &KeyedDestination,
    copy: &DueCopy,
    error: &PlaceError,
) -> Result<bool> {
    let (at, destination) = (now(), &keyed.destination);
    let is_of_one = error.outlook == Outlook::OneFile;
    let failures = destination.failures.saturating_add(1);
    let pause = match error.outlook {
        Outlook::Temporary => pause_after(failures),
        Outlook::Permanent | Outlook::OneFile => DAILY,
    };
    let until = at.plus(pause);
    let mut tx = engine.db.write().await?;
    if !copy_hold_in_txn(&mut tx, copy.id, this_try(copy)).await? {
        return Ok(true);
    }
    copy_put_off_in_txn(&mut tx, copy.id, &error.message, until).await?;
    if !is_of_one {
        destination_failed_in_txn(&mut tx, destination.id, &error.message, failures, until).await?;
    }
    tx.commit().await?;
    let (run, file, place, pause_s) = (copy.run, &copy.file, &destination.name, pause.as_secs());
    match copy.state {
        CopyState::Leaving => tracing::warn!(
            %run, %file, destination = %place, pause_s, %error, "{file} could not be deleted at {place}: {error}"
        ),
        _ => tracing::warn!(
            %run, %file, destination = %place, pause_s, %error, "{file} could not be sent to {place}: {error}"
        ),
    }
    Ok(is_of_one)
}

/// The number of the try that began with what was read of the copy.
fn this_try(copy: &DueCopy) -> u32 {
    copy.attempts.saturating_add(1)
}

/// How long a destination is left alone after so many failures in a row.
fn pause_after(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_from_a_minute_to_six_hours() {
        let minutes: Vec<u64> = (1..=10).map(|failures| pause_after(failures).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 64, 128, 256, 360]);
        assert_eq!(pause_after(u32::MAX), LONGEST_PAUSE);
    }
}
