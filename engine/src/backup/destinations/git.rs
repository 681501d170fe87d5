//! The Git mirror as a destination: one commit of the active texts for each run.
//!
//! This is the one place where a copy of this kind is made; what writes and pushes commits is in `mirror`.

use std::path::PathBuf;

use etiqa_model::destination::{DestinationSecrets, GitSettings, GitTexts};
use etiqa_model::{ErrorKind, RunId, Secret};

use super::open::note_key;
use super::place::{Headway, PlaceError};
use crate::backup::find_run;
use crate::backup::mirror::{self, Address, PushError, PushErrorKind, Pushed, Remote, RemoteLogin, Texts};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::destination::KeyedDestination;

/// What a run is noted with that changed nothing.
const NOTHING_CHANGED: &str = "nothing changed";

/// Writes the commit of a run and pushes it where a remote is set. Gives the commit. One that is there is not made again.
pub(super) async fn commit_run(
    engine: &Engine,
    keyed: &KeyedDestination,
    settings: &GitSettings,
    secrets: &DestinationSecrets,
    run: RunId,
    headway: &Headway,
) -> Result<String, PlaceError> {
    let work = async {
        let run = find_run(engine, run).await.map_err(of_this_program)?;
        let (repository, texts) = (repository_of(engine, keyed), texts_of(settings));
        refuse_second_beginning(engine, keyed, settings, secrets).await?;
        let committed = mirror::mirror_run(engine, &repository, &settings.branch, texts, &run).await;
        let committed = committed.map_err(of_this_program)?;
        let commit = match push(engine, keyed, settings, secrets).await? {
            Reached::With(pushed) => Some(pushed.commit),
            Reached::Nowhere => committed,
            Reached::Without => return Err(PlaceError::one_file("The mirror has no commit yet.")),
        };
        Ok(commit.map_or_else(|| NOTHING_CHANGED.to_owned(), |commit| commit.to_string()))
    };
    // A first commit of a large network takes longer than any silence of a place; a push has deadlines of its own.
    tokio::select! {
        done = work => done,
        stopped = headway.unwanted() => Err(stopped),
    }
}

/// A mirror without a commit would begin a history of its own; where its remote has one already, the two would never meet.
async fn refuse_second_beginning(
    engine: &Engine,
    keyed: &KeyedDestination,
    settings: &GitSettings,
    secrets: &DestinationSecrets,
) -> Result<(), PlaceError> {
    let repository = repository_of(engine, keyed);
    if mirror::is_begun(&repository, &settings.branch).await.map_err(of_this_program)? {
        return Ok(());
    }
    push(engine, keyed, settings, secrets).await.map(drop)
}

/// Looks whether the mirror can be written and its remote takes the login. Gives what worked, in a sentence.
pub(super) async fn test(
    engine: &Engine,
    keyed: &KeyedDestination,
    settings: &GitSettings,
    secrets: &DestinationSecrets,
) -> Result<String, PlaceError> {
    let branch = &settings.branch;
    mirror::make(&repository_of(engine, keyed), branch).await.map_err(of_this_program)?;
    Ok(match push(engine, keyed, settings, secrets).await? {
        Reached::Nowhere => {
            "The mirror can be written; it stays on this machine, for no remote is named.".to_owned()
        }
        Reached::With(pushed) => {
            format!("The remote takes pushes; its branch {branch} is at {}.", pushed.commit)
        }
        Reached::Without => "The remote takes the login; the next run makes the first commit.".to_owned(),
    })
}

/// How far a push went.
enum Reached {
    /// No remote is named.
    Nowhere,
    /// The remote let us in; the mirror has no commit yet that could be pushed.
    Without,
    /// The remote is where the mirror is.
    With(Pushed),
}

/// Brings the remote to where the mirror is.
async fn push(
    engine: &Engine,
    keyed: &KeyedDestination,
    settings: &GitSettings,
    secrets: &DestinationSecrets,
) -> Result<Reached, PlaceError> {
    let Some(url) = &settings.url else { return Ok(Reached::Nowhere) };
    let address = Address::parse(url).map_err(|error| PlaceError::permanent(error.message))?;
    let outgoing = engine.reach.outgoing(settings.own_network);
    let given = |secret: &Secret| Some(secret.clone()).filter(|secret| !secret.is_empty());
    let login = RemoteLogin {
        username: settings.username.clone(),
        password: given(&secrets.password),
        private_key: given(&secrets.private_key),
        key_passphrase: given(&secrets.key_passphrase),
    };
    let remote = Remote::new(address, login, keyed.openssh.clone(), engine.trust(), outgoing);
    let pushed = mirror::push(&repository_of(engine, keyed), &remote, &settings.branch).await;
    let (shown, is_changed) = match &pushed {
        Ok(pushed) => (&pushed.host_key, false),
        Err(error) => (&error.host_key, error.kind == PushErrorKind::HostKey),
    };
    if let Some(key) = shown {
        note_key(engine, keyed.destination.id, key, is_changed).await.map_err(of_this_program)?;
    }
    match pushed {
        Ok(pushed) => Ok(Reached::With(pushed)),
        Err(error) if error.kind == PushErrorKind::Nothing => Ok(Reached::Without),
        Err(error) => Err(of_the_remote(error)),
    }
}

fn repository_of(engine: &Engine, keyed: &KeyedDestination) -> PathBuf {
    engine.dir.root().join("mirror").join(keyed.destination.id.to_string())
}

fn texts_of(settings: &GitSettings) -> Texts {
    match settings.texts {
        GitTexts::Redacted => Texts::Redacted,
        GitTexts::Whole => Texts::Whole,
    }
}

fn of_the_remote(error: PushError) -> PlaceError {
    match error.kind {
        kind if kind.is_permanent() => PlaceError::permanent(error.message),
        _ => PlaceError::temporary(error.message),
    }
}

/// A person has to see to what the mirror says in a sentence of its own, but where somebody else only holds it just now; a
/// run that is gone is that copy's trouble alone.
fn of_this_program(error: Error) -> PlaceError {
    match error {
        Error::User(error) if error.kind == ErrorKind::NotFound => PlaceError::one_file(error.message),
        Error::User(error) if error.kind != ErrorKind::Conflict => PlaceError::permanent(error.message),
        error => PlaceError::temporary(error.into_user_error().message),
    }
}
