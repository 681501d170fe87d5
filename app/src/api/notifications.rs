//! Notifications: where messages are sent to, what is told, and what became of it.

use etiqa_model::notify::{Channel, ChannelInput, ChannelTest, DeliveryPage, RuleInput, RuleList};
use etiqa_model::{BackupConfigId, ChannelId, DeliveryId, NotifyRuleId};
use leptos::prelude::*;

use super::AppError;
#[cfg(feature = "ssr")]
use {
    super::context::Context, etiqa_engine::access::About, etiqa_engine::notify, etiqa_model::UserError,
    etiqa_model::notify::DeliveryState, etiqa_model::user::Role,
};

/// Every channel, without its secrets, by name.
#[server(endpoint = "list_channels")]
pub async fn list_channels() -> Result<Vec<Channel>, AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(notify::list(&context.engine).await?)
}

/// Creates (`id` none) or changes a channel; empty secrets stay as they were. The flags are those of the form's checkboxes
/// and take the place of the same fields of `channel`.
#[server(endpoint = "save_channel")]
pub async fn save_channel(
    #[server(default)] id: Option<ChannelId>,
    channel: ChannelInput,
    #[server(default)] enabled: bool,
    #[server(default)] own_network: bool,
) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    let channel = ChannelInput { enabled, own_network, ..channel };
    notify::save(&context.engine, id, &channel).await?;
    leptos_axum::redirect("/admin/notifications");
    Ok(())
}

/// Removes a channel, and its messages.
#[server(endpoint = "remove_channel")]
pub async fn remove_channel(id: ChannelId) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    Ok(notify::remove(&context.engine, id).await?)
}

/// Sends a test message.
#[server(endpoint = "test_channel")]
pub async fn test_channel(id: ChannelId) -> Result<ChannelTest, AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(notify::test(&context.engine, id).await?)
}

/// Every rule, and what a rule can name. `asked` changes nothing: who names another number asks anew.
#[server(endpoint = "list_notify_rules")]
pub async fn list_notify_rules(#[server(default)] asked: u32) -> Result<RuleList, AppError> {
    let _ = asked;
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(notify::list_rules(&context.engine).await?)
}

/// Creates (`id` none) or changes a rule. The lists and flags are those of the form's checkboxes and take the place of the
/// same fields of `rule`.
#[server(endpoint = "save_notify_rule")]
pub async fn save_notify_rule(
    #[server(default)] id: Option<NotifyRuleId>,
    rule: RuleInput,
    #[server(default)] events: Vec<String>,
    #[server(default)] channels: Vec<ChannelId>,
    #[server(default)] backups: Vec<BackupConfigId>,
    #[server(default)] flags: Vec<String>,
) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    let rule = filled(rule, events, channels, backups, &flags);
    notify::save_rule(&context.engine, id, &rule).await?;
    leptos_axum::redirect("/admin/notifications");
    Ok(())
}

/// Title and text of a message of a rule, with made-up things of each kind that it tells.
#[server(endpoint = "preview_notify_rule")]
pub async fn preview_notify_rule(id: NotifyRuleId) -> Result<(String, String), AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(notify::preview_of(&context.engine, id).await?)
}

/// A rule with what its form's checkboxes say.
#[cfg(feature = "ssr")]
fn filled(
    rule: RuleInput,
    events: Vec<String>,
    channels: Vec<ChannelId>,
    backups: Vec<BackupConfigId>,
    flags: &[String],
) -> RuleInput {
    let has = |flag: &str| flags.iter().any(|ticked| ticked == flag);
    RuleInput {
        events,
        channels,
        backups,
        enabled: has("enabled"),
        recovered: has("recovered"),
        with_diff: has("with_diff"),
        ..rule
    }
}

/// Removes a rule, with what it holds.
#[server(endpoint = "remove_notify_rule")]
pub async fn remove_notify_rule(id: NotifyRuleId) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    Ok(notify::remove_rule(&context.engine, id).await?)
}

/// Messages before `before`, newest first, a page of them; of one state where named.
#[server(endpoint = "list_deliveries")]
pub async fn list_deliveries(
    #[server(default)] state: String,
    before: Option<DeliveryId>,
) -> Result<DeliveryPage, AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    let state = match state.trim() {
        "" => None,
        state => Some(DeliveryState::parse(state).map_err(UserError::invalid)?),
    };
    Ok(notify::list_deliveries(&context.engine, state, before).await?)
}

/// Has a message that was not sent tried now.
#[server(endpoint = "retry_delivery")]
pub async fn retry_delivery(id: DeliveryId) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(notify::retry(&context.engine, id).await?)
}
