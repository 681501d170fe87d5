//! `GET /backup/download/{run id}/`: a run's archive, and `GET /artifact/{id}/download`: a device's own backup; whole, or
//! a range of it. `GET /backup/run/{run id}/entry?name=…`: one file out of an archive.

use std::io::SeekFrom;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use etiqa_app::api::context::Context;
use etiqa_engine::access::About;
use etiqa_engine::audit::{Act, action, record};
use etiqa_engine::backup::find_run;
use etiqa_engine::backup::inspect::open_entry;
use etiqa_engine::backup::verify::archive_path;
use etiqa_engine::{Engine, Error, artifacts};
use etiqa_model::archive::Encryption;
use etiqa_model::user::Role;
use etiqa_model::{ArtifactId, RunId, UserError};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::refusal::Refusal;
use super::routes::Route;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/backup/download/{run}", archive),
        Route::get("/backup/run/{run}/entry", entry),
        Route::get("/artifact/{id}/download", artifact),
    ]
}

async fn archive(
    Path(id): Path<String>,
    method: Method,
    extensions: Extensions,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let context = Context::require_in(&extensions, Role::Operator, About::Everything).await?;
    let id: RunId = id.parse().map_err(|_| UserError::not_found(format!("run {id}")))?;
    send_archive(&context, id, &method, &headers).await
}

/// The archive of a run, for who may have it.
pub(super) async fn send_archive(
    context: &Context,
    id: RunId,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let engine = &context.engine;
    let run = find_run(engine, id).await?;
    let file = Sent {
        path: archive_path(engine, &run).await?,
        missing: "The archive's file is gone from the folder of backups; verify it to note that.",
        name: run.file.unwrap_or_default(),
        sha256: run.sha256.unwrap_or_default(),
        media_type: match run.encryption {
            Encryption::Age => "application/octet-stream",
            Encryption::None | Encryption::Passphrase => "application/zip",
        },
    };
    let name = file.name.clone();
    let response = send(file, headers).await?;
    if note(engine, method, response.status(), Act::new(action::RUN_DOWNLOAD).on(id.0, &name)).await? {
        tracing::info!(run = %id, by = %context.identity.name, "the archive of run {id} is downloaded");
    }
    Ok(response)
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// One file out of an archive. One that turns out to be damaged breaks off: its bytes were on their way already.
async fn entry(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    Query(Named { name }): Query<Named>,
    method: Method,
    extensions: Extensions,
) -> Result<Response, Refusal> {
    let context = Context::require_in(&extensions, Role::Operator, About::Everything).await?;
    let id: RunId = id.parse().map_err(|_| UserError::not_found(format!("run {id}")))?;
    let opened = open_entry(&engine, id, &name).await?;
    if note(&engine, &method, StatusCode::OK, Act::new(action::RUN_ENTRY).on(id.0, &name)).await? {
        tracing::info!(run = %id, by = %context.identity.name, "{name} of the archive of run {id} is downloaded");
    }
    let pieces = futures::stream::unfold(opened.pieces, |mut pieces| async {
        pieces.recv().await.map(|piece| (piece, pieces))
    });
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    let file: String = name.rsplit('/').next().unwrap_or(&name).chars().map(safe).collect();
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, opened.size.to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{file}\"")),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// A vendor's backup holds keys and passwords, as an archive does.
async fn artifact(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    method: Method,
    extensions: Extensions,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let context = Context::require_in(&extensions, Role::Operator, About::Nothing).await?;
    let id: ArtifactId = id.parse().map_err(|_| UserError::not_found(format!("vendor backup {id}")))?;
    context.admit(About::Artifact(id)).await?;
    let (artifact, path) = artifacts::open(&engine, id).await?;
    let file = Sent {
        path,
        missing: "The file of this vendor backup is gone from the folder of artifacts.",
        name: artifact.file_name,
        sha256: artifact.sha256,
        media_type: "application/octet-stream",
    };
    let act = Act::new(action::ARTIFACT_DOWNLOAD).on(id.0, &file.name);
    let response = send(file, &headers).await?;
    if note(&engine, &method, response.status(), act).await? {
        tracing::info!(
            artifact = %id, device = %artifact.device_id, by = %context.identity.name,
            "the vendor backup {id} is downloaded"
        );
    }
    Ok(response)
}

