//! Cisco IOS 15: banners, `show version`, `show running-config`.

use std::fmt::Write as _;

use super::dice::Dice;
use super::{clock, edits};
use crate::spec::DeviceSpec;

/// Sent by SSH before the login.
pub(crate) const LOGIN_BANNER: &str = "\r\nAuthorized access only. All sessions are recorded.\r\n\r\n";

/// Shown before the first prompt. Its lines end in `#`, as people like to frame them: what looks for a prompt
/// must not take them for one.
pub(crate) const MOTD: &str = "
##################################################
#  Network operations: call +43 1 5550 100 first #
##################################################

";

const WHAT_FOR: &[&str] =
    &["Printer", "Access point", "Camera", "User port", "Phone", "Uplink", "Badge reader", "Meeting room"];
const WHERE: &[&str] =
    &["lobby", "floor 1", "floor 2", "floor 3", "warehouse", "server room >>> rack 4", "dock #2"];

/// The running configuration, from `Building configuration...` to `end`.
pub(crate) fn running_config(spec: &DeviceSpec, body: &str, moment: u64) -> String {
    let now = clock(moment).format("%H:%M:%S UTC %a %b %-d %Y");
    let saved = clock(moment / 2).format("%H:%M:%S UTC %a %b %-d %Y");
    let user = &spec.username;
    let text = format!(
        "!\n! Last configuration change at {now} by {user}\n! NVRAM config last updated at {saved} by {user}\n!\n\
         {body}ntp clock-period {}\nntp server 10.0.0.123\n!\nend\n",
        17_179_800 + moment % 97,
    );
    // The real one counts its own text, the carriage returns left aside.
    format!("Building configuration...\n\nCurrent configuration : {} bytes\n{text}", text.len())
}

/// The saved configuration, around the body of the revision before the newest edit.
pub(crate) fn startup_config(body: &str) -> String {
    format!("Using {} out of 2097152 bytes\n!\n{body}ntp server 10.0.0.123\n!\nend\n", body.len() + 32)
}

/// `show version`, whose uptime is another one every time.
pub(crate) fn version(spec: &DeviceSpec, moment: u64) -> String {
    let mut dice = Dice::new("version", spec.seed);
    let hostname = &spec.hostname;
    let (weeks, hours) = (1 + dice.below(60), dice.below(24));
    let serial = format!("FOC{}{}", 1_800 + dice.below(700), dice.hex(4));
    format!(
        "Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E7, RELEASE SOFTWARE (fc2)\n\
         Technical Support: http://www.cisco.com/techsupport\n\
         Copyright (c) 1986-2022 by Cisco Systems, Inc.\n\
         \n\
         ROM: Bootstrap program is C2960X boot loader\n\
         \n\
         {hostname} uptime is {weeks} weeks, {} days, {hours} hours, {} minutes\n\
         System returned to ROM by power-on\n\
         System image file is \"flash:/c2960x-universalk9-mz.152-7.E7.bin\"\n\
         \n\
         cisco WS-C2960X-48FPD-L (APM86XXX) processor (revision B0) with 524288K bytes of memory.\n\
         Processor board ID {serial}\n\
         Last reset from power-on\n\
         2 Virtual Ethernet interfaces\n\
         52 Gigabit Ethernet interfaces\n\
         The password-recovery mechanism is enabled.\n\
         \n\
         Configuration register is 0xF\n\n",
        moment / 60 % 7,
        moment % 60,
    )
}

/// The part of the text that only a person changes.
pub(crate) fn body(spec: &DeviceSpec, revision: u64) -> String {
    let mut dice = Dice::new("ios", spec.seed);
    let mut text = String::with_capacity(spec.config_size + 1_024);
    text.push_str(&head(spec, &mut dice));
    let tail = tail(spec, revision, &mut dice);
    // About half of what is left goes to interfaces, the rest to access lists.
    let room = spec.config_size.saturating_sub(tail.len() + 200);
    let interfaces_end = text.len() + room.saturating_sub(text.len()) / 2;
    let mut number = 0;
    while number < 4 || text.len() < interfaces_end {
        interface(&mut text, number, revision, &mut dice);
        number += 1;
    }
    access_lists(&mut text, room, revision, &mut dice);
    text + &tail
}

