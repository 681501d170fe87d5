//! The devices that need a hand, why, and what can be done about each from here.

use etiqa_model::class::Class;
use etiqa_model::overview::{Hand, HandGroup, Reason};
use etiqa_model::user::Role;
use leptos::prelude::*;

use super::Actions;
use crate::components::part::nothing;
use crate::components::rows::Rows;
use crate::components::{Ago, Tone, act, card, chip};
use crate::format;
use crate::post::PostForm;

pub(super) fn needs_hand(groups: Vec<HandGroup>, role: Role, actions: Actions) -> AnyView {
    if groups.is_empty() {
        return nothing();
    }
    let link = |group: &HandGroup, words: String, class: &'static str| {
        view! { <a class=class href=list_of(group.reason)>{words}</a> }.into_any()
    };
    let counts = groups
        .iter()
        .map(|group| link(group, format!("{} {}", group.reason.label(), format::count(group.count)), ""));
    let counts = counts.collect_view();
    let rows = groups.into_iter().flat_map(|group| {
        let more = group.count.saturating_sub(group.devices.len() as u64);
        let label = group.reason.label();
        let more = (more > 0).then(|| {
            let words = format!("{label}: {} more", format::count(more));
            (label.to_owned(), link(&group, words, "row more"))
        });
        let hands = group.devices.into_iter();
        hands.map(move |hand| (hand.id.to_string(), hand_row(hand, role, actions))).chain(more)
    });
    let rows = rows.collect::<Rows>().into_any();
    card("Needs a hand", counts, view! { <div>{rows}</div> }.into_any())
}

/// Where all devices of a reason are listed.
fn list_of(reason: Reason) -> &'static str {
    match reason {
        Reason::Failing => "/devices/?state=failing",
        Reason::Suspect => "/devices/?state=suspect",
        Reason::HostKeyChanged => "/devices/?state=host_key_changed",
        Reason::NeverBackedUp => "/devices/?state=never",
        Reason::Overdue => "/devices/?state=overdue",
        Reason::NoBackup => "/devices/?state=no_backup",
    }
}

fn hand_row(hand: Hand, role: Role, actions: Actions) -> AnyView {
    let to = format!("/devices/{}", hand.id);
    let class = hand.class.filter(|class| !class.is_good());
    let state = match (class, hand.reason) {
        (Some(class), _) => chip::class(class),
        (None, Reason::Overdue) => chip(Tone::Warn, hand.reason.label()),
        (None, reason) => chip(Tone::Off, reason.label()),
    };
    // Where a person has to look before anything is done, a link; the rest is tried again from here.
    let link = match (hand.reason, class) {
        (Reason::Suspect, _) => Some(("Compare", to.clone())),
        (Reason::HostKeyChanged, _) => Some(("Check key", to.clone())),
        (Reason::NoBackup, _) => (role >= Role::Operator).then(|| ("New backup", "/backup/new".to_owned())),
        (_, Some(Class::AuthFailed)) => {
            (role >= Role::Admin).then(|| ("Fix credential", "/admin/credentials".to_owned()))
        }
        (_, Some(Class::Incomplete | Class::PromptNotFound | Class::CommandRejected)) => {
            Some(("See session", format!("{to}?tab=results")))
        }
        _ => None,
    };
    let link = link.map(|(words, to)| view! { <a class="btn small" href=to>{words}</a> }.into_any());
    let is_tried_again = !matches!(hand.reason, Reason::Suspect | Reason::HostKeyChanged | Reason::NoBackup);
    let collect = if hand.collecting {
        chip(Tone::Run, "Collecting")
    } else if is_tried_again && role >= Role::Operator {
        let button = act(&[("id", hand.id.to_string())], "Back up now", "btn small");
        view! { <PostForm to=actions.collect done=format!("{} is backed up as soon as a session is free.", hand.hostname)>{button}</PostForm> }.into_any()
    } else {
        nothing()
    };
    view! {
        <div class="row hand">
            <a class="mono strong" href=to>{hand.hostname.clone()}</a>
            {state}
            <span class="why muted">{why(&hand, class)}</span>
            <span class="actions">{link}{collect}</span>
        </div>
    }
    .into_any()
}

/// What is the matter, since when, and what a person should do about it.
fn why(hand: &Hand, class: Option<Class>) -> AnyView {
    let good = match hand.last_good_at {
        Some(at) => view! { " Last good backup "<Ago at/>"." }.into_any(),
        None => " Never backed up.".into_any(),
    };
    let at = hand.at;
    match (hand.reason, class) {
        (_, Some(class)) => view! {
            {hand.message.clone()}" Tried "<Ago at/>"."{good}<small>{class.advice()}</small>
        }
        .into_any(),
        (Reason::Overdue, None) => view! { "Not taken when it was due."{good} }.into_any(),
        (Reason::NoBackup, None) => view! { "No enabled backup covers it."{good} }.into_any(),
        (_, None) => {
            let planned = if hand.is_covered { "" } else { " No enabled backup covers it." };
            view! { "Added "<Ago at/>"."{planned} }.into_any()
        }
    }
}