/// Tells the audit log of a file that is sent. False: nothing of it was, to a client that has it already or asks for the
/// head alone.
pub(super) async fn note(
    engine: &Engine,
    method: &Method,
    answered: StatusCode,
    act: Act,
) -> Result<bool, Error> {
    let is_sent = *method != Method::HEAD && answered.is_success();
    if is_sent {
        record(&engine.db, act).await?;
    }
    Ok(is_sent)
}

/// A file that never changes under its hash.
pub(super) struct Sent {
    pub(super) path: PathBuf,
    /// What is said where it is not there.
    pub(super) missing: &'static str,
    /// ASCII letters, digits, dots, hyphens and underscores.
    pub(super) name: String,
    pub(super) sha256: String,
    pub(super) media_type: &'static str,
}

/// Sends a file, or the range of it that is asked for.
pub(super) async fn send(source: Sent, headers: &HeaderMap) -> Result<Response, Refusal> {
    let mut file = tokio::fs::File::open(&source.path).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Error::from(UserError::new(etiqa_model::ErrorKind::NotFound, source.missing))
        }
        _ => Error::io("opening a file to send")(error),
    })?;
    let size = file.metadata().await.map_err(Error::io("opening a file to send"))?.len();
    let etag = format!("\"{}\"", source.sha256);
    if header_text(headers, &header::IF_NONE_MATCH).is_some_and(|known| known == "*" || known.contains(&etag))
    {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    // A range of another version of the file would not fit what the client has.
    let is_same = header_text(headers, &header::IF_RANGE).is_none_or(|known| known == etag);
    let range =
        header_text(headers, &header::RANGE).filter(|_| is_same).map(|range| parse_range(range, size));
    let (status, first, length) = match range {
        None | Some(Range::Whole) => (StatusCode::OK, 0, size),
        Some(Range::Part(first, last)) => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Some(Range::Outside) => {
            let whole = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, whole).into_response());
        }
    };
    file.seek(SeekFrom::Start(first)).await.map_err(Error::io("reading a file to send"))?;
    let body = Body::from_stream(ReaderStream::with_capacity(file.take(length), 1 << 16));
    let mut response = (status, body).into_response();
    let answer = response.headers_mut();
    let mut set = |name, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, source.media_type.into());
    set(header::CONTENT_LENGTH, length.to_string());
    set(header::ACCEPT_RANGES, "bytes".into());
    set(header::ETAG, etag);
    set(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", source.name));
    if status == StatusCode::PARTIAL_CONTENT {
        set(header::CONTENT_RANGE, format!("bytes {first}-{}/{size}", first + length - 1));
    }
    Ok(response)
}

fn header_text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[derive(Debug, PartialEq, Eq)]
enum Range {
    Whole,
    /// First and last byte, both included.
    Part(u64, u64),
    Outside,
}

/// RFC 9110, section 14: one range of bytes. Several at once, and what cannot be read, mean the whole file.
fn parse_range(text: &str, size: u64) -> Range {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-'))
    else {
        return Range::Whole;
    };
    let range = match (first.trim(), last.trim()) {
        ("", last) => last.parse::<u64>().map(|count| (size.saturating_sub(count), size.saturating_sub(1))),
        (first, "") => first.parse().map(|first| (first, size.saturating_sub(1))),
        (first, last) => {
            first.parse().and_then(|first| Ok((first, last.parse::<u64>()?.min(size.saturating_sub(1)))))
        }
    };
    match range {
        Err(_) => Range::Whole,
        Ok((first, last)) if first < size && first <= last => Range::Part(first, last),
        Ok(_) => Range::Outside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_what_the_client_lacks() {
        assert_eq!(parse_range("bytes=0-99", 1000), Range::Part(0, 99));
        assert_eq!(parse_range("bytes=900-", 1000), Range::Part(900, 999));
        assert_eq!(parse_range("bytes=-100", 1000), Range::Part(900, 999));
        assert_eq!(parse_range("bytes=990-2000", 1000), Range::Part(990, 999));
        assert_eq!(parse_range("bytes=1000-", 1000), Range::Outside);
        assert_eq!(parse_range("bytes=0-1,5-6", 1000), Range::Whole);
        assert_eq!(parse_range("lines=0-1", 1000), Range::Whole);
        assert_eq!(parse_range("bytes=-0", 1000), Range::Outside);
    }
}
