//! The [`openline_core::Store`] port on SQLite (the embedded default).

mod open;
mod sqlite;

pub use open::{OpenError, open};
pub use sqlite::SqliteStore;
