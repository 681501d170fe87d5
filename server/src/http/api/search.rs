//! `/api/v1/search`: lines of the active configurations.

use std::sync::Arc;

use etiqa_engine::access::About;
use etiqa_engine::history::search::{PAGE_WITHIN, search_page};
use etiqa_engine::{Engine, audit};
use etiqa_model::device::DeviceType;
use etiqa_model::search::{DeviceHits, HitLine, SearchInput, TextHits};
use etiqa_model::user::Role;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answered, shown};
use super::ask::Ask;
use super::cursor::{after, to_cursor};
use super::words::DeviceTypeName;

pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new().routes(routes!(find))
}

/// What is searched for, where, and where the search goes on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SearchQuery {
    /// What is searched for.
    #[param(required = true)]
    text: String,
    /// It is a regular expression.
    regex: bool,
    /// Upper and lower case are two things.
    match_case: bool,
    /// Only devices of this type.
    #[serde(rename = "type")]
    #[param(value_type = Option<DeviceTypeName>, inline)]
    device_type: Option<DeviceType>,
    /// Only devices of this site.
    site: String,
    /// Only devices with this tag.
    tag: String,
    /// Only this part, such as `running`.
    part: String,
    /// Lines around each hit, 0 to 5; 1 where nothing is said.
    #[param(maximum = 5)]
    context: Option<u32>,
    /// `next` of the part before.
    cursor: Option<String>,
}

/// What was found, device by device in the order of their names.
#[derive(Debug, Serialize, ToSchema)]
struct Found {
    items: Vec<DeviceHitsItem>,
    /// Send it as `cursor` for what comes next; null: every text was looked into.
    next: Option<String>,
    /// The time for a search was over before the part was full.
    stopped_early: bool,
    /// Texts that could not be masked for a viewer, because their driver is gone.
    left_out: u64,
    /// Masked texts were searched.
    masked: bool,
}

/// The hits of one device.
#[derive(Debug, Serialize, ToSchema)]
struct DeviceHitsItem {
    device_id: i64,
    hostname: String,
    texts: Vec<TextHitsItem>,
}

/// The hits of one text.
#[derive(Debug, Serialize, ToSchema)]
struct TextHitsItem {
    part: String,
    version: u32,
    /// Lines with a hit, also those that are not here.
    matching_lines: u64,
    lines: Vec<HitLineItem>,
}

/// A line with a hit, or near one.
#[derive(Debug, Serialize, ToSchema)]
struct HitLineItem {
    number: u32,
    is_hit: bool,
    /// Without its beginning or its end where it is very long.
    text: String,
}

impl From<DeviceHits> for DeviceHitsItem {
    fn from(hits: DeviceHits) -> Self {
        let texts = hits.texts.into_iter().map(Into::into).collect();
        Self { device_id: hits.device_id.0, hostname: hits.hostname, texts }
    }
}

impl From<TextHits> for TextHitsItem {
    fn from(hits: TextHits) -> Self {
        let lines = hits.lines.into_iter().map(Into::into).collect();
        Self { part: hits.part, version: hits.version, matching_lines: hits.matching_lines, lines }
    }
}

impl From<HitLine> for HitLineItem {
    fn from(line: HitLine) -> Self {
        let text = line.spans.into_iter().map(|span| span.text).collect();
        Self { number: line.number, is_hit: line.is_hit, text }
    }
}

/// Search the active configurations
///
/// Needs the role viewer; viewers search masked texts. Looked into for five seconds at most: then `stopped_early` is true, and
/// `next` goes on.
#[utoipa::path(get, path = "/api/v1/search", operation_id = "search", tag = "search", params(SearchQuery),
    responses((status = 200, description = "What was found.", body = Found)))]
async fn find(ask: Ask) -> Answered {
    let context = ask.require(Role::Viewer, About::Seen).await?;
    let query: SearchQuery = ask.query()?;
    let input = SearchInput {
        text: query.text,
        regex: query.regex,
        match_case: query.match_case,
        device_type: query.device_type.map(DeviceType::as_str).unwrap_or_default().to_owned(),
        site: query.site,
        tag: query.tag,
        part: query.part,
        context: query.context.unwrap_or(1).to_string(),
        after: after::<i64>(query.cursor.as_deref())?.map(|id| id.to_string()).unwrap_or_default(),
    };
    let found = search_page(&context.engine, &input, &context.reach, PAGE_WITHIN).await?;
    if !found.redacted && !found.devices.is_empty() {
        // What was searched for may be a secret itself.
        audit::reveal_named(&context.engine.db, context.actor(), "a search in all configurations").await?;
    }
    Ok(shown(&Found {
        items: found.devices.into_iter().map(Into::into).collect(),
        next: found.more_after.map(|device| to_cursor(&device.0)),
        stopped_early: found.stopped_early,
        left_out: found.left_out,
        masked: found.redacted,
    }))
}
