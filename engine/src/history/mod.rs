//! Config versions: what a session's outcome becomes, and how two texts differ.

pub mod diff;
pub mod read;
pub mod record;
mod text;

pub use text::{PackedText, text_read, unpack};
pub(crate) use text::{pack, unpack_bytes};
