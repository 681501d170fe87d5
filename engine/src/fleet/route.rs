//! The way to a device: its address, and the jump hosts in front of it, each opened with its own credential.

use std::collections::BTreeSet;

use etiqa_model::class::Class;
use etiqa_model::device::Device;

use super::logins::logins_of;
use crate::collect::{Endpoint, Hop, Target};
use crate::engine::Engine;
use crate::error::Result;
use crate::outgoing::{NoWay, Outgoing};
use crate::store::device_fact::Known;
use crate::store::jump_host::{KeyedJumpHost, jump_host_fetch};

/// More jump hosts in a row are a mistake.
const MOST_HOPS: usize = 8;

/// Only the first jump host is connected to from here: to the addresses that were judged, whatever its name leads to later.
async fn allow(outgoing: &Outgoing, hop: &mut Hop) -> Result<(), String> {
    let judged = match outgoing.resolve(&hop.endpoint.address).await {
        Ok(addresses) => addresses,
        Err(NoWay::Refused(refused)) => return Err(format!("Jump host {}: {refused}", hop.name)),
        // The connection says so in its own words, and is tried again as any other.
        Err(NoWay::Unknown(_)) => Vec::new(),
    };
    hop.endpoint.judged = Some(judged);
    Ok(())
}

/// The target of a device of which this much is `known`, or why there is no way to it.
pub(super) async fn target_of(
    engine: &Engine,
    device: &Device,
    known: &Known,
) -> Result<Result<Target, (Class, String)>> {
    let endpoint = Endpoint {
        address: device.address.clone(),
        judged: None,
        port: device.port,
        host_key: known.host_key.clone(),
        legacy: device.legacy_ssh,
    };
    let mut via = Vec::new();
    let mut passed = BTreeSet::new();
    let mut next = match known.jump_host {
        Some(id) => jump_host_fetch(&engine.db, id).await?,
        None => None,
    };
    while let Some(KeyedJumpHost { host, openssh, generation, takes_previous }) = next {
        if !passed.insert(host.id) || via.len() >= MOST_HOPS {
            let message = format!("The jump host {} is reached through itself; mend its way.", host.name);
            return Ok(Err((Class::Unreachable, message)));
        }
        let logins = logins_of(engine, host.credential_id, generation, takes_previous).await?;
        let Some((login, other)) = logins else {
            let message =
                format!("The jump host {} has no credential that can be opened; give it one.", host.name);
            return Ok(Err((Class::Unreachable, message)));
        };
        let endpoint = Endpoint {
            address: host.address,
            judged: None,
            port: host.port,
            host_key: openssh,
            legacy: host.legacy_ssh,
        };
        via.push(Hop { name: host.name, endpoint, login, other });
        next = match host.via_id {
            Some(id) => jump_host_fetch(&engine.db, id).await?,
            None => None,
        };
    }
    // They were found from the device outwards.
    via.reverse();
    if let Some(first) = via.first_mut()
        && let Err(refusal) = allow(&engine.reach.outgoing(true), first).await
    {
        return Ok(Err((Class::Unreachable, refusal)));
    }
    Ok(Ok(Target { endpoint, transport: device.transport, via }))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::collect::Login;
    use crate::outgoing::Reach;

    fn hop() -> Hop {
        let endpoint =
            Endpoint { address: "jump.lan".into(), judged: None, port: 22, host_key: None, legacy: false };
        Hop { name: "bastion".into(), endpoint, login: Login::default(), other: None }
    }

    #[tokio::test]
    async fn a_jump_host_is_connected_to_where_its_name_led_when_it_was_judged() {
        let leading_to = |addresses: &[&str]| {
            let addresses: Vec<IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
            Reach::default().outgoing(true).leading_to(vec![addresses])
        };
        let mut known = hop();
        let several = leading_to(&["192.0.2.1", "127.0.0.1", "192.0.2.2"]);
        allow(&several, &mut known).await.unwrap();
        let judged = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse::<IpAddr>().unwrap());
        assert_eq!(known.endpoint.judged, Some(judged.to_vec()), "and to this machine itself not");
        let refused = allow(&leading_to(&["127.0.0.1"]), &mut hop()).await.unwrap_err();
        assert!(refused.starts_with("Jump host bastion: jump.lan leads to 127.0.0.1"), "{refused}");
        allow(&leading_to(&[]), &mut known).await.unwrap();
        assert_eq!(known.endpoint.judged, Some(Vec::new()), "nowhere, and it is not asked for again");
    }
}
