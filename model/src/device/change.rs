//! What a person does to many devices at once.

use serde::{Deserialize, Serialize};

use crate::UserError;
use crate::field::{Fields, short_text};

/// The most devices that are changed at once.
pub const MOST_CHANGED: usize = 10_000;

/// A change of many devices, ready to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceChange {
    /// Collect them now.
    Collect,
    /// Enable (true) or disable (false) them.
    SetEnabled(bool),
    /// Give them a tag.
    AddTag(String),
    /// Take a tag from them.
    RemoveTag(String),
    /// Have them use the credential of this name; none: their site's are tried in order.
    SetCredential(Option<String>),
    /// Delete them with their versions and results.
    Delete,
}

/// The same as a form sends it, every field a text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceChangeInput {
    /// `collect`, `enable`, `disable`, `add_tag`, `remove_tag`, `set_credential` or `delete`.
    pub what: String,
    /// The tag to add or remove.
    pub tag: String,
    /// The credential's name, or empty: their site's.
    pub credential: String,
    /// `delete`, typed by a person who means it.
    pub confirmation: String,
}

impl DeviceChangeInput {
    /// Checks every field that the change needs.
    pub fn parse(&self) -> Result<DeviceChange, UserError> {
        match self.what.as_str() {
            "collect" => Ok(DeviceChange::Collect),
            "enable" => Ok(DeviceChange::SetEnabled(true)),
            "disable" => Ok(DeviceChange::SetEnabled(false)),
            "add_tag" => self.one_tag().map(DeviceChange::AddTag),
            "remove_tag" => self.one_tag().map(DeviceChange::RemoveTag),
            "set_credential" => {
                let name = self.credential.trim();
                Ok(DeviceChange::SetCredential((!name.is_empty()).then(|| name.to_owned())))
            }
            "delete" => self.confirmed(),
            _ => Err(UserError::invalid("Say what to do with the chosen devices.")),
        }
    }

    /// Commas and semicolons separate tags everywhere else, so none can be within one.
    fn one_tag(&self) -> Result<String, UserError> {
        let mut fields = Fields::default();
        let tag = fields.check("tag", short_text("The tag", &self.tag, 60)).unwrap_or_default();
        if tag.contains([',', ';']) {
            fields.wrong("tag", "Write one tag, without a comma or semicolon.");
        }
        fields.finish().map(|()| tag)
    }

    fn confirmed(&self) -> Result<DeviceChange, UserError> {
        let mut fields = Fields::default();
        if !self.confirmation.trim().eq_ignore_ascii_case("delete") {
            fields.wrong("confirmation", "Type the word delete to delete the chosen devices.");
        }
        fields.finish().map(|()| DeviceChange::Delete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(what: &str, field: &str) -> Result<DeviceChange, UserError> {
        let input = DeviceChangeInput {
            what: what.into(),
            tag: field.into(),
            credential: field.into(),
            confirmation: field.into(),
        };
        input.parse()
    }

    #[test]
    fn a_change_takes_only_the_field_that_it_needs() {
        assert_eq!(parsed("disable", "").unwrap(), DeviceChange::SetEnabled(false));
        assert_eq!(parsed("add_tag", " core ").unwrap(), DeviceChange::AddTag("core".into()));
        assert_eq!(parsed("set_credential", "").unwrap(), DeviceChange::SetCredential(None));
        assert_eq!(parsed("delete", "Delete").unwrap(), DeviceChange::Delete);
    }

    #[test]
    fn what_is_missing_is_said() {
        assert_eq!(parsed("add_tag", " ").unwrap_err().message, "The tag is missing.");
        assert!(parsed("remove_tag", "a,b").unwrap_err().field("tag").is_some());
        assert!(parsed("delete", "yes").unwrap_err().field("confirmation").is_some());
        assert!(parsed("explode", "x").is_err());
    }
}
