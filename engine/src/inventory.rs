//! What people do with devices: add, change, delete, collect, decide.

mod after;
mod bulk;
pub(crate) mod export;
mod within;

use etiqa_model::admin::{BackupChoices, DeviceChoices};
use etiqa_model::device::{
    Device, DeviceDetail, DeviceFilter, DeviceInput, DeviceOrder, DeviceState, NewDevice,
};
use etiqa_model::event::Topic;
use etiqa_model::page::{Page, Paged};
use etiqa_model::scope::Scope;
use etiqa_model::selector::Selector;
use etiqa_model::user::{Reach, Role};
use etiqa_model::{DeviceId, DeviceResultId, ErrorKind, FieldError, JobId, UserError};
use serde_json::json;

use crate::audit::{Act, Changes, action, record, record_in_txn};
use crate::backup::promise;
use crate::changes;
use crate::db::DbError;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::history::unpack;
use crate::machines;
use crate::media;
use crate::rules;
use crate::schedule::{Work, due, enqueue_at_sites};
use crate::stamp::stamp;
use crate::store::config_version::{part_list, version_list_active};
use crate::store::credential::{credential_fetch, credential_fetch_by_name, credential_list};
use crate::store::destination::destination_list_names;
use crate::store::device::{
    device_fetch, device_fetch_in_txn, device_fill_lapses, device_list_all, device_list_by_name,
    device_list_by_number, device_list_promised, device_list_selected, platform_list, site_list, tag_list,
};
use crate::store::device_fact::{device_fact_fetch, device_fact_forget_platform_in_txn};
use crate::store::device_write::{
    DeviceRow, device_delete_in_txn, device_insert_in_txn, device_set_enabled_in_txn, device_update_in_txn,
};
use crate::store::host_key::{host_key_accept_in_txn, host_key_view};
use crate::store::job::job_is_open_for_device;
use crate::store::jump_host::{jump_host_fetch_by_name, jump_host_list};
use crate::store::lease::device_lease_is_taken;
use crate::store::media::media_list;
use crate::store::promise::Promise;
use crate::store::result::{result_list_of_device, transcript_fetch};
use crate::time::now;

pub use after::list_after;
pub use bulk::change;
pub use export::csv;
use within::may_use;
pub use within::save_within;
pub(crate) use within::{check as check_within, is_reached_alike, may_send};

/// Adds (`id` none) or changes a device.
pub async fn save(engine: &Engine, id: Option<DeviceId>, input: &DeviceInput) -> Result<DeviceId> {
    save_as(engine, id, input, None).await
}

/// The same, enabled or disabled. Where nothing is said of that a new one is enabled, and another one stays as it is.
async fn save_as(
    engine: &Engine,
    id: Option<DeviceId>,
    input: &DeviceInput,
    enabled: Option<bool>,
) -> Result<DeviceId> {
    let device = input.parse()?;
    let row = with_names(engine, device).await?;
    let at = now();
    let mut tx = engine.db.write().await?;
    let before = match id {
        Some(id) => device_fetch_in_txn(&mut tx, id).await?,
        None => None,
    };
    let id = match id {
        Some(id) => {
            let updated = device_update_in_txn(&mut tx, id, &row, at).await;
            if !updated.map_err(|error| taken(error, &row.device))? {
                return Err(missing(id).into());
            }
            id
        }
        None => {
            let inserted = device_insert_in_txn(&mut tx, std::slice::from_ref(&row), at).await;
            let ids = inserted.map_err(|error| taken(error, &row.device))?;
            ids.first().copied().ok_or_else(UserError::internal)?
        }
    };
    let was_enabled = before.as_ref().is_none_or(|before| before.enabled);
    let is_enabled = enabled.unwrap_or(was_enabled);
    if is_enabled != was_enabled {
        device_set_enabled_in_txn(&mut tx, id, is_enabled, at).await?;
    }
    let (action, changes) = match &before {
        Some(before) => (action::DEVICE_CHANGE, Changes::between(before, &row.device)),
        None => (action::DEVICE_ADD, Changes::of_new(&row.device)),
    };
    let changes =
        changes.and("enabled", Some(was_enabled.to_string()), Some(is_enabled.to_string())).without(MEASURED);
    record_in_txn(&mut tx, Act::new(action).on(id.0, &row.device.hostname).changing(changes)).await?;
    tx.commit().await?;
    engine.events.send(Topic::Devices, id.0);
    Ok(id)
}

/// What of a device is not of a person's making.
pub(crate) const MEASURED: &[&str] = &[
    "id",
    "credential_id",
    "jump_host_id",
    "status",
    "status_at",
    "last_seen_at",
    "last_good_at",
    "unsaved",
    "lapse",
    "created_at",
    "updated_at",
];

