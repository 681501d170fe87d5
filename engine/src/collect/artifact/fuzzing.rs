//! Conversations with an appliance that answers what it likes, without a network.

use std::slice;
use std::sync::LazyLock;

use etiqa_model::artifact::ArtifactKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::talk::Talk;
use super::{Incoming, bring, f5, fortios, infoblox, panos};
use crate::collect::driver::{Driver, DriverSet};
use crate::collect::evidence::Evidence;
use crate::collect::outcome::Outcome;
use crate::collect::runner::finished;
use crate::collect::target::{Limits, Login};
use crate::collect::transport::https::Https;

/// Whose regexes mask what is kept of the conversation.
static DRIVER: LazyLock<Option<std::sync::Arc<Driver>>> =
    LazyLock::new(|| DriverSet::built_in().get("bigip"));

/// Bytes that a file may have.
pub(in crate::collect) const LARGEST: u64 = 64 << 10;

/// How the conversation ended that brings the backup of a platform, where the device gives these answers, one for each
/// request, and then hangs up. None where it needs more than HTTP, or this machine has no room.
pub(in crate::collect) async fn played(
    kind: ArtifactKind,
    answers: Vec<Vec<u8>>,
    login: &Login,
    limits: &Limits,
) -> Option<Outcome> {
    let driver = DRIVER.as_ref()?;
    let folder = tempfile::tempdir().ok()?;
    let mut file = Incoming::create(folder.path(), LARGEST).await.ok()?;
    let (ours, theirs) = duplex(64 << 10);
    let device = tokio::spawn(answer(theirs, answers));
    let https = Https::over(ours, limits).await?;
    let mut evidence = Evidence::default();
    evidence.hush.add_logins([login]);
    let mut talk = Talk::over(https, login, limits, &mut evidence);
    let (deadline, cancel) = (Instant::now() + limits.deadline, CancellationToken::new());
    let ended = match kind {
        ArtifactKind::F5Ucs => bring(f5::F5Ucs::new("fuzz"), &mut talk, &mut file, deadline, &cancel).await,
        ArtifactKind::InfobloxGrid => {
            bring(infoblox::GridBackup::default(), &mut talk, &mut file, deadline, &cancel).await
        }
        ArtifactKind::FortiosConfig => {
            bring(fortios::ConfigFile::default(), &mut talk, &mut file, deadline, &cancel).await
        }
        ArtifactKind::PanosState => {
            bring(panos::Export::default(), &mut talk, &mut file, deadline, &cancel).await
        }
        ArtifactKind::GaiaBackup => return None,
    };
    drop(talk);
    device.abort();
    assert!(ended.is_err() || file.size() <= LARGEST, "a file that is too large");
    Some(finished(ended.map(|_| ()), evidence, driver, slice::from_ref(login)))
}

/// Each answer behind the head of a request.
async fn answer(mut line: DuplexStream, answers: Vec<Vec<u8>>) {
    let mut heard: Vec<u8> = Vec::new();
    for answer in answers {
        let end = loop {
            if let Some(at) = heard.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            let mut piece = [0; 4096];
            match line.read(&mut piece).await {
                Ok(length) if length > 0 => heard.extend_from_slice(&piece[..length]),
                _ => return,
            }
        };
        heard.drain(..end);
        if line.write_all(&answer).await.is_err() {
            return;
        }
    }
}
