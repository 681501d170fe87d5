//! What people decide of versions.

use etiqa_engine::history::decide;
use etiqa_model::class::Class;
use etiqa_model::config::{VersionState, VersionWords};

use crate::common::world::World;

fn words(label: &str, note: &str) -> VersionWords {
    VersionWords { label: label.into(), note: note.into() }
}

#[tokio::test]
async fn an_older_version_becomes_the_active_one_and_is_what_the_next_text_is_compared_with() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    world.collect(id).await;
    let old = simulated.config();
    simulated.change_config();
    world.collect(id).await;

    let first = world.versions(id).await[1].id;
    decide::activate(&world.engine, first).await.unwrap();
    let states: Vec<_> = world.versions(id).await.iter().map(|version| version.state).collect();
    assert_eq!(states, [VersionState::Inactive, VersionState::Active]);
    let again = decide::activate(&world.engine, first).await.unwrap_err().into_user_error();
    assert_eq!(again.message, "Version 1 is active already.");

    assert_eq!(world.collect(id).await.class, Class::Ok, "the device still has the newer text");
    assert_eq!(world.versions(id).await.len(), 3);
    let third = world.versions(id).await[0].clone();
    decide::activate(&world.engine, first).await.unwrap();
    simulated.set_config(old);
    assert_eq!(
        world.collect(id).await.class,
        Class::Unchanged,
        "it has the text of the active version again"
    );
    assert_eq!(world.versions(id).await[0].id, third.id);
}

#[tokio::test]
async fn a_suspect_version_is_accepted_rather_than_made_active() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    world.collect(id).await;
    let whole = simulated.config();
    let some: Vec<&str> = whole.lines().take(whole.lines().count() / 4).collect();
    simulated.set_config(format!("{}\nend\n", some.join("\n")));
    world.collect(id).await;
    let suspect = world.versions(id).await[0].clone();
    assert_eq!(suspect.state, VersionState::Suspect);
    let refused = decide::activate(&world.engine, suspect.id).await.unwrap_err().into_user_error();
    assert_eq!(refused.message, "Version 2 is suspect: accept or reject it.");
    assert_eq!(world.versions(id).await[1].state, VersionState::Active);
}

#[tokio::test]
async fn a_version_is_called_something_and_the_words_can_be_taken_away() {
    let world = World::new().await;
    let (_simulated, id) = world.add_ios().await;
    world.collect(id).await;
    let version = world.versions(id).await[0].id;
    let said = words("  before the upgrade ", "Ticket 4711.\nAsk Ada.");
    decide::describe(&world.engine, version, &said).await.unwrap();
    let known = world.versions(id).await.remove(0);
    assert_eq!(known.label.as_deref(), Some("before the upgrade"));
    assert_eq!(known.note.as_deref(), Some("Ticket 4711.\nAsk Ada."));

    let too_long = words(&"x".repeat(61), "a\u{7}b");
    let refused = decide::describe(&world.engine, version, &too_long).await.unwrap_err().into_user_error();
    assert_eq!(refused.fields.len(), 2, "{refused:?}");
    assert_eq!(world.versions(id).await[0].label.as_deref(), Some("before the upgrade"), "nothing changed");

    decide::describe(&world.engine, version, &words(" ", "")).await.unwrap();
    let known = world.versions(id).await.remove(0);
    assert_eq!((known.label, known.note), (None, None));
}
