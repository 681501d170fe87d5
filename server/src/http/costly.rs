//! What costs the server more than a page does, and how often anybody may ask for it.
//!
//! Whoever asks has so many asks at once, which come back one by one; so have all who share an address, a few times more.
//! People do not notice. A script that asks in a loop waits, as its answer says, and others do not.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{Method, Uri};
use tokio::time::Instant;

/// How many times more an address may ask than one session.
const OF_ADDRESS: f64 = 5.0;
/// Of so many is remembered at most what they asked for.
const KEYS: usize = 10_000;

/// A kind of ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Cost {
    /// All texts are looked into.
    Search,
    /// Two texts are compared.
    Difference,
    /// What retention would keep, and the like: while somebody types.
    Preview,
    /// A driver runs against a recording, a rule against a device's texts.
    Bench,
    /// Something beyond the server is connected to.
    Connection,
    /// Every device's text or row is handed out or taken in.
    Bulk,
}

impl Cost {
    /// What a request costs, where that is more than a page.
    pub(super) fn of(method: &Method, uri: &Uri) -> Option<Self> {
        let path = uri.path().trim_end_matches('/');
        // Without one a page shows its empty form.
        let has_query = uri.query().is_some_and(|query| !query.is_empty());
        let is_post = *method == Method::POST;
        let is_numbered = |before: &str, behind: &str| {
            let number = path.strip_prefix(before).and_then(|rest| rest.strip_suffix(behind));
            number.is_some_and(|number| !number.is_empty() && !number.contains('/'))
        };
        match path {
            "/configs/search" | "/configs/compare" if !has_query => None,
            "/api/v1/search" | "/configs/search" | "/rpc/search_configs" => Some(Self::Search),
            "/api/v1/diff" | "/configs/compare" | "/rpc/compare_texts" | "/rpc/get_diff" => {
                Some(Self::Difference)
            }
            "/rpc/preview_retention" | "/rpc/look_at_retention" | "/rpc/preview_schedule" => {
                Some(Self::Preview)
            }
            // A form of a rule may only try it.
            "/rpc/try_driver" | "/rpc/save_rule" => Some(Self::Bench),
            "/rpc/start_connection_test"
            | "/rpc/test_destination"
            | "/rpc/test_channel"
            | "/rpc/preview_inventory_source"
            | "/rpc/recognise_device" => Some(Self::Connection),
            // To show it the whole list is taken.
            "/admin/inventory-sources" if uri.query().is_some_and(|query| query.contains("preview=")) => {
                Some(Self::Connection)
            }
            "/configs/download"
            | "/devices/export.csv"
            | "/admin/audit/export"
            | "/rpc/apply_import"
            | "/rpc/get_import"
            | "/rules/report.csv"
            | "/rules/report.json" => Some(Self::Bulk),
            "/configs/rules/new" if is_post => Some(Self::Bench),
            "/devices/import" if is_post || has_query => Some(Self::Bulk),
            _ if is_numbered("/api/v1/versions/", "/diff") => Some(Self::Difference),
            _ if is_numbered("/api/v1/destinations/", "/test") => Some(Self::Connection),
            _ if is_numbered("/api/v1/notifications/channels/", "/test") => Some(Self::Connection),
            _ if is_post && is_numbered("/admin/drivers/", "") => Some(Self::Bench),
            _ if is_post && is_numbered("/configs/rules/", "/edit") => Some(Self::Bench),
            _ if is_numbered("/backup/config/", "/retention") => Some(Self::Preview),
            _ if is_numbered("/devices/", "/download") => Some(Self::Bulk),
            _ => None,
        }
    }

    /// Asks at once, and asks a second.
    fn allowance(self) -> (f64, f64) {
        match self {
            Self::Difference => (500.0, 10.0),
            Self::Search | Self::Preview => (300.0, 5.0),
            Self::Bench => (40.0, 1.0),
            Self::Connection => (60.0, 1.0),
            Self::Bulk => (30.0, 0.5),
        }
    }
}

/// What everybody asked for lately, in memory.
#[derive(Debug, Default)]
pub(super) struct Costly {
    hash: RandomState,
    left: Mutex<HashMap<(Cost, Who), Left>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    /// By a hash of its secret, or of its token's.
    Session(u64),
    Address(IpAddr),
}

