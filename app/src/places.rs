//! The pages that one can go to by a key or by name.

#[cfg(feature = "ssr")]
use etiqa_model::find::Offer;
#[cfg(feature = "ssr")]
use etiqa_model::user::Reach;
use etiqa_model::user::Role;

/// A page with a name of its own.
pub(crate) struct Place {
    /// What leads there after `g`; empty: nothing does.
    pub(crate) key: &'static str,
    pub(crate) words: &'static str,
    pub(crate) to: &'static str,
    /// Who may go there: what its server functions ask for. The server alone looks.
    #[cfg(feature = "ssr")]
    pub(crate) role: Role,
}

#[cfg(feature = "ssr")]
const fn place(key: &'static str, words: &'static str, to: &'static str, role: Role) -> Place {
    Place { key, words, to, role }
}

#[cfg(not(feature = "ssr"))]
const fn place(key: &'static str, words: &'static str, to: &'static str, _role: Role) -> Place {
    Place { key, words, to }
}

/// Those that a key leads to.
pub(crate) const KEYED: [Place; 10] = [
    place("o", "Overview", "/", Role::Viewer),
    place("b", "Backups", "/backup/", Role::Viewer),
    place("d", "Devices", "/devices/", Role::Viewer),
    place("c", "Configs", "/configs/", Role::Viewer),
    place("s", "Search in configs", "/configs/search", Role::Viewer),
    place("i", "Import devices", "/devices/import", Role::Operator),
    place("n", "New backup", "/backup/new", Role::Operator),
    // A viewer would find one section there, the drivers, which they find by name.
    place("a", "Admin", "/admin/", Role::Operator),
    place("j", "Jobs", "/admin/jobs", Role::Operator),
    place("m", "My account", "/account", Role::Viewer),
];

/// The others.
#[cfg(feature = "ssr")]
const OTHERS: [Place; 17] = [
    place("", "Compare configs", "/configs/compare", Role::Viewer),
    place("", "Rules", "/configs/rules", Role::Viewer),
    place("", "New rule", "/configs/rules/new", Role::Operator),
    place("", "New device", "/devices/new", Role::Operator),
    place("", "Users", "/admin/users", Role::Admin),
    place("", "API tokens", "/admin/tokens", Role::Admin),
    place("", "Machines", "/admin/machines", Role::Operator),
    place("", "Credentials", "/admin/credentials", Role::Admin),
    place("", "Jump hosts", "/admin/jump-hosts", Role::Operator),
    place("", "Destinations", "/admin/destinations", Role::Operator),
    place("", "Inventory sources", "/admin/inventory-sources", Role::Operator),
    place("", "Notifications", "/admin/notifications", Role::Operator),
    place("", "Drivers", "/admin/drivers", Role::Viewer),
    place("", "Config versions", "/admin/config-versions", Role::Admin),
    place("", "Recovery kit", "/admin/recovery-kit", Role::Admin),
    place("", "Audit log", "/admin/audit", Role::Admin),
    place("", "Settings", "/admin/settings", Role::Admin),
];

/// Those that concern all devices, besides what only admins may do: not for who has a scope.
#[cfg(feature = "ssr")]
const OF_ALL_DEVICES: [&str; 8] = [
    "/backup/new",
    "/configs/rules/new",
    "/admin/jobs",
    "/admin/machines",
    "/admin/jump-hosts",
    "/admin/destinations",
    "/admin/inventory-sources",
    "/admin/notifications",
];

/// Those whose name has `search` in it and that somebody of this reach may go to; without `search` those that a key leads to.
#[cfg(feature = "ssr")]
pub(crate) fn named(search: &str, reach: &Reach) -> Vec<Offer> {
    let wanted = search.to_lowercase();
    let others = OTHERS.iter().filter(|_| !wanted.is_empty());
    KEYED
        .iter()
        .chain(others)
        .filter(|place| place.role <= reach.role() && place.words.to_lowercase().contains(&wanted))
        .filter(|place| reach.is_whole() || !OF_ALL_DEVICES.contains(&place.to))
        .map(|place| Offer {
            words: place.words.to_owned(),
            detail: "page".to_owned(),
            to: place.to.to_owned(),
        })
        .collect()
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use etiqa_model::scope::Scope;

    use super::*;

    #[test]
    fn a_page_is_offered_by_a_part_of_its_name_to_who_may_go_there() {
        let words = |search: &str, reach: Reach| {
            named(search, &reach).into_iter().map(|offer| offer.words).collect::<Vec<_>>()
        };
        assert_eq!(words("CRED", Role::Admin.into()), ["Credentials"]);
        assert!(words("cred", Role::Operator.into()).is_empty());
        assert_eq!(words("jump", Role::Operator.into()), ["Jump hosts"]);
        assert!(words("jump", Role::Viewer.into()).is_empty());
        assert_eq!(words("drivers", Role::Viewer.into()), ["Drivers"]);
        assert!(words("", Role::Viewer.into()).contains(&"Devices".to_owned()));
        assert!(!words("", Role::Viewer.into()).contains(&"Admin".to_owned()));
        let of_vienna = Reach::new(Role::Operator, Scope::parse("site:vienna").unwrap()).unwrap();
        assert!(words("jobs", of_vienna.clone()).is_empty());
        assert_eq!(words("new", of_vienna), ["New device"]);
    }
}
