//! Scopes: which devices somebody sees and acts on.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::field::{short_text, shortened};

/// As many sites and tags as a scope may name.
const MOST: usize = 100;
/// Letters of a site or a tag; no device has longer ones.
const LONGEST: usize = 100;

/// The devices of these sites and those with one of these tags. A scope that names none is everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Scope {
    sites: Vec<String>,
    tags: Vec<String>,
}

impl Scope {
    /// Reads a line each of `site:vienna` or `tag:core`; no line at all is everything. What cannot be read is an error, never
    /// everything.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut scope = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let wrong = || {
                let line = shortened(line);
                format!("\"{line}\" is no part of a scope; write site:vienna or tag:core, a line each.")
            };
            let (kind, name) = line.split_once(':').ok_or_else(wrong)?;
            let (what, names) = match kind.trim() {
                "site" => ("The site", &mut scope.sites),
                "tag" => ("The tag", &mut scope.tags),
                _ => return Err(wrong()),
            };
            let name = short_text(what, name, LONGEST)?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if scope.sites.len() + scope.tags.len() > MOST {
            return Err(format!("A scope names {MOST} sites and tags at most."));
        }
        scope.sites.sort_unstable();
        scope.tags.sort_unstable();
        Ok(scope)
    }

    /// Whether it leaves no device out.
    pub fn is_everything(&self) -> bool {
        self.sites.is_empty() && self.tags.is_empty()
    }

    /// The sites that it names, sorted.
    pub fn sites(&self) -> &[String] {
        &self.sites
    }

    /// The tags that it names, sorted.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// Whether a device of this site with these tags is in it.
    pub fn holds(&self, site: &str, tags: &[String]) -> bool {
        self.holds_site(site) || self.tags.iter().any(|tag| tags.contains(tag))
    }

    /// Whether every device of this site is in it.
    pub fn holds_site(&self, site: &str) -> bool {
        self.is_everything() || self.sites.iter().any(|known| known == site)
    }

    /// In words: "all devices", "site vienna, tag core".
    pub fn words(&self) -> String {
        if self.is_everything() {
            return "all devices".to_owned();
        }
        let sites = self.sites.iter().map(|site| format!("site {site}"));
        let tags = self.tags.iter().map(|tag| format!("tag {tag}"));
        sites.chain(tags).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sites = self.sites.iter().map(|site| ("site", site));
        let all = sites.chain(self.tags.iter().map(|tag| ("tag", tag)));
        for (place, (kind, name)) in all.enumerate() {
            let end = if place == 0 { "" } else { "\n" };
            write!(f, "{end}{kind}:{name}")?;
        }
        Ok(())
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl TryFrom<String> for Scope {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(tags: &[&str]) -> Vec<String> {
        tags.iter().map(|tag| (*tag).to_owned()).collect()
    }

    #[test]
    fn a_scope_holds_the_devices_of_its_sites_and_those_with_its_tags() {
        let scope = Scope::parse(" tag: core \n\nsite:vienna\r\nsite:vienna\n").unwrap();
        assert_eq!(scope.to_string(), "site:vienna\ntag:core");
        assert_eq!(scope.words(), "site vienna, tag core");
        assert!(scope.holds("vienna", &[]) && scope.holds("linz", &tags(&["lab", "core"])));
        assert!(!scope.holds("linz", &tags(&["lab"])) && !scope.holds("Vienna", &tags(&["CORE"])));
        assert!(scope.holds_site("vienna") && !scope.holds_site("linz"), "a tag is not all of a site");
        assert_eq!(Scope::parse(&scope.to_string()), Ok(scope));
    }

    #[test]
    fn a_scope_that_names_nothing_is_everything() {
        for text in ["", "  \n \r\n"] {
            let scope = Scope::parse(text).unwrap();
            assert!(scope.is_everything() && scope.holds("anywhere", &[]) && scope.holds_site("anywhere"));
            assert_eq!((scope.words().as_str(), scope.to_string().as_str()), ("all devices", ""));
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_and_never_everything() {
        for text in ["vienna", "site:", "site: ", "tag", "type:router", "all", "site:a\nwhat", "site:a\u{7}b"]
        {
            assert!(Scope::parse(text).is_err(), "{text}");
        }
        let many = (0..=MOST).map(|n| format!("tag:{n}")).collect::<Vec<_>>().join("\n");
        assert_eq!(Scope::parse(&many).unwrap_err(), "A scope names 100 sites and tags at most.");
    }
}
