//! What is in the sections of the admin's pages, counted at once.

use etiqa_model::Timestamp;

use crate::db::{Db, Result, RowExt};

/// How much is in each section, and of what a person should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionCounts {
    /// Who can sign in.
    pub users: u64,
    /// API tokens.
    pub tokens: u64,
    /// Those of them that let nobody in any more.
    pub tokens_expired: u64,
    /// Logins for devices.
    pub credentials: u64,
    /// Those of them whose secrets are being rotated.
    pub credentials_rotated: u64,
    /// Jump hosts.
    pub jump_hosts: u64,
    /// Those of them that offer another key than the one that is known.
    pub jump_hosts_changed: u64,
    /// Destinations.
    pub destinations: u64,
    /// Those of them that took something amiss.
    pub destinations_with_problem: u64,
    /// Channels of notifications.
    pub channels: u64,
    /// Those of them that did not take a message.
    pub channels_with_problem: u64,
    /// Jobs that wait, are worked on or were given up.
    pub jobs: u64,
    /// Those of them that were given up.
    pub jobs_dead: u64,
}

/// How much there is at `now`. Drivers, machines and devices are told elsewhere.
pub async fn section_counts(db: &Db, now: Timestamp) -> Result<SectionCounts> {
    let row = sqlx::query(
        "SELECT (SELECT COUNT(*) FROM app_user) AS users,
                (SELECT COUNT(*) FROM api_token) AS tokens,
                (SELECT COUNT(*) FROM api_token WHERE expires_at <= $1) AS tokens_expired,
                (SELECT COUNT(*) FROM credential) AS credentials,
                (SELECT COUNT(*) FROM credential WHERE rotated_at IS NOT NULL) AS credentials_rotated,
                (SELECT COUNT(*) FROM jump_host) AS jump_hosts,
                (SELECT COUNT(*) FROM jump_host WHERE offered_fingerprint IS NOT NULL) AS jump_hosts_changed,
                (SELECT COUNT(*) FROM destination) AS destinations,
                (SELECT COUNT(*) FROM destination WHERE problem IS NOT NULL) AS destinations_with_problem,
                (SELECT COUNT(*) FROM notify_channel) AS channels,
                (SELECT COUNT(*) FROM notify_channel WHERE problem IS NOT NULL) AS channels_with_problem,
                (SELECT COUNT(*) FROM job WHERE finished_at IS NULL OR dead = 1) AS jobs,
                (SELECT COUNT(*) FROM job WHERE dead = 1) AS jobs_dead",
    )
    .bind(now.millis())
    .fetch_one(db.reader())
    .await?;
    Ok(SectionCounts {
        users: row.count("users")?,
        tokens: row.count("tokens")?,
        tokens_expired: row.count("tokens_expired")?,
        credentials: row.count("credentials")?,
        credentials_rotated: row.count("credentials_rotated")?,
        jump_hosts: row.count("jump_hosts")?,
        jump_hosts_changed: row.count("jump_hosts_changed")?,
        destinations: row.count("destinations")?,
        destinations_with_problem: row.count("destinations_with_problem")?,
        channels: row.count("channels")?,
        channels_with_problem: row.count("channels_with_problem")?,
        jobs: row.count("jobs")?,
        jobs_dead: row.count("jobs_dead")?,
    })
}
