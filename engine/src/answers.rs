//! Requests of the REST API that may come twice: each is answered once, and the answer is given again.

use std::time::Duration;

use etiqa_model::{Secret, UserError};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::Result;
use crate::store::api_answer::{
    api_answer_delete, api_answer_expire_in_txn, api_answer_fetch_in_txn, api_answer_insert_in_txn,
    api_answer_set,
};
use crate::time::now;

/// How long answers are kept.
const KEPT: Duration = Duration::from_hours(24);
/// What requests are signed as.
const SIGNED: &str = "api request";

/// An answer as it is given again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Of HTTP.
    pub status: u16,
    /// Names and values of those headers that belong to it.
    pub headers: Vec<(String, String)>,
    /// The body, a text; it may hold the secret of a token that was just made.
    pub body: Secret,
}

/// What is to become of a request with a key.
#[derive(Debug)]
pub enum Begun {
    /// It is new: do it, then call [`finish`] with this number.
    New(i64),
    /// It was done: this is what was answered.
    Done(Answer),
    /// It is being done, the program was ended in the middle of it, or the key of the instance is another one since.
    Unfinished,
    /// The key came with another request.
    Other,
}

/// Begins a request with a key. `owner` is what `Identity::owner` gives; `request` is all that it asks: method, address and
/// body.
pub async fn begin(engine: &Engine, owner: &str, key: &str, request: &[u8]) -> Result<Begun> {
    let at = now();
    let key_in_use = engine.vault.signer();
    let signed = format!("{}:{}", key_in_use.fingerprint(), key_in_use.sign(SIGNED, request));
    let mut tx = engine.db.write().await?;
    api_answer_expire_in_txn(&mut tx, owner, key, at.minus(KEPT)).await?;
    let begun = api_answer_insert_in_txn(&mut tx, owner, key, &signed, at).await?;
    if let Some(id) = begun {
        tx.commit().await?;
        return Ok(Begun::New(id));
    }
    let known = api_answer_fetch_in_txn(&mut tx, owner, key).await?;
    tx.commit().await?;
    // Forgotten just now: whoever sends it once more begins anew.
    let Some(known) = known else { return Ok(Begun::Unfinished) };
    // What was signed with the key before may be the same request or another one: nobody can tell.
    let signature =
        known.request.strip_prefix(key_in_use.fingerprint()).and_then(|rest| rest.strip_prefix(':'));
    let Some(signature) = signature else { return Ok(Begun::Unfinished) };
    if !key_in_use.has_signed(SIGNED, request, signature) {
        return Ok(Begun::Other);
    }
    let Some(sealed) = known.sealed else { return Ok(Begun::Unfinished) };
    let opened = engine.vault.open_sealed(&row_name(known.id), &sealed)?;
    let answer = serde_json::from_slice(&opened).map_err(|_| UserError::internal())?;
    Ok(Begun::Done(answer))
}

/// Keeps the answer to a request that was begun.
pub async fn finish(engine: &Engine, id: i64, answer: &Answer) -> Result<()> {
    let sealed = engine.vault.seal_json(&row_name(id), answer)?;
    Ok(api_answer_set(&engine.db, id, sealed).await?)
}

/// Forgets a request that came to nothing, so that it can be tried again with the same key.
pub async fn forget(engine: &Engine, id: i64) -> Result<()> {
    Ok(api_answer_delete(&engine.db, id).await?)
}

fn row_name(id: i64) -> String {
    format!("api_answer:{id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Options, Role};

    #[tokio::test]
    async fn a_request_of_before_the_key_was_replaced_is_neither_done_again_nor_said_to_be_another() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { data_dir: folder.path().join("data"), ..Options::default() };
        let engine = Engine::open(options, Role::Server).await.unwrap();
        let Begun::New(id) = begin(&engine, "token 1", "once", b"a").await.unwrap() else {
            panic!("it is new");
        };
        let answer = Answer { status: 201, headers: Vec::new(), body: Secret::new("{}") };
        finish(&engine, id, &answer).await.unwrap();
        let again = async |request: &[u8]| begin(&engine, "token 1", "once", request).await.unwrap();
        assert!(matches!(again(b"a").await, Begun::Done(kept) if kept == answer));
        assert!(matches!(again(b"b").await, Begun::Other));
        let mut tx = engine.db.write().await.unwrap();
        sqlx::query("UPDATE api_answer SET request = 'another' || request").execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        assert!(matches!(again(b"a").await, Begun::Unfinished));
    }
}
