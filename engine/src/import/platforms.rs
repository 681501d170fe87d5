//! What other programs call the platforms that have a driver here, and what kind of device such a one usually is.
//!
//! The names are those of Oxidized's models (its docs/Supported-OS-Types.md), of RANCID's types (router.db(5), rancid 3.13), of
//! NAPALM's drivers and of the slugs of NetBox's device type library. Where a name means another thing to another program,
//! nobody could tell which: such a name is not here.

use etiqa_model::device::DeviceType;

/// Names in lower case, letters and digits only: a platform, its kind, what others call it.
const NAMES: &[(&str, DeviceType, &[&str])] = &[
    ("acos", DeviceType::Other, &["acos", "a10", "a10acos"]),
    (
        "aireos",
        DeviceType::Other,
        &["aireos", "ciscowlc4", "ciscowlc5", "ciscowlc8", "ciscoaireos", "ciscowlc"],
    ),
    ("aos", DeviceType::Switch, &["aos", "aos7", "alcatelaos", "alcatelomniswitch", "omniswitch"]),
    ("aoscx", DeviceType::Switch, &["aoscx", "arubaoscx", "arubacx", "hpeanwarubaoscx"]),
    ("apc", DeviceType::Other, &["apc", "apcaos"]),
    ("arubainstant", DeviceType::Other, &["arubainstant"]),
    ("arubaos", DeviceType::Other, &["arubaos", "aosw"]),
    ("asa", DeviceType::Other, &["asa", "ciscoasa", "asasw"]),
    ("awplus", DeviceType::Switch, &["awplus", "alliedwareplus"]),
    ("bigip", DeviceType::F5BigIp, &["bigip", "f5", "tmos", "f5tmos", "f5bigip", "f5ltm"]),
    ("ciscosb", DeviceType::Switch, &["ciscosb", "ciscosmb", "ciscos300", "ciscocbs"]),
    ("comware", DeviceType::Switch, &["comware", "hpcomware", "hpecomware", "h3c", "h3ccomware"]),
    ("cumulus", DeviceType::Switch, &["cumulus", "cumuluslinux"]),
    ("dell-n", DeviceType::Switch, &["powerconnect", "delln", "dellos6", "dnos6", "os6"]),
    ("dlink", DeviceType::Switch, &["dlink"]),
    ("edgeos", DeviceType::Router, &["edgeos", "edgerouter", "ubiquitiedgeos"]),
    ("edgeswitch", DeviceType::Switch, &["edgeswitch", "ubiquitiedgeswitch"]),
    ("eos", DeviceType::Switch, &["eos", "arista", "aristaeos"]),
    ("f5os", DeviceType::Other, &["f5os"]),
    (
        "fastiron",
        DeviceType::Switch,
        &["fastiron", "ironware", "foundry", "brocadefastiron", "ruckusfastiron", "icx"],
    ),
    ("fireware", DeviceType::Other, &["fireware", "firewareos", "watchguard"]),
    ("fortios", DeviceType::Other, &["fortios", "fortigate", "fortigatefull", "fortinet", "fortinetfortios"]),
    ("frr", DeviceType::Router, &["frr", "frrouting"]),
    ("ftd", DeviceType::Other, &["ftd", "ciscoftd", "firepower"]),
    ("gaia", DeviceType::CheckPoint, &["gaia", "gaiaos", "checkpoint", "checkpointgaia"]),
    ("gaia-embedded", DeviceType::CheckPoint, &["gaiaembedded"]),
    ("ios", DeviceType::Router, &["ios", "iosxe", "cisco", "ciscoios", "ciscoiosxe", "ciscoxe"]),
    ("iosxr", DeviceType::Router, &["iosxr", "iosxr7", "xr", "ciscoxr", "ciscoiosxr"]),
    ("junos", DeviceType::Router, &["junos", "juniper", "junipersrx", "juniperjunos"]),
    ("linux", DeviceType::Other, &["linux", "linuxgeneric"]),
    ("mlnxos", DeviceType::Switch, &["mlnxos", "onyx", "mellanox"]),
    ("netgear", DeviceType::Switch, &["netgear"]),
    ("netscaler", DeviceType::Other, &["netscaler", "netscalar", "citrixadc", "citrixnetscaler"]),
    ("nios", DeviceType::Infoblox, &["nios", "infoblox", "infobloxnios"]),
    ("nxos", DeviceType::Switch, &["nxos", "nxosssh", "cisconx", "cisconxos"]),
    ("openbsd", DeviceType::Other, &["openbsd"]),
    ("openwrt", DeviceType::Router, &["openwrt"]),
    ("opnsense", DeviceType::Other, &["opnsense"]),
    ("os10", DeviceType::Switch, &["os10", "dellos10", "dnos10"]),
    ("os9", DeviceType::Switch, &["os9", "dellos9", "dnos9", "dnos", "force10", "ftos"]),
    ("panos", DeviceType::Other, &["panos", "paloalto", "paloaltopanos"]),
    ("pfsense", DeviceType::Other, &["pfsense"]),
    (
        "procurve",
        DeviceType::Switch,
        &["procurve", "hp", "hpprocurve", "arubaosswitch", "aosswitch", "arubaoss"],
    ),
    ("routeros", DeviceType::Router, &["routeros", "mikrotik", "mikrotikrouteros", "ros"]),
    ("saos", DeviceType::Switch, &["saos", "cienasaos"]),
    ("slxos", DeviceType::Switch, &["slxos", "extremeslx"]),
    ("sonic", DeviceType::Switch, &["sonic", "enterprisesonic"]),
    ("sonicos", DeviceType::Other, &["sonicos", "sonicwall"]),
    ("sros", DeviceType::Router, &["sros", "timos", "nokiasros", "alcatelsros"]),
    ("sros-md", DeviceType::Router, &["srosmd", "nokiasrosmd"]),
    ("tplink", DeviceType::Switch, &["tplink"]),
    ("voss", DeviceType::Switch, &["voss", "extremevoss"]),
    ("vrp", DeviceType::Router, &["vrp", "huaweivrp", "huawei"]),
    ("vyos", DeviceType::Router, &["vyos", "vyatta"]),
    ("xos", DeviceType::Switch, &["xos", "exos", "extreme", "extremexos", "extremeexos"]),
    ("zyxel", DeviceType::Switch, &["zyxel", "zynos"]),
];

