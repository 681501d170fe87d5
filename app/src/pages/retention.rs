//! Which archives of a backup stay and why, with the counts that it has or with others that are being thought about.

use etiqa_model::BackupConfigId;
use etiqa_model::archive::{ArchiveFate, RetentionPreview};
use etiqa_model::backup::RetentionInput;
use etiqa_model::event::Topic;
use etiqa_model::user::Role;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::id_of_path;
use crate::api::archives::{PreviewRetention, ProtectArchive};
use crate::ask::ask;
use crate::components::list::empty;
use crate::components::table::{Column, table};
use crate::components::time::time_or_dash;
use crate::components::{Field, GetForm, Loaded, PageHeader, Problem, Tone, act, card, chip, run};
use crate::format;
use crate::live::touch_after;
use crate::post::{Post, PostForm};

#[component]
pub(crate) fn RetentionPage() -> AnyView {
    let id = id_of_path();
    let query = use_query_map();
    let counts = Memo::new(move |_| {
        query.with(|query| {
            let text = |name: &str| query.get(name).unwrap_or_default();
            let counts = RetentionInput {
                max_backups: text("max_backups"),
                keep_hourly: text("keep_hourly"),
                keep_daily: text("keep_daily"),
                keep_weekly: text("keep_weekly"),
                keep_monthly: text("keep_monthly"),
                keep_yearly: text("keep_yearly"),
            };
            (counts != RetentionInput::default()).then_some(counts)
        })
    });
    let preview = ask(&[Topic::Runs, Topic::BackupConfigs], move || PreviewRetention {
        id: BackupConfigId(id.get()),
        counts: counts.get(),
    });
    let protect = Post::<ProtectArchive>::new();
    touch_after(protect, &[Topic::Runs]);
    view! {
        <Problem problem=protect.problem()/>
        <Loaded is_page=true from=move || preview.get() view=move |preview, role| {
            content(BackupConfigId(id.get_untracked()), preview, counts.get_untracked().is_some(), role, protect)
        }/>
    }
    .into_any()
}

fn content(
    id: BackupConfigId,
    preview: RetentionPreview,
    is_thought: bool,
    role: Role,
    protect: Post<ProtectArchive>,
) -> AnyView {
    let going = preview.fates.iter().filter(|fate| !fate.keep).count() as u64;
    let total = preview.fates.len() as u64;
    let freed: u64 =
        preview.fates.iter().filter(|fate| !fate.keep).filter_map(|fate| fate.run.size_bytes).sum();
    let words = match (going, is_thought) {
        (0, _) => "Nothing goes.".to_owned(),
        (_, true) => format!(
            "{} of {} would go, which frees {}.",
            format::count(going),
            format::plural(total, "archive"),
            format::size(freed)
        ),
        (_, false) => format!(
            "{} of {} go within minutes, and their copies with them, which frees {}.",
            format::count(going),
            format::plural(total, "archive"),
            format::size(freed)
        ),
    };
    let list = if preview.fates.is_empty() {
        empty("No archive yet", "The first good run makes one.", ())
    } else {
        let columns = [
            Column::Text("Archive"),
            Column::Text("Made"),
            Column::Number("Size"),
            Column::Text("Fate"),
            Column::Text("Why"),
            Column::Actions,
        ];
        let may = role >= Role::Operator;
        table(
            &columns,
            preview.fates.into_iter().map(|fate| (fate.run.id, row(fate, may, protect))).collect(),
        )
    };
    let edit = (role >= Role::Operator).then(|| {
        view! { <a class="btn" href=format!("/backup/config/{id}/edit")>"Change for good"</a> }.into_any()
    });
    let back = format!("/backup/config/{id}");
    view! {
        <PageHeader title=format!("Archives of {}", preview.name) above=&[("Backups", "/backup/")]>
            <a class="btn" href=back>"The backup"</a>
            {edit}
        </PageHeader>
        <div class="stack">
            {card("What if it kept …", (), form(id, preview.retention))}
            {card("Archives", words, list)}
        </div>
    }
    .into_any()
}

fn form(id: BackupConfigId, counts: etiqa_model::backup::Retention) -> AnyView {
    let action = format!("/backup/config/{id}/retention");
    let field = |name: &'static str, label: &'static str, value: u32| {
        view! { <Field name=name label=label kind="number" value=value.to_string()/> }.into_any()
    };
    view! {
        <div class="pad form">
            <GetForm action=action>
                <div class="fields">
                    {field("max_backups", "The newest", counts.max_backups)}
                    {field("keep_hourly", "Hours", counts.keep_hourly)}
                    {field("keep_daily", "Days", counts.keep_daily)}
                    {field("keep_weekly", "Weeks", counts.keep_weekly)}
                    {field("keep_monthly", "Months", counts.keep_monthly)}
                    {field("keep_yearly", "Years", counts.keep_yearly)}
                </div>
                <p class="hint">"Each rule looks at all archives by itself; what any of them keeps stays. Nothing is changed here."</p>
                <div class="actions"><button class="btn primary" type="submit">"Look"</button></div>
            </GetForm>
        </div>
    }
    .into_any()
}

fn row(fate: ArchiveFate, may: bool, protect: Post<ProtectArchive>) -> AnyView {
    let ArchiveFate { run, protected, keep, reason } = fate;
    let fate = if keep { chip(Tone::Ok, "Stays") } else { chip(Tone::Warn, "Goes") };
    let button = may.then(|| {
        let words = if protected { "Leave to retention" } else { "Keep for good" };
        let fields = [("id", run.id.to_string()), ("protected", (!protected).to_string())];
        view! {
            <PostForm to=protect>{act(if protected { &fields[..1] } else { &fields }, words, "btn small")}</PostForm>
        }
        .into_any()
    });
    let to = format!("/backup/run/{}/archive", run.id);
    let state = run::archive_state(&run);
    let size = run.size_bytes.map(format::size);
    view! {
        <tr>
            <td><a class="mono strong" href=to>{run.file.unwrap_or_default()}</a>" "{state}</td>
            <td>{time_or_dash(run.finished_at)}</td>
            <td class="num muted">{size}</td>
            <td>{fate}</td>
            <td>{reason}</td>
            <td class="end">{button}</td>
        </tr>
    }
    .into_any()
}
