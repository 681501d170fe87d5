//! Files of devices: CSV and JSON.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| etiqa_engine::fuzzing::import(input));
