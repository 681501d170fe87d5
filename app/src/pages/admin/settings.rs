//! The program's own settings.

use etiqa_model::admin::Settings;
use leptos::prelude::*;

use super::ABOVE;
use crate::api::admin::{GetSettings, SaveSettings};
use crate::ask::ask;
use crate::components::part::accepted;
use crate::components::{Field, Loaded, PageHeader, Problem, submit};
use crate::post::{Post, PostForm};

#[component]
pub(crate) fn SettingsPage() -> AnyView {
    let settings = ask(&[], || GetSettings {});
    let save = Post::<SaveSettings>::new();
    view! {
        <PageHeader title="Settings" above=ABOVE/>
        <Loaded from=move || settings.get() view=move |settings, _| form(&settings, save)/>
    }
    .into_any()
}

fn form(settings: &Settings, save: Post<SaveSettings>) -> AnyView {
    let problem = save.problem();
    let (tick, sessions) = (settings.tick_minutes.to_string(), settings.max_sessions.to_string());
    let (deadline, text) = (settings.device_deadline_seconds.to_string(), settings.max_text_mib.to_string());
    view! {
        <section class="card pad form narrow">
            <PostForm to=save>
                <Problem problem/>
                {accepted(save, "Saved.")}
                <div class="fields">
                    <Field name="settings[max_sessions]" label="Device sessions at once" kind="number" value=sessions problem hint="1 to 1,000."/>
                    <Field name="settings[device_deadline_seconds]" label="Longest session, seconds" kind="number" value=deadline problem hint="10 to 7,200. A device that takes longer is cut off."/>
                    <Field name="settings[max_text_mib]" label="Largest output, MiB" kind="number" value=text problem hint="1 to 1,024, per device."/>
                    <Field name="settings[tick_minutes]" label="Look at the schedule every … minutes" kind="number" value=tick problem hint="1 to 60. Due times are met to the second anyway; this is the safety net."/>
                </div>
                <div class="actions">{submit("Save settings", save.pending())}</div>
            </PostForm>
        </section>
    }
    .into_any()
}
