//! The Git mirror as a destination: one commit of the active texts for each run.
//!
//! This is the one place where a copy of this kind is made; what writes and pushes commits is elsewhere.

use etiqa_model::RunId;
use etiqa_model::destination::{Destination, DestinationSecrets, GitSettings};

use super::place::{Headway, PlaceError};
use crate::engine::Engine;

const NOT_BUILT: &str = "This program was built without the Git mirror.";

/// Writes the commit of a run and pushes it where a remote is set. Gives the commit. One that is there is not made again.
#[expect(clippy::unused_async, reason = "the mirror itself is made elsewhere")]
pub(super) async fn commit_run(
    _engine: &Engine,
    _destination: &Destination,
    _settings: &GitSettings,
    _secrets: &DestinationSecrets,
    _run: RunId,
    _headway: &Headway,
) -> Result<String, PlaceError> {
    Err(PlaceError::permanent(NOT_BUILT))
}

/// Looks whether the mirror can be written and its remote takes the login. Gives what worked, in a sentence.
#[expect(clippy::unused_async, reason = "the mirror itself is made elsewhere")]
pub(super) async fn test(
    _engine: &Engine,
    _destination: &Destination,
    _settings: &GitSettings,
    _secrets: &DestinationSecrets,
) -> Result<String, PlaceError> {
    Err(PlaceError::permanent(NOT_BUILT))
}
