//! Sorting: what happened and what lasts becomes messages, by the rules, in one transaction: what is told is noted as told in
//! the same moment in which its message is in the outbox. Whoever stops in between sorts it again; nobody sorts it twice.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use etiqa_model::notify::{Item, ItemState, NotifyEvent, QuietThen, Repeat, Rule};
use etiqa_model::{ChannelId, ConfigVersionId, NotifyRuleId, Timestamp};

use super::compose::{compose, new_id};
use super::happened::{Found, Happened, diffs, read};
use super::watch::{Condition, Looked, look, over};
use crate::db::Tx;
use crate::engine::Engine;
use crate::error::Result;
use crate::pause::paused_since;
use crate::schedule::due::{end_of_windows, next_after};
use crate::store::notify::channel::{channel_list_enabled, channel_list_heartbeats};
use crate::store::notify::delivery::{Content, NewDelivery, delivery_insert_in_txn};
use crate::store::notify::notice::{notice_delete_in_txn, notice_list};
use crate::store::notify::open::{
    Open, held_count_in_txn, held_insert_in_txn, held_list_due, held_take_in_txn, open_delete_in_txn,
    open_insert_in_txn, open_list, open_touch_in_txn,
};
use crate::store::notify::rule::rule_list_enabled;

/// Things that one rule holds until a digest; what comes on top of them is not kept.
const MOST_HELD: u64 = 5_000;

/// Something that a rule is to do about one thing.
enum Step {
    /// Tell it.
    Tell(Item),
    /// It lasts from now on: tell it, unless that was told before.
    Begin { about: String, item: Item },
    /// It happened again while it lasts, or lasts for so long that it is time to tell it again.
    Again { about: String, item: Item, told_at: Timestamp },
    /// It is over: tell that, where there is something to tell, unless that was told before.
    End { about: String, item: Option<Item> },
}

/// Sorts what there is; gives whether there is a new message. What lasts is looked at where `with_conditions`, and where
/// something happened.
pub(super) async fn sort(engine: &Engine, at: Timestamp, with_conditions: bool) -> Result<bool> {
    // A restored instance sends nothing until somebody confirms.
    if paused_since(engine).await?.is_some() {
        return Ok(false);
    }
    let notices = notice_list(&engine.db).await?;
    let held = held_list_due(&engine.db, at).await?;
    if notices.is_empty() && held.is_empty() && !with_conditions {
        return Ok(false);
    }
    let rules = rule_list_enabled(&engine.db).await?;
    let found = read(engine, &notices).await?;
    let open = open_list(&engine.db).await?;
    let is_looking = with_conditions || !notices.is_empty();
    let looked = if is_looking { look_for(engine, &rules, &open, at).await? } else { Vec::new() };
    let diffs = diffs(engine, &wanted_diffs(&rules, &found)).await?;
    let mut plans = Vec::with_capacity(rules.len());
    for rule in &rules {
        let own: Vec<&Open> = open.iter().filter(|open| open.rule == rule.id).collect();
        let steps = of_happened(rule, &own, &found, &diffs);
        let mut steps = of_conditions(engine, rule, &own, &looked, at, steps).await?;
        if is_looking {
            steps.extend(reminders(rule, &own, &steps, &looked, at));
        }
        plans.push((rule, steps));
    }
    let is_idle = plans.iter().all(|(_, steps)| steps.is_empty());
    if notices.is_empty() && held.is_empty() && is_idle {
        return Ok(false);
    }
    let heartbeats = channel_list_heartbeats(&engine.db).await?;
    let enabled = channel_list_enabled(&engine.db).await?;
    let ids: Vec<i64> = notices.iter().map(|notice| notice.id).collect();
    let mut tx = engine.db.write().await?;
    // First: whoever else sorts the same waits here, and finds nothing.
    if notice_delete_in_txn(&mut tx, &ids).await?.len() != ids.len() {
        tx.rollback().await?;
        return Ok(false);
    }
    let mut outbox = Outbox { tx, at, messages: 0 };
    for (rule, steps) in plans {
        let is_due = held.contains(&rule.id);
        outbox.work_on(engine, rule, steps, is_due, &enabled).await?;
    }
    for (config, ping) in found.pings {
        for (channel, _) in heartbeats.iter().filter(|(_, of)| *of == config) {
            let content = Content::Ping(ping.clone());
            outbox.put(*channel, String::new(), new_id(), content).await?;
        }
    }
    let Outbox { tx, messages, .. } = outbox;
    tx.commit().await?;
    Ok(messages > 0)
}

