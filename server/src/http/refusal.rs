//! A refusal as an HTTP answer: the kind's status, and a JSON body with one sentence.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use etiqa_engine::Error;
use etiqa_model::UserError;

/// What a handler answers when it does not do what was asked.
#[derive(Debug)]
pub(super) struct Refusal(UserError);

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self(error.into_user_error())
    }
}

impl From<UserError> for Refusal {
    fn from(error: UserError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.kind.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self.0)).into_response()
    }
}
