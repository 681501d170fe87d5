//! One archive: whether it is whole and restores, what is in it, and how it is opened without this program.

use etiqa_model::RunId;
use etiqa_model::admin::VerifyOutcome;
use etiqa_model::archive::{ArchiveDetail, Contents, Drill, Encryption};
use etiqa_model::backup::BackupKind;
use etiqa_model::event::Topic;
use etiqa_model::run::{Run, RunNote};
use leptos::prelude::*;

use super::{id_of_path, query_field};
use crate::api::archives::{DrillRun, GetArchive, ProtectArchive};
use crate::api::backups::VerifyRun;
use crate::ask::ask;
use crate::components::part::{dimmed, nothing, part, text};
use crate::components::table::{Column, table};
use crate::components::time::time_or_dash;
use crate::components::{Ago, GetForm, Loaded, PageHeader, Problem, Time, act, card, chip, fact, run};
use crate::format;
use crate::live::touch_after;
use crate::post::{Post, PostForm};

#[derive(Clone, Copy)]
struct Actions {
    verify: Post<VerifyRun>,
    drill: Post<DrillRun>,
    protect: Post<ProtectArchive>,
}

#[component]
pub(crate) fn ArchivePage() -> AnyView {
    let (id, search) = (id_of_path(), query_field("q"));
    let detail = ask(&[Topic::Runs], move || GetArchive { id: RunId(id.get()), search: search.get() });
    let actions = Actions {
        verify: Post::<VerifyRun>::new(),
        drill: Post::<DrillRun>::new(),
        protect: Post::<ProtectArchive>::new(),
    };
    touch_after(actions.verify, &[Topic::Runs]);
    touch_after(actions.drill, &[Topic::Runs]);
    touch_after(actions.protect, &[Topic::Runs]);
    view! {
        <Problem problem=actions.verify.problem()/>
        <Problem problem=actions.drill.problem()/>
        <Problem problem=actions.protect.problem()/>
        <Loaded is_page=true from=move || detail.get() view=move |detail, _| content(detail, search.get_untracked(), actions)/>
    }
    .into_any()
}

fn content(detail: ArchiveDetail, search: String, actions: Actions) -> AnyView {
    let ArchiveDetail { run, protected, drill, notes, contents } = detail;
    let title = run.file.clone().unwrap_or_default();
    let name = format!("{} #{}", run.name, run.id);
    let above = format!("/backup/run/{}", run.id);
    let buttons = run.has_archive().then(|| buttons(&run, protected, actions));
    let damage = run.damage.clone().filter(|_| run.has_archive()).map(|damage| {
        view! {
            <p class="notice bad" role="alert">
                {format!("This archive is damaged: {damage} Do not rely on it; the next good run makes a new one.")}
            </p>
        }
        .into_any()
    });
    let said = part(move || actions.verify.answer().map_or_else(nothing, verify_outcome));
    let tried = part(move || actions.drill.answer().map_or_else(nothing, |drill| drill_outcome(&drill)));
    view! {
        <PageHeader title above=&[("Backups", "/backup/")]>{buttons}</PageHeader>
        <div class="stack">
            <p class="muted">"Made by "<a href=above>{name}</a></p>
            {damage}
            {said}
            {tried}
            {facts(&run, protected, drill.as_ref())}
            {holds(&run, contents, search)}
            {opening(&run)}
            {history(notes)}
        </div>
    }
    .into_any()
}

