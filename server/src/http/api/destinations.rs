//! `/api/v1/destinations`: where archives are sent to. Secrets go in and never come out.

use std::sync::Arc;

use axum::extract::Path;
use etiqa_engine::Engine;
use etiqa_engine::access::About;
use etiqa_engine::backup::destinations;
use etiqa_model::destination::{Destination, DestinationInput, DestinationKind, KeepCopies};
use etiqa_model::user::Role;
use etiqa_model::{Secret, Timestamp, UserError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answered, Part, accepted, created, etag, item, limit, nothing, shown};
use super::ask::{Ask, Edits};
use super::cursor::after;
use super::devices::Queued;
use super::users::ListQuery;
use super::words::{DestinationKindName, KeepName};

static EDITS: Edits = Edits::new();

pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, edit, remove))
        .routes(routes!(test))
        .routes(routes!(retry))
}

/// A destination as it is filled in. Which fields count follows `kind`; a secret that is left out or empty stays as it was.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct DestinationWrite {
    /// Unique; required.
    name: String,
    /// It stays: another kind is another destination.
    #[schema(value_type = DestinationKindName)]
    kind: DestinationKind,
    /// Whether copies go when their archive does.
    #[schema(value_type = KeepName)]
    keep: KeepCopies,
    /// Whether anything is sent to it.
    enabled: bool,
    /// Folder: absolute. SFTP: the folder there.
    path: String,
    /// S3: `https://…`; empty: Amazon's own.
    endpoint: String,
    /// S3: `us-east-1` when empty.
    region: String,
    /// S3: required.
    bucket: String,
    /// S3: begins the names of all objects.
    prefix: String,
    /// S3: the bucket is named in the path and not in the host name.
    path_style: bool,
    /// S3: how the server encrypts: `AES256`, `aws:kms`, or empty.
    sse: String,
    /// S3: the key for `aws:kms`.
    kms_key_id: String,
    /// S3: required.
    access_key_id: String,
    /// S3.
    #[schema(value_type = String, format = Password, write_only)]
    secret_access_key: Secret,
    /// WebDAV: the folder. Git: the remote, or empty.
    url: String,
    /// SFTP: IP address or host name.
    address: String,
    /// SFTP: 22 where there is none.
    port: Option<u16>,
    /// WebDAV, SFTP and Git.
    username: String,
    /// WebDAV, SFTP and Git.
    #[schema(value_type = String, format = Password, write_only)]
    password: Secret,
    /// SFTP and Git: in OpenSSH or PEM form.
    #[schema(value_type = String, format = Password, write_only)]
    private_key: Secret,
    /// Opens the private key.
    #[schema(value_type = String, format = Password, write_only)]
    key_passphrase: Secret,
    /// Git: `main` when empty.
    branch: String,
    /// Git: `redacted` or `whole`.
    texts: String,
    /// All but folders: whether it may be in a private network.
    own_network: bool,
}

impl Default for DestinationWrite {
    fn default() -> Self {
        Self::from(DestinationInput::default())
    }
}

impl From<DestinationInput> for DestinationWrite {
    fn from(input: DestinationInput) -> Self {
        Self {
            name: input.name,
            kind: DestinationKind::parse(&input.kind).unwrap_or(DestinationKind::Folder),
            keep: KeepCopies::parse(&input.keep).unwrap_or_default(),
            enabled: input.enabled,
            path: input.path,
            endpoint: input.endpoint,
            region: input.region,
            bucket: input.bucket,
            prefix: input.prefix,
            path_style: input.path_style,
            sse: input.sse,
            kms_key_id: input.kms_key_id,
            access_key_id: input.access_key_id,
            secret_access_key: input.secret_access_key,
            url: input.url,
            address: input.address,
            port: input.port.parse().ok(),
            username: input.username,
            password: input.password,
            private_key: input.private_key,
            key_passphrase: input.key_passphrase,
            branch: input.branch,
            texts: input.texts,
            own_network: input.own_network,
        }
    }
}

