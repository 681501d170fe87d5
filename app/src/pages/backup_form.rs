//! Making and changing a backup config, with its next times shown while it is filled in.

use etiqa_model::admin::{BackupChoices, SchedulePreview};
use etiqa_model::archive::{ArchiveFate, Encryption, RetentionPreview};
use etiqa_model::artifact::ArtifactCadence;
use etiqa_model::backup::{BackupConfigDetail, BackupConfigInput, BackupConfigRow, BackupKind, Include};
use etiqa_model::destination::DestinationName;
use etiqa_model::device::{Device, DeviceFilter, DeviceOrder, DeviceType};
use etiqa_model::page::Page;
use etiqa_model::schedule::Weekday;
use etiqa_model::{BackupConfigId, DeviceId, Secret};
use leptos::prelude::*;

use super::{id_of_path, options, query_field};
use crate::api::archives::{GeneratePassphrase, LookAtRetention, PreviewRetention};
use crate::api::backups::{GetBackupChoices, GetBackupConfig, PreviewSchedule, SaveBackupConfig};
use crate::api::devices::ListDevices;
use crate::ask::{ask, ask_if};
use crate::components::form::{FormProblem, catch_up, error_of, inside_textarea, of_known};
use crate::components::part::{later, nothing, only_if, text};
use crate::components::{Check, Field, Loaded, PageHeader, Problem, Select, Time, card, submit};
use crate::format;
use crate::post::{Post, PostForm};

/// Devices that the picker shows at once; more are found by name.
const PICKER_ROWS: u32 = 100;

#[component]
pub(crate) fn NewBackupPage() -> AnyView {
    let choices = ask(&[], || GetBackupChoices {});
    let save = Post::<SaveBackupConfig>::new();
    // A browser without JavaScript comes back from it when a count is wrong.
    let problem = save.problem().or(Post::<LookAtRetention>::new().problem());
    let like = query_field("like");
    let model = ask_if(&[], move || like.get().parse().ok().map(|id| GetBackupConfig { id }));
    let loaded =
        move || async move { Ok((model.get().await?.map(|detail| detail.row), choices.get().await?)) };
    view! {
        <PageHeader title="New backup" above=&[("Backups", "/backup/")]/>
        <Loaded from=loaded view=move |(model, choices), _| {
            let (input, sends_to) = model.map(duplicate).unwrap_or_default();
            form(None, input, &sends_to, choices, save, problem)
        }/>
    }
    .into_any()
}

/// What a new backup config begins with that is to be like this one. Two of them would do everything twice: it does not run
/// by itself until somebody has looked at it.
fn duplicate(model: BackupConfigRow) -> (BackupConfigInput, Vec<DestinationName>) {
    let input = model.config.to_input();
    (BackupConfigInput { name: format!("{} copy", input.name), enabled: false, ..input }, model.destinations)
}

#[component]
pub(crate) fn EditBackupPage() -> AnyView {
    let id = id_of_path();
    let save = Post::<SaveBackupConfig>::new();
    // A browser without JavaScript comes back from it when a count is wrong.
    let problem = save.problem().or(Post::<LookAtRetention>::new().problem());
    let choices = ask(&[], || GetBackupChoices {});
    let detail = ask(&[], move || GetBackupConfig { id: BackupConfigId(id.get()) });
    let loaded = move || async move { Ok((detail.get().await?, choices.get().await?)) };
    view! {
        <PageHeader title="Edit backup" above=&[("Backups", "/backup/")]/>
        <Loaded from=loaded view=move |(BackupConfigDetail { row, stamp, .. }, choices), _| form(Some((row.config.id, stamp)), row.config.to_input(), &row.destinations, choices, save, problem)/>
    }
    .into_any()
}

/// What is being filled in, as far as other parts of the form follow it.
#[derive(Clone, Copy)]
struct Draft {
    input: RwSignal<BackupConfigInput>,
}

impl Draft {
    fn setter(self, set: fn(&mut BackupConfigInput, String)) -> Callback<String> {
        Callback::new(move |text| self.input.update(|input| set(input, text)))
    }

