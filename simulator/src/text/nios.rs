//! Infoblox NIOS 8.6: banners and `show` commands.
//!
//! The appliance's configuration is its grid backup, which comes over HTTPS; its command line shows only the
//! node's own settings. Here `show network` stands for the configuration, with as many static routes as the
//! spec's size asks for.

use std::fmt::Write as _;

use super::dice::Dice;
use super::{clock, edits};
use crate::spec::DeviceSpec;

/// Sent by SSH before the login.
pub(crate) const LOGIN_BANNER: &str =
    "Disconnect NOW if you have not been expressly authorized to use this system.\n";

/// Shown before the first prompt.
pub(crate) const GREETING: &str = "\n                        Infoblox NIOS Release 8.6.3-51135-f3e1a2 (64bit)\n    \
     Copyright (c) 1999-2023 Infoblox Inc. All Rights Reserved.\n\n                  \
     type 'help' for more information\n\n\n";

/// `show network`.
pub(crate) fn config(spec: &DeviceSpec, revision: u64) -> String {
    let mut dice = Dice::new("nios", spec.seed);
    let net = dice.below(200);
    let mut text = format!(
        "Current LAN1 Network Settings:\n    IPv4 Address:             10.{net}.0.53\n    \
         Network Mask:             255.255.255.0\n    Gateway Address:          10.{net}.0.1\n    \
         VLAN tag:                 Untagged\n    DSCP Value:               0\n    \
         HA enabled:               false\n    Grid Status:              Master of Infoblox Grid\n    \
         Host Name:                {}.example.net\nStatic routes:\n",
        spec.hostname,
    );
    for edit in edits(revision) {
        let _ = writeln!(text, "    172.{}.{}.0/24 via 10.{net}.0.1", 16 + edit / 250 % 16, edit % 250);
    }
    while text.len() + 20 < spec.config_size {
        let _ = writeln!(
            text,
            "    10.{}.{}.0/24 via 10.{net}.0.{}",
            dice.below(256),
            dice.below(256),
            1 + dice.below(9)
        );
    }
    text
}

/// `show version`.
pub(crate) fn version(spec: &DeviceSpec) -> String {
    let serial = Dice::new("version", spec.seed).hex(16);
    format!("Version    : 8.6.3-51135-f3e1a2\nSN         : {serial}\nHotfix     : N/A\n")
}

/// `show license`.
pub(crate) fn license(spec: &DeviceSpec) -> String {
    let mut dice = Dice::new("license", spec.seed);
    let mut text = format!("Version         : 8.6.3-51135-f3e1a2\nHardware ID     : {}\n\n", dice.hex(32));
    for kind in ["DNS", "DHCP", "Grid", "NIOS (Model IB-V1415)"] {
        let _ = write!(
            text,
            "License Type    : {kind}\nExpiration Date : 12/31/2031\nLicense String  : {}\n\n",
            dice.hex(40)
        );
    }
    text
}

/// `show date`, another one every time.
pub(crate) fn date(moment: u64) -> String {
    format!("{}\n", clock(moment).format("%a %b %e %H:%M:%S UTC %Y"))
}
