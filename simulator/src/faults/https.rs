//! What can be wrong with a device's web server and with the backups that it makes.

use std::time::Duration;

use super::WireFault;

/// What is wrong with a device's web server, or with the backups that it makes by whichever way; nothing by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpsFaults {
    /// What befalls calls. Of several that fit a call, the first one counts.
    pub calls: Vec<CallFault>,
    /// What is wrong with every backup that it is asked to make.
    pub backup: Option<BackupFault>,
    /// Infoblox: the host (with its port, where it has one) that a download's address names instead of the device.
    pub download_host: Option<String>,
    /// Refuses to delete backups.
    pub keeps_backups: bool,
}

/// One thing that befalls some calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFault {
    /// The calls that it befalls: those whose method and path, as
    /// [`SimulatedDevice::calls`](crate::SimulatedDevice::calls) lists them, hold this text.
    pub call: String,
    /// Which of them, counted from 1 since the faults were set; none: each of them.
    pub nth: Option<usize>,
    /// What happens.
    pub what: HttpFault,
}

/// What befalls a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpFault {
    /// This befalls the answer after exactly so many bytes of its body. A cut is a clean one: TLS is closed in order. A
    /// garbled byte is one of TLS, behind the place.
    Wire(u64, WireFault),
    /// The answer's body comes in small pieces with pauses.
    Drip,
    /// The answer's `Content-Length` says so many bytes more than come before the connection is closed in order; where
    /// it is negative, fewer, and the rest is left out.
    ContentLength(i64),
    /// The answer is this status, and what was asked for is not done.
    Status(u16),
    /// The web server restarts: the call gets no answer, all connections are closed, and for so long new ones are
    /// refused. Behind that, every login is forgotten: tokens and cookies.
    Restart(Duration),
    /// The answer's body never ends.
    Endless,
}

/// What is wrong with a backup that a device is asked to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupFault {
    /// It fails, and the device says so.
    Fails,
    /// The device is never done with it.
    NeverEnds,
    /// F5: the task is gone after a while, and the file is there.
    VanishesWithFile,
    /// F5: the task is gone after a while, and there is no file.
    VanishesWithoutFile,
    /// The file is no archive.
    NotGzip,
    /// The file is the first half of an archive, and the device takes it for whole.
    Truncated,
}

impl HttpsFaults {
    /// A device on which `what` befalls every call that holds `call`.
    pub fn on(call: impl Into<String>, what: HttpFault) -> Self {
        Self::default().and_on(call, None, what)
    }

    /// A device on which `what` befalls the `nth` call (from 1) that holds `call`.
    pub fn on_nth(nth: usize, call: impl Into<String>, what: HttpFault) -> Self {
        Self::default().and_on(call, Some(nth), what)
    }

    /// With one more fault of calls.
    #[must_use]
    pub fn and_on(mut self, call: impl Into<String>, nth: Option<usize>, what: HttpFault) -> Self {
        self.calls.push(CallFault { call: call.into(), nth, what });
        self
    }

    /// A device that makes no good backup.
    pub fn backup(fault: BackupFault) -> Self {
        Self { backup: Some(fault), ..Self::default() }
    }
}
