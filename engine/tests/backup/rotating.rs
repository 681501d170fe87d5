//! New secrets of a credential while devices change over days.

use etiqa_engine::fleet::{
    credential_list_for_page, credential_rotate, credential_rotation_finish, credential_save, test_connection,
};
use etiqa_engine::store::jump_host::jump_host_fetch_by_name;
use etiqa_engine::{inventory, jump_hosts};
use etiqa_model::admin::JumpHostInput;
use etiqa_model::class::Class;
use etiqa_model::credential::{Credential, CredentialInput, NewSecrets};
use etiqa_model::{ErrorKind, Secret};

use crate::common::sshd::Sshd;
use crate::common::world::World;

const STILL: &str = "The device still takes the previous secrets of the credential sim.";

async fn credential(world: &World) -> Credential {
    let all = credential_list_for_page(&world.engine).await.unwrap();
    all.into_iter().find(|credential| credential.name == "sim").unwrap()
}

async fn rotate(world: &World, password: &str) {
    let new = NewSecrets { password: Secret::new(password), ..NewSecrets::default() };
    credential_rotate(&world.engine, credential(world).await.id, new).await.unwrap();
}

/// How many devices took the new secrets, of how many.
async fn renewed(world: &World) -> (u64, u64) {
    let rotation = credential(world).await.rotation.unwrap();
    (rotation.renewed, rotation.devices)
}

#[tokio::test]
async fn a_device_that_refuses_the_new_secrets_is_collected_with_the_previous_ones_and_no_refusal_is_repeated()
 {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    assert_eq!(world.collect(id).await.class, Class::Ok);
    let mut logins = simulated.sessions_total();
    let mut tried = || {
        let before = std::mem::replace(&mut logins, simulated.sessions_total());
        simulated.sessions_total() - before
    };
    rotate(&world, "new-password").await;
    assert_eq!(renewed(&world).await, (0, 1));

    let first = world.collect(id).await;
    assert_eq!((first.class, tried()), (Class::Unchanged, 2), "{}", first.message);
    assert_eq!(first.message, format!("Nothing changed. {STILL}"));
    let second = world.collect(id).await;
    assert_eq!((second.class, tried()), (Class::Unchanged, 1), "it begins with what was taken");
    assert!(second.message.ends_with(STILL));
    assert_eq!(renewed(&world).await, (0, 1));

    simulated.set_password("new-password");
    let changed = world.collect(id).await;
    assert_eq!((changed.class, tried()), (Class::Unchanged, 2), "{}", changed.message);
    assert_eq!(changed.message, "Nothing changed.");
    assert_eq!(renewed(&world).await, (1, 1));
    assert_eq!((world.collect(id).await.class, tried()), (Class::Unchanged, 1));
}

#[tokio::test]
async fn previous_secrets_are_forgotten_when_the_rotation_is_finished() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    rotate(&world, "new-password").await;
    assert_eq!(world.collect(id).await.class, Class::Ok);
    let sim = credential(&world).await.id;
    credential_rotation_finish(&world.engine, sim).await.unwrap();
    assert_eq!(credential(&world).await.rotation, None);

    let logins = simulated.sessions_total();
    let refused = world.collect(id).await;
    assert_eq!(refused.class, Class::AuthFailed);
    assert_eq!(refused.message, "The device refused the credential sim (user admin).");
    assert_eq!(simulated.sessions_total(), logins + 1);
    let again = credential_rotation_finish(&world.engine, sim).await.unwrap_err().into_user_error();
    assert_eq!(again.message, "The credential sim is not being rotated.");
}

#[tokio::test]
async fn a_device_that_takes_neither_is_told_so_by_name() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    rotate(&world, "new-password").await;
    simulated.set_password("something else");
    let refused = world.collect(id).await;
    assert_eq!(refused.class, Class::AuthFailed);
    assert_eq!(refused.message, "The device refused every credential: sim, sim (previous secrets).");
}

