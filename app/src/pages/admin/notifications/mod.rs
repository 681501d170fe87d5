//! Notifications: channels, rules, and what became of messages.

mod channels;
mod messages;
mod rules;

use etiqa_model::event::Topic;
use etiqa_model::notify::{ChannelTest, DeliveryState};
use etiqa_model::user::Role;
use leptos::prelude::*;

use super::ABOVE;
use super::find::{key_of_new, keyed};
use crate::api::notifications::{
    ListChannels, ListDeliveries, ListNotifyRules, PreviewNotifyRule, RemoveChannel, RemoveNotifyRule,
    RetryDelivery, SaveChannel, SaveNotifyRule, TestChannel,
};
use crate::ask::{ask, ask_if};
use crate::components::part::{nothing, part};
use crate::components::{Loaded, PageHeader, Problem};
use crate::live::touch_after;
use crate::pages::query_field;
use crate::post::Post;
use crate::session::Allowed;

const PATH: &str = "/admin/notifications";

#[derive(Clone, Copy)]
struct Actions {
    test: Post<TestChannel>,
    remove_channel: Post<RemoveChannel>,
    remove_rule: Post<RemoveNotifyRule>,
    retry: Post<RetryDelivery>,
}

#[component]
pub(crate) fn NotificationsPage() -> AnyView {
    let (edited, chosen) = (query_field("edit"), query_field("rule"));
    let (state, before) = (query_field("state"), query_field("before"));
    let known = ask(&[Topic::Admin], || ListChannels {});
    let rules = ask(&[Topic::Admin], || ListNotifyRules { asked: 0 });
    let messages = ask(&[Topic::Admin], move || ListDeliveries {
        state: shown_state(&state.get()),
        before: before.get().parse().ok(),
    });
    let (save_channel, save_rule) = (Post::<SaveChannel>::new(), Post::<SaveNotifyRule>::new());
    let actions = Actions {
        test: Post::<TestChannel>::new(),
        remove_channel: Post::<RemoveChannel>::new(),
        remove_rule: Post::<RemoveNotifyRule>::new(),
        retry: Post::<RetryDelivery>::new(),
    };
    touch_after(save_channel, &[Topic::Admin]);
    touch_after(save_rule, &[Topic::Admin]);
    touch_after(actions.test, &[Topic::Admin]);
    touch_after(actions.remove_channel, &[Topic::Admin]);
    touch_after(actions.remove_rule, &[Topic::Admin]);
    touch_after(actions.retry, &[Topic::Admin]);
    save_channel.forget_with(edited);
    save_rule.forget_with(chosen);
    // Not live: nothing may change under the hands of a person who types.
    let channels_for_form =
        ask_if(&[], move || (!edited.get().is_empty()).then_some(ListChannels {})).anew_with(edited);
    let backups_for_form = ask(&[], || ListNotifyRules { asked: 1 });
    // Asked anew after a channel was added, which a rule can then name.
    let rules_for_form =
        ask(&[], move || ListNotifyRules { asked: 2 + save_channel.accepted().get() as u32 })
            .anew_with(chosen);
    let preview = ask_if(&[Topic::Admin], move || {
        let id = chosen.get().parse().ok()?;
        Some(PreviewNotifyRule { id })
    });
    let for_channel = move || {
        let added = save_channel.accepted().get();
        async move {
            let mut known = channels_for_form.get().await?.unwrap_or_default().into_iter();
            let known = known.find(|channel| channel.id.to_string() == edited.get_untracked());
            let key = known.as_ref().map_or_else(|| key_of_new(added), |known| known.id.to_string());
            Ok((key, known, backups_for_form.get().await?.backups))
        }
    };
    let for_rule = move || {
        let added = save_rule.accepted().get();
        async move {
            let list = rules_for_form.get().await?;
            let known = list.rules.iter().find(|rule| rule.id.to_string() == chosen.get_untracked()).cloned();
            let key = known.as_ref().map_or_else(|| key_of_new(added), |known| known.id.to_string());
            Ok((key, known, list, preview.get().await.ok().flatten()))
        }
    };
    let for_messages = move || {
        let state = shown_state(&state.get());
        async move { Ok((messages.get().await?, state)) }
    };
    let tested = part(move || actions.test.answer().map_or_else(nothing, outcome));
    view! {
        <PageHeader title="Notifications" above=ABOVE>
            <Allowed role=Role::Admin>
                <a class="btn primary" href="#channel">"New channel"</a>
                <a class="btn" href="#rule">"New rule"</a>
            </Allowed>
        </PageHeader>
        <p class="lead muted">"A channel is a place that messages go to. A rule says what is told to which channels, and when. A heartbeat tells a monitor of the runs of one backup and needs no rule."</p>
        <Problem problem=actions.test.problem()/>
        <Problem problem=actions.remove_channel.problem()/>
        <Problem problem=actions.remove_rule.problem()/>
        <Problem problem=actions.retry.problem()/>
        <div class="stack">
            {tested}
            <Loaded from=move || known.get() view=move |known, role| channels::list(known, role, actions)/>
            <Loaded from=move || rules.get() view=move |known, role| rules::list(known, role, actions)/>
            <Loaded from=for_messages view=move |(page, state), _| messages::list(page, &state, actions)/>
            <div id="channel">
                <Loaded from=for_channel view=move |(key, known, backups), role| {
                    keyed(key, channels::form(known, &backups, role, save_channel))
                }/>
            </div>
            <div id="rule">
                <Loaded from=for_rule view=move |(key, known, list, preview), role| {
                    keyed(key, rules::form(known, &list, preview, role, save_rule))
                }/>
            </div>
        </div>
    }
    .into_any()
}

/// What the address asks for, where there is such a state.
fn shown_state(name: &str) -> String {
    DeliveryState::parse(name).map(|state| state.as_str().to_owned()).unwrap_or_default()
}

fn outcome(test: ChannelTest) -> AnyView {
    let class = if test.is_good { "notice good" } else { "notice bad" };
    view! { <p class=class role="status">{test.message}</p> }.into_any()
}
