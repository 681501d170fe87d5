//! Which SSH algorithms are offered. Old ones only where a platform or a device asks for them.

use std::borrow::Cow;
use std::time::Duration;

use russh::keys::ssh_key::PublicKey;
use russh::keys::{Algorithm, EcdsaCurve, HashAlg};
use russh::{Preferred, SshId, cipher, client, compression, kex, mac};

/// Host keys that we accept, best first. Signatures with SHA-1 (`ssh-rsa`) are not among them.
const HOST_KEYS: [Algorithm; 6] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];

/// Ciphers, best first. AES-GCM stands in front: processors have instructions for all of it.
const CIPHERS: [cipher::Name; 5] = [
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

/// What devices of the 2000s and 2010s still need, behind everything else.
const OLD_HOST_KEYS: [Algorithm; 2] = [Algorithm::Rsa { hash: None }, Algorithm::Dsa];
const OLD_KEX: [kex::Name; 3] = [kex::DH_G14_SHA1, kex::DH_GEX_SHA1, kex::DH_G1_SHA1];
const OLD_CIPHERS: [cipher::Name; 4] =
    [cipher::AES_256_CBC, cipher::AES_192_CBC, cipher::AES_128_CBC, cipher::TRIPLE_DES_CBC];
const OLD_MACS: [mac::Name; 2] = [mac::HMAC_SHA1_ETM, mac::HMAC_SHA1];

/// Bits of the groups that are asked for where the server brings its own (RFC 4419): the fewest, the wished for, the
/// most. The library's usual 3072 as the fewest loses servers that have only groups of 2048, which OpenSSH accepts, and
/// its wish for 8192 is hard work for both sides. It can be asked for no fewer than 2048.
const GROUP_BITS: (usize, usize, usize) = (2048, 3072, 8192);

/// Bytes of a channel that the other side may put into one packet. Every connection keeps room for one.
const LARGEST_PACKET: u32 = 16 * 1024;

/// Idle connections are kept open by a packet this often, and given up after three without an answer.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// What a connection is opened with, to a server whose key is `remembered`.
pub(super) fn config(remembered: Option<&PublicKey>, legacy: bool) -> client::Config {
    let mut preferred = Preferred {
        key: Cow::Borrowed(&HOST_KEYS),
        cipher: Cow::Borrowed(&CIPHERS),
        compression: Cow::Borrowed(&[compression::NONE]),
        ..Preferred::DEFAULT
    };
    if legacy {
        add(&mut preferred.key, &OLD_HOST_KEYS);
        add(&mut preferred.kex, &OLD_KEX);
        add(&mut preferred.cipher, &OLD_CIPHERS);
        add(&mut preferred.mac, &OLD_MACS);
    }
    if let Some(remembered) = remembered {
        // Ask for the kind of key that is remembered first, as OpenSSH does: a key of another kind that the device
        // has as well would look like a changed one.
        let is_other = |key: &Algorithm| match (key, remembered.algorithm()) {
            (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }) => false,
            (key, kind) => *key != kind,
        };
        preferred.key.to_mut().sort_by_key(is_other);
    }
    let (fewest, wished, most) = GROUP_BITS;
    client::Config {
        gex: client::GexParams::new(fewest, wished, most).unwrap_or_default(),
        client_id: SshId::Standard(Cow::Borrowed("SSH-2.0-etiqa")),
        preferred,
        window_size: 512 * 1024,
        maximum_packet_size: LARGEST_PACKET,
        channel_buffer_size: 32,
        keepalive_interval: Some(KEEPALIVE),
        nodelay: true,
        ..client::Config::default()
    }
}

fn add<T: Clone + PartialEq>(names: &mut Cow<'static, [T]>, old: &[T]) {
    for name in old {
        if !names.contains(name) {
            names.to_mut().push(name.clone());
        }
    }
}
