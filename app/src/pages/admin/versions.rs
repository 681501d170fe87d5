//! Every config version, newest first.

use etiqa_model::config::ConfigVersionRow;
use etiqa_model::event::Topic;
use etiqa_model::page::{Page, Paged};
use leptos::prelude::*;

use super::ABOVE;
use super::find::ListSearch;
use crate::api::admin::ListConfigVersions;
use crate::ask::ask;
use crate::components::part::nothing;
use crate::components::{Loaded, PageHeader, empty};
use crate::pages::configs::versions_list;
use crate::pages::{page_of_query, query_field};

const PATH: &str = "/admin/config-versions";

#[component]
pub(crate) fn ConfigVersionsPage() -> AnyView {
    let lookup = ListSearch::at(PATH);
    let (search, page) = (query_field("q"), page_of_query());
    let versions = ask(&[Topic::Devices], move || ListConfigVersions {
        search: search.get(),
        page: Page { number: page.get(), ..Page::default() },
    });
    view! {
        <PageHeader title="Config versions" above=ABOVE/>
        {lookup.field("Device name or address")}
        <Loaded from=move || versions.get() view=move |versions, _| list(versions, lookup, search.get_untracked())/>
    }
    .into_any()
}

fn list(versions: Paged<ConfigVersionRow>, lookup: ListSearch, search: String) -> AnyView {
    let none = || empty("No version yet", "Versions appear as devices are backed up.", ());
    let none = lookup.none(versions.total, none).unwrap_or_else(nothing);
    versions_list(versions, PATH, vec![("q", search)], none)
}
