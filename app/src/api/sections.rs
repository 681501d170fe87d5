//! The admin's first page in words: each section with what is in it, and what needs a hand. The server alone has them, so
//! that the browser's program need not.

use etiqa_model::admin::{AdminCounts, AdminSection, KitState, Tally};
use etiqa_model::user::{Reach, Role};

use crate::format::{count, plural};

/// What who has a scope may go to of it, as far as their role lets them: the others concern all devices.
const OF_SCOPE: [&str; 4] = ["Devices", "Backups", "History", "Drivers"];

/// The sections that somebody of this reach may go to, in the order of the page.
pub(super) fn sections(counts: &AdminCounts, reach: &Reach) -> Vec<AdminSection> {
    let all = [
        (Role::Operator, devices(counts.devices)),
        (
            Role::Operator,
            section("Backups", "/backup/", "What is backed up, when, and how many are kept.").with(
                counts.backups,
                "backup",
                "failing",
            ),
        ),
        (
            Role::Operator,
            section("History", "/backup/#runs", "What ran, when, and how it ended.").saying("all runs"),
        ),
        (
            Role::Admin,
            section("Config versions", "/admin/config-versions", "Every version ever taken, newest first.")
                .saying("all devices"),
        ),
        (
            Role::Admin,
            section("Users", "/admin/users", "Who can sign in, and what they may do.")
                .saying(plural(counts.users, "user")),
        ),
        (
            Role::Admin,
            section("API tokens", "/admin/tokens", "For scripts and monitoring.").with(
                counts.tokens,
                "token",
                "expired",
            ),
        ),
        (
            Role::Admin,
            section("Credentials", "/admin/credentials", "How devices are logged in to.").with(
                counts.credentials,
                "credential",
                "being rotated",
            ),
        ),
        (
            Role::Operator,
            section("Jump hosts", "/admin/jump-hosts", "Servers that pass connections on to devices.").with(
                counts.jump_hosts,
                "jump host",
                "with a changed key",
            ),
        ),
        (
            Role::Viewer,
            section(
                "Drivers",
                "/admin/drivers",
                "Which platforms can be backed up, and how. Try one against a pasted session.",
            )
            .with(counts.drivers, "driver", "not valid"),
        ),
        (
            Role::Operator,
            section(
                "Destinations",
                "/admin/destinations",
                "Where archives are sent to besides this machine.",
            )
            .with(counts.destinations, "destination", "with a problem"),
        ),
        (
            Role::Operator,
            section(
                "Inventory sources",
                "/admin/inventory-sources",
                "NetBox, a URL or a file that the inventory follows.",
            )
            .saying("preview, sync"),
        ),
        (
            Role::Operator,
            section("Notifications", "/admin/notifications", "What is told to whom, and what became of it.")
                .with(counts.channels, "channel", "with a problem"),
        ),
        (
            Role::Operator,
            section("Jobs", "/admin/jobs", "What goes on, what waits, and what was given up.").with(
                counts.jobs,
                "job",
                "given up",
            ),
        ),
        (
            Role::Operator,
            section("Machines", "/admin/machines", "Servers and workers, and whether they are alive.").with(
                counts.machines,
                "machine",
                "vanished",
            ),
        ),
        (Role::Admin, recovery_kit(counts.kit)),
        (
            Role::Admin,
            section("Audit log", "/admin/audit", "Who did what, when and from where.").saying("every act"),
        ),
        (
            Role::Admin,
            section("Settings", "/admin/settings", "Sessions at once, deadlines, sizes.").saying("limits"),
        ),
        (
            Role::Admin,
            section("Components", "/admin/components", "What these pages are built of, in its states.")
                .saying("design"),
        ),
    ];
    all.into_iter()
        .filter(|(role, _)| *role <= reach.role())
        .map(|(_, section)| section.0)
        .filter(|section| reach.is_whole() || OF_SCOPE.contains(&section.name.as_str()))
        .collect()
}

