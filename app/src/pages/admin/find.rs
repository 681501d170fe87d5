//! What every list of the admin's pages has: a field to find rows by, how many there are, pages of them, and the form for
//! a row or for a new one. All of it stands in the address, and no part of it drops another.

use etiqa_model::page::{Page, Paged};
use leptos::prelude::*;

use crate::browser;
use crate::components::form::send_when_rested;
use crate::components::list::address;
use crate::components::part::part;
use crate::components::rows::Rows;
use crate::components::{GetForm, Pager, empty};
use crate::format;
use crate::pages::{page_of_query, query_field};

/// The id of the field.
const FIELD: &str = "list-search";

/// What the address asks of a list: `q` narrows it, `page` is the page, `edit` and `rotate` name the row whose form is open.
#[derive(Clone, Copy)]
pub(super) struct ListSearch {
    path: &'static str,
    text: Memo<String>,
    page: Memo<u32>,
    edit: Memo<String>,
    rotate: Memo<String>,
    about: Memo<String>,
    closed: Memo<String>,
}

impl ListSearch {
    pub(super) fn at(path: &'static str) -> Self {
        let (text, page) = (query_field("q"), page_of_query());
        let (edit, rotate) = (query_field("edit"), query_field("rotate"));
        let about = Memo::new(move |_| address("", &[("edit", edit.get()), ("rotate", rotate.get())]));
        let closed = Memo::new(move |_| address(path, &[("q", text.get()), ("page", number(page.get()))]));
        Self { path, text, page, edit, rotate, about, closed }
    }

    /// Which row's form is open: another text for each, and for none.
    pub(super) fn about(self) -> Memo<String> {
        self.about
    }

    /// The address of the same rows with no row's form open.
    pub(super) fn closed(self) -> Memo<String> {
        self.closed
    }

    /// A plain form to the list's address; with JavaScript it is sent when typing rests. `hint` says what is looked
    /// into.
    pub(super) fn field(self, hint: &'static str) -> AnyView {
        // A link may have led to other rows.
        Effect::new(move |before: Option<String>| {
            let text = self.text.get();
            if before.is_some_and(|before| before != text) {
                browser::fill(FIELD, &text);
            }
            text
        });
        let form = part(move || {
            [("edit", self.edit.get()), ("rotate", self.rotate.get())]
                .into_iter()
                .filter(|(_, id)| !id.is_empty())
                .map(|(name, id)| view! { <input type="hidden" name=name value=id/> }.into_any())
                .collect_view()
                .into_any()
        });
        view! {
            <div class="filters" role="search">
                <GetForm action=self.path replace=true>
                    {form}
                    <input id=FIELD type="search" name="q" placeholder=hint aria-label="Search" value=self.text.get_untracked() on:input=send_when_rested()/>
                    <button class="btn" type="submit">"Find"</button>
                </GetForm>
            </div>
        }
        .into_any()
    }

    /// Whatever reads this runs again when the address asks for other rows, or for another form beside them.
    pub(super) fn follow(self) {
        self.text.track();
        self.page.track();
        self.about.track();
    }

    /// The rows that hold each of the words that are looked for, in any case. Lists of what people made by hand are
    /// short, and come whole.
    pub(super) fn rows<T>(self, mut rows: Vec<T>, words: fn(&T) -> String) -> Paged<T> {
        let text = self.text.get_untracked().to_lowercase();
        rows.retain(|row| holds(&words(row), &text));
        let page = Page { number: self.page.get_untracked(), ..Page::default() };
        let total = rows.len();
        let first = usize::try_from(page.offset()).unwrap_or(total).min(total);
        let size = usize::try_from(page.limit()).unwrap_or(total);
        let rows = rows.into_iter().skip(first).take(size).collect();
        Paged { rows, total: total as u64, page }
    }

    /// What stands in place of no rows at all: that nothing was found, or `none` where nothing was looked for.
    pub(super) fn none(self, total: u64, none: impl FnOnce() -> AnyView) -> Option<AnyView> {
        if total > 0 {
            return None;
        }
        if self.text.with_untracked(String::is_empty) {
            return Some(none());
        }
        let all = view! { <a class="btn" href=self.address("", 1, self.form())>"Show all"</a> };
        Some(empty("Nothing was found", "Look for another word, or show all.", all))
    }

    /// Below the rows: how many there are, and the way to the other pages.
    pub(super) fn below(self, page: Page, total: u64, noun: &str) -> AnyView {
        let (text, form) = (self.text.get_untracked(), self.form());
        let to_page = Callback::new(move |page: u32| self.address(&text, page, form.clone()));
        view! {
            <p class="quiet">{format::plural(total, noun)}</p>
            <Pager page total address=to_page/>
        }
        .into_any()
    }

    /// The button that leads to the form for a new row, `#form` on the same page.
    pub(super) fn new_button(self, words: &'static str) -> AnyView {
        let to = move || format!("{}#form", self.closed.get());
        view! { <a class="btn primary" href=to>{words}</a> }.into_any()
    }

    /// The button of a row that opens its form on the same page; `name` is the query field that names the row.
    pub(super) fn form_button(self, name: &'static str, id: String, words: &'static str) -> AnyView {
        let form = [(name, id), ("", String::new())];
        let to = self.address(&self.text.get_untracked(), self.page.get_untracked(), form);
        view! { <a class="btn small" href=format!("{to}#form")>{words}</a> }.into_any()
    }

    /// The query fields of the form that is open.
    fn form(self) -> [(&'static str, String); 2] {
        [("edit", self.edit.get_untracked()), ("rotate", self.rotate.get_untracked())]
    }

    fn address(self, text: &str, page: u32, form: [(&'static str, String); 2]) -> String {
        let [first, second] = form;
        address(self.path, &[("q", text.to_owned()), ("page", number(page)), first, second])
    }
}

/// A page's number in an address, which says nothing of the first.
fn number(page: u32) -> String {
    if page > 1 { page.to_string() } else { String::new() }
}

/// A form with elements of its own for each key: a control keeps what was typed into it whatever it is rendered with
/// next, and that must never be sent for another row.
pub(super) fn keyed(key: String, form: AnyView) -> AnyView {
    [(key, form)].into_iter().collect::<Rows>().into_any()
}

/// The key of the form for a new row. One that was accepted makes room for an empty one.
pub(super) fn key_of_new(accepted: usize) -> String {
    format!("new {accepted}")
}

/// What is said once a form was accepted; `noun` is what was new.
pub(super) fn saved(known: Option<&str>, noun: &str) -> String {
    known.map_or_else(|| format!("The {noun} is saved."), |name| format!("{name} is saved."))
}

/// Whether `words` hold each word of `text`, which is in lower case.
fn holds(words: &str, text: &str) -> bool {
    let words = words.to_lowercase();
    text.split_whitespace().all(|word| words.contains(word))
}

#[cfg(test)]
mod tests {
    use super::holds;

    #[test]
    fn every_word_that_is_looked_for_must_be_there_in_any_order() {
        assert!(holds("NAS in the cellar, WebDAV", "webdav nas"));
        assert!(!holds("NAS in the cellar, WebDAV", "webdav s3"));
        assert!(holds("anything", "  "));
    }
}
