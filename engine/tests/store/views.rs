use etiqa_engine::access::{user_add, user_remove};
use etiqa_engine::db::Db;
use etiqa_engine::store::saved_view::{
    view_count_in_txn, view_delete, view_insert_in_txn, view_list, view_replace_in_txn,
};
use etiqa_model::user::Role;
use etiqa_model::view::ViewPage;
use etiqa_model::{Secret, UserId};

use crate::common::on_both;

const DEVICES: ViewPage = ViewPage::Devices;

async fn add(db: &Db, name: &str) -> UserId {
    user_add(db, name, Role::Viewer, &Secret::new("a long password")).await.unwrap()
}

async fn insert(db: &Db, user: UserId, page: ViewPage, name: &str, query: &str) {
    let mut tx = db.write().await.unwrap();
    view_insert_in_txn(&mut tx, user, page, name, query).await.unwrap();
    tx.commit().await.unwrap();
}

/// Names and queries of a person's views of the devices.
async fn views(db: &Db, user: UserId) -> Vec<(String, String)> {
    let views = view_list(db, user, DEVICES).await.unwrap();
    views.into_iter().map(|view| (view.name, view.query)).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, query)| ((*name).to_owned(), (*query).to_owned())).collect()
}

#[tokio::test]
async fn views_are_kept_by_person_list_and_name() {
    on_both(async |db| {
        let (anna, bert) = (add(&db, "anna").await, add(&db, "bert").await);
        insert(&db, anna, DEVICES, "b", "q=1").await;
        insert(&db, anna, DEVICES, "C", "q=2").await;
        insert(&db, anna, DEVICES, "a", "q=3").await;
        insert(&db, anna, ViewPage::Runs, "a", "q=4").await;
        insert(&db, bert, DEVICES, "a", "q=5").await;
        assert_eq!(views(&db, anna).await, pairs(&[("a", "q=3"), ("b", "q=1"), ("C", "q=2")]));

        let mut tx = db.write().await.unwrap();
        assert_eq!(view_count_in_txn(&mut tx, anna).await.unwrap(), 4);
        assert!(view_replace_in_txn(&mut tx, bert, DEVICES, "a", "q=6").await.unwrap());
        assert!(!view_replace_in_txn(&mut tx, bert, DEVICES, "b", "q=6").await.unwrap());
        tx.commit().await.unwrap();
        // Saved twice at once, the later one holds.
        insert(&db, anna, DEVICES, "a", "q=7").await;
        assert_eq!(views(&db, bert).await, pairs(&[("a", "q=6")]));
        assert_eq!(views(&db, anna).await, pairs(&[("a", "q=7"), ("b", "q=1"), ("C", "q=2")]));

        let of_bert = view_list(&db, bert, DEVICES).await.unwrap()[0].id;
        assert!(!view_delete(&db, anna, of_bert).await.unwrap(), "it is not hers");
        assert!(view_delete(&db, bert, of_bert).await.unwrap());
        assert!(!view_delete(&db, bert, of_bert).await.unwrap());
        user_remove(&db, anna).await.unwrap();
        assert!(views(&db, anna).await.is_empty(), "they go with the person");
    })
    .await;
}
