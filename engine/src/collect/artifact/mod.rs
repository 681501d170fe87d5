//! Vendors' own backups: made by the device, fetched whole, and taken away from the device again on every path.
//!
//! These are conversations, not single commands, so each vendor's is code: a [`Flow`] over HTTPS, or (Gaia) an errand
//! over SSH. A file is handed out only when it came to its end and is what it should be ([`whole`]).

mod f5;
mod fortios;
#[cfg(any(test, feature = "fuzzing"))]
pub(in crate::collect) mod fuzzing;
mod gaia;
mod incoming;
mod infoblox;
mod panos;
mod talk;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use etiqa_model::artifact::ArtifactKind;
use etiqa_model::class::Class;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::driver::Driver;
use super::evidence::Evidence;
use super::failure::{Failure, Step};
use super::outcome::{HopKeySeen, HostKeySeen};
use super::runner::finished;
use super::target::{Limits, Login, Target};
use super::transport::tls::Trust;
pub use incoming::{INCOMING_PREFIX, Incoming, Received};
use talk::Talk;
use whole::Form;

/// How long a device may take to be rid of what it made, once the rest is over.
pub const CLEAN_UP: Duration = Duration::from_mins(1);

/// What is asked for, and of whom.
pub struct Order<'a> {
    /// How the platform makes it.
    pub kind: ArtifactKind,
    /// The device and the way to it; its endpoint is that of SSH.
    pub target: &'a Target,
    /// The port of its HTTPS.
    pub https_port: u16,
    /// The SHA-256 (hexadecimal) of the certificate that a person pinned.
    pub pinned: Option<String>,
    /// The authorities that are trusted.
    pub trust: Arc<Trust>,
    /// The platform's driver: its shell, its secrets.
    pub driver: &'a Driver,
    /// Tried in order.
    pub logins: &'a [Login],
    /// Their deadline is that of the whole errand.
    pub limits: &'a Limits,
    /// Names what is made on the device, so that a later errand of this instance finds what an earlier one left there.
    /// Letters, digits and hyphens.
    pub instance: &'a str,
}

/// A whole file, with what a person needs to know of it.
pub struct Made {
    /// Where it lies for now.
    pub file: Received,
    /// The usual end of its name, without a dot.
    pub extension: &'static str,
    /// Whether the device encrypted it with the credential's passphrase.
    pub is_encrypted: bool,
}

/// How it ended.
pub struct ArtifactOutcome {
    /// [`Class::Ok`] exactly where there is a file.
    pub class: Class,
    /// One sentence.
    pub message: String,
    /// The file.
    pub made: Option<Made>,
    /// The SHA-256 (hexadecimal) of a certificate that was not trusted.
    pub refused_certificate: Option<String>,
    /// The host key that the device offered, where it was asked over SSH.
    pub host_key: Option<HostKeySeen>,
    /// The keys that jump hosts offered.
    pub hop_keys: Vec<HopKeySeen>,
    /// What was said, with secrets masked; on failure only.
    pub transcript: Option<String>,
}

/// A vendor's way to make a backup over HTTPS and hand it out.
trait Flow {
    /// Has the backup made and brings it into `file`.
    fn make(
        &mut self,
        talk: &mut Talk<'_>,
        file: &mut Incoming,
    ) -> impl Future<Output = Step<Brought>> + Send;

