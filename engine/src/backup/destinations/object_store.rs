//! A bucket of an S3-compatible object store. An upload is one request or a multipart upload: its object is there whole
//! or not at all, so it needs no other name first.

use std::path::Path;
use std::time::Duration;

use etiqa_model::Secret;
use etiqa_model::destination::S3Settings;
use futures::TryStreamExt;
use opendal::layers::{RetryEvent, RetryLayer, TimeoutLayer};
use opendal::services::S3;
use opendal::{Buffer, ErrorKind, HttpTransporter, OperationContext, Operator, Writer};
use reqwest::Client;
use tokio::io::AsyncReadExt;

use super::http::{Transport, no_answer_in, of_status};
use super::place::{Doing, Headway, Pieces, Place, PlaceError};

/// Bytes of one part: small enough for the memory, and a server takes 10,000 of them.
const PART: usize = 8 << 20;
const MOST_PARTS: u64 = 9_000;
/// The longest wait for one answer; a part has to pass within it.
const LONGEST_WAIT: Duration = Duration::from_secs(110);

/// A bucket, or anything else that the object store library speaks with.
#[derive(Debug, Clone)]
pub struct ObjectStore {
    operator: Operator,
    transport: Option<Transport>,
}

impl ObjectStore {
    /// The bucket of these settings.
    pub(super) fn s3(settings: &S3Settings, secret: &Secret, client: Client) -> Result<Self, PlaceError> {
        let mut builder = S3::default()
            .bucket(&settings.bucket)
            .root(&settings.prefix)
            .region(&settings.region)
            .access_key_id(&settings.access_key_id)
            .secret_access_key(secret.reveal())
            // Nothing but what was filled in: no environment, no files, no questions to the cloud's own address.
            .disable_config_load()
            .disable_ec2_metadata();
        if let Some(endpoint) = &settings.endpoint {
            builder = builder.endpoint(endpoint);
        }
        if !settings.path_style {
            builder = builder.enable_virtual_host_style();
        }
        if let Some(encryption) = &settings.encryption {
            builder = builder.server_side_encryption(encryption);
        }
        if let Some(key) = &settings.kms_key_id {
            builder = builder.server_side_encryption_aws_kms_key_id(key);
        }
        let wrong =
            |_| PlaceError::permanent("The settings cannot be used: check bucket, endpoint and encryption.");
        let transport = Transport::new(client);
        let context = OperationContext::new().with_http_transport(HttpTransporter::new(transport.clone()));
        let operator = Operator::new(builder).map_err(wrong)?.with_context(context);
        Ok(Self { transport: Some(transport), ..Self::over(operator) })
    }

    /// What is reached by an operator of the library, with this program's patience on top of it.
    pub fn over(operator: Operator) -> Self {
        // Whoever waits for the place says once, in the end, why it did not work.
        let quietly = |_: RetryEvent<'_>| {};
        let patience = RetryLayer::new()
            .with_min_delay(Duration::from_millis(300))
            .with_max_times(3)
            .with_notify(quietly);
        let operator = operator
            .layer(TimeoutLayer::new().with_timeout(LONGEST_WAIT).with_io_timeout(LONGEST_WAIT))
            .layer(patience);
        Self { operator, transport: None }
    }

    fn trouble(&self, error: &opendal::Error, doing: &str) -> PlaceError {
        if let Some(why) = no_answer_in(error) {
            return why;
        }
        let code = error.message().split_once("code: \"").and_then(|(_, rest)| rest.split('"').next());
        if let Some(why) = code.and_then(of_code) {
            return why;
        }
        match (self.transport.as_ref().and_then(Transport::last_status), error.kind()) {
            (Some(403), _) => PlaceError::permanent(format!(
                "The server refuses {doing} (403): check the access key, its rights, and the bucket's name."
            )),
            (Some(status), _) if status >= 300 => of_status(status, doing),
            (_, ErrorKind::PermissionDenied) => PlaceError::permanent(format!("The server refuses {doing}.")),
            (_, ErrorKind::ConfigInvalid) => {
                PlaceError::permanent("The settings cannot be used: check bucket, endpoint and region.")
            }
            // What the library's layers gave up was worth another try.
            _ if error.is_permanent() => PlaceError::permanent(format!(
                "The server answers in a way that is not understood, while it was asked for {doing}: check the endpoint."
            )),
            _ => PlaceError::temporary(format!("The server did not do {doing}: no whole answer came.")),
        }
    }

