//! What must hold for every input of the parsers that read what others write, as functions that fail where it does not: the
//! fuzzers of `fuzz/` run them on inputs that nobody thought of, the tests on every input that is kept of them.
//!
//! What devices say in a session is looked at in [`crate::collect::fuzzing`]. Compiled for tests and with the feature
//! `fuzzing` only.

mod cron;
mod diff;
mod import;

pub use cron::cron;
pub use diff::diff;
pub use import::import;

pub use crate::backup::restore::fuzzing::{archive, rows};
pub use crate::changes::fuzzing::syslog;

#[cfg(test)]
mod tests {
    use crate::collect::fuzzing::kept;

    #[test]
    fn what_fuzzing_found_of_imports_still_holds() {
        for (_, input) in kept("import", &[]) {
            super::import(&input);
        }
    }

    #[test]
    fn what_fuzzing_found_of_archives_still_holds() {
        for (_, input) in kept("archive", &[]) {
            super::archive(&input);
        }
    }

    #[test]
    fn what_fuzzing_found_of_archived_rows_still_holds() {
        for (_, input) in kept("rows", &[]) {
            super::rows(&input);
        }
    }

    #[test]
    fn what_fuzzing_found_of_differences_still_holds() {
        for (_, input) in kept("diff", &[]) {
            super::diff(&input);
        }
    }

    #[test]
    fn what_fuzzing_found_of_syslog_still_holds() {
        for (_, input) in kept("syslog", &[]) {
            super::syslog(&input);
        }
    }

    #[test]
    fn what_fuzzing_found_of_cron_expressions_still_holds() {
        for (_, input) in kept("cron", &[]) {
            super::cron(&input);
        }
    }
}
