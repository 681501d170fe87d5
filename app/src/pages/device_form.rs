//! The fields of a device, for a new one and for one that is changed.

use etiqa_model::DeviceId;
use etiqa_model::admin::DeviceChoices;
use etiqa_model::device::{DEFAULT_SITE, DeviceInput, DeviceType};
use leptos::prelude::*;

use crate::api::devices::{GetDeviceChoices, SaveDevice};
use crate::ask::ask;
use crate::components::form::of_known;
use crate::components::{Check, Field, Loaded, PageHeader, Problem, Select, submit};
use crate::pages::{options, with_any, with_any_of};
use crate::post::{Post, PostForm};

#[component]
pub(crate) fn NewDevicePage() -> AnyView {
    let choices = ask(&[], || GetDeviceChoices {});
    let save = Post::<SaveDevice>::new();
    view! {
        <PageHeader title="New device" above=&[("Devices", "/devices/")]/>
        <Loaded from=move || choices.get() view=move |choices, _| {
            view! {
                <section class="card pad form narrow">
                    {device_form(None, DeviceInput::default(), choices, save)}
                </section>
            }
            .into_any()
        }/>
    }
    .into_any()
}

/// The form itself. Of a device that is changed, `known` has its number and the stamp of what it was. What `choices` does not
/// know can still be typed where it is free text.
pub(crate) fn device_form(
    known: Option<(DeviceId, String)>,
    input: DeviceInput,
    choices: DeviceChoices,
    save: Post<SaveDevice>,
) -> AnyView {
    let problem = save.problem();
    let cancel = known.as_ref().map_or_else(|| "/devices/".to_owned(), |(id, _)| format!("/devices/{id}"));
    let hidden = known.map(|(id, stamp)| of_known(id.to_string(), stamp, problem));
    let kinds =
        DeviceType::ALL.iter().map(|kind| (kind.as_str().to_owned(), kind.label().to_owned())).collect();
    let platforms = with_any_of("Recognised by itself", choices.platforms, &input.platform);
    let credentials = with_any("The site's, in order", choices.credentials, &input.credential);
    let hosts = with_any("As its site says, or straight", choices.jump_hosts, &input.jump_host);
    let transports = options(&[("ssh", "SSH"), ("telnet", "Telnet")]);
    let kind =
        if input.device_type.is_empty() { DeviceType::Other.as_str().to_owned() } else { input.device_type };
    let sites = choices
        .sites
        .into_iter()
        .map(|site| view! { <option value=site></option> }.into_any())
        .collect_view();
    let fields = view! {
        <Field name="device[address]" label="Address" value=input.address required=true problem placeholder="10.20.0.1" hint="An IP address or a host name."/>
        <Field name="device[hostname]" label="Name" value=input.hostname problem hint="For people; the address when empty."/>
        <Select name="device[device_type]" label="Type" options=kinds value=kind problem/>
        <Select name="device[platform]" label="Platform" options=platforms value=input.platform problem hint="How to talk to it."/>
        <Select name="device[transport]" label="Transport" options=transports value=input.transport problem hint="With telnet, passwords cross the network in clear."/>
        <Field name="device[port]" label="Port" kind="number" value=input.port problem placeholder="22, with telnet 23"/>
        <Field name="device[https_port]" label="HTTPS port" kind="number" value=input.https_port problem placeholder="443" hint="For vendor backups by the device's API."/>
        <Select name="device[credential]" label="Credential" options=credentials value=input.credential problem/>
        <Select name="device[jump_host]" label="Jump host" options=hosts value=input.jump_host problem/>
        <Field name="device[site]" label="Site" value=input.site list="sites" problem placeholder=DEFAULT_SITE/>
        <Field name="device[tags]" label="Tags" value=input.tags problem placeholder="core, vienna" hint="Separated by commas."/>
        <div class="wide"><Field name="device[description]" label="Description" kind="textarea" value=input.description problem/></div>
        <div class="wide"><Check name="device[legacy_ssh]" label="Old SSH algorithms" hint="Only for a device that knows no newer ones." checked=Signal::stored(input.legacy_ssh) problem/></div>
    }.into_any();
    view! {
        <PostForm to=save>
            <Problem problem/>
            {hidden}
            <input type="hidden" name="device[status]" value=input.status/>
            <div class="fields">{fields}</div>
            <datalist id="sites">{sites}</datalist>
            <div class="actions">
                {submit("Save device", save.pending())}
                <a class="btn" href=cancel>"Cancel"</a>
            </div>
        </PostForm>
    }
    .into_any()
}
