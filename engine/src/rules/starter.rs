//! The starter set: rules that the program brings along as data (`rules/starter.toml`), each off until somebody chooses it.

use std::collections::HashSet;
use std::sync::LazyLock;

use etiqa_model::UserError;
use etiqa_model::rule::{RuleInput, StarterRule};
use etiqa_model::user::Reach;
use serde::Deserialize;

use super::manage::save;
use crate::engine::Engine;
use crate::error::Result;
use crate::store::device::device_count_by_platform;
use crate::store::rule::rule_list;

const TEXT: &str = include_str!("../../../rules/starter.toml");

/// The file.
#[derive(Debug, Default, Deserialize)]
struct File {
    rule: Vec<Starter>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Starter {
    name: String,
    platform: String,
    part: String,
    #[serde(default)]
    block: String,
    wants: String,
    patterns: String,
    severity: String,
    advice: String,
    source: String,
}

static SET: LazyLock<Vec<Starter>> = LazyLock::new(|| match toml::from_str::<File>(TEXT) {
    Ok(file) => file.rule,
    // A test reads it, so this tells of a broken build, and people write their own rules.
    Err(error) => {
        tracing::error!(%error, "the starter set of rules is broken");
        Vec::new()
    }
});

impl Starter {
    fn to_input(&self) -> RuleInput {
        RuleInput {
            name: self.name.clone(),
            wants: self.wants.clone(),
            patterns: self.patterns.clone(),
            block: self.block.clone(),
            platform: self.platform.clone(),
            part: self.part.clone(),
            severity: self.severity.clone(),
            advice: self.advice.clone(),
            enabled: true,
            ..RuleInput::default()
        }
    }
}

/// The set, in the order of its file: what there is already, and how many devices that somebody of this reach sees each is for.
pub async fn starters(engine: &Engine, reach: &Reach) -> Result<Vec<StarterRule>> {
    let there: HashSet<String> =
        rule_list(&engine.db).await?.into_iter().map(|stored| stored.rule.name).collect();
    let counts = device_count_by_platform(&engine.db, reach.scope()).await?;
    let devices = |platform: &str| {
        let of_platform = counts.iter().filter(|(name, ..)| name.as_deref() == Some(platform));
        of_platform.map(|(_, _, count)| count).sum::<u64>()
    };
    let starter = |starter: &Starter| StarterRule {
        rule: starter.to_input(),
        source: starter.source.clone(),
        is_there: there.contains(&starter.name),
        devices: devices(&starter.platform),
    };
    Ok(SET.iter().map(starter).collect())
}

/// Adds those of these names, and switches them on; one whose name is taken is left as it is. Gives how many were added.
pub async fn add_starters(engine: &Engine, names: &[String]) -> Result<u64> {
    let mut chosen = Vec::with_capacity(names.len());
    for name in names {
        let found = SET.iter().find(|starter| starter.name == name.trim());
        chosen.push(found.ok_or_else(|| {
            UserError::not_found(format!("rule named \"{}\" in the starter set", name.trim()))
        })?);
    }
    let there: HashSet<String> =
        rule_list(&engine.db).await?.into_iter().map(|stored| stored.rule.name).collect();
    let mut added = 0;
    for starter in chosen {
        if !there.contains(&starter.name) {
            save(engine, None, &starter.to_input()).await?;
            added += 1;
        }
    }
    Ok(added)
}

#[cfg(test)]
mod tests {
    use etiqa_model::rule::{NewRule, Severity};

    use super::*;
    use crate::collect::DriverSet;
    use crate::rules::question::Question;

    fn all() -> Vec<(NewRule, Question)> {
        let file: File = toml::from_str(TEXT).unwrap();
        let rule = |starter: &Starter| {
            let new = starter.to_input().parse().unwrap();
            let question = Question::of(&new).unwrap();
            (new, question)
        };
        file.rule.iter().map(rule).collect()
    }

    /// Names of the rules of a platform that a text breaks.
    fn broken(platform: &str, text: &str) -> Vec<String> {
        let of_platform =
            all().into_iter().filter(|(rule, _)| rule.target.platform.as_deref() == Some(platform));
        of_platform.filter(|(_, question)| question.ask(text).broken).map(|(rule, _)| rule.name).collect()
    }

