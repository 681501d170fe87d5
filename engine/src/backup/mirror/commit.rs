//! One commit: texts, folders and the listing as objects of the repository, and the branch moved onto them last.
//!
//! Objects gather in memory. A few become files of their own at the end, as Git does it with what it receives; many become
//! packs, one for every few megabytes of text, so that the first commit of ten thousand texts is some dozens of files.

use git2::{Mempack, ObjectType, Odb, Oid, Repository, Signature, Time, Tree, TreeBuilder};
use tokio::sync::mpsc;

use super::CommitId;
use super::listing::{Entry, FILE};
use super::message::{About, Change, ChangeKind, message};
use super::plan::{Plan, Planned};
use super::repository::{Mirror, Tip, open_repository};
use super::words::plain;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::history::diff;

/// Who commits. A name that no mail can reach: nobody is to be taken for the author.
const AUTHOR: (&str, &str) = ("Etiqa Auto Backup", "etiqa@localhost");

/// Fewer objects than these are written one by one (Git's `transfer.unpackLimit`).
const FEW: usize = 100;
/// Bytes of texts that wait in memory for their pack.
const PACK_BYTES: usize = 16 * 1024 * 1024;
/// Before every other place where objects are.
const FIRST: i32 = 1_000;

const IS_FILE: i32 = 0o100_644;
const IS_FOLDER: i32 = 0o040_000;

/// Makes the commit that `plan` says, with its texts in the plan's order, and moves the branch. None: `texts` ended early.
pub(super) fn commit(
    mirror: &Mirror,
    tip: Option<&Tip>,
    plan: &Plan,
    about: &About,
    texts: mpsc::Receiver<String>,
) -> Result<Option<CommitId>> {
    let listing = plan.listing().to_bytes();
    let listing = listing.map_err(|error| Error::io("writing the list of a mirror")(error.into()))?;
    let written = write(mirror, tip, plan, about, &listing, texts);
    let Some(id) = written.map_err(|error| mirror.explained(&error))? else { return Ok(None) };
    failpoint("mirror.written");
    mirror.advance(tip.map(|tip| tip.id), id).map_err(|error| mirror.explained(&error))?;
    Ok(Some(id.into()))
}

/// Writes every object of the commit to the disk.
fn write(
    mirror: &Mirror,
    tip: Option<&Tip>,
    plan: &Plan,
    about: &About,
    listing: &[u8],
    mut texts: mpsc::Receiver<String>,
) -> Result<Option<Oid>, git2::Error> {
    let repo = &mirror.repo;
    let odb = repo.odb()?;
    let mut objects = Objects {
        repo,
        odb: &odb,
        memory: odb.add_new_mempack_backend(FIRST)?,
        new: Vec::new(),
        bytes: 0,
        packs: 0,
    };
    let parent = tip.map(|tip| repo.find_commit(tip.id)).transpose()?;
    let last = parent.as_ref().map(git2::Commit::tree).transpose()?;
    let mut root = repo.treebuilder(None)?;
    let mut changes: Vec<Change> = plan.removed.iter().map(removed).collect();
    for planned in &plan.devices {
        let old = match (&planned.was, &last) {
            (Some(was), Some(last)) => Some(folder(repo, last, was)?),
            _ => None,
        };
        let mut details = moved(planned);
        let tree = match old {
            Some(old) if planned.was.as_ref().is_some_and(|was| was.parts == planned.entry.parts) => old.id(),
            old => {
                let Some(tree) = device(&mut objects, planned, old.as_ref(), &mut texts, &mut details)?
                else {
                    return Ok(None);
                };
                tree
            }
        };
        root.insert(&planned.entry.folder, tree, IS_FOLDER)?;
        if planned.was.as_ref() != Some(&planned.entry) {
            let kind = if planned.was.is_some() { ChangeKind::Changed } else { ChangeKind::New };
            changes.push(Change { hostname: planned.entry.hostname.clone(), kind, details });
        }
    }
    changes.sort_by(|a, b| a.hostname.cmp(&b.hostname));
    root.insert(FILE, objects.blob(FILE.to_owned(), listing)?, IS_FILE)?;
    let tree = repo.find_tree(objects.tree(&root)?)?;
    // The clock may have been put back; Git's own walks count on times that do not run backwards.
    let seconds = about.at.millis().div_euclid(1_000);
    let seconds = parent.as_ref().map_or(seconds, |parent| seconds.max(parent.time().seconds()));
    let author = Signature::new(AUTHOR.0, AUTHOR.1, &Time::new(seconds, 0))?;
    let message = message(about, parent.is_none(), &changes);
    let parents: Vec<_> = parent.iter().collect();
    let id = repo.commit(None, &author, &author, &message, &tree, &parents)?;
    objects.new.push((id, None));
    objects.finish()?;
    Ok(Some(id))
}

