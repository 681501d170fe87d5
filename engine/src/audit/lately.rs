//! What would fill the log if it were written every time: pages that ask for a text again and again, and whoever goes on
//! guessing though they have to wait.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use etiqa_model::Timestamp;
use etiqa_model::config::ConfigVersion;

use super::act::{Act, Action, action};
use super::actor::{Acting, Actor};
use super::record::record;
use crate::db::Db;
use crate::error::Result;
use crate::store::device::device_fetch;
use crate::time::now;

/// Somebody who sees the same again within so long is not told of again.
const QUIET: Duration = Duration::from_mins(10);
/// So many are remembered.
const MOST: usize = 10_000;

static LATELY: Mutex<Option<HashMap<String, Timestamp>>> = Mutex::new(None);

/// Notes that `actor` saw a version's text with its secrets; once in ten minutes each.
pub async fn reveal(db: &Db, actor: Actor, version: &ConfigVersion) -> Result<()> {
    let ConfigVersion { id, device_id, part, version, .. } = version;
    if !is_new(key_of(&actor, &id.to_string()), now()) {
        return Ok(());
    }
    let hostname = device_fetch(db, *device_id).await?.map(|device| device.hostname).unwrap_or_default();
    let act =
        Act::by(Acting::new(actor), action::TEXT_REVEAL).on(id.0, &format!("{hostname} {part} {version}"));
    Ok(record(db, act).await?)
}

/// The same of texts that have no number of their own: what a search found, what an archive holds.
pub async fn reveal_named(db: &Db, actor: Actor, name: &str) -> Result<()> {
    if !is_new(key_of(&actor, name), now()) {
        return Ok(());
    }
    Ok(record(db, Act::by(Acting::new(actor), action::TEXT_REVEAL).on_named(name)).await?)
}

fn key_of(actor: &Actor, what: &str) -> String {
    format!("{} {} {:?} {what}", actor.means.as_str(), actor.name, actor.address)
}

/// Notes that whoever acts was refused; once in ten minutes for this reason and address.
pub async fn refused_once(db: &Db, action: Action, object: &str, why: &str) -> Result<()> {
    let acting = Acting::here();
    let address = acting.actor().address.clone().unwrap_or_default();
    // How long somebody has to wait is another number each time.
    let begin: String = why.chars().take(8).collect();
    if !is_new(format!("{action} {address} {begin}"), now()) {
        acting.note_recorded();
        return Ok(());
    }
    Ok(record(db, Act::by(acting, action).on_named(object).refused(why)).await?)
}

fn is_new(key: String, at: Timestamp) -> bool {
    let mut lately = LATELY.lock().unwrap_or_else(PoisonError::into_inner);
    let lately = lately.get_or_insert_default();
    if lately.len() >= MOST {
        lately.retain(|_, told| at.since(*told) < QUIET);
    }
    if lately.len() >= MOST {
        // Rather a row too many than one too few.
        lately.clear();
    }
    let is_told = lately.get(&key).is_some_and(|told| at.since(*told) < QUIET);
    if !is_told {
        lately.insert(key, at);
    }
    !is_told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_told_again_only_after_a_while() {
        let at = |minutes: i64| Timestamp(minutes * 60_000);
        assert!(is_new("ada 1".into(), at(0)));
        assert!(!is_new("ada 1".into(), at(9)));
        assert!(is_new("ada 2".into(), at(9)));
        assert!(is_new("ada 1".into(), at(10)));
    }
}
