//! API tokens. A token's secret is shown once, when it is made.

use etiqa_model::event::Topic;
use etiqa_model::user::{ApiToken, FreshToken};
use leptos::prelude::*;

use super::ABOVE;
use super::find::{ListSearch, key_of_new, keyed, saved};
use super::users::{roles, scope_field, scope_words};
use crate::api::admin::{ChangeToken, CreateToken, ListTokens, RevokeToken};
use crate::ask::{ask, ask_if};
use crate::components::copy::{at_once, copy_button};
use crate::components::form::FormProblem;
use crate::components::part::{nothing, part};
use crate::components::table::{Column, list_card};
use crate::components::{
    Ago, Field, Loaded, PageHeader, Problem, Select, Time, act, card, confirm, empty, submit,
};
use crate::live::touch_after;
use crate::pages::query_field;
use crate::post::{Post, PostForm};

const PATH: &str = "/admin/tokens";

#[component]
pub(crate) fn TokensPage() -> AnyView {
    let lookup = ListSearch::at(PATH);
    let tokens = ask(&[Topic::Admin], || ListTokens {});
    let create = Post::<CreateToken>::new();
    let change = Post::<ChangeToken>::new();
    let revoke = Post::<RevokeToken>::new();
    touch_after(create, &[Topic::Admin]);
    touch_after(change, &[Topic::Admin]);
    touch_after(revoke, &[Topic::Admin]);
    change.forget_with(lookup.about());
    let edited = query_field("edit");
    // Not live: nothing may change under the hands of a person who types.
    let known = ask_if(&[], move || (!edited.get().is_empty()).then_some(ListTokens {})).anew_with(edited);
    let for_form = move || {
        let created = create.accepted().get();
        async move {
            let known = known.get().await?.unwrap_or_default();
            let known = known.into_iter().find(|token| token.id.to_string() == edited.get_untracked());
            Ok((known, created))
        }
    };
    let fresh = part(move || create.answer().map_or_else(nothing, fresh));
    let from = move || {
        lookup.follow();
        tokens.get()
    };
    view! {
        <PageHeader title="API tokens" above=ABOVE>{lookup.new_button("New token")}</PageHeader>
        <Problem problem=revoke.problem()/>
        {fresh}
        {lookup.field("Name, role or scope")}
        <div class="grid">
            <Loaded from view=move |tokens, _| list(tokens, lookup, revoke)/>
            <div id="form">
                <Loaded from=for_form view=move |(token, created), _| match token {
                    Some(token) => keyed(token.id.to_string(), change_form(token, lookup.closed(), change)),
                    None => keyed(key_of_new(created), create_form(create, create.problem())),
                }/>
            </div>
        </div>
    }
    .into_any()
}

fn create_form(create: Post<CreateToken>, problem: FormProblem) -> AnyView {
    let form = view! {
        <div class="pad form">
            <PostForm to=create>
                <Problem problem/>
                <Field name="name" label="Name" required=true problem hint="What uses it, such as monitoring." autocomplete="off"/>
                <Select name="role" label="Role" options=roles() value="viewer" problem/>
                {scope_field(String::new(), problem)}
                <Field name="expires_days" label="Expires after days" kind="number" problem placeholder="never"/>
                <div class="actions">{submit("Make token", create.pending())}</div>
            </PostForm>
            <noscript><p class="hint">"The page shows the secret only with JavaScript. Without it, use etiqa token create."</p></noscript>
        </div>
    }.into_any();
    card("Make a token", (), form)
}

fn change_form(token: ApiToken, closed: Memo<String>, change: Post<ChangeToken>) -> AnyView {
    let problem = change.problem();
    // "2026-12-31T…"
    let last_day = token.expires_at.map(|at| at.to_string().chars().take(10).collect::<String>());
    let title = format!("Change {}", token.name);
    let form = view! {
        <div class="pad form">
            <PostForm to=change done=saved(Some(&token.name), "token")>
                <Problem problem/>
                <input type="hidden" name="id" value=token.id.to_string()/>
                <Field name="name" label="Name" value=token.name required=true problem autocomplete="off"/>
                <Select name="role" label="Role" options=roles() value=token.role.as_str() problem/>
                {scope_field(token.scope.to_string(), problem)}
                <Field name="expires_on" label="Last day" kind="date" value=last_day.unwrap_or_default() problem hint="By UTC. Empty: it never expires. Its secret stays as it is."/>
                <div class="actions">
                    {submit("Save token", change.pending())}
                    <a class="btn" href=closed>"Cancel"</a>
                </div>
            </PostForm>
        </div>
    }
    .into_any();
    card(title, (), form)
}

fn fresh(fresh: FreshToken) -> AnyView {
    let secret = fresh.secret.reveal().to_owned();
    let for_copy = fresh.secret;
    let copy = copy_button("Copy", || 0, move |_| at_once(for_copy.reveal().to_owned()));
    view! {
        <div class="notice good" role="status">
            <p><b>{fresh.token.name}</b>" is made. Copy its secret now; it is not shown again."</p>
            <p class="secret"><code>{secret}</code>
                {copy}
            </p>
            <p class="muted">"Send it as "<code>"Authorization: Bearer …"</code></p>
        </div>
    }
    .into_any()
}

fn list(tokens: Vec<ApiToken>, lookup: ListSearch, revoke: Post<RevokeToken>) -> AnyView {
    let words = "A token lets a script or your monitoring ask Etiqa, with a role of its own.";
    let found = lookup.rows(tokens, |token| format!("{} {} {}", token.name, token.role, token.scope));
    let none = lookup.none(found.total, || empty("No token yet", words, ()));
    let columns = &[
        Column::Text("Token"),
        Column::Text("Role"),
        Column::Text("Expires"),
        Column::Text("Last used"),
        Column::Actions,
    ];
    let rows = found.rows.into_iter().map(|token| (token.id, row(token, lookup, revoke))).collect();
    list_card(columns, rows, none, lookup.below(found.page, found.total, "token"))
}

fn row(token: ApiToken, lookup: ListSearch, revoke: Post<RevokeToken>) -> AnyView {
    let id = token.id;
    let edit = lookup.form_button("edit", id.to_string(), "Edit");
    let form = view! {
        <PostForm to=revoke>{act(&[("id", id.to_string())], "Remove", "btn danger")}</PostForm>
    }
    .into_any();
    let question = format!("Remove {}? Whatever uses it is refused at once.", token.name);
    view! {
        <tr>
            <td><b>{token.name}</b><small>"made "<Time at=token.created_at/></small></td>
            <td>{token.role.as_str()}{scope_words(&token.scope)}</td>
            <td data-label="Expires">{token.expires_at.map_or_else(|| "never".into_any(), |at| view! { <Time at/> }.into_any())}</td>
            <td class="muted" data-label="Used">{token.last_used_at.map_or_else(|| "never".into_any(), |at| view! { <Ago at/> }.into_any())}</td>
            <td class="end"><div class="actions">{edit}{confirm(&format!("token-{id}"), "Remove…", question, form)}</div></td>
        </tr>
    }
    .into_any()
}
