//! The [`openline_core::Store`] port on SQLite (the embedded default) and on PostgreSQL (for several processes), and the
//! [`openline_core::Files`] port on a folder.

mod code;
mod copy;
mod disk;
mod files;
mod open;
mod postgres;
mod search;
mod sqlite;

pub use copy::{Report, migrate};
pub use disk::DiskFiles;
pub use open::{OpenError, attach, examine, file as sqlite_file, open};
pub use postgres::PostgresStore;
pub use sqlite::{SqliteStore, erased, snapshot, tag_of};