#[tokio::test]
async fn editing_corrects_the_new_secrets_and_a_second_rotation_waits_for_the_first_one() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    rotate(&world, "mistyped").await;
    let second = NewSecrets { password: Secret::new("newer"), ..NewSecrets::default() };
    let sim = credential(&world).await.id;
    let refused = credential_rotate(&world.engine, sim, second).await.unwrap_err().into_user_error();
    assert_eq!(refused.kind, ErrorKind::Conflict);
    assert!(
        refused.message.starts_with("The credential sim is being rotated already"),
        "{}",
        refused.message
    );
    let none =
        credential_rotate(&world.engine, sim, NewSecrets::default()).await.unwrap_err().into_user_error();
    assert!(none.field("password").is_some());

    assert!(world.collect(id).await.message.ends_with(STILL));
    let corrected = CredentialInput {
        name: "sim".into(),
        username: "admin".into(),
        password: Secret::new("new-password"),
        ..CredentialInput::default()
    };
    credential_save(&world.engine, Some(sim), corrected).await.unwrap();
    assert!(world.collect(id).await.message.ends_with(STILL), "the previous ones are still there");
    simulated.set_password("new-password");
    assert_eq!(world.collect(id).await.message, "Nothing changed.");
    assert_eq!(renewed(&world).await, (1, 1));
}

#[tokio::test]
async fn a_connection_test_says_which_secrets_are_taken_and_counts() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    rotate(&world, "new-password").await;
    let device = world.device(id).await;
    let tested = test_connection(&world.engine, &device, |_| {}).await.unwrap();
    let (class, message) = (tested.class.unwrap(), tested.message.unwrap());
    assert!(class.is_good() && message.ends_with(STILL), "{message}");
    let said: Vec<&str> = tested.steps.iter().map(|step| step.what.as_str()).collect();
    assert!(said.contains(&"→ the credential sim (previous secrets) is taken"), "{said:?}");

    simulated.set_password("new-password");
    test_connection(&world.engine, &device, |_| {}).await.unwrap();
    assert_eq!(renewed(&world).await, (1, 1));
}

#[tokio::test]
async fn a_jump_host_is_logged_in_to_with_the_secrets_that_it_took_last() {
    let world = World::new().await;
    let sshd = Sshd::start("LogLevel VERBOSE").await;
    let key = |name: &str| Secret::new(std::fs::read_to_string(sshd.path(name)).unwrap());
    let input = CredentialInput {
        name: "jump".into(),
        username: "root".into(),
        private_key: key("user"),
        ..CredentialInput::default()
    };
    let jump = credential_save(&world.engine, None, input).await.unwrap();
    let target = sshd.target().endpoint;
    let host = JumpHostInput {
        name: "hop".into(),
        address: target.address,
        port: target.port.to_string(),
        credential: "jump".into(),
        ..JumpHostInput::default()
    };
    jump_hosts::save(&world.engine, None, &host).await.unwrap();
    let (_simulated, id) = world.add_ios().await;
    let mut device = world.device(id).await.to_input();
    device.jump_host = "hop".into();
    device.credential = "sim".into();
    inventory::save(&world.engine, Some(id), &device).await.unwrap();

    let unreadable = NewSecrets { private_key: Secret::new("ssh-ed25519 AAAA"), ..NewSecrets::default() };
    let refused = credential_rotate(&world.engine, jump, unreadable).await.unwrap_err().into_user_error();
    assert_eq!(refused.fields[0].field, "private_key", "a public one, or half of one, opens nothing");
    let unknown = NewSecrets { private_key: key("host_ed25519"), ..NewSecrets::default() };
    credential_rotate(&world.engine, jump, unknown).await.unwrap();
    let mut refusals = Vec::new();
    for _ in 0..2 {
        let result = world.collect(id).await;
        assert!(result.class.is_good(), "{}", result.message);
        assert!(!result.message.contains("previous secrets"), "the device itself was not asked for these");
        refusals.push(sshd.whole_log().await.matches("Failed publickey").count());
    }
    assert_eq!(refusals[0], refusals[1], "what was refused once is not offered again");
    let host = jump_host_fetch_by_name(&world.engine.db, "hop").await.unwrap().unwrap();
    assert!(host.takes_previous);
    let all = credential_list_for_page(&world.engine).await.unwrap();
    let rotation = all.into_iter().find(|known| known.id == jump).unwrap().rotation.unwrap();
    assert_eq!(rotation.jump_hosts, ["hop"]);
}

#[tokio::test]
async fn a_device_that_is_looked_at_before_it_is_collected_refuses_the_new_secrets_once() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    let mut device = world.device(id).await.to_input();
    device.platform.clear();
    inventory::save(&world.engine, Some(id), &device).await.unwrap();
    rotate(&world, "new-password").await;
    let result = world.collect(id).await;
    assert!(result.message.ends_with(STILL), "{}", result.message);
    assert_eq!(simulated.sessions_total(), 3, "refused, recognised, collected");
}
