//! One's own password and theme, and the way out.

use leptos::prelude::*;

use crate::api::session::{ChangePassword, SignOut};
use crate::browser::{self, Theme};
use crate::components::part::accepted;
use crate::components::{Field, PageHeader, Problem, card, submit};
use crate::post::{Post, PostForm};

#[component]
pub(crate) fn AccountPage() -> AnyView {
    let change = Post::<ChangePassword>::new();
    let sign_out = Post::<SignOut>::new();
    let problem = change.problem();
    let password = view! {
        <div class="pad form">
            <PostForm to=change>
                <Problem problem/>
                {accepted(change, "Your password is changed. Your other sessions are signed out.")}
                <Field name="current" label="Current password" kind="password" autocomplete="current-password" required=true problem/>
                <Field name="new" label="New password" kind="password" autocomplete="new-password" required=true problem hint="At least 10 characters."/>
                <div class="actions">{submit("Change password", change.pending())}</div>
            </PostForm>
        </div>
    }.into_any();
    view! {
        <PageHeader title="Your account">
            <PostForm to=sign_out>
                <button class="btn" type="submit">"Sign out"</button>
            </PostForm>
        </PageHeader>
        <Problem problem=sign_out.problem()/>
        <div class="stack narrow">
            {card("Password", (), password)}
            {card("Look", (), theme_choice())}
        </div>
    }
    .into_any()
}

/// Without JavaScript a button sends the choice to the server, which leads back with the cookie set; with it the page
/// changes as soon as it is made.
fn theme_choice() -> AnyView {
    let chosen = SharedValue::new(|| browser::theme_of_request().as_str().to_owned()).into_inner();
    let chosen = RwSignal::new(Theme::parse(&chosen));
    let choices = Theme::ALL
        .map(|theme| {
            let choose = move |_| {
                chosen.set(theme);
                browser::set_theme(theme);
            };
            view! {
                <label class="check">
                    <input type="radio" name="theme" value=theme.as_str() checked=chosen.get_untracked() == theme prop:checked=Signal::derive(move || chosen.get() == theme) on:change=choose/>
                    <span>{theme.label()}</span>
                </label>
            }.into_any()
        })
        .collect_view();
    view! {
        <form class="pad form" method="post" action="/theme">
            <fieldset class="checks"><legend class="sr">"Theme"</legend>{choices}</fieldset>
            <noscript><button class="btn" type="submit">"Use this theme"</button></noscript>
        </form>
    }
    .into_any()
}
