//! The app: what every page has around it, and which page is at which address.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::any_nested_route::{AnyNestedRoute, IntoAnyNestedRoute};
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::hooks::use_location;
use leptos_router::{SsrMode, path};

use crate::bundle::{Address, FirstAddress};
use crate::clock::Clock;
use crate::components::frame::Frame;
use crate::live::Live;
use crate::pages;
use crate::session::Session;
use crate::toasts::Toasts;

/// The whole app. Every page is rendered whole on the server, so that it reads without JavaScript.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    Clock::provide();
    Live::provide();
    Toasts::provide();
    view! {
        <Title formatter=|title: String| if title.is_empty() { "Etiqa".to_owned() } else { format!("{title} · Etiqa") }/>
        <Router>
            <Inside/>
        </Router>
    }
}

#[component]
fn Inside() -> impl IntoView {
    let session = Session::provide();
    listen(session);
    let address = Address::of(&use_location());
    provide_context(FirstAddress(address));
    view! {
        <Frame>
            <FlatRoutes fallback=pages::not_found::NotFoundPage>
                <FormRoutes/>
                <WatchRoutes/>
                <DevicesRoutes/>
                <DeviceRoutes/>
                <ConfigRoutes/>
                <ReachRoutes/>
                <AdminRoutes/>
                <DailyRoutes/>
            </FlatRoutes>
        </Frame>
    }
}

/// What is looked at all day. See [`crate::bundle`] for what the lists of routes are.
#[cfg(feature = "daily")]
#[component(transparent)]
fn DailyRoutes() -> AnyNestedRoute {
    view! {
        <Route path=path!("/") view=pages::overview::OverviewPage ssr=SsrMode::Async/>
        <Route path=path!("/login") view=pages::login::LoginPage ssr=SsrMode::Async/>
        <Route path=path!("/backup") view=pages::backups::BackupsPage ssr=SsrMode::Async/>
        <Route path=path!("/backup/config/:id") view=pages::backup_config::BackupConfigPage ssr=SsrMode::Async/>
        <Route path=path!("/backup/run/:id") view=pages::run::RunPage ssr=SsrMode::Async/>
    }
    .into_inner()
    .into_any_nested_route()
}

/// In place of the routes of another bundle: an empty list of them would match `/` and show an empty page.
#[cfg(not(feature = "daily"))]
#[component(transparent)]
fn DailyRoutes() -> AnyNestedRoute {
    view! { <Route path=path!("/") view=pages::not_found::NotFoundPage ssr=SsrMode::Async/> }
        .into_inner()
        .into_any_nested_route()
}

/// The inventory, and the lists elsewhere that it follows.
#[cfg(feature = "devices")]
#[component(transparent)]
fn DevicesRoutes() -> AnyNestedRoute {
    view! {
        <Route path=path!("/devices") view=pages::devices::DevicesPage ssr=SsrMode::Async/>
        <Route path=path!("/admin/inventory-sources") view=pages::admin::inventory_sources::InventorySourcesPage ssr=SsrMode::Async/>
    }
    .into_inner()
    .into_any_nested_route()
}

/// See the other bundles' `DailyRoutes`.
#[cfg(not(feature = "devices"))]
#[component(transparent)]
fn DevicesRoutes() -> AnyNestedRoute {
    view! { <Route path=path!("/devices") view=pages::not_found::NotFoundPage ssr=SsrMode::Async/> }
        .into_inner()
        .into_any_nested_route()
}

/// One device.
#[cfg(feature = "device")]
#[component(transparent)]
fn DeviceRoutes() -> AnyNestedRoute {
    view! { <Route path=path!("/devices/:id") view=pages::device::DevicePage ssr=SsrMode::Async/> }
        .into_inner()
        .into_any_nested_route()
}

/// See the other bundles' `DailyRoutes`.
#[cfg(not(feature = "device"))]
#[component(transparent)]
fn DeviceRoutes() -> AnyNestedRoute {
    view! { <Route path=path!("/devices") view=pages::not_found::NotFoundPage ssr=SsrMode::Async/> }
        .into_inner()
        .into_any_nested_route()
}

