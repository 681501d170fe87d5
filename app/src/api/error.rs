//! The one error of server functions: a [`UserError`] that can cross the wire.

use std::fmt;

use etiqa_model::{ErrorKind, UserError};
use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

/// What a page gets when a server function refuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AppError(pub UserError);

impl AppError {
    /// The message for one field of a form.
    pub fn field(&self, field: &str) -> Option<String> {
        self.0.field(field).map(str::to_owned)
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for AppError {}

#[cfg(feature = "ssr")]
impl From<UserError> for AppError {
    fn from(error: UserError) -> Self {
        Self::from_refusal(error)
    }
}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        let error = match error {
            ServerFnErrorErr::Request(_) => UserError::new(
                ErrorKind::Unavailable,
                "The server does not answer. Check that it runs, then try again.",
            ),
            // A body that is no text is one that cannot be read, too.
            ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_)
            | ServerFnErrorErr::Deserialization(_) => {
                UserError::invalid("The request was not understood. Reload the page and try again.")
            }
            _ => UserError::internal(),
        };
        #[cfg(feature = "ssr")]
        super::context::set_status(error.kind);
        Self(error)
    }
}
