//! Host keys that a session saw: a first one is remembered, a changed one waits for a person.

use etiqa_model::class::Class;
use etiqa_model::{DeviceId, Timestamp};

use crate::collect::{HopKeySeen, HostKeySeen, Outcome};
use crate::db::{Result, Tx};
use crate::store::host_key::{host_key_offer_in_txn, host_key_remember_in_txn};
use crate::store::jump_host::{jump_host_key_offer_in_txn, jump_host_key_remember_in_txn};

/// Stores what `outcome` saw of the device's key and of its jump hosts'.
pub(crate) async fn host_keys_store_in_txn(
    tx: &mut Tx,
    device: DeviceId,
    outcome: &Outcome,
    at: Timestamp,
) -> Result<()> {
    let is_changed = outcome.class == Class::HostKeyChanged;
    keys_store_in_txn(tx, device, outcome.host_key.as_ref(), is_changed, &outcome.hop_keys, at).await
}

/// Stores what was seen of a device's key, and of its jump hosts' keys.
pub(super) async fn keys_store_in_txn(
    tx: &mut Tx,
    device: DeviceId,
    host_key: Option<&HostKeySeen>,
    is_changed: bool,
    hop_keys: &[HopKeySeen],
    at: Timestamp,
) -> Result<()> {
    if let Some(key) = host_key {
        if is_changed {
            host_key_offer_in_txn(tx, device, &key.openssh, &key.fingerprint).await?;
        } else {
            host_key_remember_in_txn(tx, device, &key.openssh, &key.fingerprint, at).await?;
        }
    }
    for HopKeySeen { name, key, is_changed } in hop_keys {
        if *is_changed {
            jump_host_key_offer_in_txn(tx, name, &key.openssh, &key.fingerprint).await?;
        } else {
            jump_host_key_remember_in_txn(tx, name, &key.openssh, &key.fingerprint, at).await?;
        }
    }
    Ok(())
}
