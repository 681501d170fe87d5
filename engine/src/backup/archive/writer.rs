//! Writes an archive in the order in which it is fed, its entries packed on all cores: memory stays flat whatever the
//! archive's size.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;

use etiqa_model::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::{JoinHandle, spawn_blocking};
use zip::ZipWriter;

use super::manifest::{MANIFEST, Manifest};
use super::pack::{Content, Hashing, Head, PackedEntry, copy, options, pack, shrinks, start};
use super::seal::{Seal, Witness, sealing};
use crate::backup::space::Sparing;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;

/// Entries that may be packed, or wait packed for their turn, per core.
const WAITING_PER_CORE: usize = 4;
/// A larger file is compressed into the archive itself: packed apart it would need room on the disk twice.
const LARGEST_APART: u64 = 64 << 20;
/// Pieces of a streamed entry that may wait: a megabyte or two.
const WAITING_PIECES: usize = 16;
/// An entry whose size nobody knows beforehand may become as large as it likes.
const UNKNOWN_SIZE: u64 = u64::MAX;

/// What is appended next.
enum Step {
    /// An entry that is being packed elsewhere.
    Packed(oneshot::Receiver<Result<PackedEntry>>, OwnedSemaphorePermit),
    /// A file that is written when its turn comes, compressed or as it is.
    Whole(Head, File, bool),
    /// An entry that comes piece by piece.
    Stream(Head, mpsc::Receiver<Vec<u8>>),
    /// The end.
    Manifest(Box<Manifest>),
}

/// The near end of an archive that is being written.
pub(in crate::backup) struct ArchiveWriter {
    steps: mpsc::Sender<Step>,
    thread: JoinHandle<Result<()>>,
    room: Arc<Semaphore>,
    cores: Arc<Semaphore>,
    shared: Arc<Shared>,
}

struct Shared {
    folder: PathBuf,
    modified: zip::DateTime,
    seal: Seal,
}

/// A streamed entry's bytes go in here; it ends when this is dropped.
pub(in crate::backup) struct EntryStream(mpsc::Sender<Vec<u8>>);

impl EntryStream {
    /// More bytes of the entry.
    pub(in crate::backup) async fn bytes(&self, bytes: Vec<u8>) -> Result<()> {
        self.0.send(bytes).await.map_err(|_| broken())
    }
}

impl ArchiveWriter {
    /// Begins an archive in a new file. `modified` is the time that its entries show, as local time. What is sealed for
    /// recipients can be read back by `witness`.
    pub(in crate::backup) fn create(
        file: PathBuf,
        modified: zip::DateTime,
        seal: Seal,
        witness: &Witness,
    ) -> Self {
        let cores = available_parallelism().map_or(1, NonZero::get);
        let folder = file.parent().unwrap_or(Path::new(".")).to_owned();
        let shared = Arc::new(Shared { folder, modified, seal });
        let (steps, receiver) = mpsc::channel(cores * WAITING_PER_CORE + 1);
        let thread = {
            let (shared, witness) = (Arc::clone(&shared), witness.clone());
            spawn_blocking(move || write(&file, &shared, &witness, receiver))
        };
        let room = Arc::new(Semaphore::new(cores * WAITING_PER_CORE));
        Self { steps, thread, room, cores: Arc::new(Semaphore::new(cores)), shared }
    }

    /// Adds an entry that is worth compressing. `explain` turns what reading its content failed with into a sentence.
    pub(in crate::backup) async fn add(
        &self,
        name: impl Into<String>,
        original: Option<String>,
        content: Content,
        explain: impl FnOnce(io::Error) -> Error + Send + 'static,
    ) -> Result<()> {
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| broken())?;
        let (packed, waiting) = oneshot::channel();
        self.step(Step::Packed(waiting, room)).await?;
        let core = Arc::clone(&self.cores).acquire_owned().await.map_err(|_| broken())?;
        let (head, shared) = (Head { name: name.into(), original }, Arc::clone(&self.shared));
        spawn_blocking(move || {
            let options = options(shared.modified, false);
            // Whoever waited for it has given up.
            let _ = packed.send(pack(head, content, options, &shared.seal, &shared.folder).map_err(explain));
            drop(core);
        });
        Ok(())
    }

    /// Adds all of a file: compressed, or as it is where it does not shrink.
    pub(in crate::backup) async fn add_file(
        &self,
        name: impl Into<String>,
        original: Option<String>,
        mut file: File,
        explain: impl FnOnce(io::Error) -> Error + Send + 'static,
    ) -> Result<()> {
        let looked = spawn_blocking(move || {
            let size = file.metadata()?.len();
            shrinks(&mut file).map(|shrinks| (shrinks, size, file))
        });
        match looked.await.map_err(io::Error::other).and_then(|looked| looked) {
            Ok((true, ..=LARGEST_APART, file)) => {
                self.add(name, original, Content::File(file), explain).await
            }
            Ok((shrinks, _, file)) => {
                let head = Head { name: name.into(), original };
                self.step(Step::Whole(head, file, shrinks)).await
            }
            Err(error) => Err(explain(error)),
        }
    }

    /// Begins an entry whose bytes come piece by piece.
    pub(in crate::backup) async fn stream(&self, name: impl Into<String>) -> Result<EntryStream> {
        let (pieces, receiver) = mpsc::channel(WAITING_PIECES);
        self.step(Step::Stream(Head { name: name.into(), original: None }, receiver)).await?;
        Ok(EntryStream(pieces))
    }

    /// Adds the manifest and ends the archive; its bytes are on the disk when this returns.
    pub(in crate::backup) async fn finish(self, manifest: Manifest) -> Result<()> {
        let sent = self.steps.send(Step::Manifest(Box::new(manifest))).await;
        drop(self.steps);
        self.thread.await.map_err(|error| failed(io::Error::other(error)))??;
        sent.map_err(|_| broken())
    }

    /// Ends the thread and says why it could not go on.
    pub(in crate::backup) async fn abandon(self) -> Option<Error> {
        drop(self.steps);
        match self.thread.await {
            Ok(Err(Error::Io { source, .. })) if source.kind() == io::ErrorKind::UnexpectedEof => None,
            Ok(Err(error)) => Some(error),
            _ => None,
        }
    }

    async fn step(&self, step: Step) -> Result<()> {
        self.steps.send(step).await.map_err(|_| broken())
    }
}

