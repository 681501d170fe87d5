//! Two people who change the same thing: who saves last is told what the other did before it is written over.

use etiqa_model::Timestamp;
#[cfg(feature = "ssr")]
use etiqa_model::{FieldError, UserError};
use serde::{Deserialize, Serialize};

/// What a form knew of the thing that it changes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Seen {
    /// When a person had changed it last; none: that does not matter.
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// Whether what was changed since is written over.
    #[serde(default)]
    pub overwrite: bool,
}

#[cfg(feature = "ssr")]
impl Seen {
    /// Refuses to write over what was changed since, unless that is meant.
    pub fn must_match(&self, updated_at: Timestamp) -> Result<(), UserError> {
        if self.overwrite || self.at.is_none_or(|seen| seen == updated_at) {
            return Ok(());
        }
        let message = "Somebody else changed this since you opened it, and nothing is saved yet. Look at it in another tab, \
                       or save again over what was changed."
            .to_owned();
        Err(UserError::in_fields(vec![FieldError { field: "overwrite".into(), message }]))
    }
}
