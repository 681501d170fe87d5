//! Files that somebody says are archives.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| etiqa_engine::fuzzing::archive(input));