    fn include(self, part: fn(Include) -> bool, own: fn(&BackupConfigInput) -> Option<bool>) -> Signal<bool> {
        Signal::derive(move || {
            self.input.with(|input| {
                let kind = BackupKind::parse(&input.kind).unwrap_or(BackupKind::Config);
                own(input).unwrap_or_else(|| part(Include::default_for(kind)))
            })
        })
    }
}

fn form(
    known: Option<(BackupConfigId, String)>,
    input: BackupConfigInput,
    sends_to: &[DestinationName],
    choices: BackupChoices,
    save: Post<SaveBackupConfig>,
    problem: FormProblem,
) -> AnyView {
    let draft = Draft { input: RwSignal::new(input.clone()) };
    let set_kind = draft.setter(|input, kind| {
        input.kind = kind;
        // What it takes in follows the kind again.
        input.include_database = None;
        input.include_media = None;
        input.include_logs = None;
    });
    let is_enabled = input.enabled;
    let what = view! {
        <div class="fields pad">
            <Field name="config[name]" label="Name" value=input.name.clone() required=true problem placeholder="Nightly configs"/>
            <Select
                name="config[kind]" label="Makes" value=input.kind.clone() on_change=set_kind problem
                options=BackupKind::ALL.iter().map(|kind| (kind.as_str().to_owned(), kind.label().to_owned())).collect()
            />
            {devices_field(draft, &input, &choices, problem)}
            <fieldset>
                <legend>"Also takes in"</legend>
                <Check name="include_database" label="Database" checked=draft.include(|i| i.database, |i| i.include_database) problem/>
                <Check name="include_media" label="Attached files" checked=draft.include(|i| i.media, |i| i.include_media) problem/>
                <Check name="include_logs" label="Logs" checked=draft.include(|i| i.logs, |i| i.include_logs) problem/>
            </fieldset>
            <Select name="config[artifacts]" label="Vendor backups" value=input.artifacts.clone() problem
                hint="UCS, grid backup, Gaia backup, …: what a device restores from. The newest one is in every archive."
                options=ArtifactCadence::ALL.iter().map(|cadence| (cadence.as_str().to_owned(), cadence.label().to_owned())).collect()/>
        </div>
    }.into_any();
    let id = known.as_ref().map(|(id, _)| *id);
    let cancel = id.map_or_else(|| "/backup/".to_owned(), |id| format!("/backup/config/{id}"));
    let hidden = known.map(|(id, stamp)| of_known(id.to_string(), stamp, problem));
    let copies = copies(&choices.destinations, sends_to, problem);
    let when = when(draft, &input, choices, problem);
    let keep = keep(draft, id, &input, problem);
    let seal = seal(&input, id.is_some(), problem);
    view! {
        <PostForm to=save>
            // Enter in a field presses the first button of the form, and the first one that is seen saves nothing.
            <button class="sr" type="submit" tabindex="-1" aria-hidden="true"></button>
            <div class="stack narrow">
                <Problem problem/>
                {hidden}
                {card("What", (), what)}
                {card("When", (), when)}
                {card("How many to keep", (), keep)}
                {card("Encryption", (), seal)}
                {card("Copies", (), copies)}
                <section class="card pad form">
                    <Check name="enabled" label="Enabled" hint="Runs by itself. A disabled one runs only by hand." checked=is_enabled problem/>
                    <div class="actions">
                        {submit("Save backup", save.pending())}
                        <a class="btn" href=cancel>"Cancel"</a>
                    </div>
                </section>
            </div>
        </PostForm>
    }
    .into_any()
}

/// Shows its children only for these frequencies. Without JavaScript the style sheet leaves all of them visible.
fn only_for(draft: Draft, frequencies: &'static [&'static str], field: AnyView) -> AnyView {
    let is_hidden = move || {
        crate::browser::IS_CLIENT
            && draft.input.with(|input| !frequencies.contains(&input.frequency.as_str()))
    };
    let (hidden, set_hidden) = signal(false);
    Effect::new(move || set_hidden.set(is_hidden()));
    view! { <div hidden=hidden>{field}</div> }.into_any()
}