/// The texts of all devices.
#[cfg(feature = "configs")]
#[component(transparent)]
fn ConfigRoutes() -> AnyNestedRoute {
    view! {
        <Route path=path!("/configs") view=pages::configs::ConfigsPage ssr=SsrMode::Async/>
        <Route path=path!("/configs/compare") view=pages::compare::ComparePage ssr=SsrMode::Async/>
        <Route path=path!("/configs/version/:id") view=pages::version::VersionPage ssr=SsrMode::Async/>
        <Route path=path!("/configs/search") view=pages::search::SearchPage ssr=SsrMode::Async/>
    }
    .into_inner()
    .into_any_nested_route()
}

/// See the other bundles' `DailyRoutes`.
#[cfg(not(feature = "configs"))]
#[component(transparent)]
fn ConfigRoutes() -> AnyNestedRoute {
    view! { <Route path=path!("/configs") view=pages::not_found::NotFoundPage ssr=SsrMode::Async/> }
        .into_inner()
        .into_any_nested_route()
}

/// What is filled in now and then.
#[cfg(feature = "forms")]
#[component(transparent)]
fn FormRoutes() -> AnyNestedRoute {
    view! {
        <Route path=path!("/setup") view=pages::setup::SetupPage ssr=SsrMode::Async/>
        <Route path=path!("/backup/new") view=pages::backup_form::NewBackupPage ssr=SsrMode::Async/>
        <Route path=path!("/backup/config/:id/edit") view=pages::backup_form::EditBackupPage ssr=SsrMode::Async/>
        <Route path=path!("/backup/config/:id/retention") view=pages::retention::RetentionPage ssr=SsrMode::Async/>
        <Route path=path!("/backup/run/:id/archive") view=pages::archive::ArchivePage ssr=SsrMode::Async/>
        <Route path=path!("/devices/new") view=pages::device_form::NewDevicePage ssr=SsrMode::Async/>
        <Route path=path!("/devices/import") view=pages::import::ImportPage ssr=SsrMode::Async/>
    }
    .into_inner()
    .into_any_nested_route()
}

/// Without these, `/devices/:id` would take two pages of this bundle for devices.
#[cfg(not(feature = "forms"))]
#[component(transparent)]
fn FormRoutes() -> AnyNestedRoute {
    view! {
        <Route path=path!("/devices/new") view=pages::not_found::NotFoundPage ssr=SsrMode::Async/>
        <Route path=path!("/devices/import") view=pages::not_found::NotFoundPage ssr=SsrMode::Async/>
    }
    .into_inner()
    .into_any_nested_route()
}

/// How devices and destinations are reached.
#[cfg(feature = "reach")]
#[component(transparent)]
fn ReachRoutes() -> AnyNestedRoute {
    view! {
        <Route path=path!("/admin/credentials") view=pages::admin::credentials::CredentialsPage ssr=SsrMode::Async/>
        <Route path=path!("/admin/jump-hosts") view=pages::admin::jump_hosts::JumpHostsPage ssr=SsrMode::Async/>
        <Route path=path!("/admin/destinations") view=pages::admin::destinations::DestinationsPage ssr=SsrMode::Async/>
        <Route path=path!("/admin/drivers") view=pages::admin::drivers::DriversPage ssr=SsrMode::Async/>
        <Route path=path!("/admin/drivers/:name") view=pages::admin::drivers::DriverPage ssr=SsrMode::Async/>
    }
    .into_inner()
    .into_any_nested_route()
}

/// See the other bundles' `DailyRoutes`.
#[cfg(not(feature = "reach"))]
#[component(transparent)]
fn ReachRoutes() -> AnyNestedRoute {
    view! { <Route path=path!("/admin/drivers") view=pages::not_found::NotFoundPage ssr=SsrMode::Async/> }
        .into_inner()
        .into_any_nested_route()
}

