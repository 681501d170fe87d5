//! Reading the chain again.

use std::collections::HashMap;

use etiqa_model::audit::{Broken, ChainState};

use super::chain::{GENESIS, hash};
use super::head::is_sealed;
use super::prune::is_signed;
use crate::db::{Db, Tx};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::audit::{
    Checkpoint, Head, StoredAct, audit_head_in_txn, audit_list_in_txn, audit_oldest_in_txn,
    checkpoint_fetch_in_txn, checkpoint_list_in_txn,
};
use crate::vault::{Signer, Vault};

/// Rows that are held in memory at once.
const ROWS: u32 = 1_000;
/// Rows that a page looks at.
const ROWS_OF_A_PAGE: u64 = 2_000;
/// What is wrong with an end that this instance did not sign.
const NOT_SEALED: &str = "The log ends there, and that was not signed by this instance: it was written anew or cut off, or \
                          restored without its key. Whoever knows that it was restored says `etiqa audit sign`.";

/// Reads all of the log and says whether it is whole: every row from the first that is kept to the newest, each hashed with
/// the one before it, every checkpoint signed, and the end as well. Takes memory for a thousand rows, however long the log is.
pub async fn check(engine: &Engine) -> Result<ChainState> {
    let mut snapshot = engine.db.snapshot().await?;
    let checked = check_in_txn(snapshot.tx(), &engine.vault).await;
    snapshot.end().await?;
    checked
}

async fn check_in_txn(tx: &mut Tx, vault: &Vault) -> Result<ChainState> {
    let head = audit_head_in_txn(tx).await?.unwrap_or_default();
    let checkpoints = checkpoint_list_in_txn(tx).await?;
    let signer: &Signer = vault.signer();
    let mut walk = Walk::from_the_first(head, checkpoints, Some(signer));
    walk.look_before(tx).await?;
    walk.go_on(tx, u64::MAX).await?;
    Ok(walk.end_of_all())
}

/// The same from the newest checkpoint on, of two thousand rows at most: what a page can tell at once.
pub async fn check_newest(db: &Db, vault: &Vault) -> Result<ChainState> {
    let mut tx = db.read().await?;
    let head = audit_head_in_txn(&mut tx).await?.unwrap_or_default();
    let mut walk = Walk::from_the_newest(&mut tx, head, vault.signer()).await?;
    walk.look_before(&mut tx).await?;
    walk.go_on(&mut tx, ROWS_OF_A_PAGE).await?;
    tx.rollback().await?;
    Ok(walk.end())
}

/// Rows that are gone through one after the other.
pub(super) struct Walk {
    /// The row that was looked at last, and its hash; 0 before the first of all.
    at: i64,
    hash: String,
    checked: u64,
    /// Where the chain ended when the walk began, whether that is signed, and whether there are rows after it.
    head: Head,
    seal: Seal,
    is_beyond: bool,
    checkpoints: HashMap<i64, Checkpoint>,
    foreign: u64,
    broken: Option<Broken>,
    is_partial: bool,
}

/// Who signed the end of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seal {
    Ours,
    Nobodys,
    /// Signatures are not looked at.
    Unasked,
}

impl Walk {
    /// From the first row that is kept. Without a key signatures are not looked at.
    pub(super) fn from_the_first(head: Head, checkpoints: Vec<Checkpoint>, signer: Option<&Signer>) -> Self {
        let mut walk = Self::at(head.pruned, GENESIS, head, signer);
        for checkpoint in checkpoints {
            walk.take(checkpoint, signer);
        }
        let pruned = walk.head.pruned;
        if pruned > 0 {
            match walk.checkpoints.get(&pruned) {
                Some(first) => walk.hash.clone_from(&first.hash),
                None => walk.breaks(
                    pruned + 1,
                    "The rows before it are gone without a signed checkpoint in their place.",
                ),
            }
        }
        walk
    }

    /// From the row after the newest checkpoint.
    pub(super) async fn from_the_newest(tx: &mut Tx, head: Head, signer: &Signer) -> Result<Self> {
        Ok(match checkpoint_fetch_in_txn(tx, head.signed).await? {
            Some(newest) => {
                let mut walk = Self::at(newest.through, &newest.hash, head, Some(signer));
                walk.take(newest, Some(signer));
                walk
            }
            None => Self::from_the_first(head, Vec::new(), Some(signer)),
        })
    }

    fn at(row: i64, hash: &str, head: Head, signer: Option<&Signer>) -> Self {
        let seal = match signer {
            None => Seal::Unasked,
            Some(signer) if is_sealed(&head, signer) => Seal::Ours,
            Some(_) => Seal::Nobodys,
        };
        Self {
            at: row,
            hash: hash.to_owned(),
            checked: 0,
            head,
            seal,
            is_beyond: false,
            checkpoints: HashMap::new(),
            foreign: 0,
            broken: None,
            is_partial: false,
        }
    }

