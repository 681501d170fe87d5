//! How devices are logged in to. Secrets go in here and never come out.

use etiqa_model::credential::Credential;
use etiqa_model::event::Topic;
use leptos::prelude::*;

use super::ABOVE;
use super::find::{ListSearch, edit_button, new_button};
use super::rotation;
use crate::api::admin::{
    FinishRotation, ListCredentials, RemoveCredential, RotateCredential, SaveCredential,
};
use crate::ask::{ask, ask_if};
use crate::components::part::accepted;
use crate::components::table::{Column, list_card};
use crate::components::{Ago, Field, Loaded, PageHeader, Problem, act, card, confirm, empty, submit};
use crate::format;
use crate::live::touch_after;
use crate::pages::query_field;
use crate::post::{Post, PostForm};

const PATH: &str = "/admin/credentials";

#[component]
pub(crate) fn CredentialsPage() -> AnyView {
    let lookup = ListSearch::at(PATH);
    let credentials = ask(&[Topic::Admin], || ListCredentials {});
    let save = Post::<SaveCredential>::new();
    let remove = Post::<RemoveCredential>::new();
    touch_after(save, &[Topic::Admin]);
    let rotate = Post::<RotateCredential>::new();
    let finish = Post::<FinishRotation>::new();
    touch_after(remove, &[Topic::Admin]);
    touch_after(rotate, &[Topic::Admin]);
    touch_after(finish, &[Topic::Admin]);
    let (edited, rotated) = (query_field("edit"), query_field("rotate"));
    // Not live: nothing may change under the hands of a person who types.
    let is_of_one = move || !edited.get().is_empty() || !rotated.get().is_empty();
    let known = ask_if(&[], move || is_of_one().then_some(ListCredentials {}));
    let for_form = move || async move {
        let mut known = known.get().await?.unwrap_or_default().into_iter();
        let is_rotated = edited.get_untracked().is_empty();
        let id = if is_rotated { rotated.get_untracked() } else { edited.get_untracked() };
        Ok((known.find(|credential| credential.id.to_string() == id), is_rotated))
    };
    let from = move || {
        lookup.follow();
        credentials.get()
    };
    view! {
        <PageHeader title="Credentials" above=ABOVE>{new_button(PATH, "New credential")}</PageHeader>
        <Problem problem=remove.problem()/>
        <Problem problem=finish.problem()/>
        {lookup.field("Name, user name or site")}
        <div class="stack">
            <Loaded from view=move |credentials, _| list(credentials, lookup, remove, finish)/>
            <div id="form">
                <Loaded from=for_form view=move |(credential, is_rotated), _| match credential {
                    Some(credential) if is_rotated => rotation::form(credential, rotate),
                    credential => form(credential, save),
                }/>
            </div>
        </div>
    }
    .into_any()
}

