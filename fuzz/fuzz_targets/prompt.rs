//! Prompts of the built-in drivers.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| etiqa_engine::collect::fuzzing::prompt(input));
