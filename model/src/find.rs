//! Going to something by a part of its name.

use serde::{Deserialize, Serialize};

/// A page that a person may go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Its name.
    pub words: String,
    /// What tells it from others of this name: an address, or the kind of thing.
    pub detail: String,
    /// Where it is within the site.
    pub to: String,
}
