//! Views of lists that people keep, by the person.

use etiqa_model::view::{SavedView, ViewPage};
use etiqa_model::{UserId, ViewId};

use crate::db::{Db, Result, RowExt, Tx};

/// A person's views of a list, by name.
pub async fn view_list(db: &Db, user: UserId, page: ViewPage) -> Result<Vec<SavedView>> {
    let rows = sqlx::query(
        "SELECT id, name, query FROM saved_view WHERE user_id = $1 AND page = $2 ORDER BY lower(name), name",
    )
    .bind(user.0)
    .bind(page.as_str())
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(SavedView { id: ViewId(row.int("id")?), name: row.text("name")?, query: row.text("query")? })
        })
        .collect()
}

/// How many views of all lists a person keeps.
pub async fn view_count_in_txn(tx: &mut Tx, user: UserId) -> Result<usize> {
    sqlx::query("SELECT COUNT(*) AS n FROM saved_view WHERE user_id = $1")
        .bind(user.0)
        .fetch_one(&mut **tx)
        .await?
        .count("n")
}

/// Puts another query under a name; false where the person has no view of it.
pub async fn view_replace_in_txn(
    tx: &mut Tx,
    user: UserId,
    page: ViewPage,
    name: &str,
    query: &str,
) -> Result<bool> {
    let done = sqlx::query("UPDATE saved_view SET query = $4 WHERE user_id = $1 AND page = $2 AND name = $3")
        .bind(user.0)
        .bind(page.as_str())
        .bind(name.to_owned())
        .bind(query.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Keeps a view. Where the person saved one of this name a moment ago, the later one holds.
pub async fn view_insert_in_txn(
    tx: &mut Tx,
    user: UserId,
    page: ViewPage,
    name: &str,
    query: &str,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO saved_view (user_id, page, name, query) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id, page, name) DO UPDATE SET query = excluded.query",
    )
    .bind(user.0)
    .bind(page.as_str())
    .bind(name.to_owned())
    .bind(query.to_owned())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Removes a person's view; false where it is not theirs, or gone.
pub async fn view_delete(db: &Db, user: UserId, id: ViewId) -> Result<bool> {
    let mut tx = db.write().await?;
    let done = view_delete_in_txn(&mut tx, user, id).await?;
    tx.commit().await?;
    Ok(done)
}

/// [`view_delete`] within a transaction.
pub async fn view_delete_in_txn(tx: &mut Tx, user: UserId, id: ViewId) -> Result<bool> {
    let done = sqlx::query("DELETE FROM saved_view WHERE id = $1 AND user_id = $2")
        .bind(id.0)
        .bind(user.0)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}
