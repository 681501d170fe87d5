//! One device: its facts, its versions, its results, its settings. The tab and the versions that are compared stand
//! in the address.

pub(crate) mod artifacts;
mod connection;
mod files;
mod results;
mod settings;
mod versions;

use etiqa_model::config::{ConfigVersion, VersionState};
use etiqa_model::device::{Device, DeviceDetail, DeviceFacts};
use etiqa_model::event::Topic;
use etiqa_model::user::Role;
use etiqa_model::{DeviceId, Timestamp};
use leptos::prelude::*;

use super::{id_of_path, query_field};
use crate::api::devices::{
    AcceptHostKey, CollectDevice, DecideVersion, EnableDevice, GetDevice, RecogniseDevice,
};
use crate::ask::{Asked, ask};
use crate::components::list::version_address;
use crate::components::part::{accepted, current, part};
use crate::components::result::broken_rules;
use crate::components::{Ago, Loaded, PageHeader, Problem, Tone, act, chip, fact};
use crate::format;
use crate::live::touch_after;
use crate::post::{Post, PostForm};

/// The device of the page, shared by its tabs.
type Detail = Asked<DeviceDetail>;

#[derive(Clone, Copy)]
struct Actions {
    collect: Post<CollectDevice>,
    enable: Post<EnableDevice>,
    accept_key: Post<AcceptHostKey>,
    decide: Post<DecideVersion>,
    recognise: Post<RecogniseDevice>,
}

#[component]
pub(crate) fn DevicePage() -> AnyView {
    let id = id_of_path();
    let tab = query_field("tab");
    let detail = ask(&[Topic::Devices, Topic::BackupConfigs, Topic::Rules], move || GetDevice {
        id: DeviceId(id.get()),
    });
    let actions = Actions {
        collect: Post::<CollectDevice>::new(),
        enable: Post::<EnableDevice>::new(),
        accept_key: Post::<AcceptHostKey>::new(),
        decide: Post::<DecideVersion>::new(),
        recognise: Post::<RecogniseDevice>::new(),
    };
    touch_after(actions.collect, &[Topic::Devices]);
    touch_after(actions.enable, &[Topic::Devices]);
    touch_after(actions.accept_key, &[Topic::Devices]);
    touch_after(actions.decide, &[Topic::Devices]);
    touch_after(actions.recognise, &[Topic::Devices]);
    let body = part(move || match tab.get().as_str() {
        "results" => view! { <results::Results id detail/> }.into_any(),
        "artifacts" => view! { <artifacts::Artifacts id/> }.into_any(),
        "files" => view! { <files::Files id/> }.into_any(),
        "connection" => view! { <connection::Connection id/> }.into_any(),
        "settings" => view! { <settings::Settings id/> }.into_any(),
        _ => view! { <versions::Versions id detail/> }.into_any(),
    });
    view! {
        <Problem problem=actions.collect.problem()/>
        <Problem problem=actions.enable.problem()/>
        <Problem problem=actions.accept_key.problem()/>
        <Problem problem=actions.decide.problem()/>
        <Problem problem=actions.recognise.problem()/>
        {accepted(actions.recognise, "It is looked at anew when it is next backed up.")}
        <Loaded is_page=true from=move || detail.get() view=move |detail, role| head(detail, role, actions)/>
        <Tabs tab/>
        {body}
    }
    .into_any()
}

#[component]
fn Tabs(tab: Memo<String>) -> AnyView {
    let link = move |words: &'static str, to: &'static str, name: &'static str| {
        let current = current(move || tab.get() == name);
        view! { <a href=to data-noscroll="true" aria-current=current>{words}</a> }.into_any()
    };
    view! {
        <nav class="tabs" aria-label="Parts of this page">
            {link("Versions", "?", "")}
            {link("Results", "?tab=results", "results")}
            {link("Vendor backups", "?tab=artifacts", "artifacts")}
            {link("Files", "?tab=files", "files")}
            {link("Connection", "?tab=connection", "connection")}
            {link("Settings", "?tab=settings", "settings")}
        </nav>
    }
    .into_any()
}

