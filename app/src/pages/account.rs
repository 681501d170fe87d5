//! One's own password, second factor, browsers and theme, and the way out.

use etiqa_model::event::Topic;
use etiqa_model::user::{BrowserSession, PendingFactor, SecondFactor};
use leptos::prelude::*;

use super::browsers::browsers;
use crate::api::session::{
    BeginSecondFactor, ChangePassword, ConfirmSecondFactor, EndOtherSessions, EndSession, GetSecondFactor,
    ListSessions, SignOut, StopSecondFactor,
};
use crate::ask::ask;
use crate::browser::{self, Theme};
use crate::components::part::{accepted, nothing};
use crate::components::rows::Rows;
use crate::components::{Field, Loaded, PageHeader, Problem, Time, act, card, submit};
use crate::format;
use crate::live::touch_after;
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
            <SecondFactorCard/>
            <BrowsersCard/>
            {card("Look", (), theme_choice())}
        </div>
    }
    .into_any()
}

#[component]
fn SecondFactorCard() -> AnyView {
    let factor = ask(&[Topic::Admin], || GetSecondFactor {});
    let forms = Forms { begin: Post::new(), confirm: Post::new(), stop: Post::new() };
    touch_after(forms.begin, &[Topic::Admin]);
    touch_after(forms.confirm, &[Topic::Admin]);
    touch_after(forms.stop, &[Topic::Admin]);
    let body = view! { <Loaded from=move || factor.get() view=move |factor, _| standing(factor, forms)/> };
    card("Second factor", (), body)
}

/// What the card's forms post to.
#[derive(Clone, Copy)]
struct Forms {
    begin: Post<BeginSecondFactor>,
    confirm: Post<ConfirmSecondFactor>,
    stop: Post<StopSecondFactor>,
}

/// Each state has elements of its own: a password that was typed must not be in the field of the next one.
fn standing(factor: SecondFactor, forms: Forms) -> AnyView {
    let (state, view) = match (factor.pending, factor.since) {
        (Some(pending), _) => ("pending", setting_up(pending, forms.confirm)),
        (None, Some(since)) => {
            let begin = begin_form(forms.begin, "Set up another phone");
            let stop = if factor.is_required { nothing() } else { stop_form(forms.stop) };
            let left = format::plural(u64::from(factor.codes_left), "recovery code");
            let words = view! { <p>"On since "<Time at=since/>", with "{left}" left. Another phone takes the place of this one, and brings new recovery codes."</p> };
            ("on", view! { {words}{begin}{stop} }.into_any())
        }
        (None, None) => {
            let words = if factor.is_required {
                view! { <p class="notice warn">"Your role must have a second factor. Set it up to go on."</p> }.into_any()
            } else {
                view! { <p>"A code from your phone beside the password: who has only one of them does not come in."</p> }.into_any()
            };
            ("off", view! { {words}{begin_form(forms.begin, "Set up")} }.into_any())
        }
    };
    let view = view! { <div class="pad form">{view}</div> }.into_any();
    [(state, view)].into_iter().collect::<Rows>().into_any()
}

fn begin_form(begin: Post<BeginSecondFactor>, words: &'static str) -> AnyView {
    let problem = begin.problem();
    view! {
        <PostForm to=begin>
            <Problem problem/>
            <Field name="password" label="Your password" kind="password" autocomplete="current-password" required=true problem/>
            <div class="actions">{submit(words, begin.pending())}</div>
        </PostForm>
    }
    .into_any()
}

fn stop_form(stop: Post<StopSecondFactor>) -> AnyView {
    let problem = stop.problem();
    view! {
        <details>
            <summary>"Switch it off"</summary>
            <PostForm to=stop done="The second factor is off. Your other browsers are signed out.">
                <Problem problem/>
                <Field name="password_again" label="Your password, to switch it off" kind="password" autocomplete="current-password" required=true/>
                <div class="actions">{submit("Switch off", stop.pending())}</div>
            </PostForm>
        </details>
    }
    .into_any()
}

/// Shown until it is confirmed, and never again.
fn setting_up(pending: PendingFactor, confirm: Post<ConfirmSecondFactor>) -> AnyView {
    let problem = confirm.problem();
    let (secret, picture) = (pending.secret.reveal().to_owned(), pending.qr_code.reveal().to_owned());
    let codes = pending.recovery_codes.iter().map(|code| {
        let code = code.reveal().to_owned();
        view! { <li><code>{code}</code></li> }.into_any()
    });
    view! {
        <p>"1. Scan this with an authenticator app, or type the secret in."</p>
        <img class="qr" src=picture alt="The secret as a QR code" width="220" height="220"/>
        <p class="secret"><code>{secret}</code></p>
        <p>"2. Keep these recovery codes where your phone is not. Each signs you in once without it. They are not shown again."</p>
        <ul class="codes">{codes.collect_view()}</ul>
        <PostForm to=confirm done="Codes are asked for from now on. Your other browsers are signed out.">
            <Problem problem/>
            <Field name="code" label="3. The code that the app shows now" autocomplete="one-time-code" required=true problem hint="Within a quarter of an hour."/>
            <div class="actions">{submit("Switch on", confirm.pending())}</div>
        </PostForm>
    }
    .into_any()
}

#[component]
fn BrowsersCard() -> AnyView {
    let sessions = ask(&[Topic::Admin], || ListSessions {});
    let (end, others) = (Post::<EndSession>::new(), Post::<EndOtherSessions>::new());
    touch_after(end, &[Topic::Admin]);
    touch_after(others, &[Topic::Admin]);
    let body = view! {
        <Problem problem=end.problem().or(others.problem())/>
        <Loaded from=move || sessions.get() view=move |sessions, _| signed_in(sessions, end, others)/>
    };
    card("Where you are signed in", (), body)
}

fn signed_in(
    sessions: Vec<BrowserSession>,
    end: Post<EndSession>,
    others: Post<EndOtherSessions>,
) -> AnyView {
    let all = (sessions.len() > 1).then(|| {
        view! {
            <div class="pad">
                <PostForm to=others done="Your other browsers are signed out.">
                    <button class="btn" type="submit">"Sign all others out"</button>
                </PostForm>
            </div>
        }
        .into_any()
    });
    let list = browsers(sessions, move |name| {
        view! {
            <PostForm to=end done="That browser is signed out.">{act(&[("name", name)], "Sign it out", "btn small")}</PostForm>
        }
        .into_any()
    });
    view! { {list}{all} }.into_any()
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