fn when(draft: Draft, input: &BackupConfigInput, choices: BackupChoices, problem: FormProblem) -> AnyView {
    let frequency = view! {
        <Select
            name="config[frequency]" label="How often" value=input.frequency.clone() problem
            options=options(&[("hourly", "Every hour"), ("daily", "Every day"), ("weekly", "Every week"), ("monthly", "Every month"), ("cron", "Cron expression")])
            on_change=draft.setter(|input, text| input.frequency = text)
        />
    }.into_any();
    let minute = view! {
        <Field name="config[minute]" label="Minute" kind="number" value=input.minute.clone() problem hint="0 to 59, past every hour."
            on_input=draft.setter(|input, text| input.minute = text)/>
    }.into_any();
    let weekday = view! {
        <Select name="config[weekday]" label="Weekday" value=input.weekday.clone() problem
            options=Weekday::ALL.iter().map(|day| (day.as_str().to_owned(), day.label().to_owned())).collect()
            on_change=draft.setter(|input, text| input.weekday = text)/>
    }
    .into_any();
    let day = view! {
        <Field name="config[day]" label="Day of the month" value=input.day.clone() problem hint="1 to 31, or last."
            on_input=draft.setter(|input, text| input.day = text)/>
    }.into_any();
    let at = view! {
        <Field name="config[at]" label="Time" placeholder="02:00" hint="HH:MM, 24 hours." value=input.at.clone() problem
            on_input=draft.setter(|input, text| input.at = text)/>
    }.into_any();
    let cron = view! {
        <Field name="config[cron]" label="Cron expression" value=input.cron.clone() problem placeholder="30 2 * * 1-5"
            hint="Minute, hour, day of the month, month, weekday." on_input=draft.setter(|input, text| input.cron = text)/>
    }.into_any();
    let zone = if input.time_zone.is_empty() { choices.default_zone } else { input.time_zone.clone() };
    draft.input.update_untracked(|input| input.time_zone.clone_from(&zone));
    let zones = choices
        .time_zones
        .into_iter()
        .map(|zone| view! { <option value=zone></option> }.into_any())
        .collect_view();
    view! {
        <div class="fields pad">
            {frequency}
            {only_for(draft, &["hourly"], minute.into_any())}
            {only_for(draft, &["weekly"], weekday.into_any())}
            {only_for(draft, &["monthly"], day.into_any())}
            {only_for(draft, &["daily", "weekly", "monthly"], at.into_any())}
            {only_for(draft, &["cron"], cron.into_any())}
            <Field name="config[time_zone]" label="Time zone" value=zone list="zones" problem
                on_input=draft.setter(|input, text| input.time_zone = text)/>
            <datalist id="zones">{zones}</datalist>
            <Field name="config[jitter_minutes]" label="Up to so many minutes later" kind="number" placeholder="0" value=input.jitter_minutes.clone() problem
                hint="So that not all backups begin at once. Each day another minute."
                on_input=draft.setter(|input, text| input.jitter_minutes = text)/>
            <Field name="config[blackouts]" label="Not during" placeholder="mon-fri 08:00-18:00; sun" value=input.blackouts.clone() problem
                hint="What is due then begins once at the end. Windows by the zone's clock, with semicolons between; by hand it runs all the same."
                on_input=draft.setter(|input, text| input.blackouts = text)/>
            <div class="wide">{preview(draft)}</div>
        </div>
    }
    .into_any()
}

/// The next five times of what is filled in.
fn preview(draft: Draft) -> AnyView {
    // Only what the schedule depends on, so that typing a name asks nothing.
    let schedule = Memo::new(move |_| {
        draft.input.with(|input| BackupConfigInput {
            name: "preview".to_owned(),
            frequency: input.frequency.clone(),
            minute: input.minute.clone(),
            at: input.at.clone(),
            weekday: input.weekday.clone(),
            day: input.day.clone(),
            cron: input.cron.clone(),
            time_zone: input.time_zone.clone(),
            jitter_minutes: input.jitter_minutes.clone(),
            blackouts: input.blackouts.clone(),
            ..BackupConfigInput::default()
        })
    });
    let preview = ask(&[], move || PreviewSchedule { config: schedule.get() });
    view! {
        <div class="preview" aria-live="polite">
            {later(nothing, move || async move {
                    match preview.get().await {
                        Ok(preview) => preview_times(preview),
                        Err(error) => view! { <p class="muted">{error.0.message}</p> }.into_any(),
                    }
            })}
        </div>
    }
    .into_any()
}

