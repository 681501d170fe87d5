//! Palo Alto PAN-OS 11.1: the committed configuration as XML.

use std::fmt::Write as _;

use super::dice::Dice;
use super::edits;
use crate::spec::DeviceSpec;

/// The configuration.
pub(crate) fn configuration(spec: &DeviceSpec, revision: u64) -> String {
    let mut dice = Dice::new("panos", spec.seed);
    let net = dice.below(200);
    let mut text = format!(
        "<?xml version=\"1.0\"?>\n<config version=\"11.1.0\" urldb=\"paloaltonetworks\" detail-version=\"11.1.4\">\n  \
         <mgt-config>\n    <users>\n      <entry name=\"{}\">\n        <phash>$5${}</phash>\n        <permissions>\n          \
         <role-based>\n            <superuser>yes</superuser>\n          </role-based>\n        </permissions>\n      \
         </entry>\n    </users>\n  </mgt-config>\n  <devices>\n    <entry name=\"localhost.localdomain\">\n      \
         <deviceconfig>\n        <system>\n          <hostname>{}</hostname>\n          \
         <ip-address>10.{net}.0.50</ip-address>\n          <netmask>255.255.255.0</netmask>\n          \
         <default-gateway>10.{net}.0.1</default-gateway>\n        </system>\n      </deviceconfig>\n      <vsys>\n        \
         <entry name=\"vsys1\">\n          <address>\n",
        spec.username,
        dice.hex(40),
        spec.hostname,
    );
    for edit in edits(revision) {
        entry(
            &mut text,
            &format!("added-{edit}"),
            &format!("172.{}.{}.0/24", 16 + edit / 250 % 16, edit % 250),
        );
    }
    let mut number = 1;
    while text.len() + 240 < spec.config_size {
        let name = format!("{}-{number}", dice.pick(&["branch", "voice", "guests", "printers", "cameras"]));
        let network = format!("10.{}.{}.0/24", dice.below(256), dice.below(256));
        entry(&mut text, &name, &network);
        number += 1;
    }
    text.push_str(
        "          </address>\n        </entry>\n      </vsys>\n    </entry>\n  </devices>\n</config>\n",
    );
    text
}

fn entry(text: &mut String, name: &str, network: &str) {
    let _ = write!(
        text,
        "            <entry name=\"{name}\">\n              <ip-netmask>{network}</ip-netmask>\n            </entry>\n"
    );
}

/// What `show system info` results in.
pub(crate) fn system_info(spec: &DeviceSpec) -> String {
    format!(
        "<system><hostname>{}</hostname><model>PA-440</model><serial>{}</serial><sw-version>11.1.4-h7</sw-version>\
         <multi-vsys>off</multi-vsys></system>",
        spec.hostname,
        Dice::new("serial", spec.seed).hex(12),
    )
}
