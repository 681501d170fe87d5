//! Many devices at once: who they are, where each listens, what is wrong with some, and the inventory that
//! lists them.

mod faults;
mod inventory;
mod names;

use std::net::{Ipv4Addr, SocketAddr};

use etiqa_model::device::DeviceType;

pub use faults::FaultPlan;
pub use inventory::inventory_csv;

use crate::device::{SimulatedDevice, start};
use crate::spec::{DeviceSpec, Personality};

/// One device of a fleet: what it is to the inventory, what it plays, where.
#[derive(Debug, Clone)]
pub struct Member {
    /// The type that the inventory gives it.
    pub device_type: DeviceType,
    /// The site that the inventory gives it.
    pub site: &'static str,
    /// What it plays.
    pub spec: DeviceSpec,
    /// Where it listens.
    pub addr: SocketAddr,
}

/// How a fleet is made.
#[derive(Debug, Clone)]
pub struct FleetPlan {
    /// How many devices.
    pub devices: usize,
    /// Where the first one listens; the others follow. 127.0.0.1 stays free: its fleet begins at 127.1.0.1.
    pub listen: Ipv4Addr,
    /// The port of all of them.
    pub port: u16,
    /// The port of the web servers, where devices have one.
    pub https_port: u16,
    /// The types, in turn.
    pub types: Vec<DeviceType>,
    /// What every device's spec begins from; name, personality and seed are its own.
    pub template: DeviceSpec,
    /// What is wrong with some of them.
    pub faults: FaultPlan,
    /// Devices of specs of their own, as those that play recordings; they come behind the others.
    pub more: Vec<DeviceSpec>,
}

/// The types of a mixed fleet, in turn: every one of them within the first six devices.
pub const MIXED: &[DeviceType] = &[
    DeviceType::Switch,
    DeviceType::Router,
    DeviceType::CheckPoint,
    DeviceType::F5BigIp,
    DeviceType::Infoblox,
    DeviceType::Other,
    DeviceType::Switch,
    DeviceType::Switch,
    DeviceType::Router,
    DeviceType::Switch,
];

/// The personality that plays this type.
pub fn personality_of(device_type: DeviceType) -> Personality {
    match device_type {
        DeviceType::Switch | DeviceType::Router => Personality::Ios,
        DeviceType::CheckPoint => Personality::Gaia,
        DeviceType::F5BigIp => Personality::BigIp,
        DeviceType::Infoblox => Personality::Nios,
        DeviceType::Other => Personality::Linux,
    }
}

impl FleetPlan {
    /// Every member, none of them started. Errors, in a sentence for a person, when the addresses do not
    /// fit on loopback or more faults than devices are asked for.
    pub fn members(&self) -> anyhow::Result<Vec<Member>> {
        anyhow::ensure!(
            self.listen.is_loopback(),
            "{} is not a loopback address; simulated devices listen on 127.0.0.0/8 only.",
            self.listen
        );
        let count = self.devices + self.more.len();
        anyhow::ensure!(count > 0, "A fleet has at least one device; give --devices 1 or more.");
        let first =
            if self.listen == Ipv4Addr::LOCALHOST { Ipv4Addr::new(127, 1, 0, 1) } else { self.listen };
        let mut faults = self.faults.for_devices(self.devices)?;
        let mut counts = std::collections::HashMap::<DeviceType, usize>::new();
        let mut members = Vec::with_capacity(count);
        let mut addresses = host_addresses(first);
        let own = addresses.by_ref().take(self.devices).enumerate();
        for ((index, address), device_type) in own.zip(self.types.iter().copied().cycle()) {
            let number = counts.entry(device_type).or_default();
            let personality = personality_of(device_type);
            let spec = DeviceSpec {
                personality,
                https: personality.https().map(|https| https.port(self.https_port)),
                hostname: names::hostname(device_type, *number),
                seed: self.template.seed.wrapping_add(index as u64),
                faults: faults.remove(&index).unwrap_or_default(),
                ..self.template.clone()
            };
            let site = names::site(device_type, *number);
            members.push(Member { device_type, site, spec, addr: (address, self.port).into() });
            *number += 1;
        }
        members.extend(self.more.iter().zip(addresses).map(|(spec, address)| Member {
            device_type: DeviceType::Other,
            site: names::LAB,
            spec: DeviceSpec {
                https: spec.https.clone().map(|https| https.port(self.https_port)),
                ..spec.clone()
            },
            addr: (address, self.port).into(),
        }));
        anyhow::ensure!(
            members.len() == count,
            "Only {} addresses are left from {first} on; give --listen a lower one.",
            members.len()
        );
        Ok(members)
    }
}

