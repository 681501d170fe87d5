//! Rows that keep their elements while others come and go above them.
//!
//! A list that is rendered anew changes its elements one after the other: a row that comes in above would move every
//! row below into the next one's elements, under the cursor of a person, their focus and an open question with them.
//! Here a row has a key, and its elements follow it. What it shows is changed in place, as everywhere; leptos' own
//! `<For>` would leave it as it was.

use leptos::prelude::*;
use leptos::tachys::html::attribute::Attribute;
use leptos::tachys::html::attribute::any_attribute::AnyAttribute;
use leptos::tachys::hydration::Cursor;
use leptos::tachys::renderer::Rndr;
use leptos::tachys::renderer::types::{Element, Node, Placeholder};
use leptos::tachys::ssr::StreamBuilder;
use leptos::tachys::view::add_attr::AddAnyAttr;
use leptos::tachys::view::any_view::AnyViewState;
use leptos::tachys::view::{Mountable, Position, PositionState, Render, RenderHtml};

/// Views with their keys, collected from pairs of both. Views alone are taken by their place.
pub(crate) struct Rows {
    keys: Vec<String>,
    views: Vec<AnyView>,
}

impl<Key: ToString> FromIterator<(Key, AnyView)> for Rows {
    fn from_iter<Pairs: IntoIterator<Item = (Key, AnyView)>>(rows: Pairs) -> Self {
        let (keys, views) = rows.into_iter().map(|(key, view)| (key.to_string(), view)).unzip();
        Self { keys, views }
    }
}

impl FromIterator<AnyView> for Rows {
    fn from_iter<Views: IntoIterator<Item = AnyView>>(rows: Views) -> Self {
        rows.into_iter().enumerate().collect()
    }
}

/// The rows as they stand on the page.
pub(crate) struct RowsState {
    keys: Vec<String>,
    rows: Vec<AnyViewState>,
    /// Stands behind the last row.
    end: Placeholder,
}

impl Render for Rows {
    type State = RowsState;

    fn build(self) -> RowsState {
        let rows = self.views.into_iter().map(Render::build).collect();
        RowsState { keys: self.keys, rows, end: Rndr::create_placeholder() }
    }

    fn rebuild(self, state: &mut RowsState) {
        let places = places(&state.keys, &self.keys);
        let stays = staying(&places);
        state.keys = self.keys;
        let mut before: Vec<_> = std::mem::take(&mut state.rows).into_iter().map(Some).collect();
        // The last row first: what a row is put before is in its place by then.
        let mut rows: Vec<AnyViewState> = Vec::with_capacity(self.views.len());
        for ((view, place), stays) in self.views.into_iter().zip(places).zip(stays).rev() {
            let mut row = match place.and_then(|place| before[place].take()) {
                Some(mut row) => {
                    view.rebuild(&mut row);
                    row
                }
                None => view.build(),
            };
            if !stays && !rows.last().is_some_and(|next| next.insert_before_this(&mut row)) {
                Rndr::try_mount_before(&mut row, state.end.as_ref());
            }
            rows.push(row);
        }
        rows.reverse();
        state.rows = rows;
        for row in before.iter_mut().flatten() {
            row.unmount();
        }
    }
}

/// Where each of `keys` was among those before, each place at most once.
fn places(before: &[String], keys: &[String]) -> Vec<Option<usize>> {
    let mut is_free = vec![true; before.len()];
    let mut next = 0;
    keys.iter()
        .map(|key| {
            // Mostly the place after the last one.
            let place = (next..before.len()).chain(0..next).find(|at| is_free[*at] && before[*at] == *key)?;
            is_free[place] = false;
            next = place + 1;
            Some(place)
        })
        .collect()
}

/// Which rows stay where they are, as many as can: an element that is moved loses the focus.
fn staying(places: &[Option<usize>]) -> Vec<bool> {
    // The longest ascending sequence: at n, the row that ends the best one of n + 1 rows; and for each row, which comes
    // before it.
    let mut ends: Vec<usize> = Vec::new();
    let mut previous = vec![None; places.len()];
    for (row, place) in places.iter().enumerate() {
        if place.is_none() {
            continue;
        }
        let length = ends.partition_point(|end| places[*end] < *place);
        previous[row] = length.checked_sub(1).map(|shorter| ends[shorter]);
        match ends.get_mut(length) {
            Some(end) => *end = row,
            None => ends.push(row),
        }
    }
    let mut stays = vec![false; places.len()];
    let mut last = ends.last().copied();
    while let Some(row) = last {
        stays[row] = true;
        last = previous[row];
    }
    stays
}

