//! The UCS files: listed, read in pieces, deleted.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::super::call::Call;
use super::super::reply::{Content, Reply};
use super::error;
use crate::state::State;
use crate::text;

pub(super) const UCS: &str = "/mgmt/tm/sys/ucs";
pub(super) const DOWNLOADS: &str = "/mgmt/shared/file-transfer/ucs-downloads/";
pub(super) const UNIX_RM: &str = "/mgmt/tm/util/unix-rm";

/// Where the files are.
const FOLDER: &str = "/var/local/ucs/";

/// The most bytes that one answer brings.
const CHUNK: u64 = 1_048_576;

/// The name of the file that a UCS of this name is in.
pub(super) fn file_name(name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or_default();
    format!("{}.ucs", name.strip_suffix(".ucs").unwrap_or(name))
}

/// Lists the files, or deletes the one of this name.
pub(super) fn answer(state: &State, call: &Call, name: &str) -> Reply {
    match call.method.as_str() {
        "GET" if name.is_empty() => list(state),
        "DELETE" if !name.is_empty() => {
            if state.faults().https.keeps_backups {
                return error(400, &format!("UCS archive {name} cannot be deleted."));
            }
            if !state.backups.remove(&file_name(name)) {
                return error(404, &format!("UCS archive {name} does not exist."));
            }
            Reply::new(200, "application/json; charset=UTF-8", Content::text(""))
        }
        _ => error(405, "Method not allowed"),
    }
}

fn list(state: &State) -> Reply {
    let items: Vec<Value> = state
        .backups
        .names()
        .iter()
        .filter_map(|name| Some((name, state.backups.file(name)?)))
        .map(|(name, file)| {
            json!({"kind": "tm:sys:ucs:ucsstate", "generation": 0, "apiRawValues": {
                "encrypted": "no",
                "file_created_date": "2026-03-02T08:00:00Z",
                "file_size": format!("{} (in bytes)", file.size()),
                "filename": format!("{FOLDER}{name}"),
                "product": "BIG-IP",
                "version": text::bigip::VERSION,
            }})
        })
        .collect();
    let mut list =
        json!({"kind": "tm:sys:ucs:ucscollectionstate", "selfLink": format!("https://localhost{UCS}")});
    // An empty list has no items.
    if !items.is_empty() {
        list["items"] = items.into();
    }
    Reply::json(200, &list)
}

/// `POST /mgmt/tm/util/unix-rm`.
pub(super) fn unix_rm(state: &State, call: &Call) -> Reply {
    let body = call.json();
    let arguments = body["utilCmdArgs"].as_str().unwrap_or_default();
    let mut said = String::new();
    for path in arguments.split_whitespace().map(|word| word.trim_matches(['"', '\''])) {
        if path.starts_with('-') {
            continue;
        }
        let is_kept = state.faults().https.keeps_backups;
        let is_removed = !is_kept && path.strip_prefix(FOLDER).is_some_and(|name| state.backups.remove(name));
        if !is_removed && !arguments.starts_with("-f") {
            let why = if is_kept { "Operation not permitted" } else { "No such file or directory" };
            let _ = writeln!(said, "/bin/rm: cannot remove `{path}': {why}");
        }
    }
    let mut answer = json!({"kind": "tm:util:unix-rm:runstate", "command": "run", "utilCmdArgs": arguments});
    if !said.is_empty() {
        answer["commandResult"] = said.into();
    }
    Reply::json(200, &answer)
}

/// A piece of a file: the one that the request's `Content-Range` asks for as `START-END/SIZE`, where SIZE may be 0, and
/// without it the first. What is too much at once, or ends behind the file, is refused with 400; the refusal names the
/// file's size too, which is what F5's own tools go by.
pub(super) fn download(state: &State, call: &Call, name: &str) -> Reply {
    if call.method != "GET" {
        return error(405, "Method not allowed");
    }
    let Some(file) = state.backups.file(name) else {
        return error(404, &format!("File {FOLDER}{name} does not exist."));
    };
    let size = file.size();
    let asked = match call.header("content-range") {
        None => Some((0, size.min(CHUNK) - 1)),
        Some(range) => asked_range(range),
    };
    let Some((start, end)) = asked.filter(|(start, end)| start <= end) else {
        return error(400, "The Content-Range header cannot be read.");
    };
    let range = format!("{start}-{end}/{size}");
    if end - start >= CHUNK {
        return error(400, "The chunk is larger than 1048576 bytes.").with("content-range", range);
    }
    if end >= size {
        return error(400, "The Content-Range ends behind the file.").with("content-range", range);
    }
    let status = if end - start + 1 == size { 200 } else { 206 };
    Reply::new(status, "application/octet-stream", Content::part(file, start, end + 1))
        .with("content-range", range)
}

fn asked_range(range: &str) -> Option<(u64, u64)> {
    let (range, _) = range.trim().trim_start_matches("bytes ").split_once('/')?;
    let (start, end) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, end.trim().parse().ok()?))
}
