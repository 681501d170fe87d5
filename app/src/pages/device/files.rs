//! Files that people attached to a device.

use etiqa_model::DeviceId;
use etiqa_model::event::Topic;
use etiqa_model::media::{DeviceMedia, Media, Refused};
use etiqa_model::user::Role;
use leptos::prelude::*;

use crate::api::media::{GetDeviceMedia, RemoveMedia};
use crate::ask::ask;
use crate::components::table::{Column, table};
use crate::components::{Loaded, Problem, Time, Tone, act, card, chip, confirm};
use crate::format;
use crate::live::touch_after;
use crate::pages::query_field;
use crate::post::{Post, PostForm};

#[component]
pub(super) fn Files(id: Memo<i64>) -> AnyView {
    let files = ask(&[Topic::Devices], move || GetDeviceMedia { id: DeviceId(id.get()) });
    let remove = Post::<RemoveMedia>::new();
    touch_after(remove, &[Topic::Devices]);
    // An upload that was refused leads back here.
    let refused = Refused::parse(&query_field("refused").get_untracked());
    let refused =
        refused.map(|reason| view! { <p class="notice bad" role="alert">{reason.sentence()}</p> }.into_any());
    view! {
        {refused}
        <Problem problem=remove.problem()/>
        <Loaded from=move || files.get() view=move |files, role| {
            content(DeviceId(id.get_untracked()), files, role, remove)
        }/>
    }
    .into_any()
}

fn content(id: DeviceId, files: DeviceMedia, role: Role, remove: Post<RemoveMedia>) -> AnyView {
    let DeviceMedia { files, limit_mib } = files;
    let may = role >= Role::Operator;
    let hint = format!("{limit_mib} MiB at most. Backups of type full and data take attached files along.");
    let action = format!("/devices/{id}/media");
    let upload = may.then(|| {
        view! {
            <form class="pad form" action=action method="post" enctype="multipart/form-data">
                <div class="field">
                    <label for="file">"Attach a file"</label>
                    <input id="file" type="file" name="file" required/>
                    <p class="hint">{hint}</p>
                </div>
                <div class="actions"><button class="btn primary" type="submit">"Upload"</button></div>
            </form>
        }
        .into_any()
    });
    let list = if files.is_empty() {
        view! { <p class="quiet">"Nothing is attached: diagrams, licences and notes can be."</p> }.into_any()
    } else {
        let columns = [
            Column::Text("File"),
            Column::Text("Attached"),
            Column::Number("Size"),
            Column::Text("SHA-256"),
            Column::Actions,
        ];
        table(&columns, files.into_iter().map(|file| (file.id, row(file, may, remove))).collect())
    };
    card("Files", (), view! { {upload}{list} }.into_any())
}

fn row(file: Media, may: bool, remove: Post<RemoveMedia>) -> AnyView {
    let download = (may && !file.is_missing).then(|| {
        let to = format!("/devices/{}/media/{}", file.device_id, file.id);
        view! { <a class="btn small" href=to rel="external" download="">"Download"</a> }.into_any()
    });
    let missing = file.is_missing.then(|| chip(Tone::Warn, "File missing"));
    let delete = may.then(|| {
        let question =
            format!("Delete {}? It cannot be brought back, except from an archive.", file.file_name);
        let fields = [("id", file.id.to_string())];
        let form = view! { <PostForm to=remove>{act(&fields, "Delete it", "btn danger")}</PostForm> };
        confirm(&format!("file-{}", file.id), "Delete…", question, form)
    });
    view! {
        <tr>
            <td><span class="mono">{file.file_name}</span>" "{missing}</td>
            <td><Time at=file.uploaded_at/><small>{file.uploaded_by}</small></td>
            <td class="num muted">{format::size(file.size_bytes)}</td>
            <td><span class="mono hash">{file.sha256}</span></td>
            <td class="end"><div class="actions">{download}{delete}</div></td>
        </tr>
    }
    .into_any()
}
