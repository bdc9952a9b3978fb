//! Copies everything from one store into a new one, whatever kinds the two are.
//!
//! Their tables differ only in how values are encoded, so rows travel as plain values, table by table, a page at a time.
//! What is read is one moment's state, and what is written is one transaction.

mod postgres;
mod rows;
mod sqlite;
mod table;

use crate::OpenError;
use crate::url::{Place, StoreUrl};
use async_trait::async_trait;
use table::{TABLES, Table};

/// Most rows that are in memory at a time.
const PAGE: usize = 256;

/// What a person is told when somebody has the database open.
const IN_USE: &str = "in use by another openline process; stop that one first";
/// And when there is something at the target.
const FILLED: &str = "is not empty; a store is only copied into a new database";
/// And when there is nothing at the source.
const BLANK: &str = "was never used by the service; there is nothing to copy";
/// And when the source is from before an update.
const OLDER: &str = "was written by an older openline; start this version's service on it once, then copy it";

/// Whether there is anything in a database.
const IS_FILLED: &str = "SELECT EXISTS (SELECT 1 FROM conversations) OR EXISTS (SELECT 1 FROM messages) \
    OR EXISTS (SELECT 1 FROM lanes) OR EXISTS (SELECT 1 FROM jobs) OR EXISTS (SELECT 1 FROM state)";

/// A value on its way.
#[derive(Debug, Clone, PartialEq, Default)]
enum Cell {
    #[default]
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Cell {
    fn number(self) -> Option<i64> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }

    fn text(self) -> Option<String> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    fn bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(text.into_bytes()),
            Self::Bytes(bytes) => Some(bytes),
            Self::Null | Self::Number(_) => None,
        }
    }
}

type Row = Vec<Cell>;

/// What went wrong, for people, without the database's name.
type Result<T> = std::result::Result<T, String>;

/// One of the two databases, open for nobody else.
#[async_trait]
trait End: Send {
    /// The next rows behind that key, by key.
    async fn page(&mut self, table: &'static Table, after: Option<Cell>) -> Result<Vec<Row>>;
    async fn insert(&mut self, table: &'static Table, rows: Vec<Row>) -> Result<()>;
    /// The greatest key that was ever given out.
    async fn counter(&mut self, table: &'static Table) -> Result<i64>;
    /// Lets the keys go on behind that one.
    async fn set_counter(&mut self, table: &'static Table, last: i64) -> Result<()>;
    /// Keeps what was written, and lets the database go.
    async fn finish(self: Box<Self>) -> Result<()>;
}

impl Place {
    /// Whether it is certainly the same one. (Another name of the same database is found out when it is opened.)
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(one), Self::File(two)) => {
                one == two || matches!((one.canonicalize(), two.canonicalize()), (Ok(one), Ok(two)) if one == two)
            }
            (Self::Server { options: one, .. }, Self::Server { options: two, .. }) => {
                crate::postgres::schema::name(one) == crate::postgres::schema::name(two)
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
            Self::Server { options, .. } => {
                OpenError::Refused { database: crate::postgres::schema::name(options), problem }
            }
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