fn head(spec: &DeviceSpec, dice: &mut Dice) -> String {
    let hostname = &spec.hostname;
    let mut text = format!(
        "version 15.2\nno service pad\nservice timestamps debug datetime msec\nservice timestamps log datetime msec\n\
         service password-encryption\n!\nhostname {hostname}\n!\nboot-start-marker\nboot-end-marker\n!\n\
         enable secret 9 $9${}\n!\nusername {} privilege 1 secret 9 $9${}\naaa new-model\n!\n\
         ip domain-name example.net\nno ip domain-lookup\n!\nspanning-tree mode rapid-pvst\n\
         spanning-tree extend system-id\n!\n",
        dice.hex(43),
        spec.username,
        dice.hex(43),
    );
    for vlan in 0..6 {
        let name = ["users", "voice", "printers", "cameras", "guests", "management"][vlan];
        let _ = write!(text, "vlan {}\n name {name}\n!\n", (vlan + 1) * 10);
    }
    text
}

fn interface(text: &mut String, number: u32, revision: u64, dice: &mut Dice) {
    let (what, place, vlan) = (dice.pick(WHAT_FOR), dice.pick(WHERE), (1 + dice.below(6)) * 10);
    // Every third edit relabels the second port.
    let ticket = match revision / 3 {
        count if number == 1 && count > 0 => format!(", moved by CHG{:05}", count * 3),
        _ => String::new(),
    };
    let _ = write!(
        text,
        "interface GigabitEthernet{}/0/{}\n description {what}, {place}{ticket}\n \
         switchport access vlan {vlan}\n switchport mode access\n spanning-tree portfast\n!\n",
        1 + number / 48,
        1 + number % 48,
    );
}

fn access_lists(text: &mut String, room: usize, revision: u64, dice: &mut Dice) {
    text.push_str("ip access-list extended MGMT-IN\n");
    for edit in edits(revision).filter(|edit| edit % 3 == 2) {
        let _ = writeln!(text, " permit tcp host 10.99.{}.{} any eq 22", edit / 250 % 250, 1 + edit % 250);
    }
    text.push_str(" permit udp 10.0.0.0 0.0.0.255 any eq snmp\n deny   ip any any log\n!\n");
    text.push_str("ip access-list extended USERS-OUT\n");
    while text.len() < room {
        let (second, third, port) = (dice.below(256), dice.below(256), 1 + dice.below(9_000));
        let verb = dice.pick(&["permit", "deny  "]);
        let protocol = dice.pick(&["tcp", "udp"]);
        let _ = writeln!(text, " {verb} {protocol} 10.{second}.{third}.0 0.0.0.255 any eq {port}");
    }
    text.push_str(" permit ip any any\n!\n");
}

fn tail(spec: &DeviceSpec, revision: u64, dice: &mut Dice) -> String {
    let net = dice.below(200);
    let mut text = format!(
        "interface Vlan60\n ip address 10.{net}.60.2 255.255.255.0\n!\nrouter bgp 650{:02}\n \
         bgp log-neighbor-changes\n neighbor 10.{net}.60.1 remote-as 65000\n \
         neighbor 10.{net}.60.1 description core-rtr-1\n!\nip forward-protocol nd\nno ip http server\n\
         ip route 0.0.0.0 0.0.0.0 10.{net}.60.1\n",
        dice.below(100),
    );
    for edit in edits(revision).filter(|edit| edit % 3 == 1) {
        let _ = writeln!(
            text,
            "ip route 172.{}.{}.0 255.255.255.0 10.{net}.60.1",
            16 + edit / 250 % 16,
            edit % 250
        );
    }
    let _ = write!(
        text,
        "!\nlogging host 10.0.0.50\nsnmp-server community {} RO\nsnmp-server location {}, rack {}\n\
         snmp-server contact noc@example.net\n!\nline con 0\n logging synchronous\nline vty 0 4\n \
         access-class MGMT-IN in\n transport input ssh\nline vty 5 15\n transport input none\n!\n",
        dice.hex(10).to_lowercase(),
        spec.hostname,
        1 + dice.below(30),
    );
    text
}
