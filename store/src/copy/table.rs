//! The tables that both kinds of databases have.

/// How a column's values are stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnType {
    Number,
    /// True or false; a number while it travels.
    Flag,
    /// Text without NUL.
    Text,
    /// What somebody wrote: a text that PostgreSQL keeps as bytes.
    Words,
    Bytes,
}

pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: ColumnType,
    /// SQL for its value at the target, which both kinds of databases understand.
    pub(super) value: &'static str,
}

const fn column(name: &'static str, kind: ColumnType) -> Column {
    Column { name, kind, value: name }
}

/// A table. Its first column is its key.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// SQL that tells which rows are copied.
    pub(super) rows: &'static str,
    /// Whether its key counts up.
    pub(super) counts: bool,
    pub(super) columns: &'static [Column],
}

/// All tables, each behind those that it refers to. A lease ends with the copy, and nobody knows what becomes of its job.
pub(super) static TABLES: [Table; 6] = [
    Table {
        name: "conversations",
        rows: "TRUE",
        counts: true,
        columns: &[
            column("id", ColumnType::Number),
            column("channel", ColumnType::Text),
            column("chat", ColumnType::Text),
            column("visitor", ColumnType::Text),
            column("line", ColumnType::Words),
            column("portal_chat", ColumnType::Words),
            column("session", ColumnType::Words),
            column("dialog", ColumnType::Number),
            column("rev", ColumnType::Number),
            column("last_pos", ColumnType::Number),
            column("newest_remote", ColumnType::Number),
            column("created_at", ColumnType::Number),
            column("active_at", ColumnType::Number),
        ],
    },
    Table {
        name: "messages",
        rows: "TRUE",
        counts: true,
        columns: &[
            column("id", ColumnType::Number),
            column("conversation", ColumnType::Number),
            column("rev", ColumnType::Number),
            column("pos", ColumnType::Number),
            column("kind", ColumnType::Number),
            column("side", ColumnType::Number),
            column("state", ColumnType::Number),
            column("key", ColumnType::Words),
            column("author", ColumnType::Words),
            column("content", ColumnType::Text),
            column("at", ColumnType::Number),
            column("remote", ColumnType::Number),
            column("delivered_as", ColumnType::Text),
            column("edited", ColumnType::Flag),
            column("edited_at", ColumnType::Number),
            column("deleted", ColumnType::Flag),
            column("tag", ColumnType::Number),
        ],
    },
    Table {
        name: "lanes",
        rows: "TRUE",
        counts: true,
        columns: &[
            column("id", ColumnType::Number),
            column("conversation", ColumnType::Number),
            column("queue", ColumnType::Text),
            Column { name: "due_at", kind: ColumnType::Number, value: "CASE WHEN leased <> 0 THEN 0 ELSE due_at END" },
            column("fresh", ColumnType::Flag),
        ],
    },
    Table {
        name: "jobs",
        rows: "TRUE",
        counts: true,
        columns: &[
            column("id", ColumnType::Number),
            column("lane", ColumnType::Number),
            column("message", ColumnType::Number),
            column("task", ColumnType::Number),
            column("attempts", ColumnType::Number),
            Column {
                name: "uncertain",
                kind: ColumnType::Flag,
                value: "uncertain OR EXISTS (SELECT 1 FROM lanes l WHERE l.id = jobs.lane AND l.leased = jobs.id)",
            },
            Column {
                name: "unknown_since",
                kind: ColumnType::Number,
                value: "coalesce((SELECT leased_at FROM lanes l WHERE l.id = jobs.lane AND l.leased = jobs.id), unknown_since)",
            },
            column("created_at", ColumnType::Number),
            column("dead_at", ColumnType::Number),
            column("reason", ColumnType::Words),
        ],
    },
    Table {
        name: "past_dialogs",
        rows: "TRUE",
        counts: true,
        columns: &[
            column("id", ColumnType::Number),
            column("conversation", ColumnType::Number),
            column("session", ColumnType::Words),
        ],
    },
    Table {
        name: "state",
        rows: "TRUE",
        counts: false,
        columns: &[column("key", ColumnType::Words), column("value", ColumnType::Bytes)],
    },
];

impl Table {
    /// Its columns' names, with something before each.
    pub(super) fn names(&self, before: &str) -> String {
        self.columns.iter().map(|column| format!("{before}{}", column.name)).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn key(&self) -> &'static Column {
        &self.columns[0]
    }
}
