//! Logins of a `router.db` as credentials: named, of the site of their devices, and never in the place of another one.

use std::collections::{BTreeSet, HashMap};

use etiqa_model::Secret;
use etiqa_model::credential::CredentialInput;
use etiqa_model::device::DEFAULT_SITE;
use etiqa_model::import::RowError;

use super::{Listed, ListedLogin, RouterDbOptions};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::fleet::{credential_passwords, credential_save};
use crate::store::credential::credential_list;

/// How the names of brought credentials begin.
const PREFIX: &str = "oxidized ";

/// What a credential logs in with: its user name, its password, its enable password. None: nobody can tell.
pub(super) type Known = Option<(String, [Secret; 2])>;

/// A login of the file, and who has it.
#[derive(Debug)]
pub(super) struct Shared {
    /// What its credential is called.
    pub(super) name: String,
    /// That credential is here already.
    is_here: bool,
    login: ListedLogin,
    /// The places of its rows.
    pub(super) rows: Vec<usize>,
}

/// Makes credentials of the logins, and has the rows name them. Gives the names of those that were, or would be, added. A
/// login that can be no credential is said, and its devices name none.
pub(super) async fn bring(
    engine: &Engine,
    listed: &mut [Listed],
    options: &RouterDbOptions,
    notes: &mut Vec<RowError>,
) -> Result<Vec<String>> {
    let mut logins = shared(listed, options, notes);
    if logins.is_empty() {
        return Ok(Vec::new());
    }
    name_all(&mut logins, &known(engine).await?);
    let mut added = Vec::new();
    for login in logins {
        if !login.is_here
            && let Err(why) = add(engine, &login, listed, options.dry_run, notes).await?
        {
            let reason = format!("The login of {} becomes no credential: {why}", login.login.username);
            notes.push(RowError { line: line_of(&login, listed), reason });
            continue;
        }
        // One that is not there yet would have its rows refused.
        let is_named = login.is_here || !options.dry_run;
        if is_named {
            for row in &login.rows {
                listed[*row].device.credential.clone_from(&login.name);
            }
        }
        if !login.is_here {
            added.push(login.name);
        }
    }
    Ok(added)
}

/// Takes the logins out of the rows, each once.
pub(super) fn shared(
    listed: &mut [Listed],
    options: &RouterDbOptions,
    notes: &mut Vec<RowError>,
) -> Vec<Shared> {
    let mut logins: Vec<Shared> = Vec::new();
    let mut is_said = false;
    for (place, row) in listed.iter_mut().enumerate() {
        let Some(login) = row.login.take() else { continue };
        if !options.with_credentials {
            if !is_said {
                let reason = "The file has logins; they stay where they are. With --with-credentials they become \
                              credentials.";
                notes.push(RowError { line: row.line, reason: reason.to_owned() });
                is_said = true;
            }
            continue;
        }
        if login.secrets.password.is_empty() {
            let reason = "The line has a user name and no password: it becomes no credential.";
            notes.push(RowError { line: row.line, reason: reason.to_owned() });
            continue;
        }
        match logins.iter_mut().find(|known| known.login == login) {
            Some(known) => known.rows.push(place),
            None => logins.push(Shared { name: String::new(), is_here: false, login, rows: vec![place] }),
        }
    }
    logins
}

/// Gives every login the first name that is free, or that a credential has which is the same login: a file that is read again
/// gets the same names, and another file never the logins of this one.
pub(super) fn name_all(logins: &mut [Shared], known: &HashMap<String, Known>) {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for shared in logins {
        let ListedLogin { username, secrets } = &shared.login;
        let passwords = [secrets.password.clone(), secrets.enable_password.clone()];
        let wanted = Some((username.clone(), passwords));
        let mut number = 1;
        loop {
            let name = match number {
                1 => format!("{PREFIX}{username}"),
                number => format!("{PREFIX}{username} {number}"),
            };
            let there = known.get(&name);
            if !taken.contains(&name) && there.is_none_or(|there| *there == wanted) {
                shared.is_here = there.is_some();
                taken.insert(name.clone());
                shared.name = name;
                break;
            }
            number += 1;
        }
    }
}

/// The credentials that may be of an earlier import.
async fn known(engine: &Engine) -> Result<HashMap<String, Known>> {
    let mut known = HashMap::new();
    for credential in credential_list(&engine.db).await? {
        if credential.name.starts_with(PREFIX) {
            let passwords = credential_passwords(engine, credential.id).await?;
            known.insert(credential.name, passwords.map(|passwords| (credential.username, passwords)));
        }
    }
    Ok(known)
}

/// Adds one, or looks whether it could be added; the inner error is a sentence about it.
async fn add(
    engine: &Engine,
    shared: &Shared,
    listed: &[Listed],
    dry_run: bool,
    notes: &mut Vec<RowError>,
) -> Result<Result<(), String>> {
    let sites: BTreeSet<&str> = shared.rows.iter().map(|row| site_of(&listed[*row])).collect();
    let site = match sites.first() {
        Some(site) if sites.len() == 1 => (*site).to_owned(),
        _ => String::new(),
    };
    let is_everywhere = site.is_empty();
    let input = CredentialInput {
        name: shared.name.clone(),
        site,
        username: shared.login.username.clone(),
        password: shared.login.secrets.password.clone(),
        enable_password: shared.login.secrets.enable_password.clone(),
        ..CredentialInput::default()
    };
    let saved = if dry_run {
        input.checked().map(drop).map_err(Error::User)
    } else {
        credential_save(engine, None, input).await.map(drop)
    };
    match saved {
        Ok(()) => {}
        Err(Error::User(error)) => return Ok(Err(error.message)),
        Err(error) => return Err(error),
    }
    if is_everywhere {
        let reason = format!(
            "The login of {} is of devices of {} sites: its credential is tried on every device that names none. Give it a \
             site, or these devices one of their own.",
            shared.login.username,
            sites.len()
        );
        notes.push(RowError { line: line_of(shared, listed), reason });
    }
    Ok(Ok(()))
}

fn site_of(row: &Listed) -> &str {
    Some(row.device.site.trim()).filter(|site| !site.is_empty()).unwrap_or(DEFAULT_SITE)
}

fn line_of(shared: &Shared, listed: &[Listed]) -> u64 {
    shared.rows.first().and_then(|row| listed.get(*row)).map_or(0, |row| row.line)
}
