//! What stands at an address where there is nothing.

use etiqa_model::ErrorKind;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::browser;
use crate::bundle::{Address, FirstAddress};
use crate::components::{PageHeader, empty, loaded::answer_with_status, skeleton};

#[component]
pub(crate) fn NotFoundPage() -> AnyView {
    let here = Address::of(&use_location());
    if use_context::<FirstAddress>().is_some_and(|first| first.0 != here) {
        browser::load(&here.0);
        return skeleton::blocks();
    }
    answer_with_status(ErrorKind::NotFound);
    view! {
        <PageHeader title="Not found"/>
        {empty(
            "There is no page at this address",
            "It may have been deleted, or the address was mistyped. Start from the overview, or look for the device by name.",
            view! {
                <div class="actions">
                    <a class="btn primary" href="/">"Overview"</a>
                    <a class="btn" href="/devices/">"Devices"</a>
                </div>
            }.into_any(),
        )}
    }
    .into_any()
}
