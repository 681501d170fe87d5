//! The vendor's own backups of a device: those that are kept, how the last attempts went, its certificate.

use etiqa_model::artifact::{Artifact, Certificate, DeviceArtifacts};
use etiqa_model::event::Topic;
use etiqa_model::user::Role;
use etiqa_model::{ArtifactResultId, DeviceId};
use leptos::prelude::*;

use crate::api::artifacts::{
    AcceptCertificate, FetchArtifact, ForgetCertificate, GetArtifactTranscript, GetDeviceArtifacts,
};
use crate::ask::{Asked, ask, ask_if};
use crate::components::part::{later, nothing};
use crate::components::result::attempts_table;
use crate::components::table::{Column, table};
use crate::components::{Loaded, Problem, Time, Tone, act, card, chip};
use crate::format;
use crate::live::touch_after;
use crate::pages::query_field;
use crate::post::{Post, PostForm};

#[derive(Clone, Copy)]
struct Actions {
    fetch: Post<FetchArtifact>,
    accept: Post<AcceptCertificate>,
    forget: Post<ForgetCertificate>,
}

#[component]
pub(super) fn Artifacts(id: Memo<i64>) -> AnyView {
    let artifacts = ask(&[Topic::Devices], move || GetDeviceArtifacts { id: DeviceId(id.get()) });
    let actions = Actions {
        fetch: Post::<FetchArtifact>::new(),
        accept: Post::<AcceptCertificate>::new(),
        forget: Post::<ForgetCertificate>::new(),
    };
    touch_after(actions.fetch, &[Topic::Devices]);
    touch_after(actions.accept, &[Topic::Devices]);
    touch_after(actions.forget, &[Topic::Devices]);
    // One attempt's session at a time, so that it can be linked to.
    let attempt = query_field("attempt");
    let asked = Memo::new(move |_| attempt.get().parse::<ArtifactResultId>().ok());
    let session = ask_if(&[], move || asked.get().map(|id| GetArtifactTranscript { id }));
    view! {
        <Problem problem=actions.fetch.problem()/>
        <Problem problem=actions.accept.problem()/>
        <Problem problem=actions.forget.problem()/>
        <Loaded from=move || artifacts.get() view=move |artifacts, role| {
            content(DeviceId(id.get_untracked()), artifacts, role, actions, Session { asked, text: session })
        }/>
    }
    .into_any()
}

/// The attempt whose session is open.
#[derive(Clone, Copy)]
struct Session {
    asked: Memo<Option<ArtifactResultId>>,
    text: Asked<Option<String>>,
}

fn content(
    id: DeviceId,
    artifacts: DeviceArtifacts,
    role: Role,
    actions: Actions,
    session: Session,
) -> AnyView {
    let DeviceArtifacts { kind, kept, results, is_on, certificate } = artifacts;
    let Some(kind) = kind else {
        let words =
            "This platform has no backup of its own that can be fetched: its texts are what is backed up.";
        return card("Vendor backups", (), view! { <p class="quiet">{words}</p> }.into_any());
    };
    let may = role >= Role::Operator;
    let button = (may && !is_on).then(|| {
        view! { <PostForm to=actions.fetch>{act(&[("id", id.to_string())], "Fetch one now", "btn primary")}</PostForm> }
            .into_any()
    });
    let going = is_on.then(|| view! { <p class="muted">{chip(Tone::Run, "Fetching")}" The device makes it by itself; that may take up to three quarters of an hour."</p> }.into_any());
    let list = if kept.is_empty() {
        view! { <p class="quiet">"None was fetched yet. Each backup says how often it takes them along."</p> }
            .into_any()
    } else {
        kept_table(kept, may)
    };
    let attempts = (!results.is_empty()).then(|| {
        card(
            "Last attempts",
            "newest first",
            attempts_table(results, false, &|result| {
                (may && result.has_transcript).then(|| transcript(result.id, session))
            }),
        )
    });
    view! {
        <div class="stack">
            {certificate.map(|certificate| certificate_notice(id, certificate, may, actions))}
            {card("Vendor backups", kind.label(), view! {
                <div class="pad">{going}<div class="actions">{button}</div></div>
                {list}
            }.into_any())}
            {attempts}
        </div>
    }
    .into_any()
}

