//! Everybody who can sign in.

use etiqa_model::event::Topic;
use etiqa_model::user::{Role, User};
use leptos::prelude::*;

use super::ABOVE;
use super::find::{ListSearch, edit_button, new_button};
use crate::api::admin::{AddUser, ChangeUser, ListUsers, RemoveUser};
use crate::ask::{ask, ask_if};
use crate::components::form::FormProblem;
use crate::components::part::{accepted, nothing};
use crate::components::table::{Column, list_card};
use crate::components::{Ago, Field, Loaded, PageHeader, Problem, Select, Time, act, card, confirm, submit};
use crate::live::touch_after;
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
    let edited = query_field("edit");
    // Not live: nothing may change under the hands of a person who types.
    let known = ask_if(&[], move || (!edited.get().is_empty()).then_some(ListUsers {}));
    let for_form = move || async move {
        let known = known.get().await?.unwrap_or_default();
        Ok(known.into_iter().find(|user| user.id.to_string() == edited.get_untracked()))
    };
    let from = move || {
        lookup.follow();
        users.get()
    };
    view! {
        <PageHeader title="Users" above=ABOVE>{new_button(PATH, "New user")}</PageHeader>
        <Problem problem=remove.problem()/>
        {lookup.field("Name or role")}
        <div class="grid">
            <Loaded from view=move |users, _| list(users, lookup, remove)/>
            <div id="form">
                <Loaded from=for_form view=move |user, _| match user {
                    Some(user) => change_form(user, change),
                    None => add_form(add, add.problem()),
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

fn add_form(add: Post<AddUser>, problem: FormProblem) -> AnyView {
    let form = view! {
        <div class="pad form">
            <PostForm to=add>
                <Problem problem/>
                {accepted(add, "Added. They can sign in now.")}
                <Field name="name" label="User name" autocomplete="off" required=true problem/>
                <Select name="role" label="Role" options=roles() value="viewer" problem/>
                <Field name="password" label="Password" kind="password" autocomplete="new-password" required=true problem hint="At least 10 characters."/>
                <div class="actions">{submit("Save user", add.pending())}</div>
            </PostForm>
        </div>
    }
    .into_any();
    card("Add a user", (), form)
}

fn change_form(user: User, change: Post<ChangeUser>) -> AnyView {
    let problem = change.problem();
    let form = view! {
        <div class="pad form">
            <PostForm to=change>
                <Problem problem/>
                {accepted(change, "Saved.")}
                <input type="hidden" name="id" value=user.id.to_string()/>
                <Select name="role" label="Role" options=roles() value=user.role.as_str() problem/>
                <Field name="password" label="New password" kind="password" placeholder="as it is" autocomplete="new-password" problem hint="At least 10 characters. Their sessions end."/>
                <div class="actions">
                    {submit("Save user", change.pending())}
                    <a class="btn" href=PATH>"Cancel"</a>
                </div>
            </PostForm>
        </div>
    }
    .into_any();
    card(format!("Change {}", user.name), (), form)
}

fn list(users: Vec<User>, lookup: ListSearch, remove: Post<RemoveUser>) -> AnyView {
    let columns =
        &[Column::Text("User"), Column::Text("Role"), Column::Text("Last sign-in"), Column::Actions];
    let found = lookup.rows(users, |user| format!("{} {}", user.name, user.role));
    let none = lookup.none(found.total, nothing);
    let rows = found.rows.into_iter().map(|user| (user.id, row(user, remove))).collect();
    list_card(columns, rows, none, lookup.below(found.page, found.total, "user"))
}

fn row(user: User, remove: Post<RemoveUser>) -> AnyView {
    let id = user.id.to_string();
    let edit = edit_button(PATH, id.clone());
    let key = format!("user-{id}");
    let form =
        view! { <PostForm to=remove>{act(&[("id", id)], "Remove", "btn danger")}</PostForm> }.into_any();
    let question = format!("Remove {}? They are signed out at once.", user.name);
    view! {
        <tr>
            <td><b>{user.name}</b><small>"since "<Time at=user.created_at/></small></td>
            <td>{user.role.as_str()}</td>
            <td class="muted" data-label="Signed in">{user.last_sign_in_at.map_or_else(|| "never".into_any(), |at| view! { <Ago at/> }.into_any())}</td>
            <td class="end"><div class="actions">{edit}{confirm(&key, "Remove…", question, form)}</div></td>
        </tr>
    }
    .into_any()
}
