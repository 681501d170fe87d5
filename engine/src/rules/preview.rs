//! What a rule would come to with one device, before it is saved.

use etiqa_model::config::ConfigVersion;
use etiqa_model::rule::{PartPreview, RuleInput, RulePreview, Subject};
use etiqa_model::user::Reach;

use super::lines::lines_of;
use super::manage::{checked, wrong};
use crate::audit::{Act, action, record};
use crate::engine::Engine;
use crate::error::Result;
use crate::history::{off_runtime, unpack};
use crate::inventory;
use crate::store::config_version::{text_fetch, version_list_active};

/// Lines that are shown of a part.
const LINES: usize = 10;

/// Holds the active texts of a device that somebody of this reach sees, by its host name or address, against a rule. Nothing
/// is stored but that it was done: what a text answers may tell of its secrets.
pub async fn preview(engine: &Engine, reach: &Reach, input: &RuleInput, device: &str) -> Result<RulePreview> {
    // It may be tried before it has a name.
    let (rule, mut question) = checked(engine, &RuleInput { name: "tried".into(), ..input.clone() }).await?;
    if device.trim().is_empty() {
        return Err(wrong("device", "Name the device to try it with.".to_owned()).into());
    }
    let device = inventory::find_seen(engine, reach, device.trim()).await?;
    let is_about = |version: &ConfigVersion| {
        rule.target.holds(Subject {
            platform: &version.driver,
            device_type: device.device_type,
            site: &device.site,
            tags: &device.tags,
            part: &version.part,
        })
    };
    let active = version_list_active(&engine.db, device.id).await?;
    let has_none = active.is_empty();
    let about: Vec<ConfigVersion> = active.into_iter().filter(is_about).collect();
    if about.is_empty() {
        let message = if has_none {
            format!("{} has no stored configuration yet; back it up first.", device.hostname)
        } else {
            format!("The rule is about no text of {}: it asks for {}.", device.hostname, rule.target.words())
        };
        return Err(wrong("device", message).into());
    }
    record(&engine.db, Act::new(action::RULE_TRY).on(device.id.0, &device.hostname)).await?;
    let mut parts = Vec::with_capacity(about.len());
    for version in about {
        let Some(packed) = text_fetch(&engine.db, &version.sha256).await? else { continue };
        let (drivers, patterns) = (engine.drivers.current(), rule.patterns.clone());
        let (part, asked) = off_runtime("trying a rule", move || {
            let driver = drivers.get(&version.driver);
            let text = unpack(&packed)?;
            let answer = question.ask(&text);
            let particulars = question.particulars(&text);
            let lines = lines_of(driver.as_deref(), &text, answer.lines.iter().copied().take(LINES));
            let part = PartPreview {
                part: version.part,
                version: version.version,
                broken: answer.broken,
                blocks: particulars.blocks.map(|blocks| u32::try_from(blocks).unwrap_or(u32::MAX)),
                missing: particulars
                    .missing
                    .into_iter()
                    .filter_map(|place| patterns.get(place).cloned())
                    .collect(),
                hits: answer.hits,
                lines,
            };
            Ok((part, question))
        })
        .await?;
        question = asked;
        parts.push(part);
    }
    Ok(RulePreview { hostname: device.hostname, parts })
}