/// What is watched for, and what is told to whom: rules, notifications.
#[cfg(feature = "watch")]
#[component(transparent)]
fn WatchRoutes() -> AnyNestedRoute {
    view! {
        <Route path=path!("/configs/rules") view=pages::rules::RulesPage ssr=SsrMode::Async/>
        <Route path=path!("/configs/rules/new") view=pages::rules::NewRulePage ssr=SsrMode::Async/>
        <Route path=path!("/configs/rules/starter") view=pages::rules::StarterRulesPage ssr=SsrMode::Async/>
        <Route path=path!("/configs/rules/:id") view=pages::rules::RulePage ssr=SsrMode::Async/>
        <Route path=path!("/configs/rules/:id/edit") view=pages::rules::EditRulePage ssr=SsrMode::Async/>
        <Route path=path!("/devices/:id/rules") view=pages::rules::DeviceRulesPage ssr=SsrMode::Async/>
        <Route path=path!("/admin/notifications") view=pages::admin::notifications::NotificationsPage ssr=SsrMode::Async/>
    }
    .into_inner()
    .into_any_nested_route()
}

/// See the other bundles' `DailyRoutes`.
#[cfg(not(feature = "watch"))]
#[component(transparent)]
fn WatchRoutes() -> AnyNestedRoute {
    view! { <Route path=path!("/configs/rules") view=pages::not_found::NotFoundPage ssr=SsrMode::Async/> }
        .into_inner()
        .into_any_nested_route()
}

/// Who may sign in and how oneself does, what goes on, how the program behaves.
#[cfg(feature = "admin")]
#[component(transparent)]
fn AdminRoutes() -> AnyNestedRoute {
    view! {
        <Route path=path!("/account") view=pages::account::AccountPage ssr=SsrMode::Async/>
        <Route path=path!("/admin") view=pages::admin::sections::AdminPage ssr=SsrMode::Async/>
        <Route path=path!("/admin/users") view=pages::admin::users::UsersPage ssr=SsrMode::Async/>
        <Route path=path!("/admin/tokens") view=pages::admin::tokens::TokensPage ssr=SsrMode::Async/>
        <Route path=path!("/admin/machines") view=pages::admin::machines::MachinesPage ssr=SsrMode::Async/>
        <Route path=path!("/admin/audit") view=pages::admin::audit::AuditLogPage ssr=SsrMode::Async/>
        <Route path=path!("/admin/jobs") view=pages::admin::jobs::JobsPage ssr=SsrMode::Async/>
        <Route path=path!("/admin/config-versions") view=pages::admin::versions::ConfigVersionsPage ssr=SsrMode::Async/>
        <Route path=path!("/admin/recovery-kit") view=pages::admin::recovery::RecoveryKitPage ssr=SsrMode::Async/>
        <Route path=path!("/admin/components") view=pages::admin::components::ComponentsPage ssr=SsrMode::Async/>
        <Route path=path!("/admin/settings") view=pages::admin::settings::SettingsPage ssr=SsrMode::Async/>
    }
    .into_inner()
    .into_any_nested_route()
}

/// See the other bundles' `DailyRoutes`.
#[cfg(not(feature = "admin"))]
#[component(transparent)]
fn AdminRoutes() -> AnyNestedRoute {
    view! { <Route path=path!("/admin") view=pages::not_found::NotFoundPage ssr=SsrMode::Async/> }
        .into_inner()
        .into_any_nested_route()
}

/// Keeps the live stream open for as long as somebody is signed in.
#[cfg(feature = "hydrate")]
fn listen(session: Session) {
    let live = expect_context::<Live>();
    let is_signed_in = Memo::new(move |_| session.is_signed_in());
    Effect::new(move || {
        if is_signed_in.get() {
            crate::live::connect(live);
        } else {
            crate::live::disconnect();
        }
    });
}

#[cfg(not(feature = "hydrate"))]
fn listen(_session: Session) {}
