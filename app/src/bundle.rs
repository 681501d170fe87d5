//! The bundles of WASM that pages are split into, so that the first page is there soon.
//!
//! Each is a feature of this crate; the server has all of them and chooses by the address. Within a bundle pages change
//! in place; a link into another one finds no route, and the address is then loaded as any address is.

use leptos::prelude::*;
use leptos_router::location::Location;

/// The bundle of a page: the name of its files.
#[cfg(feature = "ssr")]
pub(crate) fn bundle_of(path: &str) -> &'static str {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts[..] {
        ["admin", "credentials" | "jump-hosts" | "destinations" | "drivers", ..] => "etiqa-reach",
        ["admin", "notifications", ..] | ["configs", "rules", ..] | ["devices", _, "rules"] => "etiqa-watch",
        ["devices"] | ["admin", "inventory-sources"] => "etiqa-devices",
        ["admin", ..] | ["account"] => "etiqa-admin",
        ["setup"]
        | ["backup" | "devices", "new"]
        | ["devices", "import"]
        | ["backup", "config", _, "edit" | "retention"]
        | ["backup", "run", _, "archive"] => "etiqa-forms",
        ["devices", ..] => "etiqa-device",
        ["configs", ..] => "etiqa-configs",
        _ => "etiqa",
    }
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
/// later one has none, another bundle may have it.
#[derive(Debug, Clone)]
pub(crate) struct FirstAddress(pub(crate) Address);

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn a_page_needs_one_bundle_only() {
        for (bundle, pages) in [
            ("etiqa", &["/", "/login", "/backup/", "/backup/config/7", "/backup/run/7"][..]),
            ("etiqa-devices", &["/devices/", "/admin/inventory-sources", "/admin/inventory-sources/"]),
            ("etiqa-device", &["/devices/7", "/devices/7/"]),
            ("etiqa-configs", &["/configs/", "/configs/compare", "/configs/version/7", "/configs/search"]),
            (
                "etiqa-forms",
                &[
                    "/setup",
                    "/backup/new",
                    "/backup/config/7/edit",
                    "/backup/config/7/retention",
                    "/backup/run/7/archive",
                    "/devices/import",
                    "/devices/new/",
                ],
            ),
            ("etiqa-reach", &["/admin/credentials", "/admin/drivers/", "/admin/drivers/cisco_ios"]),
            ("etiqa-watch", &["/admin/notifications", "/admin/notifications/"]),
            ("etiqa-admin", &["/admin", "/admin/users", "/account/"]),
            ("etiqa-watch", &["/configs/rules", "/configs/rules/7/edit", "/devices/7/rules/"]),
        ] {
            for page in pages {
                assert_eq!(bundle_of(page), bundle, "{page}");
            }
        }
    }
}