fn buttons(run: &Run, protected: bool, actions: Actions) -> AnyView {
    let id = run.id;
    let words = if protected { "Leave to retention" } else { "Keep for good" };
    let fields = [("id", id.to_string()), ("protected", (!protected).to_string())];
    let protect = act(if protected { &fields[..1] } else { &fields }, words, "btn");
    let drill = (run.encryption != Encryption::Age).then(|| {
        let is_pending = actions.drill.pending();
        let words = text(move || if is_pending.get() { "Trying out…" } else { "Try out a restore" });
        view! {
            <PostForm to=actions.drill>
                <input type="hidden" name="id" value=id.to_string()/>
                <button class="btn" type="submit" aria-disabled=dimmed(is_pending)>{words}</button>
            </PostForm>
        }
        .into_any()
    });
    let is_pending = actions.verify.pending();
    let words = text(move || if is_pending.get() { "Verifying…" } else { "Verify" });
    view! {
        <PostForm to=actions.protect>{protect}</PostForm>
        {drill}
        <PostForm to=actions.verify>
            <input type="hidden" name="id" value=id.to_string()/>
            <button class="btn" type="submit" aria-disabled=dimmed(is_pending)>{words}</button>
        </PostForm>
        <a class="btn primary" href=format!("/backup/download/{id}/") rel="external" download="">"Download"</a>
    }
    .into_any()
}

fn facts(run: &Run, protected: bool, drill: Option<&Drill>) -> AnyView {
    let drilled = match drill {
        None if run.encryption == Encryption::Age => {
            view! { "Only with an identity: "<code>"etiqa verify … --drill --identity FILE"</code> }.into_any()
        }
        None => "Not yet".into_any(),
        Some(Drill { problem: Some(problem), finished_at, .. }) => view! {
            {chip(chip::Tone::Bad, "Does not restore")}" "<small>{problem.clone()}" "<Time at=*finished_at/></small>
        }
        .into_any(),
        Some(drill) => {
            let words = format!("{}, {}", format::plural(drill.rows, "row"), format::plural(drill.files, "file"));
            view! { {chip(chip::Tone::Ok, if drill.rows == 0 { "Whole" } else { "Restores" })}" "<small>{words}" · "<Ago at=drill.finished_at/></small> }
                .into_any()
        }
    };
    let kept = if protected { "For good" } else { "As retention says" };
    card(
        "Archive",
        (),
        view! {
            <dl class="facts">
                {fact("State", run::archive_state(run))}
                {fact("Restore drill", drilled)}
                {fact("Sealed", run.encryption.label())}
                {fact("Kept", kept)}
                {fact("Size", run.size_bytes.map_or_else(|| "–".to_owned(), format::size))}
                {fact("Made", time_or_dash(run.finished_at))}
                {fact("SHA-256", view! { <span class="mono hash">{run.sha256.clone()}</span> }.into_any())}
            </dl>
        }
        .into_any(),
    )
}

fn verify_outcome(outcome: VerifyOutcome) -> AnyView {
    let VerifyOutcome { entries, bytes, sealed, damage } = outcome;
    let words = match damage {
        // The page itself says so already.
        Some(_) => return nothing(),
        None if sealed => {
            "Its bytes are those that were read back when it was made. What is inside only its recipients can read."
                .to_owned()
        }
        None => format!(
            "Read back whole: {}, {} unpacked. Every checksum matches.",
            format::plural(entries, "file"),
            format::size(bytes)
        ),
    };
    view! { <p class="notice good" role="status">{words}</p> }.into_any()
}

fn drill_outcome(drill: &Drill) -> AnyView {
    match &drill.problem {
        Some(problem) => {
            view! { <p class="notice bad" role="alert">{format!("It does not restore: {problem}")}</p> }
                .into_any()
        }
        None if drill.rows == 0 => {
            let files = format::plural(drill.files, "file");
            let words = format!("It holds no database to restore; {files} in it are whole.");
            view! { <p class="notice good" role="status">{words}</p> }.into_any()
        }
        None => {
            let words = format!(
                "It restores: {} and {} came back, and were counted and checked.",
                format::plural(drill.rows, "row"),
                format::plural(drill.files, "file")
            );
            view! { <p class="notice good" role="status">{words}</p> }.into_any()
        }
    }
}

