//! What a collection hands back.

use std::fmt;

use etiqa_model::class::Class;

/// How the collection of a device ended. `parts` is empty unless `class` is [`Class::Ok`]: all or nothing.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// [`Class::Ok`] means that whole texts were taken; whether they changed is for the keeper of versions to say.
    pub class: Class,
    /// One sentence, naming the command or the part.
    pub message: String,
    /// One more sentence for the person, whatever the class; what keeps versions puts it behind its own.
    pub note: Option<String>,
    /// Every part, in the driver's order.
    pub parts: Vec<PartText>,
    /// Parts that the device may leave out and did, by name.
    pub left_out: Vec<String>,
    /// What the device says of itself.
    pub facts: Facts,
    /// The key that the device offered; with [`Class::HostKeyChanged`] the one that waits for a person.
    pub host_key: Option<HostKeySeen>,
    /// The keys that jump hosts offered, in the order of the way.
    pub hop_keys: Vec<HopKeySeen>,
    /// The name of the login that the device took, whatever came of the session after it.
    pub login: Option<String>,
    /// The jump hosts on the way that took one, by name, and its name.
    pub hop_logins: Vec<(String, String)>,
    /// The session with secrets masked, at most some 32 KiB; kept on failure only.
    pub transcript: Option<String>,
    /// Bytes that the device sent.
    pub bytes: u64,
}

/// One part's whole text: UTF-8, lines ended by `\n`, the last one too.
#[derive(Clone, PartialEq, Eq)]
pub struct PartText {
    /// Its name in the driver, such as `running`.
    pub part: String,
    /// What the device sent, without echo, prompts, pagers and control sequences.
    pub text: String,
    /// SHA-256 of what is compared of it (see [`compare_text`](super::compare_text)), lower-case hex.
    pub compare_sha256: String,
}

/// A config holds passwords and keys, so its text is never shown this way.
impl fmt::Debug for PartText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartText({}, {} bytes)", self.part, self.text.len())
    }
}

/// What the device says of itself; what the driver's `[facts]` did not find is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The hardware's model.
    pub model: Option<String>,
    /// The chassis' serial number.
    pub serial: Option<String>,
    /// The version of the operating system.
    pub os_version: Option<String>,
    /// Whether the running configuration differs from the saved one.
    pub unsaved: Option<bool>,
}

/// A jump host's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HopKeySeen {
    /// The jump host's name.
    pub name: String,
    /// What it offered.
    pub key: HostKeySeen,
    /// It is not the remembered one, and waits for a person.
    pub is_changed: bool,
}

/// A host key that a device offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKeySeen {
    /// One line of OpenSSH text without a comment: `ssh-ed25519 AAAA…`.
    pub openssh: String,
    /// `SHA256:…` as `ssh-keygen -l` prints it.
    pub fingerprint: String,
}
