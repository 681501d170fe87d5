//! Config versions of one device, and their texts.

use std::collections::{BTreeMap, HashSet};

use etiqa_model::config::{ConfigVersion, ConfigVersionRow, PartVersions, VersionState};
use etiqa_model::{ConfigVersionId, DeviceId, RunId, Timestamp};
use sqlx::any::AnyRow;

use super::notify::notice::{Happened, notice_insert_in_txn};
use crate::db::{Db, Filter, Result, RowExt, Tx, built};

/// `last_seen_at` of an active version is the device's last good session; of an older one, when it was taken.
pub(super) const COLUMNS: &str = "v.id, v.device_id, v.part, v.version, v.state, v.size_bytes, v.lines, v.added, v.removed, \
     v.text_sha256, v.collected_at, v.run_id, v.driver, v.label, v.note, \
     CASE WHEN v.state = 'active' AND d.last_good_at > v.collected_at THEN d.last_good_at ELSE v.collected_at END \
     AS last_seen_at";
pub(super) const FROM: &str = "FROM config_version v JOIN device d ON d.id = v.device_id";

/// Versions that a device's page shows of each part.
const NEWEST_OF_PART: u32 = 50;

/// A version that is about to be stored.
#[derive(Debug, Clone)]
pub struct NewVersion {
    /// Whose.
    pub device_id: DeviceId,
    /// `running`, `startup`, …
    pub part: String,
    /// Active, or suspect.
    pub state: VersionState,
    /// SHA-256 of the text.
    pub text_sha256: String,
    /// SHA-256 of the text with its volatile spans replaced.
    pub compare_sha256: String,
    /// Bytes of the text.
    pub size_bytes: u64,
    /// Its lines.
    pub lines: u32,
    /// Lines added against the version before.
    pub added: u32,
    /// Lines removed.
    pub removed: u32,
    /// When it was taken.
    pub collected_at: Timestamp,
    /// The run that took it.
    pub run_id: Option<RunId>,
    /// The driver that took it.
    pub driver: String,
    /// Its text's SHA-256.
    pub driver_sha256: String,
}

/// A version with what it is compared by.
#[derive(Debug, Clone)]
pub struct ComparedVersion {
    /// The version.
    pub version: ConfigVersion,
    /// SHA-256 of its text with the volatile spans replaced.
    pub compare_sha256: String,
    /// Of the driver whose rules that was made by.
    pub driver_sha256: String,
}

/// One version.
pub async fn version_fetch(db: &Db, id: ConfigVersionId) -> Result<Option<ConfigVersion>> {
    let row = sqlx::query(built(format!("SELECT {COLUMNS} {FROM} WHERE v.id = $1")))
        .bind(id.0)
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(version).transpose()
}

/// One version, by its number.
pub async fn version_fetch_by_number(
    db: &Db,
    device: DeviceId,
    part: &str,
    number: u32,
) -> Result<Option<ConfigVersion>> {
    let sql = format!("SELECT {COLUMNS} {FROM} WHERE v.device_id = $1 AND v.part = $2 AND v.version = $3");
    let row = sqlx::query(built(sql))
        .bind(device.0)
        .bind(part.to_owned())
        .bind(i64::from(number))
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(version).transpose()
}

/// The last version before `to` that was not rejected or suspect: what `to` is compared with by default.
pub async fn version_fetch_before(db: &Db, to: &ConfigVersion) -> Result<Option<ConfigVersion>> {
    let sql = format!(
        "SELECT {COLUMNS} {FROM} WHERE v.device_id = $1 AND v.part = $2 AND v.version < $3
         AND v.state IN ('active', 'inactive') ORDER BY v.version DESC LIMIT 1"
    );
    let row = sqlx::query(built(sql))
        .bind(to.device_id.0)
        .bind(to.part.clone())
        .bind(i64::from(to.version))
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(version).transpose()
}

/// The active versions of a device, by part.
pub async fn version_list_active(db: &Db, device: DeviceId) -> Result<Vec<ConfigVersion>> {
    let sql =
        format!("SELECT {COLUMNS} {FROM} WHERE v.device_id = $1 AND v.state = 'active' ORDER BY v.part");
    let rows = sqlx::query(built(sql)).bind(device.0).fetch_all(db.reader()).await?;
    rows.iter().map(version).collect()
}

