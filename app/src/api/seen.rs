//! Two people who change the same thing: who saves last is told so before anything is written over.

#[cfg(feature = "ssr")]
use etiqa_model::{FieldError, UserError};
use serde::{Deserialize, Serialize};

/// What a form knew of the thing that it changes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Seen {
    /// The stamp of what it was filled with; empty: that does not matter.
    #[serde(default)]
    pub stamp: String,
    /// Whether what was changed since is written over.
    #[serde(default)]
    pub overwrite: bool,
}

#[cfg(feature = "ssr")]
impl Seen {
    /// Refuses to write over what was changed since, unless that is meant.
    pub fn must_match(&self, stamp: &str) -> Result<(), UserError> {
        if self.overwrite || self.stamp.is_empty() || self.stamp == stamp {
            return Ok(());
        }
        let message = "This was changed since you opened it, by somebody else or in another tab, and what you typed was not \
                       saved. Look at it in another tab; to save all the same, tick the box."
            .to_owned();
        Err(UserError::in_fields(vec![FieldError { field: "overwrite".into(), message }]))
    }
}