/// Looks up what the device names: its credential, its jump host, its platform.
async fn with_names(engine: &Engine, device: NewDevice) -> Result<DeviceRow> {
    let mut fields = Vec::new();
    let mut wrong =
        |field: &str, message: String| fields.push(FieldError { field: field.to_owned(), message });
    let credential_id = match &device.credential {
        Some(name) => {
            let found = credential_fetch_by_name(&engine.db, name).await?.map(|found| found.credential.id);
            if found.is_none() {
                wrong("credential", format!("There is no credential named \"{name}\"; add it first."));
            }
            found
        }
        None => None,
    };
    let jump_host_id = match &device.jump_host {
        Some(name) => {
            let found = jump_host_fetch_by_name(&engine.db, name).await?.map(|found| found.host.id);
            if found.is_none() {
                wrong("jump_host", format!("There is no jump host named \"{name}\"; add it first."));
            }
            found
        }
        None => None,
    };
    if let Some(platform) = &device.platform
        && engine.drivers.current().get(platform).is_none()
    {
        wrong("platform", unknown_platform(platform));
    }
    if fields.is_empty() {
        Ok(DeviceRow { device, credential_id, jump_host_id })
    } else {
        Err(UserError::in_fields(fields).into())
    }
}

pub(crate) fn unknown_platform(name: &str) -> String {
    format!("There is no driver named \"{name}\"; `etiqa drivers list` shows the known ones.")
}

/// Deletes a device with its versions, results and attached files.
pub async fn delete(engine: &Engine, id: DeviceId) -> Result<()> {
    let attached = media_list(&engine.db, id).await?;
    let mut tx = engine.db.write().await?;
    let device = device_fetch_in_txn(&mut tx, id).await?.ok_or_else(|| missing(id))?;
    if !device_delete_in_txn(&mut tx, id).await? {
        return Err(missing(id).into());
    }
    let changes = Changes::of_removed(&device.to_input()).without(MEASURED);
    record_in_txn(&mut tx, Act::new(action::DEVICE_REMOVE).on(id.0, &device.hostname).changing(changes))
        .await?;
    tx.commit().await?;
    engine.events.send(Topic::Devices, id.0);
    media::forget_device(engine, id, &attached).await
}

/// Enables or disables a device.
pub async fn set_enabled(engine: &Engine, id: DeviceId, enabled: bool) -> Result<()> {
    let mut tx = engine.db.write().await?;
    let device = device_fetch_in_txn(&mut tx, id).await?.ok_or_else(|| missing(id))?;
    if !device_set_enabled_in_txn(&mut tx, id, enabled, now()).await? {
        return Err(missing(id).into());
    }
    let changes = Changes::between(&device, &json!({ "enabled": enabled }));
    record_in_txn(&mut tx, Act::new(action::DEVICE_CHANGE).on(id.0, &device.hostname).changing(changes))
        .await?;
    tx.commit().await?;
    engine.events.send(Topic::Devices, id.0);
    Ok(())
}

/// Forgets what a device was recognised as, so that its next session looks again.
pub async fn recognise_again(engine: &Engine, id: DeviceId) -> Result<()> {
    let device = fetch(engine, id).await?;
    let mut tx = engine.db.write().await?;
    if !device_fact_forget_platform_in_txn(&mut tx, id, now()).await? {
        let message = format!("{} was not recognised yet; its next session tries.", device.hostname);
        return Err(UserError::conflict(message).into());
    }
    record_in_txn(&mut tx, Act::new(action::DEVICE_RECOGNISE).on(id.0, &device.hostname)).await?;
    tx.commit().await?;
    engine.events.send(Topic::Devices, id.0);
    Ok(())
}

/// Queues a collection of these devices now, each at its site: a job for each of the sites that have workers.
pub async fn collect_now(engine: &Engine, devices: &[Device]) -> Result<Vec<JobId>> {
    let sites = machines::sites(engine).await?;
    let jobs =
        enqueue_at_sites(engine, devices, &sites.alive, None, |devices| Work::Collect { devices }).await?;
    record(&engine.db, on_devices(Act::new(action::DEVICE_COLLECT), devices)).await?;
    Ok(jobs)
}

/// An act on these devices: by its name where it is one.
pub(crate) fn on_devices(act: Act, devices: &[Device]) -> Act {
    match devices {
        [device] => act.on(device.id.0, &device.hostname),
        devices => {
            let names: Vec<&str> = devices.iter().map(|device| device.hostname.as_str()).collect();
            act.saying(format!("{} devices: {}", devices.len(), names.join(", ")))
        }
    }
}

