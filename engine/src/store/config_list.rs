//! Lists of config versions of all devices: the network as it is, as it was, and what changed.

use etiqa_model::config::ConfigVersionRow;
use etiqa_model::page::{Page, Paged};
use etiqa_model::scope::Scope;
use etiqa_model::{DeviceId, Timestamp};

use super::config_version::{COLUMNS, FROM, version_row, versions_as_of};
use super::scope::narrow;
use crate::db::{Db, Filter, Result, RowExt, contains};

/// Versions that these lists go back to.
const NEWEST: i64 = 10_000;
/// Where a search finds no more devices than that, all of their versions are listed.
const FEW_DEVICES: usize = 100;

/// Active versions by way of the devices, whose index has them in order; SQLite keeps to this order of the join.
pub(super) const ACTIVE: &str = "FROM device d CROSS JOIN config_version v";
pub(super) const IN_ORDER: &str = " ORDER BY d.hostname, d.id, v.part";

/// A part that had a version at a time: the same look into an index as in [`versions_as_of`]. It is no `EXISTS`: SQLite 3.51
/// makes a join of one, and an `OFFSET` then skips a row once for each of its matches.
const HAD_ONE: &str = "(SELECT 1 FROM config_version n WHERE n.device_id = v.device_id AND n.part = v.part \
     AND n.collected_at <= ? AND n.state IN ('active', 'inactive') \
     AND NOT EXISTS (SELECT 1 FROM config_activation s WHERE s.version_id = n.id AND s.was_suspect = 1) \
     LIMIT 1) = 1";

/// A page of versions, with how many devices the whole list is of.
#[derive(Debug, Clone)]
pub struct NetworkPage {
    /// The versions.
    pub versions: Paged<ConfigVersionRow>,
    /// Devices that have any, on this page and on all others.
    pub devices: u64,
}

/// The active versions of all devices of the scope, by host name.
pub async fn version_page_active(db: &Db, scope: &Scope, search: &str, page: Page) -> Result<NetworkPage> {
    page_active(db, scope, search, None, page).await
}

/// The versions of all devices of the scope that were active at a time, by host name and part. Devices that were deleted
/// since are not in it.
pub async fn version_page_as_of(
    db: &Db,
    scope: &Scope,
    search: &str,
    at: Timestamp,
    page: Page,
) -> Result<NetworkPage> {
    let NetworkPage { versions: now, devices } = page_active(db, scope, search, Some(at), page).await?;
    let mut shown: Vec<DeviceId> = now.rows.iter().map(|row| row.version.device_id).collect();
    shown.dedup();
    let mut then = versions_as_of(db, &shown, at).await?;
    let of_then = |row: &ConfigVersionRow| then.remove(&(row.version.device_id, row.version.part.clone()));
    let rows = now.rows.iter().filter_map(of_then).collect();
    Ok(NetworkPage { versions: Paged { rows, total: now.total, page }, devices })
}

/// All versions of all devices, newest first; the newest [`NEWEST`] at most. Older ones are on their device's page. A search
/// that finds few devices lists what these have; one that finds many goes through the newest versions of all.
pub async fn version_page_all(db: &Db, search: &str, page: Page) -> Result<Paged<ConfigVersionRow>> {
    let mut filter = named(search);
    // Devices are read where a search is for their names.
    let mut from = "FROM config_version v";
    if !filter.sql().is_empty() {
        let after = format!(" LIMIT {}", FEW_DEVICES + 1);
        let found = filter.query("SELECT d.id FROM device d", &after).fetch_all(db.reader()).await?;
        if found.len() <= FEW_DEVICES {
            let ids = found.iter().map(|row| row.int("id")).collect::<Result<Vec<_>>>()?;
            filter = Filter::new();
            filter.and_one_of("v.device_id", ids);
        } else {
            from = FROM;
            filter.and_built(among_newest());
        }
    }
    // Counted, and skipped, no further than that: what is older costs nothing.
    let first = format!("SELECT COUNT(*) AS n FROM (SELECT 1 AS one {from}");
    let counted = filter.query(&first, &format!(" LIMIT {NEWEST}) AS counted"));
    let total: u64 = counted.fetch_one(db.reader()).await?.count("n")?;
    if page.offset() >= NEWEST {
        return Ok(Paged { rows: Vec::new(), total, page });
    }
    // What is skipped is skipped in an index, and devices are joined to what the page shows.
    let before = format!("SELECT {COLUMNS}, d.hostname, d.address {FROM} WHERE v.id IN (SELECT v.id {from}");
    let newest = " ORDER BY v.collected_at DESC, v.id DESC";
    let after = format!("{newest} LIMIT {} OFFSET {}){newest}", page.limit(), page.offset());
    let rows = filter.query(&before, &after).persistent(false).fetch_all(db.reader()).await?;
    Ok(Paged { rows: rows.iter().map(version_row).collect::<Result<_>>()?, total, page })
}

