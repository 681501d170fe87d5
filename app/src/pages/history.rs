//! What lists of what happened have in common: days from and to, how many there are, and the way to older ones.

use etiqa_model::history::{HistoryPage, MOST_COUNTED, MOST_READ};
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
    if page.is_among_newest {
        format!("{words} among the newest {}", format::count(MOST_READ.into()))
    } else if page.total < MOST_COUNTED {
        words
    } else {
        format!("{words} and more")
    }
}

/// What a page without rows says, of a list that is narrowed or goes on behind the newest (`is_older`).
pub(super) fn none_of<T>(page: &HistoryPage<T>, noun: &str, is_older: bool) -> String {
    match (page.older, is_older) {
        (Some(_), _) => {
            format!(
                "No {noun} among these {} is like this. There are older ones.",
                format::count(MOST_READ.into())
            )
        }
        (None, true) => format!("There are no older {noun}s."),
        (None, false) => format!("No {noun} is like this. Take a filter away."),
    }
}

/// Links to the rows before `older`, where there are some, and back to the newest; `fields` narrow the list.
/// Above it there may be much else: they lead to where it begins, the element of the id `begin`.
pub(super) fn pager(
    path: &str,
    mut fields: Vec<(&'static str, String)>,
    begin: &str,
    older: Option<i64>,
    is_older: bool,
) -> AnyView {
    let to = |fields: &[(&'static str, String)]| format!("{}#{begin}", address(path, fields));
    let newest = is_older.then(|| view! { <a class="btn small" href=to(&fields)>"Newest"</a> }.into_any());
    let older = older.map(|older| {
        fields.push(("before", older.to_string()));
        view! { <a class="btn small" rel="next" href=to(&fields)>"Older"</a> }.into_any()
    });
    view! { <nav class="pager" aria-label="Pages">{newest}{older}</nav> }.into_any()
}
