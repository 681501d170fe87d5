//! Folders that are not there, not the ones they should be, or that hang: shares, mostly.

use std::path::Path;
use std::time::Duration;

use etiqa_engine::backup::destinations::{accept_key, retry, save, send_now, test};
use etiqa_model::destination::{CopyState, DestinationInput, DestinationKind};

use crate::support::{HangingMark, Place, copy, is_sent, nas, pause_minutes, run_and_send, world_with};

#[tokio::test]
async fn a_folder_that_nobody_may_write_to_or_that_is_gone_says_so() {
    let (world, _, config) = world_with(&Place::of(DestinationKind::Folder).await.input).await;
    // Its share went away with the place.
    run_and_send(&world, config).await;
    let problem = nas(&world).await.problem.unwrap();
    assert!(problem.contains("Is the share mounted?"), "{problem}");
    assert_eq!(pause_minutes(&world).await, Some(1));

    let sealed = DestinationInput {
        name: "Sealed".into(),
        // Of the system itself: not even root makes files there.
        path: "/sys/kernel".into(),
        ..DestinationInput::default()
    };
    let id = save(&world.engine, None, &sealed).await.unwrap();
    let tested = test(&world.engine, id).await.unwrap();
    assert!(!tested.is_good && tested.message.contains("this user may not"), "{}", tested.message);
}

#[tokio::test]
async fn a_share_that_is_not_mounted_any_more_is_not_filled() {
    let place = Place::of(DestinationKind::Folder).await;
    let (world, _, config) = world_with(&place.input).await;
    run_and_send(&world, config).await;
    // What an unmounted share leaves: the folder, and nothing in it.
    for entry in std::fs::read_dir(&place.input.path).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let run = run_and_send(&world, config).await;
    assert_eq!(place.files(), [] as [&str; 0]);
    let problem = copy(&world, run.id).await.problem.unwrap();
    assert!(problem.contains("is not the folder that copies were sent to before"), "{problem}");
    assert!(nas(&world).await.facts.is_other_folder);

    // Neither a change of the settings nor a test says that it is the right one.
    let known = nas(&world).await;
    save(&world.engine, Some(known.id), &known.to_input()).await.unwrap();
    assert!(!test(&world.engine, known.id).await.unwrap().is_good);
    retry(&world.engine, known.id).await.unwrap();
    send_now(&world.engine).await.unwrap();
    assert_eq!(place.files(), [] as [&str; 0]);
    let mark = Path::new(&place.input.path).join(".etiqa-destination");
    assert!(!mark.exists());

    // The share is mounted again.
    std::fs::write(&mark, known.facts.marker.unwrap()).unwrap();
    retry(&world.engine, known.id).await.unwrap();
    send_now(&world.engine).await.unwrap();
    assert!(is_sent(&world, run.id).await && !nas(&world).await.facts.is_other_folder);
}

#[tokio::test]
async fn another_folder_takes_the_place_of_the_known_one_once_a_person_accepts_it() {
    let place = Place::of(DestinationKind::Folder).await;
    let (world, id, config) = world_with(&place.input).await;
    let refused = accept_key(&world.engine, id).await.unwrap_err().into_user_error();
    assert!(refused.message.contains("no other folder"), "{}", refused.message);
    let first = run_and_send(&world, config).await;
    for entry in std::fs::read_dir(&place.input.path).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let second = run_and_send(&world, config).await;
    assert!(!is_sent(&world, second.id).await);
    accept_key(&world.engine, id).await.unwrap();
    send_now(&world.engine).await.unwrap();
    assert!(is_sent(&world, first.id).await && is_sent(&world, second.id).await);
    assert_eq!(place.files().len(), 2, "what was sent to the one before was not in it");
    let known = nas(&world).await;
    assert!(known.problem.is_none() && known.facts.marker.is_some() && !known.facts.is_other_folder);
}

#[tokio::test]
async fn a_share_that_hangs_does_not_keep_the_program_from_stopping() {
    let place = Place::of(DestinationKind::Folder).await;
    let (world, _, config) = world_with(&place.input).await;
    run_and_send(&world, config).await;
    let run = world.run(config).await;
    let mark = HangingMark::of(&place.input.path);
    let stopping = async {
        let asked = mark.asked().await;
        world.engine.stopping.cancel();
        asked
    };
    let both = async { tokio::join!(send_now(&world.engine), stopping) };
    let ended = tokio::time::timeout(Duration::from_secs(8), both).await;
    ended.expect("it waits for the share").0.unwrap();
    assert_eq!(copy(&world, run.id).await.state, CopyState::Waiting);
    assert_eq!(nas(&world).await.failures, 0, "what a stop cuts off is no failure");
}
