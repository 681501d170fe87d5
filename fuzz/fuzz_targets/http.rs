//! Conversations with appliances over HTTP.

#![no_main]

use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};

/// Its clock jumps to the next timer whenever nothing else is left to do, so that no silence takes any time.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime")
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| RUNTIME.block_on(etiqa_engine::collect::fuzzing::http(input)));
