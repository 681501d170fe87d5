//! Networks as people write them: `10.0.0.0/8`, `fd00::/8`, or one address.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use etiqa_model::UserError;
use ipnet::IpNet;

/// A range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Whether an address is in it; one of IPv4 that is written as one of IPv6 is one of IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Reads a list of networks; empty entries are none. The error names the option.
    pub fn parse_list(option: &str, list: &[String]) -> Result<Vec<Self>, UserError> {
        let entries =
            list.iter().flat_map(|entry| entry.split(',')).map(str::trim).filter(|entry| !entry.is_empty());
        entries
            .map(|entry| {
                entry.parse::<Self>().map_err(|()| {
                    UserError::invalid(format!(
                        "{entry:?} is no network for {option}; give one like 10.0.0.0/8, fd00::/8 or 192.0.2.7."
                    ))
                })
            })
            .collect()
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let network = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address.to_canonical()),
            Err(_) => text.parse().map_err(|_| ())?,
        };
        Ok(Self(network))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_single_addresses_are_read() {
        let list = Network::parse_list(
            "--x",
            &["10.0.0.0/8, 192.0.2.7".to_owned(), String::new(), "fd00::/8".to_owned()],
        );
        let list = list.unwrap();
        let is_in = |text: &str| list.iter().any(|network| network.contains(text.parse().unwrap()));
        for inside in ["10.255.0.1", "192.0.2.7", "fd12::1", "::ffff:10.0.0.1"] {
            assert!(is_in(inside), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.8", "fe80::1"] {
            assert!(!is_in(outside), "{outside}");
        }
        for wrong in ["10.0.0.0/33", "10.0.0", "nas.lan", "10.0.0.0/8/8"] {
            assert!(
                Network::parse_list("--x", &[wrong.to_owned()]).unwrap_err().message.contains("--x"),
                "{wrong}"
            );
        }
    }
}
