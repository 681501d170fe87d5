//! `/api/v1/archives`: what runs made, each by the number of its run.

use std::sync::Arc;

use axum::extract::Path;
use etiqa_app::api::context::Context;
use etiqa_engine::Engine;
use etiqa_engine::access::About;
use etiqa_engine::backup::{inspect, verify};
use etiqa_model::admin::VerifyOutcome;
use etiqa_model::archive::{ArchiveDetail, Drill};
use etiqa_model::run::RunNote;
use etiqa_model::user::Role;
use etiqa_model::{RunId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answered, Part, etag, item, limit, shown};
use super::ask::Ask;
use super::cursor::after;
use super::runs::RunItem;
use super::users::ListQuery;
use crate::http::download::send_archive;
use crate::http::refusal::Refusal;

pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(check))
        .routes(routes!(download))
        .routes(routes!(protect))
        .routes(routes!(unprotect))
}

/// An archive that is kept.
#[derive(Debug, Serialize, ToSchema)]
struct ArchiveItem {
    /// The run that made it; its id is the archive's, too.
    run: RunItem,
    /// Somebody wants it kept for good.
    protected: bool,
}

/// An archive, and what is known of it.
#[derive(Debug, Serialize, ToSchema)]
struct ArchiveWhole {
    run: RunItem,
    protected: bool,
    /// The newest restore drill.
    drill: Option<DrillItem>,
    /// What happened to it since it was made, newest first.
    notes: Vec<NoteItem>,
    /// What it holds; null where that cannot be told.
    contents: Option<ContentsItem>,
    /// Why that cannot be told.
    contents_problem: Option<String>,
}

/// A restore into a database that was thrown away.
#[derive(Debug, Serialize, ToSchema)]
struct DrillItem {
    #[schema(value_type = String, format = DateTime)]
    finished_at: Timestamp,
    rows: u64,
    files: u64,
    duration_ms: u64,
    /// Why it does not restore; null: it does.
    problem: Option<String>,
}

/// Something that happened to an archive.
#[derive(Debug, Serialize, ToSchema)]
struct NoteItem {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    note: String,
}

/// What an archive holds, as its manifest says.
#[derive(Debug, Serialize, ToSchema)]
struct ContentsItem {
    /// Such as `etiqa 0.1.0`.
    made_by: String,
    devices: u64,
    rows: u64,
    /// How many entries it has.
    total: u64,
    /// The first 500 of them.
    entries: Vec<EntryItem>,
}

/// One entry of an archive.
#[derive(Debug, Serialize, ToSchema)]
struct EntryItem {
    name: String,
    size_bytes: u64,
}

impl From<Drill> for DrillItem {
    fn from(drill: Drill) -> Self {
        Self {
            finished_at: drill.finished_at,
            rows: drill.rows,
            files: drill.files,
            duration_ms: drill.duration_ms,
            problem: drill.problem,
        }
    }
}

impl From<RunNote> for NoteItem {
    fn from(note: RunNote) -> Self {
        Self { at: note.at, note: note.note }
    }
}

impl From<ArchiveDetail> for ArchiveWhole {
    fn from(detail: ArchiveDetail) -> Self {
        let (contents, contents_problem) = match detail.contents {
            Ok(contents) => {
                let entries = contents.entries.into_iter();
                let entries = entries.map(|entry| EntryItem { name: entry.name, size_bytes: entry.size });
                let item = ContentsItem {
                    made_by: contents.made_by,
                    devices: contents.devices,
                    rows: contents.rows,
                    total: contents.total,
                    entries: entries.collect(),
                };
                (Some(item), None)
            }
            Err(problem) => (None, Some(problem)),
        };
        Self {
            run: detail.run.into(),
            protected: detail.protected,
            drill: detail.drill.map(Into::into),
            notes: detail.notes.into_iter().map(Into::into).collect(),
            contents,
            contents_problem,
        }
    }
}

/// Archives that are kept, newest first
///
/// Needs the role operator and no scope.
#[utoipa::path(get, path = "/api/v1/archives", operation_id = "archive_list", tag = "archives", params(ListQuery),
    responses((status = 200, description = "A part of the list.", body = Part<ArchiveItem>)))]
