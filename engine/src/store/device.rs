//! Devices: reading the inventory.

use std::collections::HashMap;

use etiqa_model::class::Class;
use etiqa_model::device::{
    Device, DeviceFilter, DeviceOrder, DeviceSort, DeviceState, DeviceStatus, DeviceType, LastResult,
    Transport,
};
use etiqa_model::overview::Reason;
use etiqa_model::page::{Page, Paged};
use etiqa_model::scope::Scope;
use etiqa_model::selector::Selector;
use etiqa_model::{CredentialId, DeviceId, JumpHostId};
use sqlx::any::{Any, AnyRow};

use super::hand::{GOOD, needs_hand};
use super::lock::rows_lock_in_txn;
use super::promise::{Promise, promised_since};
use super::scope::narrow;
use crate::db::{Db, Filter, Result, RowExt, Tx, built, contains, one_of};

pub(super) const SELECT: &str = "SELECT d.id, d.site, d.address, d.port, d.hostname, d.device_type, d.platform, d.transport, \
     d.credential_id, c.name AS credential, d.description, d.legacy_ssh, d.https_port, d.jump_host_id, j.name AS jump_host, \
     d.enabled, d.status, d.status_at, d.last_seen_at, d.last_class, d.last_message, d.last_finished_at, d.last_good_at, \
     f.unsaved, d.created_at, d.updated_at \
     FROM device d LEFT JOIN credential c ON c.id = d.credential_id \
     LEFT JOIN jump_host j ON j.id = d.jump_host_id LEFT JOIN device_fact f ON f.device_id = d.id";

/// A page of the devices of the scope in `filter`, where backup configs make them these promises.
pub async fn device_list_promised(
    db: &Db,
    scope: &Scope,
    filter: &DeviceFilter,
    promises: &[Promise],
    order: DeviceOrder,
    page: Page,
) -> Result<Paged<Device>> {
    let conditions = conditions(scope, filter, promises);
    // What is promised changes all the time, and with it the statement.
    let comes_again = promises.is_empty();
    let counted = conditions.query("SELECT COUNT(*) AS n FROM device d", "").persistent(comes_again);
    let total: u64 = counted.fetch_one(db.reader()).await?.count("n")?;
    if total as i64 <= page.offset() {
        return Ok(Paged { rows: Vec::new(), total, page });
    }
    let order = order_by(order);
    // What is skipped is skipped in an index: the rows are read of those alone that the page shows.
    let before = format!("{SELECT} WHERE d.id IN (SELECT d.id FROM device d");
    let after = format!("{order} LIMIT {} OFFSET {}){order}", page.limit(), page.offset());
    let rows = conditions.query(&before, &after).persistent(comes_again).fetch_all(db.reader()).await?;
    let mut devices = rows.iter().map(device).collect::<Result<Vec<_>>>()?;
    fill_tags(db, &mut devices).await?;
    Ok(Paged { rows: devices, total, page })
}

/// Notes which of these devices are overdue or in no backup, as the first page tells.
pub async fn device_fill_lapses(db: &Db, promises: &[Promise], devices: &mut [Device]) -> Result<()> {
    if devices.is_empty() {
        return Ok(());
    }
    let mut filter = Filter::new();
    let since = promised_since(promises, &mut filter);
    filter.and_one_of("d.id", devices.iter().map(|device| device.id.0)).and("d.enabled = 1");
    let sql = format!("SELECT d.id, d.last_class, d.last_good_at, {since} AS since FROM device d");
    let [overdue, no_backup] =
        [Reason::Overdue, Reason::NoBackup].map(|reason| needs_hand(reason, "d.since"));
    let sql = format!("SELECT d.id, CASE WHEN {overdue} THEN 1 ELSE 0 END AS is_overdue FROM ({sql}");
    let either = format!(") d WHERE ({overdue}) OR ({no_backup})");
    let rows = filter.query(&sql, &either).persistent(false).fetch_all(db.reader()).await?;
    let mut lapses = HashMap::new();
    for row in &rows {
        let lapse = if row.flag("is_overdue")? { Reason::Overdue } else { Reason::NoBackup };
        lapses.insert(row.int("id")?, lapse);
    }
    for device in devices {
        device.lapse = lapses.remove(&device.id.0);
    }
    Ok(())
}

/// Every device of the scope in `filter`, where backup configs make them these promises.
pub async fn device_list_matching_promised(
    db: &Db,
    scope: &Scope,
    filter: &DeviceFilter,
    promises: &[Promise],
    order: DeviceOrder,
) -> Result<Vec<Device>> {
    devices_ordered(db, &conditions(scope, filter, promises), order).await
}

/// Every device of the scope, by host name.
pub async fn device_list_all(db: &Db, scope: &Scope) -> Result<Vec<Device>> {
    let mut filter = Filter::new();
    narrow(&mut filter, scope, "d.id");
    devices_where(db, &filter).await
}

