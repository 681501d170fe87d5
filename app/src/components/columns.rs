//! Which columns of a list are shown: in its address, chosen by a form that leads there.

use leptos::prelude::*;
use leptos_router::params::ParamsMap;

use super::form::{hidden, send_form};
use super::get_form::GetForm;

/// The field of the address.
const FIELD: &str = "cols";

/// A column that a person may choose.
pub(crate) struct Choosable {
    /// In addresses.
    pub(crate) name: &'static str,
    /// The heading.
    pub(crate) words: &'static str,
    /// Whether it is shown when nothing is said.
    pub(crate) is_usual: bool,
}

/// Those that are shown, a bit for each, in their order. The first one always is: it says what a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown(u32);

impl Shown {
    fn those(columns: &[Choosable], is_shown: impl Fn(&Choosable) -> bool) -> Self {
        let bits = columns.iter().enumerate().filter(|(place, column)| *place == 0 || is_shown(column));
        Self(bits.fold(0, |bits, (place, _)| bits | (1 << place)))
    }

    fn usual(columns: &[Choosable]) -> Self {
        Self::those(columns, |column| column.is_usual)
    }

    /// Those that an address names, in one field (`cols=type.site`) or, as a form writes them, in one for each; the usual
    /// ones where it names none.
    pub(crate) fn of_query(query: &ParamsMap, columns: &[Choosable]) -> Self {
        let named = query.get_all(FIELD).unwrap_or_default().join(".");
        if named.is_empty() {
            return Self::usual(columns);
        }
        Self::those(columns, |column| named.split('.').any(|name| name == column.name))
    }

    /// The field of an address that names them; empty for the usual ones.
    pub(crate) fn to_field(self, columns: &[Choosable]) -> (&'static str, String) {
        let mut names = Vec::new();
        if self != Self::usual(columns) {
            names.extend(
                columns.iter().enumerate().filter(|(place, _)| self.has(*place)).map(|(_, c)| c.name),
            );
        }
        (FIELD, names.join("."))
    }

    /// Whether the column at this place is shown.
    pub(crate) fn has(self, place: usize) -> bool {
        (self.0 >> place) & 1 == 1
    }
}

/// What they are chosen by: a plain form to the list's address, sent by every choice where there is JavaScript. `fields`
/// is all else that the address says.
pub(crate) fn columns_fold(
    path: &'static str,
    columns: &'static [Choosable],
    shown: Shown,
    fields: Vec<(&'static str, String)>,
) -> AnyView {
    // The one that is always there is sent along, so that something is when no other is ticked.
    let first = columns.first().map(|first| (FIELD, first.name.to_owned()));
    let kept = fields.into_iter().filter(|(_, value)| !value.is_empty()).chain(first);
    let kept = kept.map(|(name, value)| hidden(name, value)).collect_view();
    let boxes = columns
        .iter()
        .enumerate()
        .skip(1)
        .map(|(place, column)| {
            let is_shown = shown.has(place);
            view! {
                <label class="check">
                    <input type="checkbox" name=FIELD value=column.name autocomplete="off" checked=is_shown prop:checked=is_shown on:change=send_form/>
                    <span>{column.words}</span>
                </label>
            }
            .into_any()
        })
        .collect_view();
    view! {
        <details class="drop">
            <summary class="btn small">"Columns"</summary>
            <div class="drop-box">
                <GetForm action=path replace=true>
                    {kept}
                    <div class="checks">{boxes}</div>
                    <button class="btn small" type="submit">"Show these"</button>
                </GetForm>
            </div>
        </details>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Choosable; 4] = [
        Choosable { name: "name", words: "Device", is_usual: true },
        Choosable { name: "type", words: "Type", is_usual: true },
        Choosable { name: "last_good", words: "Last good", is_usual: true },
        Choosable { name: "notes", words: "Notes", is_usual: false },
    ];

    fn shown(fields: &[&str]) -> Shown {
        let query = fields.iter().map(|value| ("cols", (*value).to_owned())).collect();
        Shown::of_query(&query, &COLUMNS)
    }

    fn places(shown: Shown) -> Vec<usize> {
        (0..COLUMNS.len()).filter(|place| shown.has(*place)).collect()
    }

    #[test]
    fn columns_are_named_in_one_field_or_in_many_and_the_first_is_always_there() {
        assert_eq!(places(shown(&[])), [0, 1, 2]);
        assert_eq!(places(shown(&[""])), [0, 1, 2]);
        assert_eq!(places(shown(&["notes.type"])), [0, 1, 3]);
        assert_eq!(places(shown(&["name", "last_good", "notes"])), [0, 2, 3]);
        assert_eq!(places(shown(&["name"])), [0]);
        assert_eq!(places(shown(&["nonsense"])), [0]);
    }

    #[test]
    fn the_usual_columns_are_not_named_and_others_come_out_of_their_field_again() {
        assert_eq!(shown(&["name", "last_good", "type"]).to_field(&COLUMNS), ("cols", String::new()));
        let other = shown(&["notes", "type"]);
        assert_eq!(other.to_field(&COLUMNS).1, "name.type.notes");
        assert_eq!(shown(&["name.type.notes"]), other);
    }
}
