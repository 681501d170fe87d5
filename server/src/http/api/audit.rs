//! `/api/v1/audit`: what people and programs did.

use std::sync::Arc;

use etiqa_engine::access::About;
use etiqa_engine::{Engine, audit};
use etiqa_model::Timestamp;
use etiqa_model::audit::{AuditChange, AuditFilter, AuditOutcome, AuditRow};
use etiqa_model::user::Role;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answered, Part, limit, shown};
use super::ask::Ask;
use super::cursor::after;
use super::runs::{day, of_history};
use super::words::AuditOutcomeName;

pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// One act.
#[derive(Debug, Serialize, ToSchema)]
struct AuditItem {
    /// They follow each other without a gap.
    id: i64,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// A user's, a token's or an operating system user's name.
    who: String,
    /// `session`, `token`, `command line`, `program` or `stranger`.
    means: String,
    /// The address that they came from.
    address: Option<String>,
    /// What was done: `device.change`.
    action: String,
    /// The number of what it was done to.
    object_id: Option<i64>,
    /// The name of what it was done to, as it was then.
    object: String,
    #[schema(value_type = AuditOutcomeName)]
    outcome: AuditOutcome,
    /// Why it was refused, or what else there is to say.
    words: Option<String>,
    changes: Vec<ChangeItem>,
}

/// A field before and after. Of a secret neither is kept.
#[derive(Debug, Serialize, ToSchema)]
struct ChangeItem {
    field: String,
    before: Option<String>,
    after: Option<String>,
    secret: bool,
}

impl From<AuditChange> for ChangeItem {
    fn from(change: AuditChange) -> Self {
        Self { field: change.field, before: change.before, after: change.after, secret: change.secret }
    }
}

impl From<AuditRow> for AuditItem {
    fn from(row: AuditRow) -> Self {
        Self {
            id: row.id,
            at: row.at,
            who: row.who,
            means: row.means,
            address: row.address,
            action: row.action,
            object_id: row.object_id,
            object: row.object,
            outcome: row.outcome,
            words: row.words,
            changes: row.changes.into_iter().map(Into::into).collect(),
        }
    }
}

/// Which acts, and where the list goes on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// Only by this name, in any case.
    who: String,
    /// Only acts on this kind of thing (`device`), or only this one act (`device.change`).
    what: String,
    /// Only those done to what has this name, in any case.
    object: String,
    /// Only those that came to this.
    #[param(value_type = Option<AuditOutcomeName>, inline)]
    outcome: Option<AuditOutcome>,
    /// Only those of this day (UTC) or later.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<String>,
    /// Only those of this day (UTC) or earlier.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<String>,
    /// Only those that have this text anywhere, in any case.
    text: String,
    /// How many at most, 1 to 500; a part has 50 at most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the part before.
    cursor: Option<String>,
}

/// The audit log, newest first
///
/// Needs the role admin. A part may be empty though there are older acts: `next` says.
#[utoipa::path(get, path = "/api/v1/audit", operation_id = "audit_list", tag = "audit", params(AuditQuery),
    responses((status = 200, description = "A part of the list.", body = Part<AuditItem>)))]
async fn list(ask: Ask) -> Answered {
    let context = ask.require(Role::Admin, About::Everything).await?;
    let query: AuditQuery = ask.query()?;
    let (limit, before) = (limit(query.limit)?, after::<i64>(query.cursor.as_deref())?);
    let filter = AuditFilter {
        who: query.who,
        what: query.what,
        object: query.object,
        outcome: query.outcome,
        from: day("from", query.from)?,
        to: day("to", query.to)?,
        text: query.text,
    };
    let page = audit::find(&context.engine, &filter, before, "UTC").await?;
    Ok(shown(&of_history(page, limit, |row| row.id).map(AuditItem::from)))
}
