//! Everybody who can sign in.

use etiqa_model::UserId;
use etiqa_model::event::Topic;
use etiqa_model::scope::Scope;
use etiqa_model::user::{BrowserSession, Role, User};
use leptos::prelude::*;

use super::ABOVE;
use super::find::{ListSearch, key_of_new, keyed, saved};
use crate::api::admin::{
    AddUser, ChangeUser, EndUserSession, ListUserSessions, ListUsers, RemoveUser, ResetSecondFactor,
};
use crate::ask::{ask, ask_if};
use crate::components::form::FormProblem;
use crate::components::part::nothing;
use crate::components::table::{Column, list_card};
use crate::components::{Ago, Field, Loaded, PageHeader, Problem, Select, Time, act, card, confirm, submit};
use crate::live::touch_after;
use crate::pages::browsers::browsers;
use crate::pages::query_field;
use crate::post::{Post, PostForm};

const PATH: &str = "/admin/users";

#[component]
pub(crate) fn UsersPage() -> AnyView {
    let lookup = ListSearch::at(PATH);
    let users = ask(&[Topic::Admin], || ListUsers {});
    let add = Post::<AddUser>::new();
    let change = Post::<ChangeUser>::new();
    let remove = Post::<RemoveUser>::new();
    touch_after(add, &[Topic::Admin]);
    touch_after(change, &[Topic::Admin]);
    touch_after(remove, &[Topic::Admin]);
    let (end, reset) = (Post::<EndUserSession>::new(), Post::<ResetSecondFactor>::new());
    touch_after(end, &[Topic::Admin]);
    touch_after(reset, &[Topic::Admin]);
    change.forget_with(lookup.about());
    let edited = query_field("edit");
    // Not live: nothing may change under the hands of a person who types.
    let known = ask_if(&[], move || (!edited.get().is_empty()).then_some(ListUsers {})).anew_with(edited);
    let sessions =
        ask_if(&[Topic::Admin], move || edited.get().parse().ok().map(|id| ListUserSessions { id }));
    let for_form = move || {
        let added = add.accepted().get();
        async move {
            let known = known.get().await?.unwrap_or_default();
            let known = known.into_iter().find(|user| user.id.to_string() == edited.get_untracked());
            Ok((known, added))
        }
    };
    let from = move || {
        lookup.follow();
        users.get()
    };
    view! {
        <PageHeader title="Users" above=ABOVE>{lookup.new_button("New user")}</PageHeader>
        <Problem problem=remove.problem().or(end.problem().or(reset.problem()))/>
        {lookup.field("Name, role or scope")}
        <div class="grid">
            <Loaded from view=move |users, _| list(users, lookup, remove)/>
            <div id="form">
                <Loaded from=for_form view=move |(user, added), _| match user {
                    Some(user) => keyed(user.id.to_string(), change_form(user, lookup.closed(), change, reset)),
                    None => keyed(key_of_new(added), add_form(add, add.problem())),
                }/>
                <Loaded waiting=nothing from=move || sessions.get() view=move |sessions, _| match (sessions, edited.get_untracked().parse()) {
                    (Some(sessions), Ok(id)) => signed_in(sessions, id, end),
                    _ => nothing(),
                }/>
            </div>
        </div>
    }
    .into_any()
}

/// Roles as choices, each with what it may do.
pub(super) fn roles() -> Vec<(String, String)> {
    Role::ALL
        .iter()
        .map(|role| {
            let words = match role {
                Role::Viewer => "Viewer: looks, secrets masked",
                Role::Operator => "Operator: also runs backups, edits devices",
                Role::Admin => "Admin: everything",
            };
            (role.as_str().to_owned(), words.to_owned())
        })
        .collect()
}

/// Which devices somebody sees and acts on.
pub(super) fn scope_field(value: String, problem: FormProblem) -> AnyView {
    view! { <Field name="scope" label="Scope" kind="textarea" value placeholder="all devices" problem hint="The devices they see and act on, a line each: site:vienna or tag:core. Empty: all of them. An admin has no scope."/> }
        .into_any()
}

