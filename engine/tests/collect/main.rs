//! Collection over real SSH: from simulated devices with every fault, from OpenSSH, and from FRRouting.

mod devices;
mod faults;
mod openssh;
mod sshd;
mod support;
