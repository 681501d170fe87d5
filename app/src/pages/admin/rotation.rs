//! Rotating a credential: new secrets beside the previous ones, and how many devices have them.

use etiqa_model::credential::{Credential, Rotation};
use leptos::prelude::*;

use crate::api::admin::{FinishRotation, RotateCredential};
use crate::components::part::nothing;
use crate::components::{Ago, Field, Problem, act, card, confirm, submit};
use crate::format;
use crate::post::{Post, PostForm};

/// How far a credential's rotation is, and what can be done next: begin one, or finish the one that is on.
pub(super) fn of(credential: &Credential, finish: Post<FinishRotation>) -> (AnyView, AnyView) {
    let id = credential.id.to_string();
    let Some(rotation) = &credential.rotation else {
        let href = format!("/admin/credentials?rotate={id}");
        return (nothing(), view! { <a class="btn small" href=href>"Rotate…"</a> }.into_any());
    };
    let key = format!("rotation-{id}");
    let form =
        view! { <PostForm to=finish>{act(&[("id", id)], "Finish", "btn danger")}</PostForm> }.into_any();
    (progress(rotation), confirm(&key, "Finish…", question(&credential.name, rotation), form))
}

fn progress(rotation: &Rotation) -> AnyView {
    let taken = format!(
        "{} of {} took the new secrets",
        format::count(rotation.renewed),
        format::plural(rotation.devices, "device")
    );
    let hosts = (!rotation.jump_hosts.is_empty()).then(|| {
        let names = rotation.jump_hosts.join(", ");
        view! { <small>{format!("not yet: jump host {names}")}</small> }.into_any()
    });
    view! { <small>"rotated "<Ago at=rotation.since/>", "{taken}</small>{hosts} }.into_any()
}

fn question(name: &str, rotation: &Rotation) -> String {
    let devices =
        Some(rotation.waiting()).filter(|count| *count > 0).map(|count| format::plural(count, "device"));
    let hosts = rotation.jump_hosts.iter().map(|host| format!("jump host {host}"));
    let waiting: Vec<String> = devices.into_iter().chain(hosts).collect();
    if waiting.is_empty() {
        return format!("Forget the previous secrets of {name}? Every device took the new ones.");
    }
    let waiting = waiting.join(", ");
    format!("Forget the previous secrets of {name}? Not yet seen to take the new ones: {waiting}.")
}

/// The form that begins a rotation.
pub(super) fn form(credential: Credential, rotate: Post<RotateCredential>) -> AnyView {
    let problem = rotate.problem();
    let title = format!("Rotate {}", credential.name);
    let body = view! {
        <div class="pad form">
            <p>"Devices are tried with the new secrets first, and where they refuse these, with the previous ones, until you finish the rotation."</p>
            <PostForm to=rotate>
                <Problem problem/>
                <input type="hidden" name="id" value=credential.id.to_string()/>
                <div class="fields">
                    <Field name="secrets[password]" label="New password" kind="password" placeholder="as it is" problem autocomplete="new-password"/>
                    <Field name="secrets[enable_password]" label="New enable password" kind="password" placeholder="as it is" problem autocomplete="new-password"/>
                    <Field name="secrets[private_key]" label="New private key" kind="textarea" placeholder="as it is" problem autocomplete="off"/>
                    <Field name="secrets[key_passphrase]" label="Passphrase of the new key" kind="password" problem autocomplete="new-password"/>
                </div>
                <div class="actions">
                    {submit("Begin rotation", rotate.pending())}
                    <a class="btn" href="/admin/credentials">"Cancel"</a>
                </div>
            </PostForm>
        </div>
    }
    .into_any();
    card(title, (), body)
}