    fn take(&mut self, checkpoint: Checkpoint, signer: Option<&Signer>) {
        if let Some(signer) = signer {
            if checkpoint.fingerprint != signer.fingerprint() {
                self.foreign += 1;
            } else if !is_signed(&checkpoint, signer) {
                self.breaks(checkpoint.through, "Its checkpoint was not signed by this instance.");
            }
        }
        self.checkpoints.insert(checkpoint.through, checkpoint);
    }

    /// Looks for rows that stand where others were given up.
    pub(super) async fn look_before(&mut self, tx: &mut Tx) -> Result<()> {
        let oldest = audit_oldest_in_txn(tx).await?;
        if let Some((row, _)) = oldest.filter(|(row, _)| *row <= self.head.pruned) {
            self.breaks(row, "It was put there by something else than this program.");
        }
        Ok(())
    }

    /// Looks at the next `most` rows, until one does not fit.
    pub(super) async fn go_on(&mut self, tx: &mut Tx, most: u64) -> Result<()> {
        while self.broken.is_none() {
            let left = most.saturating_sub(self.checked);
            let limit = u32::try_from(left).map_or(ROWS, |left| left.min(ROWS));
            if limit == 0 {
                self.is_partial = true;
                return Ok(());
            }
            let rows = audit_list_in_txn(tx, self.at, limit).await?;
            if rows.is_empty() {
                return Ok(());
            }
            for (act, is_findable) in rows {
                if act.id > self.head.last {
                    self.is_beyond = true;
                    return Ok(());
                }
                if self.broken.is_none() {
                    self.look_at(&act, is_findable);
                }
            }
        }
        Ok(())
    }

    fn look_at(&mut self, act: &StoredAct, is_findable: bool) {
        if act.id != self.at + 1 {
            self.breaks(self.at + 1, "It is missing.");
        } else if act.hash != hash(&self.hash, act) {
            self.breaks(act.id, "It was changed, or put there by something else than this program.");
        } else if !is_findable {
            self.breaks(act.id, "What it is found by was changed.");
        } else if self.checkpoints.get(&act.id).is_some_and(|checkpoint| checkpoint.hash != act.hash) {
            self.breaks(act.id, "It is another one than was signed.");
        } else {
            self.at = act.id;
            self.hash.clone_from(&act.hash);
            self.checked += 1;
        }
    }

    fn breaks(&mut self, row: i64, problem: &str) {
        self.broken.get_or_insert_with(|| Broken { row, problem: problem.to_owned() });
    }

    /// What it came to.
    pub(super) fn end(mut self) -> ChainState {
        if self.broken.is_none() {
            self.look_at_the_end();
        }
        ChainState {
            checked: self.checked,
            up_to: self.at,
            is_partial: self.is_partial && self.at < self.head.last,
            foreign_checkpoints: self.foreign,
            broken: self.broken,
        }
    }

    /// What it came to where all of it is of one moment: nobody can have added to it since the end was read.
    pub(super) fn end_of_all(mut self) -> ChainState {
        if self.is_beyond {
            self.breaks(self.head.last + 1, "It was put there by something else than this program.");
        }
        self.end()
    }

    fn look_at_the_end(&mut self) {
        let newest = self.newest();
        let Head { last, signed, .. } = self.head;
        if newest > last || (!self.is_partial && last > self.at) {
            self.breaks(self.at + 1, "It is missing, and so are all after it.");
        } else if self.at == last && self.hash != self.head.hash {
            self.breaks(self.at, "It is not the one that was written last.");
        } else if self.seal == Seal::Nobodys {
            self.breaks(last.max(1), NOT_SEALED);
        } else if self.seal == Seal::Ours && newest < signed {
            self.breaks(signed, "Its signed checkpoint is missing.");
        } else if self.seal == Seal::Ours && newest > signed {
            self.breaks(newest, "Its checkpoint was put there by something else than this program.");
        }
    }

    /// Whether all that was looked at fits, and this instance signed it and the end.
    pub(super) fn holds(&self) -> bool {
        let is_ours = self.seal == Seal::Ours && self.foreign == 0 && self.newest() == self.head.signed;
        self.broken.is_none() && is_ours
    }

    /// The row of the newest checkpoint that there is.
    fn newest(&self) -> i64 {
        self.checkpoints.keys().copied().max().unwrap_or(0)
    }

    /// The row that was looked at last, and its hash.
    pub(super) fn place(&self) -> (i64, &str) {
        (self.at, &self.hash)
    }
}