/// Queues a collection of one device now, unless it is queued or goes on already.
pub async fn collect_one(engine: &Engine, id: DeviceId) -> Result<()> {
    let device = fetch(engine, id).await?;
    // With others it has no job of its own.
    if !job_is_open_for_device(&engine.db, "collect", id).await? {
        collect_now(engine, &[device]).await?;
    }
    Ok(())
}

/// A page of the devices that somebody of this reach sees, with what is overdue or in no backup of them.
pub async fn list(
    engine: &Engine,
    reach: &Reach,
    filter: &DeviceFilter,
    order: DeviceOrder,
    page: Page,
) -> Result<Paged<Device>> {
    let promises = promise::now_promised(engine, now()).await?;
    // A statement without promises comes again as it is.
    let asked: &[Promise] = if asks_for_promises(filter) { &promises } else { &[] };
    let mut devices = device_list_promised(&engine.db, reach.scope(), filter, asked, order, page).await?;
    device_fill_lapses(&engine.db, &promises, &mut devices.rows).await?;
    Ok(devices)
}

/// What backups promise, where the filter asks for it.
async fn promises_of(engine: &Engine, filter: &DeviceFilter) -> Result<Vec<Promise>> {
    if asks_for_promises(filter) { promise::now_promised(engine, now()).await } else { Ok(Vec::new()) }
}

fn asks_for_promises(filter: &DeviceFilter) -> bool {
    filter.state.is_some_and(DeviceState::is_of_promises)
}

/// Everything the page of one device shows.
pub async fn detail(engine: &Engine, id: DeviceId) -> Result<DeviceDetail> {
    let mut device = fetch(engine, id).await?;
    let promises = promise::now_promised(engine, now()).await?;
    device_fill_lapses(&engine.db, &promises, std::slice::from_mut(&mut device)).await?;
    let is_asked_for = job_is_open_for_device(&engine.db, "collect", id).await?;
    let is_queued = is_asked_for || changes::is_waiting(engine, id).await?;
    let facts = device_fact_fetch(&engine.db, id).await?;
    let taken = match facts.credential_id {
        Some(id) => credential_fetch(&engine.db, id).await?,
        None => None,
    };
    Ok(DeviceDetail {
        platform: crate::drivers::platform_of(engine, &device, &facts),
        facts,
        credential_taken: taken.map(|taken| taken.credential.name),
        parts: part_list(&engine.db, id).await?,
        results: result_list_of_device(&engine.db, id, 25).await?,
        host_key: host_key_view(&engine.db, id).await?,
        collecting: is_queued || device_lease_is_taken(&engine.db, id, now()).await?,
        broken_rules: rules::broken_of(engine, id).await?,
        active: version_list_active(&engine.db, id).await?.iter().map(|version| version.id).collect(),
        stamp: stamp_of(&device)?,
        device,
    })
}

/// Names what a person said of a device: what is measured changes without it.
fn stamp_of(device: &Device) -> Result<String> {
    Ok(stamp(&DeviceInput { status: String::new(), ..device.to_input() })?)
}

/// The stamp of a device as it is now.
pub async fn stamp_now(engine: &Engine, id: DeviceId) -> Result<String> {
    stamp_of(&fetch(engine, id).await?)
}

/// One device.
pub async fn fetch(engine: &Engine, id: DeviceId) -> Result<Device> {
    Ok(device_fetch(&engine.db, id).await?.ok_or_else(|| missing(id))?)
}

/// The one device of this host name, address or number (`#12`); for the command line, which sees them all.
pub async fn find(engine: &Engine, name: &str) -> Result<Device> {
    find_seen(engine, &Role::Admin.into(), name).await
}

/// The one device of this host name, address or number (`#12`) among those that somebody of this reach sees.
pub async fn find_seen(engine: &Engine, reach: &Reach, name: &str) -> Result<Device> {
    let mut found = device_list_by_name(&engine.db, reach.scope(), name).await?;
    let number = name.strip_prefix('#').and_then(|number| number.parse().ok());
    if let (true, Some(id)) = (found.is_empty(), number) {
        found = device_list_by_number(&engine.db, reach.scope(), id).await?;
    }
    match found.len() {
        0 => Err(UserError::not_found(format!("device named \"{name}\"")).into()),
        1 => Ok(found.remove(0)),
        count => {
            let ways: Vec<String> = found
                .iter()
                .map(|device| {
                    let Device { id, address, port, site, .. } = device;
                    format!("'#{id}' is {address} port {port} in site {site}")
                })
                .collect();
            let ways = ways.join("; ");
            let message = format!(
                "{count} devices are called \"{name}\": {ways}. Use the address that only one has, or a number."
            );
            Err(UserError::new(ErrorKind::Conflict, message).into())
        }
    }
}

