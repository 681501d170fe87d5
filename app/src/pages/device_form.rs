//! The fields of a device, for a new one and for one that is changed.

use etiqa_model::DeviceId;
use etiqa_model::admin::DeviceChoices;
use etiqa_model::device::{DEFAULT_SITE, DeviceInput, DeviceType};
use leptos::prelude::*;

use crate::api::devices::{GetDeviceChoices, SaveDevice};
use crate::ask::ask;
use crate::components::{Field, Loaded, PageHeader, Problem, Select, submit};
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

/// The form itself. What `choices` does not know can still be typed where it is free text.
pub(crate) fn device_form(
    id: Option<DeviceId>,
    input: DeviceInput,
    choices: DeviceChoices,
    save: Post<SaveDevice>,
) -> AnyView {
    let problem = save.problem();
    let hidden = id.map(|id| view! { <input type="hidden" name="id" value=id.to_string()/> }.into_any());
    let cancel = id.map_or_else(|| "/devices/".to_owned(), |id| format!("/devices/{id}"));
    let kinds =
        DeviceType::ALL.iter().map(|kind| (kind.as_str().to_owned(), kind.label().to_owned())).collect();
    let with_any = |any: &str, known: Vec<(String, String)>, value: &str| {
        let mut options = vec![(String::new(), any.to_owned())];
        options.extend(known);
        // A platform or credential that is gone stays visible until a person chooses another.
        if !options.iter().any(|(name, _)| name == value) {
            options.push((value.to_owned(), format!("{value} (not there any more)")));
        }
        options
    };
    let platforms = with_any("By its type", choices.platforms, &input.platform);
    let credentials = choices.credentials.into_iter().map(|name| (name.clone(), name)).collect();
    let credentials = with_any("The site's, in order", credentials, &input.credential);
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
        <Field name="device[port]" label="SSH port" kind="number" value=input.port problem placeholder="22"/>
        <Select name="device[credential]" label="Credential" options=credentials value=input.credential problem/>
        <Field name="device[site]" label="Site" value=input.site list="sites" problem placeholder=DEFAULT_SITE/>
        <Field name="device[tags]" label="Tags" value=input.tags problem placeholder="core, vienna" hint="Separated by commas."/>
        <div class="wide"><Field name="device[description]" label="Description" kind="textarea" value=input.description problem/></div>
    }.into_any();
    view! {
        <PostForm to=save>
            <Problem problem/>
            {hidden}
            <input type="hidden" name="device[transport]" value="ssh"/>
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
