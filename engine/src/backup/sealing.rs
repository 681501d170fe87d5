//! What archives of a backup config are sealed with, and what opens them again.

use etiqa_model::archive::Encryption;
use etiqa_model::backup::{BackupConfig, NewBackupConfig};
use etiqa_model::run::Run;
use etiqa_model::{BackupConfigId, ErrorKind, FieldError, PassphraseId, Secret, Timestamp, UserError};

use super::archive::seal::{Key, Recipient, Seal};
use crate::db::Tx;
use crate::engine::Engine;
use crate::error::Result;
use crate::store::archive_passphrase::{
    SealedPassphrase, passphrase_fetch_of_config, passphrase_fetch_of_run, passphrase_insert_in_txn,
    passphrase_is_there_in_txn, passphrase_seal_in_txn, passphrase_use_in_txn,
};

/// Letters and digits that nobody takes for one another, read aloud or from paper.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Characters of a passphrase that the program makes: 120 bits.
const GENERATED: usize = 24;

/// A passphrase that nobody guesses and everybody can type: `xxxx-xxxx-xxxx-xxxx-xxxx-xxxx`.
pub fn generate_passphrase() -> Secret {
    let mut random = zeroize::Zeroizing::new([0_u8; GENERATED]);
    rand::fill(&mut *random);
    let mut text = String::with_capacity(GENERATED + GENERATED / 4);
    for (index, byte) in random.iter().enumerate() {
        if index > 0 && index % 4 == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    Secret::new(text)
}

/// Refuses recipients that nothing can be sealed for.
pub(super) fn check_recipients(recipients: &[String]) -> Result<(), UserError> {
    for recipient in recipients {
        Recipient::parse(recipient).map_err(|message| field_error("recipients", message))?;
    }
    Ok(())
}

/// Keeps the new passphrase of a backup config, where one was given; refuses one that needs a passphrase and has none.
pub(super) async fn keep_passphrase_in_txn(
    engine: &Engine,
    tx: &mut Tx,
    config: BackupConfigId,
    new: &NewBackupConfig,
    now: Timestamp,
) -> Result<()> {
    if new.encryption != Encryption::Passphrase {
        return Ok(());
    }
    if let Some(passphrase) = &new.passphrase {
        let id = passphrase_insert_in_txn(tx, &new.name, now).await?;
        let sealed = engine.vault.seal(&row_name(id), passphrase.reveal().as_bytes())?;
        passphrase_seal_in_txn(tx, id, sealed).await?;
        passphrase_use_in_txn(tx, config, id).await?;
    } else if !passphrase_is_there_in_txn(tx, config).await? {
        return Err(field_error("passphrase", "Give a passphrase, or have one made.").into());
    }
    Ok(())
}

/// How the next archive of a backup config is sealed, and with which of its passphrases.
pub(super) async fn seal_of(engine: &Engine, config: &BackupConfig) -> Result<(Seal, Option<PassphraseId>)> {
    match config.encryption {
        Encryption::None => Ok((Seal::None, None)),
        Encryption::Passphrase => {
            let sealed = passphrase_fetch_of_config(&engine.db, config.id).await?.ok_or_else(|| {
                let message = "It has no passphrase; give it one, or choose another encryption.";
                UserError::new(ErrorKind::Conflict, message)
            })?;
            Ok((Seal::Passphrase(open(engine, &sealed)?), Some(sealed.id)))
        }
        Encryption::Age => {
            let recipients: Result<Vec<_>, _> =
                config.recipients.iter().map(|recipient| Recipient::parse(recipient)).collect();
            Ok((Seal::Recipients(recipients.map_err(UserError::invalid)?), None))
        }
    }
}

/// What opens a run's archive, as far as the program has it: what is sealed for recipients it cannot open.
pub(super) async fn key_of(engine: &Engine, run: &Run) -> Result<Key> {
    if run.encryption != Encryption::Passphrase {
        return Ok(Key::None);
    }
    let sealed = passphrase_fetch_of_run(&engine.db, run.id).await?;
    let sealed = sealed.ok_or_else(|| UserError::not_found(format!("passphrase of run {}", run.id)))?;
    Ok(Key::Passphrase(open(engine, &sealed)?))
}

/// Opens a stored passphrase.
pub(crate) fn open(engine: &Engine, sealed: &SealedPassphrase) -> Result<Secret> {
    let plain = engine.vault.open_sealed(&row_name(sealed.id), &sealed.sealed)?;
    Ok(Secret::new(String::from_utf8_lossy(&plain)))
}

fn row_name(id: PassphraseId) -> String {
    format!("archive_passphrase:{id}")
}

fn field_error(field: &str, message: impl Into<String>) -> UserError {
    UserError::in_fields(vec![FieldError { field: field.to_owned(), message: message.into() }])
}
