//! What leaves the program for an address that an admin filled in: copies, mirrors, the first jump host of a way.
//!
//! Such an address must not become a way to what only this machine reaches: itself, the cloud's metadata service, a
//! neighbour without a router between (server-side request forgery). So a name is resolved once, every address of it is
//! judged, and the connection goes to the very address that was judged: a name that leads elsewhere a moment later (DNS
//! rebinding) gains nothing. No redirect leads to another server. Private networks are where most file servers are: they are
//! allowed destination by destination.
//!
//! Behind a proxy of the environment (`HTTPS_PROXY`) the proxy resolves names, and judges.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Url};
use thiserror::Error;
use tokio::net::lookup_host;

use crate::collect::Trust;
use crate::network::Network;

/// Networks that may be reached besides public ones, as whoever runs the machine says it.
#[derive(Debug, Clone, Default)]
pub struct Reach(Vec<Network>);

impl Reach {
    /// These networks.
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Where connections may lead, in a private network too where `own_network` says so.
    pub fn outgoing(&self, own_network: bool) -> Outgoing {
        let lookup: Lookup = Arc::new(|host| Box::pin(look_up(host)));
        Outgoing { reach: self.clone(), own_network, lookup }
    }
}

async fn look_up(host: String) -> io::Result<Vec<IpAddr>> {
    Ok(lookup_host((host, 0)).await?.map(|socket| socket.ip()).collect())
}

type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Where the connections of one destination may lead.
#[derive(Clone)]
pub struct Outgoing {
    reach: Reach,
    own_network: bool,
    lookup: Lookup,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reach, own_network, .. } = self;
        f.debug_struct("Outgoing")
            .field("reach", reach)
            .field("own_network", own_network)
            .finish_non_exhaustive()
    }
}

/// What kind of network an address is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Reached from everywhere.
    Public,
    /// Of a private network (RFC 1918, RFC 4193, RFC 6598).
    Private,
    /// This machine, its neighbours on the wire, or no single machine at all.
    Special,
    /// The metadata service of a cloud, which hands out its keys.
    Metadata,
}

/// Why nothing is sent to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The name, or the address itself.
    pub host: String,
    /// What it leads to.
    pub address: IpAddr,
    /// In which kind of network that is.
    pub kind: Kind,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, address, kind } = self;
        if host.parse() == Ok(*address) {
            write!(f, "{address} is ")?;
        } else {
            write!(f, "{host} leads to {address}, which is ")?;
        }
        f.write_str(match kind {
            Kind::Public | Kind::Private => {
                "in a private network. If that is one of yours, tick “In our own network” (--own-network)."
            }
            Kind::Special => {
                "this machine itself or a special address. Nothing is sent there unless whoever runs this program allows \
                 it with --reach."
            }
            Kind::Metadata => "where a cloud hands out its keys. Nothing is ever sent there.",
        })
    }
}

impl std::error::Error for Refused {}

/// Why there is no address to connect to.
#[derive(Debug, Error)]
pub enum NoWay {
    /// There is one, which is not allowed.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// There is none.
    #[error("The name {0} cannot be resolved.")]
    Unknown(String),
}

/// Why there is no client for an address.
#[derive(Debug, Error)]
pub enum NoClient {
    /// It is not allowed.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It is none.
    #[error("The address cannot be used: check it.")]
    Address,
    /// The system's trust cannot be read.
    #[error("TLS cannot be set up on this machine.")]
    Tls,
}

