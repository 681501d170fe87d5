//! Rules that configurations kept and break now: each lasts until it is kept again.

use std::collections::HashMap;

use etiqa_model::backup::{BackupConfig, BackupConfigRow};
use etiqa_model::device::Device;
use etiqa_model::notify::NotifyEvent;
use etiqa_model::rule::RuleResult;
use etiqa_model::{DeviceId, Timestamp};

use super::facets::Facets;
use super::watch::{Condition, Looked, READ_AT_ONCE, condition};
use crate::engine::Engine;
use crate::error::Result;
use crate::rules;
use crate::store::device::device_list_of;
use crate::store::rule_result::rule_result_list_of;

/// What enabled devices break that they kept before. What was broken when it was first looked at is nobody's news.
pub(super) async fn look(engine: &Engine, configs: &[BackupConfigRow]) -> Result<Looked> {
    let event = NotifyEvent::RuleBroken;
    let broken = rules::newly_broken(engine, Timestamp(0)).await?;
    let is_cut = broken.len() >= rules::NEWLY as usize;
    let enabled = configs.iter().filter(|row| row.config.enabled);
    let configs: Vec<BackupConfig> = enabled.map(|row| row.config.clone()).collect();
    let mut ids: Vec<DeviceId> = broken.iter().map(|result| result.device_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut devices: HashMap<DeviceId, Device> = HashMap::new();
    for some in ids.chunks(READ_AT_ONCE) {
        let found = device_list_of(&engine.db, some).await?.into_iter();
        devices.extend(found.filter(|device| device.enabled).map(|device| (device.id, device)));
    }
    let conditions = broken.iter().filter_map(|result| {
        let device = devices.get(&result.device_id)?;
        let id = format!("{}:{}:{}", result.device_id, result.rule_id, result.part);
        let path = format!("/devices/{}/rules", result.device_id);
        let mut lasts = condition(event, id, &device.hostname, words_of(result), result.since, path);
        lasts.item.site = Some(device.site.clone());
        lasts.facets = Facets::of_device(device, &configs);
        Some(lasts)
    });
    let conditions: Vec<Condition> = conditions.collect();
    Ok(Looked { is_cut, ..Looked::of(event, conditions) })
}

/// No line of the text: a secret may be what a rule is about.
fn words_of(result: &RuleResult) -> String {
    let RuleResult { part, version, rule, advice, .. } = result;
    let advice = if advice.is_empty() { String::new() } else { format!(" {advice}") };
    format!("{part}, version {version}, breaks the rule \"{rule}\".{advice}")
}

/// What is said of something that is broken no longer; none where the device, the part or the rule is gone, or where the rule
/// is another one now.
pub(super) async fn over(engine: &Engine, about: &str) -> Result<Option<String>> {
    let mut named = about.splitn(4, ':').skip(1);
    let (Some(device), Some(rule), Some(part)) = (named.next(), named.next(), named.next()) else {
        return Ok(None);
    };
    let Ok(device) = device.parse() else { return Ok(None) };
    let results = rule_result_list_of(&engine.db, DeviceId(device)).await?;
    let kept = results
        .into_iter()
        .find(|result| !result.broken && result.part == part && result.rule_id.to_string() == rule);
    Ok(kept.map(|result| {
        format!("{part}, version {}, keeps the rule \"{}\" again.", result.version, result.rule)
    }))
}
