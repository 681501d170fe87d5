//! Everybody who can sign in.

use etiqa_model::event::Topic;
use etiqa_model::user::{Role, User};
use leptos::prelude::*;

use super::ABOVE;
use crate::api::admin::{AddUser, ChangeUser, ListUsers, RemoveUser};
use crate::ask::ask;
use crate::components::form::FormProblem;
use crate::components::part::{accepted, nothing};
use crate::components::table::{Column, list_card};
use crate::components::{Ago, Field, Loaded, PageHeader, Problem, Select, Time, act, card, confirm, submit};
use crate::live::touch_after;
use crate::post::{Post, PostForm};

#[derive(Clone, Copy)]
struct Actions {
    change: Post<ChangeUser>,
    remove: Post<RemoveUser>,
}

#[component]
pub(crate) fn UsersPage() -> AnyView {
    let users = ask(&[Topic::Admin], || ListUsers {});
    let add = Post::<AddUser>::new();
    let actions = Actions { change: Post::<ChangeUser>::new(), remove: Post::<RemoveUser>::new() };
    touch_after(add, &[Topic::Admin]);
    touch_after(actions.change, &[Topic::Admin]);
    touch_after(actions.remove, &[Topic::Admin]);
    view! {
        <PageHeader title="Users" above=ABOVE/>
        <Problem problem=actions.change.problem()/>
        <Problem problem=actions.remove.problem()/>
        <div class="grid">
            <Loaded from=move || users.get() view=move |users, _| list(users, actions)/>
            {card("Add a user", (), add_form(add, add.problem()))}
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
    view! {
        <div class="pad form">
            <PostForm to=add>
                <Problem problem/>
                {accepted(add, "Added. They can sign in now.")}
                <Field name="name" label="User name" autocomplete="off" required=true problem/>
                <Select name="role" label="Role" options=roles() value="viewer" problem/>
                <Field name="password" label="Password" kind="password" autocomplete="new-password" required=true problem hint="At least 10 characters."/>
                <div class="actions">{submit("Add user", add.pending())}</div>
            </PostForm>
        </div>
    }
    .into_any()
}

fn list(users: Vec<User>, actions: Actions) -> AnyView {
    let columns =
        &[Column::Text("User"), Column::Text("Role"), Column::Text("Last sign-in"), Column::Actions];
    list_card(columns, users.into_iter().map(|user| (user.id, row(user, actions))).collect(), None, nothing())
}

fn row(user: User, actions: Actions) -> AnyView {
    let id = user.id;
    let role = user.role;
    let options = Role::ALL
        .iter()
        .map(|other| {
            view! { <option value=other.as_str() selected=*other == role>{other.as_str()}</option> }
                .into_any()
        })
        .collect_view();
    let change = view! {
        <details class="confirm">
            <summary class="btn small">"Change…"</summary>
            <div class="confirm-box form">
                <PostForm to=actions.change>
                    <input type="hidden" name="id" value=id.to_string()/>
                    <label class="field"><span>"Role"</span><select name="role">{options}</select></label>
                    <label class="field"><span>"New password"</span><input type="password" name="password" autocomplete="new-password" placeholder="as it is"/></label>
                    <p class="hint">"Their sessions end."</p>
                    <button class="btn primary" type="submit">"Save"</button>
                </PostForm>
            </div>
        </details>
    }.into_any();
    let form = view! {
        <PostForm to=actions.remove>{act(&[("id", id.to_string())], "Remove", "btn danger")}</PostForm>
    }
    .into_any();
    let question = format!("Remove {}? They are signed out at once.", user.name);
    view! {
        <tr>
            <td><b>{user.name}</b><small>"since "<Time at=user.created_at/></small></td>
            <td>{role.as_str()}</td>
            <td class="muted">{user.last_sign_in_at.map_or_else(|| "never".into_any(), |at| view! { <Ago at/> }.into_any())}</td>
            <td class="end"><div class="actions">{change}{confirm("Remove…", question, form)}</div></td>
        </tr>
    }
    .into_any()
}
