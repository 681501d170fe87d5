//! `GET /rules/report.csv` and `/rules/report.json`: what rules came to with all devices, narrowed by `rule`, `severity` and
//! `all=true`. And what a browser without JavaScript asks the form of a rule: what it would come to.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Form;
use axum::body::Body;
use axum::extract::{FromRequest, Query, Request, State};
use axum::http::{Extensions, Method, header};
use axum::response::{IntoResponse, Response};
use etiqa_app::api::context::Context;
use etiqa_engine::access::About;
use etiqa_engine::{Engine, rules};
use etiqa_model::UserError;
use etiqa_model::rule::{ReportFilter, ReportFormat, RuleInput, RulePosted};
use etiqa_model::user::Role;

use super::refusal::Refusal;
use super::routes::Route;

type Fields = Query<HashMap<String, String>>;

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/rules/report.csv", csv), Route::get("/rules/report.json", json)]
}

async fn csv(
    State(engine): State<Arc<Engine>>,
    Query(fields): Fields,
    extensions: Extensions,
) -> Result<Response, Refusal> {
    report(&engine, &fields, &extensions, ReportFormat::Csv).await
}

async fn json(
    State(engine): State<Arc<Engine>>,
    Query(fields): Fields,
    extensions: Extensions,
) -> Result<Response, Refusal> {
    report(&engine, &fields, &extensions, ReportFormat::Json).await
}

async fn report(
    engine: &Arc<Engine>,
    fields: &HashMap<String, String>,
    extensions: &Extensions,
    format: ReportFormat,
) -> Result<Response, Refusal> {
    let context = Context::require_in(extensions, Role::Viewer, About::Seen).await?;
    let filter = ReportFilter::of_query(|name| fields.get(name).cloned())?;
    let pieces = rules::report(engine, &context.reach, filter, format).await?;
    let pieces = futures::stream::unfold(pieces, |mut pieces| async {
        // A client sees that it broke off; the reason stays in the log.
        let piece =
            pieces.recv().await?.map_err(|error| std::io::Error::other(error.into_user_error().message));
        Some((piece, pieces))
    });
    let (media_type, name) = match format {
        ReportFormat::Csv => ("text/csv; charset=utf-8", "rules.csv"),
        ReportFormat::Json => ("application/json", "rules.json"),
    };
    let headers = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// Tries a rule as the form of its page asks, posted by a browser without JavaScript: a server function would lead back to the
/// page, without what it came to. Gives that, and the request for the page that shows it.
pub(super) async fn tried(request: Request) -> Result<(Request, RulePosted), Refusal> {
    let (mut parts, body) = request.into_parts();
    let context = Context::require_in(&parts.extensions, Role::Operator, About::Everything).await?;
    let form =
        Form::<Vec<(String, String)>>::from_request(Request::from_parts(parts.clone(), body), &()).await;
    let Form(fields) =
        form.map_err(|_| UserError::invalid("This could not be read, or it is longer than a rule may be."))?;
    let (rule, device, stamp) = filled_in(fields);
    let answer = rules::preview(&context.engine, &context.reach, &rule, &device).await;
    let answer = answer.map_err(etiqa_engine::Error::into_user_error);
    parts.method = Method::GET;
    Ok((Request::from_parts(parts, Body::empty()), RulePosted { rule, device, stamp, answer }))
}

/// The rule, the device and the stamp of a form's fields, named as the server function of the same form has them.
fn filled_in(fields: Vec<(String, String)>) -> (RuleInput, String, String) {
    let (mut rule, mut device, mut stamp) = (RuleInput::default(), String::new(), String::new());
    for (name, value) in fields {
        match name.as_str() {
            "rule[name]" => rule.name = value,
            "rule[wants]" => rule.wants = value,
            "rule[patterns]" => rule.patterns = value,
            "rule[match_case]" => rule.match_case = value == "true",
            "rule[block]" => rule.block = value,
            "rule[platform]" => rule.platform = value,
            "rule[device_type]" => rule.device_type = value,
            "rule[site]" => rule.site = value,
            "rule[tag]" => rule.tag = value,
            "rule[part]" => rule.part = value,
            "rule[severity]" => rule.severity = value,
            "rule[advice]" => rule.advice = value,
            "rule[enabled]" => rule.enabled = value == "true",
            "device" => device = value,
            "seen[stamp]" => stamp = value,
            _ => {}
        }
    }
    (rule, device, stamp)
}