/// A page of the active versions, of those parts alone that had one at a time where named, by host name and part.
async fn page_active(
    db: &Db,
    scope: &Scope,
    search: &str,
    at: Option<Timestamp>,
    page: Page,
) -> Result<NetworkPage> {
    let mut filter = active(scope, search, at);
    // Without a search no device is read to count.
    let from = if search.trim().is_empty() {
        "FROM config_version v"
    } else {
        filter.and("v.device_id = d.id");
        ACTIVE
    };
    // They are as many as there are devices, times a few: however long history is, all are counted.
    let count = format!("SELECT COUNT(*) AS n, COUNT(DISTINCT v.device_id) AS devices {from}");
    let counting = filter.query(&count, "");
    // What is skipped is skipped in indexes: the rows are read of those alone that the page shows.
    let before =
        format!("SELECT {COLUMNS}, d.hostname, d.address {FROM} WHERE v.id IN (SELECT v.id {ACTIVE}");
    let after = format!("{IN_ORDER} LIMIT {} OFFSET {}){IN_ORDER}", page.limit(), page.offset());
    let mut filter = active(scope, search, at);
    filter.and("v.device_id = d.id");
    let reading = filter.query(&before, &after);
    // Each goes through about all of them at a time that is long ago.
    let (counted, rows) = tokio::try_join!(counting.fetch_one(db.reader()), reading.fetch_all(db.reader()))?;
    let (total, devices) = (counted.count("n")?, counted.count("devices")?);
    let rows = rows.iter().map(version_row).collect::<Result<_>>()?;
    Ok(NetworkPage { versions: Paged { rows, total, page }, devices })
}

pub(super) fn active(scope: &Scope, search: &str, at: Option<Timestamp>) -> Filter {
    let mut filter = named(search);
    filter.and("v.state = 'active'");
    narrow(&mut filter, scope, "v.device_id");
    if let Some(at) = at {
        filter.and_int(HAD_ONE, at.millis());
    }
    filter
}

/// That a version is among the newest [`NEWEST`] of all devices.
fn among_newest() -> String {
    format!(
        "v.id IN (SELECT n.id FROM config_version n ORDER BY n.collected_at DESC, n.id DESC LIMIT {NEWEST})"
    )
}

fn named(search: &str) -> Filter {
    let mut filter = Filter::new();
    if !search.trim().is_empty() {
        filter.and_text(
            "(lower(d.hostname) LIKE ? ESCAPE '\\' OR d.address LIKE ? ESCAPE '\\')",
            contains(search.trim()),
        );
    }
    filter
}

/// The newest versions of devices of the scope that changed something (not the first of a part), newest first. Of a scope they
/// are looked for among the newest [`NEWEST`] of all devices.
pub async fn version_list_changes(db: &Db, scope: &Scope, limit: u32) -> Result<Vec<ConfigVersionRow>> {
    let mut filter = Filter::new();
    if !scope.is_everything() {
        filter.and_built(among_newest());
        narrow(&mut filter, scope, "v.device_id");
    }
    filter.and("v.version > 1 AND v.state <> 'rejected'");
    let before = format!("SELECT {COLUMNS}, d.hostname, d.address {FROM}");
    let order = format!(" ORDER BY v.collected_at DESC, v.id DESC LIMIT {limit}");
    let rows = filter.query(&before, &order).fetch_all(db.reader()).await?;
    rows.iter().map(version_row).collect()
}
