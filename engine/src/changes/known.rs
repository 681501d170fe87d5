//! Who sent a message, and whether it tells of a change: held against what is known of all devices, without the database.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use etiqa_model::DeviceId;
use etiqa_model::device::DeviceType;

use super::message::Message;
use crate::collect::{Driver, DriverSet};
use crate::store::teller::Teller;

/// A device that may have sent a message.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) id: DeviceId,
    pub(super) site: String,
    /// Its place among the drivers; none: it has none.
    driver: Option<usize>,
}

/// All enabled devices, by address and by name.
#[derive(Debug, Default)]
pub(super) struct Known {
    senders: Vec<Sender>,
    drivers: Vec<Arc<Driver>>,
    by_address: HashMap<IpAddr, Vec<usize>>,
    by_name: HashMap<String, Vec<usize>>,
    /// The site where this process listens, where it is one site's.
    site: Option<String>,
}

impl Known {
    pub(super) fn new(tellers: Vec<Teller>, drivers: &DriverSet, site: Option<&str>) -> Self {
        let mut known = Self { site: site.map(str::to_owned), ..Self::default() };
        let mut places = HashMap::new();
        for teller in tellers {
            let recognised = teller.recognised.filter(|name| drivers.get(name).is_some());
            let platform = teller.platform.or(recognised);
            // Whole fleets have few platforms, and finding a type's driver takes a while.
            let place = places
                .entry((platform, teller.device_type))
                .or_insert_with_key(|(platform, kind)| known.place_of(drivers, platform.as_deref(), *kind));
            let at = known.senders.len();
            known.senders.push(Sender { id: teller.id, site: teller.site, driver: *place });
            match teller.address.parse::<IpAddr>() {
                Ok(address) => known.by_address.entry(address.to_canonical()).or_default().push(at),
                Err(_) => known.by_name.entry(teller.address.to_lowercase()).or_default().push(at),
            }
            known.by_name.entry(teller.hostname.to_lowercase()).or_default().push(at);
        }
        known
    }

    fn place_of(&mut self, drivers: &DriverSet, platform: Option<&str>, kind: DeviceType) -> Option<usize> {
        let driver = drivers.for_device(platform, kind)?;
        let known = self.drivers.iter().position(|known| known.name() == driver.name());
        Some(known.unwrap_or_else(|| {
            self.drivers.push(driver);
            self.drivers.len() - 1
        }))
    }

    /// Those of whom a message tells a change, which came from `peer`; none: nobody known sent it. Sites may use the same
    /// addresses: where some of the site are among them at which this process listens, it is those.
    ///
    /// It is the device at that address. Where several share it, or none has it (a relay), the message's head decides; where
    /// that names none of those at the address, it is all of them whose platform knows the message.
    pub(super) fn changed(&self, peer: IpAddr, message: &Message) -> Option<Vec<&Sender>> {
        let mut told = self.told(peer, message)?;
        let is_of_site = |sender: &&Sender| self.site.as_deref() == Some(sender.site.as_str());
        if told.iter().any(is_of_site) {
            told.retain(is_of_site);
        }
        Some(told)
    }

    fn told(&self, peer: IpAddr, message: &Message) -> Option<Vec<&Sender>> {
        let here = self.by_address.get(&peer.to_canonical()).map_or(&[][..], Vec::as_slice);
        let mut named: Vec<usize> =
            message.senders.iter().flat_map(|name| self.named(name)).copied().collect();
        named.sort_unstable();
        named.dedup();
        if here.is_empty() && named.is_empty() {
            return None;
        }
        let both: Vec<usize> = here.iter().copied().filter(|at| named.contains(at)).collect();
        if !both.is_empty() {
            return Some(self.telling(&both, message));
        }
        let telling = self.telling(here, message);
        // A device may itself be the relay of others.
        Some(if telling.is_empty() { self.telling(&named, message) } else { telling })
    }

    fn named(&self, name: &str) -> &[usize] {
        let found = match name.parse::<IpAddr>() {
            Ok(address) => self.by_address.get(&address.to_canonical()),
            Err(_) => self.by_name.get(name),
        };
        found.map_or(&[][..], Vec::as_slice)
    }

