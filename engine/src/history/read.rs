//! Reading versions for people: texts, differences, lists. Viewers read masked texts.

use etiqa_model::compare::Moment;
use etiqa_model::compare::Reading;
use etiqa_model::config::{ConfigText, ConfigVersion, ConfigVersionRow, PartVersions, TextDiff, VersionDiff};
use etiqa_model::history::NetworkConfigs;
use etiqa_model::opened::Opened;
use etiqa_model::page::{Page, Paged};
use etiqa_model::user::{Reach, Role};
use etiqa_model::{ConfigVersionId, DeviceId, UserError};

use super::compare::instant;
use super::diff::{self, DiffView};
use super::reader::Reader;
use super::shown::{diff_shown, shown};
use super::text::{off_runtime, text_read};
use super::turns::{Turn, Turns};
use crate::engine::Engine;
use crate::error::Result;
use crate::inventory;
use crate::store::after::version_list_active_after;
use crate::store::config_list::{NetworkPage, version_page_active, version_page_all, version_page_as_of};
use crate::store::config_version::{
    version_count, version_fetch, version_fetch_before, version_fetch_by_number, version_list,
    version_list_active,
};

/// Unchanged lines around a change.
const CONTEXT_LINES: u32 = 3;
/// A page shows at most so many lines of a difference.
pub(super) const LONGEST_DIFF: u32 = 5_000;
/// Large texts that are compared at once.
pub(super) static COMPARISONS: Turns = Turns::new(2);

/// The text of a version.
pub async fn config_text(engine: &Engine, id: ConfigVersionId, reader: Reader) -> Result<ConfigText> {
    let version = fetch(engine, id).await?;
    let reader = reader.of_drivers(engine, [version.driver.as_str()]);
    let text = reader.read(engine, &version).await?;
    Ok(ConfigText { version, text: shown(text), reading: reader.reading() })
}

/// A version with the name of its device, as everybody may see it.
pub async fn version(engine: &Engine, id: ConfigVersionId) -> Result<ConfigVersionRow> {
    version_for(engine, id, Role::Viewer.into()).await
}

/// A version with the name of its device, and with the hash of its text where the reader sees that as it is.
pub async fn version_for(engine: &Engine, id: ConfigVersionId, reader: Reader) -> Result<ConfigVersionRow> {
    let version = fetch(engine, id).await?;
    let device = inventory::fetch(engine, version.device_id).await?;
    let (hostname, address) = (device.hostname, device.address);
    Ok(reader.row(ConfigVersionRow { hostname, address, version, sha256: None }))
}

/// What `to` changed against `from`, or against the version before it, with the unchanged lines that are `opened`.
pub async fn version_diff(
    engine: &Engine,
    to: ConfigVersionId,
    from: Option<ConfigVersionId>,
    reader: Reader,
    opened: Opened,
) -> Result<VersionDiff> {
    let to = fetch(engine, to).await?;
    let from = match from {
        Some(from) => Some(fetch(engine, from).await?),
        None => version_fetch_before(&engine.db, &to).await?,
    };
    let reader = reader.of_drivers(engine, from.iter().chain([&to]).map(|version| version.driver.as_str()));
    let diff = diff_versions(engine, from.as_ref(), &to, reader, LONGEST_DIFF, opened).await?;
    Ok(VersionDiff { from, to, diff, reading: reader.reading() })
}

/// The active versions of all devices that somebody of this reach sees, by host name.
pub async fn list_active(
    engine: &Engine,
    reach: &Reach,
    search: &str,
    page: Page,
) -> Result<Paged<ConfigVersionRow>> {
    Ok(version_page_active(&engine.db, reach.scope(), search, page).await?.versions)
}

/// At most `limit` of them after the one of this host name, device and part.
pub async fn list_active_after(
    engine: &Engine,
    reach: &Reach,
    search: &str,
    after: Option<(&str, DeviceId, &str)>,
    limit: u32,
) -> Result<Vec<ConfigVersionRow>> {
    Ok(version_list_active_after(&engine.db, reach.scope(), search, after, limit).await?)
}

/// The configurations of all devices that somebody of this reach sees: the active versions, or with `at` those that were
/// active then. Local times are those of `zone`, an IANA name. Devices that were deleted since are not in it.
pub async fn network(
    engine: &Engine,
    reach: &Reach,
    search: &str,
    at: Option<Moment>,
    zone: &str,
    page: Page,
) -> Result<NetworkConfigs> {
    let at = at.map(|moment| instant(moment, zone)).transpose()?;
    let NetworkPage { versions, devices } = match at {
        None => version_page_active(&engine.db, reach.scope(), search, page).await?,
        Some(at) => version_page_as_of(&engine.db, reach.scope(), search, at, page).await?,
    };
    Ok(NetworkConfigs { at, devices, versions })
}

/// All versions of all devices, newest first.
pub async fn list_all(engine: &Engine, search: &str, page: Page) -> Result<Paged<ConfigVersionRow>> {
    Ok(version_page_all(&engine.db, search, page).await?)
}

/// Versions of a part before number `before`, newest first.
pub async fn list_versions(
    engine: &Engine,
    device: DeviceId,
    part: &str,
    before: Option<u32>,
) -> Result<PartVersions> {
    Ok(PartVersions {
        part: part.to_owned(),
        total: version_count(&engine.db, device, part).await?,
        versions: version_list(&engine.db, device, part, before, 50).await?,
    })
}

