//! What lists of what happened have in common: days from and to, how many there are, and the way to older ones.

use etiqa_model::history::{HistoryPage, MOST_COUNTED};
use leptos::prelude::*;

use crate::components::list::address;
use crate::format;

/// The two days that a list is narrowed to, in a form.
pub(super) fn days(from: Option<String>, to: Option<String>) -> AnyView {
    let day = |name: &'static str, words: &'static str, value: Option<String>| {
        view! { <label class="day">{words}" "<input type="date" name=name value=value/></label> }.into_any()
    };
    view! { {day("from", "From", from)}{day("to", "To", to)} }.into_any()
}

/// How many rows there are on all pages.
pub(super) fn total<T>(page: &HistoryPage<T>, noun: &str) -> String {
    let words = format::plural(page.total, noun);
    if page.total < MOST_COUNTED { words } else { format!("{words} and more") }
}

/// Links to rows that are older than `oldest`, where there are some, and back to the newest; `fields` narrow the list.
/// Above it there may be much else: they lead to where it begins, the element of the id `begin`.
pub(super) fn pager(
    path: &str,
    mut fields: Vec<(&'static str, String)>,
    begin: &str,
    oldest: Option<String>,
    is_older: bool,
) -> AnyView {
    let to = |fields: &[(&'static str, String)]| format!("{}#{begin}", address(path, fields));
    let newest = is_older.then(|| view! { <a class="btn small" href=to(&fields)>"Newest"</a> }.into_any());
    let older = oldest.map(|oldest| {
        fields.push(("before", oldest));
        view! { <a class="btn small" rel="next" href=to(&fields)>"Older"</a> }.into_any()
    });
    view! { <nav class="pager" aria-label="Pages">{newest}{older}</nav> }.into_any()
}
