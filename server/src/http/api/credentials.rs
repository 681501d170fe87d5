//! `/api/v1/credentials`: logins for devices. Secrets go in and never come out.

use std::sync::Arc;

use axum::extract::Path;
use etiqa_engine::access::About;
use etiqa_engine::{Engine, fleet};
use etiqa_model::credential::{Credential, CredentialInput, NewSecrets};
use etiqa_model::event::Topic;
use etiqa_model::user::Role;
use etiqa_model::{CredentialId, Secret, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answered, Part, created, etag, item, limit, nothing, shown};
use super::ask::{Ask, Edits, missing};
use super::cursor::after;
use super::users::ListQuery;

static EDITS: Edits = Edits::new();

pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, edit, remove))
        .routes(routes!(rotate))
        .routes(routes!(finish))
}

/// A credential as it is filled in. A secret that is left out or empty stays as it was.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct CredentialWrite {
    /// Unique; required.
    name: String,
    /// Tried for devices of this site; null: for those of every site, after their own.
    site: Option<String>,
    /// The login name; required.
    username: String,
    #[schema(value_type = String, format = Password, write_only)]
    password: Secret,
    /// The enable (privileged mode) password.
    #[schema(value_type = String, format = Password, write_only)]
    enable_password: Secret,
    /// A private key in OpenSSH or PEM form.
    #[schema(value_type = String, format = Password, write_only)]
    private_key: Secret,
    /// The private key's passphrase.
    #[schema(value_type = String, format = Password, write_only)]
    key_passphrase: Secret,
    /// FortiOS' API token or PAN-OS' API key.
    #[schema(value_type = String, format = Password, write_only)]
    api_token: Secret,
    /// What a device encrypts the backup with that it makes of itself.
    #[schema(value_type = String, format = Password, write_only)]
    backup_passphrase: Secret,
}

impl CredentialWrite {
    /// As it is, but for its secrets.
    fn of(known: &Credential) -> Self {
        Self {
            name: known.name.clone(),
            site: known.site.clone(),
            username: known.username.clone(),
            ..Self::default()
        }
    }

    fn input(self) -> CredentialInput {
        CredentialInput {
            name: self.name,
            site: self.site.unwrap_or_default(),
            username: self.username,
            password: self.password,
            enable_password: self.enable_password,
            private_key: self.private_key,
            key_passphrase: self.key_passphrase,
            api_token: self.api_token,
            backup_passphrase: self.backup_passphrase,
        }
    }
}

/// A credential, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
struct CredentialItem {
    id: i64,
    name: String,
    site: Option<String>,
    username: String,
    /// Whether a password is stored.
    has_password: bool,
    /// Whether an enable password is stored.
    has_enable_password: bool,
    /// Whether a private key is stored.
    has_private_key: bool,
    /// Devices that name it.
    devices: u64,
    /// While devices change from the previous secrets to new ones.
    rotation: Option<RotationItem>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// How far a rotation is.
#[derive(Debug, Serialize, ToSchema)]
struct RotationItem {
    /// When the new secrets were set.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// Devices that took the credential when they were last logged in to.
    devices: u64,
    /// Those of them that took the new secrets.
    renewed: u64,
}

impl From<Credential> for CredentialItem {
    fn from(known: Credential) -> Self {
        let rotation = known.rotation.map(|rotation| RotationItem {
            since: rotation.since,
            devices: rotation.devices,
            renewed: rotation.renewed,
        });
        Self {
            id: known.id.0,
            name: known.name,
            site: known.site,
            username: known.username,
            has_password: known.has_password,
            has_enable_password: known.has_enable,
            has_private_key: known.has_key,
            devices: known.devices,
            rotation,
            created_at: known.created_at,
            updated_at: known.updated_at,
        }
    }
}

/// Credentials, by name
///
/// Needs the role admin.
#[utoipa::path(get, path = "/api/v1/credentials", operation_id = "credential_list", tag = "credentials",
    params(ListQuery), responses((status = 200, description = "A part of the list.", body = Part<CredentialItem>)))]
async fn list(ask: Ask) -> Answered {
    let context = ask.require(Role::Admin, About::Everything).await?;
    let query: ListQuery = ask.query()?;
    let (limit, last) = (limit(query.limit)?, after::<String>(query.cursor.as_deref())?);
    let all = fleet::credential_list_for_page(&context.engine).await?;
    let part = Part::of_all(all, last.as_ref(), limit, |credential| credential.name.clone());
    Ok(shown(&part.map(CredentialItem::from)))
}

/// Add a credential
///
/// Needs the role admin.
#[utoipa::path(post, path = "/api/v1/credentials", operation_id = "credential_create", tag = "credentials",
    request_body = CredentialWrite,
    responses((status = 201, description = "It was added.", body = CredentialItem)))]
async fn create(ask: Ask) -> Answered {
    let context = ask.require(Role::Admin, About::Everything).await?;
    let new: CredentialWrite = ask.json()?;
    let id = fleet::credential_save(&context.engine, None, new.input()).await?;
    context.engine.events.send(Topic::Admin, None);
    let made = find(&context.engine, id).await?;
    let tag = tag(&made)?;
    Ok(created(format!("/api/v1/credentials/{id}"), &CredentialItem::from(made), &tag))
}

