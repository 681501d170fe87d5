//! Makes the archives of `tests/archives/golden`: `cargo run --profile ci --example golden_archives -- FOLDER`.
//!
//! Run when the format or the schema has changed, and then only to add files: those of before stay as they are, for they
//! are what later versions must still read.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what cannot go on ends")]

#[path = "../tests/common/mod.rs"]
mod common;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/archives/support.rs"]
mod support;

use std::path::PathBuf;

use etiqa_engine::artifacts;
use etiqa_engine::db::newest_schema;
use etiqa_engine::media::Attaching;
use etiqa_model::DeviceId;
use etiqa_model::archive::Encryption;
use etiqa_model::device::DeviceInput;
use etiqa_model::user::Role;
use etiqa_simulator::{DeviceSpec, Personality, SimulatedDevice};

use crate::common::world::World;
use crate::support::{path, seal};

#[tokio::main]
async fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("a folder to put them into"));
    let world = World::new().await;
    let (_router, router) = device(&world, Personality::Ios, "ios", "core-rtr-1").await;
    let (_balancer, balancer) = device(&world, Personality::BigIp, "bigip", "lb-1").await;
    let shown = artifacts::offered_certificate(&world.engine, balancer).await;
    if let Ok(shown) = shown {
        artifacts::accept_certificate(&world.engine, &Role::Operator.into(), balancer, &shown).await.unwrap();
    }
    let mut plan = Attaching::begin(&world.engine, router, "rack plan.txt").await.unwrap();
    plan.write(b"top of rack\n").await.unwrap();
    plan.finish("ada").await.unwrap();
    std::fs::write(world.engine.dir.logs().join("etiqa.log"), "a line\n".repeat(10)).unwrap();
    std::fs::copy(world.engine.dir.secret_key(), folder.join("golden.key")).unwrap();

    for encryption in [Encryption::None, Encryption::Passphrase, Encryption::Age] {
        let config = world.add_config(|input| {
            encryption.as_str().clone_into(&mut input.name);
            input.kind = "full".into();
            seal(input, encryption);
        });
        let run = world.run(config.await).await;
        assert!(run.is_good(), "{run:?}");
        let (kind, ending) = (encryption.as_str(), encryption.extension());
        let file = folder.join(format!("format1_schema{}_{kind}.{ending}", newest_schema()));
        std::fs::copy(path(&world, &run), &file).unwrap();
    }
}

async fn device(
    world: &World,
    personality: Personality,
    platform: &str,
    hostname: &str,
) -> (SimulatedDevice, DeviceId) {
    let spec = DeviceSpec::new(personality).hostname(hostname).artifact_size(2_000);
    let device = etiqa_simulator::start(spec, ([127, 0, 0, 1], 0)).await.unwrap();
    let input = DeviceInput {
        address: "127.0.0.1".into(),
        hostname: hostname.into(),
        port: device.addr().port().to_string(),
        https_port: device.https_addr().map(|addr| addr.port().to_string()).unwrap_or_default(),
        platform: platform.into(),
        ..DeviceInput::default()
    };
    let id = etiqa_engine::inventory::save(&world.engine, None, &input).await.unwrap();
    world.collect(id).await;
    if device.https_addr().is_some() {
        let (devices, never) = (vec![world.device(id).await], tokio_util::sync::CancellationToken::new());
        let purpose = etiqa_engine::fleet::Purpose::default();
        // The first try only learns the certificate that a person then accepts.
        etiqa_engine::fleet::fetch_artifacts(&world.engine, devices, purpose, &never, |_| {}).await.unwrap();
    }
    (device, id)
}
