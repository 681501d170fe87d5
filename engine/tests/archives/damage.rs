//! Wherever an archive is damaged, and however it is sealed, that is found.

use std::path::Path;

use etiqa_engine::backup::inspect::archive_detail;
use etiqa_engine::backup::verify::{verify_path, verify_run};
use etiqa_model::archive::Encryption;
use etiqa_model::run::Run;

use crate::common::world::World;
use crate::support::{full_backup, key, path};

const KINDS: [Encryption; 3] = [Encryption::None, Encryption::Passphrase, Encryption::Age];

/// Positions that are tried all over each kind of archive, and at each of its ends.
const POSITIONS: usize = 40;
const AT_THE_ENDS: usize = 24;

/// The first and the last bytes, which say what the file is and where the list of its entries stands, and many between.
fn positions(length: usize) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..length).step_by(length / POSITIONS).collect();
    positions.extend((0..AT_THE_ENDS).chain(length - AT_THE_ENDS..length));
    positions.sort_unstable();
    positions.dedup();
    positions
}

#[tokio::test]
async fn a_flipped_bit_is_found_in_every_kind_of_archive() {
    for encryption in KINDS {
        let (world, _device, run) = full_backup(encryption).await;
        let file = path(&world, &run);
        let whole = std::fs::read(&file).unwrap();
        for (number, position) in positions(whole.len()).into_iter().enumerate() {
            let mut flipped = whole.clone();
            flipped[position] ^= 1 << (number % 8);
            std::fs::write(&file, &flipped).unwrap();
            let outcome = verify_run(&world.engine, run.id).await.unwrap();
            assert!(outcome.damage.is_some(), "{encryption:?}: a bit flipped at {position}");
        }
        std::fs::write(&file, [whole.as_slice(), b"\0"].concat()).unwrap();
        let longer = verify_run(&world.engine, run.id).await.unwrap();
        assert!(longer.damage.is_some(), "{encryption:?}: a byte more");

        std::fs::write(&file, &whole).unwrap();
        assert_eq!(verify_run(&world.engine, run.id).await.unwrap().damage, None);
        let detail = archive_detail(&world.engine, run.id, "").await.unwrap();
        assert_eq!(detail.notes[0].note, "Found whole again.");
        assert!(detail.notes[1].note.starts_with("Found damaged: "), "{:?}", detail.notes);
    }
}

#[tokio::test]
async fn a_cut_tail_is_found_in_every_kind_of_archive_by_who_knows_nothing_but_the_file() {
    for encryption in KINDS {
        let (world, _device, run) = full_backup(encryption).await;
        let file = path(&world, &run);
        let whole = std::fs::read(&file).unwrap();
        for position in positions(whole.len()) {
            std::fs::write(&file, &whole[..position]).unwrap();
            let cut = verify_path(file.clone(), key(encryption)).await.unwrap();
            assert!(cut.is_err_and(|refusal| refusal.is_damage()), "{encryption:?}: cut at {position}");
        }
    }
}

/// Where the bytes of each entry begin and end in a zip, but of the manifest.
fn places(zip: &[u8]) -> Vec<(String, usize, usize)> {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(zip)).unwrap();
    let mut places = Vec::new();
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).unwrap();
        let name = entry.name().unwrap().into_owned();
        if name != "manifest.json" {
            let begin = usize::try_from(entry.data_start().unwrap()).unwrap();
            places.push((name, begin, begin + usize::try_from(entry.compressed_size()).unwrap()));
        }
    }
    assert!(places.len() > 3);
    places
}

#[tokio::test]
async fn damage_names_the_entry_that_it_is_in() {
    for encryption in [Encryption::None, Encryption::Passphrase] {
        let (world, _device, run) = full_backup(encryption).await;
        let file = path(&world, &run);
        let whole = std::fs::read(&file).unwrap();
        for (name, begin, end) in places(&whole) {
            for place in [begin, begin + (end - begin) / 4, begin + (end - begin) / 2, end - 1] {
                let mut broken = whole.clone();
                broken[place] ^= 1;
                let damage = damage(&world, &run, &file, &broken).await;
                assert!(damage.starts_with(&name), "{encryption:?}, {name} at {place}: {damage}");
            }
        }
    }
}

async fn damage(world: &World, run: &Run, file: &Path, broken: &[u8]) -> String {
    std::fs::write(file, broken).unwrap();
    verify_run(&world.engine, run.id).await.unwrap().damage.unwrap()
}

#[tokio::test]
async fn who_holds_an_identity_is_told_the_entry_as_well() {
    let (world, _device, first) = full_backup(Encryption::Age).await;
    // age seals pieces of 64 KiB: an entry is told from the next one where it is longer than that.
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    });
    let noise: Vec<u8> = noise.take(1 << 20).collect();
    std::fs::write(world.engine.dir.media().join("noise.bin"), &noise).unwrap();
    let run = world.run(first.backup_config_id.unwrap()).await;
    let file = path(&world, &run);
    let whole = std::fs::read(&file).unwrap();
    for place in [whole.len() / 4, whole.len() / 2, whole.len() / 4 * 3] {
        let mut broken = whole.clone();
        broken[place] ^= 1;
        std::fs::write(&file, &broken).unwrap();
        let refusal = verify_path(file.clone(), key(Encryption::Age)).await.unwrap().unwrap_err();
        assert!(refusal.is_damage() && refusal.to_string().starts_with("media/noise.bin"), "{refusal}");
    }
}