fn preview_times(preview: SchedulePreview) -> AnyView {
    let times = preview.times.into_iter().map(|at| view! { <li><Time at/></li> }.into_any()).collect_view();
    view! {
        <p><span class="muted">"Runs "</span><b>{preview.words}</b></p>
        <ol class="times">{times}</ol>
    }
    .into_any()
}

fn keep(
    draft: Draft,
    id: Option<BackupConfigId>,
    input: &BackupConfigInput,
    problem: FormProblem,
) -> AnyView {
    view! {
        <div class="fields pad">
            <Field name="config[max_backups]" label="Newest archives" kind="number" value=input.max_backups.clone() problem
                on_input=draft.setter(|input, text| input.max_backups = text)/>
            <Field name="config[keep_hourly]" label="Hourly" kind="number" value=input.keep_hourly.clone() placeholder="0" problem
                on_input=draft.setter(|input, text| input.keep_hourly = text)/>
            <Field name="config[keep_daily]" label="Daily" kind="number" value=input.keep_daily.clone() placeholder="0" problem
                on_input=draft.setter(|input, text| input.keep_daily = text)/>
            <Field name="config[keep_weekly]" label="Weekly" kind="number" value=input.keep_weekly.clone() placeholder="0" problem
                on_input=draft.setter(|input, text| input.keep_weekly = text)/>
            <Field name="config[keep_monthly]" label="Monthly" kind="number" value=input.keep_monthly.clone() placeholder="0" problem
                on_input=draft.setter(|input, text| input.keep_monthly = text)/>
            <Field name="config[keep_yearly]" label="Yearly" kind="number" value=input.keep_yearly.clone() placeholder="0" problem
                on_input=draft.setter(|input, text| input.keep_yearly = text)/>
            <p class="hint wide">"Besides the newest, the last good archive of each hour, day, week, month or year is kept for as many of them as you say. The newest good archive is never removed."</p>
            {id.map(|id| fates(draft, id))}
        </div>
    }
    .into_any()
}

/// What would become of the archives that there are, with the counts that are filled in. Nothing is saved for it.
fn fates(draft: Draft, id: BackupConfigId) -> AnyView {
    let counts = Memo::new(move |_| draft.input.with(BackupConfigInput::counts));
    let preview = ask(&[], move || PreviewRetention { id, counts: Some(counts.get()) });
    view! {
        <div class="wide preview" aria-live="polite">
            {later(nothing, move || async move {
                    match preview.get().await {
                        Ok(preview) => kept_and_removed(preview),
                        Err(error) => view! { <p class="muted">{error.0.message}</p> }.into_any(),
                    }
            })}
            <noscript><button class="btn small" type="submit" formaction="/rpc/look_at_retention" formnovalidate="true">"Preview"</button></noscript>
        </div>
    }
    .into_any()
}

fn kept_and_removed(preview: RetentionPreview) -> AnyView {
    let total = format::plural(preview.fates.len() as u64, "archive");
    let (kept, removed): (Vec<_>, Vec<_>) = preview.fates.into_iter().partition(|fate| fate.keep);
    if kept.is_empty() && removed.is_empty() {
        return view! { <p class="muted">"There is no archive yet that these counts could remove."</p> }
            .into_any();
    }
    let freed: u64 = removed.iter().filter_map(|fate| fate.run.size_bytes).sum();
    let words = format!(
        "With these counts, of {total} {} would be kept and {} removed, which frees {}.",
        format::count(kept.len() as u64),
        format::count(removed.len() as u64),
        format::size(freed)
    );
    view! {
        <p>{words}</p>
        {fate_list("Removed", removed)}
        {fate_list("Kept", kept)}
    }
    .into_any()
}

fn fate_list(words: &'static str, fates: Vec<ArchiveFate>) -> AnyView {
    if fates.is_empty() {
        return nothing();
    }
    let rows = fates
        .into_iter()
        .map(|ArchiveFate { run, reason, .. }| {
            view! { <li><span class="mono">{run.file.unwrap_or_default()}</span>" "<small>{reason}</small></li> }
                .into_any()
        })
        .collect_view();
    view! {
        <details class="fates">
            <summary>{words}</summary>
            <ul>{rows}</ul>
        </details>
    }
    .into_any()
}

