//! What rules came to, for people: lists, a page of one rule, all of one device.

use std::collections::{BTreeMap, BTreeSet};

use etiqa_model::page::Page;
use etiqa_model::rule::{BrokenRules, DeviceRules, Rule, RuleLine, RulePage, RuleResult, RuleRow, Severity};
use etiqa_model::user::{Reach, Role};
use etiqa_model::{ConfigVersionId, DeviceId, RuleId, Timestamp};

use super::lines::lines_of;
use super::manage::find;
use crate::engine::Engine;
use crate::error::Result;
use crate::history::{off_runtime, text_read};
use crate::inventory;
use crate::stamp::stamp;
use crate::store::config_version::version_fetch;
use crate::store::rule::rule_list;
use crate::store::rule_result::{
    rule_result_count_broken, rule_result_count_of, rule_result_count_severe, rule_result_list_held,
    rule_result_list_newly_broken, rule_result_list_of, rule_result_page, rule_result_tally,
    rule_result_tally_of,
};

/// Lines that a device's page shows of one rule.
const LINES: usize = 5;
/// What is newly broken and told at once; with more of it, which ones says little.
pub(crate) const NEWLY: u32 = 5_000;

/// Every rule, by name, with how many devices break it and whether it is about any.
pub async fn list(engine: &Engine, reach: &Reach) -> Result<Vec<RuleRow>> {
    let broken = rule_result_count_broken(&engine.db, reach.scope()).await?;
    let held = rule_result_list_held(&engine.db, reach.scope()).await?;
    let rules = rule_list(&engine.db).await?;
    let row = |rule: Rule| {
        let broken = broken.get(&rule.id).copied().unwrap_or(0);
        let held = held.contains(&rule.id);
        RuleRow { rule: for_reader(rule, reach), broken, held }
    };
    Ok(rules.into_iter().map(|stored| row(stored.rule)).collect())
}

/// A rule as somebody of this reach may see it: a pattern may hold a secret.
fn for_reader(rule: Rule, reach: &Reach) -> Rule {
    if reach.role() >= Role::Operator { rule } else { rule.without_patterns() }
}

/// One rule with a page of the texts that break it, or of those that keep it.
pub async fn page(engine: &Engine, reach: &Reach, id: RuleId, is_kept: bool, page: Page) -> Result<RulePage> {
    let rule = find(engine, id).await?;
    let (kept, broken) = rule_result_count_of(&engine.db, reach.scope(), id).await?;
    let total = if is_kept { kept } else { broken };
    let results = rule_result_page(&engine.db, reach.scope(), id, !is_kept, (page, total)).await?;
    let rule = for_reader(rule, reach);
    // Of what they see: of more, it would let them try out what is kept from them.
    let stamp = stamp(&rule.to_input())?;
    Ok(RulePage { rule, broken, kept, results, stamp })
}

/// What rules came to with one device.
pub async fn of_device(engine: &Engine, id: DeviceId) -> Result<DeviceRules> {
    let device = inventory::fetch(engine, id).await?;
    let results = rule_result_list_of(&engine.db, id).await?;
    let (broken, kept): (Vec<RuleResult>, Vec<RuleResult>) = results.into_iter().partition(|it| it.broken);
    let mut wanted: BTreeMap<ConfigVersionId, BTreeSet<u32>> = BTreeMap::new();
    for result in broken.iter().filter(|result| !result.lines.is_empty()) {
        wanted.entry(result.version_id).or_default().extend(result.lines.iter().take(LINES));
    }
    let mut told: BTreeMap<(ConfigVersionId, u32), RuleLine> = BTreeMap::new();
    for (version, numbers) in wanted {
        for line in lines_of_version(engine, version, numbers).await? {
            told.insert((version, line.number), line);
        }
    }
    let broken = broken.into_iter().map(|result| {
        let numbers = result.lines.iter().take(LINES);
        let lines = numbers.filter_map(|number| told.get(&(result.version_id, *number)).cloned()).collect();
        (result, lines)
    });
    Ok(DeviceRules { device_id: id, hostname: device.hostname, broken: broken.collect(), kept })
}

async fn lines_of_version(
    engine: &Engine,
    id: ConfigVersionId,
    numbers: BTreeSet<u32>,
) -> Result<Vec<RuleLine>> {
    let Some(version) = version_fetch(&engine.db, id).await? else { return Ok(Vec::new()) };
    let text = text_read(&engine.db, &version.sha256).await?;
    let drivers = engine.drivers.current();
    off_runtime("masking a text", move || {
        let driver = drivers.get(&version.driver);
        Ok(lines_of(driver.as_deref(), &text, numbers))
    })
    .await
}

/// How many devices that somebody of this reach sees break how many rules; none where nothing is broken.
pub async fn broken(engine: &Engine, reach: &Reach) -> Result<Option<BrokenRules>> {
    let (devices, rules, critical) = rule_result_tally(&engine.db, reach.scope()).await?;
    Ok(BrokenRules::of(devices, rules, critical))
}

/// How many rules a device breaks; none where it breaks none.
pub async fn broken_of(engine: &Engine, device: DeviceId) -> Result<Option<BrokenRules>> {
    let (_, rules, critical) = rule_result_tally_of(&engine.db, device).await?;
    Ok(BrokenRules::of_device(rules, critical))
}

/// Whether an enabled device breaks a rule of this severity; this one, where one is named.
pub async fn is_any_broken(engine: &Engine, severity: Severity, device: Option<DeviceId>) -> Result<bool> {
    Ok(rule_result_count_severe(&engine.db, severity, device).await? > 0)
}

/// What was kept and is broken since then, the oldest first: what somebody wants to be told of who heard
/// [`etiqa_model::event::Topic::Rules`], or who looks now and then; [`NEWLY`] at most.
pub async fn newly_broken(engine: &Engine, from: Timestamp) -> Result<Vec<RuleResult>> {
    Ok(rule_result_list_newly_broken(&engine.db, from, NEWLY).await?)
}
