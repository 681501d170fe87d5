//! Infoblox NIOS: the grid's backup, by WAPI.
//!
//! The calls are those of Infoblox' WAPI reference (`fileop`): `getgriddata` gives a token and an address; the file is
//! given only to a request of the type `application/force-download` (else 415); `downloadcomplete` must follow
//! whatever came of it, or the appliance keeps the file. Only the Grid Master answers.

use etiqa_model::Secret;
use etiqa_model::class::Class;
use hyper::Method;
use hyper::header::LOCATION;
use serde_json::json;

use super::talk::{Talk, basic};
use super::whole::Form;
use super::{Brought, Flow, Incoming};
use crate::collect::failure::{Failure, Step, excerpt};
use crate::collect::transport::https::{Ask, Reply};

/// Versions whose schema is asked for the newest one: the first that every release knew, and one that the newest know.
const FIRST_ASKED: [&str; 2] = ["1.0", "2.0"];

/// See the module.
#[derive(Default)]
pub(super) struct GridBackup {
    version: String,
    is_begun: bool,
    token: Option<Secret>,
}

impl Flow for GridBackup {
    async fn make(&mut self, talk: &mut Talk<'_>, file: &mut Incoming) -> Step<Brought> {
        if talk.login.password.is_none() {
            let message =
                format!("WAPI asks for a password, and the credential {} has none.", talk.login.name);
            return Err(Failure::new(Class::AuthFailed, message));
        }
        talk.doing("asking for the version of WAPI");
        self.version = newest_version(talk).await?;
        talk.doing("having the grid backup made");
        let path = self.fileop("getgriddata");
        let ask = Ask::new(Method::POST, &path).json(&json!({ "type": "BACKUP" })).patient(talk.longest);
        self.is_begun = true;
        let reply = ask_member(talk, ask).await?;
        // What it refuses it does not make.
        self.is_begun = reply.status.is_success();
        let answer = reply.good().await?.json().await?;
        let (Some(token), Some(url)) = (answer["token"].as_str(), answer["url"].as_str()) else {
            let message = "The answer to getgriddata is not what WAPI gives: it has no token or no url.";
            return Err(Failure::new(Class::HttpStatus, message));
        };
        let token = Secret::new(token);
        talk.evidence.hush.add(&token);
        self.token = Some(token);
        talk.doing("downloading the grid backup");
        let ask = Ask::get(path_of(url)?).header("content-type", "application/force-download");
        let reply = talk.ask(basic(ask, talk.login)).await?.good().await?;
        talk.save(reply, file).await?;
        Ok(Brought { form: Form::TarGz, extension: "bak" })
    }

    async fn clean_up(&mut self, talk: &mut Talk<'_>) -> Result<(), String> {
        let keeps = || {
            let message = "The appliance could not be told that the download is over; it may keep its own copy for a while.";
            Err(message.to_owned())
        };
        let Some(token) = self.token.take() else { return if self.is_begun { keeps() } else { Ok(()) } };
        let path = self.fileop("downloadcomplete");
        let ask = Ask::new(Method::POST, &path).json(&json!({ "token": token.reveal() }));
        match talk.ask(basic(ask, talk.login)).await {
            Ok(reply) if reply.status.is_success() => Ok(()),
            _ => keeps(),
        }
    }
}

impl GridBackup {
    fn fileop(&self, function: &str) -> String {
        format!("/wapi/v{}/fileop?_function={function}", self.version)
    }
}

/// The newest version of WAPI that the appliance knows.
async fn newest_version(talk: &mut Talk<'_>) -> Step<String> {
    let mut refused = Failure::new(Class::HttpStatus, "The appliance names no version of WAPI.");
    for version in FIRST_ASKED {
        let path = format!("/wapi/v{version}/?_schema");
        match ask_member(talk, Ask::get(&path)).await?.good().await {
            Ok(mut reply) => {
                let answer = reply.json().await?;
                let known = answer["supported_versions"].as_array().into_iter().flatten();
                let newest = known
                    .filter_map(|version| version.as_str())
                    .filter(|version| version.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
                    .max_by_key(|version| numbers(version));
                return newest.map(str::to_owned).ok_or(refused);
            }
            // It knows this version no more (or not yet).
            Err(failure) if failure.class == Class::HttpStatus => refused = failure,
            Err(failure) => return Err(failure),
        }
    }
    Err(refused)
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|number| number.parse().unwrap_or_default()).collect()
}

/// Asks as the login; a member sends everybody on to the Grid Master, and that is another device.
async fn ask_member(talk: &mut Talk<'_>, ask: Ask<'_>) -> Step<Reply> {
    let reply = talk.ask(basic(ask, talk.login)).await?;
    if reply.status.is_redirection() {
        let to = reply.headers.get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let message = format!(
            "This is not the Grid Master: it sends requests on to “{}”. Give the Grid Master's address to the device.",
            excerpt(to, 100)
        );
        return Err(Failure::new(Class::HttpStatus, message));
    }
    Ok(reply)
}

/// The path within the address that the appliance gave. The rest of it is not used: the file is fetched where the login
/// was sent, and nowhere else.
fn path_of(url: &str) -> Step<&str> {
    let refused = || {
        let message =
            format!("The appliance gave no address that can be downloaded: “{}”.", excerpt(url, 100));
        Failure::new(Class::HttpStatus, message)
    };
    let rest = url.strip_prefix("https://").ok_or_else(refused)?;
    let path = &rest[rest.find('/').ok_or_else(refused)?..];
    if path.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(path) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_path_of_the_given_address_is_used() {
        let path = "/http_direct_file_io/req_id-DOWNLOAD-1/database.bak";
        assert_eq!(path_of(&format!("https://203.0.113.9:8443{path}")), Ok(path));
        for wrong in ["ftp://a/b", "https://a", "/x", "https://a/b c", "https://a/b\r\nX: y"] {
            assert!(path_of(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let newest = ["1.0", "2.9", "2.12.3", "2.2"].into_iter().max_by_key(|version| numbers(version));
        assert_eq!(newest, Some("2.12.3"));
    }
}
