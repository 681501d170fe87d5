//! The pages, a file each: resources, then view.

pub(crate) mod backups;
pub(crate) mod login;
pub(crate) mod not_found;
pub(crate) mod overview;
pub(crate) mod setup;
