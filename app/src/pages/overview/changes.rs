//! The newest versions that changed something.

use etiqa_model::overview::RecentChange;
use leptos::prelude::*;

use crate::components::list::version_address;
use crate::components::{Time, card, diff};

/// Changed lines in a peek.
const PEEK_LINES: usize = 6;

pub(super) fn changes(changes: Vec<RecentChange>) -> AnyView {
    if changes.is_empty() {
        return card(
            "Recent changes",
            (),
            view! { <p class="quiet">"No configuration has changed yet."</p> }.into_any(),
        );
    }
    let rows = changes
        .into_iter()
        .map(|change| {
            let version = change.version;
            let to = version_address(change.device_id, &version.part, version.version);
            let peek =
                change.peek.filter(|diff| !diff.hunks.is_empty()).map(|peek| diff::peek(&peek, PEEK_LINES));
            let is_first = version.version == 1;
            view! {
                <div class="row change">
                    <div>
                        <a class="mono strong" href=to>{change.hostname}</a>
                        " "
                        <small><Time at=version.collected_at/>" · "{version.part}</small>
                    </div>
                    {if is_first {
                        view! { <small class="muted">"first version"</small> }.into_any()
                    } else {
                        diff::counts(version.added, version.removed)
                    }}
                    {peek}
                </div>
            }
            .into_any()
        })
        .collect_view();
    card(
        "Recent changes",
        view! { <a href="/configs/">"All configs"</a> }.into_any(),
        view! { <div>{rows}</div> }.into_any(),
    )
}
