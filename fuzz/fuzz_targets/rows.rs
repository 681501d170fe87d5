//! The database of an archive.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| etiqa_engine::fuzzing::rows(input));
