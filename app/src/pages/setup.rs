//! The first visit: the first admin, or an archive of another instance, either with the one-time code of the console.

use leptos::prelude::*;
use leptos_meta::Title;

use super::query_field;
use crate::api::session::{GetSetup, SetUp};
use crate::ask::ask;
use crate::components::frame::mark;
use crate::components::part::{later, nothing};
use crate::components::{Check, Field, Problem, submit};
use crate::post::{Post, PostForm};

#[component]
pub(crate) fn SetupPage() -> AnyView {
    let set_up = Post::<SetUp>::new();
    let state = ask(&[], || GetSetup {});
    let refused = query_field("refused");
    view! {
        <Title text="Set up"/>
        <div class="door">
            <div class="brand">{mark()}<span>"Etiqa Auto Backup"</span></div>
            {later(nothing, move || async move {
                match state.get().await {
                    Ok(state) if !state.is_open => closed(),
                    state => {
                        let problem = state.ok().and_then(|state| state.restore_problem);
                        let wrong_code = refused.get_untracked() == "code";
                        open(set_up, problem, wrong_code)
                    }
                }
            })}
        </div>
    }
    .into_any()
}

fn closed() -> AnyView {
    view! {
        <section class="card">
            <h1>"Already set up"</h1>
            <p class="muted">"Somebody can sign in already. After a restore these are the people of the archive, with the passwords that they had. Otherwise ask an admin for an account, or add one with etiqa user add."</p>
            <a class="btn primary" href="/login">"Sign in"</a>
        </section>
    }
    .into_any()
}

fn open(set_up: Post<SetUp>, restore_problem: Option<String>, wrong_code: bool) -> AnyView {
    let problem = set_up.problem();
    view! {
        <section class="card">
            <h1>"Create the first admin"</h1>
            <p class="muted">"The one-time code is in the terminal where Etiqa was started, or in its log. It works for an hour; etiqa setup-code prints a new one."</p>
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
        </section>
        {restore(restore_problem, wrong_code)}
    }
    .into_any()
}

/// The archive is the last field, so that a wrong code is known before it is sent.
fn restore(problem: Option<String>, wrong_code: bool) -> AnyView {
    let problem =
        problem.or_else(|| wrong_code.then(|| "This is not the code that the program printed last.".into()));
    let is_open = problem.is_some();
    let said = problem.map(|words| view! { <p class="notice bad" role="alert">{words}</p> }.into_any());
    view! {
        <section class="card">
            <details open=is_open>
                <summary><b>"Or restore an archive"</b></summary>
                <p class="muted">"An archive of type full brings everything back: devices, all versions, people. Nothing runs by itself until you confirm that it may. A large archive takes a while; this page waits for the end."</p>
                {said}
                <form action="/setup/restore" method="post" enctype="multipart/form-data">
                    <Field name="restore[code]" label="One-time code" autocomplete="off" required=true/>
                    <Field
                        name="restore[key]" label="Key" kind="password" autocomplete="off"
                        hint="The line of secret.key of the instance that made the archive; its recovery kit has it."
                    />
                    <Check
                        name="restore[without_key]" label="The key is lost" checked=false
                        hint="Then what it seals is left out: credentials, passphrases, tokens, second factors. Type them in anew."
                    />
                    <Field
                        name="restore[passphrase]" label="Passphrase" kind="password" autocomplete="off"
                        hint="Where the archive is sealed with one, or the SSH key below."
                    />
                    <Field
                        name="restore[identity]" label="Identity" kind="textarea"
                        hint="Where it is sealed for age recipients: the identity file or SSH private key of one of them."
                    />
                    <div class="field">
                        <label for="archive">"Archive"</label>
                        <input id="archive" type="file" name="archive" accept=".zip,.age" required/>
                    </div>
                    <button class="btn primary" type="submit">"Restore"</button>
                </form>
            </details>
        </section>
    }
    .into_any()
}