/// How its archives are sealed. A passphrase can be made here; it is shown, and saved with the form.
fn seal(input: &BackupConfigInput, is_known: bool, problem: FormProblem) -> AnyView {
    let has_passphrase = is_known && input.encryption == Encryption::Passphrase.as_str();
    let (way, set_way) = signal(input.encryption.clone());
    let (wanted, set_wanted) = signal(false);
    let made = ask_if(&[], move || wanted.get().then_some(GeneratePassphrase {}));
    let hint = if has_passphrase {
        "At least 12 characters. Empty: it keeps the one it has. Archives that are there keep theirs."
    } else {
        "At least 12 characters. Keep it where the archives are not: without it nobody opens them."
    };
    let typed = move || {
        view! {
            <Field name="config[passphrase]" label="Passphrase" kind="password" problem hint=hint autocomplete="new-password"/>
            <p><button class="btn small" type="button" on:click=move |_| set_wanted.set(true)>"Make one"</button></p>
        }
        .into_any()
    };
    let passphrase = later(nothing, move || async move {
        match made.get().await {
            Ok(Some(secret)) => fresh_passphrase(&secret),
            _ => typed(),
        }
    });
    let recipients = problem.typed("config[recipients]").unwrap_or_else(|| input.recipients.clone());
    let is_wrong = problem.is_wrong("recipients".to_owned());
    let error = error_of(problem, "recipients".to_owned());
    let recipients = view! {
        <div class="field">
            <label for="config-recipients">"Recipients, one a line"</label>
            <textarea id="config-recipients" name="config[recipients]" rows="3" class="mono" spellcheck="false" placeholder="age1…" aria-describedby="config-recipients-error" aria-invalid=is_wrong>{inside_textarea(&recipients)}</textarea>
            <p class="hint">"age1… keys or SSH public keys (ed25519, RSA). The server itself cannot open such an archive."</p>
            <p class="error" id="config-recipients-error" role="alert">{error}</p>
        </div>
    }
    .into_any();
    let shown_for = move |shown: Encryption, field: AnyView| {
        let (hidden, set_hidden) = signal(false);
        Effect::new(move || set_hidden.set(way.with(|way| way != shown.as_str())));
        view! { <div class="wide" hidden=hidden>{field}</div> }.into_any()
    };
    let ways = Encryption::ALL.iter().map(|way| (way.as_str().to_owned(), way.label().to_owned())).collect();
    view! {
        <div class="fields pad">
            <Select name="config[encryption]" label="Archives are" value=input.encryption.clone() options=ways problem
                on_change=Callback::new(move |way| set_way.set(way))/>
            {shown_for(Encryption::Passphrase, passphrase)}
            {shown_for(Encryption::Age, recipients)}
        </div>
    }
    .into_any()
}

/// Where its archives are sent to besides the local folder.
fn copies(known: &[DestinationName], sends_to: &[DestinationName], problem: FormProblem) -> AnyView {
    if known.is_empty() {
        return view! { <p class="quiet">"Archives stay on this machine. An admin adds destinations under Admin, Destinations."</p> }
            .into_any();
    }
    let boxes = known
        .iter()
        .map(|destination| {
            let (id, name) = (destination.id.to_string(), destination.name.clone());
            let is_sent = || sends_to.iter().any(|chosen| chosen.id == destination.id);
            let is_chosen = problem.ticked("destinations[]", &id).unwrap_or_else(is_sent);
            view! {
                <label class="check">
                    <input type="checkbox" name="destinations[]" value=id checked=is_chosen/>
                    <span>{name}</span>
                </label>
            }
            .into_any()
        })
        .collect_view();
    view! {
        <div class="pad form">
            <fieldset>
                <legend>"Send each archive to"</legend>
                {boxes}
            </fieldset>
            <p class="hint">"Besides the folder on this machine. Each copy is read back there before it counts as sent."</p>
        </div>
    }
    .into_any()
}

fn fresh_passphrase(secret: &Secret) -> AnyView {
    let words = secret.reveal().to_owned();
    let value = words.clone();
    view! {
        <div class="notice good" role="status">
            <p>"Write this passphrase down now; once it is saved it is not shown again."</p>
            <p class="secret"><code>{words}</code></p>
            <input type="hidden" name="config[passphrase]" value=value/>
        </div>
    }
    .into_any()
}

