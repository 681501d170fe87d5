//! When sessions and tokens were used, kept in memory and written every minute: no request waits for a write.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use etiqa_model::admin::Settings;
use etiqa_model::user::Role;
use etiqa_model::{Timestamp, TokenId};

use crate::db::Db;
use crate::engine::Engine;
use crate::error::Result;
use crate::store::session::session_touch_in_txn;
use crate::store::setting::settings_fetch;
use crate::store::token::token_touch_in_txn;

/// How often what was seen is written, and what other processes set is read.
const WRITE_EVERY: Duration = Duration::from_mins(1);

/// What an admin set for sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// A session that is not used for so long ends.
    pub idle: Duration,
    /// A session ends after so long, used or not.
    pub lasts: Duration,
    /// Of which roles a second factor is asked, as in [`Settings`].
    second_factor_roles: u32,
}

impl From<&Settings> for Rules {
    fn from(settings: &Settings) -> Self {
        Self {
            idle: Duration::from_hours(settings.session_idle_hours.into()),
            lasts: Duration::from_hours(24 * u64::from(settings.session_days)),
            second_factor_roles: settings.second_factor_roles,
        }
    }
}

impl Rules {
    /// Whether who has this role must have a second factor.
    pub fn needs_second_factor(self, role: Role) -> bool {
        let settings = Settings { second_factor_roles: self.second_factor_roles, ..Settings::default() };
        settings.needs_second_factor(role)
    }
}

/// What this process has seen and not written yet, and the rules for what it sees.
#[derive(Debug)]
pub struct Seen {
    rules: Mutex<Rules>,
    sessions: Mutex<BTreeMap<String, Timestamp>>,
    tokens: Mutex<BTreeMap<TokenId, Timestamp>>,
}

impl Default for Seen {
    fn default() -> Self {
        Self::with(&Settings::default())
    }
}

impl Seen {
    /// Nothing seen yet.
    pub fn with(settings: &Settings) -> Self {
        Self { rules: Mutex::new(settings.into()), sessions: Mutex::default(), tokens: Mutex::default() }
    }

    /// The rules of now.
    pub fn rules(&self) -> Rules {
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what an admin set.
    pub fn set_rules(&self, settings: &Settings) {
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner) = settings.into();
    }

    /// When a session was last used, as far as this process knows and `stored` says.
    pub(super) fn session(&self, hash: &str, stored: Timestamp) -> Timestamp {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(hash).map_or(stored, |at| stored.max(*at))
    }

    /// Notes that a session is used.
    pub(super) fn see_session(&self, hash: String, at: Timestamp) {
        see(&self.sessions, hash, at);
    }

    /// Notes that a token is used.
    pub(super) fn see_token(&self, id: TokenId, at: Timestamp) {
        see(&self.tokens, id, at);
    }

    /// Writes what was seen since the last time, in one transaction. What cannot be written is kept for the next time.
    pub async fn write(&self, db: &Db) -> Result<()> {
        let (sessions, tokens) = (taken(&self.sessions), taken(&self.tokens));
        if sessions.is_empty() && tokens.is_empty() {
            return Ok(());
        }
        let written = written(db, &sessions, &tokens).await;
        if written.is_err() {
            for (hash, at) in sessions {
                see(&self.sessions, hash, at);
            }
            for (id, at) in tokens {
                see(&self.tokens, id, at);
            }
        }
        written
    }
}

/// Writes what was seen and takes over what other processes set, until the program stops. What is seen after that the one who
/// stops it writes.
pub async fn keep_seen(engine: Arc<Engine>) {
    loop {
        tokio::select! {
            () = engine.stopping.cancelled() => return,
            () = tokio::time::sleep(WRITE_EVERY) => {}
        }
        if let Err(error) = engine.seen.write(&engine.db).await {
            tracing::warn!(%error, "when sessions and tokens were used could not be written; it is tried again in a minute");
        }
        if let Ok(settings) = settings_fetch(&engine.db).await {
            engine.seen.set_rules(&settings);
        }
    }
}

async fn written(
    db: &Db,
    sessions: &BTreeMap<String, Timestamp>,
    tokens: &BTreeMap<TokenId, Timestamp>,
) -> Result<()> {
    let mut tx = db.write().await?;
    session_touch_in_txn(&mut tx, sessions).await?;
    token_touch_in_txn(&mut tx, tokens).await?;
    Ok(tx.commit().await?)
}

fn see<Key: Ord>(seen: &Mutex<BTreeMap<Key, Timestamp>>, key: Key, at: Timestamp) {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let known = seen.entry(key).or_insert(at);
    *known = at.max(*known);
}

fn taken<Key>(seen: &Mutex<BTreeMap<Key, Timestamp>>) -> BTreeMap<Key, Timestamp> {
    std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner))
}
