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
        let pushed = push(engine, keyed, settings, secrets).await?;
        let commit = pushed.map(|pushed| pushed.commit).or(committed);
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
    match push(engine, keyed, settings, secrets).await {
        Err(error) if error.message != FIRST_COMMIT => Err(error),
        _ => Ok(()),
    }
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
    match push(engine, keyed, settings, secrets).await {
        Ok(None) => {
            Ok("The mirror can be written; it stays on this machine, for no remote is named.".to_owned())
        }
        Ok(Some(pushed)) => {
            Ok(format!("The remote takes pushes; its branch {branch} is at {}.", pushed.commit))
        }
        Err(error) if error.message == FIRST_COMMIT => {
            Ok("The remote takes the login; the next run makes the first commit.".to_owned())
        }
        Err(error) => Err(error),
    }
}

/// Stands for a mirror that has no commit yet: the remote was asked, and let us in.
const FIRST_COMMIT: &str = "The mirror has no commit yet.";

/// Brings the remote to where the mirror is; none where no remote is named.
async fn push(
    engine: &Engine,
    keyed: &KeyedDestination,
    settings: &GitSettings,
    secrets: &DestinationSecrets,
) -> Result<Option<Pushed>, PlaceError> {
    let Some(url) = &settings.url else { return Ok(None) };
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
    pushed.map(Some).map_err(of_the_remote)
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
        PushErrorKind::Nothing => PlaceError::one_file(FIRST_COMMIT),
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
