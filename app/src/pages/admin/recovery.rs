//! The recovery kit: the key and every passphrase, to print or to keep in a safe.

use etiqa_model::Secret;
use etiqa_model::admin::KitState;
use etiqa_model::event::Topic;
use leptos::prelude::*;

use super::ABOVE;
use crate::api::archives::{GetKitState, KIT_FILE, TakeRecoveryKit};
use crate::ask::ask;
use crate::components::part::{nothing, part};
use crate::components::{Field, Loaded, PageHeader, Problem, Time, card, submit};
use crate::format;
use crate::live::touch_after;
use crate::post::{Post, PostForm};

#[component]
pub(crate) fn RecoveryKitPage() -> AnyView {
    let state = ask(&[Topic::Admin], || GetKitState {});
    let take = Post::<TakeRecoveryKit>::new();
    touch_after(take, &[Topic::Admin]);
    let problem = take.problem();
    let kit = part(move || take.answer().map_or_else(nothing, |kit| paper(&kit)));
    let form = view! {
        <div class="pad form">
            <p>"It holds the key that opens every stored secret, and the passphrases of archives. Whoever has it and an archive has every password in it: print it, put it in a safe, and leave no copy here."</p>
            <PostForm to=take plain=KIT_FILE>
                <Problem problem/>
                <Field name="password" label="Your password" kind="password" required=true problem autocomplete="current-password"/>
                <div class="actions">{submit("Show the recovery kit", take.pending())}</div>
            </PostForm>
            <noscript><p class="hint">"Without JavaScript it comes as a file."</p></noscript>
        </div>
    }
    .into_any();
    view! {
        <PageHeader title="Recovery kit" above=ABOVE/>
        <div class="stack narrow">
            <Loaded from=move || state.get() view=|state, _| standing(&state)/>
            {kit}
            {card("Take it", (), form)}
        </div>
    }
    .into_any()
}

fn standing(state: &KitState) -> AnyView {
    let passphrases = format::plural(state.passphrases, "passphrase");
    match (state.taken_at, state.is_current) {
        (None, _) => view! {
            <p class="notice warn">"No kit was taken yet. If this machine is lost, archives come back without any of their secrets."</p>
        }
        .into_any(),
        (Some(at), false) => view! {
            <p class="notice warn">"The kit of "<Time at/>" is too old: the key or a passphrase is newer. Take it again."</p>
        }
        .into_any(),
        (Some(at), true) => view! {
            <p class="notice good">"The kit of "<Time at/>" holds everything: the key and "{passphrases}"."</p>
        }
        .into_any(),
    }
}

/// The kit as it is printed, and as a file.
fn paper(kit: &Secret) -> AnyView {
    let text = kit.reveal().to_owned();
    let href = format!("data:text/plain;charset=utf-8,{}", encoded(&text));
    view! {
        <section class="card paper">
            <pre>{text}</pre>
            <p class="actions">
                <a class="btn" href=href download="etiqa-recovery-kit.txt" rel="external">"Save as a file"</a>
                <span class="muted">"or print this page: only the kit is printed."</span>
            </p>
        </section>
    }
    .into_any()
}

/// A text within a URL (RFC 3986, section 2.1).
fn encoded(text: &str) -> String {
    use std::fmt::Write;
    let mut url = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}
