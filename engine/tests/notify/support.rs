//! A world with channels and rules.

use etiqa_engine::db::Db;
use etiqa_engine::notify;
use etiqa_model::notify::{ChannelInput, Delivery, RuleInput};
use etiqa_model::{ChannelId, NotifyRuleId, Secret};
use sqlx::AssertSqlSafe;

use crate::common::world::World;
use crate::servers::Hook;

/// The token of a channel.
pub(crate) const TOKEN: &str = "token-4Fz8";
/// What signs for a channel.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A channel of this kind at a hook.
pub(crate) fn web(kind: &str, hook: &Hook) -> ChannelInput {
    let mut input = ChannelInput { name: kind.into(), kind: kind.into(), ..ChannelInput::default() };
    match kind {
        "ntfy" => {
            input.server = hook.url("");
            input.topic = "backups".into();
            input.token = Secret::new(TOKEN);
        }
        "apprise" => {
            input.secret_url = Secret::new(hook.url("/notify/k3y-4Fz8"));
            input.tag = "noc".into();
        }
        "webhook" => {
            input.secret_url = Secret::new(hook.url("/hook/s3cr3t-path"));
            input.secret = Secret::new(SECRET);
            input.token = Secret::new(TOKEN);
        }
        _ => input.secret_url = Secret::new(hook.url("/hook/s3cr3t-path")),
    }
    input
}

pub(crate) async fn add(world: &World, input: &ChannelInput) -> ChannelId {
    notify::save(&world.engine, None, input).await.unwrap()
}

/// A rule that tells a channel of these events.
pub(crate) async fn rule(
    world: &World,
    channel: ChannelId,
    events: &[&str],
    change: impl FnOnce(&mut RuleInput),
) -> NotifyRuleId {
    let mut input = RuleInput {
        name: events.join(" "),
        events: events.iter().map(|event| (*event).to_owned()).collect(),
        channels: vec![channel],
        time_zone: "UTC".into(),
        ..RuleInput::default()
    };
    change(&mut input);
    notify::save_rule(&world.engine, None, &input).await.unwrap()
}

/// A hook that hears of these events of a world.
pub(crate) async fn hears(
    world: &World,
    events: &[&str],
    change: impl FnOnce(&mut RuleInput),
) -> (Hook, ChannelId) {
    let hook = Hook::start().await;
    let channel = add(world, &web("webhook", &hook)).await;
    rule(world, channel, events, change).await;
    (hook, channel)
}

/// Makes and sends whatever there is.
pub(crate) async fn send(world: &World) {
    notify::send_now(&world.engine).await.unwrap();
}

/// The newest messages, the newest first.
pub(crate) async fn deliveries(world: &World) -> Vec<Delivery> {
    notify::list_deliveries(&world.engine, None, None).await.unwrap().rows
}

pub(crate) async fn execute(db: &Db, sql: &str) {
    let mut tx = db.write().await.unwrap();
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

/// Lets what failed be tried at once.
pub(crate) async fn unpause(world: &World) {
    execute(&world.engine.db, "UPDATE notify_channel SET paused_until = NULL").await;
}
