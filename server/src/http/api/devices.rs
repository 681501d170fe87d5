//! `/api/v1/devices`: the inventory.

use std::sync::Arc;

use axum::extract::Path;
use etiqa_engine::access::About;
use etiqa_engine::{Engine, inventory};
use etiqa_model::class::Class;
use etiqa_model::device::{
    DEFAULT_SITE, Device, DeviceChangeInput, DeviceDetail, DeviceFilter, DeviceInput, DeviceState,
    DeviceStatus, DeviceType, HostKeyView, Transport,
};
use etiqa_model::overview::Reason;
use etiqa_model::user::Role;
use etiqa_model::{DeviceId, FieldError, Timestamp, UserError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answered, Part, accepted, created, etag, item, limit, nothing, shown};
use super::ask::{Ask, Edits};
use super::cursor::after;
use super::words::{ClassName, DeviceStateName, DeviceStatusName, DeviceTypeName, TransportName};

static EDITS: Edits = Edits::new();

pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(bulk))
        .routes(routes!(show, edit, remove))
        .routes(routes!(collect))
        .routes(routes!(accept_host_key))
}

/// A device as a person or a program says it is. What is left out of a new one has its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DeviceWrite {
    /// IP address or host name; required.
    address: String,
    /// A name for people; the address where there is none.
    hostname: Option<String>,
    /// What it is.
    #[schema(value_type = DeviceTypeName)]
    device_type: DeviceType,
    /// A driver's name; null: the device is recognised.
    platform: Option<String>,
    /// TCP port; the transport's own where there is none.
    port: Option<u16>,
    /// How it is talked to.
    #[schema(value_type = TransportName)]
    transport: Transport,
    /// The name of a credential; null: those of its site in order.
    credential: Option<String>,
    /// The name of a jump host; null: its site's, or straight.
    jump_host: Option<String>,
    /// Also offer old SSH algorithms.
    legacy_ssh: bool,
    /// TCP port of its HTTPS; 443 where there is none.
    https_port: Option<u16>,
    /// With address and port it is what tells the device from others.
    site: String,
    /// Without commas and semicolons.
    tags: Vec<String>,
    /// Free text.
    description: String,
    /// Whether it is collected at all.
    enabled: bool,
}

impl Default for DeviceWrite {
    fn default() -> Self {
        Self {
            address: String::new(),
            hostname: None,
            device_type: DeviceType::Other,
            platform: None,
            port: None,
            transport: Transport::default(),
            credential: None,
            jump_host: None,
            legacy_ssh: false,
            https_port: None,
            site: DEFAULT_SITE.to_owned(),
            tags: Vec::new(),
            description: String::new(),
            enabled: true,
        }
    }
}

impl From<&Device> for DeviceWrite {
    fn from(device: &Device) -> Self {
        Self {
            address: device.address.clone(),
            // An address that stands in for a name is left out, so that another one does.
            hostname: Some(device.hostname.clone()).filter(|name| *name != device.address),
            device_type: device.device_type,
            platform: device.platform.clone(),
            // The usual port is left out, so that another transport brings its own.
            port: Some(device.port).filter(|port| *port != device.transport.default_port()),
            transport: device.transport,
            credential: device.credential.clone(),
            jump_host: device.jump_host.clone(),
            legacy_ssh: device.legacy_ssh,
            https_port: device.https_port,
            site: device.site.clone(),
            tags: device.tags.clone(),
            description: device.description.clone(),
            enabled: device.enabled,
        }
    }
}

impl DeviceWrite {
    fn input(&self) -> Result<DeviceInput, UserError> {
        if self.tags.iter().any(|tag| tag.contains([',', ';'])) {
            let message = "A tag has no comma and no semicolon in it.".to_owned();
            return Err(UserError::in_fields(vec![FieldError { field: "tags".to_owned(), message }]));
        }
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let number = |port: Option<u16>| port.map(|port| port.to_string()).unwrap_or_default();
        Ok(DeviceInput {
            address: self.address.clone(),
            hostname: text(&self.hostname),
            device_type: self.device_type.as_str().to_owned(),
            platform: text(&self.platform),
            port: number(self.port),
            transport: self.transport.as_str().to_owned(),
            credential: text(&self.credential),
            jump_host: text(&self.jump_host),
            legacy_ssh: self.legacy_ssh,
            https_port: number(self.https_port),
            site: self.site.clone(),
            tags: self.tags.join(", "),
            description: self.description.clone(),
            status: String::new(),
        })
    }
}

