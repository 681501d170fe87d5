//! Views of lists that a person keeps under a name. Nobody else sees them.

use etiqa_model::event::Topic;
use etiqa_model::view::{MOST_VIEWS, SavedView, ViewPage, check_view};
use etiqa_model::{UserError, UserId, ViewId};

use crate::audit::{Act, action, record_in_txn};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::saved_view::{
    view_count_in_txn, view_delete_in_txn, view_insert_in_txn, view_list, view_replace_in_txn,
};

/// A person's views of a list, by name.
pub async fn list(engine: &Engine, user: UserId, page: ViewPage) -> Result<Vec<SavedView>> {
    Ok(view_list(&engine.db, user, page).await?)
}

/// Keeps a view; says whether it took the place of one of the same name. A conflict where the person has enough of them.
pub async fn save(engine: &Engine, user: UserId, page: ViewPage, name: &str, query: &str) -> Result<bool> {
    let (name, query) = check_view(name, query)?;
    let mut tx = engine.db.write().await?;
    let is_replaced = view_replace_in_txn(&mut tx, user, page, &name, &query).await?;
    if !is_replaced {
        if view_count_in_txn(&mut tx, user).await? >= MOST_VIEWS {
            let message = format!(
                "You keep {MOST_VIEWS} views already. Remove one, or save this one under the name of another."
            );
            return Err(UserError::conflict(message).into());
        }
        view_insert_in_txn(&mut tx, user, page, &name, &query).await?;
    }
    record_in_txn(&mut tx, Act::new(action::VIEW_SAVE).on_named(&name)).await?;
    tx.commit().await?;
    engine.events.send(Topic::Views, None);
    Ok(is_replaced)
}

/// Gives up a view of this person's.
pub async fn remove(engine: &Engine, user: UserId, id: ViewId) -> Result<()> {
    let mut tx = engine.db.write().await?;
    if !view_delete_in_txn(&mut tx, user, id).await? {
        return Err(UserError::not_found(format!("view {id}")).into());
    }
    record_in_txn(&mut tx, Act::new(action::VIEW_REMOVE).on(id.0, "")).await?;
    tx.commit().await?;
    engine.events.send(Topic::Views, None);
    Ok(())
}
