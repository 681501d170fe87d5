//! What people do with rules: add, change, switch on and off, remove.

use etiqa_model::event::Topic;
use etiqa_model::rule::{MOST_RULES, NewRule, Rule, RuleInput};
use etiqa_model::{FieldError, RuleId, UserError};

use super::check::queue_all_in_txn;
use super::question::Question;
use crate::audit::{Act, Changes, action, record_in_txn};
use crate::db::{DbError, Tx};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::history::off_runtime;
use crate::store::rule::{
    rule_count_in_txn, rule_delete_in_txn, rule_fetch, rule_fetch_by_name, rule_fetch_in_txn,
    rule_insert_in_txn, rule_update_in_txn,
};
use crate::store::rule_result::rule_result_forget_in_txn;
use crate::time::now;

/// What of a rule may hold a secret: the audit log is told only that it was changed.
const MAY_BE_SECRET: &[&str] = &["patterns", "block"];

/// One rule.
pub async fn find(engine: &Engine, id: RuleId) -> Result<Rule> {
    Ok(rule_fetch(&engine.db, id).await?.ok_or_else(|| missing(id))?.rule)
}

async fn find_in_txn(tx: &mut Tx, id: RuleId) -> Result<Rule> {
    Ok(rule_fetch_in_txn(tx, id).await?.ok_or_else(|| missing(id))?.rule)
}

/// The rule of this name.
pub async fn find_by_name(engine: &Engine, name: &str) -> Result<Rule> {
    let found = rule_fetch_by_name(&engine.db, name.trim()).await?;
    Ok(found.ok_or_else(|| UserError::not_found(format!("rule named \"{}\"", name.trim())))?.rule)
}

/// A rule whose fields are right and whose expressions can be searched with.
pub(super) async fn checked(engine: &Engine, input: &RuleInput) -> Result<(NewRule, Question)> {
    let new = input.parse()?;
    if let Some(platform) = &new.target.platform
        && engine.drivers.current().get(platform).is_none()
    {
        let message =
            format!("There is no driver named {platform}; `etiqa drivers list` shows those that there are.");
        return Err(wrong("platform", message).into());
    }
    off_runtime("reading a rule", move || Ok(Question::of(&new).map(|question| (new, question))?)).await
}

/// Adds (`id` none) or changes a rule. What is to be held against it anew is queued.
pub async fn save(engine: &Engine, id: Option<RuleId>, input: &RuleInput) -> Result<RuleId> {
    let (new, _) = checked(engine, input).await?;
    let at = now();
    let mut tx = engine.db.write().await?;
    let before = match id {
        Some(id) => Some(find_in_txn(&mut tx, id).await?.to_new()),
        None => None,
    };
    let (id, is_due) = match (id, &before) {
        (Some(id), Some(before)) => {
            let is_new_question = !before.asks_the_same(&new) || (new.enabled && !before.enabled);
            let updated = rule_update_in_txn(&mut tx, id, &new, is_new_question, at).await;
            if !updated.map_err(|error| taken(error, &new.name))? {
                return Err(missing(id).into());
            }
            let is_due = is_new_question || before.enabled != new.enabled;
            if is_due {
                rule_result_forget_in_txn(&mut tx, id).await?;
            }
            (id, is_due)
        }
        _ => {
            if rule_count_in_txn(&mut tx).await? >= MOST_RULES {
                let message = format!("There are {MOST_RULES} rules already; remove one first.");
                return Err(UserError::conflict(message).into());
            }
            let inserted = rule_insert_in_txn(&mut tx, &new, at).await;
            (inserted.map_err(|error| taken(error, &new.name))?, true)
        }
    };
    if is_due {
        queue_all_in_txn(&mut tx, at).await?;
    }
    let (action, changes) = match &before {
        Some(before) => {
            let is_other = before.patterns != new.patterns || before.block != new.block;
            let changes = Changes::between(before, &new).without(MAY_BE_SECRET);
            (action::RULE_CHANGE, changes.and_secret("patterns", is_other))
        }
        None => (action::RULE_ADD, Changes::of_new(&new).without(MAY_BE_SECRET).and_secret("patterns", true)),
    };
    record_in_txn(&mut tx, Act::new(action).on(id.0, &new.name).changing(changes)).await?;
    tx.commit().await?;
    tell(engine);
    Ok(id)
}

/// Switches a rule on or off: what a rule that is off came to is forgotten.
pub async fn enable(engine: &Engine, id: RuleId, enabled: bool) -> Result<()> {
    let rule = find(engine, id).await?;
    if rule.enabled != enabled {
        save(engine, Some(id), &RuleInput { enabled, ..rule.to_input() }).await?;
    }
    Ok(())
}

/// Removes a rule with all that it came to.
pub async fn remove(engine: &Engine, id: RuleId) -> Result<()> {
    let mut tx = engine.db.write().await?;
    let known = find_in_txn(&mut tx, id).await?;
    if !rule_delete_in_txn(&mut tx, id).await? {
        return Err(missing(id).into());
    }
    queue_all_in_txn(&mut tx, now()).await?;
    let changes = Changes::of_removed(&known.to_new()).without(MAY_BE_SECRET);
    record_in_txn(&mut tx, Act::new(action::RULE_REMOVE).on(id.0, &known.name).changing(changes)).await?;
    tx.commit().await?;
    tell(engine);
    Ok(())
}

fn tell(engine: &Engine) {
    engine.tell_of_work();
    engine.events.send(Topic::Rules, None);
}

pub(super) fn missing(id: RuleId) -> UserError {
    UserError::not_found(format!("rule {id}"))
}

pub(super) fn wrong(field: &str, message: String) -> UserError {
    UserError::in_fields(vec![FieldError { field: field.to_owned(), message }])
}

fn taken(error: DbError, name: &str) -> Error {
    if error.is_unique_violation() {
        return wrong("name", format!("There is a rule named {name} already; choose another name.")).into();
    }
    error.into()
}