fn form(credential: Option<Credential>, save: Post<SaveCredential>) -> AnyView {
    let problem = save.problem();
    let is_new = credential.is_none();
    let title = credential
        .as_ref()
        .map_or_else(|| "Add a credential".to_owned(), |known| format!("Change {}", known.name));
    let as_it_is = if is_new { "" } else { "as it is" };
    let hidden = credential
        .as_ref()
        .map(|known| view! { <input type="hidden" name="id" value=known.id.to_string()/> }.into_any());
    let cancel =
        (!is_new).then(|| view! { <a class="btn" href="/admin/credentials">"Cancel"</a> }.into_any());
    let (name, site, username) = credential
        .map(|known| (known.name, known.site.unwrap_or_default(), known.username))
        .unwrap_or_default();
    let body = view! {
        <div class="pad form">
            <PostForm to=save>
                <Problem problem/>
                {accepted(save, "Saved.")}
                {hidden}
                <div class="fields">
                    <Field name="credential[name]" label="Name" value=name required=true problem autocomplete="off"/>
                    <Field name="credential[username]" label="User name on the device" value=username required=true problem autocomplete="off"/>
                    <Field name="credential[password]" label="Password" kind="password" placeholder=as_it_is problem autocomplete="new-password"/>
                    <Field name="credential[enable_password]" label="Enable password" kind="password" placeholder=as_it_is problem autocomplete="new-password" hint="Only where privileged mode asks for one."/>
                    <Field name="credential[private_key]" label="Private key" kind="textarea" placeholder=as_it_is problem autocomplete="off" hint="OpenSSH or PEM, instead of or besides a password."/>
                    <Field name="credential[key_passphrase]" label="Passphrase of the key" kind="password" placeholder=as_it_is problem autocomplete="new-password"/>
                    <Field name="credential[api_token]" label="API token" kind="password" placeholder=as_it_is problem autocomplete="new-password" hint="FortiOS' API token or PAN-OS' API key, for vendor backups. Without one the password is used."/>
                    <Field name="credential[backup_passphrase]" label="Backup passphrase" kind="password" placeholder=as_it_is problem autocomplete="new-password" hint="An F5 encrypts its UCS with it; you need it to restore one."/>
                    <Field name="credential[site]" label="Site" value=site problem placeholder="every site" hint="Devices of this site try it by themselves."/>
                </div>
                <div class="actions">{submit("Save credential", save.pending())}{cancel}</div>
            </PostForm>
        </div>
    }.into_any();
    card(title, (), body)
}

fn list(
    credentials: Vec<Credential>,
    lookup: ListSearch,
    remove: Post<RemoveCredential>,
    finish: Post<FinishRotation>,
) -> AnyView {
    let words =
        "Add the user name and the password, or the key, that logs in to your devices. Read-only is enough.";
    let found = lookup.rows(credentials, |credential| {
        let site = credential.site.as_deref().unwrap_or("every site");
        format!("{} {} {site}", credential.name, credential.username)
    });
    let none = lookup.none(found.total, || empty("No credential yet", words, ()));
    let columns = &[
        Column::Text("Credential"),
        Column::Text("Site"),
        Column::Text("Holds"),
        Column::Number("Devices"),
        Column::Actions,
    ];
    let rows =
        found.rows.into_iter().map(|credential| (credential.id, row(credential, remove, finish))).collect();
    list_card(columns, rows, none, lookup.below(found.page, found.total, "credential"))
}

fn row(credential: Credential, remove: Post<RemoveCredential>, finish: Post<FinishRotation>) -> AnyView {
    let id = credential.id;
    let held: Vec<&str> = [
        (credential.has_password, "password"),
        (credential.has_key, "key"),
        (credential.has_enable, "enable password"),
    ]
    .into_iter()
    .filter_map(|(is_held, words)| is_held.then_some(words))
    .collect();
    let form = view! {
        <PostForm to=remove>{act(&[("id", id.to_string())], "Remove", "btn danger")}</PostForm>
    }
    .into_any();
    let question = match credential.devices {
        0 => format!("Remove {}? No device names it.", credential.name),
        n => format!(
            "Remove {}? {} will try their site's instead.",
            credential.name,
            format::plural(n, "device")
        ),
    };
    let (progress, next) = rotation::of(&credential, finish);
    view! {
        <tr>
            <td><b>{credential.name}</b><small>{credential.username}</small></td>
            <td>{credential.site.unwrap_or_else(|| "every site".to_owned())}</td>
            <td>{if held.is_empty() { "nothing".to_owned() } else { held.join(", ") }}<small>"changed "<Ago at=credential.updated_at/></small>{progress}</td>
            <td class="num" data-label="Devices">{format::count(credential.devices)}</td>
            <td class="end">
                <div class="actions">
                    {edit_button(PATH, id.to_string())}
                    {next}
                    {confirm(&format!("credential-{id}"), "Remove…", question, form)}
                </div>
            </td>
        </tr>
    }
    .into_any()
}
