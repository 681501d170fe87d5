//! How much speaks for each platform.

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::Regex;

use crate::collect::driver::{Driver, DriverSet};

/// A version string or an answer is the platform's own; a banner may be anybody's, and a prompt looks like others.
const SURE: u32 = 4;
const BANNER: u32 = 2;
const PROMPT: u32 = 1;

/// The platforms that something speaks for.
#[derive(Debug, Default)]
pub(super) struct Scores<'a>(BTreeMap<&'a str, u32>);

impl<'a> Scores<'a> {
    /// What the server's version, the banner and the prompt say.
    pub(super) fn at_login(
        drivers: &'a DriverSet,
        version: Option<&str>,
        banner: &str,
        prompt: &str,
    ) -> Self {
        let mut scores = Self::default();
        for driver in drivers.iter() {
            let rules = &driver.identify;
            let version = version.is_some_and(|version| any(&rules.ssh, version));
            let said = [
                (version, SURE),
                (any(&rules.banner, banner), BANNER),
                (any(&rules.prompt, prompt.trim()), PROMPT),
            ];
            for (_, weight) in said.into_iter().filter(|(holds, _)| *holds) {
                scores.add(driver.name(), weight);
            }
        }
        scores
    }

    /// What the answer to `command` says.
    pub(super) fn answered(&mut self, drivers: &'a DriverSet, command: &str, answer: &str) {
        for driver in drivers.iter() {
            let mut probes = driver.identify.commands.iter().filter(|probe| probe.send == command);
            if probes.any(|probe| probe.pattern.is_match(answer)) {
                self.add(driver.name(), SURE);
            }
        }
    }

    fn add(&mut self, name: &'a str, weight: u32) {
        *self.0.entry(name).or_default() += weight;
    }

    /// The one platform that most speaks for; none where two are as likely.
    pub(super) fn best(&self, drivers: &DriverSet) -> Option<Arc<Driver>> {
        let most = *self.0.values().max()?;
        let mut leaders = self.0.iter().filter(|(_, score)| **score == most).map(|(name, _)| *name);
        let leader = leaders.next()?;
        if leaders.next().is_some() { None } else { drivers.get(leader) }
    }

    /// Whether an answer to a command is behind the best one.
    pub(super) fn is_sure(&self) -> bool {
        self.0.values().any(|score| *score >= SURE)
    }

    /// The commands that are worth sending: those of the platforms that something speaks for first, then those that most
    /// platforms are told by.
    pub(super) fn commands(&self, drivers: &'a DriverSet) -> Vec<&'a str> {
        let mut weights: BTreeMap<&str, (bool, usize)> = BTreeMap::new();
        for driver in drivers.iter() {
            for probe in &driver.identify.commands {
                let weight = weights.entry(&probe.send).or_default();
                weight.0 |= self.0.contains_key(driver.name());
                weight.1 += 1;
            }
        }
        let mut commands: Vec<_> = weights.into_iter().collect();
        commands.sort_by_key(|(command, weight)| (std::cmp::Reverse(*weight), *command));
        commands.into_iter().map(|(command, _)| command).collect()
    }
}

fn any(regexes: &[Regex], text: &str) -> bool {
    regexes.iter().any(|regex| regex.is_match(text))
}
