//! What a request is about, held against the scope of who asks. The one place that decides it: every server function and every
//! handler names an [`About`] before it answers.
//!
//! What is outside of a scope is answered as what is not there. Lists leave it out by themselves: their use cases take the
//! [`Reach`] of who asks, and their statements the scope in it.

use std::collections::BTreeSet;

use etiqa_model::backup::BackupConfig;
use etiqa_model::scope::Scope;
use etiqa_model::user::Reach;
use etiqa_model::{
    ArtifactId, ArtifactResultId, BackupConfigId, ConfigVersionId, DeviceId, DeviceResultId, ErrorKind,
    MediaId, RunId, UserError,
};

use crate::engine::Engine;
use crate::error::Result;
use crate::store::artifact::{artifact_fetch, artifact_result_fetch_device};
use crate::store::backup_config::backup_config_fetch;
use crate::store::config_version::version_fetch;
use crate::store::device_count::device_count_selected;
use crate::store::media::media_fetch;
use crate::store::result::{result_count_of_run, result_fetch_device};
use crate::store::run::run_fetch;
use crate::store::scope::scope_count;

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About<'a> {
    /// No device, and nothing that belongs to some: one's own account, the text of a driver.
    Nothing,
    /// Those devices that the asker sees: what answers takes their [`Reach`] and leaves out the others.
    Seen,
    /// All devices, or what belongs to all of them: archives, schedules, the queue, whatever admins do. Only who has no scope
    /// may ask.
    Everything,
    /// A device.
    Device(DeviceId),
    /// Each of these devices.
    Devices(&'a [DeviceId]),
    /// A config version.
    Version(ConfigVersionId),
    /// What a collection came to.
    Result(DeviceResultId),
    /// A vendor's backup.
    Artifact(ArtifactId),
    /// What an attempt to fetch one came to.
    ArtifactResult(ArtifactResultId),
    /// An attached file.
    Media(MediaId),
    /// A backup config, to be looked at: it covers a device in the scope.
    Backup(BackupConfigId),
    /// A backup config, to be acted on: it covers no device outside of the scope.
    WholeBackup(BackupConfigId),
    /// A run, to be looked at: its backup covers a device in the scope, or it has a result of one.
    Run(RunId),
    /// A run, to be acted on: its backup covers no device outside of the scope.
    WholeRun(RunId),
}

impl About<'_> {
    /// Refuses what somebody of this reach may not ask about. Costs nothing where they have no scope.
    pub async fn admit(self, engine: &Engine, reach: &Reach) -> Result<()> {
        if reach.is_whole() {
            return Ok(());
        }
        match self {
            Self::Nothing | Self::Seen => Ok(()),
            Self::Everything => {
                let words = reach.scope().words();
                let message = format!("This concerns all devices, and your scope is {words}. Ask an admin.");
                Err(UserError::new(ErrorKind::Forbidden, message).into())
            }
            Self::Devices(ids) => refuse_others(engine, reach, ids).await,
            Self::Backup(id) => {
                let config = backup_config_fetch(&engine.db, id).await?;
                self.found(covers(engine, reach, config.as_ref()).await?.within > 0)
            }
            Self::WholeBackup(id) => {
                let config = backup_config_fetch(&engine.db, id).await?;
                self.whole(covers(engine, reach, config.as_ref()).await?)
            }
            Self::Run(id) => {
                let is_theirs = covers_of_run(engine, reach, id).await?.within > 0
                    || result_count_of_run(&engine.db, reach.scope(), id).await?.0 > 0;
                self.found(is_theirs)
            }
            Self::WholeRun(id) => self.whole(covers_of_run(engine, reach, id).await?),
            _ => {
                let is_theirs = match self.device(engine).await? {
                    Some(device) => scope_count(&engine.db, reach.scope(), &[device]).await? > 0,
                    None => false,
                };
                self.found(is_theirs)
            }
        }
    }

    /// Whose it is, where it is of one device and there.
    async fn device(self, engine: &Engine) -> Result<Option<DeviceId>> {
        let db = &engine.db;
        Ok(match self {
            Self::Device(id) => Some(id),
            Self::Version(id) => version_fetch(db, id).await?.map(|version| version.device_id),
            Self::Result(id) => result_fetch_device(db, id).await?,
            Self::Artifact(id) => artifact_fetch(db, id).await?.map(|artifact| artifact.device_id),
            Self::ArtifactResult(id) => artifact_result_fetch_device(db, id).await?,
            Self::Media(id) => media_fetch(db, id).await?.map(|media| media.device_id),
            Self::Nothing
            | Self::Seen
            | Self::Everything
            | Self::Devices(_)
            | Self::Backup(_)
            | Self::WholeBackup(_)
            | Self::Run(_)
            | Self::WholeRun(_) => None,
        })
    }

    fn found(self, is_there: bool) -> Result<()> {
        if is_there { Ok(()) } else { Err(UserError::not_found(self.words()).into()) }
    }

    fn whole(self, covered: Covered) -> Result<()> {
        self.found(covered.within > 0)?;
        if covered.within < covered.all {
            let message =
                "This backup covers devices outside of your scope. Ask somebody who sees all of them.";
            return Err(UserError::new(ErrorKind::Forbidden, message).into());
        }
        Ok(())
    }

    /// What it is called where it is not there.
    fn words(self) -> String {
        match self {
            Self::Device(id) => format!("device {id}"),
            Self::Version(id) => format!("config version {id}"),
            Self::Result(id) => format!("session kept for result {id}"),
            Self::Artifact(id) => format!("vendor backup {id}"),
            Self::ArtifactResult(id) => format!("session of attempt {id}"),
            Self::Media(_) => "attached file of this number".to_owned(),
            Self::Backup(id) | Self::WholeBackup(id) => format!("backup config {id}"),
            Self::Run(id) | Self::WholeRun(id) => format!("run {id}"),
            Self::Nothing | Self::Seen | Self::Everything | Self::Devices(_) => "such thing".to_owned(),
        }
    }
}

/// Enabled devices of a backup.
#[derive(Debug, Clone, Copy, Default)]
struct Covered {
    all: u64,
    /// Those in the scope.
    within: u64,
}

async fn covers(engine: &Engine, reach: &Reach, config: Option<&BackupConfig>) -> Result<Covered> {
    let Some(config) = config else { return Ok(Covered::default()) };
    let selectors = [&config.devices];
    let all = device_count_selected(&engine.db, &Scope::default(), &selectors).await?;
    let within = device_count_selected(&engine.db, reach.scope(), &selectors).await?;
    Ok(Covered { all: all.into_iter().sum(), within: within.into_iter().sum() })
}

async fn covers_of_run(engine: &Engine, reach: &Reach, id: RunId) -> Result<Covered> {
    let config = run_fetch(&engine.db, id).await?.and_then(|run| run.backup_config_id);
    match config {
        Some(config) => covers(engine, reach, backup_config_fetch(&engine.db, config).await?.as_ref()).await,
        None => Ok(Covered::default()),
    }
}

/// What is done to many devices is done to all of them or to none.
async fn refuse_others(engine: &Engine, reach: &Reach, ids: &[DeviceId]) -> Result<()> {
    let ids: Vec<DeviceId> = ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    if scope_count(&engine.db, reach.scope(), &ids).await? == ids.len() as u64 {
        return Ok(());
    }
    let message = "Some of these devices are not there, or not in your scope. Nothing was done.";
    Err(UserError::new(ErrorKind::NotFound, message).into())
}
