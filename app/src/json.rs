//! Reading JSON. In the browser its own reader does that: one of ours would be in the WASM once for each type.

use serde::de::DeserializeOwned;

/// What the text says; none where it says something else.
#[cfg(feature = "hydrate")]
pub(crate) fn parsed<T: DeserializeOwned>(json: &str) -> Option<T> {
    let value = web_sys::js_sys::JSON::parse(json).ok()?;
    serde_wasm_bindgen::from_value(value).ok()
}

/// What the text says; none where it says something else.
#[cfg(not(feature = "hydrate"))]
pub(crate) fn parsed<T: DeserializeOwned>(json: &str) -> Option<T> {
    serde_json::from_str(json).ok()
}
