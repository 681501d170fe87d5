//! The folder in which all machines of a database keep archives, vendors' backups and attached files, where one is named
//! with `--shared-dir`.
//!
//! It is known by a name of its own, in the file `instance`, which the database keeps as well: a mount point without its
//! share, or another database's folder, is refused before anything is written there.

use std::path::Path;

use etiqa_model::UserError;

use crate::data_dir::DataDir;
use crate::db::Db;
use crate::engine::Role;
use crate::error::Result;
use crate::store::setting::{shared_dir_fetch, shared_dir_save};

/// How a process was told of the folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SharedDir {
    /// Not at all.
    #[default]
    None,
    /// The one that the database knows.
    Known(std::path::PathBuf),
    /// One that is to be used from now on.
    Adopted(std::path::PathBuf),
}

/// Has a data directory keep its files in the shared folder, once that is the one that the database's machines use. Only a
/// server takes one into use.
pub(crate) async fn join(dir: &mut DataDir, db: &Db, told: &SharedDir, role: Role) -> Result<()> {
    let known = shared_dir_fetch(db).await?;
    let (folder, is_adopted) = match told {
        SharedDir::None if known.is_none() => return Ok(()),
        // A worker without it collects texts.
        SharedDir::None if role == Role::Worker => return Ok(()),
        SharedDir::None => {
            let message = "The archives of this database are in a folder that its machines share: name it with --shared-dir.";
            return Err(UserError::invalid(message).into());
        }
        SharedDir::Known(folder) => (folder, false),
        SharedDir::Adopted(folder) => (folder, true),
    };
    let folder = dir.find_shared(folder)?;
    let marked = folder.mark();
    let is_known = marked.is_some() && marked == known.as_deref();
    let mark = match marked {
        Some(mark) if is_known => mark.to_owned(),
        None if role != Role::Server && known.is_none() => return Err(unused(folder.path()).into()),
        _ if role != Role::Server => return Err(unknown(folder.path(), known.is_some()).into()),
        Some(mark) if is_adopted => mark.to_owned(),
        // Of two servers that take it into use at once, the second finds the mark of the first.
        Some(mark) if known.is_none() && shared_dir_fetch(db).await?.as_deref() == Some(mark) => {
            mark.to_owned()
        }
        Some(_) => return Err(unknown(folder.path(), known.is_some()).into()),
        None if is_adopted || known.is_none() => folder.make_mark()?,
        None => return Err(unknown(folder.path(), true).into()),
    };
    dir.share(&folder, &mark)?;
    if known.as_ref() != Some(&mark) {
        shared_dir_save(db, &mark).await?;
    }
    Ok(())
}

fn unused(folder: &Path) -> UserError {
    let folder = folder.display();
    UserError::conflict(format!(
        "No server has taken the folder {folder} into use yet: start `etiqa serve` with it first, or leave out --shared-dir \
         (ETIQA_SHARED_DIR) until then."
    ))
}

fn unknown(folder: &Path, is_other_known: bool) -> UserError {
    let folder = folder.display();
    UserError::conflict(if is_other_known {
        format!(
            "The folder {folder} is not the one that the machines of this database share. Is its share mounted? To have \
             archives in this one from now on, start `etiqa serve` once with --adopt-shared-dir."
        )
    } else {
        format!(
            "The machines of this database share no folder yet, and {folder} may be another database's. To use it, start \
             `etiqa serve` once with --adopt-shared-dir."
        )
    })
}
