//! What a web server answers: a status, headers, and a body that may be a file of any size.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::Value;

use crate::artifact::{Artifact, PIECE};

/// An answer.
pub(super) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    pub(super) content: Content,
}

impl Reply {
    pub(super) fn new(status: u16, content_type: &str, content: Content) -> Self {
        Self { status, headers: vec![(CONTENT_TYPE.as_str(), content_type.to_owned())], content }
    }

    pub(super) fn json(status: u16, value: &Value) -> Self {
        Self::new(status, "application/json; charset=UTF-8", Content::text(value.to_string()))
    }

    pub(super) fn html(status: u16, text: impl Into<String>) -> Self {
        Self::new(status, "text/html; charset=iso-8859-1", Content::text(text))
    }

    pub(super) fn xml(status: u16, text: impl Into<String>) -> Self {
        Self::new(status, "application/xml; charset=UTF-8", Content::text(text))
    }

    /// A page of the kind that Apache makes for errors.
    pub(super) fn error_page(status: u16, title: &str) -> Self {
        Self::html(
            status,
            format!(
                "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>{status} {title}</title>\n\
                 </head><body>\n<h1>{title}</h1>\n</body></html>\n"
            ),
        )
    }

    /// The bytes of a file.
    pub(super) fn file(artifact: Arc<Artifact>) -> Self {
        let size = artifact.size();
        Self::new(200, "application/octet-stream", Content::part(artifact, 0, size))
    }

    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The answer for the wire. Its length is announced unless it has none; `announced` is said instead of it.
    pub(super) fn into_response(mut self, announced: Option<u64>) -> Response<Content> {
        self.content.hides_length |= announced.is_some();
        let mut response = Response::new(self.content);
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().append(HeaderName::from_static(name), value);
            }
        }
        if let Some(length) = announced {
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        response
    }
}

/// An answer's body.
pub(super) struct Content {
    source: Source,
    at: u64,
    end: u64,
    hides_length: bool,
    /// Behind its end it neither ends nor goes on.
    stays_open: bool,
}

enum Source {
    Text(Bytes),
    File(Arc<Artifact>),
    /// The same letter again and again.
    Endless,
}

impl Content {
    pub(super) fn text(text: impl Into<String>) -> Self {
        let text = Bytes::from(text.into());
        let end = text.len() as u64;
        Self { source: Source::Text(text), at: 0, end, hides_length: false, stays_open: false }
    }

    /// A file's bytes from `start` up to `end`.
    pub(super) fn part(artifact: Arc<Artifact>, start: u64, end: u64) -> Self {
        Self { source: Source::File(artifact), at: start, end, hides_length: false, stays_open: false }
    }

    /// A body that never ends.
    pub(super) fn endless() -> Self {
        Self { source: Source::Endless, at: 0, end: u64::MAX, hides_length: true, stays_open: false }
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> u64 {
        self.end - self.at
    }

    /// Leaves out the last bytes.
    pub(super) fn shorten(&mut self, bytes: u64) {
        self.end = self.end.saturating_sub(bytes).max(self.at);
    }

    /// Does not end after its last byte.
    pub(super) fn stay_open(&mut self) {
        self.stays_open = true;
    }

    fn piece(&self) -> Bytes {
        match &self.source {
            Source::Text(text) => text.slice(self.at as usize..self.end as usize),
            Source::File(artifact) => Bytes::from(artifact.read(self.at, self.left())),
            Source::Endless => Bytes::from(vec![b'x'; PIECE]),
        }
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left() == 0 {
            return if self.stays_open { Poll::Pending } else { Poll::Ready(None) };
        }
        let piece = self.piece();
        self.at += piece.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0 && !self.stays_open
    }

    fn size_hint(&self) -> SizeHint {
        if self.hides_length { SizeHint::default() } else { SizeHint::with_exact(self.left()) }
    }
}
