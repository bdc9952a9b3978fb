//! Copies everything from one store into a new one, whatever kinds the two are.
//!
//! Their tables differ only in how values are encoded, so rows travel as plain values, table by table, a page at a time.
//! What is read is one moment's state, and what is written is one transaction.

mod ends;
mod postgres;
mod rows;
mod sqlite;
mod table;

use crate::OpenError;
use crate::url::{Location, StoreUrl};
use ends::{End, Result};
use table::{TABLES, Table};

impl Location {
    /// Whether it is certainly the same one. (Another name of the same database is found out when it is opened.)
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(one), Self::File(two)) => {
                one == two || matches!((one.canonicalize(), two.canonicalize()), (Ok(one), Ok(two)) if one == two)
            }
            (Self::Server { options: one, .. }, Self::Server { options: two, .. }) => {
                crate::url::server(one) == crate::url::server(two)
            }
            _ => false,
        }
    }

    async fn source(&self) -> Result<Box<dyn End>> {
        Ok(match self {
            Self::File(path) => Box::new(sqlite::source(path).await?),
            Self::Server { options, .. } => Box::new(postgres::source(options).await?),
        })
    }

    async fn target(&self) -> Result<Box<dyn End>> {
        Ok(match self {
            Self::File(path) => Box::new(sqlite::target(path).await?),
            Self::Server { options, .. } => Box::new(postgres::target(options).await?),
        })
    }

    fn refused(&self, problem: String) -> OpenError {
        match self {
            Self::File(path) => OpenError::Unusable { path: path.clone(), problem },
            Self::Server { options, .. } => OpenError::Refused { database: crate::url::server(options), problem },
        }
    }
}

/// How many rows of each table were copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The tables' names and their rows.
    pub tables: Vec<(&'static str, u64)>,
}

/// Copies everything that is in the store `from` into the new store `to`. Nobody else may have the stores open.
///
/// # Errors
/// [`OpenError`]: one of them can't be used or is in use, `to` is not empty, or copying failed. `from` is never changed,
/// and `to` is as empty as before then.
pub async fn migrate(from: &StoreUrl, to: &StoreUrl) -> std::result::Result<Report, OpenError> {
    let (from, to) = (&from.0, &to.0);
    if from.is(to) {
        return Err(to.refused("is the store that is to be copied; name another one to copy it to".to_owned()));
    }
    let mut source = from.source().await.map_err(|problem| from.refused(problem))?;
    let mut target = to.target().await.map_err(|problem| to.refused(problem))?;
    let mut tables = Vec::with_capacity(TABLES.len());
    for table in &TABLES {
        let (mut rows, mut after) = (0, None);
        loop {
            let page = source.page(table, after).await.map_err(|problem| from.refused(reading(table, &problem)))?;
            let Some(last) = page.last() else { break };
            after = last.first().cloned();
            rows += page.len() as u64;
            target.insert(table, page).await.map_err(|problem| to.refused(writing(table, &problem)))?;
        }
        if table.counts {
            let last = source.counter(table).await.map_err(|problem| from.refused(reading(table, &problem)))?;
            target.set_counter(table, last).await.map_err(|problem| to.refused(writing(table, &problem)))?;
        }
        tables.push((table.name, rows));
    }
    target.finish().await.map_err(|problem| to.refused(problem))?;
    source.finish().await.map_err(|problem| from.refused(problem))?;
    Ok(Report { tables })
}

fn reading(table: &Table, problem: &str) -> String {
    format!("can't read {}: {problem}; nothing was copied", table.name)
}

fn writing(table: &Table, problem: &str) -> String {
    format!("can't write {}: {problem}; nothing was copied", table.name)
}
