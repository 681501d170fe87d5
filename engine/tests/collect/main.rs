//! Collection over real SSH: from simulated devices with every fault, from OpenSSH, and from FRRouting.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod devices;
mod faults;
mod logins;
mod openssh;
mod sshd;
mod support;
