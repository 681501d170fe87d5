//! One version: what is known of it, what people say of it, and what can be done with it.

use etiqa_model::ConfigVersionId;
use etiqa_model::config::{ConfigVersion, ConfigVersionRow, VersionState};
use etiqa_model::event::Topic;
use etiqa_model::user::Role;
use leptos::prelude::*;

use super::id_of_path;
use crate::api::configs::{ActivateVersion, DescribeVersion, GetVersion};
use crate::ask::ask;
use crate::components::list::{address, version_address};
use crate::components::part::accepted;
use crate::components::{Field, Loaded, PageHeader, Problem, Time, act, card, chip, confirm, fact, submit};
use crate::format;
use crate::live::touch_after;
use crate::post::{Post, PostForm};

#[component]
pub(crate) fn VersionPage() -> AnyView {
    let id = id_of_path();
    let version = ask(&[Topic::Devices], move || GetVersion { id: ConfigVersionId(id.get()) });
    let describe = Post::<DescribeVersion>::new();
    let activate = Post::<ActivateVersion>::new();
    touch_after(describe, &[Topic::Devices]);
    touch_after(activate, &[Topic::Devices]);
    view! {
        <Problem problem=activate.problem()/>
        {accepted(describe, "Saved.")}
        {accepted(activate, "It is the active version now.")}
        <Loaded is_page=true from=move || version.get() view=move |row, role| content(row, role, describe, activate)/>
    }
    .into_any()
}

fn content(
    row: ConfigVersionRow,
    role: Role,
    describe: Post<DescribeVersion>,
    activate: Post<ActivateVersion>,
) -> AnyView {
    let ConfigVersionRow { hostname, version, sha256, .. } = row;
    let title = format!("{hostname} {} v{}", version.part, version.version);
    let chips = view! { <span class="chips">{chip::version_state(version.state)}</span> }.into_any();
    let to = version_address(version.device_id, &version.part, version.version);
    let compare = address(
        "/configs/compare",
        &[
            // Its number: another device may have its name and address as well.
            ("old_device", format!("#{}", version.device_id)),
            ("old_part", version.part.clone()),
            ("old_which", version.version.to_string()),
            ("new_part", version.part.clone()),
        ],
    );
    let download = format!("/configs/version/{}/download", version.id);
    let may = role >= Role::Operator;
    view! {
        <PageHeader title above=&[("Configs", "/configs/")] chips>
            <a class="btn" href=to>"Text and changes"</a>
            <a class="btn" href=compare>"Compare with another"</a>
            <a class="btn" href=download rel="external" download="">"Download"</a>
        </PageHeader>
        <div class="stack narrow">
            {facts(&version, sha256)}
            {may.then(|| words(&version, describe))}
            {(may && version.state == VersionState::Inactive).then(|| activation(&version, activate))}
        </div>
    }
    .into_any()
}

fn facts(version: &ConfigVersion, sha256: Option<String>) -> AnyView {
    let run = version.run_id.map(|run| {
        fact(
            "Taken by",
            view! { <a href=format!("/backup/run/{run}")>{format!("run #{run}")}</a> }.into_any(),
        )
    });
    let said = |name: &'static str, words: &Option<String>| words.clone().map(|words| fact(name, words));
    let hash =
        sha256.map(|sha256| fact("SHA-256", view! { <span class="mono hash">{sha256}</span> }.into_any()));
    let size =
        format!("{}, {}", format::plural(version.lines.into(), "line"), format::size(version.size_bytes));
    view! {
        <section class="card">
            <dl class="facts">
                {said("Label", &version.label)}
                {said("Note", &version.note)}
                {fact("Taken", view! { <Time at=version.collected_at/> }.into_any())}
                {fact("Last seen", view! { <Time at=version.last_seen_at/> }.into_any())}
                {fact("Size", size)}
                {fact("Driver", view! { <span class="mono">{version.driver.clone()}</span> }.into_any())}
                {run}
                {hash}
            </dl>
        </section>
    }
    .into_any()
}

fn words(version: &ConfigVersion, describe: Post<DescribeVersion>) -> AnyView {
    let problem = describe.problem();
    let (id, label, note) = (version.id, version.label.clone(), version.note.clone());
    let form = view! {
        <div class="pad form">
            <PostForm to=describe>
                <Problem problem/>
                <input type="hidden" name="id" value=id.to_string()/>
                <Field
                    name="words[label]" label="Label" value=label.unwrap_or_default() problem
                    placeholder="before the upgrade" hint="A few words; they stand in the list of versions."
                />
                <Field
                    name="words[note]" label="Note" kind="textarea" value=note.unwrap_or_default() problem
                />
                <div class="actions">{submit("Save", describe.pending())}</div>
            </PostForm>
        </div>
    }
    .into_any();
    card("What people should know", (), form)
}

fn activation(version: &ConfigVersion, activate: Post<ActivateVersion>) -> AnyView {
    let question = format!(
        "Make version {} of {} the active one? Archives take it, and what the device gives next is compared with it. \
         Nothing is sent to the device.",
        version.version, version.part
    );
    let fields = [("id", version.id.to_string())];
    let form = view! { <PostForm to=activate>{act(&fields, "Make it active", "btn primary")}</PostForm> };
    let body = view! {
        <div class="pad form">
            <p class="muted">"A newer version is the active one. An older one can take its place."</p>
            <div class="actions">{confirm("activate", "Make it active…", question, form)}</div>
        </div>
    };
    card("Active version", (), body.into_any())
}
