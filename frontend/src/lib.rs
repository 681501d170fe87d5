//! The WASM entry: hydrates the app, nothing else.

/// Called by the page once this module is loaded.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(etiqa_app::App);
}
