//! The logins that a device is tried with: opened for one session, never shown.

use etiqa_model::credential::{Credential, CredentialInput, NewSecrets};
use etiqa_model::device::DeviceFacts;
use etiqa_model::{CredentialId, DeviceId, FieldError, Secret, UserError};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::rotation::PREVIOUS;
use crate::audit::{Act, Changes, action, record_in_txn};
use crate::collect::{Login, key_opens};
use crate::db::DbError;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::credential::{
    CredentialRow, SealedCredential, credential_delete_in_txn, credential_fetch, credential_fetch_in_txn,
    credential_insert_in_txn, credential_list, credential_list_for_device, credential_renew_in_txn,
    credential_update_in_txn,
};
use crate::time::now;
use crate::vault::VaultError;

/// What is sealed of a credential.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CredentialSecrets {
    password: Secret,
    enable_password: Secret,
    private_key: Secret,
    key_passphrase: Secret,
    api_token: Secret,
    backup_passphrase: Secret,
}

impl CredentialSecrets {
    /// Takes over those of `new` that are not empty. False: there is none.
    pub(super) fn replace(&mut self, new: NewSecrets) -> bool {
        let has_new = !new.is_empty();
        replace(&mut self.password, new.password);
        replace(&mut self.enable_password, new.enable_password);
        replace(&mut self.api_token, new.api_token);
        replace(&mut self.backup_passphrase, new.backup_passphrase);
        if !new.private_key.is_empty() {
            // A new key brings its own passphrase, or none.
            self.key_passphrase = new.key_passphrase;
            self.private_key = new.private_key;
        }
        has_new
    }

    /// Sealed for the row `id`, with what is in them; the rest is as `row` has it.
    pub(super) fn seal(
        &self,
        engine: &Engine,
        id: CredentialId,
        row: CredentialRow,
    ) -> Result<CredentialRow> {
        Ok(CredentialRow { sealed: engine.vault.seal_json(&row_name(id), self)?, ..self.noted_in(row) })
    }

    fn noted_in(&self, row: CredentialRow) -> CredentialRow {
        CredentialRow {
            has_password: !self.password.is_empty(),
            has_enable: !self.enable_password.is_empty(),
            has_key: !self.private_key.is_empty(),
            ..row
        }
    }
}

fn row_name(id: CredentialId) -> String {
    format!("credential:{id}")
}

/// The logins of a device, in the order they are tried: the credential that it took last, then the others. One that
/// cannot be opened is passed over, unless there is no other.
pub(super) async fn logins_for(engine: &Engine, device: DeviceId, facts: &DeviceFacts) -> Result<Vec<Login>> {
    let mut sealed = credential_list_for_device(&engine.db, device).await?;
    let is_taken = |sealed: &SealedCredential| Some(sealed.credential.id) == facts.credential_id;
    sealed.sort_by_key(|sealed| !is_taken(sealed));
    let mut logins = Vec::with_capacity(sealed.len());
    let mut broken = None;
    for sealed in &sealed {
        let took_previous =
            is_taken(sealed) && facts.takes_previous && facts.credential_generation == sealed.generation;
        match open(engine, sealed, took_previous) {
            Ok((first, second)) => logins.extend([Some(first), second].into_iter().flatten()),
            Err(error) => {
                let name = &sealed.credential.name;
                tracing::warn!(device = %device, credential = %name, %error, "the credential {name} cannot be opened");
                broken = Some(error);
            }
        }
    }
    match broken {
        Some(error) if logins.is_empty() => Err(error),
        _ => Ok(logins),
    }
}

/// The logins of one credential, for who took its secrets of `generation` last, or those from before: the one to begin
/// with, and the other one while a rotation is on. None where there is no such credential, or it cannot be opened.
pub(super) async fn logins_of(
    engine: &Engine,
    id: Option<CredentialId>,
    generation: u32,
    takes_previous: bool,
) -> Result<Option<(Login, Option<Login>)>> {
    let Some(id) = id else { return Ok(None) };
    let Some(sealed) = credential_fetch(&engine.db, id).await? else { return Ok(None) };
    let took_previous = takes_previous && generation == sealed.generation;
    Ok(open(engine, &sealed, took_previous).ok())
}

/// Opens a credential: the login to begin with, and the other one while its secrets are being rotated. New secrets come
/// first, but not where these were refused the last time: every refusal counts towards a lock.
fn open(engine: &Engine, sealed: &SealedCredential, took_previous: bool) -> Result<(Login, Option<Login>)> {
    let new = login(sealed, open_secrets(engine, sealed.credential.id, &sealed.sealed)?);
    let Some(previous) = &sealed.previous_sealed else { return Ok((new, None)) };
    let previous = login(sealed, open_secrets(engine, sealed.credential.id, previous)?);
    let previous = Login { is_previous: true, name: previous.name.clone() + PREVIOUS, ..previous };
    Ok(if took_previous { (previous, Some(new)) } else { (new, Some(previous)) })
}

fn login(sealed: &SealedCredential, secrets: CredentialSecrets) -> Login {
    let credential = &sealed.credential;
    let given = |secret: Secret| Some(secret).filter(|secret| !secret.is_empty());
    Login {
        credential: Some(credential.id),
        generation: sealed.generation,
        is_previous: false,
        name: credential.name.clone(),
        username: credential.username.clone(),
        password: given(secrets.password),
        private_key: given(secrets.private_key),
        key_passphrase: given(secrets.key_passphrase),
        enable_password: given(secrets.enable_password),
        api_token: given(secrets.api_token),
        backup_passphrase: given(secrets.backup_passphrase),
    }
}

