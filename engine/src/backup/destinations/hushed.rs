//! A place whose server may say back what it was told: its sentences are masked before anybody reads them.

use std::path::Path;

use futures::{FutureExt as _, StreamExt as _};

use super::place::{Doing, Headway, Pieces, Place, PlaceError};
use crate::collect::Hush;

/// Another place, without secrets in what it says of itself.
pub(super) struct Hushed {
    place: Box<dyn Place>,
    hush: Hush,
}

impl Hushed {
    pub(super) fn new(place: Box<dyn Place>, hush: Hush) -> Self {
        Self { place, hush }
    }

    fn of<'a, T: Send + 'a>(&'a self, doing: Doing<'a, T>) -> Doing<'a, T> {
        doing.map(|done| done.map_err(|error| masked(&self.hush, error))).boxed()
    }
}

/// The same error, without any of the secrets.
pub(super) fn masked(hush: &Hush, error: PlaceError) -> PlaceError {
    PlaceError { message: hush.masked(&error.message), ..error }
}

impl Place for Hushed {
    fn can_rename(&self) -> bool {
        self.place.can_rename()
    }

    fn write<'a>(&'a self, name: &'a str, file: &'a Path, headway: &'a Headway) -> Doing<'a, ()> {
        self.of(self.place.write(name, file, headway))
    }

    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> Doing<'a, bool> {
        self.of(self.place.rename(from, to))
    }

    fn size_of<'a>(&'a self, name: &'a str) -> Doing<'a, Option<u64>> {
        self.of(self.place.size_of(name))
    }

    fn read<'a>(&'a self, name: &'a str) -> Doing<'a, Pieces<'a>> {
        let read = self.of(self.place.read(name));
        let hushed = |pieces: Pieces<'a>| -> Pieces<'a> {
            pieces.map(|piece| piece.map_err(|error| masked(&self.hush, error))).boxed()
        };
        read.map(move |read| read.map(hushed)).boxed()
    }

    fn delete<'a>(&'a self, name: &'a str) -> Doing<'a, ()> {
        self.of(self.place.delete(name))
    }
}
