//! Config versions: what a session's outcome becomes, and how two texts differ.

pub mod compare;
pub mod decide;
pub mod diff;
pub mod export;
pub mod read;
mod reader;
pub mod record;
mod text;

pub use reader::Reader;
pub use text::{PackedText, text_read, unpack};
pub(crate) use text::{pack, unpack_bytes};
