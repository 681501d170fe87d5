//! `/api/v1/notifications/rules`: what is told to which channels, when, and in which words.

use std::sync::Arc;

use axum::extract::Path;
use etiqa_engine::access::About;
use etiqa_engine::{Engine, notify};
use etiqa_model::device::DeviceType;
use etiqa_model::notify::{NotifyEvent, QuietThen, Repeat, Rule, RuleInput};
use etiqa_model::user::Role;
use etiqa_model::{BackupConfigId, ChannelId, FieldError, NotifyRuleId, UserError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::api::answer::{Answered, Part, created, etag, item, limit, nothing, shown};
use crate::http::api::ask::{Ask, Edits, missing};
use crate::http::api::backup_configs::windows;
use crate::http::api::cursor::after;
use crate::http::api::words::{DeviceTypeName, NotifyEventName, QuietThenName, RepeatName, TimingName};

static EDITS: Edits = Edits::new();

pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, edit, remove))
}

/// A rule as it is filled in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct NotifyRuleWrite {
    /// Unique; required.
    name: String,
    /// Whether it tells anything.
    enabled: bool,
    /// What is told; at least one.
    #[schema(value_type = Vec<NotifyEventName>)]
    events: Vec<NotifyEvent>,
    /// The numbers of the channels that it tells; at least one. A heartbeat needs no rule.
    channels: Vec<i64>,
    /// Of which backups, by their numbers; empty: of all.
    backups: Vec<i64>,
    /// Of devices of these types; empty: of all.
    #[schema(value_type = Vec<DeviceTypeName>)]
    device_types: Vec<DeviceType>,
    /// Of devices and machines of these sites; empty: of all.
    sites: Vec<String>,
    /// Of devices with one of these tags; empty: of all.
    tags: Vec<String>,
    /// A device counts as failing after so many failures in a row.
    #[schema(minimum = 1, maximum = 50)]
    after: u32,
    /// Whether it is told that something is over.
    recovered: bool,
    /// What happens while something lasts.
    #[schema(value_type = RepeatName)]
    repeat: Repeat,
    /// It is told again after so many hours while it lasts; 0: never.
    #[schema(minimum = 0, maximum = 720)]
    remind_hours: u32,
    /// Whether a changed configuration is told with what changed, secrets masked.
    with_diff: bool,
    /// When it is told.
    #[schema(value_type = TimingName)]
    timing: String,
    /// For daily and weekly: local time, `HH:MM`.
    at: String,
    /// For weekly: `monday` to `sunday`.
    weekday: String,
    /// IANA zone of all these times; null: the server's.
    time_zone: Option<String>,
    /// When nothing is told: `mon-fri 22:00-06:00`, `sat`.
    quiet: Vec<String>,
    /// What becomes of what comes then.
    #[schema(value_type = QuietThenName)]
    quiet_then: QuietThen,
    /// A template of one line; empty: the program's own.
    title: String,
    /// A template; empty: the program's own.
    text: String,
}

impl Default for NotifyRuleWrite {
    fn default() -> Self {
        let usual = RuleInput::default();
        Self {
            name: usual.name,
            enabled: usual.enabled,
            events: Vec::new(),
            channels: Vec::new(),
            backups: Vec::new(),
            device_types: Vec::new(),
            sites: Vec::new(),
            tags: Vec::new(),
            after: 2,
            recovered: usual.recovered,
            repeat: Repeat::default(),
            remind_hours: 0,
            with_diff: usual.with_diff,
            timing: usual.timing,
            at: usual.at,
            weekday: usual.weekday,
            time_zone: None,
            quiet: Vec::new(),
            quiet_then: QuietThen::default(),
            title: usual.title,
            text: usual.text,
        }
    }
}

impl NotifyRuleWrite {
    fn of(known: &Rule) -> Self {
        // The times as a person would fill them in.
        let filled = known.to_input();
        let settings = &known.settings;
        Self {
            name: filled.name,
            enabled: filled.enabled,
            events: settings.events.clone(),
            channels: known.channels.iter().map(|channel| channel.0).collect(),
            backups: settings.backups.iter().map(|backup| backup.0).collect(),
            device_types: settings.device_types.clone(),
            sites: settings.sites.clone(),
            tags: settings.tags.clone(),
            after: settings.after,
            recovered: filled.recovered,
            repeat: settings.repeat,
            remind_hours: settings.remind_hours,
            with_diff: filled.with_diff,
            timing: filled.timing,
            at: filled.at,
            weekday: filled.weekday,
            time_zone: Some(filled.time_zone),
            quiet: windows(&filled.quiet),
            quiet_then: settings.quiet_then,
            title: filled.title,
            text: filled.text,
        }
    }