/// A device.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeviceItem {
    id: i64,
    /// IP address or host name.
    address: String,
    hostname: String,
    #[schema(value_type = DeviceTypeName)]
    device_type: DeviceType,
    /// The driver that a person chose.
    platform: Option<String>,
    port: u16,
    #[schema(value_type = TransportName)]
    transport: Transport,
    credential: Option<String>,
    jump_host: Option<String>,
    legacy_ssh: bool,
    https_port: Option<u16>,
    site: String,
    tags: Vec<String>,
    description: String,
    enabled: bool,
    /// Whether it answers.
    #[schema(value_type = DeviceStatusName)]
    status: DeviceStatus,
    /// Since when the status is what it is.
    #[schema(value_type = Option<String>, format = DateTime)]
    status_at: Option<Timestamp>,
    /// How its last collection ended.
    last_result: Option<LastResultItem>,
    /// When a whole text was last taken.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_good_at: Option<Timestamp>,
    /// Whether its running configuration was not saved when it was last looked at.
    unsaved: bool,
    /// `overdue` or `no_backup`, although its last collection was good.
    #[schema(value_type = Option<String>)]
    lapse: Option<Reason>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When a person last changed it.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// How a collection ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LastResultItem {
    #[schema(value_type = ClassName)]
    class: Class,
    /// One sentence: what happened.
    message: String,
    #[schema(value_type = String, format = DateTime)]
    finished_at: Timestamp,
}

/// One device, and what was found out about it.
#[derive(Debug, Serialize, ToSchema)]
struct DeviceWhole {
    #[serde(flatten)]
    device: DeviceItem,
    /// The driver that would be used now.
    platform_in_use: Option<String>,
    /// The hardware's model.
    model: Option<String>,
    /// The chassis' serial number.
    serial: Option<String>,
    /// The version of the operating system.
    os_version: Option<String>,
    /// The name of the credential that it took last.
    credential_taken: Option<String>,
    /// Its parts, such as `running`.
    parts: Vec<String>,
    /// Its remembered SSH host key.
    host_key: Option<HostKeyItem>,
    /// Whether a collection is queued or running.
    collecting: bool,
}

/// A remembered host key.
#[derive(Debug, Serialize, ToSchema)]
struct HostKeyItem {
    /// `SHA256:…`
    fingerprint: String,
    #[schema(value_type = String, format = DateTime)]
    first_seen_at: Timestamp,
    /// The changed key that waits for a person, `SHA256:…`
    offered: Option<String>,
}

impl From<HostKeyView> for HostKeyItem {
    fn from(key: HostKeyView) -> Self {
        Self { fingerprint: key.fingerprint, first_seen_at: key.first_seen_at, offered: key.offered }
    }
}

impl From<Device> for DeviceItem {
    fn from(device: Device) -> Self {
        let last_result = device.last_result.map(|result| LastResultItem {
            class: result.class,
            message: result.message,
            finished_at: result.finished_at,
        });
        Self {
            id: device.id.0,
            address: device.address,
            hostname: device.hostname,
            device_type: device.device_type,
            platform: device.platform,
            port: device.port,
            transport: device.transport,
            credential: device.credential,
            jump_host: device.jump_host,
            legacy_ssh: device.legacy_ssh,
            https_port: device.https_port,
            site: device.site,
            tags: device.tags,
            description: device.description,
            enabled: device.enabled,
            status: device.status,
            status_at: device.status_at,
            last_result,
            last_good_at: device.last_good_at,
            unsaved: device.unsaved,
            lapse: device.lapse,
            created_at: device.created_at,
            updated_at: device.updated_at,
        }
    }
}

impl From<DeviceDetail> for DeviceWhole {
    fn from(detail: DeviceDetail) -> Self {
        Self {
            device: detail.device.into(),
            platform_in_use: detail.platform,
            model: detail.facts.model,
            serial: detail.facts.serial,
            os_version: detail.facts.os_version,
            credential_taken: detail.credential_taken,
            parts: detail.parts.into_iter().map(|part| part.part).collect(),
            host_key: detail.host_key.map(Into::into),
            collecting: detail.collecting,
        }
    }
}