    async fn upload(&self, name: &str, file: &Path, headway: &Headway) -> Result<(), PlaceError> {
        let unreadable = |error: std::io::Error| {
            PlaceError::one_file(format!("The archive cannot be read here: {error}."))
        };
        let failed = |error: opendal::Error| self.trouble(&error, "an upload");
        let mut file = tokio::fs::File::open(file).await.map_err(unreadable)?;
        let size = file.metadata().await.map_err(unreadable)?.len();
        let part = PART.max(usize::try_from(size / MOST_PARTS).unwrap_or(PART));
        let mut writer = self.operator.writer_with(name).chunk(part).await.map_err(failed)?;
        let sent = async {
            loop {
                let mut piece = Vec::with_capacity(part);
                let read = (&mut file).take(part as u64).read_to_end(&mut piece).await.map_err(unreadable)?;
                if read == 0 {
                    return writer.close().await.map(drop).map_err(failed);
                }
                tokio::select! {
                    written = writer.write(piece) => written.map_err(failed)?,
                    error = headway.unwanted() => return Err(error),
                }
                headway.step()?;
            }
        };
        let sent = sent.await;
        if sent.is_err() {
            abandon(&mut writer).await;
        }
        sent
    }
}

/// Parts of an upload that is not ended take room, and cost money, for as long as nobody says so.
async fn abandon(writer: &mut Writer) {
    // Where the server is gone there is nothing to be done about it.
    let _ = tokio::time::timeout(Duration::from_secs(10), writer.abort()).await;
}

impl Place for ObjectStore {
    fn can_rename(&self) -> bool {
        false
    }

    fn write<'a>(&'a self, name: &'a str, file: &'a Path, headway: &'a Headway) -> Doing<'a, ()> {
        Box::pin(self.upload(name, file, headway))
    }

    /// Never asked for: see [`Place::can_rename`].
    fn rename<'a>(&'a self, _from: &'a str, _to: &'a str) -> Doing<'a, bool> {
        Box::pin(async { Err(PlaceError::permanent("An object store gives no other names.")) })
    }

    fn size_of<'a>(&'a self, name: &'a str) -> Doing<'a, Option<u64>> {
        Box::pin(async move {
            match self.operator.stat(name).await {
                Ok(found) => Ok(Some(found.content_length())),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(self.trouble(&error, "a look at an object")),
            }
        })
    }

    fn read<'a>(&'a self, name: &'a str) -> Doing<'a, Pieces<'a>> {
        Box::pin(async move {
            let failed = |error: opendal::Error| self.trouble(&error, "a download");
            let reader = self.operator.reader(name).await.map_err(failed)?;
            let pieces = reader.into_stream(..).await.map_err(failed)?;
            let pieces = pieces.map_ok(|piece: Buffer| piece.to_vec()).map_err(failed);
            Ok(Box::pin(pieces) as Pieces<'a>)
        })
    }

    fn delete<'a>(&'a self, name: &'a str) -> Doing<'a, ()> {
        Box::pin(async move {
            match self.operator.delete(name).await {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(self.trouble(&error, "a deletion")),
                _ => Ok(()),
            }
        })
    }
}

/// Where a bucket's requests go.
pub(super) fn endpoint_of(settings: &S3Settings) -> String {
    let amazon = || format!("https://s3.{}.amazonaws.com", settings.region);
    settings.endpoint.clone().unwrap_or_else(amazon)
}

/// What the server's own code says, where a person can do something about it (Amazon S3 API Reference, "Error
/// responses").
fn of_code(code: &str) -> Option<PlaceError> {
    let words = match code {
        "NoSuchBucket" => "There is no such bucket: check its name and the endpoint.",
        "InvalidAccessKeyId" => "The server does not know this access key: check its id.",
        "SignatureDoesNotMatch" => "The secret access key is wrong.",
        "AccessDenied" | "AllAccessDisabled" => {
            "The access key may not do that: it needs the rights to list, read, write and delete objects."
        }
        "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
            "The bucket is in another region, or at another endpoint."
        }
        "RequestTimeTooSkewed" => "The clocks of this machine and of the server differ too much.",
        "KMS.NotFoundException" | "KMS.DisabledException" => "The key for the encryption is not there.",
        "InvalidEncryptionAlgorithmError" => "The server does not encrypt in this way.",
        "EntityTooLarge" => {
            return Some(PlaceError::one_file("The archive is larger than what the server takes."));
        }
        "QuotaExceeded" | "XMinioStorageFull" => {
            return Some(PlaceError::temporary("There is no room left on the server."));
        }
        _ => return None,
    };
    Some(PlaceError::permanent(words))
}