/// What a device's parts were at a time: of each the version that had become active last by then, because it was taken or
/// because a person made it the active one.
pub async fn version_list_as_of(db: &Db, device: DeviceId, at: Timestamp) -> Result<Vec<ConfigVersion>> {
    let then = versions_as_of(db, &[device], at).await?;
    Ok(then.into_values().map(|row| row.version).collect())
}

/// The same of several devices, by device and part.
pub(super) async fn versions_as_of(
    db: &Db,
    devices: &[DeviceId],
    at: Timestamp,
) -> Result<BTreeMap<(DeviceId, String), ConfigVersionRow>> {
    let of_them = |in_time: &'static str| {
        let mut filter = Filter::new();
        // The first value, so that $1 is the time.
        filter.and_int(in_time, at.millis()).and("a.state = 'active'");
        match devices {
            [device] => filter.and_int("a.device_id = ?", device.0),
            devices => filter.and_one_of("a.device_id", devices.iter().map(|device| device.0)),
        };
        filter
    };
    // Every part has an active version: these are its parts, and each is one look into an index.
    let taken = format!(
        "SELECT {COLUMNS}, d.hostname, d.address, v.collected_at AS active_from FROM config_version a
         JOIN config_version v ON v.id = (
            SELECT n.id FROM config_version n
            WHERE n.device_id = a.device_id AND n.part = a.part AND n.collected_at <= $1
              AND n.state IN ('active', 'inactive')
              AND NOT EXISTS (SELECT 1 FROM config_activation s WHERE s.version_id = n.id AND s.was_suspect = 1)
            ORDER BY n.collected_at DESC, n.id DESC LIMIT 1)
         JOIN device d ON d.id = v.device_id"
    );
    let made = format!(
        "SELECT {COLUMNS}, d.hostname, d.address, t.activated_at AS active_from FROM config_version a
         JOIN config_activation t ON t.id = (
            SELECT n.id FROM config_activation n
            WHERE n.device_id = a.device_id AND n.part = a.part AND n.activated_at <= $1
            ORDER BY n.activated_at DESC, n.id DESC LIMIT 1)
         JOIN config_version v ON v.id = t.version_id
         JOIN device d ON d.id = v.device_id"
    );
    let ways = [(taken, of_them("v.collected_at <= ?")), (made, of_them("t.activated_at <= ?"))];
    let mut then: BTreeMap<(DeviceId, String), (Timestamp, ConfigVersionRow)> = BTreeMap::new();
    // In this order: what a person decided comes after what was taken at the same time.
    for (sql, filter) in ways {
        // A statement for so many devices comes once.
        let query = filter.query(&sql, "").persistent(devices.len() == 1);
        let rows = query.fetch_all(db.reader()).await?;
        for row in &rows {
            let (from, found) = (row.time("active_from")?, version_row(row)?);
            let part = (found.version.device_id, found.version.part.clone());
            if then.get(&part).is_none_or(|(known, _)| *known <= from) {
                then.insert(part, (from, found));
            }
        }
    }
    Ok(then.into_iter().map(|(part, (_, found))| (part, found)).collect())
}

/// Devices of which a person made a version the active one after a time.
pub async fn activation_list_devices_after(db: &Db, at: Timestamp) -> Result<HashSet<DeviceId>> {
    let rows = sqlx::query("SELECT DISTINCT device_id FROM config_activation WHERE activated_at > $1")
        .bind(at.millis())
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(|row| Ok(DeviceId(row.int("device_id")?))).collect()
}

/// The drivers that took the active versions, each once.
pub async fn version_list_active_drivers(db: &Db) -> Result<Vec<String>> {
    // By way of the devices: an index finds the active versions of each, so that no history is walked.
    let sql = "SELECT DISTINCT v.driver AS driver FROM device d
               JOIN config_version v ON v.device_id = d.id AND v.state = 'active'";
    let rows = sqlx::query(sql).fetch_all(db.reader()).await?;
    rows.iter().map(|row| row.text("driver")).collect()
}

