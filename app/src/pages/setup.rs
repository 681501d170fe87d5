//! The first admin, made with the one-time code of the console.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::api::session::{SetUp, SetupIsOpen};
use crate::ask::ask;
use crate::components::frame::mark;
use crate::components::part::{later, nothing};
use crate::components::{Field, Problem, submit};
use crate::post::{Post, PostForm};

#[component]
pub(crate) fn SetupPage() -> AnyView {
    let set_up = Post::<SetUp>::new();
    let problem = set_up.problem();
    let is_open = ask(&[], || SetupIsOpen {});
    let form = move || {
        view! {
            <h1>"Create the first admin"</h1>
            <p class="muted">"The one-time code is in the terminal where Etiqa was started, or in its log."</p>
            <PostForm to=set_up>
                <Problem problem/>
                <Field name="code" label="One-time code" autocomplete="off" required=true autofocus=true problem/>
                <Field name="name" label="User name" autocomplete="username" required=true problem/>
                <Field
                    name="password" label="Password" kind="password" autocomplete="new-password" required=true problem
                    hint="At least 10 characters; a sentence is easy to keep in mind."
                />
                {submit("Create and sign in", set_up.pending())}
            </PostForm>
        }
        .into_any()
    };
    let closed = || {
        view! {
            <h1>"Already set up"</h1>
            <p class="muted">"There is an admin already. Ask them for an account, or add one with etiqa user add."</p>
            <a class="btn primary" href="/login">"Sign in"</a>
        }
        .into_any()
    };
    view! {
        <Title text="Set up"/>
        <div class="door">
            <div class="brand">{mark()}<span>"Etiqa Auto Backup"</span></div>
            <section class="card">
                {later(nothing, move || async move {
                    if matches!(is_open.get().await, Ok(false)) { closed() } else { form() }
                })}
            </section>
        </div>
    }
    .into_any()
}
