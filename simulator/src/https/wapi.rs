//! Infoblox NIOS's WAPI, as far as a grid backup needs it.
//!
//! Sources: Infoblox's own ibx-sdk (`fileop.py` and its example of a grid backup, whose output shows the address of a
//! download), public notes on NIOS that a download without `Content-Type: application/force-download` is refused with
//! 415, a public transcript of a version that is not supported ("Version 2.7 not supported"), and errors as
//! infoblox-go-client's and Terraform's users quote them. That a member which is not the Grid Master redirects to it is
//! what its web page does; no capture of its WAPI was found.

use std::time::Duration;

use serde_json::{Value, json};

use super::Site;
use super::call::Call;
use super::reply::Reply;
use crate::artifact::hex;
use crate::backups::{self, Progress};
use crate::state::State;
use crate::text;

/// The versions that NIOS 8.6 speaks; among them are no others.
const VERSIONS: &[&str] =
    &["1.0", "1.1", "1.2", "1.7", "2.0", "2.1", "2.3", "2.5", "2.7", "2.9", "2.10", "2.11", "2.12"];

/// The folder of files that wait to be fetched.
const DOWNLOADS: &str = "/http_direct_file_io/";

/// The cookie of a login.
const COOKIE: &str = "ibapauth";

/// How often it is looked whether a backup is made.
const LOOK: Duration = Duration::from_millis(2);

/// What the interface remembers.
#[derive(Default)]
pub(super) struct Memory {
    /// The cookies of logins.
    logins: Vec<String>,
    downloads: Vec<Download>,
    issued: u64,
}

/// A file that waits to be fetched, until the client says that it has it.
struct Download {
    token: String,
    file: String,
}

impl Memory {
    pub(super) fn forget_logins(&mut self) {
        self.logins.clear();
    }

    /// How many downloads nobody completed yet.
    pub(super) fn downloads_open(&self) -> usize {
        self.downloads.len()
    }
}

/// Answers a call.
pub(super) async fn answer(site: &Site, call: &Call) -> Reply {
    let state = &site.state;
    if let Some(master) = state.spec.https.as_ref().and_then(|https| https.grid_master.as_ref()) {
        return Reply::error_page(302, "Found").with("location", format!("https://{master}{}", call.path));
    }
    let is_known = call.cookie(COOKIE).is_some_and(|cookie| is_login(state, cookie));
    let (user, password) = call.basic().unwrap_or_default();
    if !is_known && !state.accepts_password(&user, &password) {
        return Reply::error_page(401, "Authorization Required")
            .with("www-authenticate", "Basic realm=\"InfoBlox ONE Platform\"");
    }
    let reply = authorised(site, call).await;
    if is_known { reply } else { reply.with("set-cookie", new_login(state, &user)) }
}

async fn authorised(site: &Site, call: &Call) -> Reply {
    let state = &site.state;
    if let Some(file) = call.path.strip_prefix(DOWNLOADS) {
        return download(state, call, file);
    }
    let Some((version, object)) = call.path.strip_prefix("/wapi/v").and_then(|rest| rest.split_once('/'))
    else {
        return Reply::error_page(404, "Not Found");
    };
    if !VERSIONS.contains(&version) {
        return Reply::html(400, format!("Version {version} not supported"));
    }
    match (call.method.as_str(), object, call.parameter("_function")) {
        ("GET", "", _) if call.parameter("_schema").is_some() => Reply::json(
            200,
            &json!({
                "requested_version": version,
                "supported_objects": ["fileop", "grid", "member"],
                "supported_versions": VERSIONS,
            }),
        ),
        ("GET", "grid", _) => {
            Reply::json(200, &json!([{"_ref": "grid/b25lLmNsdXN0ZXIkMA:Infoblox", "name": "Infoblox"}]))
        }
        ("GET", "member", _) => Reply::json(
            200,
            &json!([{
                "_ref": format!("member/b25lLnZpcnR1YWxfbm9kZSQw:{}.example.net", state.spec.hostname),
                "host_name": format!("{}.example.net", state.spec.hostname),
                "config_addr_type": "IPV4",
            }]),
        ),
        ("POST", "fileop", Some("getgriddata")) => get_grid_data(site, call).await,
        ("POST", "fileop", Some("downloadcomplete")) => download_complete(state, call),
        ("POST", "logout", _) => {
            let cookie = call.cookie(COOKIE).unwrap_or_default();
            state.web().wapi.logins.retain(|login| login != cookie);
            Reply::json(200, &json!({}))
        }
        ("POST", "fileop", Some(function)) => {
            proto_error(&format!("Function {function} is not valid for this object"))
        }
        _ => proto_error(&format!("Unknown object type ({object})")),
    }
}

