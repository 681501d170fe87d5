//! Moves a restored instance into the place of the one that it was restored beside, before anybody opens the database.
//!
//! Until `.moving-in` stands nothing was replaced, and what is in the way of it leaves the instance as it is. From then on
//! there is only the way forward: each step is done again without harm, so a start after a kill or a power cut anywhere
//! goes on to the end.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use etiqa_model::UserError;

use crate::data_dir::RESTORING;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::files::{rename_without_replacing, sync_folder};
use crate::store::restore::is_untouched;

/// Where the archive is restored, beside what it takes the place of.
pub(super) const RESTORED: &str = ".restored";
/// Where an uploaded archive grows.
pub(super) const UPLOAD: &str = ".restore-upload";
/// The note that what was restored, to its end, is to take over at the next start.
const TAKING_OVER: &str = ".taking-over";
/// What the note is called once something of the instance may have been replaced.
const MOVING_IN: &str = ".moving-in";

const DATABASE: &str = "etiqa.db";
const LOG: &str = "etiqa.db-wal";
/// What replaces what is there, the database last: once it is there, all the rest is.
const FILES: [&str; 3] = ["secret.key", "instance", DATABASE];
/// What is put to what is there.
const FOLDERS: [&str; 5] = ["backups", "artifacts", "media", "logs", "drivers"];

/// How often it is looked whether others have let go of the database.
const LOOKS: u32 = 50;
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Whether a data directory waits for [`take_over`].
pub(crate) fn is_waiting(root: &Path) -> bool {
    [TAKING_OVER, MOVING_IN].iter().any(|note| root.join(note).exists())
}

/// Notes that what was restored takes over at the next start. Blocks.
pub(super) fn note(root: &Path) -> io::Result<()> {
    File::create(root.join(TAKING_OVER))?.sync_all()?;
    sync_folder(root)
}

/// Takes the note back, then what was restored away: the instance stays as it is. Blocks.
pub(super) fn give_up(root: &Path) -> io::Result<()> {
    remove_file(&root.join(TAKING_OVER))?;
    sync_folder(root)?;
    remove_dir(&root.join(RESTORED))
}

/// Removes what an upload or a restore left that was cut off; for the server, before it takes any. Blocks.
pub(crate) fn remove_leftovers(root: &Path) -> io::Result<()> {
    remove_file(&root.join(UPLOAD))?;
    remove_dir(&root.join(RESTORED))
}

/// Moves what was restored into place, in a directory that waits for it. Gives why it was not: then the instance is as it
/// was, and waits no more. For the server alone, who has the lock and has not opened the database yet.
pub(crate) async fn take_over(root: &Path) -> Result<Option<UserError>> {
    if !root.join(MOVING_IN).exists() {
        if let Some(refusal) = refusal(root).await? {
            tracing::warn!(problem = %refusal.message, "what was restored does not take over");
            give_up(root).map_err(Error::io("removing what was restored"))?;
            return Ok(Some(refusal));
        }
        begin(root).map_err(Error::io("beginning to put what was restored into place"))?;
    }
    move_in(root).map_err(Error::io("putting what was restored into place"))?;
    tracing::info!("the restored instance has taken over");
    Ok(None)
}

