//! Devices: changing many at once. Each function says how many it changed; those that are gone, or so already, do not
//! count.

use std::collections::HashSet;

use etiqa_model::{CredentialId, DeviceId, Timestamp};

use super::device_write::device_delete_in_txn;
use super::promise::is_chosen_by;
use crate::db::{Result, Tx, built, one_of};

/// Enables or disables devices.
pub async fn device_set_enabled_of_in_txn(
    tx: &mut Tx,
    ids: &[DeviceId],
    enabled: bool,
    now: Timestamp,
) -> Result<u64> {
    let sql = format!(
        "UPDATE device SET enabled = $1, updated_at = $2,
                promised_from = CASE WHEN enabled < $1 THEN $2 ELSE promised_from END WHERE enabled <> $1 AND {}",
        are_of("id", ids)
    );
    let update = sqlx::query(built(sql)).bind(i64::from(enabled)).bind(now.millis());
    Ok(update.persistent(false).execute(&mut **tx).await?.rows_affected())
}

/// Has devices use this credential; none: their site's.
pub async fn device_set_credential_of_in_txn(
    tx: &mut Tx,
    ids: &[DeviceId],
    credential: Option<CredentialId>,
    now: Timestamp,
) -> Result<u64> {
    let ids = are_of("id", ids);
    let update = match credential {
        Some(CredentialId(credential)) => sqlx::query(built(format!(
            "UPDATE device SET credential_id = $1, updated_at = $2
             WHERE (credential_id IS NULL OR credential_id <> $1) AND {ids}"
        )))
        .bind(credential),
        None => sqlx::query(built(format!(
            "UPDATE device SET credential_id = NULL, updated_at = $1 WHERE credential_id IS NOT NULL AND {ids}"
        ))),
    };
    Ok(update.bind(now.millis()).persistent(false).execute(&mut **tx).await?.rows_affected())
}

/// Gives devices a tag.
pub async fn device_add_tag_in_txn(tx: &mut Tx, ids: &[DeviceId], tag: &str, now: Timestamp) -> Result<u64> {
    let has_not = "NOT EXISTS (SELECT 1 FROM device_tag t WHERE t.device_id = device.id AND t.tag = $1)";
    let ids = are_of("id", ids);
    let by_tag = is_chosen_by("'tag:' || CAST($1 AS TEXT)");
    let touch = format!(
        "UPDATE device SET updated_at = $2, promised_from = CASE WHEN {by_tag} THEN $2 ELSE promised_from END
         WHERE {has_not} AND {ids}"
    );
    let touch = sqlx::query(built(touch)).bind(tag.to_owned()).bind(now.millis());
    let changed = touch.persistent(false).execute(&mut **tx).await?.rows_affected();
    let add = format!(
        "INSERT INTO device_tag (device_id, tag) SELECT id, CAST($1 AS TEXT) FROM device WHERE {has_not} AND {ids}"
    );
    sqlx::query(built(add)).bind(tag.to_owned()).persistent(false).execute(&mut **tx).await?;
    Ok(changed)
}

/// Takes a tag from devices.
pub async fn device_remove_tag_in_txn(
    tx: &mut Tx,
    ids: &[DeviceId],
    tag: &str,
    now: Timestamp,
) -> Result<u64> {
    let touch = format!(
        "UPDATE device SET updated_at = $2 WHERE {}
         AND EXISTS (SELECT 1 FROM device_tag t WHERE t.device_id = device.id AND t.tag = $1)",
        are_of("id", ids)
    );
    let touch = sqlx::query(built(touch)).bind(tag.to_owned()).bind(now.millis());
    let changed = touch.persistent(false).execute(&mut **tx).await?.rows_affected();
    let remove = format!("DELETE FROM device_tag WHERE tag = $1 AND {}", are_of("device_id", ids));
    sqlx::query(built(remove)).bind(tag.to_owned()).persistent(false).execute(&mut **tx).await?;
    Ok(changed)
}

/// Removes devices with their versions and results; gives those that were there.
pub async fn device_delete_of_in_txn(tx: &mut Tx, ids: &[DeviceId]) -> Result<HashSet<DeviceId>> {
    let mut deleted = HashSet::new();
    for id in ids {
        if device_delete_in_txn(tx, *id).await? {
            deleted.insert(*id);
        }
    }
    Ok(deleted)
}

fn are_of(column: &str, ids: &[DeviceId]) -> String {
    one_of(column, ids.iter().map(|id| id.0))
}