/// One device.
pub async fn device_fetch(db: &Db, id: DeviceId) -> Result<Option<Device>> {
    devices_where(db, Filter::new().and_int("d.id = ?", id.0)).await.map(|mut found| found.pop())
}

/// Devices of the scope whose host name or address is `name`, its ASCII letters in any case.
pub async fn device_list_by_name(db: &Db, scope: &Scope, name: &str) -> Result<Vec<Device>> {
    let mut filter = Filter::new();
    narrow(&mut filter, scope, "d.id");
    filter.and_text("(lower(d.hostname) = ? OR d.address = ?)", name.to_ascii_lowercase());
    devices_where(db, &filter).await
}

/// The device of this number, where the scope holds it.
pub async fn device_list_by_number(db: &Db, scope: &Scope, id: DeviceId) -> Result<Vec<Device>> {
    let mut filter = Filter::new();
    narrow(&mut filter, scope, "d.id");
    filter.and_int("d.id = ?", id.0);
    devices_where(db, &filter).await
}

/// Those of these devices that are still there, by hostname.
pub async fn device_list_of(db: &Db, ids: &[DeviceId]) -> Result<Vec<Device>> {
    devices_where(db, Filter::new().and_one_of("d.id", ids.iter().map(|id| id.0))).await
}

/// The enabled devices that a backup config covers, by host name.
pub async fn device_list_selected(db: &Db, selector: &Selector) -> Result<Vec<Device>> {
    devices_where(db, &selected(selector)).await
}

/// Those of them that are in the scope.
pub async fn device_list_selected_within(db: &Db, scope: &Scope, selector: &Selector) -> Result<Vec<Device>> {
    let mut filter = selected(selector);
    narrow(&mut filter, scope, "d.id");
    devices_where(db, &filter).await
}

/// One device, within a transaction that may change it: nobody else changes it until that ends.
pub async fn device_fetch_in_txn(tx: &mut Tx, id: DeviceId) -> Result<Option<Device>> {
    Ok(device_list_of_in_txn(tx, &[id]).await?.pop())
}

/// Those of these devices that are still there, by hostname, within a transaction that may change them: nobody else
/// changes them until that ends.
pub async fn device_list_of_in_txn(tx: &mut Tx, ids: &[DeviceId]) -> Result<Vec<Device>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    rows_lock_in_txn(tx, "device", &ids).await?;
    let mut filter = Filter::new();
    filter.and_one_of("d.id", ids);
    let query = filter.query(SELECT, order_by(DeviceOrder::default())).persistent(false);
    let rows = query.fetch_all(&mut **tx).await?;
    let mut devices = rows.iter().map(device).collect::<Result<Vec<_>>>()?;
    fill_tags_with(&mut **tx, &mut devices).await?;
    Ok(devices)
}

/// Devices at these addresses, within a transaction that may change them.
pub async fn device_list_by_address_in_txn(tx: &mut Tx, addresses: &[String]) -> Result<Vec<Device>> {
    if addresses.is_empty() {
        return Ok(Vec::new());
    }
    let places: Vec<String> = (1..=addresses.len()).map(|place| format!("${place}")).collect();
    let sql = format!("{SELECT} WHERE d.address IN ({})", places.join(","));
    let query = addresses.iter().fold(sqlx::query(built(sql)), |query, address| query.bind(address.clone()));
    let rows = query.persistent(false).fetch_all(&mut **tx).await?;
    let mut devices = rows.iter().map(device).collect::<Result<Vec<_>>>()?;
    fill_tags_with(&mut **tx, &mut devices).await?;
    Ok(devices)
}

/// Sites in use by devices of the scope.
pub async fn site_list(db: &Db, scope: &Scope) -> Result<Vec<String>> {
    let mut filter = Filter::new();
    narrow(&mut filter, scope, "d.id");
    let query = filter.query("SELECT DISTINCT d.site AS site FROM device d", " ORDER BY site");
    let rows = query.fetch_all(db.reader()).await?;
    rows.iter().map(|row| row.text("site")).collect()
}

/// Tags in use by devices of the scope.
pub async fn tag_list(db: &Db, scope: &Scope) -> Result<Vec<String>> {
    let mut filter = Filter::new();
    narrow(&mut filter, scope, "t.device_id");
    let query = filter.query("SELECT DISTINCT t.tag AS tag FROM device_tag t", " ORDER BY tag");
    let rows = query.fetch_all(db.reader()).await?;
    rows.iter().map(|row| row.text("tag")).collect()
}