impl From<DestinationWrite> for DestinationInput {
    fn from(new: DestinationWrite) -> Self {
        Self {
            name: new.name,
            kind: new.kind.as_str().to_owned(),
            keep: new.keep.as_str().to_owned(),
            enabled: new.enabled,
            path: new.path,
            endpoint: new.endpoint,
            region: new.region,
            bucket: new.bucket,
            prefix: new.prefix,
            path_style: new.path_style,
            sse: new.sse,
            kms_key_id: new.kms_key_id,
            access_key_id: new.access_key_id,
            secret_access_key: new.secret_access_key,
            url: new.url,
            address: new.address,
            port: new.port.map(|port| port.to_string()).unwrap_or_default(),
            username: new.username,
            password: new.password,
            private_key: new.private_key,
            key_passphrase: new.key_passphrase,
            branch: new.branch,
            texts: new.texts,
            own_network: new.own_network,
        }
    }
}

/// A destination, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
struct DestinationItem {
    id: i64,
    name: String,
    #[schema(value_type = DestinationKindName)]
    kind: DestinationKind,
    #[schema(value_type = KeepName)]
    keep: KeepCopies,
    enabled: bool,
    /// Where it is: the fields of its kind, as they are filled in.
    #[schema(value_type = Object)]
    settings: serde_json::Value,
    /// When it last took, gave or deleted something as it should.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_ok_at: Option<Timestamp>,
    /// Why it last did not, in a sentence.
    problem: Option<String>,
    /// How often in a row it did not.
    failures: u32,
    /// Nothing is tried before this time.
    #[schema(value_type = Option<String>, format = DateTime)]
    paused_until: Option<Timestamp>,
    /// Copies that are there; ten thousand stand for more.
    sent: u64,
    /// Copies that are still to be sent.
    waiting: u64,
    /// Copies that are still to be deleted there.
    leaving: u64,
    /// Backup configs that send to it.
    backup_configs: u64,
}

impl DestinationItem {
    fn new(known: Destination) -> Result<Self, UserError> {
        Ok(Self {
            id: known.id.0,
            kind: known.kind(),
            settings: serde_json::to_value(&known.settings).map_err(|_| UserError::internal())?,
            name: known.name,
            keep: known.keep,
            enabled: known.enabled,
            last_ok_at: known.last_ok_at,
            problem: known.problem,
            failures: known.failures,
            paused_until: known.paused_until,
            sent: known.sent,
            waiting: known.waiting,
            leaving: known.leaving,
            backup_configs: known.configs,
        })
    }
}

/// Destinations, by name
///
/// Needs the role operator and no scope.
#[utoipa::path(get, path = "/api/v1/destinations", operation_id = "destination_list", tag = "destinations",
    params(ListQuery), responses((status = 200, description = "A part of the list.", body = Part<DestinationItem>)))]
async fn list(ask: Ask) -> Answered {
    let context = ask.require(Role::Operator, About::Everything).await?;
    let query: ListQuery = ask.query()?;
    let (limit, last) = (limit(query.limit)?, after::<String>(query.cursor.as_deref())?);
    let all = destinations::list(&context.engine).await?;
    let all: Vec<DestinationItem> = all.into_iter().map(DestinationItem::new).collect::<Result<_, _>>()?;
    Ok(shown(&Part::of_all(all, last.as_ref(), limit, |known| known.name.clone())))
}

/// Add a destination
///
/// Needs the role admin.
#[utoipa::path(post, path = "/api/v1/destinations", operation_id = "destination_create", tag = "destinations",
    request_body = DestinationWrite,
    responses((status = 201, description = "It was added.", body = DestinationItem)))]
