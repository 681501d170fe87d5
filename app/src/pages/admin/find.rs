//! What every list of the admin's pages has: a field to find rows by, how many there are, pages of them, and the way to
//! a new one.

use etiqa_model::page::{Page, Paged};
use leptos::prelude::*;

use crate::components::form::send_when_rested;
use crate::components::list::address;
use crate::components::{GetForm, Pager, empty};
use crate::format;
use crate::pages::{page_of_query, query_field};

/// What the address asks of a list: `q` narrows it, `page` is the page.
#[derive(Clone, Copy)]
pub(super) struct ListSearch {
    path: &'static str,
    text: Memo<String>,
    page: Memo<u32>,
}

impl ListSearch {
    pub(super) fn at(path: &'static str) -> Self {
        Self { path, text: query_field("q"), page: page_of_query() }
    }

    /// A plain form to the list's address; with JavaScript it is sent when typing rests. `hint` says what is looked
    /// into.
    pub(super) fn field(self, hint: &'static str) -> AnyView {
        view! {
            <div class="filters" role="search">
                <GetForm action=self.path replace=true>
                    <input type="search" name="q" placeholder=hint aria-label="Search" value=self.text.get_untracked() on:input=send_when_rested()/>
                    <button class="btn" type="submit">"Find"</button>
                </GetForm>
            </div>
        }
        .into_any()
    }

    /// Whatever reads this runs again when the address asks for other rows.
    pub(super) fn follow(self) {
        self.text.track();
        self.page.track();
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
        // A full load, so that the field is empty again too.
        let all = view! { <a class="btn" href=self.path rel="external">"Show all"</a> };
        Some(empty("Nothing was found", "Look for another word, or show all.", all))
    }

    /// Below the rows: how many there are, and the way to the other pages.
    pub(super) fn below(self, page: Page, total: u64, noun: &str) -> AnyView {
        let text = self.text.get_untracked();
        let to_page = Callback::new(move |page: u32| {
            address(self.path, &[("q", text.clone()), ("page", page.to_string())])
        });
        view! {
            <p class="quiet">{format::plural(total, noun)}</p>
            <Pager page total address=to_page/>
        }
        .into_any()
    }
}

/// The button that leads to the form for a new row, `#form` on the same page.
pub(super) fn new_button(path: &'static str, words: &'static str) -> AnyView {
    view! { <a class="btn primary" href=format!("{path}#form")>{words}</a> }.into_any()
}

/// The buttons of a row: to change it by the form of the same page.
pub(super) fn edit_button(path: &'static str, id: String) -> AnyView {
    view! { <a class="btn small" href=format!("{path}?edit={id}#form")>"Edit"</a> }.into_any()
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
