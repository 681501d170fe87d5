//! What a rule chooses by besides the event: a filter counts for what has such a property, and for nothing else.

use etiqa_model::BackupConfigId;
use etiqa_model::backup::BackupConfig;
use etiqa_model::device::{Device, DeviceType};
use etiqa_model::notify::RuleSettings;
use etiqa_model::selector::Selector;

/// The properties of something that is told; none where it has no such one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facets {
    pub(super) device_type: Option<DeviceType>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) site: Option<String>,
    /// The backups that it is about.
    pub(super) backups: Option<Vec<BackupConfigId>>,
}

impl Facets {
    pub(super) fn of_backup(id: BackupConfigId) -> Self {
        Self { backups: Some(vec![id]), ..Self::default() }
    }

    /// Of a device; it is about all backups that cover it.
    pub(super) fn of_device(device: &Device, configs: &[BackupConfig]) -> Self {
        let covering = configs.iter().filter(|config| covers(&config.devices, device));
        Self {
            device_type: Some(device.device_type),
            tags: Some(device.tags.clone()),
            site: Some(device.site.clone()),
            backups: Some(covering.map(|config| config.id).collect()),
        }
    }

    /// Whether a rule has it among what it tells of.
    pub(super) fn are_chosen_by(&self, rule: &RuleSettings) -> bool {
        let is_in = |chosen_is_empty: bool, own: Option<bool>| chosen_is_empty || own.unwrap_or(true);
        is_in(rule.device_types.is_empty(), self.device_type.map(|own| rule.device_types.contains(&own)))
            && is_in(rule.sites.is_empty(), self.site.as_ref().map(|own| rule.sites.contains(own)))
            && is_in(
                rule.tags.is_empty(),
                self.tags.as_ref().map(|own| own.iter().any(|tag| rule.tags.contains(tag))),
            )
            && is_in(
                rule.backups.is_empty(),
                self.backups.as_ref().map(|own| own.iter().any(|id| rule.backups.contains(id))),
            )
    }
}

fn covers(selector: &Selector, device: &Device) -> bool {
    match selector {
        Selector::All => true,
        Selector::Type(kind) => device.device_type == *kind,
        Selector::Tag(tag) => device.tags.contains(tag),
        Selector::Site(site) => device.site == *site,
        Selector::Chosen(ids) => ids.contains(&device.id),
    }
}

#[cfg(test)]
mod tests {
    use etiqa_model::ChannelId;
    use etiqa_model::notify::RuleInput;

    use super::*;

    fn rule(change: impl FnOnce(&mut RuleInput)) -> RuleSettings {
        let mut input = RuleInput {
            name: "x".into(),
            events: vec!["disk_low".into()],
            channels: vec![ChannelId(1)],
            ..RuleInput::default()
        };
        change(&mut input);
        input.parse("UTC").unwrap().settings
    }

    #[test]
    fn a_filter_counts_for_what_has_such_a_property_and_for_nothing_else() {
        let switch = Facets {
            device_type: Some(DeviceType::Switch),
            tags: Some(vec!["core".into()]),
            site: Some("vienna".into()),
            backups: Some(vec![BackupConfigId(1)]),
        };
        let disk = Facets::default();
        for (is_chosen, rule) in [
            (true, rule(|_| {})),
            (true, rule(|rule| rule.sites = "linz, vienna".into())),
            (false, rule(|rule| rule.sites = "linz".into())),
            (true, rule(|rule| rule.tags = "core".into())),
            (false, rule(|rule| rule.tags = "edge".into())),
            (false, rule(|rule| rule.device_types = "router".into())),
            (true, rule(|rule| rule.backups = vec![BackupConfigId(1), BackupConfigId(2)])),
            (false, rule(|rule| rule.backups = vec![BackupConfigId(2)])),
            (false, rule(|rule| (rule.sites, rule.tags) = ("vienna".into(), "edge".into()))),
        ] {
            assert_eq!(switch.are_chosen_by(&rule), is_chosen, "{rule:?}");
            assert!(disk.are_chosen_by(&rule), "{rule:?}");
        }
    }
}
