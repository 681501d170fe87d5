//! Collection over real SSH and telnet: from simulated devices with every fault, from OpenSSH, GNU inetutils' telnetd,
//! and FRRouting.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod devices;
mod faults;
mod jumps;
mod logins;
mod old_ssh;
mod openssh;
mod pam;
#[path = "../common/pam_server.rs"]
mod pam_server;
#[path = "../common/sshd.rs"]
mod sshd;
mod support;
mod telnet;
mod transfers;