    #[test]
    fn every_rule_can_be_searched_with_and_names_a_driver_its_part_and_its_source() {
        let drivers = DriverSet::built_in();
        let rules = all();
        assert!(rules.len() > 40);
        let names: HashSet<&str> = rules.iter().map(|(rule, _)| rule.name.as_str()).collect();
        assert_eq!(names.len(), rules.len(), "each name once");
        for ((rule, _), starter) in rules.iter().zip(SET.iter()) {
            let platform = rule.target.platform.as_deref().unwrap();
            let driver = drivers.get(platform).unwrap_or_else(|| panic!("{platform} is no driver"));
            let part = format!("part = \"{}\"", rule.target.part.as_deref().unwrap());
            assert!(driver.text().contains(&part), "{}: {part}", rule.name);
            assert!(!rule.advice.is_empty() && rule.advice.ends_with('.'), "{}", rule.name);
            assert!(TEXT.contains(&format!("# {}.\n[[rule]]", starter.source)), "{}", rule.name);
        }
        assert!(rules.iter().any(|(rule, _)| rule.severity == Severity::Info));
    }

    #[test]
    fn a_router_as_the_guides_want_it_breaks_none_and_one_out_of_the_box_many() {
        let good = "service password-encryption\nhostname core\naaa new-model\nenable secret 9 x\nip ssh version 2\n\
                    no ip http server\nlogging host 192.0.2.9\nsnmp-server community b3tter RO 10\nntp server 192.0.2.1\n\
                    line vty 0 4\n exec-timeout 10 0\n transport input ssh\nline vty 5 15\n transport input ssh\nend\n";
        assert_eq!(broken("ios", good), Vec::<String>::new());
        let bad = "hostname core\nenable password x\nip http server\nsnmp-server community public RO\nline vty 0 4\n \
                   exec-timeout 0 0\n transport input telnet ssh\nend\n";
        assert_eq!(broken("ios", bad).len(), 10);
    }

    #[test]
    fn other_platforms_are_told_apart_by_their_own_words() {
        let fortios = |access: &str| {
            let text = format!(
                "config system interface\n    edit \"wan1\"\n        set allowaccess {access}\n    next\nend\n"
            );
            broken("fortios", &text)
        };
        assert_eq!(fortios("ping https ssh"), Vec::<String>::new());
        assert_eq!(fortios("ping https http"), ["FortiOS: administration by HTTPS and SSH only"]);
        let junos = "set system services ssh root-login deny\nset system syslog host 192.0.2.9 any info\n\
                     set system ntp server 192.0.2.1\n";
        assert_eq!(broken("junos", junos), Vec::<String>::new());
        let f5 = "net self Common/a {\n    address 192.0.2.1/24\n    allow-service all\n}\nsys ntp {\n    timezone UTC\n}\n";
        assert_eq!(broken("bigip", f5), ["BIG-IP: NTP server", "BIG-IP: self IPs are locked down"]);
    }

    #[test]
    fn words_that_only_look_alike_neither_keep_nor_break_a_rule() {
        let breaks =
            |platform: &str, text: &str, rule: &str| broken(platform, text).iter().any(|name| name == rule);
        let syslog = "AOS-CX: syslog host";
        assert!(breaks("aoscx", "logging facility local7\n", syslog));
        for host in ["192.0.2.9", "2001:db8::9", "log.example.net"] {
            assert!(!breaks("aoscx", &format!("logging {host} vrf mgmt\n"), syslog), "{host}");
        }
        let api = |line: &str| {
            let text = format!("management api http-commands\n   {line}\n   no shutdown\n");
            breaks("eos", &text, "EOS: API by HTTPS only")
        };
        assert!(api("protocol http") && api("protocol http port 8080"));
        assert!(!api("protocol http localhost") && !api("protocol https"));
        for (platform, line, rule) in [
            ("ios", "snmp-server community", "IOS: no well-known SNMP community"),
            ("gaia", "set snmp community", "Gaia: no well-known SNMP community"),
        ] {
            assert!(breaks(platform, &format!("{line} public RO\n"), rule), "{platform}");
            assert!(breaks(platform, &format!("{line} private\n"), rule), "{platform}");
            assert!(!breaks(platform, &format!("{line} public-x9 RO\n"), rule), "{platform}");
        }
        let panos = |name: &str| {
            let text = format!("<snmp-community-string>{name}</snmp-community-string>\n");
            breaks("panos", &text, "PAN-OS: no well-known SNMP community")
        };
        assert!(panos("public") && !panos("public-x9"));
        let www = "RouterOS: no web page by HTTP";
        assert!(breaks("routeros", "/ip service\nset www-ssl disabled=yes\n", www));
        assert!(!breaks("routeros", "/ip service\nset www disabled=yes\n", www));
    }
}
