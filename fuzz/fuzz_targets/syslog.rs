//! What devices tell by syslog.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| etiqa_engine::fuzzing::syslog(input));
