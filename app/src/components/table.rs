//! Tables: the headings of the columns, a row for each thing, and what stands where there is none.

use leptos::prelude::*;
use leptos::tachys::html::InertElement;

use super::part::nothing;

/// The heading of a column.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Column {
    /// Of words.
    Text(&'static str),
    /// Of figures, which stand at the right edge.
    Number(&'static str),
    /// Of buttons; the heading is only heard.
    Actions,
}

/// The table of these rows, each a `<tr>`.
pub(crate) fn table(columns: &[Column], rows: Vec<AnyView>) -> AnyView {
    view! {
        <table class="rows">
            {head(columns)}
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

/// One piece of HTML, as `view!` makes of what never changes: cells of their own would put their code into the WASM.
/// The words are the program's own, so nothing in them needs escaping.
fn head(columns: &[Column]) -> AnyView {
    let cells: String = columns
        .iter()
        .map(|column| match column {
            Column::Text(words) => format!("<th scope=\"col\">{words}</th>"),
            Column::Number(words) => format!("<th scope=\"col\" class=\"num\">{words}</th>"),
            Column::Actions => "<th scope=\"col\"><span class=\"sr\">Actions</span></th>".to_owned(),
        })
        .collect();
    InertElement::new(format!("<thead><tr>{cells}</tr></thead>")).into_any()
}

/// A list as a card: its table with `below` under it, or `none` in place of both.
pub(crate) fn list_card(
    columns: &[Column],
    rows: Vec<AnyView>,
    none: Option<AnyView>,
    below: AnyView,
) -> AnyView {
    let (body, below) = match none {
        Some(none) => (none, nothing()),
        None => (table(columns, rows), below),
    };
    view! { <section class="card">{body}{below}</section> }.into_any()
}
