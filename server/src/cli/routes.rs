//! `etiqa routes`.

use std::process::ExitCode;

use super::output;
use crate::http::routes;

/// Prints every address that the server answers, with its method, a line each.
pub(super) fn print() -> ExitCode {
    for (method, path) in routes::list() {
        output::print(&format!("{method} {path}"));
    }
    ExitCode::SUCCESS
}
