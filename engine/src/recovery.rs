//! The key that seals every secret: what a person keeps of it on paper, and how it is replaced by another.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use etiqa_model::admin::KitState;
use etiqa_model::event::Topic;
use etiqa_model::user::Identity;
use etiqa_model::{Secret, Timestamp, UserError};
use tokio::task::spawn_blocking;

use crate::access::user_confirm;
use crate::audit::{self, Act, action, record_in_txn};
use crate::backup::sealing;
use crate::db::Tx;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::files::{folder_of, sync_folder};
use crate::store::archive_passphrase::passphrase_list;
use crate::store::sealed::{SEALED, SealedCell, sealed_list_in_txn, sealed_replace_in_txn};
use crate::store::setting::{
    key_fingerprint_save_in_txn, key_made_at_fetch, key_made_at_save_in_txn, kit_taken_at_fetch,
    kit_taken_at_save_in_txn,
};
use crate::time::now;
use crate::vault::{Vault, VaultError, create_key_file};

/// Whether a recovery kit was taken that holds everything that is needed now.
pub async fn kit_state(engine: &Engine) -> Result<KitState> {
    let taken_at = kit_taken_at_fetch(&engine.db).await?;
    let passphrases = passphrase_list(&engine.db).await?;
    let newest = passphrases.iter().map(|passphrase| passphrase.created_at).max();
    let newest = newest.max(key_made_at_fetch(&engine.db).await?);
    let is_current = taken_at.is_some_and(|taken| newest.is_none_or(|newest| newest <= taken));
    Ok(KitState { taken_at, is_current, passphrases: passphrases.len() as u64 })
}

/// The recovery kit, as a text to print or to keep in a safe: the key, every passphrase, and what to do with them. Notes
/// that it was taken.
pub async fn take_kit(engine: &Engine, by: &str) -> Result<Secret> {
    let at = now();
    let key = read_key(&engine.key_file).await?;
    // With room for all of it: where a text moves to grow, it leaves itself behind.
    let mut text = String::with_capacity(64 << 10);
    let day = |at: Timestamp| at.to_utc().format("%Y-%m-%d %H:%M UTC").to_string();
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "ETIQA AUTO BACKUP: RECOVERY KIT\n\nTaken by {by} at {}.\nKeep it where neither this machine nor its archives \
         are. Who has it and an\narchive has every password in it.\n\n1. THE KEY (secret.key)\n\nIt opens the secrets in \
         the database and in archives: logins of devices and\npassphrases. Put this line into a file:\n\n    {}\n\n",
        day(at),
        key.reveal().trim()
    );
    let replaced = replaced_keys(engine.key_file.clone()).await?;
    if !replaced.is_empty() {
        text.push_str("Archives that were made before the key was replaced need the one of their time:\n\n");
    }
    for (name, key) in &replaced {
        let _ = writeln!(text, "    {}\n        was {name}\n", key.reveal().trim());
    }
    text.push_str("2. PASSPHRASES OF ARCHIVES\n\n");
    let passphrases = passphrase_list(&engine.db).await?;
    for sealed in &passphrases {
        let passphrase = sealing::open(engine, sealed)?;
        let _ = writeln!(
            text,
            "    {}\n        of \"{}\", for archives made since {}\n",
            passphrase.reveal(),
            sealed.name,
            day(sealed.created_at)
        );
    }
    if passphrases.is_empty() {
        text.push_str("None: no backup seals its archives with a passphrase.\n\n");
    }
    text.push_str(
        "3. WHAT TO DO WITH THEM\n\nInstall the program on any machine, get an archive of type full or data, and say\n\n    \
         etiqa restore ARCHIVE --data-dir NEW --key-file FILE\n\n(with --passphrase-stdin where it is sealed with a \
         passphrase, with --identity\nwhere it is sealed for age recipients), then\n\n    etiqa serve --data-dir NEW\n\n\
         Without this program: a zip with a passphrase opens in 7-Zip; configs/ holds the\ntexts of all devices.\n",
    );
    let mut tx = engine.db.write().await?;
    kit_taken_at_save_in_txn(&mut tx, at).await?;
    record_in_txn(&mut tx, Act::new(action::RECOVERY_KIT)).await?;
    tx.commit().await?;
    engine.events.send(Topic::Admin, None);
    tracing::info!(%by, "the recovery kit was taken by {by}");
    Ok(Secret::new(text))
}

/// [`take_kit`], for who is signed in and knows the password once more. `address` is where they ask from.
pub async fn take_kit_by_password(
    engine: &Engine,
    by: &Identity,
    password: &Secret,
    address: &str,
) -> Result<Secret> {
    let Some(user) = by.user_id else {
        return Err(UserError::invalid("A token takes no recovery kit; sign in as a user.").into());
    };
    user_confirm(&engine.db, &engine.throttle, user, password, address).await?;
    take_kit(engine, &by.name).await
}