/// The platform that others call so, and what kind of device it usually is; none: there is no driver of that name.
pub fn platform_named(name: &str) -> Option<(&'static str, DeviceType)> {
    let name = folded(name);
    let found = NAMES
        .iter()
        .find(|(platform, _, others)| folded(platform) == name || others.iter().any(|other| *other == name));
    found.map(|(platform, kind, _)| (*platform, *kind))
}

/// What kind of device a platform of ours usually is.
pub fn kind_of_platform(platform: &str) -> DeviceType {
    let found = NAMES.iter().find(|(known, ..)| *known == platform);
    found.map_or(DeviceType::Other, |(_, kind, _)| *kind)
}

fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::collect::DriverSet;

    #[test]
    fn every_platform_has_a_driver_and_no_name_means_two() {
        let drivers = DriverSet::built_in();
        let mut seen = BTreeSet::new();
        for (platform, _, others) in NAMES {
            assert!(drivers.get(platform).is_some(), "there is a driver named {platform}");
            for other in *others {
                assert!(seen.insert(*other), "{other} means one platform only");
            }
        }
    }

    #[test]
    fn a_platform_is_known_by_the_names_of_other_programs() {
        for (name, platform) in [
            ("IOS-XE", "ios"),
            ("cisco-nx", "nxos"),
            ("juniper-junos", "junos"),
            ("gaiaos", "gaia"),
            ("dell-n", "dell-n"),
            ("tmos", "bigip"),
        ] {
            assert_eq!(platform_named(name).map(|found| found.0), Some(platform), "{name}");
        }
        assert_eq!(platform_named("toaster"), None);
        assert_eq!(kind_of_platform("bigip"), DeviceType::F5BigIp);
        assert_eq!(kind_of_platform("my-own"), DeviceType::Other);
    }
}
