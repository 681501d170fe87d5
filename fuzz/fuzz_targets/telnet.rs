//! The telnet state machine.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| etiqa_engine::collect::fuzzing::telnet(input));