/// The time of a zip entry: local, to two seconds, from 1980 on.
pub(crate) fn zip_time(at: Timestamp, zone: chrono_tz::Tz) -> zip::DateTime {
    use chrono::{Datelike, Timelike};
    let local = at.to_utc().with_timezone(&zone);
    let part = |value: u32| u8::try_from(value).unwrap_or(0);
    zip::DateTime::from_date_and_time(
        u16::try_from(local.year()).unwrap_or(1980),
        part(local.month()),
        part(local.day()),
        part(local.hour()),
        part(local.minute()),
        part(local.second()),
    )
    .unwrap_or_default()
}

fn write(path: &Path, shared: &Shared, witness: &Witness, steps: mpsc::Receiver<Step>) -> Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = Sparing::new(options.open(path).map_err(failed)?, &shared.folder);
    let file = BufWriter::with_capacity(1 << 18, file);
    let file = match &shared.seal {
        Seal::Recipients(recipients) => {
            let sealed = sealing(recipients, witness, file).map_err(failed)?;
            let zip = write_zip(ZipWriter::new_stream(sealed), shared, steps)?;
            zip.into_inner().finish().map_err(failed)?
        }
        // See `pack`: only so it is AE-2.
        Seal::Passphrase(_) => write_zip(ZipWriter::new_stream(file), shared, steps)?.into_inner(),
        Seal::None => write_zip(ZipWriter::new(file), shared, steps)?,
    };
    let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
    let file = file.into_inner();
    file.sync_all().map_err(failed)?;
    // What is read back is to come from the disk, not from memory. It is a hint: who ignores it reads the same bytes.
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
    Ok(())
}

/// Takes steps until the manifest has come.
fn write_zip<W: Write + Seek>(
    mut zip: ZipWriter<W>,
    shared: &Shared,
    mut steps: mpsc::Receiver<Step>,
) -> Result<W> {
    let compressed = options(shared.modified, false);
    let stored = options(shared.modified, true);
    let mut entries = Vec::new();
    while let Some(step) = steps.blocking_recv() {
        match step {
            Step::Packed(waiting, _room) => {
                let packed = waiting.blocking_recv().map_err(|_| broken())??;
                entries.push(packed.listed.clone());
                packed.append_to(&mut zip).map_err(failed)?;
                failpoint("run.packing");
            }
            Step::Whole(head, mut file, shrinks) => {
                let size = file.metadata().map_err(failed)?.len();
                let options = if shrinks { compressed } else { stored };
                start(&mut zip, &head.name, options, &shared.seal, size).map_err(failed)?;
                entries.push(copy(&mut file, &mut zip, head).map_err(failed)?);
            }
            Step::Stream(head, mut pieces) => {
                start(&mut zip, &head.name, compressed, &shared.seal, UNKNOWN_SIZE).map_err(failed)?;
                let mut hashing = Hashing::new(head);
                while let Some(piece) = pieces.blocking_recv() {
                    hashing.write(&mut zip, &piece).map_err(failed)?;
                }
                entries.push(hashing.finish());
            }
            Step::Manifest(mut manifest) => {
                manifest.entries = entries;
                let json = serde_json::to_vec_pretty(&*manifest).map_err(|error| failed(error.into()))?;
                start(&mut zip, MANIFEST, compressed, &shared.seal, json.len() as u64).map_err(failed)?;
                zip.write_all(&json).map_err(failed)?;
                return zip.finish().map_err(|error| failed(error.into()));
            }
        }
    }
    // Whoever fed it gave up: nothing here may look like an archive.
    Err(failed(io::ErrorKind::UnexpectedEof.into()))
}

fn failed(error: io::Error) -> Error {
    Error::io("writing an archive")(error)
}

fn broken() -> Error {
    failed(io::ErrorKind::BrokenPipe.into())
}