/// Replaces the key, and seals every secret anew. Nobody else may work with the database meanwhile. The old key is kept
/// beside the new one: archives that were made before hold secrets that only it opens. Gives where it is.
///
/// Interrupted anywhere it leaves either the old key in force or the new one: the database's fingerprint, written in the
/// transaction that seals everything anew, says which; [`settle_key_files`] does the rest at the next start.
pub async fn rotate_key(engine: &Engine) -> Result<PathBuf> {
    let (new_file, old_file) =
        (new_file_of(&engine.key_file), old_file_of(&engine.key_file, engine.vault.fingerprint()));
    let made = {
        let new_file = new_file.clone();
        spawn_blocking(move || {
            // One that was begun and came to nothing.
            match std::fs::remove_file(&new_file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            create_key_file(&new_file).map(|key| Secret::new(key.as_str()))
        })
    };
    let made = made.await.map_err(io::Error::other).and_then(|made| made);
    let vault = Vault::from_text(&made.map_err(Error::io("making a key"))?)?;
    failpoint("rotation.made");
    let mut tx = engine.db.write().await?;
    for cell in SEALED {
        reseal_in_txn(&mut tx, cell, &engine.vault, &vault).await?;
    }
    key_fingerprint_save_in_txn(&mut tx, vault.fingerprint()).await?;
    key_made_at_save_in_txn(&mut tx, now()).await?;
    record_in_txn(&mut tx, Act::new(action::KEY_ROTATE)).await?;
    audit::sign_anew_in_txn(&mut tx, engine.vault.signer(), vault.signer()).await?;
    failpoint("rotation.sealed");
    tx.commit().await?;
    engine.db.sign_with(vault.signer());
    failpoint("rotation.committed");
    swap(engine.key_file.clone(), new_file, old_file.clone()).await?;
    Ok(old_file)
}

async fn reseal_in_txn(tx: &mut Tx, cell: &SealedCell, from: &Vault, to: &Vault) -> Result<()> {
    for (id, sealed) in sealed_list_in_txn(tx, cell).await? {
        let row = format!("{}:{id}", cell.table);
        let plain = from.open_sealed(&row, &sealed)?;
        sealed_replace_in_txn(tx, cell, id, to.seal(&row, &plain)?).await?;
    }
    Ok(())
}

async fn swap(key: PathBuf, new: PathBuf, old: PathBuf) -> Result<()> {
    let swapped = spawn_blocking(move || {
        let folder = folder_of(&key).to_owned();
        // The old one first under both of its names: at no time is there no key.
        match std::fs::hard_link(&key, &old) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Ok(()) => {}
            // Some file systems know no second name.
            Err(_) => {
                std::fs::copy(&key, &old)?;
                std::fs::File::open(&old)?.sync_all()?;
            }
        }
        sync_folder(&folder)?;
        failpoint("rotation.kept");
        std::fs::rename(&new, &key)?;
        sync_folder(&folder)
    });
    swapped
        .await
        .map_err(io::Error::other)
        .and_then(|swapped| swapped)
        .map_err(Error::io("replacing the key"))
}

/// Brings to its end what a rotation left that was interrupted. `known` is the fingerprint that the database has.
pub(crate) async fn settle_key_files(key: &Path, known: &str) -> Result<()> {
    let new = new_file_of(key);
    if !new.is_file() {
        return Ok(());
    }
    let is_in_force = |file: &Path| Vault::open(file, false).is_ok_and(|vault| vault.fingerprint() == known);
    if is_in_force(&new) {
        let before = Vault::open(key, false)?;
        swap(key.to_owned(), new, old_file_of(key, before.fingerprint())).await?;
        tracing::warn!("a rotation of the key was interrupted; it is brought to its end");
    } else if is_in_force(key) {
        std::fs::remove_file(&new).map_err(Error::io("removing a key that was never used"))?;
    }
    Ok(())
}

async fn read_key(file: &Path) -> Result<Secret> {
    let text = tokio::fs::read_to_string(file).await.map_err(|error| VaultError::KeyFile {
        path: file.display().to_string(),
        reason: error.to_string(),
    })?;
    Ok(Secret::new(text))
}

/// The keys that were replaced by others, with the names of their files, in the order of these.
async fn replaced_keys(key: PathBuf) -> Result<Vec<(String, Secret)>> {
    let listed = spawn_blocking(move || {
        let begins = format!("{}.old-", key.file_name().unwrap_or_default().to_string_lossy());
        let mut keys = Vec::new();
        for entry in std::fs::read_dir(folder_of(&key))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(&begins) {
                keys.push((name, Secret::new(std::fs::read_to_string(entry.path())?)));
            }
        }
        keys.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(keys)
    });
    listed
        .await
        .map_err(io::Error::other)
        .and_then(|listed| listed)
        .map_err(Error::io("reading the keys that were replaced"))
}

fn new_file_of(key: &Path) -> PathBuf {
    with_ending(key, "new")
}

fn old_file_of(key: &Path, fingerprint: &str) -> PathBuf {
    with_ending(key, &format!("old-{}", fingerprint.get(..8).unwrap_or(fingerprint)))
}

fn with_ending(key: &Path, ending: &str) -> PathBuf {
    let mut name = key.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}
