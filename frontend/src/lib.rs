//! The WASM entry: hydrates the app, nothing else.
