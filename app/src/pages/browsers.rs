//! The browsers in which somebody is signed in, on one's own account and for admins.

use etiqa_model::user::BrowserSession;
use leptos::prelude::*;

use crate::components::part::nothing;
use crate::components::table::{Column, table};
use crate::components::{Ago, Time};

/// The list of them. `end` gives the form that signs one out, by its name.
pub(crate) fn browsers(sessions: Vec<BrowserSession>, end: impl Fn(String) -> AnyView) -> AnyView {
    let columns =
        &[Column::Text("Browser"), Column::Text("Address"), Column::Text("Last seen"), Column::Actions];
    let rows = sessions.into_iter().map(|session| {
        let form = if session.is_this { nothing() } else { end(session.name.clone()) };
        (session.name.clone(), row(session, form))
    });
    table(columns, rows.collect())
}

fn row(session: BrowserSession, form: AnyView) -> AnyView {
    let this = if session.is_this { ", this one" } else { "" };
    view! {
        <tr>
            <td><b>{session.browser}</b>{this}<small>"since "<Time at=session.since/></small></td>
            <td data-label="Address">{session.address}</td>
            <td class="muted" data-label="Last seen"><Ago at=session.last_seen_at/></td>
            <td class="end"><div class="actions">{form}</div></td>
        </tr>
    }
    .into_any()
}