/// The active versions of a device with what they are compared by: what fresh texts are held against.
pub async fn version_list_compared(db: &Db, device: DeviceId) -> Result<Vec<ComparedVersion>> {
    let sql = format!(
        "SELECT {COLUMNS}, v.compare_sha256, v.driver_sha256 {FROM} WHERE v.device_id = $1 AND v.state = 'active'"
    );
    let rows = sqlx::query(built(sql)).bind(device.0).fetch_all(db.reader()).await?;
    rows.iter()
        .map(|row| {
            Ok(ComparedVersion {
                version: version(row)?,
                compare_sha256: row.text("compare_sha256")?,
                driver_sha256: row.text("driver_sha256")?,
            })
        })
        .collect()
}

/// A version of the same text that was set aside: one that waits for a person, or was rejected.
pub async fn version_fetch_set_aside(
    db: &Db,
    device: DeviceId,
    part: &str,
    compare_sha256: &str,
) -> Result<Option<ConfigVersion>> {
    // An index holds these alone, so that the history of the part is not walked.
    let sql = format!(
        "SELECT {COLUMNS} {FROM} WHERE v.device_id = $1 AND v.part = $2 AND v.state IN ('suspect', 'rejected')
         AND v.compare_sha256 = $3 LIMIT 1"
    );
    let row = sqlx::query(built(sql))
        .bind(device.0)
        .bind(part.to_owned())
        .bind(compare_sha256.to_owned())
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(version).transpose()
}

/// The parts of a device with their newest versions.
pub async fn part_list(db: &Db, device: DeviceId) -> Result<Vec<PartVersions>> {
    // Every part has an active version, and versions are numbered without gaps: neither is counted, and the newest ones
    // are those with the highest numbers. The order of the joins is the cheap one; SQLite keeps to it.
    let sql = format!(
        "SELECT {COLUMNS} FROM config_version a CROSS JOIN config_version v JOIN device d ON d.id = v.device_id
         WHERE a.device_id = $1 AND a.state = 'active' AND v.device_id = a.device_id AND v.part = a.part
           AND v.version > (SELECT MAX(n.version) - {NEWEST_OF_PART} FROM config_version n
                            WHERE n.device_id = a.device_id AND n.part = a.part)
         ORDER BY v.part, v.version DESC"
    );
    let rows = sqlx::query(built(sql)).bind(device.0).fetch_all(db.reader()).await?;
    let mut parts: Vec<PartVersions> = Vec::new();
    for row in &rows {
        let newest = version(row)?;
        match parts.last_mut().filter(|part| part.part == newest.part) {
            Some(part) => part.versions.push(newest),
            None => parts.push(PartVersions {
                part: newest.part.clone(),
                total: u64::from(newest.version),
                versions: vec![newest],
            }),
        }
    }
    Ok(parts)
}

/// Versions of a part before number `before`, newest first.
pub async fn version_list(
    db: &Db,
    device: DeviceId,
    part: &str,
    before: Option<u32>,
    limit: u32,
) -> Result<Vec<ConfigVersion>> {
    let sql = format!(
        "SELECT {COLUMNS} {FROM} WHERE v.device_id = $1 AND v.part = $2 AND v.version < $3
         ORDER BY v.version DESC LIMIT {limit}"
    );
    let rows = sqlx::query(built(sql))
        .bind(device.0)
        .bind(part.to_owned())
        .bind(before.map_or(i64::MAX, i64::from))
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(version).collect()
}

/// How many versions a part has: they are numbered without gaps.
pub async fn version_count(db: &Db, device: DeviceId, part: &str) -> Result<u64> {
    sqlx::query(
        "SELECT COALESCE(MAX(version), 0) AS n FROM config_version WHERE device_id = $1 AND part = $2",
    )
    .bind(device.0)
    .bind(part.to_owned())
    .fetch_one(db.reader())
    .await?
    .count("n")
}

