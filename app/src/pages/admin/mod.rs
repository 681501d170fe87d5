//! The admin's pages: who may sign in, how devices are logged in to, and how the program behaves.

pub(crate) mod components;
pub(crate) mod credentials;
pub(crate) mod destinations;
pub(crate) mod drivers;
pub(crate) mod jobs;
pub(crate) mod jump_hosts;
pub(crate) mod machines;
pub(crate) mod recovery;
mod rotation;
pub(crate) mod settings;
pub(crate) mod tokens;
pub(crate) mod users;
pub(crate) mod versions;

use etiqa_model::admin::AdminCounts;
use etiqa_model::event::Topic;
use leptos::prelude::*;

use crate::api::admin::GetAdminCounts;
use crate::ask::ask;
use crate::components::{Loaded, PageHeader};
use crate::format::plural;

/// The way back from every admin page.
const ABOVE: &[(&str, &str)] = &[("Admin", "/admin/")];

#[component]
pub(crate) fn AdminPage() -> AnyView {
    let counts = ask(&[Topic::Admin], || GetAdminCounts {});
    view! {
        <PageHeader title="Admin"/>
        <Loaded from=move || counts.get() view=|counts, _| cards(counts)/>
    }
    .into_any()
}

fn cards(counts: AdminCounts) -> AnyView {
    let drivers = match counts.driver_problems {
        0 => plural(counts.drivers, "platform"),
        problems => format!("{}, {problems} with a problem", plural(counts.drivers, "platform")),
    };
    let destinations = match counts.destination_problems {
        0 => plural(counts.destinations, "destination"),
        problems => format!("{}, {problems} with a problem", plural(counts.destinations, "destination")),
    };
    let tiles = [
        (
            "Users",
            "/admin/users",
            plural(counts.users, "person").replace("persons", "people"),
            "Who can sign in, and what they may do.",
        ),
        ("API tokens", "/admin/tokens", plural(counts.tokens, "token"), "For scripts and monitoring."),
        (
            "Credentials",
            "/admin/credentials",
            plural(counts.credentials, "credential"),
            "How devices are logged in to.",
        ),
        (
            "Jump hosts",
            "/admin/jump-hosts",
            plural(counts.jump_hosts, "jump host"),
            "Servers that pass connections on to devices.",
        ),
        ("Drivers", "/admin/drivers", drivers, "Which platforms can be backed up, and how."),
        (
            "Destinations",
            "/admin/destinations",
            destinations,
            "Where archives are sent to besides this machine.",
        ),
        ("Jobs", "/admin/jobs", "queue".to_owned(), "What goes on, what waits, and what was given up."),
        (
            "Machines",
            "/admin/machines",
            "processes".to_owned(),
            "Servers and workers, and whether they are alive.",
        ),
        ("Devices", "/devices/", "inventory".to_owned(), "Add, import, change, delete."),
        ("Backups", "/backup/", "schedules".to_owned(), "What is backed up, when, and how many are kept."),
        (
            "Config versions",
            "/admin/config-versions",
            "all devices".to_owned(),
            "Every version ever taken, newest first.",
        ),
        (
            "Recovery kit",
            "/admin/recovery-kit",
            "key and passphrases".to_owned(),
            "What brings the secrets of an archive back.",
        ),
        ("Settings", "/admin/settings", "limits".to_owned(), "Sessions at once, deadlines, sizes."),
        (
            "Components",
            "/admin/components",
            "design".to_owned(),
            "What these pages are built of, in its states.",
        ),
    ];
    let tiles = tiles
        .into_iter()
        .map(|(name, to, remark, words)| {
            view! {
                <a class="card tile" href=to>
                    <span class="tile-top"><b>{name}</b><small>{remark}</small></span>
                    <span class="muted">{words}</span>
                </a>
            }
            .into_any()
        })
        .collect_view();
    view! { <div class="tiles">{tiles}</div> }.into_any()
}