fn kept_table(kept: Vec<Artifact>, may: bool) -> AnyView {
    let columns = [
        Column::Text("File"),
        Column::Text("Taken"),
        Column::Number("Size"),
        Column::Text("SHA-256"),
        Column::Actions,
    ];
    table(&columns, kept.into_iter().map(|artifact| (artifact.id, kept_row(artifact, may))).collect())
}

fn kept_row(artifact: Artifact, may: bool) -> AnyView {
    let download = may.then(|| {
        let to = format!("/artifact/{}/download", artifact.id);
        view! { <a class="btn small" href=to rel="external" download="">"Download"</a> }.into_any()
    });
    let encrypted = artifact
        .is_encrypted
        .then(|| view! { <small>"opens with the credential's backup passphrase"</small> }.into_any());
    view! {
        <tr>
            <td><span class="mono">{artifact.file_name}</span>{encrypted}</td>
            <td><Time at=artifact.collected_at/></td>
            <td class="num muted">{format::size(artifact.size_bytes)}</td>
            <td><span class="mono hash">{artifact.sha256}</span></td>
            <td class="end">{download}</td>
        </tr>
    }
    .into_any()
}

fn transcript(id: ArtifactResultId, session: Session) -> AnyView {
    if session.asked.get_untracked() != Some(id) {
        let to = format!("?tab=artifacts&attempt={id}");
        return view! { <div class="session"><a class="btn small" href=to data-noscroll="true">"See session"</a></div> }
            .into_any();
    }
    let text = session.text;
    view! {
        <div class="session">
            <a class="btn small" href="?tab=artifacts" data-noscroll="true">"Hide session"</a>
            {later(nothing, move || async move {
                match text.get().await {
                    Ok(text) => view! { <pre class="transcript" tabindex="0">{text}</pre> }.into_any(),
                    Err(error) => view! { <p class="error" role="alert">{error.0.message}</p> }.into_any(),
                }
            })}
        </div>
    }
    .into_any()
}

fn certificate_notice(id: DeviceId, certificate: Certificate, may: bool, actions: Actions) -> AnyView {
    match certificate {
        Certificate { pinned, offered: Some(offered) } => {
            let what = if pinned.is_some() {
                "The certificate changed. "
            } else {
                "Its certificate is not trusted. "
            };
            let known = pinned
                .map(|known| view! { <p class="mono hash">"trusted "{fingerprint(&known)}</p> }.into_any());
            let fields = [("id", id.to_string()), ("sha256", offered.clone())];
            let accept = may.then(|| {
                view! { <PostForm to=actions.accept>{act(&fields, "Trust this certificate", "btn small")}</PostForm> }
                    .into_any()
            });
            view! {
                <div class="notice bad">
                    <p><b>{what}</b>"Compare its fingerprint with the one that the device itself shows. If it is the device's own, trust it; if not, somebody else may answer at this address."</p>
                    {known}
                    <p class="mono hash">"shown "{fingerprint(&offered)}</p>
                    <div class="actions">{accept}</div>
                </div>
            }
            .into_any()
        }
        Certificate { pinned: Some(pinned), offered: None } => {
            let forget = may.then(|| {
                view! { <PostForm to=actions.forget>{act(&[("id", id.to_string())], "Trust it no more", "btn small")}</PostForm> }
                    .into_any()
            });
            view! {
                <div class="notice">
                    <p>"Only this certificate of the device is trusted, whoever signed it."</p>
                    <p class="mono hash">{fingerprint(&pinned)}</p>
                    <div class="actions">{forget}</div>
                </div>
            }
            .into_any()
        }
        Certificate { pinned: None, offered: None } => nothing(),
    }
}

/// `AB:CD:…`, as browsers show a SHA-256.
fn fingerprint(sha256: &str) -> String {
    let digits: Vec<char> = sha256.to_uppercase().chars().collect();
    digits.chunks(2).map(|pair| pair.iter().collect::<String>()).collect::<Vec<_>>().join(":")
}
