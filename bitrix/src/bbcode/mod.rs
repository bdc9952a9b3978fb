//! BB code, the markup of the portal, and the text model (`bitrix24.md` §8.1 to §8.3).
//!
//! [`parse`] reads what an operator wrote, [`write()`] writes what a visitor wrote, [`strip_signature`] takes the
//! operator's name off where the portal puts it before the text. All three take any input.
//!
//! | Part | Holds |
//! |---|---|
//! | `tag` | the tags, and the test of whether a bracket begins one |
//! | `source` | preparation: line breaks, where code and quoted blocks lie, which brackets belong together |
//! | `parse`, `quote`, `values` | the walk over the text: its tags, its lines, the arguments of tags |
//! | `tree`, `frame` | what is open, and what becomes of it |
//! | `links` | bare addresses |
//! | `write`, `escape` | the way back |

mod escape;
mod frame;
mod links;
mod parse;
mod quote;
mod signature;
mod source;
mod tag;
mod tree;
mod values;
mod write;

#[cfg(test)]
mod tests;

pub use parse::parse;
pub use signature::strip_signature;
pub use write::write;