/// Why what was restored must not take the place of what is there.
async fn refusal(root: &Path) -> Result<Option<UserError>> {
    let restored = root.join(RESTORED);
    if restored.join(RESTORING).exists() || !restored.join(DATABASE).exists() {
        let message = "The restore into this instance did not come to its end, and nothing was replaced: restore again.";
        return Ok(Some(UserError::conflict(message)));
    }
    for _ in 0..LOOKS {
        if !is_untouched_file(&root.join(DATABASE)).await? {
            let message = "Somebody has worked with this instance since the archive was restored, so nothing was replaced: \
                           restore into a new one, with `etiqa restore`.";
            return Ok(Some(UserError::conflict(message)));
        }
        // It goes when the last one closes the database. Somebody who has it open would write into what is replaced.
        if !root.join(LOG).exists() {
            return Ok(None);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let message = "Another program has the database of this instance open, so nothing was replaced: end it, then restore \
                   again.";
    Ok(Some(UserError::conflict(message)))
}

async fn is_untouched_file(database: &Path) -> Result<bool> {
    let db = Db::open_sqlite(database).await?;
    let untouched = is_untouched(&db).await;
    db.close().await;
    Ok(untouched?)
}

/// After this there is no way back.
fn begin(root: &Path) -> io::Result<()> {
    fs::rename(root.join(TAKING_OVER), root.join(MOVING_IN))?;
    sync_folder(root)
}

fn move_in(root: &Path) -> io::Result<()> {
    let restored = root.join(RESTORED);
    for folder in FOLDERS {
        merge(&restored.join(folder), &root.join(folder))?;
    }
    if restored.join(DATABASE).exists() {
        // A log that belongs to the database before would be taken for this one's.
        for log in [LOG, "etiqa.db-shm"] {
            remove_file(&root.join(log))?;
        }
        sync_folder(root)?;
    }
    for file in FILES {
        let from = restored.join(file);
        if from.exists() {
            fs::rename(&from, root.join(file))?;
            failpoint("takeover.moved");
        }
    }
    sync_folder(root)?;
    remove_dir(&restored)?;
    fs::remove_file(root.join(MOVING_IN))?;
    sync_folder(root)
}

/// Moves all below `from` to `to`; what is there already stays.
fn merge(from: &Path, to: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    match fs::create_dir(to) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    for entry in entries {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            merge(&entry.path(), &target)?;
            continue;
        }
        match rename_without_replacing(&entry.path(), &target) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    sync_folder(to)
}

fn remove_file(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn remove_dir(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use etiqa_model::admin::Settings;
    use tempfile::TempDir;

    use super::*;
    use crate::store::setting::settings_save;

    /// What is in the files of the two instances.
    const OLD: &str = "of the instance that was empty";
    const NEW: &str = "of the archive";
    /// What a restored instance has, and where the empty one has the same.
    const MOVED: [&str; 4] = ["media/plan.txt", "secret.key", "instance", DATABASE];

    /// A data directory with an empty instance and a restored one beside it, which is to take over.
    async fn waiting() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for place in [root.to_owned(), root.join(RESTORED)] {
            fs::create_dir_all(place.join("media")).unwrap();
        }
        fs::write(root.join("secret.key"), OLD).unwrap();
        fs::write(root.join("instance"), OLD).unwrap();
        Db::open_sqlite(&root.join(DATABASE)).await.unwrap().close().await;
        for file in MOVED {
            fs::write(root.join(RESTORED).join(file), NEW).unwrap();
        }
        note(root).unwrap();
        folder
    }

    fn is_of_the_archive(root: &Path, when: &str) {
        for file in MOVED {
            assert_eq!(fs::read_to_string(root.join(file)).unwrap(), NEW, "{when}: {file}");
        }
        is_settled(root, when);
    }

    fn is_the_empty_one(root: &Path, when: &str) {
        for file in ["secret.key", "instance"] {
            assert_eq!(fs::read_to_string(root.join(file)).unwrap(), OLD, "{when}: {file}");
        }
        assert!(fs::read(root.join(DATABASE)).unwrap().starts_with(b"SQLite format 3"), "{when}");
        assert!(!root.join("media/plan.txt").exists(), "{when}");
        is_settled(root, when);
    }

    fn is_settled(root: &Path, when: &str) {
        assert!(!is_waiting(root) && !root.join(RESTORED).exists(), "{when}");
    }

    async fn worked(root: &Path, sql: &'static str) {
        let db = Db::open_sqlite(&root.join(DATABASE)).await.unwrap();
        let mut tx = db.write().await.unwrap();
        sqlx::query(sql).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
    }

    #[tokio::test]
    async fn a_takeover_that_was_cut_off_goes_on_whatever_of_it_was_done() {
        let folder = waiting().await;
        assert_eq!(take_over(folder.path()).await.unwrap(), None);
        is_of_the_archive(folder.path(), "at once");

        // A power cut may keep any of the moves and lose the others.
        for done in 0..1_u32 << MOVED.len() {
            let folder = waiting().await;
            let root = folder.path();
            begin(root).unwrap();
            for (number, file) in MOVED.iter().enumerate() {
                if done & (1 << number) != 0 {
                    fs::rename(root.join(RESTORED).join(file), root.join(file)).unwrap();
                }
            }
            assert!(is_waiting(root));
            assert_eq!(take_over(root).await.unwrap(), None);
            is_of_the_archive(root, &format!("moves {done:04b}"));
        }
    }

    #[tokio::test]
    async fn a_takeover_that_was_cut_off_while_it_cleaned_up_is_one_all_the_same() {
        let folder = waiting().await;
        let root = folder.path();
        begin(root).unwrap();
        for file in MOVED {
            fs::rename(root.join(RESTORED).join(file), root.join(file)).unwrap();
        }
        fs::remove_dir_all(root.join(RESTORED)).unwrap();
        assert_eq!(take_over(root).await.unwrap(), None);
        is_of_the_archive(root, "all moved");
    }

    #[tokio::test]
    async fn what_was_not_restored_to_its_end_does_not_take_over() {
        for missing in ["the end", "the database", "all of it"] {
            let folder = waiting().await;
            let root = folder.path();
            let restored = root.join(RESTORED);
            match missing {
                "the end" => fs::write(restored.join(RESTORING), "").unwrap(),
                "the database" => fs::remove_file(restored.join(DATABASE)).unwrap(),
                _ => fs::remove_dir_all(&restored).unwrap(),
            }
            let refusal = take_over(root).await.unwrap().unwrap();
            assert!(refusal.message.contains("did not come to its end"), "{missing}: {refusal}");
            is_the_empty_one(root, missing);
        }
    }

    #[tokio::test]
    async fn an_instance_that_somebody_has_worked_with_meanwhile_stays() {
        for sql in [
            "INSERT INTO app_user (name, name_key, role, created_at) VALUES ('a', 'a', 'admin', 1)",
            "INSERT INTO api_token (name, role, token_sha256, created_at) VALUES ('a', 'viewer', 'x', 1)",
            "INSERT INTO jump_host (name, address, port, legacy_ssh, created_at, updated_at) \
             VALUES ('a', '192.0.2.1', 22, 0, 1, 1)",
            "INSERT INTO destination (name, kind, settings, keep, enabled, created_at, updated_at) \
             VALUES ('a', 'folder', '{}', '{}', 1, 1, 1)",
        ] {
            let folder = waiting().await;
            worked(folder.path(), sql).await;
            let refusal = take_over(folder.path()).await.unwrap().unwrap();
            assert!(refusal.message.contains("Somebody has worked with this instance"), "{sql}: {refusal}");
            is_the_empty_one(folder.path(), sql);
        }
    }

    #[tokio::test]
    async fn settings_that_somebody_changed_are_work_and_those_of_a_start_are_not() {
        let folder = waiting().await;
        let database = folder.path().join(DATABASE);
        worked(folder.path(), "INSERT INTO setting (name, value) VALUES ('key_fingerprint', 'x')").await;
        assert!(is_untouched_file(&database).await.unwrap());
        let db = Db::open_sqlite(&database).await.unwrap();
        settings_save(&db, &Settings { retries: 5, ..Settings::default() }).await.unwrap();
        db.close().await;
        assert!(!is_untouched_file(&database).await.unwrap());
    }

    #[tokio::test]
    async fn whoever_has_the_database_open_is_waited_for_and_what_they_did_counts() {
        let folder = waiting().await;
        let other = Db::open_sqlite(&folder.path().join(DATABASE)).await.unwrap();
        let working = tokio::spawn(async move {
            tokio::time::sleep(2 * LOOK_EVERY).await;
            settings_save(&other, &Settings { retries: 5, ..Settings::default() }).await.unwrap();
            other.close().await;
        });
        let refusal = take_over(folder.path()).await.unwrap().unwrap();
        working.await.unwrap();
        assert!(refusal.message.contains("Somebody has worked with this instance"), "{refusal}");
    }
}
