//! A Debian server's files.

use std::fmt::Write as _;

use super::dice::Dice;
use super::edits;
use crate::spec::DeviceSpec;

/// The file that stands for the configuration: the one that edits change.
pub(crate) const CONFIG_PATH: &str = "/etc/network/interfaces";

pub(crate) const KERNEL: &str = "6.1.0-23-amd64";

/// The file at `path`, if the server has one; [`CONFIG_PATH`] is [`interfaces`].
pub(crate) fn file(spec: &DeviceSpec, path: &str) -> Option<String> {
    let hostname = &spec.hostname;
    Some(match path {
        "/etc/hostname" => format!("{hostname}\n"),
        "/etc/os-release" => "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n\
             VERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\n\
             HOME_URL=\"https://www.debian.org/\"\n"
            .to_owned(),
        "/etc/hosts" => format!("127.0.0.1\tlocalhost\n127.0.1.1\t{hostname}.example.net\t{hostname}\n"),
        "/etc/resolv.conf" => "search example.net\nnameserver 10.0.0.53\nnameserver 10.0.1.53\n".to_owned(),
        "/etc/ssh/sshd_config" => "Include /etc/ssh/sshd_config.d/*.conf\n\nPermitRootLogin no\n\
             KbdInteractiveAuthentication yes\nUsePAM yes\nX11Forwarding no\nPrintMotd no\n\
             AcceptEnv LANG LC_*\nSubsystem\tsftp\t/usr/lib/openssh/sftp-server\n"
            .to_owned(),
        "/etc/fstab" => "# <file system> <mount point>   <type>  <options>       <dump>  <pass>\n\
             /dev/vda1 /               ext4    errors=remount-ro 0       1\n"
            .to_owned(),
        "/proc/version" => format!("Linux version {KERNEL} (debian-kernel@lists.debian.org)\n"),
        _ => return None,
    })
}

/// `/etc/network/interfaces`.
pub(crate) fn interfaces(spec: &DeviceSpec, revision: u64) -> String {
    let mut dice = Dice::new("linux", spec.seed);
    let net = dice.below(200);
    let mut text = format!(
        "# This file describes the network interfaces of {}. See interfaces(5).\n\nsource /etc/network/interfaces.d/*\n\n\
         auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet static\n    address 10.{net}.0.10/24\n    \
         gateway 10.{net}.0.1\n",
        spec.hostname
    );
    for edit in edits(revision) {
        let _ = writeln!(
            text,
            "    up ip route add 172.{}.{}.0/24 via 10.{net}.0.1",
            16 + edit / 250 % 16,
            edit % 250
        );
    }
    let mut vlan = 100;
    while text.len() + 40 < spec.config_size {
        let _ = write!(
            text,
            "\nauto eth0.{vlan}\niface eth0.{vlan} inet static\n    address 10.{net}.{}.{}/24\n    mtu {}\n",
            dice.below(256),
            1 + dice.below(254),
            [1_500, 9_000][dice.below(2) as usize],
        );
        vlan += 1;
    }
    text
}

/// What a login shell shows first.
pub(crate) fn motd(spec: &DeviceSpec) -> String {
    format!(
        "Linux {} {KERNEL} #1 SMP PREEMPT_DYNAMIC Debian 6.1.99-1 (2024-07-15) x86_64\n\n\
         Last login: Mon Mar  2 08:00:00 2026 from 10.0.0.9\n",
        spec.hostname
    )
}

/// `uptime`, another one every time.
pub(crate) fn uptime(spec: &DeviceSpec, moment: u64) -> String {
    let days = 1 + Dice::new("uptime", spec.seed).below(400);
    let (hours, minutes) = (moment / 60 % 24, moment % 60);
    format!(
        " 08:{minutes:02}:00 up {days} days, {hours:2}:{minutes:02},  1 user,  load average: 0.00, 0.01, 0.05\n"
    )
}
