//! Pages of rows on PostgreSQL.

use super::ends::{Cell, PAGE, Row};
use super::table::{Kind, Table};
use crate::postgres::fault::Result;
use crate::postgres::row::{column, words};
use sqlx::postgres::PgRow;

/// SQL for the next rows.
pub(super) fn page(table: &Table, behind: bool) -> String {
    let values = table.columns.iter().map(|column| match column.kind {
        Kind::Number => format!("({})::bigint", column.value),
        Kind::Flag => format!("({})::int::bigint", column.value),
        Kind::Text | Kind::Words | Kind::Bytes => column.value.to_owned(),
    });
    let values = values.collect::<Vec<_>>().join(", ");
    let key = table.key();
    // An index has the beginnings of long keys; they have the keys' order.
    let (order, start) = match key.kind {
        Kind::Words => {
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
            Kind::Number | Kind::Flag => column::<Option<i64>>(row, index)?.map(Cell::Number),
            Kind::Text => column::<Option<String>>(row, index)?.map(Cell::Text),
            Kind::Words => words(row, index)?.map(Cell::Text),
            Kind::Bytes => column::<Option<Vec<u8>>>(row, index)?.map(Cell::Bytes),
        }
        .unwrap_or_default())
    });
    cells.collect()
}

/// SQL that stores rows, a list for each column.
pub(super) fn insert(table: &Table) -> String {
    let values = table.columns.iter().map(|column| match column.kind {
        Kind::Flag => format!("k.{} <> 0", column.name),
        _ => format!("k.{}", column.name),
    });
    let values = values.collect::<Vec<_>>().join(", ");
    let lists = table.columns.iter().enumerate().map(|(index, column)| {
        let kind = match column.kind {
            Kind::Number | Kind::Flag => "bigint",
            Kind::Text => "text",
            Kind::Words | Kind::Bytes => "bytea",
        };
        format!("${}::{kind}[]", index + 1)
    });
    let lists = lists.collect::<Vec<_>>().join(", ");
    let names = table.names("");
    format!("INSERT INTO {} ({names}) SELECT {values} FROM unnest({lists}) k ({names})", table.name)
}