    fn input(&self) -> Result<RuleInput, UserError> {
        for (field, names) in [("sites", &self.sites), ("tags", &self.tags)] {
            if names.iter().any(|name| name.contains([',', '\n'])) {
                let message = "A name here has no comma in it.".to_owned();
                return Err(UserError::in_fields(vec![FieldError { field: field.to_owned(), message }]));
            }
        }
        let device_types: Vec<&str> = self.device_types.iter().map(|kind| kind.as_str()).collect();
        Ok(RuleInput {
            name: self.name.clone(),
            enabled: self.enabled,
            events: self.events.iter().map(|event| event.as_str().to_owned()).collect(),
            channels: self.channels.iter().copied().map(ChannelId).collect(),
            backups: self.backups.iter().copied().map(BackupConfigId).collect(),
            device_types: device_types.join(", "),
            sites: self.sites.join(", "),
            tags: self.tags.join(", "),
            after: self.after.to_string(),
            recovered: self.recovered,
            repeat: self.repeat.as_str().to_owned(),
            remind_hours: self.remind_hours.to_string(),
            with_diff: self.with_diff,
            timing: self.timing.clone(),
            at: self.at.clone(),
            weekday: self.weekday.clone(),
            time_zone: self.time_zone.clone().unwrap_or_default(),
            quiet: self.quiet.join("\n"),
            quiet_then: self.quiet_then.as_str().to_owned(),
            title: self.title.clone(),
            text: self.text.clone(),
        })
    }
}

/// A rule, and what it has told.
#[derive(Debug, Serialize, ToSchema)]
struct NotifyRuleItem {
    id: i64,
    name: String,
    enabled: bool,
    #[schema(value_type = Vec<NotifyEventName>)]
    events: Vec<NotifyEvent>,
    channels: Vec<i64>,
    backups: Vec<i64>,
    #[schema(value_type = Vec<DeviceTypeName>)]
    device_types: Vec<DeviceType>,
    sites: Vec<String>,
    tags: Vec<String>,
    after: u32,
    recovered: bool,
    #[schema(value_type = RepeatName)]
    repeat: Repeat,
    remind_hours: u32,
    with_diff: bool,
    #[schema(value_type = TimingName)]
    timing: String,
    at: String,
    weekday: String,
    time_zone: Option<String>,
    quiet: Vec<String>,
    #[schema(value_type = QuietThenName)]
    quiet_then: QuietThen,
    title: String,
    text: String,
    /// When it tells, in words: `at once`.
    schedule: String,
    /// How many things last that it has told of.
    open: u64,
    /// How many things wait for a digest, or for the end of quiet hours.
    held: u64,
}

impl From<Rule> for NotifyRuleItem {
    fn from(known: Rule) -> Self {
        let filled = NotifyRuleWrite::of(&known);
        Self {
            id: known.id.0,
            name: filled.name,
            enabled: filled.enabled,
            events: filled.events,
            channels: filled.channels,
            backups: filled.backups,
            device_types: filled.device_types,
            sites: filled.sites,
            tags: filled.tags,
            after: filled.after,
            recovered: filled.recovered,
            repeat: filled.repeat,
            remind_hours: filled.remind_hours,
            with_diff: filled.with_diff,
            timing: filled.timing,
            at: filled.at,
            weekday: filled.weekday,
            time_zone: filled.time_zone,
            quiet: filled.quiet,
            quiet_then: filled.quiet_then,
            title: filled.title,
            text: filled.text,
            schedule: known.settings.words(),
            open: known.open,
            held: known.held,
        }
    }
}

/// Which rules, and where the list goes on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct NotifyRuleQuery {
    /// Only those that tell this.
    #[param(value_type = Option<NotifyEventName>, inline)]
    event: Option<NotifyEvent>,
    /// Only those that tell this channel, by its number.
    channel: Option<i64>,
    /// Only enabled or disabled ones.
    enabled: Option<bool>,
    /// How many at most, 1 to 500; 100 where nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the part before.
    cursor: Option<String>,
}

