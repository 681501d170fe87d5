use std::time::Duration;

use etiqa_engine::access::{
    Door, Entry, Seen, SignedIn, Throttle, Visitor, end_session, identify_session, identify_token,
    session_list, sign_in, sign_out, token_create, token_list, token_revoke, user_add, user_change,
    user_remove,
};
use etiqa_engine::db::Db;
use etiqa_engine::store::identity::{PASSWORD, identity_fetch, identity_replace_secret};
use etiqa_engine::store::session::{NewSession, session_fetch, session_insert_in_txn};
use etiqa_engine::store::token::{token_fetch, token_insert};
use etiqa_engine::time::now;
use etiqa_engine::vault::Vault;
use etiqa_model::admin::Settings;
use etiqa_model::user::Role;
use etiqa_model::{ErrorKind, Secret, Timestamp, UserId};

use crate::common::{at, on_both};

/// What one process has at its door.
struct Process {
    vault: Vault,
    throttle: Throttle,
    seen: Seen,
}

impl Process {
    fn new() -> Self {
        let vault = Vault::from_text(&Secret::new("0f".repeat(32))).unwrap();
        Self { vault, throttle: Throttle::default(), seen: Seen::default() }
    }

    fn door<'a>(&'a self, db: &'a Db) -> Door<'a> {
        Door { db, vault: &self.vault, throttle: &self.throttle, seen: &self.seen }
    }
}

fn from(address: &str) -> Visitor {
    Visitor { address: address.to_owned(), ..Visitor::default() }
}

/// Somebody who has no second factor comes in.
async fn come_in(door: Door<'_>, name: &str, visitor: &Visitor) -> SignedIn {
    match sign_in(door, name, &Secret::new("a long password"), visitor).await.unwrap() {
        Entry::In(signed_in) => signed_in,
        Entry::NeedsCode(_) => panic!("nobody has set up a second factor"),
    }
}

async fn add(db: &Db, name: &str, role: Role) -> UserId {
    user_add(db, name, role, &Secret::new("a long password")).await.unwrap()
}

