//! The [`openline_core::Store`] port on SQLite (the embedded default) and on PostgreSQL (for several processes), and the
//! [`openline_core::Files`] port on a folder.

mod code;
mod copy;
mod disk;
mod error;
mod files;
mod open;
mod postgres;
mod private;
mod search;
mod sqlite;
mod url;
mod words;

pub use copy::{Report, migrate};
pub use disk::{DiskFiles, FileCheck, room};
pub use error::OpenError;
pub use open::{attach, examine, open};
pub use postgres::PostgresStore;
pub use sqlite::{SqliteStore, erased, snapshot, tag_of};
pub use url::StoreUrl;
