//! The pages, a file each: resources, then view. Each belongs to one of the bundles, see [`crate::bundle`].

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

#[cfg(feature = "admin")]
pub(crate) mod account;
#[cfg(any(feature = "admin", feature = "devices", feature = "reach", feature = "watch"))]
pub(crate) mod admin;
#[cfg(feature = "forms")]
pub(crate) mod archive;
#[cfg(feature = "daily")]
pub(crate) mod backup_config;
#[cfg(feature = "forms")]
pub(crate) mod backup_form;
#[cfg(feature = "daily")]
pub(crate) mod backups;
#[cfg(feature = "admin")]
pub(crate) mod browsers;
#[cfg(feature = "configs")]
pub(crate) mod compare;
pub(crate) mod configs;
#[cfg(feature = "device")]
pub(crate) mod device;
pub(crate) mod device_form;
#[cfg(feature = "devices")]
pub(crate) mod devices;
pub(crate) mod history;
#[cfg(feature = "forms")]
pub(crate) mod import;
#[cfg(feature = "daily")]
pub(crate) mod login;
pub(crate) mod not_found;
#[cfg(feature = "daily")]
pub(crate) mod overview;
#[cfg(feature = "forms")]
pub(crate) mod retention;
#[cfg(feature = "watch")]
pub(crate) mod rules;
#[cfg(feature = "daily")]
pub(crate) mod run;
#[cfg(feature = "configs")]
pub(crate) mod search;
#[cfg(feature = "forms")]
pub(crate) mod setup;
#[cfg(feature = "configs")]
pub(crate) mod version;

/// The number in `/…/{id}`; what is no number is 0, which is no row's id.
fn id_of_path() -> Memo<i64> {
    let params = use_params_map();
    Memo::new(move |_| params.with(|params| params.get("id")).and_then(|id| id.parse().ok()).unwrap_or(0))
}

/// A field of the address's query; empty where it is not there.
fn query_field(name: &'static str) -> Memo<String> {
    let query = use_query_map();
    Memo::new(move |_| query.with(|query| query.get(name)).unwrap_or_default())
}

/// The page number of the address's query, from 1.
fn page_of_query() -> Memo<u32> {
    let query = use_query_map();
    Memo::new(move |_| {
        query
            .with(|query| query.get("page"))
            .and_then(|page| page.parse().ok())
            .filter(|page| *page > 0)
            .unwrap_or(1)
    })
}

/// Choices of a select from fixed values and words.
fn options(choices: &[(&str, &str)]) -> Vec<(String, String)> {
    choices.iter().map(|(value, words)| ((*value).to_owned(), (*words).to_owned())).collect()
}

/// Choices of a select whose first one, `any`, names nothing. One that is chosen and gone stays visible until a person
/// chooses another.
fn with_any_of(any: &str, known: Vec<(String, String)>, chosen: &str) -> Vec<(String, String)> {
    let mut options = vec![(String::new(), any.to_owned())];
    options.extend(known);
    if !options.iter().any(|(name, _)| name == chosen) {
        options.push((chosen.to_owned(), format!("{chosen} (not there any more)")));
    }
    options
}

/// The same for names that need no other words.
fn with_any(any: &str, known: Vec<String>, chosen: &str) -> Vec<(String, String)> {
    with_any_of(any, known.into_iter().map(|name| (name.clone(), name)).collect(), chosen)
}
