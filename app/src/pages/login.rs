//! Signing in.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::api::session::{GetSetup, SignIn};
use crate::ask::ask;
use crate::components::frame::mark;
use crate::components::part::{later, nothing};
use crate::components::{Field, Problem, submit};
use crate::post::{Post, PostForm};

#[component]
pub(crate) fn LoginPage() -> AnyView {
    let sign_in = Post::<SignIn>::new();
    let problem = sign_in.problem();
    let query = use_query_map();
    let next = Signal::derive(move || query.with(|query| query.get("next").unwrap_or_default()));
    let setup = ask(&[], || GetSetup {});
    view! {
        <Title text="Sign in"/>
        <div class="door">
            <div class="brand">{mark()}<span>"Etiqa Auto Backup"</span></div>
            <section class="card">
                <h1>"Sign in"</h1>
                <PostForm to=sign_in>
                    <Problem problem/>
                    <Field name="name" label="User name" autocomplete="username" required=true autofocus=true problem/>
                    <Field name="password" label="Password" kind="password" autocomplete="current-password" required=true/>
                    <input type="hidden" name="next" value=next/>
                    {submit("Sign in", sign_in.pending())}
                </PostForm>
            </section>
            {later(nothing, move || async move {
                if !setup.get().await.is_ok_and(|setup| setup.is_open) {
                    return nothing();
                }
                view! {
                    <p class="notice">
                        "Nobody can sign in yet. "<a href="/setup">"Create the first admin"</a>
                    </p>
                }
                .into_any()
            })}
        </div>
    }
    .into_any()
}
