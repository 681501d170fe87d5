//! Asking a server over HTTP.

use std::fmt::Write;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode, redirect};
use serde_json::Value;
use tokio_rustls::rustls::crypto::aws_lc_rs;

/// Somebody who asks, with the headers that they always send. Follows no redirect.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    address: String,
    headers: HeaderMap,
}

/// What came back, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Client {
    pub(crate) fn new(address: &str) -> Self {
        // The library that sends archives away brings a client without a provider; somebody else may have set it.
        let _ = aws_lc_rs::default_provider().install_default();
        let http = reqwest::Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { http, address: address.to_owned(), headers: HeaderMap::new() }
    }

    /// The same client with one more header.
    pub(crate) fn and_header(mut self, name: &str, value: &str) -> Self {
        let name = name.parse::<HeaderName>().unwrap();
        self.headers.insert(name, HeaderValue::from_str(value).unwrap());
        self
    }

    /// The same client with the cookies that an answer sets, besides those that it has.
    pub(crate) fn and_cookies_of(self, answer: &Answer) -> Self {
        let set = answer.headers.get_all("set-cookie").iter();
        let set = set.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap());
        let own = self.headers.get("cookie").map(|cookie| cookie.to_str().unwrap());
        let cookies = own.into_iter().chain(set).collect::<Vec<_>>().join("; ");
        self.and_header("cookie", &cookies)
    }

    /// The same client without a header.
    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str) -> Answer {
        self.send(Method::POST, path, None).await
    }

    /// Asks a server that may be gone, or stand still: none where no answer comes.
    pub(crate) async fn ask(&self, method: Method, path: &str) -> Option<Answer> {
        let request = self.request(method, path).timeout(Duration::from_secs(20));
        let answer = request.send().await.ok()?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Some(Answer { status, headers, bytes: answer.bytes().await.ok()?.to_vec() })
    }

    /// Posts a form to a server function.
    pub(crate) async fn call(&self, function: &str, fields: &[(&str, &str)]) -> Answer {
        self.form(&format!("/rpc/{function}"), fields).await
    }

    /// Posts a form.
    pub(crate) async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let fields = fields.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
        let body = fields.collect::<Vec<_>>().join("&");
        self.send(Method::POST, path, Some(body)).await
    }

    /// Posts JSON.
    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.finish(self.request(Method::POST, path).json(body)).await
    }

    /// Sends JSON, or nothing, as clients of the REST API do.
    pub(crate) async fn json(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        let mut request = self.request(method.parse().unwrap(), path);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_owned());
        }
        self.finish(request).await
    }

    /// Sends name and password as the page of `/login` does.
    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Answer {
        let page = self.clone().with_own_origin();
        page.call("sign_in", &[("name", name), ("password", password)]).await
    }

    /// The same client, sending what a browser sends from a page of this server.
    pub(crate) fn with_own_origin(self) -> Self {
        let origin = format!("http://{}", self.address);
        self.and_header("origin", &origin)
    }

    /// Uploads a file as a form with the field `file` does.
    pub(crate) async fn upload(&self, path: &str, name: &str, content: &str) -> Answer {
        let file = reqwest::multipart::Part::text(content.to_owned()).file_name(name.to_owned());
        let form = reqwest::multipart::Form::new().part("file", file);
        self.finish(self.request(Method::POST, path).multipart(form)).await
    }

    /// Sends a form with fields and then a file, as `/setup` does with an archive.
    pub(crate) async fn upload_with(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        (field, bytes): (&str, Vec<u8>),
    ) -> Answer {
        let mut form = reqwest::multipart::Form::new();
        for (name, value) in fields {
            form = form.text((*name).to_owned(), (*value).to_owned());
        }
        let file = reqwest::multipart::Part::bytes(bytes).file_name("archive.zip");
        self.finish(self.request(Method::POST, path).multipart(form.part(field.to_owned(), file))).await
    }

    /// Opens a request and leaves its answer to be read.
    pub(crate) async fn open(&self, path: &str) -> reqwest::Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    async fn send(&self, method: Method, path: &str, form: Option<String>) -> Answer {
        let mut request = self.request(method, path);
        if let Some(form) = form {
            request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        }
        self.finish(request).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.http.request(method, url).headers(self.headers.clone())
    }

    async fn finish(&self, request: RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        Answer {
            status: answer.status(),
            headers: answer.headers().clone(),
            bytes: answer.bytes().await.unwrap().to_vec(),
        }
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn with_status(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The sentence of a refusal.
    #[track_caller]
    pub(crate) fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_else(|| panic!("no message: {}", self.text())).to_owned()
    }

    /// A header's text; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// A browser that keeps the session's cookie of this answer.
    #[track_caller]
    pub(crate) fn browser(&self, address: &str) -> Client {
        let cookie = self.header("set-cookie").split(';').next().unwrap();
        assert!(cookie.starts_with("etiqa_session="), "{}: {}", self.status, self.text());
        Client::new(address).with_own_origin().and_header("cookie", cookie)
    }
}

/// As HTML forms write it.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => escaped.push(char::from(byte)),
            _ => write!(escaped, "%{byte:02X}").unwrap(),
        }
    }
    escaped
}
