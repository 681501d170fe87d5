//! The logins that a device is tried with: opened for one session, never shown.

use etiqa_model::credential::{Credential, CredentialInput};
use etiqa_model::{CredentialId, DeviceId, FieldError, Secret, UserError};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::collect::Login;
use crate::db::DbError;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::credential::{
    CredentialRow, SealedCredential, credential_delete, credential_fetch, credential_insert_in_txn,
    credential_list, credential_list_for_device, credential_update_in_txn,
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

fn row_name(id: CredentialId) -> String {
    format!("credential:{id}")
}

/// The logins of a device, in the order they are tried: the one that it took last, then the others. One that cannot be
/// opened is passed over, unless there is no other.
pub(super) async fn logins_for(
    engine: &Engine,
    device: DeviceId,
    taken: Option<CredentialId>,
) -> Result<Vec<Login>> {
    let mut sealed = credential_list_for_device(&engine.db, device).await?;
    sealed.sort_by_key(|sealed| Some(sealed.credential.id) != taken);
    let mut logins = Vec::with_capacity(sealed.len());
    let mut broken = None;
    for sealed in &sealed {
        match open(engine, sealed) {
            Ok(login) => logins.push(login),
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

/// The login of one credential; none where there is no such credential, or it cannot be opened.
pub(super) async fn login_of(engine: &Engine, id: Option<CredentialId>) -> Result<Option<Login>> {
    let Some(id) = id else { return Ok(None) };
    let Some(sealed) = credential_fetch(&engine.db, id).await? else { return Ok(None) };
    Ok(open(engine, &sealed).ok())
}

fn open(engine: &Engine, sealed: &SealedCredential) -> Result<Login> {
    let credential = &sealed.credential;
    let secrets = open_secrets(engine, sealed)?;
    let given = |secret: &Secret| Some(secret.clone()).filter(|secret| !secret.is_empty());
    Ok(Login {
        credential: Some(credential.id),
        name: credential.name.clone(),
        username: credential.username.clone(),
        password: given(&secrets.password),
        private_key: given(&secrets.private_key),
        key_passphrase: given(&secrets.key_passphrase),
        enable_password: given(&secrets.enable_password),
        api_token: given(&secrets.api_token),
        backup_passphrase: given(&secrets.backup_passphrase),
    })
}

fn open_secrets(engine: &Engine, sealed: &SealedCredential) -> Result<CredentialSecrets> {
    let opened = engine.vault.open_sealed(&row_name(sealed.credential.id), &sealed.sealed)?;
    Ok(serde_json::from_slice(&opened).map_err(|_| VaultError::Sealed)?)
}

/// Every credential, without its secrets.
pub async fn credential_list_for_page(engine: &Engine) -> Result<Vec<Credential>> {
    Ok(credential_list(&engine.db).await?)
}

/// Adds (`id` none) or changes a credential; empty secrets stay as they were.
pub async fn credential_save(
    engine: &Engine,
    id: Option<CredentialId>,
    input: CredentialInput,
) -> Result<CredentialId> {
    let input = input.checked()?;
    let mut secrets = match id {
        Some(id) => {
            let known = credential_fetch(&engine.db, id).await?;
            open_secrets(engine, &known.ok_or_else(|| UserError::not_found(format!("credential {id}")))?)?
        }
        None => CredentialSecrets::default(),
    };
    replace(&mut secrets.password, input.password);
    replace(&mut secrets.enable_password, input.enable_password);
    if !input.private_key.is_empty() {
        // A new key brings its own passphrase, or none.
        secrets.key_passphrase = input.key_passphrase;
        secrets.private_key = input.private_key;
    }
    if secrets.password.is_empty() && secrets.private_key.is_empty() {
        let message = "A password or a private key is needed to log in.".to_owned();
        return Err(UserError::in_fields(vec![FieldError { field: "password".into(), message }]).into());
    }
    let mut row = CredentialRow {
        name: input.name,
        site: Some(input.site).filter(|site| !site.is_empty()),
        username: input.username,
        sealed: Vec::new(),
        has_password: !secrets.password.is_empty(),
        has_enable: !secrets.enable_password.is_empty(),
        has_key: !secrets.private_key.is_empty(),
    };
    let at = now();
    let mut tx = engine.db.write().await?;
    let id = match id {
        Some(id) => id,
        // The secrets are sealed for the row's id, which is known only now.
        None => credential_insert_in_txn(&mut tx, &row, at).await.map_err(|error| taken(error, &row.name))?,
    };
    let plain = Zeroizing::new(serde_json::to_vec(&secrets).map_err(|_| VaultError::Sealed)?);
    row.sealed = engine.vault.seal(&row_name(id), &plain)?;
    credential_update_in_txn(&mut tx, id, &row, at).await.map_err(|error| taken(error, &row.name))?;
    tx.commit().await?;
    Ok(id)
}

/// Removes a credential; devices that name it fall back to their site's.
pub async fn credential_remove(engine: &Engine, id: CredentialId) -> Result<()> {
    if credential_delete(&engine.db, id).await? {
        return Ok(());
    }
    Err(UserError::not_found(format!("credential {id}")).into())
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