fn head(detail: DeviceDetail, role: Role, actions: Actions) -> AnyView {
    let device = detail.device;
    let chips = view! {
        <span class="chips">
            {chip::device_status(device.status)}
            {chip::device_backup(&device)}
            {device.unsaved.then(|| chip(Tone::Warn, "Not saved"))}
            {detail.collecting.then(|| chip(Tone::Run, "Collecting"))}
        </span>
    }
    .into_any();
    let buttons = (role >= Role::Operator).then(|| buttons(&device, detail.collecting, actions));
    let suspects = detail.parts.iter().flat_map(|part| part.versions.iter());
    let suspects = suspects
        .filter(|version| version.state == VersionState::Suspect)
        .map(|version| suspect(version, role, actions))
        .collect_view();
    let offered = detail.host_key.and_then(|key| key.offered.map(|offered| (key.fingerprint, offered)));
    let offered = offered.map(|(known, offered)| host_key(device.id, known, offered, role, actions));
    let trouble = trouble(&device);
    let unsaved = device.unsaved.then(|| {
        view! { <p class="notice warn"><b>"Not saved: "</b>"the running configuration differs from the one that the device starts with; a restart would lose the difference. Save it on the device."</p> }.into_any()
    });
    let rules =
        detail.broken_rules.map(|broken| broken_rules(broken, format!("/devices/{}/rules", device.id)));
    let recognise = (role >= Role::Operator).then_some(actions.recognise);
    let title = device.hostname.clone();
    view! {
        <PageHeader title above=&[("Devices", "/devices/")] chips>
            {buttons}
        </PageHeader>
        {trouble}
        {unsaved}
        {offered}
        {suspects}
        {rules}
        {facts(device, detail.platform, detail.facts, detail.credential_taken, recognise)}
    }
    .into_any()
}

fn buttons(device: &Device, is_collecting: bool, actions: Actions) -> AnyView {
    let id = device.id;
    let (words, target) = if device.enabled { ("Disable", "false") } else { ("Enable", "true") };
    let done = format!("{} is {}.", device.hostname, if device.enabled { "disabled" } else { "enabled" });
    let undo = format!("id={id}&enabled={}", device.enabled);
    let collect = device.enabled.then(|| {
        view! {
            <PostForm to=actions.collect done=format!("{} is backed up as soon as a session is free.", device.hostname)>
                <input type="hidden" name="id" value=id.to_string()/>
                <button class="btn primary" type="submit" aria-disabled=is_collecting.then_some("true")>"Back up now"</button>
            </PostForm>
        }
        .into_any()
    });
    view! {
        <PostForm to=actions.enable done undo>
            {act(&[("id", id.to_string()), ("enabled", target.to_owned())], words, "btn")}
        </PostForm>
        {collect}
    }
    .into_any()
}

/// What went wrong last time, and what to do about it.
fn trouble(device: &Device) -> AnyView {
    let Some(result) = device.last_result.as_ref().filter(|result| device.enabled && !result.class.is_good())
    else {
        return ().into_any();
    };
    let good = device.last_good_at.map(|at| view! { " Last good backup "<Ago at/>"." }.into_any());
    let is_waiting = matches!(result.class, etiqa_model::class::Class::Suspect);
    let class = if is_waiting { "notice warn" } else { "notice bad" };
    view! {
        <div class=class>
            <p><b>{result.class.label()}": "</b>{result.message.clone()}{good}</p>
            <p class="muted">{result.class.advice()}</p>
        </div>
    }
    .into_any()
}

