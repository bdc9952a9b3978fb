//! Opening the store that an address names.

use crate::error::OpenError;
use crate::url::{Location, StoreUrl};
use crate::{PostgresStore, SqliteStore};
use openline_core::Store;
use openline_core::store::Opening;
use std::path::Path;
use std::sync::Arc;

/// Opens the store, making it when it doesn't exist and bringing an older one up to date.
///
/// # Errors
/// [`OpenError`]; an existing database is never changed then.
pub async fn open(url: &StoreUrl) -> Result<Arc<dyn Store>, OpenError> {
    match &url.0 {
        Location::Server { options, .. } => Ok(Arc::new(PostgresStore::connect(options).await?)),
        Location::File(path) => sqlite(path, SqliteStore::open).await,
    }
}

/// Opens the store beside a service that may be running on it, for looking and small repairs.
///
/// # Errors
/// [`OpenError`]; a database that doesn't exist is not made.
pub async fn attach(url: &StoreUrl) -> Result<Arc<dyn Store>, OpenError> {
    match &url.0 {
        Location::Server { options, .. } => Ok(Arc::new(PostgresStore::connect(options).await?)),
        Location::File(path) => sqlite(path, SqliteStore::attach).await,
    }
}

/// Reads the whole database and looks for damage, while no service runs on it. Of one on a server only whether it can be
/// used: its server looks after the rest.
///
/// # Errors
/// [`OpenError`], with what is wrong; nothing is changed.
pub async fn examine(url: &StoreUrl) -> Result<(), OpenError> {
    match &url.0 {
        Location::Server { options, .. } => {
            PostgresStore::connect(options).await?.close().await;
            Ok(())
        }
        Location::File(path) => blocking(path, crate::sqlite::schema::examine).await,
    }
}

async fn sqlite(path: &Path, how: fn(&Path) -> Result<SqliteStore, OpenError>) -> Result<Arc<dyn Store>, OpenError> {
    Ok(Arc::new(blocking(path, how).await?))
}

/// Runs what waits for the disk where it holds up nobody.
async fn blocking<T: Send + 'static>(path: &Path, work: fn(&Path) -> Result<T, OpenError>) -> Result<T, OpenError> {
    let (path, shown) = (path.to_owned(), path.to_owned());
    let done = tokio::task::spawn_blocking(move || work(&path)).await;
    done.unwrap_or_else(|error| Err(OpenError::Unusable { path: shown, problem: error.to_string() }))
}