/// Which devices, and where the list goes on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeviceQuery {
    /// Part of host name, address or description, in any case.
    q: Option<String>,
    /// Only of this type.
    #[serde(rename = "type")]
    #[param(value_type = Option<DeviceTypeName>, inline)]
    device_type: Option<DeviceType>,
    /// Only of this platform, chosen or recognised.
    platform: Option<String>,
    /// Only of this site.
    site: Option<String>,
    /// Only with this tag.
    tag: Option<String>,
    /// Only those that answer, or do not.
    #[param(value_type = Option<DeviceStatusName>, inline)]
    status: Option<DeviceStatus>,
    /// Only where it stands so.
    #[param(value_type = Option<DeviceStateName>, inline)]
    state: Option<DeviceState>,
    /// Only those whose last collection ended so.
    #[param(value_type = Option<ClassName>, inline)]
    class: Option<Class>,
    /// Only enabled or disabled ones.
    enabled: Option<bool>,
    /// How many at most, 1 to 500; 100 where nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the part before.
    cursor: Option<String>,
}

/// Devices, by host name
///
/// Needs the role viewer. Only those of one's scope are listed.
#[utoipa::path(get, path = "/api/v1/devices", operation_id = "device_list", tag = "devices", params(DeviceQuery),
    responses((status = 200, description = "A part of the list.", body = Part<DeviceItem>)))]
async fn list(ask: Ask) -> Answered {
    let context = ask.require(Role::Viewer, About::Seen).await?;
    let query: DeviceQuery = ask.query()?;
    let (limit, last) = (limit(query.limit)?, after::<(String, i64)>(query.cursor.as_deref())?);
    let filter = DeviceFilter {
        search: query.q.unwrap_or_default(),
        device_type: query.device_type,
        site: query.site,
        tag: query.tag,
        state: query.state,
        enabled: query.enabled,
        platform: query.platform,
        status: query.status,
        class: query.class,
    };
    let last = last.as_ref().map(|(hostname, id)| (hostname.as_str(), DeviceId(*id)));
    let found = inventory::list_after(&context.engine, &context.reach, &filter, last, limit + 1).await?;
    let part = Part::cut(found, limit, |device| (device.hostname.clone(), device.id.0));
    Ok(shown(&part.map(DeviceItem::from)))
}

/// Add a device
///
/// Needs the role operator.
#[utoipa::path(post, path = "/api/v1/devices", operation_id = "device_create", tag = "devices",
    request_body = DeviceWrite,
    responses((status = 201, description = "It was added.", body = DeviceWhole)))]
async fn create(ask: Ask) -> Answered {
    let context = ask.require(Role::Operator, About::Seen).await?;
    let device: DeviceWrite = ask.json()?;
    let (input, enabled) = (device.input()?, Some(device.enabled));
    let id = inventory::save_within(&context.engine, &context.reach, None, &input, enabled).await?;
    let made = inventory::detail(&context.engine, id).await?;
    let tag = etag(&DeviceWrite::from(&made.device))?;
    Ok(created(format!("/api/v1/devices/{id}"), &DeviceWhole::from(made), &tag))
}

/// One device
///
/// Needs the role viewer. The ETag names what people say of it; what is measured changes without it.
#[utoipa::path(get, path = "/api/v1/devices/{id}", operation_id = "device_show", tag = "devices",
    params(("id" = i64, Path, description = "The device's number.")),
    responses((status = 200, description = "The device.", body = DeviceWhole)))]
async fn show(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Viewer, ("device", &id), About::Device).await?;
    let detail = inventory::detail(&context.engine, id).await?;
    let tag = etag(&DeviceWrite::from(&detail.device))?;
    Ok(item(&DeviceWhole::from(detail), &tag))
}

/// Change a device
///
/// Needs the role operator. A merge patch: fields that are left out stay, `null` gives one its default.
#[utoipa::path(patch, path = "/api/v1/devices/{id}", operation_id = "device_edit", tag = "devices",
    params(("id" = i64, Path, description = "The device's number.")), request_body = DeviceWrite,
    responses((status = 200, description = "The device as it is now.", body = DeviceWhole)))]