/// Stores a text, unless it is there; one that is there otherwise than it should be is mended.
pub async fn text_insert_in_txn(tx: &mut Tx, sha256: &str, size_bytes: u64, zstd: Vec<u8>) -> Result<()> {
    // Two statements, so that on PostgreSQL nobody waits for a row that is as it should be.
    for sql in [
        "INSERT INTO config_text (sha256, size_bytes, zstd) VALUES ($1, $2, $3) ON CONFLICT (sha256) DO NOTHING",
        "UPDATE config_text SET size_bytes = $2, zstd = $3 WHERE sha256 = $1 AND zstd <> $3",
    ] {
        sqlx::query(sql)
            .bind(sha256.to_owned())
            .bind(i64::try_from(size_bytes).unwrap_or(i64::MAX))
            .bind(zstd.clone())
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// Has the active version of a part taken for changed, whatever is collected next, so that its text is stored anew.
pub async fn version_distrust(db: &Db, device: DeviceId, part: &str) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query(
        "UPDATE config_version SET compare_sha256 = '' WHERE device_id = $1 AND part = $2 AND state = 'active'",
    )
    .bind(device.0)
    .bind(part.to_owned())
    .execute(&mut *tx)
    .await?;
    Ok(tx.commit().await?)
}

/// A stored text, still compressed; none when there is no such text.
pub async fn text_fetch(db: &Db, sha256: &str) -> Result<Option<Vec<u8>>> {
    let row = sqlx::query("SELECT zstd FROM config_text WHERE sha256 = $1")
        .bind(sha256.to_owned())
        .fetch_optional(db.reader())
        .await?;
    row.map(|row| row.bytes("zstd")).transpose()
}

/// Adds the next version of its part. An active one takes the place of the active one before it.
pub async fn version_insert_in_txn(tx: &mut Tx, new: &NewVersion) -> Result<ConfigVersionId> {
    if new.state == VersionState::Active {
        version_retire_in_txn(tx, new.device_id, &new.part).await?;
    }
    let row = sqlx::query(
        "INSERT INTO config_version (device_id, part, version, state, text_sha256, compare_sha256, size_bytes,
            lines, added, removed, collected_at, run_id, driver, driver_sha256)
         VALUES ($1, $2,
            (SELECT COALESCE(MAX(version), 0) + 1 FROM config_version WHERE device_id = $1 AND part = $2),
            $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id, version",
    )
    .bind(new.device_id.0)
    .bind(new.part.clone())
    .bind(new.state.as_str())
    .bind(new.text_sha256.clone())
    .bind(new.compare_sha256.clone())
    .bind(i64::try_from(new.size_bytes).unwrap_or(i64::MAX))
    .bind(i64::from(new.lines))
    .bind(i64::from(new.added))
    .bind(i64::from(new.removed))
    .bind(new.collected_at.millis())
    .bind(new.run_id.map(|id| id.0))
    .bind(new.driver.clone())
    .bind(new.driver_sha256.clone())
    .fetch_one(&mut **tx)
    .await?;
    let (id, number) = (ConfigVersionId(row.int("id")?), row.int("version")?);
    let happened = match new.state {
        VersionState::Suspect => Some(Happened::Suspect(new.device_id, id)),
        // The first one is no change.
        VersionState::Active if number > 1 => Some(Happened::Changed(new.device_id, id)),
        _ => None,
    };
    if let Some(happened) = happened {
        notice_insert_in_txn(tx, happened, new.run_id, new.collected_at).await?;
    }
    Ok(id)
}

/// Makes a version that is in the state `from` the active one, and notes since when; false when it is not in it (any more).
pub async fn version_activate_in_txn(
    tx: &mut Tx,
    id: ConfigVersionId,
    from: VersionState,
    at: Timestamp,
) -> Result<bool> {
    let Some((device, part)) = version_move_in_txn(tx, id, from, VersionState::Active).await? else {
        return Ok(false);
    };
    let newest = sqlx::query(
        "SELECT MAX(collected_at) AS newest FROM config_version WHERE device_id = $1 AND part = $2",
    )
    .bind(device.0)
    .bind(part.clone())
    .fetch_one(&mut **tx)
    .await?
    .opt_time("newest")?;
    // It takes the place of what was taken before, also where the clock was set back since.
    let at = newest.map_or(at, |newest| newest.max(at));
    sqlx::query(
        "INSERT INTO config_activation (device_id, part, version_id, was_suspect, activated_at)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(device.0)
    .bind(part)
    .bind(id.0)
    .bind(i64::from(from == VersionState::Suspect))
    .bind(at.millis())
    .execute(&mut **tx)
    .await?;
    Ok(true)
}

/// What a person says of a version; false when there is no such version.
pub async fn version_describe_in_txn(
    tx: &mut Tx,
    id: ConfigVersionId,
    label: Option<String>,
    note: Option<String>,
) -> Result<bool> {
    let done = sqlx::query("UPDATE config_version SET label = $2, note = $3 WHERE id = $1")
        .bind(id.0)
        .bind(label)
        .bind(note)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Turns a suspect version into a rejected one, or into one that is active as if it had never been suspect (since when a
/// person has accepted it, [`version_activate_in_txn`] notes); false when it is not suspect (any more).
pub async fn version_decide(db: &Db, id: ConfigVersionId, accept: bool) -> Result<bool> {
    let mut tx = db.write().await?;
    let done = version_decide_in_txn(&mut tx, id, accept).await?;
    tx.commit().await?;
    Ok(done)
}

/// [`version_decide`] within a transaction.
pub async fn version_decide_in_txn(tx: &mut Tx, id: ConfigVersionId, accept: bool) -> Result<bool> {
    let state = if accept { VersionState::Active } else { VersionState::Rejected };
    let moved = version_move_in_txn(tx, id, VersionState::Suspect, state).await?;
    Ok(moved.is_some())
}

/// Moves a version from one state to another; the active one before it steps back for a new one. Gives whose and which
/// part it is; none, and nothing is done, when it is not in the first state (any more).
async fn version_move_in_txn(
    tx: &mut Tx,
    id: ConfigVersionId,
    from: VersionState,
    to: VersionState,
) -> Result<Option<(DeviceId, String)>> {
    let row = sqlx::query("SELECT device_id, part FROM config_version WHERE id = $1 AND state = $2")
        .bind(id.0)
        .bind(from.as_str())
        .fetch_optional(&mut **tx)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let (device, part) = (DeviceId(row.int("device_id")?), row.text("part")?);
    if to == VersionState::Active {
        version_retire_in_txn(tx, device, &part).await?;
    }
    sqlx::query("UPDATE config_version SET state = $2 WHERE id = $1")
        .bind(id.0)
        .bind(to.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(Some((device, part)))
}

/// Leaves a part without an active version, for the one that comes in the same transaction.
pub async fn version_retire_in_txn(tx: &mut Tx, device: DeviceId, part: &str) -> Result<()> {
    sqlx::query("UPDATE config_version SET state = 'inactive' WHERE device_id = $1 AND part = $2 AND state = 'active'")
        .bind(device.0)
        .bind(part.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

fn version(row: &AnyRow) -> Result<ConfigVersion> {
    Ok(ConfigVersion {
        id: ConfigVersionId(row.int("id")?),
        device_id: DeviceId(row.int("device_id")?),
        part: row.text("part")?,
        version: row.count("version")?,
        state: row.named("state", VersionState::parse)?,
        size_bytes: row.count("size_bytes")?,
        lines: row.count("lines")?,
        added: row.count("added")?,
        removed: row.count("removed")?,
        sha256: row.text("text_sha256")?,
        driver: row.text("driver")?,
        collected_at: row.time("collected_at")?,
        last_seen_at: row.time("last_seen_at")?,
        run_id: row.opt_int("run_id")?.map(RunId),
        label: row.opt_text("label")?,
        note: row.opt_text("note")?,
    })
}

pub(super) fn version_row(row: &AnyRow) -> Result<ConfigVersionRow> {
    Ok(ConfigVersionRow {
        hostname: row.text("hostname")?,
        address: row.text("address")?,
        version: version(row)?,
        // Lists go to viewers as well.
        sha256: None,
    })
}
