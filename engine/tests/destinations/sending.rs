//! Archives come to every kind of place whole, under their names, once.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;
use std::time::Duration;

use etiqa_engine::backup::destinations::{send_now, test};
use etiqa_engine::schedule::worker::worker;
use etiqa_model::destination::{CopyState, DestinationKind};

use crate::servers::HttpServer;
use crate::support::{
    KINDS, Place, bucket, copy, execute, is_sent, nas, run_and_send, run_by_worker, world_with,
};

#[tokio::test]
async fn an_archive_comes_whole_to_every_kind_of_place_under_its_name() {
    for kind in KINDS {
        let place = Place::of(kind).await;
        let (world, _, config) = world_with(&place.input).await;
        let run = run_and_send(&world, config).await;
        let sent = copy(&world, run.id).await;
        assert_eq!((sent.state, sent.problem), (CopyState::Sent, None), "{kind:?}");
        assert_eq!(sent.remote_name, run.file, "{kind:?}");
        let file = run.file.unwrap();
        assert_eq!(place.files(), std::slice::from_ref(&file), "{kind:?}: nothing but the archive is there");
        let here = std::fs::read(world.engine.dir.backups().join(&file)).unwrap();
        assert_eq!(std::fs::read(place.file(&file)).unwrap(), here, "{kind:?}");
        let known = nas(&world).await;
        assert_eq!((known.sent, known.waiting, known.problem), (1, 0, None), "{kind:?}");
        assert!(known.last_ok_at.is_some());
    }
}

#[tokio::test]
async fn a_different_file_of_the_same_name_is_never_overwritten() {
    for kind in KINDS {
        let place = Place::of(kind).await;
        let (world, _, config) = world_with(&place.input).await;
        let run = world.run(config).await;
        let file = run.file.unwrap();
        let size = usize::try_from(run.size_bytes.unwrap()).unwrap();
        // Of the very size, so that only its bytes tell.
        let foreign = "x".repeat(size);
        place.put(&file, &foreign);
        send_now(&world.engine).await.unwrap();
        let sent = copy(&world, run.id).await;
        let second = file.replace(".zip", "_2.zip");
        assert_eq!(
            (sent.state, sent.remote_name.as_deref()),
            (CopyState::Sent, Some(second.as_str())),
            "{kind:?}"
        );
        assert_eq!(place.files(), [file.clone(), second], "{kind:?}");
        assert_eq!(std::fs::read_to_string(place.file(&file)).unwrap(), foreign, "{kind:?}");
    }
}

#[tokio::test]
async fn what_is_there_already_is_found_equal_and_not_sent_again() {
    for kind in KINDS {
        let place = Place::of(kind).await;
        let (world, _, config) = world_with(&place.input).await;
        let run = run_and_send(&world, config).await;
        let file = run.file.unwrap();
        let written = std::fs::metadata(place.file(&file)).unwrap().modified().unwrap();
        // As after a kill between the upload and its note.
        execute(&world, "UPDATE archive_copy SET state = 'waiting', remote_name = NULL, sent_at = NULL")
            .await;
        send_now(&world.engine).await.unwrap();
        let sent = copy(&world, run.id).await;
        assert_eq!((sent.state, sent.remote_name), (CopyState::Sent, Some(file.clone())), "{kind:?}");
        assert_eq!(place.files(), std::slice::from_ref(&file), "{kind:?}");
        assert_eq!(std::fs::metadata(place.file(&file)).unwrap().modified().unwrap(), written, "{kind:?}");
    }
}

#[tokio::test]
async fn what_an_upload_left_that_was_cut_off_is_begun_anew() {
    for kind in [DestinationKind::Folder, DestinationKind::Webdav, DestinationKind::Sftp] {
        let place = Place::of(kind).await;
        let (world, _, config) = world_with(&place.input).await;
        let run = world.run(config).await;
        place.put(&format!(".etiqa-{}-1.part", world.engine.dir.id()), "the first half of an archive");
        send_now(&world.engine).await.unwrap();
        assert!(is_sent(&world, run.id).await, "{kind:?}");
        assert_eq!(place.files(), [run.file.unwrap()], "{kind:?}");
    }
}

