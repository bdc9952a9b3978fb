//! Choosing a store by its URL, and the errors a person sees when it can't be opened.

use crate::{PostgresStore, SqliteStore};
use openline_core::{Store, Tag};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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

/// Opens the store that `url` names, making it when it doesn't exist and bringing an older one up to date.
///
/// # Errors
/// [`OpenError`]; an existing database is never changed then.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, OpenError> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Arc::new(PostgresStore::open(url).await?));
    }
    sqlite(url, SqliteStore::open).await
}

/// Opens the store that `url` names beside a service that may be running on it, for looking and small repairs.
///
/// # Errors
/// [`OpenError`]; a database that doesn't exist is not made.
pub async fn attach(url: &str) -> Result<Arc<dyn Store>, OpenError> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Arc::new(PostgresStore::open(url).await?));
    }
    sqlite(url, SqliteStore::attach).await
}

/// Reads the whole database that `url` names and looks for damage, while no service runs on it. Of one on a server only
/// whether it can be used: its server looks after the rest.
///
/// # Errors
/// [`OpenError`], with what is wrong; nothing is changed.
pub async fn examine(url: &str) -> Result<(), OpenError> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let store = PostgresStore::open(url).await?;
        store.close().await;
        return Ok(());
    }
    let path = file(url)?;
    let shown = path.clone();
    let examined = tokio::task::spawn_blocking(move || crate::sqlite::schema::examine(&path)).await;
    examined.unwrap_or_else(|error| Err(OpenError::Unusable { path: shown, problem: error.to_string() }))
}

/// A word for this opening.
pub(crate) fn tag(path: &Path) -> Result<Tag, OpenError> {
    let chance = |e: getrandom::Error| OpenError::Unusable { path: path.to_owned(), problem: e.to_string() };
    getrandom::u32().map(Tag).map_err(chance)
}

async fn sqlite(url: &str, how: fn(&Path) -> Result<SqliteStore, OpenError>) -> Result<Arc<dyn Store>, OpenError> {
    let path = file(url)?;
    let store = tokio::task::spawn_blocking(move || how(&path)).await;
    match store {
        Ok(store) => Ok(Arc::new(store?)),
        Err(error) => Err(OpenError::Unusable { path: PathBuf::from(url), problem: error.to_string() }),
    }
}

/// The file that a `sqlite:` URL names.
///
/// # Errors
/// [`OpenError::UnknownUrl`] when it names none.
pub fn file(url: &str) -> Result<PathBuf, OpenError> {
    let path = url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
    // SQLite's own names for a database in memory: the threads would each get one of their own.
    let path = path.filter(|path| !path.is_empty() && *path != ":memory:");
    path.map(PathBuf::from).ok_or_else(|| OpenError::UnknownUrl(redacted(url)))
}

/// A URL without what may be a password.
pub(crate) fn redacted(url: &str) -> String {
    let (start, end) = match (url.find("://"), url.rfind('@')) {
        (Some(start), Some(at)) if at > start => (&url[..start + 3], &url[at..]),
        _ => ("", url),
    };
    let shown = end.split('?').next().unwrap_or_default();
    if start.is_empty() { shown.to_owned() } else { format!("{start}…{shown}") }
}
