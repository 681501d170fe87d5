//! Every refusal under `/api` as a problem (RFC 9457), also what no handler refused: unknown addresses, other methods, strangers.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use etiqa_model::{ErrorKind, UserError};
use serde::Serialize;
use utoipa::ToSchema;

use super::is_for_programs;
use super::words::KindName;
use crate::http::refusal::Said;

const MEDIA_TYPE: &str = "application/problem+json";

/// Why something was not done (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    about: &'static str,
    /// The status in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong and what to do, in a sentence or two.
    detail: String,
    /// What kind of refusal it is.
    #[schema(value_type = KindName)]
    kind: ErrorKind,
    /// Field by field, where some are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldProblem>,
}

/// What is wrong with one field.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FieldProblem {
    /// The field, as a JSON Pointer (RFC 6901) into what was sent.
    pointer: String,
    /// One sentence.
    detail: String,
}

/// Makes a problem of what was refused.
pub(in crate::http) async fn as_problem(request: Request, next: Next) -> Response {
    let is_for_programs = is_for_programs(request.uri().path());
    let response = next.run(request).await;
    let status = response.status();
    let is_refusal = status.is_client_error() || status.is_server_error();
    if !is_for_programs || !is_refusal || is_problem(&response) {
        return response;
    }
    let said = response.extensions().get::<Said>().map(|Said(error)| error.clone());
    let problem = Problem::new(status, said.unwrap_or_else(|| usual(status)));
    let (mut parts, _) = response.into_parts();
    for header in [header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
        parts.headers.remove(header);
    }
    parts.extensions.remove::<Said>();
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    if status == StatusCode::UNAUTHORIZED {
        parts.headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    Response::from_parts(parts, Body::from(body))
}

fn is_problem(response: &Response) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == MEDIA_TYPE)
}

impl Problem {
    fn new(status: StatusCode, error: UserError) -> Self {
        let errors = error.fields.into_iter().map(|field| FieldProblem {
            // A form's `old[device]` is `/old/device` here.
            pointer: format!("/{}", field.field.replace('[', "/").replace(']', "")),
            detail: field.message,
        });
        Self {
            about: "about:blank",
            title: status.canonical_reason().unwrap_or("Problem").to_owned(),
            status: status.as_u16(),
            detail: error.message,
            kind: error.kind,
            errors: errors.collect(),
        }
    }
}

/// What there is to say where nobody said anything.
fn usual(status: StatusCode) -> UserError {
    let (kind, message) = match status {
        StatusCode::NOT_FOUND => {
            (ErrorKind::NotFound, "There is nothing at this address. What there is, /api/docs tells.")
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            (ErrorKind::Invalid, "This address is not asked like that; the Allow header says how it is.")
        }
        StatusCode::RANGE_NOT_SATISFIABLE => {
            (ErrorKind::Invalid, "The file has no such range; Content-Range says how long it is.")
        }
        _ if status.is_server_error() => return UserError::internal(),
        _ => (ErrorKind::Invalid, "The request was not understood. What is taken, /api/docs tells."),
    };
    UserError::new(kind, message)
}