/// How many devices of the scope have each platform (chosen, or recognised), or none, by type.
pub async fn device_count_by_platform(
    db: &Db,
    scope: &Scope,
) -> Result<Vec<(Option<String>, DeviceType, u64)>> {
    let mut filter = Filter::new();
    narrow(&mut filter, scope, "d.id");
    let query = filter.query(
        "SELECT COALESCE(d.platform, f.platform) AS platform, d.device_type, COUNT(*) AS n FROM device d
         LEFT JOIN device_fact f ON f.device_id = d.id",
        " GROUP BY COALESCE(d.platform, f.platform), d.device_type",
    );
    let rows = query.fetch_all(db.reader()).await?;
    rows.iter()
        .map(|row| {
            Ok((row.opt_text("platform")?, row.named("device_type", DeviceType::parse)?, row.count("n")?))
        })
        .collect()
}

/// Platforms in use by devices of the scope, chosen or recognised.
pub async fn platform_list(db: &Db, scope: &Scope) -> Result<Vec<String>> {
    let mut filter = Filter::new();
    filter.and("COALESCE(d.platform, f.platform) IS NOT NULL");
    narrow(&mut filter, scope, "d.id");
    let query = filter.query(
        "SELECT DISTINCT COALESCE(d.platform, f.platform) AS in_use FROM device d
         LEFT JOIN device_fact f ON f.device_id = d.id",
        " ORDER BY in_use",
    );
    let rows = query.fetch_all(db.reader()).await?;
    rows.iter().map(|row| row.text("in_use")).collect()
}

async fn devices_where(db: &Db, filter: &Filter) -> Result<Vec<Device>> {
    devices_ordered(db, filter, DeviceOrder::default()).await
}

async fn devices_ordered(db: &Db, filter: &Filter, order: DeviceOrder) -> Result<Vec<Device>> {
    let rows = filter.query(SELECT, order_by(order)).fetch_all(db.reader()).await?;
    let mut devices = rows.iter().map(device).collect::<Result<Vec<_>>>()?;
    fill_tags(db, &mut devices).await?;
    Ok(devices)
}

/// What a list is ordered by; devices that are alike follow by host name. The databases put nulls at different ends
/// unless they are told.
fn order_by(order: DeviceOrder) -> &'static str {
    match (order.sort, order.descending) {
        (DeviceSort::Name, false) => " ORDER BY d.hostname, d.id",
        (DeviceSort::Name, true) => " ORDER BY d.hostname DESC, d.id DESC",
        (DeviceSort::Type, false) => " ORDER BY d.device_type, d.hostname, d.id",
        (DeviceSort::Type, true) => " ORDER BY d.device_type DESC, d.hostname, d.id",
        (DeviceSort::Site, false) => " ORDER BY d.site, d.hostname, d.id",
        (DeviceSort::Site, true) => " ORDER BY d.site DESC, d.hostname, d.id",
        (DeviceSort::Status, false) => " ORDER BY d.status, d.hostname, d.id",
        (DeviceSort::Status, true) => " ORDER BY d.status DESC, d.hostname, d.id",
        (DeviceSort::Backup, false) => {
            " ORDER BY CASE WHEN d.last_class IS NULL THEN 1 WHEN d.last_class IN ('ok', 'unchanged') THEN 2 \
             ELSE 0 END, d.last_class NULLS FIRST, d.hostname, d.id"
        }
        (DeviceSort::Backup, true) => {
            " ORDER BY CASE WHEN d.last_class IS NULL THEN 1 WHEN d.last_class IN ('ok', 'unchanged') THEN 2 \
             ELSE 0 END DESC, d.last_class DESC NULLS LAST, d.hostname, d.id"
        }
        (DeviceSort::LastGood, false) => " ORDER BY d.last_good_at NULLS FIRST, d.hostname, d.id",
        (DeviceSort::LastGood, true) => " ORDER BY d.last_good_at DESC NULLS LAST, d.hostname, d.id",
    }
}

pub(super) fn conditions(scope: &Scope, filter: &DeviceFilter, promises: &[Promise]) -> Filter {
    let mut conditions = Filter::new();
    narrow(&mut conditions, scope, "d.id");
    let search = filter.search.trim();
    if !search.is_empty() {
        conditions.and_text(
            "(lower(d.hostname) LIKE ? ESCAPE '\\' OR d.address LIKE ? ESCAPE '\\' \
             OR lower(d.description) LIKE ? ESCAPE '\\')",
            contains(search),
        );
    }
    if let Some(kind) = filter.device_type {
        conditions.and_text("d.device_type = ?", kind.as_str());
    }
    if let Some(site) = filter.site.as_ref().filter(|site| !site.is_empty()) {
        conditions.and_text("d.site = ?", site);
    }
    if let Some(tag) = filter.tag.as_ref().filter(|tag| !tag.is_empty()) {
        conditions.and_text("d.id IN (SELECT device_id FROM device_tag WHERE tag = ?)", tag);
    }
    if let Some(platform) = filter.platform.as_ref().filter(|platform| !platform.is_empty()) {
        conditions.and_text(
            "COALESCE(d.platform, (SELECT f.platform FROM device_fact f WHERE f.device_id = d.id)) = ?",
            platform,
        );
    }
    if let Some(status) = filter.status {
        conditions.and_text("d.status = ?", status.as_str());
    }
    if let Some(class) = filter.class {
        conditions.and_text("d.last_class = ?", class.as_str());
    }
    if let Some(enabled) = filter.enabled {
        conditions.and_int("d.enabled = ?", i64::from(enabled));
    }
    match filter.state {
        Some(DeviceState::Good) => conditions.and(GOOD),
        Some(state) => {
            // A value that stands nowhere in a statement is refused by PostgreSQL.
            let promises = if state.is_of_promises() { promises } else { &[] };
            let since = promised_since(promises, &mut conditions);
            let reasons = state.reasons().iter();
            let any: Vec<String> =
                reasons.map(|reason| format!("({})", needs_hand(*reason, &since))).collect();
            conditions.and("d.enabled = 1").and_built(format!("({})", any.join(" OR ")))
        }
        None => &mut conditions,
    };
    conditions
}

