//! A folder of a WebDAV server (RFC 4918).
//!
//! The object store library looks, lists and reads. What it would do otherwise is done here: its upload keeps the whole
//! file in memory, and its rename replaces a file that has the name.

use std::path::Path;

use etiqa_model::Secret;
use etiqa_model::destination::WebdavSettings;
use futures::{StreamExt, TryStreamExt};
use hyper::header::CONTENT_LENGTH;
use hyper::{Method, StatusCode};
use opendal::layers::{RetryEvent, RetryLayer};
use opendal::services::Webdav as Service;
use opendal::{Buffer, ErrorKind, HttpTransporter, OperationContext, Operator};
use reqwest::{Body, Client, RequestBuilder, Response};
use tokio_util::io::ReaderStream;

use super::http::{Transport, no_answer, no_answer_in, of_status};
use super::place::{Doing, Headway, Pieces, Place, PlaceError};

/// Bytes that are sent at once.
const PIECE: usize = 1 << 18;

/// A folder that is there, or is made by the first upload.
pub(super) struct Webdav {
    operator: Operator,
    transport: Transport,
    client: Client,
    url: String,
    login: Option<(String, Secret)>,
}

impl Webdav {
    pub(super) fn new(
        settings: &WebdavSettings,
        password: &Secret,
        client: Client,
    ) -> Result<Self, PlaceError> {
        let mut builder = Service::default().endpoint(&settings.url).disable_create_dir(true);
        if let Some(username) = &settings.username {
            builder = builder.username(username).password(password.reveal());
        }
        let wrong = |_| PlaceError::permanent("The address cannot be used: check it.");
        let transport = Transport::new(client.clone());
        let context = OperationContext::new().with_http_transport(HttpTransporter::new(transport.clone()));
        let quietly = |_: RetryEvent<'_>| {};
        let operator = Operator::new(builder)
            .map_err(wrong)?
            .with_context(context)
            .layer(RetryLayer::new().with_max_times(2).with_notify(quietly));
        let login = settings.username.clone().map(|username| (username, password.clone()));
        Ok(Self { operator, transport, client, url: settings.url.clone(), login })
    }

    fn request(&self, method: &'static [u8], url: &str) -> RequestBuilder {
        // These names are made of letters only.
        let method = Method::from_bytes(method).unwrap_or_default();
        let request = self.client.request(method, url);
        match &self.login {
            Some((username, password)) => request.basic_auth(username, Some(password.reveal())),
            None => request,
        }
    }

    fn url_of(&self, name: &str) -> String {
        format!("{}/{}", self.url, encoded(name))
    }

    async fn put(&self, name: &str, file: &Path, headway: &Headway) -> Result<Response, PlaceError> {
        let unreadable = |error: std::io::Error| {
            PlaceError::one_file(format!("The archive cannot be read here: {error}."))
        };
        let file = tokio::fs::File::open(file).await.map_err(unreadable)?;
        let size = file.metadata().await.map_err(unreadable)?.len();
        // The body is sent by a task of the client: what it takes is heard of through this.
        let (went, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let pieces = ReaderStream::with_capacity(file, PIECE).inspect(move |_| {
            let _ = went.send(());
        });
        let request = self.request(b"PUT", &self.url_of(name)).header(CONTENT_LENGTH, size);
        let sent = request.body(Body::wrap_stream(pieces)).send();
        tokio::pin!(sent);
        loop {
            tokio::select! {
                answer = &mut sent => return answer.map_err(|error| no_answer(&error)),
                Some(()) = heard.recv() => headway.step()?,
                error = headway.unwanted() => return Err(error),
            }
        }
    }

    fn trouble(&self, error: &opendal::Error, doing: &str) -> PlaceError {
        if let Some(why) = no_answer_in(error) {
            return why;
        }
        match self.transport.last_status() {
            Some(status) if status >= 300 => of_status(status, doing),
            _ if error.is_permanent() => PlaceError::permanent(format!(
                "What answers is no WebDAV server, as far as it is understood, while it was asked for {doing}."
            )),
            _ => PlaceError::temporary(format!("The server did not do {doing}: no whole answer came.")),
        }
    }
}

impl Place for Webdav {
    fn can_rename(&self) -> bool {
        true
    }

    fn write<'a>(&'a self, name: &'a str, file: &'a Path, headway: &'a Headway) -> Doing<'a, ()> {
        Box::pin(async move {
            let mut answer = self.put(name, file, headway).await?;
            if matches!(answer.status(), StatusCode::CONFLICT | StatusCode::NOT_FOUND) {
                // The folder is not there yet: RFC 4918, section 9.7.1.
                let made = self.request(b"MKCOL", &format!("{}/", self.url)).send().await;
                let made = made.map_err(|error| no_answer(&error))?.status();
                if !made.is_success() {
                    return Err(of_status(made.as_u16(), "to make the folder"));
                }
                answer = self.put(name, file, headway).await?;
            }
            match answer.status() {
                status if status.is_success() => Ok(()),
                status => Err(of_status(status.as_u16(), "an upload")),
            }
        })
    }

    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> Doing<'a, bool> {
        Box::pin(async move {
            let request = self
                .request(b"MOVE", &self.url_of(from))
                .header("destination", self.url_of(to))
                .header("overwrite", "F");
            match request.send().await.map_err(|error| no_answer(&error))?.status() {
                StatusCode::PRECONDITION_FAILED => Ok(false),
                status if status.is_success() => Ok(true),
                status => Err(of_status(status.as_u16(), "to rename a file")),
            }
        })
    }

    fn size_of<'a>(&'a self, name: &'a str) -> Doing<'a, Option<u64>> {
        Box::pin(async move {
            match self.operator.stat(name).await {
                Ok(found) => Ok(Some(found.content_length())),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(self.trouble(&error, "a look at a file")),
            }
        })
    }

    fn read<'a>(&'a self, name: &'a str) -> Doing<'a, Pieces<'a>> {
        Box::pin(async move {
            let failed = |error: opendal::Error| self.trouble(&error, "a download");
            let reader = self.operator.reader(name).await.map_err(failed)?;
            let pieces = reader.into_stream(..).await.map_err(failed)?;
            let pieces = pieces.map_ok(|piece: Buffer| piece.to_vec()).map_err(failed);
            Ok(Box::pin(pieces) as Pieces<'a>)
        })
    }

    fn delete<'a>(&'a self, name: &'a str) -> Doing<'a, ()> {
        Box::pin(async move {
            let answer = self.request(b"DELETE", &self.url_of(name)).send().await;
            match answer.map_err(|error| no_answer(&error))?.status() {
                StatusCode::NOT_FOUND | StatusCode::GONE => Ok(()),
                status if status.is_success() => Ok(()),
                status => Err(of_status(status.as_u16(), "a deletion")),
            }
        })
    }
}

/// A file's name in an address (RFC 3986): everything but letters, digits and `-._~` by its bytes.
fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            _ => {
                text.push('%');
                text.push_str(&crate::hex::to_hex(&[byte]).to_uppercase());
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_piece_of_an_address() {
        assert_eq!(encoded("daily_1.zip"), "daily_1.zip");
        assert_eq!(encoded("a b/ü?"), "a%20b%2F%C3%BC%3F");
    }
}