/// The folder of a device whose parts changed; what changed is put to `details`. None: there are no more texts.
fn device(
    objects: &mut Objects<'_>,
    planned: &Planned,
    old: Option<&Tree<'_>>,
    texts: &mut mpsc::Receiver<String>,
    details: &mut Vec<String>,
) -> Result<Option<Oid>, git2::Error> {
    let mut builder = objects.repo.treebuilder(old)?;
    for gone in planned.was.iter().flat_map(|was| &was.parts) {
        if !planned.entry.parts.iter().any(|part| part.file == gone.file) {
            builder.remove(&gone.file)?;
            details.push(format!("{} is gone", gone.part));
        }
    }
    for fresh in &planned.fresh {
        let Some(text) = texts.blocking_recv() else { return Ok(None) };
        let part = &planned.entry.parts[fresh.part];
        let before = old.and_then(|old| old.get_name(&part.file)).map(|entry| entry.id());
        let id = objects.blob(format!("{}/{}", planned.entry.folder, part.file), text.as_bytes())?;
        let (name, version) = (plain(&part.part, 40), part.version);
        details.push(match before {
            None => format!("{name} v{version}"),
            Some(before) if before == id && part.masked_by.is_some() => {
                format!("{name} v{version} (only what is masked)")
            }
            Some(before) if before == id => format!("{name} v{version} (the same text)"),
            Some(before) => {
                let before = objects.repo.find_blob(before)?;
                let (added, removed) = diff::count(&String::from_utf8_lossy(before.content()), &text);
                format!("{name} v{version} (+{added} −{removed})")
            }
        });
        builder.insert(&part.file, id, IS_FILE)?;
    }
    objects.tree(&builder).map(Some)
}

/// A device's folder in the last commit.
fn folder<'repo>(repo: &'repo Repository, root: &Tree<'_>, was: &Entry) -> Result<Tree<'repo>, git2::Error> {
    let missing = || git2::Error::from_str(&format!("the folder {} is not in its last commit", was.folder));
    repo.find_tree(root.get_name(&was.folder).ok_or_else(missing)?.id())
}

fn removed(entry: &Entry) -> Change {
    Change { hostname: entry.hostname.clone(), kind: ChangeKind::Removed, details: Vec::new() }
}

/// What changed of a device besides its texts.
fn moved(planned: &Planned) -> Vec<String> {
    let Some(was) = &planned.was else { return Vec::new() };
    let entry = &planned.entry;
    let mut details = Vec::new();
    if was.hostname != entry.hostname {
        details.push(format!("was {}", plain(&was.hostname, 60)));
    }
    for (what, is_other) in [
        ("address", was.address != entry.address),
        ("site", was.site != entry.site),
        ("type", was.kind != entry.kind),
        ("platform", was.platform != entry.platform),
    ] {
        details.extend(is_other.then(|| format!("another {what}")));
    }
    details
}

/// The objects of a commit that are not on the disk yet.
struct Objects<'repo> {
    repo: &'repo Repository,
    odb: &'repo Odb<'repo>,
    memory: Mempack<'repo>,
    /// With the paths of texts, by which a pack finds those that are alike.
    new: Vec<(Oid, Option<String>)>,
    bytes: usize,
    packs: usize,
}

impl Objects<'_> {
    fn blob(&mut self, path: String, content: &[u8]) -> Result<Oid, git2::Error> {
        if self.bytes + content.len() > PACK_BYTES {
            self.pack()?;
        }
        let id = self.odb.write(ObjectType::Blob, content)?;
        self.bytes += content.len();
        self.new.push((id, Some(path)));
        Ok(id)
    }

    fn tree(&mut self, builder: &TreeBuilder<'_>) -> Result<Oid, git2::Error> {
        let id = builder.write()?;
        self.new.push((id, None));
        Ok(id)
    }

    /// Writes what is in memory as a pack, and forgets it.
    fn pack(&mut self) -> Result<(), git2::Error> {
        if self.new.is_empty() {
            return Ok(());
        }
        let mut builder = self.repo.packbuilder()?;
        // As many as there are cores.
        builder.set_threads(0);
        for (id, path) in self.new.drain(..) {
            builder.insert_object(id, path.as_deref())?;
        }
        builder.write(&self.repo.path().join("objects/pack"), 0)?;
        self.memory.reset()?;
        self.bytes = 0;
        self.packs += 1;
        Ok(())
    }

    /// Puts everything on the disk.
    fn finish(mut self) -> Result<(), git2::Error> {
        if self.packs > 0 || self.new.len() >= FEW {
            return self.pack();
        }
        // Objects first that others refer to. This handle would write into its memory again.
        let disk = open_repository(self.repo.path())?;
        let disk = disk.odb()?;
        for (id, _) in self.new.drain(..) {
            let object = self.odb.read(id)?;
            disk.write(object.kind(), object.data())?;
        }
        Ok(())
    }
}
