//! The drivers that the program brings along.

macro_rules! built_in {
    ($($name:literal)*) => { &[$(($name, include_str!(concat!("../../../../drivers/", $name, ".toml")))),*] };
}

/// Name and text; the order decides nothing, each device type has one default among them.
#[rustfmt::skip]
pub(super) const BUILT_IN: &[(&str, &str)] = built_in! {
    "acos" "aireos" "aos" "aoscx" "apc" "arubainstant" "arubaos" "asa" "awplus" "bigip" "ciscosb" "comware"
    "cumulus" "dell-n" "dlink" "edgeos" "edgeswitch" "eos" "f5os" "fastiron" "fireware" "fortios" "frr" "ftd"
    "gaia" "gaia-embedded" "ios" "iosxr" "junos" "linux" "mlnxos" "netgear" "netscaler" "nios" "nxos" "openbsd"
    "openwrt" "opnsense" "os10" "os9" "panos" "pfsense" "procurve" "routeros" "routeros-telnet" "saos"
    "slxos" "sonic" "sonicos" "sros" "sros-md" "tplink" "voss" "vrp" "vyos" "xos" "zyxel"
};
