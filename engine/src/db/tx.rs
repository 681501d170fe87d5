//! A transaction, and what signs within it.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use sqlx::any::Any;
use sqlx::{AnyConnection, Transaction};

use crate::vault::Signer;

/// A transaction. It is the connection that statements are executed on; dropped, it is rolled back.
pub struct Tx {
    inner: Transaction<'static, Any>,
    signer: Option<Arc<Signer>>,
}

impl Tx {
    pub(super) fn new(inner: Transaction<'static, Any>, signer: Option<Arc<Signer>>) -> Self {
        Self { inner, signer }
    }

    /// What signs with the key of the instance; none where the database was opened without it.
    pub(crate) fn signer(&self) -> Option<Arc<Signer>> {
        self.signer.clone()
    }

    /// Makes it last.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.inner.commit().await
    }

    /// Undoes it.
    pub async fn rollback(self) -> Result<(), sqlx::Error> {
        self.inner.rollback().await
    }
}

impl Deref for Tx {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.inner
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.inner
    }
}
