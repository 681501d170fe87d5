//! `/api/v1/versions/{id}/diff` and `/api/v1/diff`: what differs between two texts.

use std::sync::Arc;

use axum::extract::Path;
use etiqa_engine::access::About;
use etiqa_engine::history::{compare, read};
use etiqa_engine::{Engine, audit};
use etiqa_model::compare::{Reading, SideInput, SideText};
use etiqa_model::config::{ConfigVersion, DiffHunk, DiffLine, LineKind, TextDiff};
use etiqa_model::opened::Opened;
use etiqa_model::user::Role;
use etiqa_model::{ConfigVersionId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answered, shown};
use super::ask::Ask;
use super::texts::ReadingQuery;

pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new().routes(routes!(of_version)).routes(routes!(of_any))
}

/// What one text changed against another.
#[derive(Debug, Serialize, ToSchema)]
struct DiffItem {
    /// The older text; null: there is none before, everything is new.
    old: Option<SideItem>,
    /// The newer text.
    new: SideItem,
    /// Lines added.
    added: u32,
    /// Lines removed.
    removed: u32,
    /// Changed places with the unchanged lines around them.
    hunks: Vec<HunkItem>,
    /// Hunks that were left out because the difference is too long.
    hunks_left_out: u32,
    /// Whether secrets are masked.
    masked: bool,
}

/// A text that is compared.
#[derive(Debug, Serialize, ToSchema)]
struct SideItem {
    /// Null: it is only in an archive.
    device_id: Option<i64>,
    part: String,
    version: u32,
    #[schema(value_type = String, format = DateTime)]
    collected_at: Timestamp,
    /// The run whose archive it came out of.
    archive_of: Option<i64>,
}

/// A run of lines around changes.
#[derive(Debug, Serialize, ToSchema)]
struct HunkItem {
    /// Unchanged lines before it that are not here.
    folded_before: u32,
    lines: Vec<LineItem>,
}

/// One line.
#[derive(Debug, Serialize, ToSchema)]
struct LineItem {
    kind: LineKindName,
    /// Its number in the older text, from 1.
    old: Option<u32>,
    /// Its number in the newer text, from 1.
    new: Option<u32>,
    text: String,
}

/// In which text a line is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum LineKindName {
    /// In both.
    Same,
    /// In the newer one alone.
    Added,
    /// In the older one alone.
    Removed,
}

impl DiffItem {
    fn new(old: Option<SideItem>, new: SideItem, diff: TextDiff, reading: Reading) -> Self {
        Self {
            old,
            new,
            added: diff.added,
            removed: diff.removed,
            hunks: diff.hunks.into_iter().map(Into::into).collect(),
            hunks_left_out: diff.hunks_left_out,
            masked: reading.masked,
        }
    }
}

impl From<DiffHunk> for HunkItem {
    fn from(hunk: DiffHunk) -> Self {
        Self { folded_before: hunk.folded_before, lines: hunk.lines.into_iter().map(Into::into).collect() }
    }
}

impl From<DiffLine> for LineItem {
    fn from(line: DiffLine) -> Self {
        let kind = match line.kind {
            LineKind::Same => LineKindName::Same,
            LineKind::Added => LineKindName::Added,
            LineKind::Removed => LineKindName::Removed,
        };
        let text = line.spans.into_iter().map(|span| span.text).collect();
        Self { kind, old: line.old, new: line.new, text }
    }
}

impl From<ConfigVersion> for SideItem {
    fn from(version: ConfigVersion) -> Self {
        Self {
            device_id: Some(version.device_id.0),
            part: version.part,
            version: version.version,
            collected_at: version.collected_at,
            archive_of: None,
        }
    }
}

impl From<SideText> for SideItem {
    fn from(side: SideText) -> Self {
        Self {
            device_id: side.device_id.map(|id| id.0),
            part: side.part,
            version: side.version,
            collected_at: side.collected_at,
            archive_of: side.archive_of.map(|run| run.0),
        }
    }
}

/// Against what, and how it is read.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FromQuery {
    /// The id of the older version; the one before where nothing is said.
    from: Option<i64>,
    /// With secrets masked; viewers never read otherwise.
    masked: bool,
    /// Without what changes by itself.
    without_volatile: bool,
}

/// What a version changed
///
/// Needs the role viewer; viewers compare masked texts.
#[utoipa::path(get, path = "/api/v1/versions/{id}/diff", operation_id = "version_diff", tag = "diff",
    params(("id" = i64, Path, description = "The newer version's id."), FromQuery),
    responses((status = 200, description = "The difference.", body = DiffItem)))]
async fn of_version(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, to) = ask.one(Role::Viewer, ("config version", &id), About::Version).await?;
    let query: FromQuery = ask.query()?;
    let from = query.from.map(ConfigVersionId);
    if let Some(from) = from {
        context.admit(About::Version(from)).await?;
    }
    let reading = ReadingQuery { masked: query.masked, without_volatile: query.without_volatile };
    let reader = reading.reader(context.identity.role);
    let diff = read::version_diff(&context.engine, to, from, reader, Opened::default()).await?;
    if !diff.reading.masked {
        for version in diff.from.iter().chain([&diff.to]) {
            audit::reveal(&context.engine.db, context.actor(), version).await?;
        }
    }
    Ok(shown(&DiffItem::new(diff.from.map(Into::into), diff.to.into(), diff.diff, diff.reading)))
}

/// Two texts, and how they are read. A device is a host name, an address, or its number as `#12`. Which text: a version's
/// number, a time (UTC) such as `2026-11-01 14:30`, or `run 7` for that run's archive; the active one where nothing is said.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SidesQuery {
    /// The older text's device.
    #[param(required = true)]
    old_device: String,
    /// The older text's part; the device's first where nothing is said.
    old_part: String,
    /// Which text of it.
    old_which: String,
    /// The newer text's device.
    #[param(required = true)]
    new_device: String,
    /// The newer text's part; the device's first where nothing is said.
    new_part: String,
    /// Which text of it.
    new_which: String,
    /// With secrets masked; viewers never read otherwise.
    masked: bool,
    /// Without what changes by itself.
    without_volatile: bool,
}

/// What differs between any two texts
///
/// Needs the role viewer; viewers compare masked texts. Of devices, of times, of archives.
#[utoipa::path(get, path = "/api/v1/diff", operation_id = "diff", tag = "diff", params(SidesQuery),
    responses((status = 200, description = "The difference.", body = DiffItem)))]
async fn of_any(ask: Ask) -> Answered {
    let context = ask.require(Role::Viewer, About::Seen).await?;
    let query: SidesQuery = ask.query()?;
    let old = SideInput { device: query.old_device, part: query.old_part, which: query.old_which };
    let new = SideInput { device: query.new_device, part: query.new_part, which: query.new_which };
    let reading = ReadingQuery { masked: query.masked, without_volatile: query.without_volatile };
    let reader = reading.reader(context.identity.role);
    let (engine, reach) = (&context.engine, &context.reach);
    let compared = compare::compare(engine, reach, &old, &new, reader, "UTC", Opened::default()).await?;
    if !compared.reading.masked {
        let [old, new] =
            [&compared.old, &compared.new].map(|side| format!("{} {}", side.hostname, side.part));
        audit::reveal_named(&engine.db, context.actor(), &format!("{old} beside {new}")).await?;
    }
    let (old, new) = (Some(compared.old.into()), compared.new.into());
    Ok(shown(&DiffItem::new(old, new, compared.diff, compared.reading)))
}