#[tokio::test]
async fn names_are_unique_in_any_case_and_the_last_admin_stays() {
    on_both(async |db| {
        let anna = add(&db, "Anna", Role::Admin).await;
        let taken = user_add(&db, "anna", Role::Viewer, &Secret::new("a long password")).await.unwrap_err();
        assert!(taken.into_user_error().message.contains("already"));
        assert!(user_remove(&db, anna).await.is_err());
        assert!(user_change(&db, anna, Role::Viewer, &Secret::default()).await.is_err());
        add(&db, "bert", Role::Admin).await;
        user_remove(&db, anna).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_get_the_same_answer() {
    on_both(async |db| {
        add(&db, "anna", Role::Admin).await;
        let process = Process::new();
        let refused = async |name: &str, password: &str| {
            let answer = sign_in(process.door(&db), name, &Secret::new(password), &from("127.0.0.1")).await;
            answer.err().unwrap().into_user_error()
        };
        let unknown = refused("nobody", "a long password").await;
        assert_eq!(unknown, refused("anna", "another password").await);
        assert_eq!(unknown.message, "User name or password is wrong.");
    })
    .await;
}

#[tokio::test]
async fn a_session_lives_from_signing_in_to_signing_out_and_no_longer_than_it_may() {
    on_both(async |db| {
        let anna = add(&db, "anna", Role::Operator).await;
        let process = Process::new();
        let door = process.door(&db);
        let session = come_in(door, "ANNA", &from("127.0.0.1")).await;
        let secret = session.secret.reveal();
        let identity = identify_session(door, secret).await.unwrap().unwrap();
        assert_eq!(
            (identity.name.as_str(), identity.role, identity.user_id),
            ("anna", Role::Operator, Some(anna))
        );
        sign_out(&db, secret).await.unwrap();
        assert_eq!(identify_session(door, secret).await.unwrap(), None);

        begin(&db, "hash", anna, at(0), at(60)).await;
        assert!(session_fetch(&db, "hash", at(59)).await.unwrap().is_some());
        assert!(session_fetch(&db, "hash", at(60)).await.unwrap().is_none());
    })
    .await;
}

async fn begin(db: &Db, hash: &str, user: UserId, since: Timestamp, expires_at: Timestamp) {
    let session = NewSession {
        token_sha256: hash,
        user,
        provider: PASSWORD,
        browser: "Firefox on Linux",
        address: "192.0.2.1",
        expires_at,
    };
    let mut tx = db.write().await.unwrap();
    session_insert_in_txn(&mut tx, &session, since).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_session_that_is_not_used_ends_and_so_does_one_that_is_older_than_sessions_may_be() {
    on_both(async |db| {
        let anna = add(&db, "anna", Role::Operator).await;
        let process = Process::new();
        let door = process.door(&db);
        let hours = |hours: u64| Duration::from_hours(hours);
        let secret = come_in(door, "anna", &from("192.0.2.1")).await.secret;
        let moved = async |column: &str, by: Duration| {
            let sql = format!("UPDATE session SET {column} = {}", now().minus(by).millis());
            let mut tx = db.write().await.unwrap();
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        };
        // A fresh process each time: what one has seen itself counts as well.
        let is_in = async || {
            let process = Process::new();
            identify_session(process.door(&db), secret.reveal()).await.unwrap().is_some()
        };
        moved("last_seen_at", hours(11)).await;
        assert!(is_in().await);
        moved("created_at", hours(7 * 24 - 1)).await;
        assert!(is_in().await);
        moved("created_at", hours(7 * 24 + 1)).await;
        assert!(session_list(door, anna, None).await.unwrap().is_empty(), "nor is it listed");
        assert!(!is_in().await);

        let other = come_in(door, "anna", &from("192.0.2.1")).await.secret;
        moved("last_seen_at", hours(13)).await;
        assert_eq!(identify_session(door, other.reveal()).await.unwrap(), None);
        let strict = Settings { session_idle_hours: 1, ..Settings::default() };
        let third = come_in(door, "anna", &from("192.0.2.1")).await.secret;
        moved("last_seen_at", hours(2)).await;
        process.seen.set_rules(&strict);
        assert_eq!(identify_session(door, third.reveal()).await.unwrap(), None, "the rules of now count");
    })
    .await;
}

#[tokio::test]
async fn when_a_session_or_a_token_was_used_is_written_later_and_in_one_go() {
    on_both(async |db| {
        let anna = add(&db, "anna", Role::Operator).await;
        let process = Process::new();
        let door = process.door(&db);
        begin(
            &db,
            &etiqa_engine::hex::sha256_hex(b"secret"),
            anna,
            now().minus(Duration::from_hours(1)),
            now().plus(Duration::from_hours(1)),
        )
        .await;
        let token = token_create(&db, "monitoring", Role::Viewer, None).await.unwrap();
        let stored =
            async || session_list(Process::new().door(&db), anna, None).await.unwrap().remove(0).last_seen_at;
        let before = stored().await;
        for _ in 0..20 {
            identify_session(door, "secret").await.unwrap().unwrap();
            identify_token(door, token.secret.reveal()).await.unwrap().unwrap();
        }
        assert_eq!(stored().await, before, "no request writes");
        assert_eq!(token_list(&db).await.unwrap()[0].last_used_at, None);
        assert!(session_list(door, anna, None).await.unwrap()[0].last_seen_at > before, "but it is known");
        process.seen.write(&db).await.unwrap();
        assert!(stored().await > before);
        assert!(token_list(&db).await.unwrap()[0].last_used_at.is_some());
    })
    .await;
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one() {
    on_both(async |db| {
        let (anna, bert) = (add(&db, "anna", Role::Operator).await, add(&db, "bert", Role::Operator).await);
        let process = Process::new();
        let door = process.door(&db);
        let visitor = Visitor { browser: "Firefox on Linux".into(), ..from("192.0.2.1") };
        let own = come_in(door, "anna", &visitor).await.secret;
        let other = come_in(door, "anna", &from("192.0.2.2")).await.secret;
        let listed = session_list(door, anna, Some(own.reveal())).await.unwrap();
        assert_eq!(listed.len(), 2);
        let (this, that) =
            if listed[0].is_this { (&listed[0], &listed[1]) } else { (&listed[1], &listed[0]) };
        assert_eq!((this.browser.as_str(), this.address.as_str()), ("Firefox on Linux", "192.0.2.1"));
        assert!(!that.is_this && that.address == "192.0.2.2");
        assert!(end_session(&db, bert, &that.name).await.is_err(), "it is none of theirs");
        end_session(&db, anna, &that.name).await.unwrap();
        assert_eq!(identify_session(door, other.reveal()).await.unwrap(), None);
        assert!(identify_session(door, own.reveal()).await.unwrap().is_some());
        let again = Visitor { session: Some(own.clone()), ..visitor };
        let fresh = come_in(door, "anna", &again).await.secret;
        assert_ne!(fresh, own, "each sign-in has a session of its own");
        assert_eq!(identify_session(door, own.reveal()).await.unwrap(), None, "and the one before is over");
    })
    .await;
}

#[tokio::test]
async fn an_attacker_keeps_no_browser_out_that_signed_in_before_and_nobody_elsewhere() {
    on_both(async |db| {
        add(&db, "anna", Role::Admin).await;
        let process = Process::new();
        let door = process.door(&db);
        let at_home = from("192.0.2.1");
        let device = come_in(door, "anna", &at_home).await.device;
        let guess = async |visitor: &Visitor| {
            let answer = sign_in(door, "anna", &Secret::new("a wrong guess"), visitor).await;
            answer.err().unwrap().into_user_error().kind
        };
        let mut kinds = Vec::new();
        for host in 0..30 {
            kinds.push(guess(&from(&format!("198.51.100.{host}"))).await);
        }
        for _ in 0..10 {
            kinds.push(guess(&at_home).await);
        }
        // The name's, and two of the part of the net that is new to it.
        assert_eq!(kinds.iter().filter(|kind| **kind == ErrorKind::Invalid).count(), 21 + 2, "{kinds:?}");
        let beside = sign_in(door, "anna", &Secret::new("a long password"), &from("198.51.100.99")).await;
        assert_eq!(beside.err().unwrap().into_user_error().kind, ErrorKind::TooMany);
        come_in(door, "anna", &from("203.0.113.9")).await;
        let known = Visitor { device: Some(device), ..at_home };
        come_in(door, "anna", &known).await;
    })
    .await;
}

#[tokio::test]
async fn a_password_that_was_hashed_by_other_figures_is_hashed_anew_when_its_person_signs_in() {
    on_both(async |db| {
        add(&db, "anna", Role::Admin).await;
        let process = Process::new();
        let door = process.door(&db);
        let stored = async || identity_fetch(&db, PASSWORD, "anna").await.unwrap().unwrap();
        let before = stored().await;
        // "a long password", with 1 MiB and one pass.
        let weak = weak_hash();
        assert!(identity_replace_secret(&db, before.id, &before.secret.unwrap(), &weak).await.unwrap());
        come_in(door, "anna", &from("::1")).await;
        let after = stored().await.secret.unwrap();
        assert!(after.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{after}");
        come_in(door, "anna", &from("::1")).await;
        assert_eq!(stored().await.secret.unwrap(), after, "once");
    })
    .await;
}

fn weak_hash() -> String {
    use argon2::password_hash::phc::PasswordHash;
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
    let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(1024, 1, 1, None).unwrap());
    let hash: PasswordHash = weak.hash_password(b"a long password").unwrap();
    hash.to_string()
}

#[tokio::test]
async fn changing_a_users_password_ends_their_sessions() {
    on_both(async |db| {
        let anna = add(&db, "anna", Role::Admin).await;
        let process = Process::new();
        let door = process.door(&db);
        let session = come_in(door, "anna", &from("::1")).await;
        user_change(&db, anna, Role::Admin, &Secret::new("quite another one")).await.unwrap();
        assert_eq!(identify_session(door, session.secret.reveal()).await.unwrap(), None);
        assert!(sign_in(door, "anna", &Secret::new("a long password"), &from("::1")).await.is_err());
        assert!(sign_in(door, "anna", &Secret::new("quite another one"), &from("::1")).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_under_way_does_not_outlive_the_password_it_came_with() {
    on_both(async |db| {
        let anna = add(&db, "anna", Role::Admin).await;
        let passwords = ["a long password", "quite another one"].map(Secret::new);
        for round in 0..6 {
            let (old, new) = (&passwords[round % 2], &passwords[(round + 1) % 2]);
            let process = Process::new();
            let (door, visitor) = (process.door(&db), from("::1"));
            let change = user_change(&db, anna, Role::Admin, new);
            let (entry, changed) = tokio::join!(sign_in(door, "anna", old, &visitor), change);
            changed.unwrap();
            if let Ok(Entry::In(session)) = entry {
                assert_eq!(identify_session(door, session.secret.reveal()).await.unwrap(), None);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn of_two_admins_who_remove_each_other_at_once_one_stays() {
    on_both(async |db| {
        let (anna, bert) = (add(&db, "anna", Role::Admin).await, add(&db, "bert", Role::Admin).await);
        let same = Secret::default();
        let (removed, demoted) =
            tokio::join!(user_remove(&db, anna), user_change(&db, bert, Role::Viewer, &same));
        assert_ne!(removed.is_ok(), demoted.is_ok());
    })
    .await;
}

#[tokio::test]
async fn a_token_works_until_it_is_revoked_or_expires() {
    on_both(async |db| {
        let process = Process::new();
        let door = process.door(&db);
        let fresh = token_create(&db, "monitoring", Role::Viewer, Some(1)).await.unwrap();
        let secret = fresh.secret.reveal();
        let identity = identify_token(door, secret).await.unwrap().unwrap();
        assert_eq!((identity.name.as_str(), identity.role), ("monitoring", Role::Viewer));
        assert_eq!(identify_token(door, "etiqa_0000").await.unwrap(), None);
        assert!(token_create(&db, "monitoring", Role::Viewer, None).await.is_err(), "names are unique");
        token_revoke(&db, fresh.token.id).await.unwrap();
        assert_eq!(identify_token(door, secret).await.unwrap(), None);

        token_insert(&db, "old", &Role::Admin.into(), "hash", Some(at(60)), at(0)).await.unwrap();
        assert!(token_fetch(&db, "hash", at(59)).await.unwrap().is_some());
        assert!(token_fetch(&db, "hash", at(60)).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn many_guesses_at_once_are_no_more_than_as_many_one_after_the_other() {
    on_both(async |db| {
        user_add(&db, "anna", Role::Viewer, &Secret::new("a long password")).await.unwrap();
        let process = Process::new();
        let door = process.door(&db);
        let guess = |number: u32| {
            let password = Secret::new(format!("guess number {number}"));
            async move { sign_in(door, "anna", &password, &from("192.0.2.7")).await.err().unwrap() }
        };
        let answers = futures::future::join_all((0..40).map(guess)).await;
        let kinds = answers.into_iter().map(|error| error.into_user_error().kind);
        assert_eq!(
            kinds.filter(|kind| *kind == ErrorKind::Invalid).count(),
            6,
            "the others were not looked at"
        );
    })
    .await;
}

#[tokio::test]
async fn a_name_longer_than_any_is_refused_and_not_remembered() {
    on_both(async |db| {
        let process = Process::new();
        for _ in 0..20 {
            let name = "x".repeat(1 << 20);
            let answer =
                sign_in(process.door(&db), &name, &Secret::new("a long password"), &from("192.0.2.7")).await;
            assert_eq!(answer.err().unwrap().into_user_error().kind, ErrorKind::Invalid);
        }
        assert!(!format!("{:?}", process.throttle).contains("xxx"));
    })
    .await;
}
