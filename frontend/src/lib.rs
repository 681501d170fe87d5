//! The WASM entry: hydrates the app, and says so where that breaks.

/// Called by the page once this module is loaded.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        etiqa_app::say_that_it_broke();
    }));
    leptos::mount::hydrate_body(etiqa_app::App);
}
