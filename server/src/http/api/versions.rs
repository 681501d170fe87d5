//! `/api/v1/configs` and `/api/v1/versions`: which texts there are, and what people decide of them.

use std::sync::Arc;

use axum::extract::Path;
use etiqa_app::api::context::Context;
use etiqa_engine::access::About;
use etiqa_engine::history::{Reader, decide, read};
use etiqa_engine::{Engine, inventory};
use etiqa_model::config::{ConfigVersion, ConfigVersionRow, VersionState, VersionWords};
use etiqa_model::user::Role;
use etiqa_model::{ConfigVersionId, DeviceId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answered, Part, etag, item, limit, shown};
use super::ask::{Ask, Edits};
use super::cursor::after;
use super::words::VersionStateName;

static EDITS: Edits = Edits::new();

pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new()
        .routes(routes!(list_active))
        .routes(routes!(list_of_device))
        .routes(routes!(show, describe))
        .routes(routes!(accept))
        .routes(routes!(reject))
        .routes(routes!(activate))
}

/// One numbered text of one part of one device, without the text.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VersionItem {
    id: i64,
    device_id: i64,
    hostname: String,
    /// `running`, `startup`, …
    part: String,
    /// 1, 2, 3, … per device and part.
    version: u32,
    #[schema(value_type = VersionStateName)]
    state: VersionState,
    size_bytes: u64,
    lines: u32,
    /// Lines that are not in the version before; what its driver calls volatile does not count.
    added: u32,
    /// Lines of the version before that are not in this one.
    removed: u32,
    /// The driver that took it.
    driver: String,
    #[schema(value_type = String, format = DateTime)]
    collected_at: Timestamp,
    /// When a session last found it unchanged.
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Timestamp,
    /// The run that took it.
    run_id: Option<i64>,
    label: Option<String>,
    note: Option<String>,
    /// SHA-256 of the text, in lower-case hex; for operators and admins.
    sha256: Option<String>,
}

impl VersionItem {
    fn new(hostname: String, version: ConfigVersion, sha256: Option<String>) -> Self {
        Self {
            id: version.id.0,
            device_id: version.device_id.0,
            hostname,
            part: version.part,
            version: version.version,
            state: version.state,
            size_bytes: version.size_bytes,
            lines: version.lines,
            added: version.added,
            removed: version.removed,
            driver: version.driver,
            collected_at: version.collected_at,
            last_seen_at: version.last_seen_at,
            run_id: version.run_id.map(|run| run.0),
            label: version.label,
            note: version.note,
            sha256,
        }
    }
}

/// Which active versions, and where the list goes on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ActiveQuery {
    /// Part of the device's name or address, in any case.
    q: String,
    /// How many at most, 1 to 500; 100 where nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the part before.
    cursor: Option<String>,
}

/// The active versions of all devices, by host name and part
///
/// Needs the role viewer. Only those of devices in one's scope are listed.
#[utoipa::path(get, path = "/api/v1/configs", operation_id = "config_list", tag = "configs", params(ActiveQuery),
    responses((status = 200, description = "A part of the list.", body = Part<VersionItem>)))]
async fn list_active(ask: Ask) -> Answered {
    let context = ask.require(Role::Viewer, About::Seen).await?;
    let query: ActiveQuery = ask.query()?;
    let limit = limit(query.limit)?;
    let last = after::<(String, i64, String)>(query.cursor.as_deref())?;
    let last = last.as_ref().map(|(hostname, id, part)| (hostname.as_str(), DeviceId(*id), part.as_str()));
    let (engine, reach) = (&context.engine, &context.reach);
    let found = read::list_active_after(engine, reach, &query.q, last, limit + 1).await?;
    let part = Part::cut(found, limit, |row| {
        (row.hostname.clone(), row.version.device_id.0, row.version.part.clone())
    });
    Ok(shown(&part.map(|row| VersionItem::new(row.hostname, row.version, None))))
}

/// Which versions of a device, and where the list goes on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct VersionQuery {
    /// Of this part, such as `running`; the device's first where nothing is said.
    part: Option<String>,
    /// How many at most, 1 to 500; a part of the list has 50 at most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the part before.
    cursor: Option<String>,
}

/// Versions of one part of a device, newest first
///
/// Needs the role viewer. Suspect ones, which wait for somebody to accept or reject them, are among them.
#[utoipa::path(get, path = "/api/v1/devices/{id}/versions", operation_id = "version_list", tag = "configs",
    params(("id" = i64, Path, description = "The device's number."), VersionQuery),
    responses((status = 200, description = "A part of the list.", body = Part<VersionItem>)))]
