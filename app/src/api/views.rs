//! Views of lists that a person keeps under a name.

use etiqa_model::ViewId;
use etiqa_model::view::{SavedView, ViewPage};
use leptos::prelude::*;

use super::AppError;
#[cfg(feature = "ssr")]
use {
    super::context::Context,
    etiqa_engine::access::About,
    etiqa_engine::views,
    etiqa_model::user::Role,
    etiqa_model::{UserError, UserId},
};

/// One's own views of a list, by name; a token has none.
#[server(endpoint = "list_views")]
pub async fn list_views(page: ViewPage) -> Result<Vec<SavedView>, AppError> {
    let context = Context::require(Role::Viewer, About::Nothing).await?;
    match context.identity.user_id {
        Some(user) => Ok(views::list(&context.engine, user, page).await?),
        None => Ok(Vec::new()),
    }
}

/// Keeps the list that `query` asks for under a name; says whether it took the place of a view of that name.
#[server(endpoint = "save_view")]
pub async fn save_view(
    page: ViewPage,
    #[server(default)] name: String,
    #[server(default)] query: String,
) -> Result<bool, AppError> {
    let context = Context::require(Role::Viewer, About::Nothing).await?;
    let user = who_keeps(&context)?;
    Ok(views::save(&context.engine, user, page, &name, &query).await?)
}

/// Gives up one of one's own views.
#[server(endpoint = "remove_view")]
pub async fn remove_view(id: ViewId) -> Result<(), AppError> {
    let context = Context::require(Role::Viewer, About::Nothing).await?;
    let user = who_keeps(&context)?;
    Ok(views::remove(&context.engine, user, id).await?)
}

#[cfg(feature = "ssr")]
fn who_keeps(context: &Context) -> Result<UserId, AppError> {
    let nobody = || UserError::invalid("A token keeps no views; sign in as a user.").into();
    context.identity.user_id.ok_or_else(nobody)
}
