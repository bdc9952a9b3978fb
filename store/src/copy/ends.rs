//! The two ends of a copy, and what travels between them.

use super::table::Table;
use async_trait::async_trait;

/// Most rows that are in memory at a time.
pub(super) const PAGE: usize = 256;

/// What a person is told when somebody has the database open.
pub(super) const IN_USE: &str = "in use by another openline process; stop that one first";
/// And when there is something at the target.
pub(super) const FILLED: &str = "is not empty; a store is only copied into a new database";
/// And when there is nothing at the source.
pub(super) const BLANK: &str = "was never used by the service; there is nothing to copy";
/// And when the source is from before an update.
pub(super) const OLDER: &str =
    "was written by an older openline; start this version's service on it once, then copy it";

/// Whether there is anything in a database.
pub(super) const IS_FILLED: &str = "SELECT EXISTS (SELECT 1 FROM conversations) OR EXISTS (SELECT 1 FROM messages) \
    OR EXISTS (SELECT 1 FROM lanes) OR EXISTS (SELECT 1 FROM jobs) OR EXISTS (SELECT 1 FROM state)";

/// A value on its way.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Cell {
    #[default]
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Cell {
    pub(super) fn number(self) -> Option<i64> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }

    pub(super) fn text(self) -> Option<String> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(text.into_bytes()),
            Self::Bytes(bytes) => Some(bytes),
            Self::Null | Self::Number(_) => None,
        }
    }
}

pub(super) type Row = Vec<Cell>;

/// What went wrong, for people, without the database's name.
pub(super) type Result<T> = std::result::Result<T, String>;

/// One of the two databases, open for nobody else.
#[async_trait]
pub(super) trait End: Send {
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
