//! Who can open an archive, and who cannot.

use etiqa_engine::backup::archive::reader::Refusal;
use etiqa_engine::backup::verify::{Key, verify_path, verify_run};
use etiqa_engine::backup::{config, find_run};
use etiqa_model::Secret;
use etiqa_model::archive::Encryption;
use etiqa_model::backup::BackupConfigInput;

use crate::common::world::World;
use crate::support::{full_backup, key, path, seal};

#[tokio::test]
async fn an_archive_opens_with_its_own_key_and_no_other() {
    for encryption in [Encryption::Passphrase, Encryption::Age] {
        let (world, _device, run) = full_backup(encryption).await;
        assert_eq!(run.encryption, encryption);
        let file = path(&world, &run);
        assert!(file.to_str().unwrap().ends_with(encryption.extension()));
        let opened = verify_path(file.clone(), key(encryption)).await.unwrap().unwrap();
        assert_eq!(opened.manifest.counts.configs, 2);

        let (refused, wrong, refused_wrong) = match encryption {
            Encryption::Age => {
                let stranger = "AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0SWRYDWG";
                let stranger = Key::from_identity_file(&Secret::new(stranger), None).unwrap();
                (Refusal::NeedsIdentity, stranger, Refusal::WrongIdentity)
            }
            _ => {
                let wrong = Key::Passphrase(Secret::new("a wrong passphrase"));
                (Refusal::NeedsPassphrase, wrong, Refusal::WrongPassphrase)
            }
        };
        assert_eq!(verify_path(file.clone(), Key::None).await.unwrap().unwrap_err(), refused);
        assert_eq!(verify_path(file, wrong).await.unwrap().unwrap_err(), refused_wrong);
    }
}

#[tokio::test]
async fn what_is_sealed_for_recipients_holds_no_text_that_the_server_could_read() {
    let (world, _device, run) = full_backup(Encryption::Age).await;
    let bytes = std::fs::read(path(&world, &run)).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1\n"));
    for word in ["manifest.json", "configs/", "hostname"] {
        assert!(!bytes.windows(word.len()).any(|window| window == word.as_bytes()), "{word}");
    }
    let outcome = verify_run(&world.engine, run.id).await.unwrap();
    assert_eq!((outcome.sealed, outcome.damage), (true, None));
}

#[tokio::test]
async fn an_archive_opens_with_the_passphrase_that_it_was_made_with_after_that_was_changed() {
    let (world, _device, run) = full_backup(Encryption::Passphrase).await;
    let id = run.backup_config_id.unwrap();
    let known = config::find(&world.engine, &run.name).await.unwrap();
    let input = BackupConfigInput { passphrase: Secret::new("another passphrase"), ..known.to_input() };
    config::save(&world.engine, Some(id), &input).await.unwrap();
    let later = world.run(id).await;
    for run in [&run, &later] {
        assert_eq!(verify_run(&world.engine, run.id).await.unwrap().damage, None);
    }
    let newer = Key::Passphrase(Secret::new("another passphrase"));
    assert!(verify_path(path(&world, &later), newer).await.unwrap().is_ok());

    // An edit that says nothing of it keeps it.
    let input = BackupConfigInput { name: "Renamed".into(), passphrase: Secret::default(), ..input };
    config::save(&world.engine, Some(id), &input).await.unwrap();
    assert!(world.run(id).await.is_good());
    assert!(find_run(&world.engine, run.id).await.unwrap().is_good());
}

#[tokio::test]
async fn a_seal_that_would_protect_nothing_is_refused_with_a_sentence() {
    let world = World::new().await;
    let save = async |change: &dyn Fn(&mut BackupConfigInput)| {
        let mut input = BackupConfigInput { name: "Sealed".into(), ..BackupConfigInput::default() };
        change(&mut input);
        config::save(&world.engine, None, &input).await.unwrap_err().into_user_error().message
    };
    let short = save(&|input| {
        seal(input, Encryption::Passphrase);
        input.passphrase = Secret::new("too short");
    })
    .await;
    assert_eq!(short, "The passphrase is too short: give at least 12 characters.");
    let none = save(&|input| input.encryption = "passphrase".into()).await;
    assert_eq!(none, "Give a passphrase, or have one made.");
    let nobody = save(&|input| input.encryption = "age".into()).await;
    assert!(nobody.starts_with("Give at least one recipient"), "{nobody}");
    let typo = save(&|input| {
        seal(input, Encryption::Age);
        input.recipients.push('x');
    })
    .await;
    assert!(typo.contains("is no age recipient"), "{typo}");
}

#[tokio::test]
async fn a_passphrase_hides_the_checksums_of_what_is_in_the_archive() {
    let (world, _device, run) = full_backup(Encryption::Passphrase).await;
    let file = std::fs::File::open(path(&world, &run)).unwrap();
    let mut zip = zip::ZipArchive::new(file).unwrap();
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).unwrap();
        assert!(entry.encrypted());
        assert_eq!(entry.crc32(), 0, "{}: AE-2 has none", entry.name().unwrap());
    }
}