pub(super) fn open_secrets(engine: &Engine, id: CredentialId, sealed: &[u8]) -> Result<CredentialSecrets> {
    let opened = engine.vault.open_sealed(&row_name(id), sealed)?;
    Ok(serde_json::from_slice(&opened).map_err(|_| VaultError::Sealed)?)
}

/// The password and the enable password of a credential, for who compares them with others. None: it is not there, or cannot
/// be opened.
pub(crate) async fn credential_passwords(engine: &Engine, id: CredentialId) -> Result<Option<[Secret; 2]>> {
    let Some(sealed) = credential_fetch(&engine.db, id).await? else { return Ok(None) };
    let opened = open_secrets(engine, id, &sealed.sealed).ok();
    Ok(opened.map(|secrets| [secrets.password, secrets.enable_password]))
}

/// Every credential, without its secrets.
pub async fn credential_list_for_page(engine: &Engine) -> Result<Vec<Credential>> {
    Ok(credential_list(&engine.db).await?)
}

/// Adds (`id` none) or changes a credential; empty secrets stay as they were. While a rotation is on this corrects the new
/// secrets, and the previous ones stay.
pub async fn credential_save(
    engine: &Engine,
    id: Option<CredentialId>,
    input: CredentialInput,
) -> Result<CredentialId> {
    let input = input.checked()?;
    check_key(&input.private_key, &input.key_passphrase)?;
    let mut tx = engine.db.write().await?;
    let known = match id {
        Some(id) => Some(credential_fetch_in_txn(&mut tx, id).await?.ok_or_else(|| missing(id))?),
        None => None,
    };
    let after = json!({
        "name": input.name,
        "site": Some(&input.site).filter(|site| !site.is_empty()),
        "username": input.username,
    });
    let (action, changes) = match &known {
        Some(known) => (action::CREDENTIAL_CHANGE, Changes::between(&known.credential, &after)),
        None => (action::CREDENTIAL_ADD, Changes::of_new(&after)),
    };
    let changes = changes
        .and_secret("password", !input.password.is_empty())
        .and_secret("enable_password", !input.enable_password.is_empty())
        .and_secret("private_key", !input.private_key.is_empty())
        .and_secret("api_token", !input.api_token.is_empty())
        .and_secret("backup_passphrase", !input.backup_passphrase.is_empty());
    let mut secrets = match &known {
        Some(known) => open_secrets(engine, known.credential.id, &known.sealed)?,
        None => CredentialSecrets::default(),
    };
    let has_new = secrets.replace(NewSecrets {
        password: input.password,
        enable_password: input.enable_password,
        private_key: input.private_key,
        key_passphrase: input.key_passphrase,
        api_token: input.api_token,
        backup_passphrase: input.backup_passphrase,
    });
    if secrets.password.is_empty() && secrets.private_key.is_empty() {
        let message = "A password or a private key is needed to log in.".to_owned();
        return Err(UserError::in_fields(vec![FieldError { field: "password".into(), message }]).into());
    }
    let row = secrets.noted_in(CredentialRow {
        name: input.name,
        site: Some(input.site).filter(|site| !site.is_empty()),
        username: input.username,
        ..CredentialRow::default()
    });
    let at = now();
    let id = match id {
        Some(id) => id,
        // The secrets are sealed for the row's id, which is known only now.
        None => credential_insert_in_txn(&mut tx, &row, at).await.map_err(|error| taken(error, &row.name))?,
    };
    let row = secrets.seal(engine, id, row)?;
    credential_update_in_txn(&mut tx, id, &row, at).await.map_err(|error| taken(error, &row.name))?;
    if has_new {
        credential_renew_in_txn(&mut tx, id).await?;
    }
    record_in_txn(&mut tx, Act::new(action).on(id.0, &row.name).changing(changes)).await?;
    tx.commit().await?;
    Ok(id)
}

/// Refuses a private key that cannot be read with this passphrase; an empty key is none.
pub(crate) fn check_key(key: &Secret, passphrase: &Secret) -> std::result::Result<(), UserError> {
    if key.is_empty() || key_opens(key, passphrase) {
        return Ok(());
    }
    let message =
        "The private key cannot be read: it is in OpenSSH or PEM form, and opens with its passphrase."
            .to_owned();
    Err(UserError::in_fields(vec![FieldError { field: "private_key".into(), message }]))
}

/// Removes a credential; devices that name it fall back to their site's.
pub async fn credential_remove(engine: &Engine, id: CredentialId) -> Result<()> {
    let mut tx = engine.db.write().await?;
    let known = credential_fetch_in_txn(&mut tx, id).await?.ok_or_else(|| missing(id))?.credential;
    if !credential_delete_in_txn(&mut tx, id).await? {
        return Err(missing(id).into());
    }
    let changes = Changes::of_removed(&json!({ "site": known.site, "username": known.username }));
    record_in_txn(&mut tx, Act::new(action::CREDENTIAL_REMOVE).on(id.0, &known.name).changing(changes))
        .await?;
    Ok(tx.commit().await?)
}

pub(super) fn missing(id: CredentialId) -> UserError {
    UserError::not_found(format!("credential {id}"))
}

fn replace(old: &mut Secret, new: Secret) {
    if !new.is_empty() {
        *old = new;
    }
}

fn taken(error: DbError, name: &str) -> Error {
    if error.is_unique_violation() {
        let message = format!("There is a credential named {name} already; choose another name.");
        return UserError::in_fields(vec![FieldError { field: "name".into(), message }]).into();
    }
    error.into()
}
