//! `etiqa openapi`.

use std::process::ExitCode;

use etiqa_engine::Result;

use super::output;
use crate::http::api;

/// Prints the description of the REST API (OpenAPI 3.1), as the server has it at `/api/openapi.json`.
pub(super) fn print() -> Result<ExitCode> {
    output::print_json(&api::document())?;
    Ok(ExitCode::SUCCESS)
}
