//! Config versions: what a session's outcome becomes, how two texts differ, and what is found in the active ones.

mod archived;
pub mod compare;
pub mod decide;
pub mod diff;
pub mod export;
pub mod read;
mod reader;
pub mod record;
pub mod search;
mod shown;
mod text;
pub(crate) mod turns;

pub use reader::Reader;
pub use text::{PackedText, pack, text_read, unpack};
pub(crate) use text::{off_runtime, unpack_bytes};
