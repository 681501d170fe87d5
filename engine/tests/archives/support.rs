//! Archives of every kind, and what opens them.

use std::path::PathBuf;

use etiqa_engine::backup::verify::Key;
use etiqa_model::Secret;
use etiqa_model::archive::Encryption;
use etiqa_model::backup::BackupConfigInput;
use etiqa_model::run::Run;
use etiqa_simulator::SimulatedDevice;

use crate::common::world::World;

pub(crate) const PASSPHRASE: &str = "correct horse battery";
/// A key pair of `age-keygen`, made for these tests.
pub(crate) const IDENTITY: &str =
    "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
pub(crate) const RECIPIENT: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

/// Seals archives as `encryption` says.
pub(crate) fn seal(input: &mut BackupConfigInput, encryption: Encryption) {
    encryption.as_str().clone_into(&mut input.encryption);
    match encryption {
        Encryption::None => {}
        Encryption::Passphrase => input.passphrase = Secret::new(PASSPHRASE),
        Encryption::Age => RECIPIENT.clone_into(&mut input.recipients),
    }
}

/// What opens such an archive.
pub(crate) fn key(encryption: Encryption) -> Key {
    match encryption {
        Encryption::None => Key::None,
        Encryption::Passphrase => Key::Passphrase(Secret::new(PASSPHRASE)),
        Encryption::Age => Key::from_identity_file(&Secret::new(IDENTITY), None).unwrap(),
    }
}

/// A world with one device and the completed run of a full backup.
pub(crate) async fn full_backup(encryption: Encryption) -> (World, SimulatedDevice, Run) {
    let world = World::new().await;
    let (device, _) = world.add_ios().await;
    std::fs::create_dir_all(world.engine.dir.media().join("rack 1")).unwrap();
    std::fs::write(world.engine.dir.media().join("rack 1/plan.txt"), "top of rack").unwrap();
    std::fs::write(world.engine.dir.media().join("photo 10:15.txt"), "a name that other systems refuse")
        .unwrap();
    std::fs::write(world.engine.dir.logs().join("etiqa.log"), "a line\n".repeat(1000)).unwrap();
    let config = world
        .add_config(|input| {
            input.kind = "full".into();
            seal(input, encryption);
        })
        .await;
    let run = world.run(config).await;
    assert!(run.is_good(), "{run:?}");
    (world, device, run)
}

pub(crate) fn path(world: &World, run: &Run) -> PathBuf {
    world.engine.dir.backups().join(run.file.as_ref().unwrap())
}
