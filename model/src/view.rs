//! Views of lists: filters, order and columns that a person keeps under a name.

use serde::{Deserialize, Serialize};

use crate::ViewId;
use crate::error::UserError;
use crate::field::{Fields, short_text};

/// Characters of a name.
pub const LONGEST_NAME: usize = 60;
/// Characters of an address's query.
pub const LONGEST_QUERY: usize = 2_000;
/// Views that one person can keep, of all lists together.
pub const MOST_VIEWS: usize = 50;

/// A list that has views.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewPage {
    /// The list of devices.
    Devices,
    /// The history of runs.
    Runs,
}

impl ViewPage {
    /// The name in the database and in forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Devices => "devices",
            Self::Runs => "runs",
        }
    }

    /// Where the list is, as this query narrows and orders it.
    pub fn address(self, query: &str) -> String {
        let (path, place) = match self {
            Self::Devices => ("/devices/", ""),
            Self::Runs => ("/backup/", "#runs"),
        };
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{path}{mark}{query}{place}")
    }
}

/// A view that a person keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedView {
    /// Row id.
    pub id: ViewId,
    /// Unique among the person's views of this list.
    pub name: String,
    /// The query of its address, without the question mark.
    pub query: String,
}

/// A view's name and query, checked.
pub fn check_view(name: &str, query: &str) -> Result<(String, String), UserError> {
    let mut fields = Fields::default();
    let name = fields.check("name", short_text("The name of the view", name, LONGEST_NAME));
    let query = fields.check("query", check_query(query));
    fields.finish()?;
    Ok((name.unwrap_or_default(), query.unwrap_or_default()))
}

fn check_query(query: &str) -> Result<String, String> {
    if query.len() > LONGEST_QUERY {
        return Err(format!(
            "The view's address is longer than {LONGEST_QUERY} characters; take a filter away."
        ));
    }
    let is_of_a_query = |b: u8| b.is_ascii_alphanumeric() || b"-._~%=&+".contains(&b);
    if !query.bytes().all(is_of_a_query) {
        return Err("This is not the address of a list. Load the page again, then save the view.".into());
    }
    Ok(query.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_leads_to_its_list_and_nowhere_else() {
        assert_eq!(ViewPage::Devices.address("site=graz&sort=-name"), "/devices/?site=graz&sort=-name");
        assert_eq!(ViewPage::Devices.address(""), "/devices/");
        assert_eq!(ViewPage::Runs.address("outcome=failed"), "/backup/?outcome=failed#runs");
        for wrong in ["site=graz\"", "a=b#c", "a=<b>", "a=b c", "a=ü", "a=b\r\nc"] {
            assert_eq!(check_view("x", wrong).unwrap_err().fields[0].field, "query", "{wrong}");
        }
    }

    #[test]
    fn a_view_has_a_name_and_an_address_of_bounded_length() {
        assert_eq!(check_view(" In Graz ", "site=graz"), Ok(("In Graz".into(), "site=graz".into())));
        let wrong = |name: &str, query: &str| check_view(name, query).unwrap_err().message;
        assert_eq!(wrong(" ", ""), "The name of the view is missing.");
        assert_eq!(wrong(&"x".repeat(61), ""), "The name of the view is longer than 60 characters.");
        assert!(check_view(&"ü".repeat(60), &"a".repeat(2_000)).is_ok());
        assert!(wrong("x", &"a".repeat(2_001)).contains("longer than 2000 characters"));
    }
}