async fn create(ask: Ask) -> Answered {
    let context = ask.require(Role::Admin, About::Everything).await?;
    let new: DestinationWrite = ask.json()?;
    let id = destinations::save(&context.engine, None, &new.into()).await?;
    let made = destinations::fetch(&context.engine, id).await?;
    let tag = tag(&made)?;
    Ok(created(format!("/api/v1/destinations/{id}"), &DestinationItem::new(made)?, &tag))
}

/// One destination
///
/// Needs the role operator and no scope.
#[utoipa::path(get, path = "/api/v1/destinations/{id}", operation_id = "destination_show", tag = "destinations",
    params(("id" = i64, Path, description = "The destination's number.")),
    responses((status = 200, description = "The destination.", body = DestinationItem)))]
async fn show(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("destination", &id), |_| About::Everything).await?;
    let known = destinations::fetch(&context.engine, id).await?;
    let tag = tag(&known)?;
    Ok(item(&DestinationItem::new(known)?, &tag))
}

/// Change a destination
///
/// Needs the role admin. A merge patch. One that is moved to another server forgets its secrets, which that would learn.
#[utoipa::path(patch, path = "/api/v1/destinations/{id}", operation_id = "destination_edit", tag = "destinations",
    params(("id" = i64, Path, description = "The destination's number.")), request_body = DestinationWrite,
    responses((status = 200, description = "The destination as it is now.", body = DestinationItem)))]
async fn edit(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Admin, ("destination", &id), |_| About::Everything).await?;
    let _turn = EDITS.turn().await;
    let known = destinations::fetch(&context.engine, id).await?;
    ask.must_match(&tag(&known)?)?;
    let changed = ask.patched(&DestinationWrite::from(known.to_input()))?;
    destinations::save(&context.engine, Some(id), &changed.into()).await?;
    let known = destinations::fetch(&context.engine, id).await?;
    let tag = tag(&known)?;
    Ok(item(&DestinationItem::new(known)?, &tag))
}

/// Remove a destination
///
/// Needs the role admin. Its copies stay where they are.
#[utoipa::path(delete, path = "/api/v1/destinations/{id}", operation_id = "destination_remove", tag = "destinations",
    params(("id" = i64, Path, description = "The destination's number.")),
    responses((status = 204, description = "It is gone.")))]
async fn remove(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Admin, ("destination", &id), |_| About::Everything).await?;
    let _turn = EDITS.turn().await;
    ask.may_match(&tag(&destinations::fetch(&context.engine, id).await?)?)?;
    destinations::remove(&context.engine, id).await?;
    Ok(nothing())
}

/// What a test came to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tested {
    /// Whether all of it worked.
    pub(super) good: bool,
    /// What worked, or which step did not and why.
    pub(super) message: String,
}

/// Try a destination
///
/// Needs the role operator and no scope. Writes a probe, reads it back and deletes it.
#[utoipa::path(post, path = "/api/v1/destinations/{id}/test", operation_id = "destination_test", tag = "destinations",
    params(("id" = i64, Path, description = "The destination's number.")),
    responses((status = 200, description = "What it came to.", body = Tested)))]
async fn test(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("destination", &id), |_| About::Everything).await?;
    let test = destinations::test(&context.engine, id).await?;
    Ok(shown(&Tested { good: test.is_good, message: test.message }))
}

/// Have everything that waits for a destination tried now
///
/// Needs the role operator and no scope.
#[utoipa::path(post, path = "/api/v1/destinations/{id}/retry", operation_id = "destination_retry", tag = "destinations",
    params(("id" = i64, Path, description = "The destination's number.")),
    responses((status = 202, description = "It is queued.", body = Queued)))]
async fn retry(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("destination", &id), |_| About::Everything).await?;
    destinations::retry(&context.engine, id).await?;
    Ok(accepted(&Queued { queued: true }))
}

/// New secrets change it, too: the time says so.
fn tag(known: &Destination) -> Result<String, UserError> {
    etag(&(DestinationWrite::from(known.to_input()), known.updated_at))
}
