//! How many connections there are, in all and of one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections at once. A browser has six at most, and one by HTTP/2.
const MOST: usize = 1_000;
/// Connections at once of one address: an office behind one, but not everything.
const MOST_OF_ADDRESS: usize = 250;

/// How many each network has.
type Counts = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// The connections that there are.
#[derive(Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    by_network: Counts,
}

impl Default for Places {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(MOST)), by_network: Arc::default() }
    }
}

/// One connection's place, which is free again once it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _of_all: OwnedSemaphorePermit,
    of_network: Option<(IpAddr, Counts)>,
}

impl Places {
    /// Waits until one of all is free.
    pub(super) async fn wait(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.all).acquire_owned().await.ok()
    }

    /// The place of an address; none where it has too many. A proxy speaks for many people, and is not counted.
    pub(super) fn take(
        &self,
        of_all: OwnedSemaphorePermit,
        address: IpAddr,
        is_proxy: bool,
    ) -> Option<Place> {
        if is_proxy {
            return Some(Place { _of_all: of_all, of_network: None });
        }
        let network = network_of(address);
        let mut counts = self.by_network.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(network).or_default();
        if *count >= MOST_OF_ADDRESS {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Place { _of_all: of_all, of_network: Some((network, Arc::clone(&self.by_network))) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((network, counts)) = &self.of_network else { return };
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(network) {
            *count -= 1;
            if *count == 0 {
                counts.remove(network);
            }
        }
    }
}

/// Whose address this is: one of IPv4 is one line's; of IPv6 a line has a /64 at least (RFC 6177).
pub(in crate::http) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_address_takes_its_own_places_and_no_others() {
        let places = Places::default();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let mut taken = Vec::new();
        for _ in 0..MOST_OF_ADDRESS {
            taken.push(places.take(places.wait().await.unwrap(), address, false).unwrap());
        }
        assert!(places.take(places.wait().await.unwrap(), address, false).is_none());
        assert!(places.take(places.wait().await.unwrap(), address, true).is_some(), "a proxy is not counted");
        let other = "192.0.2.2".parse().unwrap();
        assert!(places.take(places.wait().await.unwrap(), other, false).is_some());
        taken.pop();
        assert!(places.take(places.wait().await.unwrap(), address, false).is_some());
        drop(taken);
        assert!(places.by_network.lock().unwrap().is_empty(), "nothing is kept of who has gone");
        assert_eq!(places.all.available_permits(), MOST);
    }

    #[test]
    fn an_address_of_ipv6_is_one_of_a_whole_network() {
        let of = |text: &str| network_of(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3::4"), "2001:db8:1:2::");
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