    /// Takes away what [`Flow::make`] has left on the device so far, wherever it was cut off. The error is a sentence
    /// for a person who now has to do it.
    fn clean_up(&mut self, talk: &mut Talk<'_>) -> impl Future<Output = Result<(), String>> + Send;
}

/// What was brought.
struct Brought {
    form: Form,
    extension: &'static str,
}

/// Fetches a vendor's backup into `file`. Ends soon after `limits.deadline` and soon after `cancel`; what was made on
/// the device is taken away in any case. Never fails: how it ended is in the outcome.
pub async fn fetch_artifact(
    order: &Order<'_>,
    file: Incoming,
    cancel: &CancellationToken,
) -> ArtifactOutcome {
    let mut evidence = Evidence::default();
    let (result, refused_certificate) = match order.kind {
        ArtifactKind::GaiaBackup => (Box::pin(gaia::fetch(order, file, cancel, &mut evidence)).await, None),
        _ => Box::pin(over_https(order, file, cancel, &mut evidence)).await,
    };
    let (made, leftover, result) = match result {
        Ok((made, leftover)) => (Some(made), leftover, Ok(())),
        Err(failure) => (None, None, Err(failure)),
    };
    let outcome = finished(result, evidence, order.driver, order.logins);
    let message = match &made {
        Some(made) => {
            let size = made.file.size_bytes;
            let whole = format!("A whole {} of {size} bytes was taken.", order.kind.label());
            leftover.map_or_else(|| whole.clone(), |leftover| format!("{whole} {leftover}"))
        }
        None => outcome.message,
    };
    ArtifactOutcome {
        class: outcome.class,
        message,
        made,
        refused_certificate,
        host_key: outcome.host_key,
        hop_keys: outcome.hop_keys,
        transcript: outcome.transcript,
    }
}

/// A file, and what is left on the device in words, if anything is.
type Fetched = (Made, Option<String>);

async fn over_https(
    order: &Order<'_>,
    mut file: Incoming,
    cancel: &CancellationToken,
    evidence: &mut Evidence,
) -> (Step<Fetched>, Option<String>) {
    let deadline = Instant::now() + order.limits.deadline;
    evidence.hush.add_logins(order.logins);
    let mut refused_certificate = None;
    let mut refused =
        Failure::new(Class::AuthFailed, "No credential is set for this device; add one or name one.");
    for login in order.logins {
        // What came for a login that was refused in the middle is no part of what comes for the next one.
        if let Err(failure) = file.begin_again().await {
            return (Err(failure), refused_certificate);
        }
        let mut talk = Talk::new(order, login, evidence);
        let ended = match order.kind {
            ArtifactKind::F5Ucs => {
                bring(f5::F5Ucs::new(order.instance), &mut talk, &mut file, deadline, cancel).await
            }
            ArtifactKind::InfobloxGrid => {
                bring(infoblox::GridBackup::default(), &mut talk, &mut file, deadline, cancel).await
            }
            ArtifactKind::FortiosConfig => {
                bring(fortios::ConfigFile::default(), &mut talk, &mut file, deadline, cancel).await
            }
            ArtifactKind::PanosState => {
                bring(panos::Export::default(), &mut talk, &mut file, deadline, cancel).await
            }
            ArtifactKind::GaiaBackup => {
                Err(Failure::new(Class::Unsupported, "A Gaia backup is not fetched over HTTPS."))
            }
        };
        refused_certificate = talk.refused_certificate().or(refused_certificate);
        match ended {
            Err(failure) if failure.class == Class::AuthFailed => refused = failure,
            Err(failure) => return (Err(failure), refused_certificate),
            Ok((brought, leftover)) => {
                let made = kept(file, &brought, login, deadline, cancel, evidence).await;
                return (made.map(|made| (made, leftover)), refused_certificate);
            }
        }
    }
    if order.logins.len() > 1 {
        let names: Vec<&str> = order.logins.iter().map(|login| login.name.as_str()).collect();
        refused.message = format!("The device refused every credential: {}.", names.join(", "));
    }
    (Err(refused), refused_certificate)
}

/// Runs a flow to its end, whatever that is, and has it clean up.
async fn bring<F: Flow>(
    mut flow: F,
    talk: &mut Talk<'_>,
    file: &mut Incoming,
    deadline: Instant,
    cancel: &CancellationToken,
) -> Step<(Brought, Option<String>)> {
    // On the heap: whole conversations would make every future above them as large.
    let made = in_time(Box::pin(flow.make(talk, file)), deadline, cancel).await;
    let made = made.unwrap_or_else(|over| Err(over.while_doing(&talk.evidence.doing)));
    talk.start_anew();
    talk.evidence.doing("cleaning up on the device");
    let cleaned = match timeout(CLEAN_UP, Box::pin(flow.clean_up(talk))).await {
        Ok(cleaned) => cleaned,
        Err(_) => Err("The device did not say whether its own copy is gone; look there.".to_owned()),
    };
    match (made, cleaned) {
        (Ok(brought), cleaned) => Ok((brought, cleaned.err())),
        (Err(failure), Ok(())) => Err(failure),
        (Err(failure), Err(leftover)) => {
            Err(Failure::new(failure.class, format!("{} {leftover}", failure.message)))
        }
    }
}

/// Why something was not waited for any longer.
enum Over {
    Deadline,
    Cancelled,
}

impl Over {
    fn while_doing(self, what: &str) -> Failure {
        match self {
            Self::Deadline => Failure::new(Class::Timeout, format!("The deadline passed while {what}.")),
            Self::Cancelled => {
                Failure::new(Class::Cancelled, format!("The collection was stopped while {what}."))
            }
        }
    }
}

async fn in_time<T>(
    work: impl Future<Output = T>,
    deadline: Instant,
    cancel: &CancellationToken,
) -> Result<T, Over> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Over::Cancelled),
        done = timeout_at(deadline, work) => done.map_err(|_| Over::Deadline),
    }
}

/// The file, once it is on the disk and was read back to its end.
async fn kept(
    file: Incoming,
    brought: &Brought,
    login: &Login,
    deadline: Instant,
    cancel: &CancellationToken,
    evidence: &mut Evidence,
) -> Step<Made> {
    const DOING: &str = "checking the file that came";
    evidence.doing(DOING);
    let file = file.finish().await?;
    // A file may be packed so well that reading it takes for ever.
    let checked = in_time(whole::check(&file.path, brought.form), deadline, cancel).await;
    checked.unwrap_or_else(|over| Err(over.while_doing(DOING)))?;
    let is_encrypted = brought.form == Form::Encrypted && login.backup_passphrase.is_some();
    Ok(Made { file, extension: brought.extension, is_encrypted })
}
