//! `GET /admin/audit/export`: the audit log as CSV or JSON lines, with the page's own query and without its pages.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{Extensions, HeaderMap, header};
use axum::response::{IntoResponse, Response};
use etiqa_app::api::context::{Context, zone_of};
use etiqa_engine::access::About;
use etiqa_engine::audit::{Act, action, export, record};
use etiqa_engine::{Engine, Error};
use etiqa_model::audit::{AuditFilter, AuditFormat};
use etiqa_model::user::Role;

use super::refusal::Refusal;
use super::routes::Route;

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/admin/audit/export", log)]
}

async fn log(
    State(engine): State<Arc<Engine>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, Refusal> {
    Context::require_in(&extensions, Role::Admin, About::Everything).await?;
    let filter = AuditFilter::of_query(|name| query.get(name).cloned());
    let format =
        query.get("format").and_then(|name| AuditFormat::parse(name).ok()).unwrap_or(AuditFormat::Csv);
    let narrowed: Vec<String> = filter
        .to_query()
        .into_iter()
        .filter(|(name, value)| *name != "text" && !value.is_empty())
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    let act = Act::new(action::AUDIT_EXPORT).on_named(format.as_str()).saying(narrowed.join(", "));
    record(&engine.db, act).await.map_err(Error::from)?;
    let pieces = export(&engine, filter, &zone_of(&headers), format).await?;
    let pieces = futures::stream::unfold(pieces, |mut pieces| async {
        // A client sees that it broke off; the reason stays in the log.
        let piece =
            pieces.recv().await?.map_err(|error| std::io::Error::other(error.into_user_error().message));
        Some((piece, pieces))
    });
    let media_type = match format {
        AuditFormat::Csv => "text/csv; charset=utf-8",
        AuditFormat::Lines => "application/x-ndjson",
    };
    let headers = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"etiqa-audit.{}\"", format.as_str())),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}
