//! What stands where something is awaited: the shape of it. The style sheet shows it only after a moment, so that what
//! comes at once does not flicker.

use leptos::prelude::*;

const LOADING: &str = "Loading…";

/// Of a list, or of a part of a page.
pub(crate) fn rows() -> AnyView {
    rows_saying(LOADING)
}

/// Of a page with its heading.
pub(crate) fn blocks() -> AnyView {
    blocks_saying(LOADING)
}

/// Of the filters of a list, which itself says that it loads.
pub(crate) fn line() -> AnyView {
    view! { <div class="waits"><div class="bones" aria-busy="true"><p class="bone-field"></p></div></div> }
        .into_any()
}

/// The shape of a list, with words for those who hear the page.
pub(crate) fn rows_saying(words: &'static str) -> AnyView {
    let shape = view! { <div class="card bones" aria-busy="true"><p></p><p></p><p></p><p></p><p></p></div> };
    waits(words, shape.into_any())
}

/// The shape of a page, with words for those who hear it.
pub(crate) fn blocks_saying(words: &'static str) -> AnyView {
    let shape = view! {
        <div class="bones" aria-busy="true">
            <p class="bone-title"></p>
            <div class="card"><p></p><p></p></div>
            <div class="card"><p></p><p></p><p></p></div>
        </div>
    };
    waits(words, shape.into_any())
}

fn waits(words: &'static str, shape: AnyView) -> AnyView {
    view! { <div class="waits"><p class="sr" role="status">{words}</p>{shape}</div> }.into_any()
}
