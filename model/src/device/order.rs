//! In which order a list shows devices.

use serde::{Deserialize, Serialize};

/// What devices are ordered by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceSort {
    /// The host name.
    #[default]
    Name,
    /// What it is.
    Type,
    /// The site.
    Site,
    /// Whether it answers.
    Status,
    /// How its last collection ended: what failed first, then what was never collected, then what is good.
    Backup,
    /// When a whole text was last taken; never comes first.
    LastGood,
}

impl DeviceSort {
    /// Every one.
    pub const ALL: &[Self] =
        &[Self::Name, Self::Type, Self::Site, Self::Status, Self::Backup, Self::LastGood];

    /// The name in URLs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Type => "type",
            Self::Site => "site",
            Self::Status => "status",
            Self::Backup => "backup",
            Self::LastGood => "last_good",
        }
    }

    /// The one of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|sort| sort.as_str() == name)
    }
}

/// What devices are ordered by, and which way; by name when nothing is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceOrder {
    /// By what.
    pub sort: DeviceSort,
    /// The last one first.
    pub descending: bool,
}

impl DeviceOrder {
    /// The order of a URL's `sort`: a [`DeviceSort`] name, with a hyphen before it when descending. What is unknown is by
    /// name.
    pub fn parse(text: &str) -> Self {
        let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        DeviceSort::parse(name).map_or_else(Self::default, |sort| Self { sort, descending })
    }

    /// A URL's `sort`; empty for the order that is meant when nothing is said.
    pub fn to_field(self) -> String {
        if self == Self::default() {
            return String::new();
        }
        format!("{}{}", if self.descending { "-" } else { "" }, self.sort.as_str())
    }

    /// The order that pressing the heading of `sort` leads to: the other way round where it is in use already.
    #[must_use]
    pub fn toggled(self, sort: DeviceSort) -> Self {
        Self { sort, descending: self.sort == sort && !self.descending }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_goes_into_its_field_and_comes_out_of_it_again() {
        for sort in DeviceSort::ALL.iter().copied() {
            for descending in [false, true] {
                let order = DeviceOrder { sort, descending };
                assert_eq!(DeviceOrder::parse(&order.to_field()), order);
            }
        }
        assert_eq!(DeviceOrder::default().to_field(), "");
        assert_eq!(DeviceOrder::parse("-hostname; DROP"), DeviceOrder::default());
    }

    #[test]
    fn a_heading_pressed_twice_turns_the_order_round() {
        let by_site = DeviceOrder::default().toggled(DeviceSort::Site);
        assert_eq!(by_site.to_field(), "site");
        assert_eq!(by_site.toggled(DeviceSort::Site).to_field(), "-site");
        assert_eq!(by_site.toggled(DeviceSort::Name), DeviceOrder::default());
    }
}
