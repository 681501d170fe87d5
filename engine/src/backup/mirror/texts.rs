//! Texts on their way from the store into the mirror: a few at a time, unpacked and masked on all cores.

use std::io;
use std::thread::available_parallelism;

use etiqa_model::UserError;
use futures::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::plan::Fresh;
use crate::collect::redact;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::history::unpack;
use crate::store::config_version::text_fetch;

/// Sends each text in its turn. An end before the last one tells the other side that they are not all there.
pub(super) async fn send_texts(engine: &Engine, fresh: Vec<Fresh>, to: mpsc::Sender<String>) -> Result<()> {
    let at_once = available_parallelism().map_or(2, usize::from);
    let mut texts = stream::iter(fresh).map(|fresh| text(engine, fresh)).buffered(at_once);
    while let Some(text) = texts.next().await {
        if to.send(text?).await.is_err() {
            // The other side gave up, and says why.
            break;
        }
    }
    Ok(())
}

async fn text(engine: &Engine, fresh: Fresh) -> Result<String> {
    let packed = text_fetch(&engine.db, &fresh.sha256).await?;
    let packed = packed.ok_or_else(|| UserError::not_found("text of an active version"))?;
    let text = spawn_blocking(move || {
        let text = unpack(&packed)?;
        Ok(match fresh.mask {
            Some(driver) => redact(&driver, &text),
            None => text,
        })
    });
    text.await.map_err(|error| Error::io("reading a text for the mirror")(io::Error::other(error)))?
}