/// The first changed lines of a version, for a peek.
pub async fn peek(engine: &Engine, to: &ConfigVersion, reader: Reader, lines: u32) -> Result<TextDiff> {
    let from = version_fetch_before(&engine.db, to).await?;
    let reader = reader.of_drivers(engine, from.iter().chain([to]).map(|version| version.driver.as_str()));
    diff_versions(engine, from.as_ref(), to, reader, lines, Opened::default()).await
}

/// The first part of a device, by name; the error says that there is none.
pub async fn first_part(engine: &Engine, device: DeviceId) -> Result<String> {
    let active = version_list_active(&engine.db, device).await?;
    let first = active.into_iter().next().map(|version| version.part);
    Ok(first.ok_or_else(|| UserError::not_found("stored configuration of this device yet"))?)
}

/// A device's version of this number, or its active one; of this part, or its first.
pub async fn find_version(
    engine: &Engine,
    device: DeviceId,
    part: Option<&str>,
    number: Option<u32>,
) -> Result<ConfigVersion> {
    let active = version_list_active(&engine.db, device).await?;
    let part = part.map(str::to_owned).or_else(|| active.first().map(|version| version.part.clone()));
    let part = part.ok_or_else(|| UserError::not_found("stored configuration of this device yet"))?;
    let found = match number {
        Some(number) => version_fetch_by_number(&engine.db, device, &part, number).await?,
        None => active.into_iter().find(|version| version.part == part),
    };
    let what =
        number.map_or_else(|| format!("active version of {part}"), |n| format!("version {n} of {part}"));
    Ok(found.ok_or_else(|| UserError::not_found(what))?)
}

/// The whole text of a version, for the command line: whoever runs that may read the database anyway.
pub async fn whole_text(engine: &Engine, version: &ConfigVersion) -> Result<String> {
    text_read(&engine.db, &version.sha256).await
}

/// What `to` changed against `from`, or against the version before it, in the unified format.
pub async fn unified(
    engine: &Engine,
    hostname: &str,
    from: Option<ConfigVersion>,
    to: &ConfigVersion,
) -> Result<String> {
    let from = match from {
        Some(from) => Some(from),
        None => version_fetch_before(&engine.db, to).await?,
    };
    let name = |version: &ConfigVersion| format!("{hostname}/{} version {}", version.part, version.version);
    let old = match &from {
        Some(from) => text_read(&engine.db, &from.sha256).await?,
        None => String::new(),
    };
    let new = text_read(&engine.db, &to.sha256).await?;
    let old_name = from.as_ref().map_or_else(|| "nothing".to_owned(), name);
    Ok(diff::unified(&old_name, &name(to), &old, &new))
}

/// What somebody changed in a version against the one before it, in the unified format, as viewers see it: for messages that
/// leave the program.
pub(crate) async fn unified_masked(engine: &Engine, to: &ConfigVersion) -> Result<String> {
    let from = version_fetch_before(&engine.db, to).await?;
    let reader = Reader::new(Role::Viewer, Reading { masked: true, without_volatile: true });
    let reader = reader.of_drivers(engine, from.iter().chain([to]).map(|version| version.driver.as_str()));
    let turn =
        COMPARISONS.take_for(from.as_ref().map_or(0, |from| from.size_bytes).max(to.size_bytes)).await?;
    let new = reader.read(engine, to).await?;
    let old = match &from {
        Some(from) => reader.read(engine, from).await?,
        None => String::new(),
    };
    let name = |version: &ConfigVersion| format!("{} version {}", version.part, version.version);
    let (old_name, new_name) = (from.as_ref().map_or_else(|| "nothing".to_owned(), name), name(to));
    off_runtime("comparing two texts", move || {
        let difference = diff::unified(&old_name, &new_name, &old, &new);
        drop(turn);
        Ok(difference)
    })
    .await
}

async fn diff_versions(
    engine: &Engine,
    from: Option<&ConfigVersion>,
    to: &ConfigVersion,
    reader: Reader,
    max_lines: u32,
    opened: Opened,
) -> Result<TextDiff> {
    let turn = COMPARISONS.take_for(from.map_or(0, |from| from.size_bytes).max(to.size_bytes)).await?;
    let new = reader.read(engine, to).await?;
    let old = match from {
        Some(from) => reader.read(engine, from).await?,
        None => String::new(),
    };
    diff_texts(old, new, max_lines, opened, turn).await
}

/// The difference of two texts, for a page; `turn` is let go of after it.
pub(super) async fn diff_texts(
    old: String,
    new: String,
    max_lines: u32,
    opened: Opened,
    turn: Option<Turn>,
) -> Result<TextDiff> {
    let view = DiffView { context: CONTEXT_LINES, max_lines };
    off_runtime("comparing two texts", move || {
        let difference = diff_shown(diff::diff_opened(&old, &new, view, &opened));
        drop(turn);
        Ok(difference)
    })
    .await
}

/// One version.
pub(super) async fn fetch(engine: &Engine, id: ConfigVersionId) -> Result<ConfigVersion> {
    let version = version_fetch(&engine.db, id).await?;
    Ok(version.ok_or_else(|| UserError::not_found(format!("config version {id}")))?)
}