impl Outgoing {
    /// The addresses of a host that may be connected to. Where it has such ones and others, the others are left out.
    pub async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, NoWay> {
        let bare = bare(host);
        let unknown = || NoWay::Unknown(host.to_owned());
        let found = match bare.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => (self.lookup)(bare.to_owned()).await.map_err(|_| unknown())?,
        };
        let mut refused = None;
        let mut allowed = Vec::with_capacity(found.len());
        for address in found {
            match self.judge(bare, address) {
                Ok(()) => allowed.push(address),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        match refused {
            Some(refused) if allowed.is_empty() => Err(refused.into()),
            _ if allowed.is_empty() => Err(unknown()),
            _ => Ok(allowed),
        }
    }

    fn judge(&self, host: &str, address: IpAddr) -> Result<(), Refused> {
        let kind = kind_of(address);
        let is_named = || self.reach.0.iter().any(|network| network.contains(address));
        match kind {
            Kind::Public => Ok(()),
            Kind::Private if self.own_network || is_named() => Ok(()),
            Kind::Special if is_named() => Ok(()),
            _ => Err(Refused { host: host.to_owned(), address, kind }),
        }
    }

    /// Whose names lead to these addresses, to the next ones each time that they are asked for.
    #[cfg(test)]
    pub(crate) fn leading_to(self, answers: Vec<Vec<IpAddr>>) -> Self {
        let answers = std::sync::Mutex::new(answers.into_iter());
        let lookup: Lookup = Arc::new(move |_| {
            let next = answers.lock().ok().and_then(|mut answers| answers.next());
            Box::pin(async move { Ok(next.unwrap_or_default()) })
        });
        Self { lookup, ..self }
    }

    /// The client for everything that is asked at the server of `url`, before patience and names are set. It follows no
    /// redirect.
    pub fn client(&self, trust: &Trust, url: &str) -> Result<ClientBuilder, NoClient> {
        let url = Url::parse(url).map_err(|_| NoClient::Address)?;
        let host = bare(url.host_str().ok_or(NoClient::Address)?);
        // The client asks nobody about what is an address already, in whichever way that is written.
        if let Ok(address) = host.parse() {
            self.judge(host, address)?;
        }
        let tls = trust.client_config().ok_or(NoClient::Tls)?;
        Ok(Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(Policy::none())
            .referer(false)
            .dns_resolver(Judge { outgoing: self.clone(), proxies: proxies_of_environment() }))
    }
}

/// The client for an address that whoever runs the program named: it is not judged. It follows no redirect.
pub fn operators_client(trust: &Trust) -> Result<ClientBuilder, NoClient> {
    let tls = trust.client_config().ok_or(NoClient::Tls)?;
    Ok(Client::builder().tls_backend_preconfigured(tls).redirect(Policy::none()).referer(false))
}

/// Resolves the names of a client.
struct Judge {
    outgoing: Outgoing,
    proxies: Vec<String>,
}

impl Resolve for Judge {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let outgoing = self.outgoing.clone();
        let is_proxy = self.proxies.iter().any(|proxy| proxy.eq_ignore_ascii_case(&host));
        Box::pin(async move {
            let addresses = if is_proxy {
                // Whoever runs the machine has put it into the environment.
                look_up(host).await?
            } else {
                outgoing.resolve(&host).await.map_err(
                    |error| -> Box<dyn std::error::Error + Send + Sync> {
                        match error {
                            NoWay::Refused(refused) => Box::new(refused),
                            NoWay::Unknown(_) => Box::new(error),
                        }
                    },
                )?
            };
            // Port 0 stands for the one of the request.
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}

fn proxies_of_environment() -> Vec<String> {
    let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    let names = names.iter().flat_map(|name| [(*name).to_owned(), name.to_lowercase()]);
    let hosts = names.filter_map(|name| {
        let value = std::env::var(name).ok()?;
        let url = if value.contains("://") { value } else { format!("http://{value}") };
        Url::parse(&url).ok()?.host_str().map(str::to_owned)
    });
    hosts.collect()
}

/// What an error of a client comes from, where that is an address that is not allowed.
pub(crate) fn refused_in(error: &reqwest::Error) -> Option<&Refused> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref() {
            return Some(refused);
        }
        cause = error.source();
    }
    None
}

fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// What kind of network an address is in: IANA's registries of special-purpose addresses (RFC 6890), and what the clouds
/// say of their metadata services.
pub fn kind_of(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => kind_of_v6(address),
    }
}

