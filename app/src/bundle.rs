//! The two bundles of WASM that pages are split into, so that the first page is there soon.
//!
//! `etiqa` has what is looked at all day, `etiqa-desk` (the feature `desk`) what is opened now and then: forms,
//! searches and administration. The server has both and chooses by the address. Within a bundle pages change in place; a link into
//! the other one finds no route, and the address is then loaded as any address is.

use leptos::prelude::*;
use leptos_router::location::Location;

/// The bundle of a page.
#[cfg(feature = "ssr")]
pub(crate) fn bundle_of(path: &str) -> &'static str {
    let path = path.trim_end_matches('/');
    let is_desk = path.starts_with("/admin")
        || path.ends_with("/edit")
        || path.ends_with("/archive")
        || path.ends_with("/retention")
        || path.starts_with("/configs/")
        || matches!(path, "/account" | "/backup/new" | "/devices/new" | "/devices/import" | "/setup");
    if is_desk { "etiqa-desk" } else { "etiqa" }
}

/// An address of this site, without its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address(pub(crate) String);

impl Address {
    /// Where the page is now.
    pub(crate) fn of(location: &Location) -> Self {
        let (path, query) = (location.pathname.get_untracked(), location.search.get_untracked());
        Self(if query.is_empty() { path } else { format!("{path}?{query}") })
    }
}

/// The address that this page was loaded at, as a context. Where that has no route, there is no such page; where a
/// later one has none, the other bundle may have it.
#[derive(Debug, Clone)]
pub(crate) struct FirstAddress(pub(crate) Address);

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn the_first_page_needs_one_bundle_only() {
        for daily in [
            "/",
            "/login",
            "/backup/",
            "/backup/config/7",
            "/backup/run/7",
            "/configs/",
            "/devices/",
            "/devices/7",
        ] {
            assert_eq!(bundle_of(daily), "etiqa", "{daily}");
        }
        for desk in [
            "/admin",
            "/admin/users",
            "/account/",
            "/setup",
            "/backup/config/7/edit",
            "/backup/config/7/retention",
            "/backup/run/7/archive",
            "/configs/compare",
            "/configs/version/7",
            "/configs/search",
            "/devices/import",
            "/devices/new/",
        ] {
            assert_eq!(bundle_of(desk), "etiqa-desk", "{desk}");
        }
    }
}