/// Rules of notifications, by name
///
/// Needs the role operator and no scope.
#[utoipa::path(get, path = "/api/v1/notifications/rules", operation_id = "notify_rule_list", tag = "notifications",
    params(NotifyRuleQuery),
    responses((status = 200, description = "A part of the list.", body = Part<NotifyRuleItem>)))]
async fn list(ask: Ask) -> Answered {
    let context = ask.require(Role::Operator, About::Everything).await?;
    let query: NotifyRuleQuery = ask.query()?;
    let (limit, last) = (limit(query.limit)?, after::<String>(query.cursor.as_deref())?);
    let mut all = notify::list_rules(&context.engine).await?.rules;
    all.retain(|known| query.event.is_none_or(|event| known.settings.events.contains(&event)));
    all.retain(|known| query.channel.is_none_or(|channel| known.channels.contains(&ChannelId(channel))));
    all.retain(|known| query.enabled.is_none_or(|enabled| known.enabled == enabled));
    all.sort_by(|one, other| one.name.cmp(&other.name));
    let part = Part::of_all(all, last.as_ref(), limit, |known| known.name.clone());
    Ok(shown(&part.map(NotifyRuleItem::from)))
}

/// Add a rule of notifications
///
/// Needs the role admin.
#[utoipa::path(post, path = "/api/v1/notifications/rules", operation_id = "notify_rule_create", tag = "notifications",
    request_body = NotifyRuleWrite,
    responses((status = 201, description = "It was added.", body = NotifyRuleItem)))]
async fn create(ask: Ask) -> Answered {
    let context = ask.require(Role::Admin, About::Everything).await?;
    let new: NotifyRuleWrite = ask.json()?;
    let id = notify::save_rule(&context.engine, None, &new.input()?).await?;
    let made = find(&context.engine, id).await?;
    let tag = tag(&made)?;
    Ok(created(format!("/api/v1/notifications/rules/{id}"), &NotifyRuleItem::from(made), &tag))
}

/// One rule of notifications
///
/// Needs the role operator and no scope.
#[utoipa::path(get, path = "/api/v1/notifications/rules/{id}", operation_id = "notify_rule_show", tag = "notifications",
    params(("id" = i64, Path, description = "The rule's number.")),
    responses((status = 200, description = "The rule.", body = NotifyRuleItem)))]
async fn show(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("rule", &id), |_| About::Everything).await?;
    let known = find(&context.engine, id).await?;
    let tag = tag(&known)?;
    Ok(item(&NotifyRuleItem::from(known), &tag))
}

/// Change a rule of notifications
///
/// Needs the role admin. A merge patch.
#[utoipa::path(patch, path = "/api/v1/notifications/rules/{id}", operation_id = "notify_rule_edit",
    tag = "notifications", params(("id" = i64, Path, description = "The rule's number.")),
    request_body = NotifyRuleWrite,
    responses((status = 200, description = "The rule as it is now.", body = NotifyRuleItem)))]
async fn edit(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Admin, ("rule", &id), |_| About::Everything).await?;
    let _turn = EDITS.turn().await;
    let known = find(&context.engine, id).await?;
    ask.must_match(&tag(&known)?)?;
    let changed = ask.patched(&NotifyRuleWrite::of(&known))?;
    notify::save_rule(&context.engine, Some(id), &changed.input()?).await?;
    let known = find(&context.engine, id).await?;
    let tag = tag(&known)?;
    Ok(item(&NotifyRuleItem::from(known), &tag))
}

/// Remove a rule of notifications
///
/// Needs the role admin. What it holds for a digest goes with it.
#[utoipa::path(delete, path = "/api/v1/notifications/rules/{id}", operation_id = "notify_rule_remove",
    tag = "notifications", params(("id" = i64, Path, description = "The rule's number.")),
    responses((status = 204, description = "It is gone.")))]
async fn remove(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Admin, ("rule", &id), |_| About::Everything).await?;
    let _turn = EDITS.turn().await;
    ask.may_match(&tag(&find(&context.engine, id).await?)?)?;
    notify::remove_rule(&context.engine, id).await?;
    Ok(nothing())
}

async fn find(engine: &Engine, id: NotifyRuleId) -> Result<Rule, etiqa_engine::Error> {
    let all = notify::list_rules(engine).await?.rules;
    Ok(all.into_iter().find(|known| known.id == id).ok_or_else(|| missing("rule", id))?)
}

fn tag(known: &Rule) -> Result<String, UserError> {
    etag(&NotifyRuleWrite::of(known))
}
