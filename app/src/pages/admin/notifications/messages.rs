//! What became of messages: each with its tries and their answers.

use etiqa_model::notify::{Attempt, Delivery, DeliveryPage, DeliveryState};
use leptos::prelude::*;

use super::{Actions, PATH};
use crate::components::list::address;
use crate::components::table::{Column, list_card};
use crate::components::{Ago, Time, Tone, act, chip, empty};
use crate::format;
use crate::post::PostForm;

pub(super) fn list(page: DeliveryPage, state: &str, actions: Actions) -> AnyView {
    let DeliveryPage { rows, next } = page;
    let is_narrowed = !state.is_empty();
    let none = rows.is_empty().then(|| {
        if is_narrowed {
            let all = view! { <a class="btn" href=PATH>"Show all"</a> };
            empty("No such message", "Choose another state, or show all.", all)
        } else {
            empty("No message yet", "What is sent shows here, with what the other side answered.", ())
        }
    });
    let older = next.map(|next| {
        let to = address(PATH, &[("state", state.to_owned()), ("before", next.to_string())]);
        view! { <a class="btn small" rel="next" href=format!("{to}#messages")>"Older"</a> }.into_any()
    });
    let columns = &[Column::Text("Message"), Column::Text("State"), Column::Text("Made"), Column::Actions];
    let rows = rows.into_iter().map(|delivery| (delivery.id, row(delivery, actions))).collect();
    let below = view! { <nav class="pager" aria-label="Pages">{older}</nav> }.into_any();
    view! {
        <div id="messages">
            <nav class="actions" aria-label="Messages by state">{states(state)}</nav>
            {list_card(columns, rows, none, below)}
        </div>
    }
    .into_any()
}

fn states(chosen: &str) -> AnyView {
    let all = [("", "All messages")];
    let known = DeliveryState::ALL.iter().map(|state| (state.as_str(), state.label()));
    all.into_iter()
        .chain(known)
        .map(|(state, words)| {
            let to = format!("{}#messages", address(PATH, &[("state", state.to_owned())]));
            let current = (state == chosen).then_some("true");
            view! { <a class="btn small" href=to aria-current=current>{words}</a> }.into_any()
        })
        .collect_view()
        .into_any()
}

fn row(delivery: Delivery, actions: Actions) -> AnyView {
    let tone = match delivery.state {
        DeliveryState::Waiting if delivery.tries > 0 => Tone::Warn,
        DeliveryState::Waiting => Tone::Off,
        DeliveryState::Sent => Tone::Ok,
        DeliveryState::Failed | DeliveryState::Dropped => Tone::Bad,
    };
    let rule = if delivery.rule.is_empty() { String::new() } else { format!(" · rule {}", delivery.rule) };
    let to = format!("{} · {}{rule}", delivery.channel, delivery.kind.label());
    let tries = match delivery.tries {
        0 => String::new(),
        n => format::plural(u64::from(n), "attempt"),
    };
    let retry = (delivery.state != DeliveryState::Sent).then(|| {
        let press = act(&[("id", delivery.id.to_string())], "Try now", "btn small");
        view! { <PostForm to=actions.retry>{press}</PostForm> }.into_any()
    });
    let attempts = delivery.attempts.into_iter().map(attempt).collect_view();
    view! {
        <tr>
            <td>
                <b>{delivery.title}</b>
                <small>{to}</small>
                <details>
                    <summary>"Text and tries"</summary>
                    <pre class="transcript" tabindex="0">{delivery.text}</pre>
                    <ul>{attempts}</ul>
                    <p class="mono hash">{delivery.message_id}</p>
                </details>
            </td>
            <td data-label="State">{chip(tone, delivery.state.label())}<small>{tries}</small></td>
            <td class="muted" data-label="Made"><Ago at=delivery.created_at/></td>
            <td class="end"><div class="actions">{retry}</div></td>
        </tr>
    }
    .into_any()
}

fn attempt(attempt: Attempt) -> AnyView {
    let words = if attempt.is_good { "taken" } else { "not taken" };
    view! {
        <li><Time at=attempt.at/>{format!(": {words} after {} ms. {}", attempt.duration_ms, attempt.answer)}</li>
    }
    .into_any()
}
