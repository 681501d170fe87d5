//! `/api/v1/notifications/deliveries`: what became of messages, each to one channel.

use std::sync::Arc;

use axum::extract::Path;
use etiqa_engine::access::About;
use etiqa_engine::{Engine, notify};
use etiqa_model::notify::{Attempt, ChannelKind, Delivery, DeliveryPage, DeliveryState};
use etiqa_model::user::Role;
use etiqa_model::{DeliveryId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::api::answer::{Answered, Part, accepted, limit, shown};
use crate::http::api::ask::Ask;
use crate::http::api::cursor::{after, to_cursor};
use crate::http::api::devices::Queued;
use crate::http::api::words::{ChannelKindName, DeliveryStateName};

pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(retry))
}

/// A message to one channel.
#[derive(Debug, Serialize, ToSchema)]
struct DeliveryItem {
    id: i64,
    /// The message's own id, the same each time that it is sent.
    message_id: String,
    /// The channel's name.
    channel: String,
    #[schema(value_type = ChannelKindName)]
    kind: ChannelKind,
    /// The rule that it is of; null: a test or a heartbeat.
    rule: Option<String>,
    /// One line.
    title: String,
    /// All of it.
    text: String,
    #[schema(value_type = DeliveryStateName)]
    state: DeliveryState,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it is tried next, at the earliest; of no meaning once it is over.
    #[schema(value_type = String, format = DateTime)]
    due_at: Timestamp,
    /// When it was sent or given up.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    /// How often it was tried.
    tries: u32,
    /// The newest tries, the newest first.
    attempts: Vec<AttemptItem>,
}

/// One try to send a message.
#[derive(Debug, Serialize, ToSchema)]
struct AttemptItem {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    duration_ms: u64,
    /// Whether the other side took it.
    good: bool,
    /// What it answered, or why there was no answer.
    answer: String,
}

impl From<Attempt> for AttemptItem {
    fn from(attempt: Attempt) -> Self {
        let Attempt { at, duration_ms, is_good, answer } = attempt;
        Self { at, duration_ms, good: is_good, answer }
    }
}

impl From<Delivery> for DeliveryItem {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id.0,
            message_id: delivery.message_id,
            channel: delivery.channel,
            kind: delivery.kind,
            rule: Some(delivery.rule).filter(|rule| !rule.is_empty()),
            title: delivery.title,
            text: delivery.text,
            state: delivery.state,
            created_at: delivery.created_at,
            due_at: delivery.due_at,
            ended_at: delivery.ended_at,
            tries: delivery.tries,
            attempts: delivery.attempts.into_iter().map(Into::into).collect(),
        }
    }
}

/// Which messages, and where the list goes on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeliveryQuery {
    /// Only those that stand so.
    #[param(value_type = Option<DeliveryStateName>, inline)]
    state: Option<DeliveryState>,
    /// How many at most, 1 to 500; a part has 50 at most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the part before.
    cursor: Option<String>,
}

/// Messages, newest first
///
/// Needs the role operator and no scope. Those that are over are kept for 30 days.
#[utoipa::path(get, path = "/api/v1/notifications/deliveries", operation_id = "delivery_list", tag = "notifications",
    params(DeliveryQuery), responses((status = 200, description = "A part of the list.", body = Part<DeliveryItem>)))]
async fn list(ask: Ask) -> Answered {
    let context = ask.require(Role::Operator, About::Everything).await?;
    let query: DeliveryQuery = ask.query()?;
    let (limit, before) = (limit(query.limit)?, after::<i64>(query.cursor.as_deref())?.map(DeliveryId));
    let found = notify::list_deliveries(&context.engine, query.state, before).await?;
    let DeliveryPage { mut rows, mut next } = found;
    if rows.len() > limit as usize {
        rows.truncate(limit as usize);
        next = rows.last().map(|last| last.id);
    }
    let part = Part::going_on(rows, next.map(|last| to_cursor(&last.0)));
    Ok(shown(&part.map(DeliveryItem::from)))
}

/// One message
///
/// Needs the role operator and no scope.
#[utoipa::path(get, path = "/api/v1/notifications/deliveries/{id}", operation_id = "delivery_show",
    tag = "notifications", params(("id" = i64, Path, description = "The message's number.")),
    responses((status = 200, description = "The message.", body = DeliveryItem)))]
async fn show(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("message", &id), |_| About::Everything).await?;
    Ok(shown(&DeliveryItem::from(notify::find_delivery(&context.engine, id).await?)))
}

/// Have a message tried now
///
/// Needs the role operator and no scope. For one that was not sent (yet); 409 for one that was.
#[utoipa::path(post, path = "/api/v1/notifications/deliveries/{id}/retry", operation_id = "delivery_retry",
    tag = "notifications", params(("id" = i64, Path, description = "The message's number.")),
    responses((status = 202, description = "It is queued.", body = Queued)))]
async fn retry(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("message", &id), |_| About::Everything).await?;
    notify::find_delivery(&context.engine, id).await?;
    notify::retry(&context.engine, id).await?;
    Ok(accepted(&Queued { queued: true }))
}
