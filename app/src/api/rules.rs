//! Rules that configurations are held against, and what they came to.

use etiqa_model::page::Page;
#[cfg(feature = "ssr")]
use etiqa_model::rule::RulePosted;
use etiqa_model::rule::{DeviceRules, RuleInput, RulePage, RulePreview, RuleRow, StarterRule};
use etiqa_model::{DeviceId, RuleId};
use leptos::prelude::*;

use super::AppError;
use super::seen::Seen;
#[cfg(feature = "ssr")]
use {
    super::context::Context, etiqa_engine::access::About, etiqa_engine::rules, etiqa_engine::stamp::stamp,
    etiqa_model::user::Role,
};

/// Every rule, by name, with how many devices break it; patterns are for operators.
#[server(endpoint = "list_rules")]
pub async fn list_rules() -> Result<Vec<RuleRow>, AppError> {
    let context = Context::require(Role::Viewer, About::Seen).await?;
    Ok(rules::list(&context.engine, &context.reach).await?)
}

/// One rule with a page of the texts that break it, or that keep it.
#[server(endpoint = "get_rule")]
pub async fn get_rule(
    id: RuleId,
    #[server(default)] kept: bool,
    #[server(default)] page: Page,
) -> Result<RulePage, AppError> {
    let context = Context::require(Role::Viewer, About::Seen).await?;
    Ok(rules::page(&context.engine, &context.reach, id, kept, page).await?)
}

/// What rules came to with one device, with the lines that tell, secrets masked.
#[server(endpoint = "get_device_rules")]
pub async fn get_device_rules(id: DeviceId) -> Result<DeviceRules, AppError> {
    let context = Context::require(Role::Viewer, About::Device(id)).await?;
    Ok(rules::of_device(&context.engine, id).await?)
}

/// Adds (`id` none) or changes a rule, then leads to its page. With `trying` it is only held against the texts of `device`:
/// gives what that comes to, and stores nothing.
#[server(endpoint = "save_rule")]
pub async fn save_rule(
    #[server(default)] id: Option<RuleId>,
    #[server(default)] rule: RuleInput,
    #[server(default)] device: String,
    #[server(default)] trying: bool,
    #[server(default)] seen: Seen,
) -> Result<Option<RulePreview>, AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    if trying {
        return Ok(Some(rules::preview(&context.engine, &context.reach, &rule, &device).await?));
    }
    if let Some(id) = id {
        seen.must_match(&stamp(&rules::find(&context.engine, id).await?.to_input())?)?;
    }
    let id = rules::save(&context.engine, id, &rule).await?;
    leptos_axum::redirect(&format!("/configs/rules/{id}"));
    Ok(None)
}

/// Switches a rule on or off.
#[server(endpoint = "enable_rule")]
pub async fn enable_rule(id: RuleId, #[server(default)] enabled: bool) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(rules::enable(&context.engine, id, enabled).await?)
}

/// Removes a rule with all that it came to, then leads to the list.
#[server(endpoint = "remove_rule")]
pub async fn remove_rule(id: RuleId) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    rules::remove(&context.engine, id).await?;
    leptos_axum::redirect("/configs/rules");
    Ok(())
}

/// The starter set: which of it is there, and how many devices each rule is for.
#[server(endpoint = "list_starter_rules")]
pub async fn list_starter_rules() -> Result<Vec<StarterRule>, AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(rules::starters(&context.engine, &context.reach).await?)
}

/// Adds rules of the starter set by their names, and switches them on; gives how many were added.
#[server(endpoint = "add_starter_rules")]
pub async fn add_starter_rules(#[server(default)] names: Vec<String>) -> Result<u64, AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(rules::add_starters(&context.engine, &names).await?)
}

/// What a browser without JavaScript has tried with the form of a rule, and what came of it: a context of the page that
/// answers it.
#[cfg(feature = "ssr")]
#[derive(Debug, Clone)]
pub struct PostedRule(pub RulePosted);
