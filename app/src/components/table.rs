//! Tables: the headings of the columns, a row for each thing, and what stands where there is none.

use leptos::prelude::*;
use leptos::tachys::html::InertElement;

use super::part::nothing;
use super::rows::Rows;

/// The heading of a column.
#[derive(Debug, Clone)]
pub(crate) enum Column {
    /// Of words.
    Text(&'static str),
    /// Of figures, which stand at the right edge.
    Number(&'static str),
    /// Of buttons; the heading is only heard.
    Actions,
    /// Of words that the rows can be ordered by.
    Sorted {
        /// The heading.
        words: &'static str,
        /// Where the rows are ordered by it, or the other way round; an address made by [`super::list::address`].
        to: String,
        /// `ascending` or `descending`, where they are ordered by it now.
        order: Option<&'static str>,
    },
}

/// The table of these rows, each a `<tr>`, with keys where they carry buttons or change.
pub(crate) fn table(columns: &[Column], rows: Rows) -> AnyView {
    let rows = rows.into_any();
    view! {
        <table class="rows">
            {head(columns)}
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

/// One piece of HTML, as `view!` makes of what never changes: cells of their own would put their code into the WASM.
/// The words are the program's own and addresses are percent-encoded, so nothing needs escaping but `&`.
fn head(columns: &[Column]) -> AnyView {
    let cells: String = columns
        .iter()
        .map(|column| match column {
            Column::Text(words) => format!("<th scope=\"col\">{words}</th>"),
            Column::Number(words) => format!("<th scope=\"col\" class=\"num\">{words}</th>"),
            Column::Actions => "<th scope=\"col\"><span class=\"sr\">Actions</span></th>".to_owned(),
            Column::Sorted { words, to, order } => {
                let order = order.map(|order| format!(" aria-sort=\"{order}\"")).unwrap_or_default();
                format!("<th scope=\"col\"{order}><a href=\"{}\">{words}</a></th>", to.replace('&', "&amp;"))
            }
        })
        .collect();
    InertElement::new(format!("<thead><tr>{cells}</tr></thead>")).into_any()
}

/// A list as a card: its table with `below` under it, or `none` in place of both.
pub(crate) fn list_card(columns: &[Column], rows: Rows, none: Option<AnyView>, below: AnyView) -> AnyView {
    let (body, below) = match none {
        Some(none) => (none, nothing()),
        None => (table(columns, rows), below),
    };
    view! { <section class="card">{body}{below}</section> }.into_any()
}