/// Looks for what any rule tells of, and for what any told of before.
async fn look_for(engine: &Engine, rules: &[Rule], open: &[Open], at: Timestamp) -> Result<Vec<Looked>> {
    let wanted = rules.iter().flat_map(|rule| rule.settings.events.iter().copied());
    let told = open.iter().map(|open| open.event);
    let events: BTreeSet<NotifyEvent> = wanted.chain(told).collect();
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let of_failing = rules.iter().filter(|rule| rule.settings.events.contains(&NotifyEvent::DeviceFailing));
    // One failure is enough to go on, for a rule that tells of devices which begin to fail later.
    let after = of_failing.map(|rule| rule.settings.after).min().unwrap_or(1);
    look(engine, &events, after, at).await
}

/// Changed versions that some rule tells with what changed.
fn wanted_diffs(rules: &[Rule], found: &Found) -> Vec<ConfigVersionId> {
    let is_wanted = |happened: &Happened| match happened {
        Happened::Once { item, facets, changed: Some(version) } => {
            let is_wanted = rules.iter().map(|rule| &rule.settings).any(|rule| {
                rule.with_diff && rule.events.contains(&item.event) && facets.are_chosen_by(rule)
            });
            is_wanted.then_some(*version)
        }
        _ => None,
    };
    found.happened.iter().filter_map(is_wanted).collect()
}

/// What a rule does about what happened.
fn of_happened(
    rule: &Rule,
    open: &[&Open],
    found: &Found,
    diffs: &HashMap<ConfigVersionId, String>,
) -> Vec<Step> {
    let settings = &rule.settings;
    let mut steps = Vec::new();
    // The newest word on something counts for what comes behind it in the same notices.
    let mut lasts: HashMap<&str, Option<Timestamp>> =
        open.iter().map(|open| (open.about.as_str(), Some(open.told_at))).collect();
    for happened in &found.happened {
        match happened {
            Happened::Once { item, facets, changed } => {
                if settings.events.contains(&item.event) && facets.are_chosen_by(settings) {
                    steps.push(Step::Tell(with_diff(item, changed.filter(|_| settings.with_diff), diffs)));
                }
            }
            Happened::Begins { about, item, facets } => {
                if !settings.events.contains(&item.event) || !facets.are_chosen_by(settings) {
                    continue;
                }
                match lasts.get(about.as_str()) {
                    None => {
                        lasts.insert(about, None);
                        steps.push(Step::Begin { about: about.clone(), item: item.clone() });
                    }
                    Some(Some(told_at)) if settings.repeat == Repeat::Every => {
                        let item = Item { state: ItemState::Again, ..item.clone() };
                        steps.push(Step::Again { about: about.clone(), item, told_at: *told_at });
                    }
                    Some(_) => {}
                }
            }
            Happened::Ends { about, item } => {
                if lasts.remove(about.as_str()).is_some() {
                    let item = settings.recovered.then(|| item.clone());
                    steps.push(Step::End { about: about.clone(), item });
                }
            }
        }
    }
    steps
}

/// The item with what changed from this version on; where there is none, it says where to find it.
fn with_diff(item: &Item, of: Option<ConfigVersionId>, diffs: &HashMap<ConfigVersionId, String>) -> Item {
    let Some(version) = of else { return item.clone() };
    match diffs.get(&version) {
        Some(diff) => Item { diff: (!diff.is_empty()).then(|| diff.clone()), ..item.clone() },
        None => Item { words: format!("{} Its difference is on the page.", item.words), ..item.clone() },
    }
}

/// What a rule does about what lasts, or does no longer, after these steps.
async fn of_conditions(
    engine: &Engine,
    rule: &Rule,
    open: &[&Open],
    looked: &[Looked],
    at: Timestamp,
    mut steps: Vec<Step>,
) -> Result<Vec<Step>> {
    let settings = &rule.settings;
    let known: HashSet<&str> = open.iter().map(|open| open.about.as_str()).collect();
    for looked in looked {
        let is_wanted = settings.events.contains(&looked.event);
        for condition in looked.conditions.iter().filter(|_| is_wanted) {
            let is_new = !known.contains(condition.about.as_str());
            let is_enough =
                looked.event != NotifyEvent::DeviceFailing || condition.failures >= settings.after;
            let is_chosen = condition.facets.are_chosen_by(settings);
            if is_new && is_enough && is_chosen && !is_told(open, &steps, condition) {
                let (about, item) = (condition.about.clone(), condition.item.clone());
                steps.push(Step::Begin { about, item });
            }
        }
        let here = looked.names();
        let is_over = |told: &Open| {
            told.event == looked.event && !here.contains(told.about.as_str()) && looked.is_over(&told.about)
        };
        for told in open.iter().filter(|told| is_over(told)) {
            let words = over(engine, told.event, &told.about, &told.item).await?;
            let item = words.filter(|_| settings.recovered).map(|words| Item {
                state: ItemState::Over,
                words,
                at,
                diff: None,
                ..told.item.clone()
            });
            steps.push(Step::End { about: told.about.clone(), item });
        }
    }
    Ok(steps)
}

