//! The settings of a device's SSH server: what it calls itself, its host key, and the algorithms that it speaks.

use std::borrow::Cow;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use russh::keys::ssh_key::private::{Ed25519Keypair, RsaKeypair};
use russh::keys::{Algorithm, PrivateKey};
use russh::server::Config;
use russh::{MethodKind, MethodSet, Preferred, SshId, cipher, kex, mac};

use crate::spec::{DeviceSpec, Personality};

/// What a host key had at least when RSA was all there was.
const LEGACY_KEY_BITS: usize = 1_024;

/// The server's settings under its `generation`th host key. The key depends on seed, name and generation
/// alone, so a restarted device keeps it.
pub(crate) fn server_config(spec: &DeviceSpec, generation: u64) -> Config {
    let seed =
        crate::text::random_bytes(&format!("host key {generation} of {} {}", spec.hostname, spec.seed));
    let mut methods = MethodSet::empty();
    if spec.authorized_key.is_some() {
        methods.push(MethodKind::PublicKey);
    }
    methods.push(MethodKind::KeyboardInteractive);
    methods.push(MethodKind::Password);
    let preferred = if spec.legacy_ssh { legacy_algorithms() } else { usual_algorithms() };
    Config {
        preferred,
        server_id: SshId::Standard(server_id(spec).into()),
        methods,
        auth_rejection_time: Duration::ZERO,
        keys: host_key(spec, &seed).into_iter().collect(),
        max_auth_attempts: 6,
        nodelay: true,
        ..Config::default()
    }
}

/// The host key of this seed; none where it cannot be made, and then no client can connect.
fn host_key(spec: &DeviceSpec, seed: &[u8; 32]) -> Option<PrivateKey> {
    if !spec.legacy_ssh {
        return Some(PrivateKey::from(Ed25519Keypair::from_seed(seed)));
    }
    let key = RsaKeypair::random(&mut StdRng::from_seed(*seed), LEGACY_KEY_BITS);
    key.inspect_err(|error| tracing::warn!(%error, "there is no host key")).ok().map(PrivateKey::from)
}

/// What network devices speak: none of them has the post-quantum key exchange that the library offers first.
fn usual_algorithms() -> Preferred {
    let mut preferred = Preferred::DEFAULT;
    preferred.kex.to_mut().retain(|name| *name != kex::MLKEM768X25519_SHA256);
    preferred
}

/// What was usual before 2010, and is refused by default today.
fn legacy_algorithms() -> Preferred {
    Preferred {
        kex: Cow::Borrowed(&[kex::DH_G1_SHA1]),
        key: Cow::Borrowed(&[Algorithm::Rsa { hash: None }]),
        cipher: Cow::Borrowed(&[cipher::AES_128_CBC, cipher::TRIPLE_DES_CBC]),
        mac: Cow::Borrowed(&[mac::HMAC_SHA1]),
        ..Preferred::DEFAULT
    }
}

fn server_id(spec: &DeviceSpec) -> String {
    if let Some(recording) = &spec.recording {
        return recording.ssh_version.clone().unwrap_or_else(|| "SSH-2.0-OpenSSH_8.0".to_owned());
    }
    let id = match spec.personality {
        Personality::Ios => "SSH-2.0-Cisco-1.25",
        Personality::Linux => "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3",
        Personality::Gaia => "SSH-2.0-OpenSSH_7.8",
        Personality::BigIp => "SSH-2.0-OpenSSH_7.4",
        Personality::Nios | Personality::PanOs => "SSH-2.0-OpenSSH_8.0",
        Personality::FortiOs => "SSH-2.0-fz1kKe",
    };
    id.to_owned()
}