/// Which devices: one choice of a list, and a picker for chosen ones.
fn devices_field(
    draft: Draft,
    input: &BackupConfigInput,
    choices: &BackupChoices,
    problem: FormProblem,
) -> AnyView {
    let current = problem.typed("config[devices]").unwrap_or_else(|| input.devices.clone());
    let chosen: Vec<DeviceId> = input
        .devices
        .strip_prefix("ids:")
        .map(|ids| ids.split(',').filter_map(|id| id.trim().parse().ok()).collect())
        .unwrap_or_default();
    let is_choosing = RwSignal::new(!chosen.is_empty());
    let chosen = RwSignal::new(chosen);
    let chosen_value = move || {
        let ids: Vec<String> = chosen.with(|ids| ids.iter().map(ToString::to_string).collect());
        format!("ids:{}", ids.join(","))
    };
    let option = |value: String, words: String| {
        let is_current = value == current;
        view! { <option value=value selected=is_current>{words}</option> }.into_any()
    };
    let types = DeviceType::ALL
        .iter()
        .map(|kind| option(format!("type:{kind}"), kind.label().to_owned()))
        .collect_view();
    let tags = choices.tags.iter().map(|tag| option(format!("tag:{tag}"), tag.clone())).collect_view();
    let sites = choices.sites.iter().map(|site| option(format!("site:{site}"), site.clone())).collect_view();
    let starts_choosing = current.starts_with("ids:");
    let is_wrong = problem.is_wrong("devices".to_owned());
    let error = error_of(problem, "devices".to_owned());
    let choose = Callback::new(move |value: String| {
        is_choosing.set(value.starts_with("ids:"));
        draft.input.update(|input| input.devices = value);
    });
    catch_up("config-devices", &current, Some(choose));
    view! {
        <div class="field">
            <label for="config-devices">"Devices"</label>
            <select id="config-devices" name="config[devices]" on:change=move |event| choose.run(event_target_value(&event)) aria-describedby="config-devices-error" aria-invalid=is_wrong>
                {option("all".to_owned(), "All devices".to_owned())}
                <option value=chosen_value selected=starts_choosing>"Chosen devices"</option>
                <optgroup label="Of one type">{types}</optgroup>
                <optgroup label="With a tag">{tags}</optgroup>
                <optgroup label="Of a site">{sites}</optgroup>
            </select>
            <p class="error" id="config-devices-error" role="alert">{error}</p>
        </div>
        {only_if(move || is_choosing.get(), move || view! { <Picker chosen/> }.into_any())}
    }
    .into_any()
}

/// Devices with checkboxes, found by name.
#[component]
fn Picker(chosen: RwSignal<Vec<DeviceId>>) -> AnyView {
    let (search, set_search) = signal(String::new());
    let devices = ask(&[], move || ListDevices {
        filter: DeviceFilter { search: search.get(), ..DeviceFilter::default() },
        order: DeviceOrder::default(),
        page: Page::first(PICKER_ROWS),
    });
    let remark = text(move || format::plural(chosen.with(Vec::len) as u64, "device") + " chosen");
    view! {
        <div class="field wide picker">
            <label for="picker-search">{remark}</label>
            <input id="picker-search" type="search" placeholder="Find by name or address" on:input=move |event| set_search.set(event_target_value(&event))/>
            {later(nothing, move || async move {
                    match devices.get().await {
                        Ok(page) => view! { <div class="picker-list">{page.rows.into_iter().map(|device| pick(device, chosen)).collect_view()}</div> }.into_any(),
                        Err(error) => view! { <p class="error">{error.0.message}</p> }.into_any(),
                    }
            })}
        </div>
    }
    .into_any()
}

fn pick(device: Device, chosen: RwSignal<Vec<DeviceId>>) -> AnyView {
    let id = device.id;
    let toggle = move |_| {
        chosen.update(|chosen| match chosen.iter().position(|other| *other == id) {
            Some(at) => drop(chosen.remove(at)),
            None => chosen.push(id),
        });
    };
    view! {
        <label class="check">
            <input type="checkbox" prop:checked=Signal::derive(move || chosen.with(|chosen| chosen.contains(&id))) on:change=toggle/>
            <span>{device.hostname}" "<small class="mono">{device.address}</small></span>
        </label>
    }
    .into_any()
}
