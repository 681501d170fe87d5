//! Host names and sites that could be somebody's.

use etiqa_model::device::DeviceType;

const DATA_CENTRES: &[&str] = &["dc1", "dc2"];
const BRANCHES: &[&str] = &["vienna", "graz", "linz", "salzburg", "zurich"];
/// Where devices stand that play recordings.
pub(super) const LAB: &str = "lab";

/// The name of the `number`th device (from 0) of its type; no two are equal.
pub(super) fn hostname(device_type: DeviceType, number: usize) -> String {
    let ordinal = number + 1;
    match device_type {
        DeviceType::CheckPoint => {
            let site = DATA_CENTRES[number / 2 % DATA_CENTRES.len()];
            let member = if number.is_multiple_of(2) { 'a' } else { 'b' };
            match number / (2 * DATA_CENTRES.len()) {
                0 => format!("fw-{site}-{member}"),
                cluster => format!("fw{}-{site}-{member}", cluster + 1),
            }
        }
        DeviceType::F5BigIp => format!("lb-edge-{ordinal}"),
        DeviceType::Infoblox if number == 0 => "ipam-grid".to_owned(),
        DeviceType::Infoblox => format!("ipam-member-{number}"),
        DeviceType::Switch => format!("sw-branch-{ordinal}"),
        DeviceType::Router => format!("core-rtr-{ordinal}"),
        DeviceType::Other => format!("srv-mon-{ordinal}"),
    }
}

/// Where that device stands.
pub(super) fn site(device_type: DeviceType, number: usize) -> &'static str {
    match device_type {
        DeviceType::CheckPoint => DATA_CENTRES[number / 2 % DATA_CENTRES.len()],
        DeviceType::Switch => BRANCHES[number % BRANCHES.len()],
        _ => DATA_CENTRES[number % DATA_CENTRES.len()],
    }
}

/// The tags that the inventory gives a device, separated by semicolons.
pub(super) fn tags(device_type: DeviceType, site: &str) -> String {
    if site == LAB {
        return "recorded".to_owned();
    }
    let role = match device_type {
        DeviceType::CheckPoint => "security;critical",
        DeviceType::F5BigIp => "edge;critical",
        DeviceType::Infoblox => "dns;critical",
        DeviceType::Switch => "access",
        DeviceType::Router => "core;critical",
        DeviceType::Other => "monitoring",
    };
    format!("{role};{}", if DATA_CENTRES.contains(&site) { "datacentre" } else { "branch" })
}

/// What the inventory says a device is.
pub(super) fn description(device_type: DeviceType, site: &str) -> String {
    let what = match device_type {
        DeviceType::CheckPoint => "Perimeter firewall",
        DeviceType::F5BigIp => "Edge load balancer",
        DeviceType::Infoblox => "DNS and DHCP appliance",
        DeviceType::Switch => "Access switch",
        DeviceType::Router => "Core router",
        DeviceType::Other => "Monitoring server",
    };
    format!("{what}, {site} (simulated)")
}