async fn list_of_device(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Viewer, ("device", &id), About::Device).await?;
    let query: VersionQuery = ask.query()?;
    let (limit, before) = (limit(query.limit)?, after::<u32>(query.cursor.as_deref())?);
    let device = inventory::fetch(&context.engine, id).await?;
    let part = match query.part {
        Some(part) => part,
        None => read::first_part(&context.engine, id).await?,
    };
    let found = read::list_versions(&context.engine, id, &part, before).await?.versions;
    // The numbers of a part have no gap, and 1 is the first.
    let is_cut = found.len() > limit as usize;
    let rows: Vec<ConfigVersion> = found.into_iter().take(limit as usize).collect();
    let oldest = rows.last().map(|oldest| oldest.version);
    let next = oldest.filter(|oldest| is_cut || *oldest > 1).map(|oldest| super::cursor::to_cursor(&oldest));
    let rows = rows.into_iter().map(|version| VersionItem::new(device.hostname.clone(), version, None));
    Ok(shown(&Part::going_on(rows.collect(), next)))
}

/// One version, without its text
///
/// Needs the role viewer.
#[utoipa::path(get, path = "/api/v1/versions/{id}", operation_id = "version_show", tag = "configs",
    params(("id" = i64, Path, description = "The version's id.")),
    responses((status = 200, description = "The version.", body = VersionItem)))]
async fn show(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Viewer, ("config version", &id), About::Version).await?;
    seen(&context, id).await
}

/// What people say of a version.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct VersionWrite {
    /// A few words, 60 characters at most; null takes it away.
    label: Option<String>,
    /// 2,000 characters at most; null takes it away.
    note: Option<String>,
}

impl VersionWrite {
    fn of(version: &ConfigVersion) -> Self {
        Self { label: version.label.clone(), note: version.note.clone() }
    }
}

/// Label a version, or note something of it
///
/// Needs the role operator. A merge patch.
#[utoipa::path(patch, path = "/api/v1/versions/{id}", operation_id = "version_describe", tag = "configs",
    params(("id" = i64, Path, description = "The version's id.")), request_body = VersionWrite,
    responses((status = 200, description = "The version as it is now.", body = VersionItem)))]
async fn describe(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("config version", &id), About::Version).await?;
    let _turn = EDITS.turn().await;
    let known = VersionWrite::of(&read::version(&context.engine, id).await?.version);
    ask.must_match(&etag(&known)?)?;
    let words = ask.patched(&known)?;
    let words = VersionWords { label: words.label.unwrap_or_default(), note: words.note.unwrap_or_default() };
    decide::describe(&context.engine, id, &words).await?;
    seen(&context, id).await
}

/// Accept a suspect version
///
/// Needs the role operator. It becomes the active one. 409 where it is not suspect (any more).
#[utoipa::path(post, path = "/api/v1/versions/{id}/accept", operation_id = "version_accept", tag = "configs",
    params(("id" = i64, Path, description = "The version's id.")),
    responses((status = 200, description = "The version as it is now.", body = VersionItem)))]
async fn accept(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("config version", &id), About::Version).await?;
    decide::decide(&context.engine, id, true).await?;
    seen(&context, id).await
}

/// Reject a suspect version
///
/// Needs the role operator. The active one stays. 409 where it is not suspect (any more).
#[utoipa::path(post, path = "/api/v1/versions/{id}/reject", operation_id = "version_reject", tag = "configs",
    params(("id" = i64, Path, description = "The version's id.")),
    responses((status = 200, description = "The version as it is now.", body = VersionItem)))]
async fn reject(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("config version", &id), About::Version).await?;
    decide::decide(&context.engine, id, false).await?;
    seen(&context, id).await
}

/// Make an older version the active one
///
/// Needs the role operator. Archives take it, and what the device gives next is compared with it; nothing is sent to the
/// device.
#[utoipa::path(post, path = "/api/v1/versions/{id}/activate", operation_id = "version_activate", tag = "configs",
    params(("id" = i64, Path, description = "The version's id.")),
    responses((status = 200, description = "The version as it is now.", body = VersionItem)))]
async fn activate(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("config version", &id), About::Version).await?;
    decide::activate(&context.engine, id).await?;
    seen(&context, id).await
}

async fn seen(context: &Context, id: ConfigVersionId) -> Answered {
    let reader = Reader::from(context.identity.role);
    let ConfigVersionRow { hostname, version, sha256, .. } =
        read::version_for(&context.engine, id, reader).await?;
    let tag = etag(&VersionWrite::of(&version))?;
    Ok(item(&VersionItem::new(hostname, version, sha256), &tag))
}
