//! Places where the program can be made to end at once, as by a power cut, so that tests see what is left then.
//!
//! `ETIQA_FAILPOINT` names one. Only builds with debug assertions look at it: a release has no such places.

/// Those of a run, in the order in which it passes them.
pub const RUN: &[&str] = &[
    "run.collected",
    "run.packing",
    "run.packed",
    "run.verified",
    "run.named",
    "run.published",
    "run.finished",
];
/// Those of retention.
pub const RETENTION: &[&str] = &["retention.noted", "retention.removed"];
/// Those of a copy's way to a destination.
pub const SENDING: &[&str] = &["send.delivered"];
/// Those of a key rotation.
pub const ROTATION: &[&str] = &["rotation.made", "rotation.sealed", "rotation.committed", "rotation.kept"];
/// Those of a restore.
pub const RESTORE: &[&str] =
    &["restore.begun", "restore.files", "restore.database", "restore.named", "restore.opened"];
/// Those of a restore into the instance that is asked for it, after those of a restore.
pub const TAKEOVER: &[&str] = &["takeover.noted", "takeover.moved"];
/// Those of a handover to PostgreSQL.
pub const HANDOVER: &[&str] =
    &["handover.begun", "handover.copied", "handover.compared", "handover.committed", "handover.noted"];
/// Those of a message's way to a channel.
pub const NOTIFYING: &[&str] = &["notify.begun", "notify.delivered"];
/// Those of a Git mirror.
pub const MIRROR: &[&str] = &["mirror.written"];

/// Ends the process here, where this place was named.
pub(crate) fn failpoint(name: &'static str) {
    debug_assert!(
        [RUN, RETENTION, SENDING, NOTIFYING, RESTORE, ROTATION, TAKEOVER, HANDOVER, MIRROR]
            .concat()
            .contains(&name),
        "the failpoint {name} is not listed, so no test would come here"
    );
    if cfg!(debug_assertions) && std::env::var_os("ETIQA_FAILPOINT").is_some_and(|named| named == name) {
        use rustix::process::{Signal, getpid, kill_process};
        let _ = kill_process(getpid(), Signal::KILL);
        // The signal may take a moment; nothing more may happen until then.
        std::thread::park();
    }
}
