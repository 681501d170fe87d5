//! A destination that is another place from now on: nothing of what was sent to the one before is in it.

use std::path::Path;
use std::time::Duration;

use etiqa_engine::backup::destinations::{find, save, send_now};
use etiqa_model::destination::{CopyState, DestinationInput, DestinationKind};

use crate::servers::HttpServer;
use crate::support::{
    HangingMark, KINDS, Place, bucket, copies, copy, is_sent, keep_one, nas, run_and_send, world_with,
};

/// Another place of the same kind.
fn moved(kind: DestinationKind, input: &DestinationInput, folder: &Path) -> DestinationInput {
    let mut input = input.clone();
    match kind {
        DestinationKind::Folder => folder.to_str().unwrap().clone_into(&mut input.path),
        DestinationKind::S3 => "graz".clone_into(&mut input.prefix),
        DestinationKind::Webdav => input.url.push_str("-new"),
        DestinationKind::Sftp => input.path.push_str("-new"),
        DestinationKind::Git => unreachable!("a mirror holds no archives"),
    }
    input
}

#[tokio::test]
async fn archives_that_are_here_are_sent_anew_to_where_a_destination_moves() {
    for kind in KINDS {
        let place = Place::of(kind).await;
        let folder = tempfile::tempdir().unwrap();
        let (world, id, config) = world_with(&place.input).await;
        let runs = [run_and_send(&world, config).await, run_and_send(&world, config).await];
        save(&world.engine, Some(id), &moved(kind, &place.input, folder.path())).await.unwrap();
        for run in &runs {
            let waiting = copy(&world, run.id).await;
            assert_eq!((waiting.state, waiting.attempts), (CopyState::Waiting, 0), "{kind:?}");
            assert_eq!((waiting.remote_name, waiting.sent_at), (None, None), "{kind:?}");
        }
        send_now(&world.engine).await.unwrap();
        for run in &runs {
            assert!(is_sent(&world, run.id).await, "{kind:?}: {:?}", copy(&world, run.id).await);
        }
        assert_eq!(place.files().len(), 2, "{kind:?}: what is at the place before stays there");
    }
}

#[tokio::test]
async fn copies_whose_archives_are_gone_here_are_forgotten_with_their_place() {
    let (before, after) =
        (Place::of(DestinationKind::Folder).await, Place::of(DestinationKind::Folder).await);
    let kept = DestinationInput { keep: "forever".into(), ..before.input.clone() };
    let (world, id, config) = world_with(&kept).await;
    keep_one(&world).await;
    let first = run_and_send(&world, config).await;
    let second = run_and_send(&world, config).await;
    assert!(is_sent(&world, first.id).await, "its archive is gone here, and its copy is there");
    let input = DestinationInput { path: after.input.path.clone(), ..kept };
    save(&world.engine, Some(id), &input).await.unwrap();
    send_now(&world.engine).await.unwrap();
    assert_eq!(copies(&world, first.id).await, []);
    assert!(is_sent(&world, second.id).await);
    assert_eq!((before.files().len(), after.files()), (2, vec![second.file.unwrap()]));
}

#[tokio::test]
async fn what_was_to_be_deleted_at_the_place_before_is_forgotten() {
    let server = HttpServer::s3().await;
    let (world, id, config) = world_with(&bucket(&server)).await;
    keep_one(&world).await;
    let first = run_and_send(&world, config).await;
    server.fault(|faults| faults.refused_methods = vec!["DELETE"]);
    run_and_send(&world, config).await;
    assert_eq!(copy(&world, first.id).await.state, CopyState::Leaving);
    let input = DestinationInput { prefix: "graz".into(), ..bucket(&server) };
    save(&world.engine, Some(id), &input).await.unwrap();
    assert_eq!(copies(&world, first.id).await, []);
    assert_eq!(nas(&world).await.leaving, 0);
}

#[tokio::test]
async fn a_change_that_moves_nothing_leaves_copies_and_the_mark_of_the_folder() {
    let place = Place::of(DestinationKind::Folder).await;
    let (world, id, config) = world_with(&place.input).await;
    let run = run_and_send(&world, config).await;
    let (before, facts) = (copy(&world, run.id).await, nas(&world).await.facts);
    assert!(facts.marker.is_some());
    let path = format!("{}/", place.input.path);
    let input = DestinationInput { name: "Shelf".into(), path, ..place.input.clone() };
    save(&world.engine, Some(id), &input).await.unwrap();
    let after = copy(&world, run.id).await;
    assert_eq!((after.state, after.sent_at), (CopyState::Sent, before.sent_at));
    assert_eq!(find(&world.engine, "Shelf").await.unwrap().facts, facts);
}

#[tokio::test]
async fn what_is_on_its_way_while_its_destination_moves_is_not_taken_for_sent() {
    let (before, after) =
        (Place::of(DestinationKind::Folder).await, Place::of(DestinationKind::Folder).await);
    let (world, id, config) = world_with(&before.input).await;
    let first = run_and_send(&world, config).await;
    let second = world.run(config).await;
    let mark = HangingMark::of(&before.input.path);
    let moving = async {
        let asked = mark.asked().await;
        save(&world.engine, Some(id), &after.input).await.unwrap();
        mark.answer(asked);
    };
    let both = async { tokio::join!(send_now(&world.engine), moving) };
    let ended = tokio::time::timeout(Duration::from_secs(30), Box::pin(both)).await;
    ended.expect("it does not end").0.unwrap();
    let mut made = [first.file.unwrap(), second.file.unwrap()];
    made.sort();
    assert_eq!(after.files(), made, "it went to the place before, and then to where it belongs");
    assert!(is_sent(&world, first.id).await && is_sent(&world, second.id).await);
    let marked = std::fs::read_to_string(after.file(".etiqa-destination")).unwrap();
    assert_eq!(nas(&world).await.facts.marker.as_deref(), Some(marked.trim()));
}