/// What is in it, each entry to be taken out by itself.
fn holds(run: &Run, contents: Result<Contents, String>, search: String) -> AnyView {
    let contents = match contents {
        Ok(contents) => contents,
        Err(sentence) => {
            return card("What is in it", (), view! { <p class="quiet">{sentence}</p> }.into_any());
        }
    };
    let id = run.id;
    let remark = if contents.found < contents.total {
        format!("{} of {}", format::count(contents.found), format::plural(contents.total, "file"))
    } else {
        format::plural(contents.total, "file")
    };
    let shown = contents.entries.len() as u64;
    let more = (shown < contents.found).then(|| {
        let words = format!("The first {} are shown; find others by their names.", format::count(shown));
        view! { <p class="quiet">{words}</p> }.into_any()
    });
    let rows = contents.entries.into_iter().map(|entry| {
        let href = format!("/backup/run/{id}/entry?name={}", encoded(&entry.name));
        view! {
            <tr>
                <td><a class="mono" href=href rel="external" download="">{entry.name}</a></td>
                <td class="num muted">{format::size(entry.size)}</td>
            </tr>
        }
        .into_any()
    });
    let list = table(&[Column::Text("Name"), Column::Number("Size")], rows.collect());
    let action = format!("/backup/run/{id}/archive");
    card(
        "What is in it",
        remark,
        view! {
            <div class="pad find" role="search">
                <GetForm action=action>
                    <input type="search" name="q" placeholder="Find a file by its name" aria-label="Find a file by its name" value=search/>
                </GetForm>
            </div>
            <div class="dense">{list}</div>
            {more}
        }
        .into_any(),
    )
}

/// A name as a value of a query (RFC 3986, section 3.4).
fn encoded(name: &str) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// How it is opened and restored, with this program and without it.
fn opening(run: &Run) -> AnyView {
    let file = run.file.clone().unwrap_or_default();
    let (how, restore) = match run.encryption {
        Encryption::None => (
            view! { <p>"A plain zip: any zip program opens it, such as "<code>{format!("unzip {file}")}</code>"."</p> }
                .into_any(),
            String::new(),
        ),
        Encryption::Passphrase => (
            view! {
                <p>"A zip with AES-256. 7-Zip opens it with the passphrase: "<code>{format!("7z x {file}")}</code>
                ". Windows Explorer and plain unzip cannot. Names and sizes of its files can be read without the passphrase."</p>
            }
            .into_any(),
            " --passphrase-stdin".to_owned(),
        ),
        Encryption::Age => {
            let zip = file.trim_end_matches(".age").to_owned();
            (
                view! {
                    <p>"Sealed by age for its recipients; this program cannot open it. With an identity of theirs: "
                    <code>{format!("age -d -i key.txt -o {zip} {file}")}</code></p>
                }
                .into_any(),
                " --identity key.txt".to_owned(),
            )
        }
    };
    let whole = if run.kind == BackupKind::Config {
        view! { <p>"It holds no database, so no instance is restored from it: archives of type full or data do that."</p> }
            .into_any()
    } else {
        let command = format!("etiqa restore {file} --data-dir NEW --key-file secret.key{restore}");
        view! { <p>"All of it, into an empty directory:"</p> <p><code>{command}</code></p> }.into_any()
    };
    card(
        "How to open and restore it",
        (),
        view! {
            <div class="pad prose">
                {how}
                {whole}
                <p>"Only some files:"</p>
                <p><code>{format!("etiqa restore {file} --only configs/HOSTNAME --to DIR{restore}")}</code></p>
            </div>
        }
        .into_any(),
    )
}

fn history(notes: Vec<RunNote>) -> AnyView {
    if notes.is_empty() {
        return nothing();
    }
    let rows = notes.into_iter().map(|note| {
        view! { <tr><td class="muted"><Time at=note.at/></td><td>{note.note}</td></tr> }.into_any()
    });
    card("What happened to it", (), table(&[Column::Text("When"), Column::Text("What")], rows.collect()))
}