fn suspect(version: &ConfigVersion, role: Role, actions: Actions) -> AnyView {
    let id = version.id;
    let (part, number) = (version.part.clone(), version.version);
    let words = format!(
        "Version {number} of {part} waits for a look: it lost {} and gained {}. The older version stays active until you decide.",
        crate::format::plural(version.removed.into(), "line"),
        crate::format::count(version.added.into()),
    );
    let compare = version_address(version.device_id, &part, number);
    let decide = move |accept: bool, words: &'static str, class: &'static str| {
        view! {
            <PostForm to=actions.decide>
                {act(&[("id", id.to_string()), ("accept", accept.to_string())], words, class)}
            </PostForm>
        }
        .into_any()
    };
    let buttons = (role >= Role::Operator).then(|| {
        view! { {decide(true, "Accept", "btn small")}{decide(false, "Reject", "btn small danger-soft")} }
            .into_any()
    });
    view! {
        <div class="notice warn">
            <p><b>"Suspect: "</b>{words}</p>
            <div class="actions">
                <a class="btn small" href=compare>"Compare"</a>
                {buttons}
            </div>
        </div>
    }
    .into_any()
}

fn host_key(id: DeviceId, known: String, offered: String, role: Role, actions: Actions) -> AnyView {
    let accept = (role >= Role::Operator).then(|| {
        view! {
            <PostForm to=actions.accept_key>
                {act(&[("id", id.to_string())], "Accept the new key", "btn small")}
            </PostForm>
        }
        .into_any()
    });
    view! {
        <div class="notice bad">
            <p><b>"The host key changed. "</b>"If the device was replaced or reset, accept its new key; if not, somebody else may answer at this address."</p>
            <p class="mono hash">"known "{known}</p>
            <p class="mono hash">"offered "{offered}</p>
            <div class="actions">{accept}</div>
        </div>
    }
    .into_any()
}

fn facts(
    device: Device,
    platform: Option<String>,
    found: DeviceFacts,
    taken: Option<String>,
    recognise: Option<Post<RecogniseDevice>>,
) -> AnyView {
    let address = format::place(&device);
    let some = |name: &'static str, value: Option<String>| value.map(|value| fact(name, value));
    let (how, is_recognised) = match (&device.platform, &found.platform) {
        (Some(_), _) => ("chosen", false),
        (None, Some(found)) if platform.as_ref() == Some(found) => ("recognised by itself", true),
        (None, _) => ("by type", false),
    };
    let again = recognise.filter(|_| is_recognised).map(|post| {
        view! { <PostForm to=post>{act(&[("id", device.id.to_string())], "Recognise again", "btn small")}</PostForm> }
            .into_any()
    });
    let platform = match platform {
        Some(name) => view! { <span>{name}" "<small>{how}</small></span>{again} }.into_any(),
        None => "no driver".into_any(),
    };
    let taken = taken
        .filter(|taken| device.credential.as_ref() != Some(taken))
        .map(|taken| view! { " "<small>{format!("took {taken} last")}</small> }.into_any());
    let tags = (!device.tags.is_empty()).then(|| {
        let tags = device
            .tags
            .into_iter()
            .map(|tag| view! { <span class="tag">{tag}</span> }.into_any())
            .collect_view();
        fact("Tags", tags)
    });
    let description = (!device.description.is_empty()).then(|| fact("Description", device.description));
    let last = match device.last_result.map(|result| result.finished_at) {
        Some(at) => view! { <Ago at/> }.into_any(),
        None => "never".into_any(),
    };
    let answered = device.status_at.map(|at: Timestamp| fact("Measured", view! { <Ago at/> }.into_any()));
    view! {
        <section class="card">
            <dl class="facts">
                {fact("Address", view! { <span class="mono">{address}</span> }.into_any())}
                {fact("Type", device.device_type.label())}
                {fact("Platform", platform)}
                {some("Model", found.model)}
                {some("Serial number", found.serial)}
                {some("OS version", found.os_version)}
                {fact("Site", device.site)}
                {some("Jump host", device.jump_host)}
                {fact("Credential", view! { {device.credential.unwrap_or_else(|| "the site's".to_owned())}{taken} }.into_any())}
                {fact("Last session", last)}
                {answered}
                {tags}
                {description}
            </dl>
        </section>
    }
    .into_any()
}
