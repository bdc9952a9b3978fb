//! Pages of rows on PostgreSQL.

use super::ends::{Cell, PAGE, Row};
use super::table::{ColumnType, Table};
use crate::postgres::fault::Result;
use crate::postgres::row::{column, words};
use sqlx::postgres::PgRow;

/// SQL for the next rows.
pub(super) fn page(table: &Table, behind: bool) -> String {
    let values = table.columns.iter().map(|column| match column.kind {
        ColumnType::Number => format!("({})::bigint", column.value),
        ColumnType::Flag => format!("({})::int::bigint", column.value),
        ColumnType::Text | ColumnType::Words | ColumnType::Bytes => column.value.to_owned(),
    });
    let values = values.collect::<Vec<_>>().join(", ");
    let key = table.key();
    // An index has the beginnings of long keys; they have the keys' order.
    let (order, start) = match key.kind {
        ColumnType::Words => {
            let start = |key| format!("substring({key} FROM 1 FOR 256)");
            (format!("{}, {}", start(key.name), key.name), format!("AND {} >= {}", start(key.name), start("$1")))
        }
        _ => (key.name.to_owned(), String::new()),
    };
    let behind = if behind { format!("{start} AND {} > $1", key.name) } else { String::new() };
    format!("SELECT {values} FROM {} WHERE {} {behind} ORDER BY {order} LIMIT {PAGE}", table.name, table.rows)
}

/// A row's values.
pub(super) fn read(row: &PgRow, table: &Table) -> Result<Row> {
    let cells = table.columns.iter().enumerate().map(|(index, wanted)| {
        Ok(match wanted.kind {
            ColumnType::Number | ColumnType::Flag => column::<Option<i64>>(row, index)?.map(Cell::Number),
            ColumnType::Text => column::<Option<String>>(row, index)?.map(Cell::Text),
            ColumnType::Words => words(row, index)?.map(Cell::Text),
            ColumnType::Bytes => column::<Option<Vec<u8>>>(row, index)?.map(Cell::Bytes),
        }
        .unwrap_or_default())
    });
    cells.collect()
}

/// SQL that stores rows, a list for each column.
pub(super) fn insert(table: &Table) -> String {
    let values = table.columns.iter().map(|column| match column.kind {
        ColumnType::Flag => format!("k.{} <> 0", column.name),
        _ => format!("k.{}", column.name),
    });
    let values = values.collect::<Vec<_>>().join(", ");
    let lists = table.columns.iter().enumerate().map(|(index, column)| {
        let kind = match column.kind {
            ColumnType::Number | ColumnType::Flag => "bigint",
            ColumnType::Text => "text",
            ColumnType::Words | ColumnType::Bytes => "bytea",
        };
        format!("${}::{kind}[]", index + 1)
    });
    let lists = lists.collect::<Vec<_>>().join(", ");
    let names = table.names("");
    format!("INSERT INTO {} ({names}) SELECT {values} FROM unnest({lists}) k ({names})", table.name)
}
