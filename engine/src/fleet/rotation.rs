//! Rotating the secrets of a credential while devices change over days: the new ones are tried first, the previous ones
//! where a device refuses these, until somebody says that all have changed.

use etiqa_model::credential::NewSecrets;
use etiqa_model::device::DeviceFacts;
use etiqa_model::{CredentialId, FieldError, UserError};

use super::logins::{check_key, missing, open_secrets};
use crate::audit::{Act, Changes, action, record_in_txn};
use crate::collect::{Hop, Login, Outcome};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::credential::{
    CredentialRow, credential_fetch_in_txn, credential_finish_rotation_in_txn, credential_rotate_in_txn,
};
use crate::store::jump_host::jump_host_took;
use crate::time::now;

/// Behind a credential's name, in messages.
pub(super) const PREVIOUS: &str = " (previous secrets)";

/// Begins a rotation: `new` secrets stand beside those of now. A second one has to wait until this one is finished, for
/// only one set of previous secrets is kept.
pub async fn credential_rotate(engine: &Engine, id: CredentialId, new: NewSecrets) -> Result<()> {
    check_key(&new.private_key, &new.key_passphrase)?;
    let mut tx = engine.db.write().await?;
    let known = credential_fetch_in_txn(&mut tx, id).await?.ok_or_else(|| missing(id))?;
    let name = known.credential.name;
    let mut secrets = open_secrets(engine, id, &known.sealed)?;
    if !secrets.replace(new) {
        let message = "A new password, enable password or key is needed.".to_owned();
        return Err(UserError::in_fields(vec![FieldError { field: "password".into(), message }]).into());
    }
    let row = secrets.seal(engine, id, CredentialRow::default())?;
    if !credential_rotate_in_txn(&mut tx, id, &row, now()).await? {
        let message = format!(
            "The credential {name} is being rotated already: finish that first, or edit it to correct its new secrets."
        );
        return Err(UserError::conflict(message).into());
    }
    let changes = Changes::none().and_secret("secrets", true);
    record_in_txn(&mut tx, Act::new(action::CREDENTIAL_ROTATE).on(id.0, &name).changing(changes)).await?;
    Ok(tx.commit().await?)
}

/// Ends a rotation: the previous secrets are forgotten.
pub async fn credential_rotation_finish(engine: &Engine, id: CredentialId) -> Result<()> {
    let mut tx = engine.db.write().await?;
    let known = credential_fetch_in_txn(&mut tx, id).await?.ok_or_else(|| missing(id))?;
    if credential_finish_rotation_in_txn(&mut tx, id, now()).await? {
        record_in_txn(&mut tx, Act::new(action::CREDENTIAL_FINISH).on(id.0, &known.credential.name)).await?;
        return Ok(tx.commit().await?);
    }
    Err(UserError::conflict(format!("The credential {} is not being rotated.", known.credential.name)).into())
}

/// The login that the device took.
pub(super) fn taken<'a>(outcome: &Outcome, logins: &'a [Login]) -> Option<&'a Login> {
    logins.iter().find(|login| Some(&login.name) == outcome.login.as_ref())
}

/// Notes which secrets the device took.
pub(super) fn note_taken(facts: &mut DeviceFacts, taken: &Login) {
    facts.credential_id = taken.credential;
    facts.credential_generation = taken.generation;
    facts.takes_previous = taken.is_previous;
}

/// What to say of a device that took `taken`.
pub(super) fn said_of(taken: &Login) -> Option<String> {
    let credential = taken.name.strip_suffix(PREVIOUS).filter(|_| taken.is_previous)?;
    Some(format!("The device still takes the previous secrets of the credential {credential}."))
}

/// Remembers which secrets the jump hosts of a session took, those whose credential is being rotated.
pub(super) async fn note_jump_hosts(engine: &Engine, via: &[Hop], outcome: &Outcome) -> Result<()> {
    for hop in via {
        let Some(other) = &hop.other else { continue };
        let took = outcome.hop_logins.iter().find(|(name, _)| *name == hop.name).map(|(_, login)| login);
        let taken = [&hop.login, other].into_iter().find(|login| Some(&login.name) == took);
        if let Some(taken) = taken {
            jump_host_took(&engine.db, &hop.name, taken.generation, taken.is_previous).await?;
        }
    }
    Ok(())
}
