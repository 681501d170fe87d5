//! Check Point Gaia R81: banners and `show` commands.

use std::fmt::Write as _;

use super::dice::Dice;
use super::{clock, edits};
use crate::spec::DeviceSpec;

/// Sent by SSH before the login: Gaia's own default.
pub(crate) const LOGIN_BANNER: &str = "This system is for authorized use only.\n";

/// `show configuration`: comments, then `set` and `add` lines.
pub(crate) fn configuration(spec: &DeviceSpec, revision: u64, moment: u64) -> String {
    let mut dice = Dice::new("gaia", spec.seed);
    let hostname = &spec.hostname;
    let net = dice.below(200);
    let mut text = format!(
        "#\n# Configuration of {hostname}\n# Language version: 14.1v1\n#\n# Exported by {} on {}\n#\n\
         set installer policy check-for-updates-period 3\nset installer policy send-cpuse-data off\n\
         set arp table cache-size 4096\nset arp table validity-timeout 60\n\
         set message banner on\nset message motd off\nset core-dump enable\n\
         set clienv debug 0\nset clienv output pretty\n\
         set dns primary 10.0.0.53\nset dns secondary 10.0.1.53\nset domainname example.net\n\
         set edition 64-bit\nset expert-password-hash $6$rounds=10000${}\nset hostname {hostname}\n\
         set user admin shell /etc/cli.sh\nset user admin password-hash $6$rounds=10000${}\n\
         set ntp active on\nset ntp server primary 10.0.0.123 version 4\n\
         set snmp agent on\nset snmp community {} read-only\nset timezone Europe / Vienna\n\
         set interface eth0 comments \"Management\"\nset interface eth0 state on\n\
         set interface eth0 ipv4-address 10.{net}.0.2 mask-length 24\n",
        spec.username,
        clock(moment).format("%a %b %e %H:%M:%S %Y"),
        dice.hex(32),
        dice.hex(32),
        dice.hex(8).to_lowercase(),
    );
    for edit in edits(revision) {
        let _ = writeln!(
            text,
            "set static-route 172.{}.{}.0/24 nexthop gateway address 10.{net}.0.1 on",
            16 + edit / 250 % 16,
            edit % 250
        );
    }
    let mut vlan = 2;
    while text.len() + 80 < spec.config_size {
        let _ = write!(
            text,
            "add interface eth1 vlan {vlan}\nset interface eth1.{vlan} comments \"{} {vlan}\"\n\
             set interface eth1.{vlan} state on\nset interface eth1.{vlan} ipv4-address 10.{}.{}.1 mask-length 24\n",
            dice.pick(&["DMZ", "Customers", "Voice", "Partners", "Backup"]),
            dice.below(256),
            dice.below(256),
        );
        vlan += 1;
    }
    text.push_str("set static-route default nexthop gateway address 10.0.0.1 on\n");
    text
}

/// The name of a backup that is begun at this moment, as R80.20 and later make it.
pub(crate) fn backup_name(spec: &DeviceSpec, moment: u64) -> String {
    format!("backup_--_{}_{}.tgz", spec.hostname, clock(moment).format("%-d_%b_%Y_%H_%M_%S"))
}

/// `show version all`.
pub(crate) fn version() -> &'static str {
    "Product version Check Point Gaia R81.10\nOS build 335\nOS kernel version 3.10.0-957.21.3cpx86_64\n\
     OS edition 64-bit\n"
}

/// `show asset all`.
pub(crate) fn asset(spec: &DeviceSpec) -> String {
    let serial = Dice::new("asset", spec.seed).hex(10);
    format!(
        "Platform: PL-10-00\nModel: Check Point 6200\nSerial Number: {serial}\nCPU Model: Intel(R) Pentium(R) Gold G5400\n\
         CPU Frequency: 3700.000 Mhz\nNumber of Cores: 4\nTotal memory: 16384 MB\n"
    )
}

/// `show uptime`, another one every time.
pub(crate) fn uptime(moment: u64) -> String {
    format!(" {} up 41 days, 1 user, load average: 0.08, 0.03, 0.05\n", clock(moment).format("%H:%M:%S"))
}
