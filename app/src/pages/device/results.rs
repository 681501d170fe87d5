//! What the collections of a device came to.

use leptos::prelude::*;

use super::Detail;
use crate::components::result::results_table;
use crate::components::session_view::OpenSession;
use crate::components::{Loaded, card};

#[component]
pub(super) fn Results(detail: Detail) -> AnyView {
    OpenSession::provide();
    view! {
        <Loaded from=move || detail.get() view=|detail, _| {
            if detail.results.is_empty() {
                card("Results", (), view! { <p class="quiet">"It was never backed up. Back it up now, or wait for its schedule."</p> }.into_any())
            } else {
                card("Results", "newest first", results_table(detail.results, false))
            }
        }/>
    }
    .into_any()
}