/// The asks that somebody had left at a time.
#[derive(Debug, Clone, Copy)]
struct Left {
    asks: f64,
    at: Instant,
}

impl Costly {
    /// Takes one ask of this session and of this address. The error is how long to wait for the next one.
    pub(super) fn take(&self, cost: Cost, secret: &str, network: IpAddr) -> Result<(), Duration> {
        let now = Instant::now();
        let session = Who::Session(self.hash.hash_one(secret));
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() >= KEYS {
            // Whoever has all of them again is as somebody new.
            left.retain(|(cost, who), left| left.now(*cost, *who, now) < allowance(*cost, *who).0);
        }
        let both = [session, Who::Address(network)].map(|who| {
            let (most, a_second) = allowance(cost, who);
            let asks = left.get(&(cost, who)).map_or(most, |left| left.now(cost, who, now));
            (who, asks, a_second)
        });
        let waits = both.iter().filter(|(_, asks, _)| *asks < 1.0);
        let wait = waits.map(|(_, asks, a_second)| (1.0 - asks) / a_second).reduce(f64::max);
        if let Some(seconds) = wait {
            return Err(Duration::from_secs_f64(seconds));
        }
        for (who, asks, _) in both {
            left.insert((cost, who), Left { asks: asks - 1.0, at: now });
        }
        Ok(())
    }
}

fn allowance(cost: Cost, who: Who) -> (f64, f64) {
    let (most, a_second) = cost.allowance();
    match who {
        Who::Session(_) => (most, a_second),
        Who::Address(_) => (most * OF_ADDRESS, a_second * OF_ADDRESS),
    }
}

impl Left {
    fn now(&self, cost: Cost, who: Who, now: Instant) -> f64 {
        let (most, a_second) = allowance(cost, who);
        (self.asks + now.duration_since(self.at).as_secs_f64() * a_second).min(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_in_a_loop_waits_and_others_do_not() {
        let costly = Costly::default();
        let ask = |secret: &str, last| costly.take(Cost::Search, secret, address(last));
        let asked = (0..1_000).take_while(|_| ask("ada", 1).is_ok()).count();
        assert_eq!(asked, 300);
        let wait = ask("ada", 1).unwrap_err();
        assert!(wait <= Duration::from_millis(250), "{wait:?}");
        assert!(ask("ada", 2).is_err(), "from wherever");
        assert!(ask("bob", 1).is_ok());
        assert!(costly.take(Cost::Difference, "ada", address(1)).is_ok(), "something else");
        tokio::time::advance(wait).await;
        assert!(ask("ada", 1).is_ok());
        assert!(ask("ada", 1).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn many_sessions_of_one_address_are_no_way_around_it() {
        let costly = Costly::default();
        let asked =
            (0..2_000).filter(|n| costly.take(Cost::Bulk, &n.to_string(), address(1)).is_ok()).count();
        assert_eq!(asked, 150);
        assert!(costly.take(Cost::Bulk, "ada", address(2)).is_ok());
    }

    #[test]
    fn pages_cost_nothing_and_what_they_ask_for_does() {
        let get = |path: &str| Cost::of(&Method::GET, &path.parse().unwrap());
        let post = |path: &str| Cost::of(&Method::POST, &path.parse().unwrap());
        assert_eq!(get("/devices"), None);
        assert_eq!(get("/devices/7"), None);
        assert_eq!(get("/admin/drivers/ios"), None);
        assert_eq!(get("/configs/search/"), None);
        assert_eq!(get("/configs/search/?q=x"), Some(Cost::Search));
        assert_eq!(get("/configs/compare?old_device=1"), Some(Cost::Difference));
        assert_eq!(get("/devices/7/download"), Some(Cost::Bulk));
        assert_eq!(get("/devices/import"), None);
        assert_eq!(get("/devices/import?upload=7"), Some(Cost::Bulk));
        assert_eq!(post("/rpc/get_import"), Some(Cost::Bulk));
        assert_eq!(post("/admin/drivers/ios"), Some(Cost::Bench));
        assert_eq!(post("/rpc/test_destination"), Some(Cost::Connection));
        assert_eq!(get("/admin/inventory-sources?source=7"), None);
        assert_eq!(get("/admin/inventory-sources?preview=7"), Some(Cost::Connection));
        assert_eq!(post("/api/v1/notifications/channels/7/test"), Some(Cost::Connection));
    }
}