/// Whether the same was told by another word: a backup whose runs fail is overdue because of that.
fn is_told(open: &[&Open], steps: &[Step], condition: &Condition) -> bool {
    if condition.item.event != NotifyEvent::RunOverdue {
        return false;
    }
    let id = condition.about.rsplit(':').next().unwrap_or_default();
    let failed = format!("{}:{id}", NotifyEvent::RunFailed.as_str());
    open.iter().any(|open| open.about == failed)
        || steps.iter().any(|step| matches!(step, Step::Begin { about, .. } if *about == failed))
}

/// What a rule tells again because it lasts for so long, as it is now, but for what it tells anyway now.
fn reminders(rule: &Rule, open: &[&Open], steps: &[Step], looked: &[Looked], at: Timestamp) -> Vec<Step> {
    if rule.settings.remind_hours == 0 {
        return Vec::new();
    }
    let told_before = at.minus(Duration::from_hours(u64::from(rule.settings.remind_hours)));
    let told_now: HashSet<&str> = steps
        .iter()
        .filter_map(|step| match step {
            Step::Tell(_) => None,
            Step::Begin { about, .. } | Step::Again { about, .. } | Step::End { about, .. } => {
                Some(about.as_str())
            }
        })
        .collect();
    let as_it_is = |open: &&Open| {
        let mut known = looked.iter().flat_map(|looked| &looked.conditions);
        known.find(|condition| condition.about == open.about).map_or(&open.item, |found| &found.item).clone()
    };
    open.iter()
        .filter(|open| open.told_at <= told_before && !told_now.contains(open.about.as_str()))
        .map(|open| Step::Again {
            about: open.about.clone(),
            item: Item { state: ItemState::Lasting, ..as_it_is(open) },
            told_at: open.told_at,
        })
        .collect()
}

/// Messages on their way into the database.
struct Outbox {
    tx: Tx,
    at: Timestamp,
    messages: u32,
}

impl Outbox {
    /// Does what a rule is to do, and makes one message of all of it.
    async fn work_on(
        &mut self,
        engine: &Engine,
        rule: &Rule,
        steps: Vec<Step>,
        is_due: bool,
        enabled: &HashSet<ChannelId>,
    ) -> Result<()> {
        let settings = &rule.settings;
        let is_quiet = end_of_windows(&settings.quiet, &settings.time_zone, self.at).is_some();
        // What nobody hears is not told: it begins once somebody does.
        let has_hearer = rule.channels.iter().any(|channel| enabled.contains(channel));
        let is_silent = !has_hearer || (is_quiet && settings.quiet_then == QuietThen::Drop);
        let told = self.take(rule.id, steps, is_silent).await?;
        let mut items = Vec::new();
        match release_at(rule, self.at) {
            Some(later) => self.hold(rule, told, later).await?,
            None => items = told,
        }
        if is_due && has_hearer {
            let mut held = held_take_in_txn(&mut self.tx, rule.id, self.at).await?;
            held.append(&mut items);
            items = held;
        }
        if items.is_empty() {
            return Ok(());
        }
        let message = compose(engine, &rule.name, settings, items, self.at);
        for channel in rule.channels.iter().filter(|channel| enabled.contains(channel)) {
            let content = Content::Message(message.clone());
            self.put(*channel, rule.name.clone(), message.id.clone(), content).await?;
        }
        Ok(())
    }

    /// Notes what is told from now on; gives what of it is news. While a rule is silent nothing is, and what begins is not
    /// noted either: what still lasts afterwards begins for the rule then.
    async fn take(&mut self, rule: NotifyRuleId, steps: Vec<Step>, is_silent: bool) -> Result<Vec<Item>> {
        let mut told = Vec::new();
        for step in steps {
            match step {
                Step::End { about, item } => {
                    let is_news = open_delete_in_txn(&mut self.tx, rule, &about).await?;
                    told.extend(item.filter(|_| is_news && !is_silent));
                }
                _ if is_silent => {}
                Step::Tell(item) => told.push(item),
                Step::Begin { about, item } => {
                    if open_insert_in_txn(&mut self.tx, rule, &about, &item, self.at).await? {
                        told.push(item);
                    }
                }
                Step::Again { about, item, told_at } => {
                    if open_touch_in_txn(&mut self.tx, rule, &about, &item, told_at, self.at).await? {
                        told.push(item);
                    }
                }
            }
        }
        Ok(told)
    }

