//! What a person says of a device, its host key, and its end.

use etiqa_model::DeviceId;
use etiqa_model::admin::DeviceChoices;
use etiqa_model::device::{DeviceDetail, HostKeyView};
use etiqa_model::user::Role;
use leptos::prelude::*;

use crate::api::devices::{DeleteDevice, GetDevice, GetDeviceChoices, SaveDevice};
use crate::ask::ask;
use crate::components::part::accepted;
use crate::components::{Loaded, Problem, Time, act, card, confirm};
use crate::pages::device_form::device_form;
use crate::post::{Post, PostForm};

/// Not live on purpose: nothing may change under the hands of a person who types.
#[component]
pub(super) fn Settings(id: Memo<i64>) -> AnyView {
    let save = Post::<SaveDevice>::new();
    let delete = Post::<DeleteDevice>::new();
    let choices = ask(&[], || GetDeviceChoices {});
    let detail = ask(&[], move || GetDevice { id: DeviceId(id.get()) });
    let loaded = move || async move { Ok((detail.get().await?, choices.get().await?)) };
    view! {
        <Problem problem=delete.problem()/>
        <Loaded from=loaded view=move |(detail, choices), role| content(detail, choices, role, save, delete)/>
    }
    .into_any()
}

fn content(
    detail: DeviceDetail,
    choices: DeviceChoices,
    role: Role,
    save: Post<SaveDevice>,
    delete: Post<DeleteDevice>,
) -> AnyView {
    let device = detail.device;
    let key = detail.host_key.map(host_key);
    if role < Role::Operator {
        let words =
            view! { <p class="quiet">"Operators and admins can change what is said of this device."</p> }
                .into_any();
        return view! { <div class="stack">{card("Device", (), words)}{key}</div> }.into_any();
    }
    let id = device.id;
    let question =
        format!("Delete {} with all its versions and results? Archives that hold it stay.", device.hostname);
    let form = view! {
        <PostForm to=delete>{act(&[("id", id.to_string())], "Delete", "btn danger")}</PostForm>
    }
    .into_any();
    view! {
        <div class="stack narrow">
            {accepted(save, "Saved.")}
            <section class="card pad form">{device_form(Some((id, detail.stamp)), device.to_input(), choices, save)}</section>
            {key}
            <section class="card pad danger-zone">
                <div>
                    <h2>"Delete this device"</h2>
                    <p class="muted">"To stop backing it up and keep its history, disable it instead."</p>
                </div>
                {confirm("device", "Delete…", question, form)}
            </section>
        </div>
    }
    .into_any()
}

fn host_key(key: HostKeyView) -> AnyView {
    card(
        "Host key",
        view! { "first seen "<Time at=key.first_seen_at/> }.into_any(),
        view! { <p class="pad mono hash">{key.fingerprint}</p> }.into_any(),
    )
}