fn add_form(add: Post<AddUser>, problem: FormProblem) -> AnyView {
    let form = view! {
        <div class="pad form">
            <PostForm to=add done="The user is added and can sign in now.">
                <Problem problem/>
                <Field name="name" label="User name" autocomplete="off" required=true problem/>
                <Select name="role" label="Role" options=roles() value="viewer" problem/>
                {scope_field(String::new(), problem)}
                <Field name="password" label="Password" kind="password" autocomplete="new-password" required=true problem hint="At least 10 characters."/>
                <div class="actions">{submit("Save user", add.pending())}</div>
            </PostForm>
        </div>
    }
    .into_any();
    card("Add a user", (), form)
}

fn change_form(
    user: User,
    closed: Memo<String>,
    change: Post<ChangeUser>,
    reset: Post<ResetSecondFactor>,
) -> AnyView {
    let problem = change.problem();
    let reset = user.second_factor_since.map(|_| reset_button(&user, reset));
    let form = view! {
        <div class="pad form">
            <PostForm to=change done=saved(Some(&user.name), "user")>
                <Problem problem/>
                <input type="hidden" name="id" value=user.id.to_string()/>
                <Select name="role" label="Role" options=roles() value=user.role.as_str() problem/>
                {scope_field(user.scope.to_string(), problem)}
                <Field name="password" label="New password" kind="password" placeholder="as it is" autocomplete="new-password" problem hint="At least 10 characters. Their sessions end."/>
                <div class="actions">
                    {submit("Save user", change.pending())}
                    <a class="btn" href=closed>"Cancel"</a>
                </div>
            </PostForm>
            {reset}
        </div>
    }
    .into_any();
    card(format!("Change {}", user.name), (), form)
}

fn reset_button(user: &User, reset: Post<ResetSecondFactor>) -> AnyView {
    let id = user.id.to_string();
    let key = format!("reset-{id}");
    let form = view! {
        <PostForm to=reset done="The second factor is reset.">{act(&[("id", id)], "Reset", "btn danger")}</PostForm>
    }
    .into_any();
    let question = format!(
        "Reset the second factor of {}? The password alone lets them in then. They are signed out at once.",
        user.name
    );
    view! { <div class="actions">{confirm(&key, "Reset second factor…", question, form)}</div> }.into_any()
}

/// The browsers of the user whose form is open.
fn signed_in(sessions: Vec<BrowserSession>, id: UserId, end: Post<EndUserSession>) -> AnyView {
    if sessions.is_empty() {
        return nothing();
    }
    let list = browsers(sessions, move |name| {
        let fields = [("id", id.to_string()), ("name", name)];
        view! {
            <PostForm to=end done="That browser is signed out.">{act(&fields, "Sign it out", "btn small")}</PostForm>
        }
        .into_any()
    });
    card("Signed in", (), list)
}

fn list(users: Vec<User>, lookup: ListSearch, remove: Post<RemoveUser>) -> AnyView {
    let columns =
        &[Column::Text("User"), Column::Text("Role"), Column::Text("Last sign-in"), Column::Actions];
    let found = lookup.rows(users, |user| format!("{} {} {}", user.name, user.role, user.scope));
    let none = lookup.none(found.total, nothing);
    let rows = found.rows.into_iter().map(|user| (user.id, row(user, lookup, remove))).collect();
    list_card(columns, rows, none, lookup.below(found.page, found.total, "user"))
}

/// Beside a role, where it is not for all devices.
pub(super) fn scope_words(scope: &Scope) -> Option<AnyView> {
    (!scope.is_everything()).then(|| view! { <small>{scope.words()}</small> }.into_any())
}

fn row(user: User, lookup: ListSearch, remove: Post<RemoveUser>) -> AnyView {
    let id = user.id.to_string();
    let edit = lookup.form_button("edit", id.clone(), "Edit");
    let key = format!("user-{id}");
    let form =
        view! { <PostForm to=remove>{act(&[("id", id)], "Remove", "btn danger")}</PostForm> }.into_any();
    let question = format!("Remove {}? They are signed out at once.", user.name);
    let second_factor = user.second_factor_since.map(|_| view! { <small>"second factor"</small> }.into_any());
    view! {
        <tr>
            <td><b>{user.name}</b><small>"since "<Time at=user.created_at/></small></td>
            <td>{user.role.as_str()}{scope_words(&user.scope)}{second_factor}</td>
            <td class="muted" data-label="Signed in">{user.last_sign_in_at.map_or_else(|| "never".into_any(), |at| view! { <Ago at/> }.into_any())}</td>
            <td class="end"><div class="actions">{edit}{confirm(&key, "Remove…", question, form)}</div></td>
        </tr>
    }
    .into_any()
}
