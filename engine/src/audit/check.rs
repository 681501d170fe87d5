//! Reading the chain again.

use std::collections::HashMap;

use etiqa_model::audit::{Broken, ChainState};

use super::chain::{GENESIS, hash};
use super::prune::is_signed;
use crate::db::{Db, Tx};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::audit::{
    Checkpoint, Head, StoredAct, audit_head_in_txn, audit_list_in_txn, checkpoint_list_in_txn,
    checkpoint_newest_in_txn,
};
use crate::vault::Vault;

/// Rows that are held in memory at once.
const ROWS: u32 = 1_000;
/// Rows that a page looks at.
const ROWS_OF_A_PAGE: u64 = 2_000;

/// Reads all of the log and says whether it is whole: every row from the first that is kept to the newest, each hashed with
/// the one before it, and every checkpoint signed. Takes memory for a thousand rows, however long the log is.
pub async fn check(engine: &Engine) -> Result<ChainState> {
    let mut snapshot = engine.db.snapshot().await?;
    let checked = check_in_txn(snapshot.tx(), &engine.vault).await;
    snapshot.end().await?;
    checked
}

async fn check_in_txn(tx: &mut Tx, vault: &Vault) -> Result<ChainState> {
    let head = audit_head_in_txn(tx).await?;
    let checkpoints = checkpoint_list_in_txn(tx).await?;
    let mut walk = Walk::from_the_first(&head, checkpoints, vault);
    walk.go_on(tx, u64::MAX).await?;
    // All of it is of one moment: nobody can have added to it since the end was read.
    if walk.is_beyond {
        walk.breaks(head.last + 1, "It was put there by something else than this program.");
    }
    Ok(walk.end(&head))
}

/// The same from the newest checkpoint on, of two thousand rows at most: what a page can tell at once.
pub async fn check_newest(db: &Db, vault: &Vault) -> Result<ChainState> {
    let mut tx = db.read().await?;
    // In this order: on PostgreSQL others may add to both between the two.
    let newest = checkpoint_newest_in_txn(&mut tx).await?;
    let head = audit_head_in_txn(&mut tx).await?;
    let mut walk = match newest {
        Some(newest) => Walk::from_checkpoint(newest, &head, vault),
        None => Walk::from_the_first(&head, Vec::new(), vault),
    };
    walk.go_on(&mut tx, ROWS_OF_A_PAGE).await?;
    tx.rollback().await?;
    Ok(walk.end(&head))
}

/// Rows that are gone through one after the other.
pub(super) struct Walk {
    /// The row that was looked at last, and its hash; 0 before the first of all.
    at: i64,
    hash: String,
    checked: u64,
    /// The newest row when the walk began, and whether there are newer ones.
    last: i64,
    is_beyond: bool,
    checkpoints: HashMap<i64, Checkpoint>,
    foreign: u64,
    broken: Option<Broken>,
    is_partial: bool,
}

impl Walk {
    /// From the first row that is kept.
    pub(super) fn from_the_first(head: &Head, checkpoints: Vec<Checkpoint>, vault: &Vault) -> Self {
        let mut walk = Self::at(head.pruned, GENESIS, head);
        for checkpoint in checkpoints {
            walk.take(checkpoint, vault);
        }
        if head.pruned > 0 {
            match walk.checkpoints.remove(&head.pruned) {
                Some(first) => walk.hash = first.hash,
                None => walk.breaks(
                    head.pruned + 1,
                    "The rows before it are gone without a signed checkpoint in their place.",
                ),
            }
        }
        walk
    }

    /// From the row after a checkpoint.
    pub(super) fn from_checkpoint(checkpoint: Checkpoint, head: &Head, vault: &Vault) -> Self {
        let mut walk = Self::at(checkpoint.through, &checkpoint.hash, head);
        walk.take(checkpoint, vault);
        walk
    }

    fn at(row: i64, hash: &str, head: &Head) -> Self {
        Self {
            at: row,
            hash: hash.to_owned(),
            checked: 0,
            last: head.last,
            is_beyond: false,
            checkpoints: HashMap::new(),
            foreign: 0,
            broken: None,
            is_partial: false,
        }
    }

    fn take(&mut self, checkpoint: Checkpoint, vault: &Vault) {
        if checkpoint.fingerprint != vault.fingerprint() {
            self.foreign += 1;
        } else if !is_signed(&checkpoint, vault) {
            self.breaks(checkpoint.through, "Its checkpoint was not signed by this instance.");
        }
        self.checkpoints.insert(checkpoint.through, checkpoint);
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
                if act.id > self.last {
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

    /// What it came to, given where the chain ends.
    pub(super) fn end(mut self, head: &Head) -> ChainState {
        let newest_signed = self.checkpoints.keys().copied().max().unwrap_or(0);
        if self.broken.is_none() {
            if newest_signed > head.last || (!self.is_partial && head.last > self.at) {
                self.breaks(self.at + 1, "It is missing, and so are all after it.");
            } else if self.at == head.last && self.hash != head.hash {
                self.breaks(self.at, "It is not the one that was written last.");
            }
        }
        ChainState {
            checked: self.checked,
            up_to: self.at,
            is_partial: self.is_partial && self.at < head.last,
            foreign_checkpoints: self.foreign,
            broken: self.broken,
        }
    }

    /// Whether all that was looked at fits.
    pub(super) fn holds(&self) -> bool {
        self.broken.is_none()
    }

    /// The row that was looked at last, and its hash.
    pub(super) fn place(&self) -> (i64, &str) {
        (self.at, &self.hash)
    }
}