    async fn hold(&mut self, rule: &Rule, items: Vec<Item>, until: Timestamp) -> Result<()> {
        if items.is_empty() {
            return Ok(());
        }
        let known = held_count_in_txn(&mut self.tx, rule.id).await?;
        let room = usize::try_from(MOST_HELD.saturating_sub(known)).unwrap_or_default();
        if let Some(lost) = items.len().checked_sub(room).filter(|lost| *lost > 0) {
            tracing::warn!(rule = %rule.name, lost, "{lost} things are not told: the rule {} holds {MOST_HELD} already", rule.name);
        }
        for item in items.iter().take(room) {
            held_insert_in_txn(&mut self.tx, rule.id, item, until).await?;
        }
        Ok(())
    }

    async fn put(
        &mut self,
        channel: ChannelId,
        rule: String,
        message_id: String,
        content: Content,
    ) -> Result<()> {
        let new = NewDelivery { message_id, channel, rule, content };
        let dropped = delivery_insert_in_txn(&mut self.tx, &new, self.at).await?;
        if dropped > 0 {
            tracing::warn!(
                %channel, dropped,
                "{dropped} messages to channel {channel} were dropped: too many wait while it does not work"
            );
        }
        self.messages += 1;
        Ok(())
    }
}

/// When a rule tells what came now; none: at once.
fn release_at(rule: &Rule, at: Timestamp) -> Option<Timestamp> {
    let settings = &rule.settings;
    let told_at = settings.digest().and_then(|digest| next_after(&digest, "", at)).unwrap_or(at);
    let told_at = end_of_windows(&settings.quiet, &settings.time_zone, told_at).unwrap_or(told_at);
    (told_at > at).then_some(told_at)
}

#[cfg(test)]
mod tests {
    use etiqa_model::notify::RuleInput;

    use super::*;

    /// 2026-11-23T02:00:00Z, a Monday.
    const MONDAY: Timestamp = Timestamp(1_795_399_200_000);

    fn rule(change: impl FnOnce(&mut RuleInput)) -> Rule {
        let mut input = RuleInput {
            name: "x".into(),
            events: vec!["run_failed".into()],
            channels: vec![ChannelId(1)],
            ..RuleInput::default()
        };
        change(&mut input);
        let new = input.parse("UTC").unwrap();
        Rule {
            id: NotifyRuleId(1),
            name: new.name,
            enabled: true,
            settings: new.settings,
            channels: new.channels,
            open: 0,
            held: 0,
        }
    }

    #[test]
    fn a_change_without_its_difference_says_where_that_is() {
        let change = Item {
            event: NotifyEvent::ConfigChanged,
            state: ItemState::New,
            subject: "core-1".into(),
            words: "running changed.".into(),
            at: MONDAY,
            path: None,
            site: None,
            diff: None,
        };
        let diffs = HashMap::from([(ConfigVersionId(1), "+a\n".to_owned())]);
        let shown = |of| {
            let item = with_diff(&change, of, &diffs);
            (item.words, item.diff)
        };
        assert_eq!(shown(Some(ConfigVersionId(1))), ("running changed.".into(), Some("+a\n".into())));
        let elsewhere = "running changed. Its difference is on the page.";
        assert_eq!(shown(Some(ConfigVersionId(2))), (elsewhere.into(), None));
        assert_eq!(shown(None), ("running changed.".into(), None), "nobody asked for it");
    }

    #[test]
    fn a_digest_waits_for_its_time_and_quiet_hours_for_their_end() {
        let released = |rule: &Rule| release_at(rule, MONDAY).map(|at| at.to_string());
        assert_eq!(released(&rule(|_| {})), None);
        assert_eq!(
            released(&rule(|rule| rule.quiet = "22:00-06:00".into())).as_deref(),
            Some("2026-11-23T06:00:00Z")
        );
        let daily = |quiet: &'static str| {
            rule(|rule| {
                rule.timing = "daily".into();
                rule.at = "08:00".into();
                rule.quiet = quiet.into();
            })
        };
        assert_eq!(released(&daily("")).as_deref(), Some("2026-11-23T08:00:00Z"));
        assert_eq!(released(&daily("07:00-09:00")).as_deref(), Some("2026-11-23T09:00:00Z"));
    }
}