/// A section that is being put into words.
struct Section(AdminSection);

fn section(name: &str, to: &str, words: &str) -> Section {
    let [name, to, words] = [name, to, words].map(str::to_owned);
    Section(AdminSection { name, to, count: String::new(), words, needs: None })
}

impl Section {
    /// With this beside its name.
    fn saying(mut self, words: impl Into<String>) -> Self {
        self.0.count = words.into();
        self
    }

    /// With this to be done.
    fn needing(mut self, words: impl Into<String>) -> Self {
        self.0.needs = Some(words.into());
        self
    }

    /// With how many there are, and how many of them are such that they need a hand.
    fn with(self, tally: Tally, noun: &str, such: &str) -> Self {
        let counted = self.saying(plural(tally.count, noun));
        if tally.in_need == 0 { counted } else { counted.needing(format!("{} {such}", count(tally.in_need))) }
    }
}

fn devices(tally: Tally) -> Section {
    let such = if tally.in_need == 1 { "needs a hand" } else { "need a hand" };
    section("Devices", "/devices/", "Add, import, change, delete.").with(tally, "device", such)
}

fn recovery_kit(kit: KitState) -> Section {
    let words = "What brings the secrets of an archive back.";
    let counted =
        section("Recovery kit", "/admin/recovery-kit", words).saying(plural(kit.passphrases, "passphrase"));
    match kit.taken_at {
        None => counted.needing("never taken"),
        Some(_) if !kit.is_current => counted.needing("too old"),
        Some(_) => counted,
    }
}

#[cfg(test)]
mod tests {
    use etiqa_model::scope::Scope;

    use super::*;

    fn counts(in_need: u64) -> AdminCounts {
        let some = Tally { count: 4_120, in_need };
        AdminCounts {
            devices: some,
            backups: some,
            users: 1,
            tokens: some,
            credentials: some,
            jump_hosts: some,
            drivers: some,
            destinations: some,
            channels: some,
            jobs: some,
            machines: some,
            kit: KitState { taken_at: None, is_current: false, passphrases: 2 },
        }
    }

    fn told(in_need: u64, name: &str) -> AdminSection {
        let sections = sections(&counts(in_need), &Role::Admin.into());
        sections.into_iter().find(|section| section.name == name).unwrap()
    }

    #[test]
    fn one_needs_a_hand_and_two_need_one() {
        assert_eq!(told(0, "Devices").needs, None);
        assert_eq!(told(1, "Devices").needs.as_deref(), Some("1 needs a hand"));
        assert_eq!(told(2, "Devices").needs.as_deref(), Some("2 need a hand"));
        assert_eq!(told(1_200, "Jobs").needs.as_deref(), Some("1,200 given up"));
        assert_eq!(
            (told(0, "Devices").count, told(0, "Users").count),
            ("4,120 devices".into(), "1 user".into())
        );
        assert_eq!(told(0, "Recovery kit").needs.as_deref(), Some("never taken"));
        assert_eq!(told(0, "History").to, "/backup/#runs", "and not where the backups are");
    }

    #[test]
    fn nobody_is_told_of_what_is_closed_to_them() {
        let names = |reach: &Reach| -> Vec<String> {
            sections(&counts(0), reach).into_iter().map(|section| section.name).collect()
        };
        assert_eq!(names(&Role::Viewer.into()), ["Drivers"]);
        assert!(!names(&Role::Operator.into()).contains(&"Credentials".to_owned()));
        assert_eq!(names(&Role::Admin.into()).len(), 18);
        let vienna = Scope::parse("site:vienna").unwrap();
        assert_eq!(names(&Reach::new(Role::Operator, vienna.clone()).unwrap()), OF_SCOPE);
        assert_eq!(names(&Reach::new(Role::Viewer, vienna).unwrap()), ["Drivers"]);
    }
}
