//! `/api/v1/notifications`: where messages are sent to, what is told to whom, and what became of each message.

mod channels;
mod deliveries;
mod rules;

use std::sync::Arc;

use etiqa_engine::Engine;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    channels::routes().merge(rules::routes()).merge(deliveries::routes())
}