/// Starts every member; the first error stops them all.
pub async fn start_all(members: &[Member]) -> anyhow::Result<Vec<SimulatedDevice>> {
    let mut devices = Vec::with_capacity(members.len());
    for member in members {
        devices.push(start(member.spec.clone(), member.addr).await?);
    }
    Ok(devices)
}

/// Loopback addresses from `first` on, without those that end in .0 or .255: some tools take them for
/// networks and broadcasts.
fn host_addresses(first: Ipv4Addr) -> impl Iterator<Item = Ipv4Addr> {
    (first.to_bits()..Ipv4Addr::new(128, 0, 0, 0).to_bits())
        .filter(|bits| !matches!(bits & 0xff, 0 | 0xff))
        .map(Ipv4Addr::from_bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(devices: usize) -> FleetPlan {
        FleetPlan {
            devices,
            listen: Ipv4Addr::LOCALHOST,
            port: 2222,
            https_port: 8443,
            types: MIXED.to_vec(),
            template: DeviceSpec::new(Personality::Ios),
            faults: FaultPlan::default(),
            more: Vec::new(),
        }
    }

    #[test]
    fn a_mixed_fleet_of_six_has_every_type() {
        let members = plan(6).members().unwrap();
        for device_type in DeviceType::ALL {
            assert!(members.iter().any(|member| member.device_type == *device_type), "{device_type}");
        }
    }

    #[test]
    fn only_devices_with_a_web_server_have_a_port_for_it() {
        for member in plan(6).members().unwrap() {
            let has_one = matches!(member.device_type, DeviceType::F5BigIp | DeviceType::Infoblox);
            assert_eq!(member.spec.https.map(|https| https.port), has_one.then_some(8_443));
        }
    }

    #[test]
    fn every_device_has_a_name_and_an_address_of_its_own() {
        let members = plan(1_000).members().unwrap();
        let names: std::collections::HashSet<_> =
            members.iter().map(|member| &member.spec.hostname).collect();
        let addresses: std::collections::HashSet<_> = members.iter().map(|member| member.addr).collect();
        assert_eq!((names.len(), addresses.len()), (1_000, 1_000));
        assert_eq!(members[0].addr.to_string(), "127.1.0.1:2222");
        assert_eq!(members[254].addr.to_string(), "127.1.1.1:2222");
    }

    #[test]
    fn a_fleet_that_leaves_loopback_is_refused() {
        let beyond = FleetPlan { listen: Ipv4Addr::new(127, 255, 255, 250), ..plan(10) };
        assert!(beyond.members().unwrap_err().to_string().starts_with("Only 5 addresses are left"));
        let elsewhere = FleetPlan { listen: Ipv4Addr::new(10, 0, 0, 1), ..plan(1) };
        assert!(elsewhere.members().unwrap_err().to_string().contains("is not a loopback address"));
    }

    #[test]
    fn the_asked_number_of_devices_is_faulty() {
        let faults = "wrong-password=1,hang=2,drop=10%".parse().unwrap();
        let members = FleetPlan { faults, ..plan(20) }.members().unwrap();
        let count = |is: fn(&crate::Faults) -> bool| members.iter().filter(|m| is(&m.spec.faults)).count();
        assert_eq!(count(|faults| faults.wrong_password), 1);
        assert_eq!(count(|faults| faults.hang_after.is_some()), 2);
        assert_eq!(count(|faults| faults.drop_after.is_some()), 2);
        assert_eq!(count(|faults| *faults != crate::Faults::default()), 5);
    }

    #[test]
    fn more_faults_than_devices_are_refused() {
        let faults = "error=3".parse().unwrap();
        let refused = FleetPlan { faults, ..plan(2) }.members().unwrap_err().to_string();
        assert_eq!(refused, "3 faulty devices were asked for, but there are only 2 devices.");
        assert!("explode=1".parse::<FaultPlan>().is_err());
    }
}