impl Mountable for RowsState {
    fn unmount(&mut self) {
        for row in &mut self.rows {
            row.unmount();
        }
        self.end.unmount();
    }

    fn mount(&mut self, parent: &Element, marker: Option<&Node>) {
        for row in &mut self.rows {
            row.mount(parent, marker);
        }
        self.end.mount(parent, marker);
    }

    fn insert_before_this(&self, child: &mut dyn Mountable) -> bool {
        self.rows.iter().any(|row| row.insert_before_this(child)) || self.end.insert_before_this(child)
    }

    fn elements(&self) -> Vec<Element> {
        self.rows.iter().flat_map(Mountable::elements).collect()
    }
}

/// The markup is that of a `Vec` of views.
impl RenderHtml for Rows {
    type AsyncOutput = Self;
    type Owned = Self;

    const MIN_LENGTH: usize = 0;

    fn dry_resolve(&mut self) {
        self.views.dry_resolve();
    }

    async fn resolve(self) -> Self {
        Self { keys: self.keys, views: self.views.resolve().await }
    }

    fn html_len(&self) -> usize {
        self.views.html_len()
    }

    fn to_html_with_buf(
        self,
        buf: &mut String,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        extra_attrs: Vec<AnyAttribute>,
    ) {
        self.views.to_html_with_buf(buf, position, escape, mark_branches, extra_attrs);
    }

    fn to_html_async_with_buf<const OUT_OF_ORDER: bool>(
        self,
        buf: &mut StreamBuilder,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        extra_attrs: Vec<AnyAttribute>,
    ) {
        self.views.to_html_async_with_buf::<OUT_OF_ORDER>(buf, position, escape, mark_branches, extra_attrs);
    }

    fn hydrate<const FROM_SERVER: bool>(self, cursor: &Cursor, position: &PositionState) -> RowsState {
        let rows = self.views.into_iter().map(|view| view.hydrate::<FROM_SERVER>(cursor, position)).collect();
        let end = cursor.next_placeholder(position);
        position.set(Position::NextChild);
        RowsState { keys: self.keys, rows, end }
    }

    async fn hydrate_async(self, cursor: &Cursor, position: &PositionState) -> RowsState {
        let mut rows = Vec::with_capacity(self.views.len());
        for view in self.views {
            rows.push(view.hydrate_async(cursor, position).await);
        }
        let end = cursor.next_placeholder(position);
        position.set(Position::NextChild);
        RowsState { keys: self.keys, rows, end }
    }

    fn into_owned(self) -> Self {
        self
    }
}

/// Nothing is spread onto rows.
impl AddAnyAttr for Rows {
    type Output<SomeNewAttr: Attribute> = Self;

    fn add_any_attr<NewAttr: Attribute>(self, _attr: NewAttr) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(before: &str, after: &str) -> Vec<bool> {
        let keys = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        staying(&places(&keys(before), &keys(after)))
    }

    #[test]
    fn a_row_that_comes_or_goes_moves_no_other() {
        assert_eq!(moved("bcd", "abcd"), [false, true, true, true]);
        assert_eq!(moved("abcd", "bd"), [true, true]);
        assert_eq!(moved("ab", "cd"), [false, false]);
        assert_eq!(moved("", "a"), [false]);
    }

    #[test]
    fn a_row_that_moves_moves_alone() {
        assert_eq!(moved("abcd", "dabc"), [false, true, true, true]);
        assert_eq!(moved("abcd", "bcda"), [true, true, true, false]);
    }

    #[test]
    fn rows_of_the_same_key_are_still_told_apart() {
        let keys = ["a".to_owned(), "a".to_owned()];
        assert_eq!(places(&keys, &keys), [Some(0), Some(1)]);
        assert_eq!(places(&keys[..1], &keys), [Some(0), None]);
    }
}
