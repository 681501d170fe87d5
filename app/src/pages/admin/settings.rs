//! The program's own settings.

use etiqa_model::admin::Settings;
use leptos::prelude::*;

use super::ABOVE;
use crate::api::admin::{GetSettings, SaveSettings};
use crate::ask::ask;
use crate::components::part::accepted;
use crate::components::{Check, Field, Loaded, PageHeader, Problem, Select, submit};
use crate::pages::options;
use crate::post::{Post, PostForm};

/// Who must have one, as the settings number it.
const SECOND_FACTOR: &[(&str, &str)] =
    &[("0", "Nobody"), ("1", "Admins"), ("2", "Operators and admins"), ("3", "Everybody")];

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
    let (site, jump) =
        (settings.max_sessions_per_site.to_string(), settings.max_sessions_per_jump_host.to_string());
    let (retries, reach) = (settings.retries.to_string(), settings.reach_minutes.to_string());
    let (artifacts, artifact_deadline) =
        (settings.max_artifacts.to_string(), settings.artifact_deadline_minutes.to_string());
    let (verify, drill) = (settings.verify_days.to_string(), settings.drill_days.to_string());
    let artifact_size = settings.max_artifact_gib.to_string();
    let (media, audit) = (settings.max_media_mib.to_string(), settings.audit_days.to_string());
    let (idle, days) = (settings.session_idle_hours.to_string(), settings.session_days.to_string());
    let second_factor = settings.second_factor_roles.to_string();
    let webhook = Signal::stored(settings.change_webhook);
    let (deadline, text) = (settings.device_deadline_seconds.to_string(), settings.max_text_mib.to_string());
    view! {
        <section class="card pad form narrow">
            <PostForm to=save>
                <Problem problem/>
                {accepted(save, "Saved.")}
                <fieldset class="group">
                    <legend>"Sessions with devices"</legend>
                    <div class="fields">
                        <Field name="settings[max_sessions]" label="Sessions at once" kind="number" value=sessions problem hint="1 to 1,000."/>
                        <Field name="settings[max_sessions_per_site]" label="With one site at once" kind="number" value=site problem hint="0 to 1,000. 0: no limit of its own."/>
                        <Field name="settings[max_sessions_per_jump_host]" label="Through one jump host at once" kind="number" value=jump problem hint="0 to 1,000. 0: no limit of its own."/>
                        <Field name="settings[device_deadline_seconds]" label="Longest session, seconds" kind="number" value=deadline problem hint="10 to 7,200. A device that takes longer is cut off."/>
                        <Field name="settings[max_text_mib]" label="Largest output, MiB" kind="number" value=text problem hint="1 to 1,024, per device."/>
                        <Field name="settings[retries]" label="Tries again within a run" kind="number" value=retries problem hint="0 to 5, after 5 s, 20 s, 80 s, … Only for what may pass: a lost connection, a timeout, an incomplete text."/>
                        <Field name="settings[reach_minutes]" label="Reachability check, minutes" kind="number" value=reach problem hint="How often it is looked whether devices answer. 0 to 1,440. 0: never."/>
                    </div>
                </fieldset>
                <fieldset class="group">
                    <legend>"Vendor backups and files"</legend>
                    <div class="fields">
                        <Field name="settings[max_artifacts]" label="Vendor backups at once" kind="number" value=artifacts problem hint="1 to 64. They have slots of their own, so that no text waits for one."/>
                        <Field name="settings[artifact_deadline_minutes]" label="Longest vendor backup, minutes" kind="number" value=artifact_deadline problem hint="1 to 600."/>
                        <Field name="settings[max_artifact_gib]" label="Largest vendor backup, GiB" kind="number" value=artifact_size problem hint="1 to 1,024, per file."/>
                        <Field name="settings[max_media_mib]" label="Largest attached file, MiB" kind="number" value=media problem hint="1 to 10,240, per file."/>
                    </div>
                </fieldset>
                <fieldset class="group">
                    <legend>"Archives and schedule"</legend>
                    <div class="fields">
                        <Field name="settings[verify_days]" label="Archives are read back, days" kind="number" value=verify problem hint="Every one within so many. 0 to 365. 0: only when somebody asks."/>
                        <Field name="settings[drill_days]" label="Restore drill, days" kind="number" value=drill problem hint="The newest archive that the program can open, never one sealed for age, is restored into a database that is thrown away. 0 to 365. 0: never by itself."/>
                        <Field name="settings[tick_minutes]" label="Look at the schedule, minutes" kind="number" value=tick problem hint="1 to 60. Due times are met to the second anyway; this is the safety net."/>
                        <Field name="settings[audit_days]" label="Audit log is kept, days" kind="number" value=audit problem hint="30 to 3,650."/>
                    </div>
                </fieldset>
                <fieldset class="group">
                    <legend>"Sign-in"</legend>
                    <div class="fields">
                        <Field name="settings[session_idle_hours]" label="Signed out when idle, hours" kind="number" value=idle problem hint="1 to 720. An open page asks by itself and counts as use."/>
                        <Field name="settings[session_days]" label="Signed out anyway, days" kind="number" value=days problem hint="1 to 90, used or not."/>
                        <Select name="settings[second_factor_roles]" label="Must have a second factor" options=options(SECOND_FACTOR) value=second_factor problem hint="Who has none sets it up after signing in, before anything else."/>
                    </div>
                </fieldset>
                <Check name="settings[change_webhook]" label="Programs may tell of changes by POST /hooks/change" hint="With a token of an operator or an admin. The device that is named is collected once it has been quiet for half a minute." checked=webhook problem/>
                <div class="actions">{submit("Save settings", save.pending())}</div>
            </PostForm>
        </section>
    }
    .into_any()
}
