//! `/api/v1/me`: who asks.

use std::sync::Arc;

use etiqa_engine::Engine;
use etiqa_engine::access::About;
use etiqa_model::user::Role;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answered, shown};
use super::ask::Ask;
use super::users::lines_of;
use super::words::RoleName;

pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Who asks, and what they may do.
#[derive(Serialize, ToSchema)]
struct Me {
    /// The token's or the user's name.
    name: String,
    /// What they may do.
    #[schema(value_type = RoleName)]
    role: Role,
    /// With which devices: those of `site:vienna`, those with `tag:core`; empty: all.
    scope: Vec<String>,
    /// Whether it is a token.
    is_token: bool,
}

/// Who asks
#[utoipa::path(get, path = "/api/v1/me", operation_id = "me", tag = "me",
    responses((status = 200, description = "Whoever sent this.", body = Me)))]
async fn show(ask: Ask) -> Answered {
    let context = ask.require(Role::Viewer, About::Nothing).await?;
    let identity = context.identity;
    Ok(shown(&Me {
        name: identity.name,
        role: identity.role,
        scope: lines_of(&identity.scope),
        is_token: identity.user_id.is_none(),
    }))
}