async fn list(ask: Ask) -> Answered {
    let context = ask.require(Role::Operator, About::Everything).await?;
    let query: ListQuery = ask.query()?;
    let (limit, before) = (limit(query.limit)?, after::<i64>(query.cursor.as_deref())?.map(RunId));
    let found = inspect::archives_before(&context.engine, before, limit + 1).await?;
    let part = Part::cut(found, limit, |(run, _)| run.id.0);
    Ok(shown(&part.map(|(run, protected)| ArchiveItem { run: run.into(), protected })))
}

/// One archive, and what it holds
///
/// Needs the role operator and no scope.
#[utoipa::path(get, path = "/api/v1/archives/{id}", operation_id = "archive_show", tag = "archives",
    params(("id" = i64, Path, description = "The number of the run that made it.")),
    responses((status = 200, description = "The archive.", body = ArchiveWhole)))]
async fn show(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = archive(&ask, &id).await?;
    seen(&context, id).await
}

/// What reading an archive back came to.
#[derive(Debug, Serialize, ToSchema)]
struct Verified {
    /// Whether it is as it was made.
    good: bool,
    /// Entries that were read back.
    entries: u64,
    /// Bytes of them, unpacked.
    bytes: u64,
    /// It is sealed for others: its bytes are those that were read back when it was made.
    sealed: bool,
    /// What is wrong, naming the entry.
    damage: Option<String>,
}

impl From<VerifyOutcome> for Verified {
    fn from(outcome: VerifyOutcome) -> Self {
        Self {
            good: outcome.damage.is_none(),
            entries: outcome.entries,
            bytes: outcome.bytes,
            sealed: outcome.sealed,
            damage: outcome.damage,
        }
    }
}

/// Read an archive back
///
/// Needs the role operator and no scope. A large one takes a while; the answer comes at the end.
#[utoipa::path(post, path = "/api/v1/archives/{id}/verify", operation_id = "archive_verify", tag = "archives",
    params(("id" = i64, Path, description = "The number of the run that made it.")),
    responses((status = 200, description = "What it came to.", body = Verified)))]
async fn check(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = archive(&ask, &id).await?;
    Ok(shown(&Verified::from(verify::verify_run(&context.engine, id).await?)))
}

/// Download an archive
///
/// Needs the role operator and no scope. Takes `Range`, `If-Range` and `If-None-Match`: the ETag is its SHA-256.
#[utoipa::path(get, path = "/api/v1/archives/{id}/download", operation_id = "archive_download", tag = "archives",
    params(("id" = i64, Path, description = "The number of the run that made it.")),
    responses((status = 200, description = "The archive, a zip or an age file."),
        (status = 206, description = "The range that was asked for."),
        (status = 304, description = "It is what you have.")))]
async fn download(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = archive(&ask, &id).await?;
    send_archive(&context, id, ask.method(), ask.headers()).await
}

/// Keep an archive for good
///
/// Needs the role operator and no scope. Retention leaves it alone.
#[utoipa::path(post, path = "/api/v1/archives/{id}/protect", operation_id = "archive_protect", tag = "archives",
    params(("id" = i64, Path, description = "The number of the run that made it.")),
    responses((status = 200, description = "The archive as it is now.", body = ArchiveWhole)))]
async fn protect(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = archive(&ask, &id).await?;
    inspect::protect(&context.engine, id, true, &context.identity.name).await?;
    seen(&context, id).await
}

/// Leave an archive to retention again
///
/// Needs the role operator and no scope.
#[utoipa::path(post, path = "/api/v1/archives/{id}/unprotect", operation_id = "archive_unprotect", tag = "archives",
    params(("id" = i64, Path, description = "The number of the run that made it.")),
    responses((status = 200, description = "The archive as it is now.", body = ArchiveWhole)))]
async fn unprotect(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = archive(&ask, &id).await?;
    inspect::protect(&context.engine, id, false, &context.identity.name).await?;
    seen(&context, id).await
}

async fn archive(ask: &Ask, id: &str) -> Result<(Context, RunId), Refusal> {
    ask.one(Role::Operator, ("archive of run", id), |_| About::Everything).await
}

async fn seen(context: &Context, id: RunId) -> Answered {
    let whole = ArchiveWhole::from(inspect::archive_detail(&context.engine, id, "").await?);
    Ok(item(&whole, &etag(&(id.0, whole.protected))?))
}