/// A selector from the command line: as [`Selector::parse`] reads it, or host names and addresses with commas.
pub async fn selector(engine: &Engine, text: &str) -> Result<Selector> {
    if let Ok(selector) = Selector::parse(text) {
        return Ok(selector);
    }
    let mut ids = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        ids.push(find(engine, name).await?.id);
    }
    Ok(Selector::Chosen(ids))
}

/// Every device, by host name; for the command line, which sees them all.
pub async fn all(engine: &Engine) -> Result<Vec<Device>> {
    seen(engine, &Role::Admin.into()).await
}

/// Every device that somebody of this reach sees, by host name.
pub async fn seen(engine: &Engine, reach: &Reach) -> Result<Vec<Device>> {
    Ok(device_list_all(&engine.db, reach.scope()).await?)
}

/// Every enabled device.
pub async fn all_enabled(engine: &Engine) -> Result<Vec<Device>> {
    Ok(device_list_selected(&engine.db, &Selector::All).await?)
}

/// Takes the changed host key of a device as its own, for somebody of this reach.
pub async fn accept_host_key(engine: &Engine, reach: &Reach, id: DeviceId) -> Result<()> {
    let device = fetch(engine, id).await?;
    check_site(reach, &device)?;
    let known = host_key_view(&engine.db, id).await?;
    let mut tx = engine.db.write().await?;
    if !host_key_accept_in_txn(&mut tx, id, now()).await? {
        let message = format!("{} offers no changed host key.", device.hostname);
        return Err(UserError::conflict(message).into());
    }
    let (before, after) = known.map(|known| (known.fingerprint, known.offered)).unzip();
    let changes = Changes::none().and("host_key", before, after.flatten());
    record_in_txn(&mut tx, Act::new(action::DEVICE_HOST_KEY).on(id.0, &device.hostname).changing(changes))
        .await?;
    tx.commit().await?;
    engine.events.send(Topic::Devices, id.0);
    Ok(())
}

/// Refuses what says which machine a login is sent to, for whoever has a device by its tag alone.
pub(crate) fn check_site(reach: &Reach, device: &Device) -> Result<(), UserError> {
    if reach.scope().holds_site(&device.site) {
        return Ok(());
    }
    let message = format!("This says only who has the whole site of {} in their scope.", device.hostname);
    Err(UserError::new(ErrorKind::Forbidden, message))
}

/// What a device sent in a session that went wrong, secrets masked.
pub async fn transcript(engine: &Engine, id: DeviceResultId) -> Result<String> {
    let packed = transcript_fetch(&engine.db, id).await?;
    unpack(&packed.ok_or_else(|| UserError::not_found(format!("session kept for result {id}")))?)
}

/// What the device forms and filters offer somebody of this reach. Credentials and jump hosts of sites that are not in their
/// scope are not among it.
pub async fn device_choices(engine: &Engine, reach: &Reach) -> Result<DeviceChoices> {
    let drivers = engine.drivers.current();
    let (db, scope) = (&engine.db, reach.scope());
    let credentials = credential_list(db).await?.into_iter();
    let jump_hosts = jump_host_list(db).await?.into_iter();
    Ok(DeviceChoices {
        sites: with_own(site_list(db, scope).await?, scope.sites()),
        tags: with_own(tag_list(db, scope).await?, scope.tags()),
        platforms: drivers.titles().map(|(name, title)| (name.to_owned(), title)).collect(),
        platforms_in_use: platform_list(db, scope).await?,
        credentials: credentials
            .filter(|credential| may_send(reach, credential.site.as_deref()))
            .map(|credential| credential.name)
            .collect(),
        jump_hosts: jump_hosts
            .filter(|host| may_use(reach, host.site.as_deref()))
            .map(|host| host.name)
            .collect(),
    })
}

/// The names in use with those of a scope, sorted: its first device has them before any other.
fn with_own(mut names: Vec<String>, own: &[String]) -> Vec<String> {
    names.extend_from_slice(own);
    names.sort_unstable();
    names.dedup();
    names
}

/// What the backup config form offers.
pub async fn backup_choices(engine: &Engine) -> Result<BackupChoices> {
    Ok(BackupChoices {
        time_zones: due::zone_names().into_iter().map(str::to_owned).collect(),
        default_zone: due::machine_zone(),
        sites: site_list(&engine.db, &Scope::default()).await?,
        tags: tag_list(&engine.db, &Scope::default()).await?,
        destinations: destination_list_names(&engine.db).await?,
    })
}

fn missing(id: DeviceId) -> UserError {
    UserError::not_found(format!("device {id}"))
}

fn taken(error: DbError, device: &NewDevice) -> Error {
    if error.is_unique_violation() {
        let message = format!(
            "There is a device at {} port {} in site {} already.",
            device.address, device.port, device.site
        );
        return UserError::in_fields(vec![FieldError { field: "address".into(), message }]).into();
    }
    error.into()
}