#[tokio::test]
async fn a_copy_in_a_folder_is_nobody_elses_to_read_and_follows_no_link() {
    let place = Place::of(DestinationKind::Folder).await;
    let (world, _, config) = world_with(&place.input).await;
    let run = world.run(config).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("precious");
    std::fs::write(&target, "somebody's own").unwrap();
    symlink(&target, place.file(&format!(".etiqa-{}-1.part", world.engine.dir.id()))).unwrap();
    send_now(&world.engine).await.unwrap();
    assert!(is_sent(&world, run.id).await);
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "somebody's own");
    let there = std::fs::symlink_metadata(place.file(&run.file.unwrap())).unwrap();
    assert!(there.is_file());
    assert_eq!(there.permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_large_archive_goes_to_a_bucket_in_parts() {
    let server = HttpServer::s3().await;
    let (world, _, config) = world_with(&bucket(&server)).await;
    let mut noise = vec![0_u8; 20 << 20];
    rand::fill(noise.as_mut_slice());
    std::fs::write(world.engine.dir.media().join("noise.bin"), &noise).unwrap();
    let run = run_and_send(&world, config).await;
    assert!(is_sent(&world, run.id).await, "{:?}", copy(&world, run.id).await);
    let parts = server.calls().iter().filter(|call| call.contains("partNumber=")).count();
    assert_eq!(parts, 3);
    let there = std::fs::metadata(server.folder().join("vienna").join(run.file.unwrap())).unwrap();
    assert_eq!(Some(there.len()), run.size_bytes);
}

#[tokio::test]
async fn a_test_writes_reads_and_deletes_a_probe_and_leaves_nothing() {
    for kind in KINDS {
        let place = Place::of(kind).await;
        let (world, id, _) = world_with(&place.input).await;
        let tested = test(&world.engine, id).await.unwrap();
        assert!(tested.is_good, "{kind:?}: {}", tested.message);
        assert_eq!(tested.message, "A probe was written, read back and deleted.");
        assert_eq!(place.files(), [] as [&str; 0], "{kind:?}");
    }
}

#[tokio::test]
async fn the_retention_that_a_bucket_has_by_itself_is_found_and_shown() {
    let server = HttpServer::s3().await;
    let (world, id, _) = world_with(&bucket(&server)).await;
    assert!(test(&world.engine, id).await.unwrap().is_good);
    assert_eq!(nas(&world).await.facts.retention, None, "this server knows no object lock");
    server.fault(|faults| {
        faults.object_lock = Some(
            "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
             <Mode>COMPLIANCE</Mode><Days>30</Days></DefaultRetention></Rule></ObjectLockConfiguration>",
        );
    });
    assert!(test(&world.engine, id).await.unwrap().is_good);
    assert_eq!(nas(&world).await.facts.retention.as_deref(), Some("30 days, compliance mode"));
    server.fault(|faults| {
        let words = "<Mode>COMPLIANCE</Mode><Days>30</Days>";
        faults.object_lock = Some(format!("{words}{}", " ".repeat(100 << 10)).leak());
    });
    assert!(test(&world.engine, id).await.unwrap().is_good);
    assert_eq!(nas(&world).await.facts.retention, None, "so long an answer is not read");
}

#[tokio::test]
async fn the_worker_sends_a_new_archive_by_itself() {
    let place = Place::of(DestinationKind::Folder).await;
    let (world, _, config) = world_with(&place.input).await;
    let working = tokio::spawn(worker(Arc::clone(&world.engine), None));
    let run = run_by_worker(&world, config).await;
    let sent = async {
        while !is_sent(&world, run.id).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), sent).await.expect("nobody sent it");
    // The next one is other work, whatever became of the first.
    let second = run_by_worker(&world, config).await;
    let sent = async {
        while !is_sent(&world, second.id).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), sent).await.expect("nobody sent the second one");
    world.engine.stopping.cancel();
    working.await.unwrap();
}
