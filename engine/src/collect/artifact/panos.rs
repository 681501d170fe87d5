//! Palo Alto PAN-OS: the device state, by the XML API; of a Panorama, which has none, the running configuration.
//!
//! PAN-OS and Panorama API guide, "Export files": `type=export&category=device-state` gives a tgz of the running
//! configuration, the certificates and what Panorama has pushed; `category=configuration` an XML. The key comes from
//! `type=keygen`, unless the credential has one.

use etiqa_model::Secret;
use etiqa_model::class::Class;
use hyper::Method;
use hyper::header::CONTENT_TYPE;

use super::talk::Talk;
use super::whole::Form;
use super::{Brought, Flow, Incoming};
use crate::collect::failure::{Failure, Step, excerpt};
use crate::collect::transport::https::{Ask, Reply};

const API: &str = "/api/";

/// What the API is asked for the model.
const SYSTEM_INFO: &str = "<show><system><info></info></system></show>";

/// See the module.
#[derive(Default)]
pub(super) struct Export {
    key: Option<Secret>,
}

impl Flow for Export {
    async fn make(&mut self, talk: &mut Talk<'_>, file: &mut Incoming) -> Step<Brought> {
        self.key = match &talk.login.api_token {
            Some(key) => Some(key.clone()),
            None => {
                talk.doing("asking for an API key");
                Some(key_of(talk).await?)
            }
        };
        talk.doing("asking for the model");
        let said = self.ask(talk, &[("type", "op"), ("cmd", SYSTEM_INFO)]).await?.text().await?;
        let model = between(&said, "<model>", "</model>").ok_or_else(|| refused(&said))?;
        // The models of Panorama: the virtual one, and the appliances M-100 to M-700.
        if model.starts_with("Panorama") || model.starts_with("M-") {
            talk.doing("exporting the configuration");
            let reply = self.ask(talk, &[("type", "export"), ("category", "configuration")]).await?;
            talk.save(reply, file).await?;
            return Ok(Brought {
                form: Form::Text { begins: "<", ends: "</config>", needs_newline: false },
                extension: "xml",
            });
        }
        talk.doing("exporting the device state");
        let mut reply = self.ask(talk, &[("type", "export"), ("category", "device-state")]).await?;
        if is_xml(&reply) {
            return Err(refused(&reply.text().await?));
        }
        talk.save(reply, file).await?;
        Ok(Brought { form: Form::TarGz, extension: "tgz" })
    }

    /// Nothing of it stays on the device.
    async fn clean_up(&mut self, _: &mut Talk<'_>) -> Result<(), String> {
        Ok(())
    }
}

impl Export {
    async fn ask(&self, talk: &mut Talk<'_>, fields: &[(&str, &str)]) -> Step<Reply> {
        let key = self.key.as_ref().map_or("", Secret::reveal);
        let ask = Ask::new(Method::POST, API).form(fields).header("x-pan-key", key).patient(talk.longest);
        let mut reply = talk.ask(ask).await?;
        // An error of the API may come with 200, with 400 or with 403; its body says which.
        if !reply.status.is_success() {
            let said = reply.text().await.unwrap_or_default();
            if said.contains("<response") && !reply.status.is_server_error() {
                return Err(refused(&said));
            }
            return Err(reply.refused(&said));
        }
        Ok(reply)
    }
}

async fn key_of(talk: &mut Talk<'_>) -> Step<Secret> {
    let login = talk.login;
    let Some(password) = &login.password else {
        let message = format!(
            "The XML API needs an API key or a password, and the credential {} has neither.",
            login.name
        );
        return Err(Failure::new(Class::AuthFailed, message));
    };
    let fields = [("type", "keygen"), ("user", login.username.as_str()), ("password", password.reveal())];
    let mut reply = talk.ask(Ask::new(Method::POST, API).form(&fields)).await?;
    let said = reply.text().await?;
    // Of an answer that is cut within the key, what stands before it.
    let told = said.split("<key>").next().unwrap_or_default();
    match between(&said, "<key>", "</key>") {
        Some(key) if reply.status.is_success() && !key.is_empty() => {
            let key = Secret::new(key);
            talk.evidence.hush.add(&key);
            Ok(key)
        }
        _ if said.contains("<response") && !reply.status.is_server_error() => Err(refused(told)),
        _ => Err(reply.refused(told)),
    }
}

fn is_xml(reply: &Reply) -> bool {
    let media_type =
        reply.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media_type.contains("xml")
}

/// The API's own error: 403 is a wrong key or login, 16 a login that may not (PAN-OS XML API error codes).
fn refused(said: &str) -> Failure {
    let code = between(said, "code=\"", "\"").or_else(|| between(said, "code = '", "'")).unwrap_or_default();
    let message =
        between(said, "<line>", "</line>").or_else(|| between(said, "<msg>", "</msg>")).unwrap_or(said);
    let message = message.replace("<![CDATA[", "").replace("]]>", "").replace("<line>", "");
    let class = if code == "403" || message.contains("Invalid Credential") {
        Class::AuthFailed
    } else {
        Class::HttpStatus
    };
    Failure::new(class, format!("The XML API answered with an error: “{}”.", excerpt(&message, 160)))
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let start = text.find(before)? + before.len();
    let length = text[start..].find(after)?;
    Some(&text[start..start + length])
}
