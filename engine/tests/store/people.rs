use etiqa_engine::access::{
    Throttle, identify_session, identify_token, sign_in, sign_out, token_create, token_revoke, user_add,
    user_change, user_remove,
};
use etiqa_engine::db::Db;
use etiqa_engine::store::session::{session_fetch, session_insert_in_txn};
use etiqa_engine::store::token::{token_fetch, token_insert};
use etiqa_model::user::Role;
use etiqa_model::{ErrorKind, Secret, UserId};

use crate::common::{at, on_both};

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
        let throttle = Throttle::default();
        let refused = async |name: &str, password: &str| {
            let answer = sign_in(&db, &throttle, name, &Secret::new(password), "127.0.0.1").await;
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
        let throttle = Throttle::default();
        let session =
            sign_in(&db, &throttle, "ANNA", &Secret::new("a long password"), "127.0.0.1").await.unwrap();
        let secret = session.secret.reveal();
        let identity = identify_session(&db, secret).await.unwrap().unwrap();
        assert_eq!(
            (identity.name.as_str(), identity.role, identity.user_id),
            ("anna", Role::Operator, Some(anna))
        );
        sign_out(&db, secret).await.unwrap();
        assert_eq!(identify_session(&db, secret).await.unwrap(), None);

        let mut tx = db.write().await.unwrap();
        session_insert_in_txn(&mut tx, "hash", anna, at(0), at(60)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(session_fetch(&db, "hash", at(59)).await.unwrap().is_some());
        assert!(session_fetch(&db, "hash", at(60)).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn changing_a_users_password_ends_their_sessions() {
    on_both(async |db| {
        let anna = add(&db, "anna", Role::Admin).await;
        let throttle = Throttle::default();
        let session = sign_in(&db, &throttle, "anna", &Secret::new("a long password"), "::1").await.unwrap();
        user_change(&db, anna, Role::Admin, &Secret::new("quite another one")).await.unwrap();
        assert_eq!(identify_session(&db, session.secret.reveal()).await.unwrap(), None);
        assert!(sign_in(&db, &throttle, "anna", &Secret::new("a long password"), "::1").await.is_err());
        assert!(sign_in(&db, &throttle, "anna", &Secret::new("quite another one"), "::1").await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn a_token_works_until_it_is_revoked_or_expires() {
    on_both(async |db| {
        let fresh = token_create(&db, "monitoring", Role::Viewer, Some(1)).await.unwrap();
        let secret = fresh.secret.reveal();
        let identity = identify_token(&db, secret).await.unwrap().unwrap();
        assert_eq!((identity.name.as_str(), identity.role), ("monitoring", Role::Viewer));
        assert_eq!(identify_token(&db, "etiqa_0000").await.unwrap(), None);
        assert!(token_create(&db, "monitoring", Role::Viewer, None).await.is_err(), "names are unique");
        token_revoke(&db, fresh.token.id).await.unwrap();
        assert_eq!(identify_token(&db, secret).await.unwrap(), None);

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
        let throttle = Throttle::default();
        let guess = |number: u32| {
            let password = Secret::new(format!("guess number {number}"));
            let (db, throttle) = (&db, &throttle);
            async move { sign_in(db, throttle, "anna", &password, "192.0.2.7").await.err().unwrap() }
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
        let throttle = Throttle::default();
        for _ in 0..20 {
            let name = "x".repeat(1 << 20);
            let answer = sign_in(&db, &throttle, &name, &Secret::new("a long password"), "192.0.2.7").await;
            assert_eq!(answer.err().unwrap().into_user_error().kind, ErrorKind::Invalid);
        }
        assert!(!format!("{throttle:?}").contains("xxx"));
    })
    .await;
}
