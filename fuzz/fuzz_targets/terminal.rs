//! The terminal, and what is done with its text.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| etiqa_engine::collect::fuzzing::terminal(input));