fn selected(selector: &Selector) -> Filter {
    let mut filter = Filter::new();
    filter.and("d.enabled = 1");
    if let Selector::Chosen(ids) = selector {
        filter.and_one_of("d.id", ids.iter().map(|id| id.0));
        return filter;
    }
    let (condition, value) = covers(selector);
    let condition = filter.numbered(&condition, value);
    filter.and_built(condition);
    filter
}

/// The condition that a selector covers `device d`, enabled or not, and the value of the `?` in it.
pub(super) fn covers(selector: &Selector) -> (String, Option<String>) {
    match selector {
        Selector::All => ("1 = 1".to_owned(), None),
        Selector::Type(kind) => ("d.device_type = ?".to_owned(), Some(kind.as_str().to_owned())),
        Selector::Tag(tag) => {
            ("d.id IN (SELECT device_id FROM device_tag WHERE tag = ?)".to_owned(), Some(tag.clone()))
        }
        Selector::Site(site) => ("d.site = ?".to_owned(), Some(site.clone())),
        Selector::Chosen(ids) => (one_of("d.id", ids.iter().map(|id| id.0)), None),
    }
}

pub(super) async fn fill_tags(db: &Db, devices: &mut [Device]) -> Result<()> {
    fill_tags_with(db.reader(), devices).await
}

async fn fill_tags_with<'e>(
    executor: impl sqlx::Executor<'e, Database = Any>,
    devices: &mut [Device],
) -> Result<()> {
    if devices.is_empty() {
        return Ok(());
    }
    let mut filter = Filter::new();
    filter.and_one_of("device_id", devices.iter().map(|device| device.id.0));
    let rows = filter
        .query("SELECT device_id, tag FROM device_tag", " ORDER BY device_id, tag")
        .fetch_all(executor)
        .await?;
    let mut tags: HashMap<i64, Vec<String>> = HashMap::new();
    for row in &rows {
        tags.entry(row.int("device_id")?).or_default().push(row.text("tag")?);
    }
    for device in devices {
        device.tags = tags.remove(&device.id.0).unwrap_or_default();
    }
    Ok(())
}

pub(super) fn device(row: &AnyRow) -> Result<Device> {
    let last_result = match (row.opt_text("last_class")?, row.opt_time("last_finished_at")?) {
        (Some(_), Some(finished_at)) => Some(LastResult {
            class: row.named("last_class", Class::parse)?,
            message: row.opt_text("last_message")?.unwrap_or_default(),
            finished_at,
        }),
        _ => None,
    };
    Ok(Device {
        id: DeviceId(row.int("id")?),
        site: row.text("site")?,
        address: row.text("address")?,
        port: row.count("port")?,
        hostname: row.text("hostname")?,
        device_type: row.named("device_type", DeviceType::parse)?,
        platform: row.opt_text("platform")?,
        transport: row.named("transport", Transport::parse)?,
        credential_id: row.opt_int("credential_id")?.map(CredentialId),
        credential: row.opt_text("credential")?,
        jump_host_id: row.opt_int("jump_host_id")?.map(JumpHostId),
        jump_host: row.opt_text("jump_host")?,
        legacy_ssh: row.flag("legacy_ssh")?,
        https_port: row.opt_int("https_port")?.and_then(|port| u16::try_from(port).ok()),
        tags: Vec::new(),
        description: row.text("description")?,
        enabled: row.flag("enabled")?,
        status: row.named("status", DeviceStatus::parse)?,
        status_at: row.opt_time("status_at")?,
        last_seen_at: row.opt_time("last_seen_at")?,
        last_result,
        last_good_at: row.opt_time("last_good_at")?,
        unsaved: row.opt_int("unsaved")? == Some(1),
        lapse: None,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
