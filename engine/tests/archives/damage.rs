//! Wherever an archive is damaged, and however it is sealed, that is found.

use etiqa_engine::backup::inspect::archive_detail;
use etiqa_engine::backup::verify::{verify_path, verify_run};
use etiqa_model::archive::Encryption;

use crate::support::{full_backup, key, path};

/// Positions that are tried in each kind of archive.
const POSITIONS: usize = 40;

#[tokio::test]
async fn a_flipped_bit_and_a_cut_tail_are_found_in_every_kind_of_archive() {
    for encryption in [Encryption::None, Encryption::Passphrase, Encryption::Age] {
        let (world, _device, run) = full_backup(encryption).await;
        let file = path(&world, &run);
        let whole = std::fs::read(&file).unwrap();
        for position in (0..whole.len()).step_by(whole.len() / POSITIONS) {
            let mut flipped = whole.clone();
            flipped[position] ^= 0x20;
            std::fs::write(&file, &flipped).unwrap();
            let outcome = verify_run(&world.engine, run.id).await.unwrap();
            assert!(outcome.damage.is_some(), "{encryption:?}: a bit flipped at {position}");
            std::fs::write(&file, &whole[..position]).unwrap();
            let cut = verify_path(file.clone(), key(encryption)).await.unwrap();
            assert!(cut.is_err(), "{encryption:?}: cut at {position}");
        }
        std::fs::write(&file, &whole).unwrap();
        assert_eq!(verify_run(&world.engine, run.id).await.unwrap().damage, None);
        let detail = archive_detail(&world.engine, run.id, "").await.unwrap();
        assert_eq!(detail.notes[0].note, "Found whole again.");
        assert!(detail.notes[1].note.starts_with("Found damaged: "), "{:?}", detail.notes);
    }
}

#[tokio::test]
async fn damage_names_the_entry_that_it_is_in() {
    for encryption in [Encryption::None, Encryption::Passphrase] {
        let (world, _device, run) = full_backup(encryption).await;
        let file = path(&world, &run);
        let whole = std::fs::read(&file).unwrap();
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&whole)).unwrap();
        let mut places = Vec::new();
        for index in 0..zip.len() {
            let entry = zip.by_index_raw(index).unwrap();
            let name = entry.name().unwrap().into_owned();
            if name != "manifest.json" {
                places.push((name, entry.data_start().unwrap() + entry.compressed_size() / 2));
            }
        }
        assert!(places.len() > 3);
        for (name, place) in places {
            let mut broken = whole.clone();
            broken[usize::try_from(place).unwrap()] ^= 1;
            std::fs::write(&file, &broken).unwrap();
            let damage = verify_run(&world.engine, run.id).await.unwrap().damage.unwrap();
            assert!(damage.starts_with(&name), "{encryption:?}, {name}: {damage}");
        }
    }
}