fn kind_of_v4(address: Ipv4Addr) -> Kind {
    match address.octets() {
        // AWS, Azure, Google Cloud, OpenStack, Oracle; containers of AWS; Alibaba; Azure's own; Oracle's older one.
        [169, 254, 169, 254]
        | [169, 254, 170, 2]
        | [100, 100, 100, 200]
        | [168, 63, 129, 16]
        | [192, 0, 0, 192] => Kind::Metadata,
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] | [100, 64..=127, ..] => Kind::Private,
        [0 | 127 | 224..=255, ..] | [169, 254, ..] | [192, 0, 0, _] => Kind::Special,
        _ => Kind::Public,
    }
}

fn kind_of_v6(address: Ipv6Addr) -> Kind {
    let segments = address.segments();
    let [.., high, low] = segments;
    let within = Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match segments {
        // AWS; Google Cloud.
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254] | [0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254] => Kind::Metadata,
        // Mapped and compatible forms of IPv4 (RFC 4291) are written by nobody who means well; `::` and `::1` are here too.
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] => {
            if kind_of_v4(within) == Kind::Metadata {
                Kind::Metadata
            } else {
                Kind::Special
            }
        }
        // NAT64 (RFC 6052) and 6to4 (RFC 3056) lead to the address of IPv4 that is in them.
        [0x0064, 0xff9b, 0, 0, 0, 0, ..] => kind_of_v4(within),
        [0x2002, high, low, ..] => kind_of_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))),
        // Teredo, local NAT64, what is thrown away, neighbours on the wire, and many at once.
        [0x2001, 0, ..]
        | [0x0064, 0xff9b, 1, ..]
        | [0x0100, 0, 0, 0, ..]
        | [0xfe80..=0xfebf | 0xff00..=0xffff, ..] => Kind::Special,
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Kind::Private,
        _ => Kind::Public,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn reach(networks: &[&str]) -> Reach {
        Reach::new(networks.iter().map(|network| network.parse().unwrap()).collect())
    }

    /// Whose names lead to these addresses, another one each time that they are asked for.
    fn resolving(reach: &Reach, own_network: bool, answers: &[&str]) -> Outgoing {
        let answers = answers.iter().map(|address| vec![address.parse().unwrap()]);
        reach.outgoing(own_network).leading_to(answers.collect())
    }

    /// Answers every request with `answer`; the number of connections that there were.
    async fn server(answer: String) -> (SocketAddr, Arc<Mutex<u32>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, count) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(0)));
        let counted = Arc::clone(&count);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                *counted.lock().unwrap() += 1;
                let mut head = [0; 4_096];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        (address, count)
    }

    fn client(outgoing: &Outgoing, url: &str) -> Client {
        let builder = outgoing.client(&Trust::system(), url).unwrap();
        builder.no_proxy().timeout(Duration::from_secs(10)).build().unwrap()
    }

    #[test]
    fn an_address_is_of_the_kind_that_its_network_is() {
        for (kind, addresses) in [
            (
                Kind::Public,
                &["192.0.2.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:db8::1", "64:ff9b::808:808"][..],
            ),
            (
                Kind::Private,
                &[
                    "10.0.0.1",
                    "172.31.255.255",
                    "192.168.1.5",
                    "100.64.0.1",
                    "fd12::1",
                    "fec0::1",
                    "64:ff9b::a00:1",
                    "2002:a00:1::",
                ][..],
            ),
            (
                Kind::Special,
                &[
                    "0.0.0.0",
                    "0.1.2.3",
                    "127.0.0.1",
                    "127.1.2.3",
                    "169.254.0.1",
                    "224.0.0.1",
                    "255.255.255.255",
                    "240.0.0.1",
                    "192.0.0.8",
                    "::",
                    "::1",
                    "fe80::1",
                    "febf::1",
                    "ff02::1",
                    "::ffff:10.0.0.1",
                    "::ffff:8.8.8.8",
                    "::7f00:1",
                    "2001::1",
                    "100::1",
                    "64:ff9b::7f00:1",
                    "2002:7f00:1::",
                ][..],
            ),
            (
                Kind::Metadata,
                &[
                    "169.254.169.254",
                    "169.254.170.2",
                    "100.100.100.200",
                    "168.63.129.16",
                    "192.0.0.192",
                    "fd00:ec2::254",
                    "::ffff:169.254.169.254",
                    "64:ff9b::a9fe:a9fe",
                ][..],
            ),
        ] {
            for address in addresses {
                assert_eq!(kind_of(address.parse().unwrap()), kind, "{address}");
            }
        }
    }

    #[tokio::test]
    async fn private_networks_are_for_who_says_so_and_special_addresses_for_who_runs_the_machine() {
        let strict = Reach::default();
        let asked =
            async |outgoing: Outgoing| outgoing.resolve("nas.lan").await.map_err(|error| error.to_string());
        let refused = asked(resolving(&strict, false, &["192.168.1.5"])).await.unwrap_err();
        assert!(refused.contains("192.168.1.5") && refused.contains("In our own network"), "{refused}");
        assert!(asked(resolving(&strict, true, &["192.168.1.5"])).await.is_ok());
        assert!(asked(resolving(&reach(&["192.168.0.0/16"]), false, &["192.168.1.5"])).await.is_ok());
        let refused = asked(resolving(&strict, true, &["127.0.0.1"])).await.unwrap_err();
        assert!(refused.contains("--reach"), "{refused}");
        assert!(asked(resolving(&reach(&["127.0.0.0/8"]), false, &["127.0.0.1"])).await.is_ok());
        let metadata = resolving(&reach(&["0.0.0.0/0"]), true, &["169.254.169.254"]);
        assert!(asked(metadata).await.unwrap_err().contains("ever"), "whatever anybody says");
        assert!(asked(resolving(&strict, true, &[])).await.unwrap_err().contains("cannot be resolved"));
    }

    #[test]
    fn an_address_is_judged_however_it_is_written() {
        let outgoing = Reach::default().outgoing(true);
        for url in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://169.254.169.254/latest/",
            "http://0/",
            "https://[fe80::1]/",
        ] {
            assert!(matches!(outgoing.client(&Trust::system(), url), Err(NoClient::Refused(_))), "{url}");
        }
        assert!(matches!(outgoing.client(&Trust::system(), "nas"), Err(NoClient::Address)));
        assert!(outgoing.client(&Trust::system(), "http://192.168.1.5/").is_ok());
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let (other, asked) = server("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned()).await;
        let to = format!("HTTP/1.1 302 Found\r\nlocation: http://{other}/\r\ncontent-length: 0\r\n\r\n");
        let (first, _) = server(to).await;
        let url = format!("http://{first}/");
        let answer = client(&reach(&["127.0.0.0/8"]).outgoing(false), &url).get(&url).send().await.unwrap();
        assert_eq!(answer.status(), 302);
        assert_eq!(*asked.lock().unwrap(), 0);
    }

    #[tokio::test]
    async fn a_name_that_leads_elsewhere_a_moment_later_gains_nothing() {
        let (address, asked) =
            server("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_owned()).await;
        let url = format!("http://nas.example:{}/", address.port());
        // What a check before the connection would have seen, and then what the connection would have gone to.
        let outgoing = resolving(&Reach::default(), true, &["192.0.2.1", "127.0.0.1"]);
        assert_eq!(outgoing.resolve("nas.example").await.unwrap(), ["192.0.2.1".parse::<IpAddr>().unwrap()]);
        let error = client(&outgoing, &url).get(&url).send().await.unwrap_err();
        assert_eq!(refused_in(&error).map(|refused| refused.kind), Some(Kind::Special), "{error:?}");
        assert_eq!(*asked.lock().unwrap(), 0);

        let outgoing = resolving(&reach(&["127.0.0.0/8"]), false, &["127.0.0.1"]);
        client(&outgoing, &url).get(&url).send().await.unwrap();
        assert_eq!(*asked.lock().unwrap(), 1, "it went where the name led");
    }
}