    /// Those whose platform knows the message as one of a change; each platform is asked once.
    fn telling(&self, senders: &[usize], message: &Message) -> Vec<&Sender> {
        let mut tells: HashMap<usize, bool> = HashMap::new();
        let senders = senders.iter().filter_map(|at| self.senders.get(*at));
        senders
            .filter(|sender| {
                sender.driver.is_some_and(|at| {
                    *tells.entry(at).or_insert_with(|| {
                        self.drivers.get(at).is_some_and(|driver| driver.tells_of_change(&message.text))
                    })
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IOS: &str = "%SYS-5-CONFIG_I: Configured from console by ann on vty0";
    const JUNOS: &str = "mgd[1]: UI_COMMIT_COMPLETED: commit complete";

    fn teller(id: i64, address: &str, hostname: &str, platform: &str) -> Teller {
        Teller {
            id: DeviceId(id),
            site: "default".into(),
            address: address.into(),
            hostname: hostname.into(),
            device_type: DeviceType::Other,
            platform: Some(platform.into()),
            recognised: None,
        }
    }

    fn changed(known: &Known, peer: &str, message: &str) -> Option<Vec<i64>> {
        let message = Message::read(message.as_bytes());
        let found = known.changed(peer.parse().unwrap(), &message)?;
        Some(found.iter().map(|sender| sender.id.0).collect())
    }

    fn known(tellers: Vec<Teller>) -> Known {
        Known::new(tellers, &DriverSet::built_in(), None)
    }

    #[test]
    fn at_a_site_it_is_the_device_of_that_site_though_others_have_the_same_address() {
        let at = |site: &str, id| Teller { site: site.into(), ..teller(id, "192.168.1.1", "gw", "ios") };
        let here = |site| Known::new(vec![at("graz", 1), at("linz", 2)], &DriverSet::built_in(), site);
        assert_eq!(changed(&here(Some("linz")), "192.168.1.1", IOS), Some(vec![2]));
        assert_eq!(changed(&here(Some("vienna")), "192.168.1.1", IOS), Some(vec![1, 2]));
        assert_eq!(changed(&here(None), "192.168.1.1", IOS), Some(vec![1, 2]));
    }

    #[test]
    fn a_message_is_the_device_s_whose_address_it_came_from() {
        let known = known(vec![
            teller(1, "192.0.2.1", "sw1", "ios"),
            teller(2, "192.0.2.2", "sw2", "ios"),
            teller(3, "2001:DB8::3", "r3", "junos"),
        ]);
        assert_eq!(changed(&known, "192.0.2.1", IOS), Some(vec![1]));
        assert_eq!(changed(&known, "::ffff:192.0.2.2", IOS), Some(vec![2]));
        assert_eq!(changed(&known, "2001:db8::3", JUNOS), Some(vec![3]));
        assert_eq!(changed(&known, "192.0.2.1", JUNOS), Some(vec![]), "not of its platform");
        assert_eq!(changed(&known, "192.0.2.9", IOS), None);
        assert_eq!(changed(&known, "192.0.2.1", "%LINK-3-UPDOWN: up"), Some(vec![]));
    }

    #[test]
    fn of_devices_that_share_an_address_it_is_the_one_that_the_head_names_else_those_of_its_platform() {
        let known = known(vec![
            teller(1, "192.0.2.1", "sw1", "ios"),
            teller(2, "192.0.2.1", "SW2", "ios"),
            teller(3, "192.0.2.1", "r3", "junos"),
        ]);
        let head = |name: &str, text: &str| format!("<189>Oct 11 22:14:15 {name} {text}");
        assert_eq!(changed(&known, "192.0.2.1", &head("sw2", IOS)), Some(vec![2]));
        assert_eq!(changed(&known, "192.0.2.1", &head("elsewhere", IOS)), Some(vec![1, 2]));
        assert_eq!(changed(&known, "192.0.2.1", JUNOS), Some(vec![3]));
        assert_eq!(changed(&known, "192.0.2.1", &head("sw2", JUNOS)), Some(vec![]));
    }

    #[test]
    fn what_a_relay_passes_on_is_the_device_s_that_the_head_names() {
        let known = known(vec![
            teller(1, "192.0.2.1", "sw1", "ios"),
            teller(2, "sw2.example.net", "second", "ios"),
            teller(3, "192.0.2.3", "relay", "linux"),
        ]);
        let head = |name: &str| format!("<189>Oct 11 22:14:15 {name} 42: {IOS}");
        for relay in ["192.0.2.9", "192.0.2.3"] {
            assert_eq!(changed(&known, relay, &head("SW1")), Some(vec![1]));
            assert_eq!(changed(&known, relay, &head("192.0.2.1")), Some(vec![1]));
            assert_eq!(changed(&known, relay, &head("sw2.example.net")), Some(vec![2]));
        }
        assert_eq!(changed(&known, "192.0.2.9", &head("sw7")), None);
    }

    #[test]
    fn a_device_is_of_the_platform_that_it_names_else_was_recognised_as_else_its_type_has() {
        let none = |recognised: Option<&str>, device_type| Teller {
            device_type,
            platform: None,
            recognised: recognised.map(str::to_owned),
            ..teller(1, "192.0.2.1", "sw1", "")
        };
        let tells =
            |teller: Teller, text: &str| changed(&known(vec![teller]), "192.0.2.1", text) == Some(vec![1]);
        assert!(tells(none(None, DeviceType::Switch), IOS));
        assert!(tells(none(Some("junos"), DeviceType::Switch), JUNOS));
        assert!(tells(none(Some("gone"), DeviceType::Switch), IOS));
        assert!(!tells(teller(1, "192.0.2.1", "sw1", "gone"), IOS));
    }
}
