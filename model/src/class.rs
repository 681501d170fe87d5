//! How the collection of a device ended: one class, with one sentence that says what to do.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::field::by_name;

macro_rules! classes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $label:literal, $advice:literal;)+) => {
        /// How the collection of a device ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Class { $($(#[$doc])* $variant,)+ }

        impl Class {
            /// Every class, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name in the database, in JSON and on the command line.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// A word or two for a person.
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)+ }
            }

            /// What a person should do about it; empty where there is nothing to do.
            pub fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice,)+ }
            }
        }
    };
}

classes! {
    /// A whole text was taken and became a new version.
    Ok = "ok", "Changed", "";
    /// A whole text was taken and equals the active version.
    Unchanged = "unchanged", "Unchanged", "";
    /// The address refused or cannot be routed to.
    Unreachable = "unreachable", "Unreachable", "Check the address, the port, and that nothing between blocks them.";
    /// Nothing answered within the time for connecting.
    ConnectTimeout = "connect_timeout", "No answer", "Check that the device is up and that a firewall lets this server in.";
    /// The device refused every credential.
    AuthFailed = "auth_failed", "Login refused", "Check the user name and the password of the credential; was it changed on the device?";
    /// The host key is not the one that was remembered.
    HostKeyChanged = "host_key_changed", "Host key changed", "If the device was replaced or reset, accept its new key; if not, find out who answers at this address.";
    /// No common key exchange, cipher or host key algorithm.
    AlgorithmMismatch = "algorithm_mismatch", "Old algorithms", "The device offers only algorithms that are off by default; allow legacy algorithms for it, or update it.";
    /// The prompt that the driver expects did not come.
    PromptNotFound = "prompt_not_found", "No prompt", "Check that the platform is right; the session shows what the device sent instead.";
    /// The device answered a command with an error.
    CommandRejected = "command_rejected", "Command rejected", "Check that the user may run the command and that the platform is right.";
    /// The text ended before its end.
    Incomplete = "incomplete", "Incomplete", "The text was cut short and not stored; the last good version stays active. Run it again, then look at the session.";
    /// The device stopped answering, or took longer than its deadline.
    Timeout = "timeout", "Timed out", "The device stopped answering; run it again, or give it a longer deadline.";
    /// The connection was lost in mid-session.
    Disconnected = "disconnected", "Connection lost", "The connection broke off; run it again, then check the path to the device.";
    /// More output than the limit.
    TooLarge = "too_large", "Too large", "The output passed the size limit; raise the limit if the configuration really is that large.";
    /// An HTTPS answer with an error status.
    HttpStatus = "http_status", "HTTP error", "The device's API answered with an error; the message says which.";
    /// The TLS certificate could not be verified, or no common version.
    TlsError = "tls_error", "TLS failed", "Check the device's certificate, or pin it on the device's page.";
    /// No driver, or a driver that cannot do this.
    Unsupported = "unsupported", "No driver", "Set the platform of the device; `etiqa drivers list` shows the known ones.";
    /// The text shrank so much that a person should look first.
    Suspect = "suspect", "Suspect", "The text shrank by more than half; compare it, then accept or reject it.";
    /// A person or a shutdown stopped it.
    Cancelled = "cancelled", "Cancelled", "It was stopped before it finished; run it again.";
}

impl Class {
    /// Whether the device counts as backed up by this result.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Ok | Self::Unchanged)
    }

    /// Whether trying again soon, with nothing changed, makes sense.
    pub fn is_temporary(self) -> bool {
        matches!(
            self,
            Self::Unreachable | Self::ConnectTimeout | Self::Incomplete | Self::Timeout | Self::Disconnected
        )
    }

    /// Whether the device spoke to us at all.
    pub fn is_answer(self) -> bool {
        !matches!(
            self,
            Self::Unreachable | Self::ConnectTimeout | Self::Unsupported | Self::Cancelled | Self::TlsError
        )
    }

    /// The class of this name.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("result class", name, Self::ALL, Self::as_str)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
