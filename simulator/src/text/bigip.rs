//! F5 BIG-IP 16.1: TMOS texts, whose braces balance.

use std::fmt::Write as _;

use super::dice::Dice;
use super::edits;
use crate::spec::DeviceSpec;

pub(crate) const VERSION: &str = "16.1.3.1";
pub(crate) const BUILD: &str = "0.0.11";

/// `show running-config recursive`, and `list`.
pub(crate) fn running_config(spec: &DeviceSpec, revision: u64) -> String {
    let mut dice = Dice::new("bigip", spec.seed);
    let hostname = &spec.hostname;
    let net = dice.below(200);
    let mut text = format!(
        "auth user {} {{\n    description \"Admin User\"\n    encrypted-password $6${}\n    \
         partition-access {{\n        all-partitions {{\n            role admin\n        }}\n    }}\n    shell bash\n}}\n",
        spec.username,
        dice.hex(43),
    );
    // Every edit retunes the one monitor that people argue about, and every second one adds a node.
    let _ = write!(
        text,
        "ltm monitor http Common/http_health {{\n    adaptive disabled\n    defaults-from Common/http\n    \
         description \"CHG{revision:05}\"\n    interval 5\n    send \"GET /health HTTP/1.1\\r\\nHost: health {{ok}}\\r\\n\\r\\n\"\n    \
         timeout 16\n}}\n"
    );
    for edit in edits(revision).filter(|edit| edit % 2 == 1) {
        let _ = writeln!(
            text,
            "ltm node Common/added_{edit} {{ address 172.{}.{}.9 }}",
            16 + edit / 250 % 16,
            edit % 250
        );
    }
    let mut number = 1;
    while text.len() + 700 < spec.config_size {
        virtual_server(&mut text, number, &mut dice);
        number += 1;
    }
    let _ = write!(
        text,
        "net self Common/self_external {{\n    address 10.{net}.1.2/24\n    allow-service none\n    \
         traffic-group Common/traffic-group-local-only\n    vlan Common/external\n}}\n\
         sys global-settings {{\n    gui-setup disabled\n    hostname {hostname}.example.net\n}}\n\
         sys ntp {{\n    servers {{ 10.0.0.123 }}\n    timezone Europe/Vienna\n}}\n\
         sys snmp {{\n    allowed-addresses {{ 127.0.0.0/8 10.0.0.0/8 }}\n    sys-contact noc@example.net\n}}\n"
    );
    text
}

fn virtual_server(text: &mut String, number: u32, dice: &mut Dice) {
    let (second, third, last) = (dice.below(256), dice.below(256), 1 + dice.below(250));
    let service = dice.pick(&["shop", "mail", "intranet", "api", "login", "wiki"]);
    let _ = write!(
        text,
        "ltm pool Common/pool_{service}_{number} {{\n    members {{\n        Common/10.{second}.{third}.{last}:443 {{\n            \
         address 10.{second}.{third}.{last}\n            session monitor-enabled\n            state up\n        }}\n    }}\n    \
         monitor Common/http_health\n}}\nltm virtual Common/vs_{service}_{number} {{\n    \
         destination Common/192.0.2.{}:443\n    ip-protocol tcp\n    mask 255.255.255.255\n    \
         pool Common/pool_{service}_{number}\n    profiles {{\n        Common/http {{ }}\n        Common/tcp {{ }}\n    }}\n    \
         source 0.0.0.0/0\n    vs-index {number}\n}}\n",
        number % 250,
    );
}

/// `show sys version`.
pub(crate) fn version() -> &'static str {
    "\nSys::Version\nMain Package\n  Product     BIG-IP\n  Version     16.1.3.1\n  Build       0.0.11\n  \
     Edition     Point Release 1\n  Date        Tue Jul 12 21:10:56 PDT 2022\n\n"
}