/// One credential
///
/// Needs the role admin.
#[utoipa::path(get, path = "/api/v1/credentials/{id}", operation_id = "credential_show", tag = "credentials",
    params(("id" = i64, Path, description = "The credential's number.")),
    responses((status = 200, description = "The credential.", body = CredentialItem)))]
async fn show(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Admin, ("credential", &id), |_| About::Everything).await?;
    let known = find(&context.engine, id).await?;
    let tag = tag(&known)?;
    Ok(item(&CredentialItem::from(known), &tag))
}

/// Change a credential
///
/// Needs the role admin. A merge patch. New secrets are in force at once: while devices change over days, rotate instead.
#[utoipa::path(patch, path = "/api/v1/credentials/{id}", operation_id = "credential_edit", tag = "credentials",
    params(("id" = i64, Path, description = "The credential's number.")), request_body = CredentialWrite,
    responses((status = 200, description = "The credential as it is now.", body = CredentialItem)))]
async fn edit(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Admin, ("credential", &id), |_| About::Everything).await?;
    let _turn = EDITS.turn().await;
    let known = find(&context.engine, id).await?;
    ask.must_match(&tag(&known)?)?;
    let changed = ask.patched(&CredentialWrite::of(&known))?;
    fleet::credential_save(&context.engine, Some(id), changed.input()).await?;
    context.engine.events.send(Topic::Admin, None);
    let known = find(&context.engine, id).await?;
    let tag = tag(&known)?;
    Ok(item(&CredentialItem::from(known), &tag))
}

/// Remove a credential
///
/// Needs the role admin. Devices that name it fall back to their site's.
#[utoipa::path(delete, path = "/api/v1/credentials/{id}", operation_id = "credential_remove", tag = "credentials",
    params(("id" = i64, Path, description = "The credential's number.")),
    responses((status = 204, description = "It is gone.")))]
async fn remove(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Admin, ("credential", &id), |_| About::Everything).await?;
    let _turn = EDITS.turn().await;
    ask.may_match(&tag(&find(&context.engine, id).await?)?)?;
    fleet::credential_remove(&context.engine, id).await?;
    context.engine.events.send(Topic::Admin, None);
    Ok(nothing())
}

/// New secrets for a credential; one that is left out stays as it was.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({ "password": "the new one" }))]
struct SecretsWrite {
    #[schema(value_type = Option<String>, format = Password, write_only)]
    password: Option<Secret>,
    #[schema(value_type = Option<String>, format = Password, write_only)]
    enable_password: Option<Secret>,
    #[schema(value_type = Option<String>, format = Password, write_only)]
    private_key: Option<Secret>,
    #[schema(value_type = Option<String>, format = Password, write_only)]
    key_passphrase: Option<Secret>,
    #[schema(value_type = Option<String>, format = Password, write_only)]
    api_token: Option<Secret>,
    #[schema(value_type = Option<String>, format = Password, write_only)]
    backup_passphrase: Option<Secret>,
}

/// Begin to rotate a credential
///
/// Needs the role admin. The new secrets are tried first, the previous ones where a device refuses these, until the rotation is
/// finished. 409 while one is on.
#[utoipa::path(post, path = "/api/v1/credentials/{id}/rotate", operation_id = "credential_rotate", tag = "credentials",
    params(("id" = i64, Path, description = "The credential's number.")), request_body = SecretsWrite,
    responses((status = 200, description = "The credential as it is now.", body = CredentialItem)))]
async fn rotate(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Admin, ("credential", &id), |_| About::Everything).await?;
    let new: SecretsWrite = ask.json()?;
    let secrets = NewSecrets {
        password: new.password.unwrap_or_default(),
        enable_password: new.enable_password.unwrap_or_default(),
        private_key: new.private_key.unwrap_or_default(),
        key_passphrase: new.key_passphrase.unwrap_or_default(),
        api_token: new.api_token.unwrap_or_default(),
        backup_passphrase: new.backup_passphrase.unwrap_or_default(),
    };
    fleet::credential_rotate(&context.engine, id, secrets).await?;
    context.engine.events.send(Topic::Admin, None);
    let known = find(&context.engine, id).await?;
    let tag = tag(&known)?;
    Ok(item(&CredentialItem::from(known), &tag))
}

/// Finish a rotation
///
/// Needs the role admin. The previous secrets are forgotten. 409 where none is on.
#[utoipa::path(post, path = "/api/v1/credentials/{id}/rotate/finish", operation_id = "credential_rotate_finish",
    tag = "credentials", params(("id" = i64, Path, description = "The credential's number.")),
    responses((status = 204, description = "The new secrets are the only ones.")))]
async fn finish(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Admin, ("credential", &id), |_| About::Everything).await?;
    fleet::credential_rotation_finish(&context.engine, id).await?;
    context.engine.events.send(Topic::Admin, None);
    Ok(nothing())
}

async fn find(engine: &Engine, id: CredentialId) -> Result<Credential, etiqa_engine::Error> {
    let all = fleet::credential_list_for_page(engine).await?;
    Ok(all.into_iter().find(|known| known.id == id).ok_or_else(|| missing("credential", id))?)
}

/// New secrets change it, too: the time says so.
fn tag(known: &Credential) -> Result<String, etiqa_model::UserError> {
    etag(&(CredentialWrite::of(known), known.updated_at))
}