async fn edit(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("device", &id), About::Device).await?;
    let engine = &context.engine;
    let _turn = EDITS.turn().await;
    let known = DeviceWrite::from(&inventory::fetch(engine, id).await?);
    ask.must_match(&etag(&known)?)?;
    let changed = ask.patched(&known)?;
    if (DeviceWrite { enabled: known.enabled, ..changed.clone() }) != known {
        let (input, enabled) = (changed.input()?, Some(changed.enabled));
        inventory::save_within(engine, &context.reach, Some(id), &input, enabled).await?;
    } else if changed.enabled != known.enabled {
        inventory::set_enabled(engine, id, changed.enabled).await?;
    }
    let detail = inventory::detail(engine, id).await?;
    let tag = etag(&DeviceWrite::from(&detail.device))?;
    Ok(item(&DeviceWhole::from(detail), &tag))
}

/// Remove a device
///
/// Needs the role operator. Its versions, results and attached files go with it; archives keep what they hold.
#[utoipa::path(delete, path = "/api/v1/devices/{id}", operation_id = "device_remove", tag = "devices",
    params(("id" = i64, Path, description = "The device's number.")),
    responses((status = 204, description = "It is gone.")))]
async fn remove(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("device", &id), About::Device).await?;
    let _turn = EDITS.turn().await;
    let known = DeviceWrite::from(&inventory::fetch(&context.engine, id).await?);
    ask.may_match(&etag(&known)?)?;
    inventory::delete(&context.engine, id).await?;
    Ok(nothing())
}

/// What is done to many devices.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum BulkAction {
    /// Collect the enabled ones now.
    Collect,
    Enable,
    Disable,
    /// `tag` says which.
    AddTag,
    /// `tag` says which.
    RemoveTag,
    /// `credential` says which; null: those of their site.
    SetCredential,
    /// With their versions and results.
    Delete,
}

impl BulkAction {
    fn as_str(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::AddTag => "add_tag",
            Self::RemoveTag => "remove_tag",
            Self::SetCredential => "set_credential",
            Self::Delete => "delete",
        }
    }
}

/// A change of many devices.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Bulk {
    /// Their numbers, 10,000 at most.
    ids: Vec<i64>,
    action: BulkAction,
    tag: Option<String>,
    credential: Option<String>,
}

/// What a change of many devices came to.
#[derive(Debug, Serialize, ToSchema)]
struct BulkDone {
    /// Devices that were changed: those that were so already do not count.
    changed: u64,
}

/// Change many devices at once
///
/// Needs the role operator. All of them are changed, or none: also where one of them is not in one's scope.
#[utoipa::path(post, path = "/api/v1/devices/bulk", operation_id = "device_bulk", tag = "devices", request_body = Bulk,
    responses((status = 200, description = "It was done.", body = BulkDone)))]
async fn bulk(ask: Ask) -> Answered {
    let context = ask.require(Role::Operator, About::Seen).await?;
    let bulk: Bulk = ask.json()?;
    let ids: Vec<DeviceId> = bulk.ids.into_iter().map(DeviceId).collect();
    context.admit(About::Devices(&ids)).await?;
    let what = bulk.action.as_str().to_owned();
    let change = DeviceChangeInput {
        // A program that says so means it.
        confirmation: what.clone(),
        what,
        tag: bulk.tag.unwrap_or_default(),
        credential: bulk.credential.unwrap_or_default(),
    };
    let changed = inventory::change(&context.engine, &context.reach, &ids, &change.parse()?).await?;
    Ok(shown(&BulkDone { changed }))
}

/// That something is queued.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Queued {
    /// True: it is, or was already.
    pub(super) queued: bool,
}

/// Collect a device now
///
/// Needs the role operator. One that is queued or being collected already is not queued again.
#[utoipa::path(post, path = "/api/v1/devices/{id}/collect", operation_id = "device_collect", tag = "devices",
    params(("id" = i64, Path, description = "The device's number.")),
    responses((status = 202, description = "It is queued.", body = Queued)))]
async fn collect(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("device", &id), About::Device).await?;
    inventory::collect_one(&context.engine, id).await?;
    Ok(accepted(&Queued { queued: true }))
}

/// Accept a device's changed host key
///
/// Needs the role operator. 409 where it offers none.
#[utoipa::path(post, path = "/api/v1/devices/{id}/host-key/accept", operation_id = "device_accept_host_key",
    tag = "devices", params(("id" = i64, Path, description = "The device's number.")),
    responses((status = 204, description = "It is the device's key from now on.")))]
async fn accept_host_key(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("device", &id), About::Device).await?;
    inventory::accept_host_key(&context.engine, &context.reach, id).await?;
    Ok(nothing())
}
