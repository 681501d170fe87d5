//! What can be wrong with a simulated device.

mod https;

use std::time::Duration;

pub use https::{BackupFault, CallFault, HttpFault, HttpsFaults};

/// What is wrong with a device; nothing by default.
///
/// Bytes are counted on the wire. On a platform's device they are those of the command that shows the configuration:
/// the echo of the command does not count, carriage returns and the pager do. On a recorded device they are all that
/// its shell (or the single command) says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a fault is there or not, and any of them may come together"
)]
pub struct Faults {
    /// Refuses every login, whatever is offered; a recorded device that asks for one in its shell does so there.
    pub wrong_password: bool,
    /// A recorded device refuses the password for more rights.
    pub wrong_enable: bool,
    /// Says nothing more after so many bytes of configuration; the connection stays open.
    pub hang_after: Option<usize>,
    /// Disconnects after exactly so many bytes of configuration.
    pub drop_after: Option<usize>,
    /// Answers every command that shows something with the platform's error text.
    pub reject_commands: bool,
    /// Waits so long before each answer, on top of the device's own latency.
    pub slow: Option<Duration>,
    /// Sends output in pieces of at most so many bytes, so that readers meet texts split anywhere.
    pub chunk_bytes: Option<usize>,
    /// Pauses for a moment after so many bytes of a shell or a single command: long enough to be taken for the end.
    pub pause_after: Option<usize>,
    /// What befalls the connection itself, after so many bytes of its stream; over SSH these are encrypted, and
    /// count from the login on.
    pub wire: Option<(usize, WireFault)>,
    /// Sends the connection's stream byte by byte with tiny pauses, from the login on.
    pub drip: bool,
    /// How a recorded device ends its lines.
    pub line_end: LineEnd,
    /// Whether a recorded device's shell colours its prompts and moves the cursor at the start of its lines.
    pub colours: bool,
    /// A recorded device refuses the commands that stop it from paging.
    pub always_pages: bool,
    /// What a recorded device says to a command instead of what it should.
    pub trick: Option<(String, Trick)>,
    /// What is wrong with its web server and with the backups that it makes.
    pub https: HttpsFaults,
}

/// What befalls a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireFault {
    /// The device closes it.
    Cut,
    /// The device resets it.
    Reset,
    /// Nothing more arrives; it stays open.
    Hang,
    /// One bit of the next byte is another one.
    Garble,
}

/// How lines end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LineEnd {
    /// CR LF in a shell, LF in a single command's output.
    #[default]
    Usual,
    /// LF.
    Lf,
    /// CR CR LF.
    CrCrLf,
    /// LF CR.
    LfCr,
    /// CR NUL LF.
    CrNulLf,
}

/// What a recorded device does instead of answering a command as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trick {
    /// It says that it does not know the command, or that the user may not run it.
    Refuse,
    /// The prompt behind the answer is another host's.
    WrongPrompt,
    /// The answer never ends.
    Endless,
    /// The answer is paged, and there is always a next page.
    EndlessPages,
}

impl Faults {
    /// A device that refuses every login.
    pub fn wrong_password() -> Self {
        Self { wrong_password: true, ..Self::default() }
    }

    /// A device that says nothing more after `bytes` of configuration.
    pub fn hang_after(bytes: usize) -> Self {
        Self { hang_after: Some(bytes), ..Self::default() }
    }

    /// A device that disconnects after exactly `bytes` of configuration.
    pub fn drop_after(bytes: usize) -> Self {
        Self { drop_after: Some(bytes), ..Self::default() }
    }

    /// A device that answers what it is asked to show with an error text.
    pub fn reject_commands() -> Self {
        Self { reject_commands: true, ..Self::default() }
    }

    /// A device that waits `delay` before each answer.
    pub fn slow(delay: Duration) -> Self {
        Self { slow: Some(delay), ..Self::default() }
    }

    /// A device whose connection is befallen by `fault` after `bytes`.
    pub fn wire(bytes: usize, fault: WireFault) -> Self {
        Self { wire: Some((bytes, fault)), ..Self::default() }
    }

    /// A recorded device that plays `trick` when it is asked for `command`.
    pub fn trick(command: impl Into<String>, trick: Trick) -> Self {
        Self { trick: Some((command.into(), trick)), ..Self::default() }
    }

    /// A device with these faults of its web server and its backups.
    pub fn https(https: HttpsFaults) -> Self {
        Self { https, ..Self::default() }
    }
}
