//! Config versions: their texts and differences.

use etiqa_model::compare::{Comparison, Reading, SideInput};
use etiqa_model::config::{ConfigText, ConfigVersionRow, PartVersions, VersionDiff, VersionWords};
use etiqa_model::history::NetworkConfigs;
use etiqa_model::page::Page;
use etiqa_model::{ConfigVersionId, DeviceId};
use leptos::prelude::*;

use super::AppError;
#[cfg(feature = "ssr")]
use {
    super::context::Context,
    etiqa_engine::access::About,
    etiqa_engine::audit,
    etiqa_engine::history::{Reader, compare, decide, read},
    etiqa_model::UserError,
    etiqa_model::compare::Moment,
    etiqa_model::opened::Opened,
    etiqa_model::user::Role,
};

/// The active versions of all devices, by device name; `search` narrows by name or address. With a time in `at`, such as
/// `2026-11-01T14:30`, those that were active then.
#[server(endpoint = "list_configs")]
pub async fn list_configs(
    #[server(default)] search: String,
    #[server(default)] at: String,
    page: Page,
) -> Result<NetworkConfigs, AppError> {
    let zone = super::context::zone_of_viewer();
    let context = Context::require(Role::Viewer, About::Seen).await?;
    let at = Some(at.trim()).filter(|at| !at.is_empty());
    let at = at.map(Moment::parse).transpose().map_err(UserError::invalid)?;
    Ok(read::network(&context.engine, &context.reach, &search, at, &zone, page).await?)
}

/// Versions of one part of a device before version `before`, newest first, 50 at most.
#[server(endpoint = "list_versions")]
pub async fn list_versions(
    device: DeviceId,
    part: String,
    before: Option<u32>,
) -> Result<PartVersions, AppError> {
    let context = Context::require(Role::Viewer, About::Device(device)).await?;
    Ok(read::list_versions(&context.engine, device, &part, before).await?)
}

/// A version with the name of its device.
#[server(endpoint = "get_version")]
pub async fn get_version(id: ConfigVersionId) -> Result<ConfigVersionRow, AppError> {
    let context = Context::require(Role::Viewer, About::Version(id)).await?;
    Ok(read::version_for(&context.engine, id, context.identity.role.into()).await?)
}

/// The text of a version; viewers get it masked.
#[server(endpoint = "get_config")]
pub async fn get_config(
    id: ConfigVersionId,
    #[server(default)] reading: Reading,
) -> Result<ConfigText, AppError> {
    let context = Context::require(Role::Viewer, About::Version(id)).await?;
    let reader = Reader::new(context.identity.role, reading);
    let text = read::config_text(&context.engine, id, reader).await?;
    if !text.reading.masked {
        audit::reveal(&context.engine.db, context.actor(), &text.version).await?;
    }
    Ok(text)
}

/// What `to` changed against `from`, or against the version before it. `open` names unchanged lines that are shown as
/// well: `4-23,180-199`.
#[server(endpoint = "get_diff")]
pub async fn get_diff(
    to: ConfigVersionId,
    from: Option<ConfigVersionId>,
    #[server(default)] reading: Reading,
    #[server(default)] open: String,
) -> Result<VersionDiff, AppError> {
    let context = Context::require(Role::Viewer, About::Version(to)).await?;
    if let Some(from) = from {
        context.admit(About::Version(from)).await?;
    }
    let reader = Reader::new(context.identity.role, reading);
    let diff = read::version_diff(&context.engine, to, from, reader, Opened::parse(&open)).await?;
    if !diff.reading.masked {
        for version in diff.from.iter().chain([&diff.to]) {
            audit::reveal(&context.engine.db, context.actor(), version).await?;
        }
    }
    Ok(diff)
}

/// Any two texts beside each other; what is wrong with a side names its field, `old_device` and so on. `open` as in
/// [`get_diff`].
#[server(endpoint = "compare_texts")]
pub async fn compare_texts(
    old: SideInput,
    new: SideInput,
    #[server(default)] reading: Reading,
    #[server(default)] open: String,
) -> Result<Comparison, AppError> {
    let zone = super::context::zone_of_viewer();
    let context = Context::require(Role::Viewer, About::Seen).await?;
    let reader = Reader::new(context.identity.role, reading);
    let (engine, opened) = (&context.engine, Opened::parse(&open));
    let compared = compare::compare(engine, &context.reach, &old, &new, reader, &zone, opened).await?;
    if !compared.reading.masked {
        let [old, new] =
            [&compared.old, &compared.new].map(|side| format!("{} {}", side.hostname, side.part));
        audit::reveal_named(&context.engine.db, context.actor(), &format!("{old} beside {new}")).await?;
    }
    Ok(compared)
}

/// Makes an older version the active one.
#[server(endpoint = "activate_version")]
pub async fn activate_version(id: ConfigVersionId) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Version(id)).await?;
    decide::activate(&context.engine, id).await?;
    tracing::info!(version = %id, by = %context.identity.name, "config version {id} was made the active one");
    Ok(())
}

/// Gives a version a label and a note, or takes them away.
#[server(endpoint = "describe_version")]
pub async fn describe_version(id: ConfigVersionId, words: VersionWords) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Version(id)).await?;
    Ok(decide::describe(&context.engine, id, &words).await?)
}
