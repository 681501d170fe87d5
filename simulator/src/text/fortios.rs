//! Fortinet FortiOS 7.4: the configuration as its backup gives it.

use std::fmt::Write as _;

use super::dice::Dice;
use super::edits;
use crate::spec::DeviceSpec;

pub(crate) const VERSION: &str = "v7.4.7";
pub(crate) const BUILD: u64 = 2_731;

/// The serial number.
pub(crate) fn serial(spec: &DeviceSpec) -> String {
    format!("FGT60FTK{}", Dice::new("serial", spec.seed).hex(8))
}

/// The backup of the global scope: a head of comments, then `config` blocks.
pub(crate) fn configuration(spec: &DeviceSpec, revision: u64, moment: u64) -> String {
    let mut dice = Dice::new("fortios", spec.seed);
    let hostname = &spec.hostname;
    let net = dice.below(200);
    let mut text = format!(
        "#config-version=FGT60F-7.4.7-FW-build{BUILD}-250120:opmode=0:vdom=0:user={}\n\
         #conf_file_ver={}\n#buildno={BUILD}\n#global_vdom=1\n\
         config system global\n    set admintimeout 30\n    set alias \"FortiGate-60F\"\n    \
         set hostname \"{hostname}\"\n    set timezone \"Europe/Vienna\"\nend\n\
         config system admin\n    edit \"{}\"\n        set accprofile \"super_admin\"\n        \
         set password ENC {}\n    next\nend\n\
         config system interface\n    edit \"wan1\"\n        set vdom \"root\"\n        \
         set ip 192.0.2.{} 255.255.255.0\n        set type physical\n    next\n    edit \"internal\"\n        \
         set vdom \"root\"\n        set ip 10.{net}.0.1 255.255.255.0\n        set type hard-switch\n    next\nend\n",
        spec.username,
        440_011_223_344_556_u64 + moment,
        spec.username,
        dice.hex(40),
        1 + dice.below(250),
    );
    text.push_str("config router static\n");
    for edit in edits(revision) {
        let _ = write!(
            text,
            "    edit {edit}\n        set dst 172.{}.{}.0 255.255.255.0\n        set gateway 10.{net}.0.254\n    next\n",
            16 + edit / 250 % 16,
            edit % 250
        );
    }
    text.push_str("end\nconfig firewall address\n");
    let mut number = 1;
    while text.len() + 130 < spec.config_size {
        let _ = write!(
            text,
            "    edit \"{}-{number}\"\n        set subnet 10.{}.{}.0 255.255.255.0\n    next\n",
            dice.pick(&["branch", "voice", "guests", "printers", "cameras"]),
            dice.below(256),
            dice.below(256),
        );
        number += 1;
    }
    text.push_str("end\n");
    text
}
