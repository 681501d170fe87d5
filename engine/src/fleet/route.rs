//! The way to a device: its address, and the jump hosts in front of it, each opened with its own credential.

use std::collections::BTreeSet;

use etiqa_model::class::Class;
use etiqa_model::device::Device;

use super::logins::logins_of;
use crate::collect::{Endpoint, Hop, Target};
use crate::engine::Engine;
use crate::error::Result;
use crate::outgoing::NoWay;
use crate::store::device_fact::Known;
use crate::store::jump_host::{KeyedJumpHost, jump_host_fetch};

/// More jump hosts in a row are a mistake.
const MOST_HOPS: usize = 8;

/// Only the first jump host is connected to from here. Where its name leads to one address, that one is kept.
async fn allow(engine: &Engine, hop: &mut Hop) -> Result<(), String> {
    match engine.reach.outgoing(true).resolve(&hop.endpoint.address).await {
        Ok(addresses) => {
            if let [address] = addresses.as_slice() {
                hop.endpoint.address = address.to_string();
            }
            Ok(())
        }
        Err(NoWay::Refused(refused)) => Err(format!("Jump host {}: {refused}", hop.name)),
        // The connection says so in its own words.
        Err(NoWay::Unknown(_)) => Ok(()),
    }
}

/// The target of a device of which this much is `known`, or why there is no way to it.
pub(super) async fn target_of(
    engine: &Engine,
    device: &Device,
    known: &Known,
) -> Result<Result<Target, (Class, String)>> {
    let endpoint = Endpoint {
        address: device.address.clone(),
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
        let endpoint =
            Endpoint { address: host.address, port: host.port, host_key: openssh, legacy: host.legacy_ssh };
        via.push(Hop { name: host.name, endpoint, login, other });
        next = match host.via_id {
            Some(id) => jump_host_fetch(&engine.db, id).await?,
            None => None,
        };
    }
    // They were found from the device outwards.
    via.reverse();
    if let Some(first) = via.first_mut()
        && let Err(refusal) = allow(engine, first).await
    {
        return Ok(Err((Class::Unreachable, refusal)));
    }
    Ok(Ok(Target { endpoint, transport: device.transport, via }))
}
