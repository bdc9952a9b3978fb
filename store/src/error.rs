//! The errors a person sees when a store can't be opened, and the word of an opening.

use openline_core::Tag;
use std::path::PathBuf;

/// Why a database could not be opened, and what would help.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not a URL of a store we have.
    #[error(
        "{0:?} is not a store: write sqlite:FILE, for example sqlite:data/openline.db, \
         or postgres://USER:PASSWORD@HOST/DATABASE"
    )]
    UnknownUrl(String),
    /// The folder or the file can't be used.
    #[error("{path}: {problem}", path = path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong and what would help.
        problem: String,
    },
    /// The database on a server can't be used.
    #[error("{database}: {problem}")]
    Refused {
        /// The server and its database, without a password.
        database: String,
        /// What is wrong and what would help.
        problem: String,
    },
}

/// A word for this opening.
pub(crate) fn tag() -> Tag {
    Tag(fastrand::u32(..))
}
