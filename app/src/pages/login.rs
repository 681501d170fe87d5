//! Signing in: name and password, then the code of those who have set that up.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::api::session::{ConfirmSignIn, SignIn};
use crate::components::frame::mark;
use crate::components::list::address;
use crate::components::part::part;
use crate::components::{Field, Problem, submit};
use crate::post::{Post, PostForm};

#[component]
pub(crate) fn LoginPage() -> AnyView {
    let (sign_in, confirm) = (Post::<SignIn>::new(), Post::<ConfirmSignIn>::new());
    let query = use_query_map();
    let next = Memo::new(move |_| query.with(|query| query.get("next").unwrap_or_default()));
    let needs_code =
        Memo::new(move |_| query.with(|query| query.get("step").is_some_and(|step| step == "code")));
    view! {
        <Title text="Sign in"/>
        <div class="door">
            <div class="brand">{mark()}<span>"Etiqa Auto Backup"</span></div>
            <section class="card">
                <h1>"Sign in"</h1>
                {part(move || if needs_code.get() { code_form(confirm, next) } else { password_form(sign_in, next) })}
            </section>
        </div>
    }
    .into_any()
}

fn password_form(sign_in: Post<SignIn>, next: Memo<String>) -> AnyView {
    let problem = sign_in.problem();
    view! {
        <PostForm to=sign_in>
            <Problem problem/>
            <Field name="name" label="User name" autocomplete="username" required=true autofocus=true problem/>
            <Field name="password" label="Password" kind="password" autocomplete="current-password" required=true/>
            <input type="hidden" name="next" value=next/>
            {submit("Sign in", sign_in.pending())}
        </PostForm>
    }
    .into_any()
}

fn code_form(confirm: Post<ConfirmSignIn>, next: Memo<String>) -> AnyView {
    let problem = confirm.problem();
    view! {
        <PostForm to=confirm>
            <Problem problem/>
            <Field name="code" label="Code" autocomplete="one-time-code" required=true autofocus=true hint="From the app on your phone, or one of your recovery codes."/>
            <input type="hidden" name="next" value=next/>
            {submit("Sign in", confirm.pending())}
            <a href=move || address("/login", &[("next", next.get())])>"Begin again"</a>
        </PostForm>
    }
    .into_any()
}
