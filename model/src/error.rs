//! What a person is told when something cannot be done: a kind, a sentence, and what to do next.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kinds of refusal; each maps to one HTTP status at the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The input is wrong; `fields` says where.
    Invalid,
    /// Nobody is signed in, or the session ended.
    SignInNeeded,
    /// The person's role does not allow it.
    Forbidden,
    /// The thing does not exist (any more).
    NotFound,
    /// It clashes with what is there: a name taken, a run going on.
    Conflict,
    /// Too many tries, wait.
    TooMany,
    /// The server is busy, stopping, or lost its database.
    Unavailable,
    /// A fault of the program; the details are in its log.
    Internal,
}

impl ErrorKind {
    /// The HTTP status code that says the same.
    pub fn http_status(self) -> u16 {
        match self {
            Self::Invalid => 422,
            Self::SignInNeeded => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::TooMany => 429,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }
}

/// What is wrong with one field of a form or of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// The field's name, as in the form.
    pub field: String,
    /// One sentence.
    pub message: String,
}

/// An error as a person sees it. Never holds SQL, paths of the server, or secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserError {
    /// What kind of refusal it is.
    pub kind: ErrorKind,
    /// One sentence that says what is wrong and what to do.
    pub message: String,
    /// Per field, where a form was filled in wrongly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
}

impl UserError {
    /// An error of `kind` with one sentence.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), fields: Vec::new() }
    }

    /// Wrong input, not tied to one field.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// Wrong input in the named fields; the sentence repeats the first.
    pub fn in_fields(fields: Vec<FieldError>) -> Self {
        let message = fields.first().map_or_else(String::new, |first| first.message.clone());
        Self { kind: ErrorKind::Invalid, message, fields }
    }

    /// `what` (as in "device 7") does not exist.
    pub fn not_found(what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::NotFound, format!("There is no {what}. It may have been deleted."))
    }

    /// It clashes with what is there.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    /// A fault of the program, whose details stay in the log.
    pub fn internal() -> Self {
        Self::new(
            ErrorKind::Internal,
            "Something went wrong inside the program. Its log says what; try again.",
        )
    }

    /// The message for `field`, where there is one.
    pub fn field(&self, field: &str) -> Option<&str> {
        self.fields.iter().find(|error| error.field == field).map(|error| error.message.as_str())
    }
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for UserError {}