/// Makes a backup, and tells where it is to be fetched.
async fn get_grid_data(site: &Site, call: &Call) -> Reply {
    let state = &site.state;
    let body = call.json();
    if body["type"].is_null() {
        return proto_error("field for call missing: type");
    }
    if body["type"] != "BACKUP" {
        return proto_error(&format!("Invalid value for type ({}) valid values are: BACKUP", body["type"]));
    }
    let number = {
        let memory = &mut state.web().wapi;
        memory.issued += 1;
        memory.issued
    };
    let file = format!("req_id-DOWNLOAD-{number}/database.bak");
    let job = backups::begin(state, &file, false);
    loop {
        match job.progress() {
            Progress::Running => tokio::time::sleep(LOOK).await,
            Progress::Done => break,
            Progress::Failed => return internal_error("The backup could not be made"),
        }
    }
    let chance = text::random_bytes(&format!("download {number} of {}", state.spec.hostname));
    let token = hex(&chance);
    state.web().wapi.downloads.push(Download { token: token.clone(), file: file.clone() });
    let own_host = call.header("host").map_or_else(|| site.addr.to_string(), str::to_owned);
    let host = state.faults().https.download_host.unwrap_or(own_host);
    Reply::json(200, &json!({"token": token, "url": format!("https://{host}{DOWNLOADS}{file}")}))
}

fn download(state: &State, call: &Call, file: &str) -> Reply {
    if call.header("content-type") != Some("application/force-download") {
        return Reply::error_page(415, "Unsupported Media Type");
    }
    match state.backups.file(file).filter(|_| call.method == "GET") {
        Some(file) => Reply::file(file),
        None => Reply::error_page(404, "Not Found"),
    }
}

fn download_complete(state: &State, call: &Call) -> Reply {
    let body = call.json();
    let Some(token) = body["token"].as_str() else {
        return proto_error("field for call missing: token");
    };
    if state.faults().https.keeps_backups {
        return internal_error("The file cannot be removed");
    }
    let downloads = &mut state.web().wapi.downloads;
    let Some(place) = downloads.iter().position(|download| download.token == token) else {
        return proto_error("Invalid token");
    };
    state.backups.remove(&downloads.remove(place).file);
    Reply::json(200, &json!({}))
}

fn is_login(state: &State, cookie: &str) -> bool {
    state.web().wapi.logins.iter().any(|login| login == cookie)
}

/// The header that hands out a cookie; the cookie is quoted, since it has commas.
fn new_login(state: &State, user: &str) -> String {
    let memory = &mut state.web().wapi;
    memory.issued += 1;
    let chance = text::random_bytes(&format!("login {} of {}", memory.issued, state.spec.hostname));
    let signature = hex(&chance);
    let login = format!("group=admin-group,ctime=1772438400,timeout=600,client=API,user={user},{signature}");
    let header = format!("{COOKIE}=\"{login}\"; httponly; Path=/; secure");
    memory.logins.push(login);
    header
}

fn proto_error(text: &str) -> Reply {
    Reply::json(400, &error(&format!("AdmConProtoError: {text}"), "Client.Ibap.Proto", text))
}

fn internal_error(text: &str) -> Reply {
    Reply::json(500, &error(&format!("AdmConDataError: None (IBDataError: {text})"), "Server.Ibap", text))
}

fn error(error: &str, code: &str, text: &str) -> Value {
    json!({"Error": error, "code": code, "text": text})
}
