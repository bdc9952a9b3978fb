//! The tables that both kinds of databases have.

/// How a column's values are stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
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
    pub(super) kind: Kind,
    /// SQL for its value at the target, which both kinds of databases understand.
    pub(super) value: &'static str,
}

const fn column(name: &'static str, kind: Kind) -> Column {
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
            column("id", Kind::Number),
            column("channel", Kind::Text),
            column("chat", Kind::Text),
            column("visitor", Kind::Text),
            column("line", Kind::Words),
            column("portal_chat", Kind::Words),
            column("session", Kind::Words),
            column("dialog", Kind::Number),
            column("rev", Kind::Number),
            column("last_pos", Kind::Number),
            column("newest_remote", Kind::Number),
            column("created_at", Kind::Number),
            column("active_at", Kind::Number),
        ],
    },
    Table {
        name: "messages",
        rows: "TRUE",
        counts: true,
        columns: &[
            column("id", Kind::Number),
            column("conversation", Kind::Number),
            column("rev", Kind::Number),
            column("pos", Kind::Number),
            column("kind", Kind::Number),
            column("side", Kind::Number),
            column("state", Kind::Number),
            column("key", Kind::Words),
            column("author", Kind::Words),
            column("content", Kind::Text),
            column("at", Kind::Number),
            column("remote", Kind::Number),
            column("delivered_as", Kind::Text),
            column("edited", Kind::Flag),
            column("edited_at", Kind::Number),
            column("deleted", Kind::Flag),
            column("tag", Kind::Number),
        ],
    },
    Table {
        name: "lanes",
        rows: "TRUE",
        counts: true,
        columns: &[
            column("id", Kind::Number),
            column("conversation", Kind::Number),
            column("queue", Kind::Text),
            Column { name: "due_at", kind: Kind::Number, value: "CASE WHEN leased <> 0 THEN 0 ELSE due_at END" },
            column("fresh", Kind::Flag),
        ],
    },
    Table {
        name: "jobs",
        rows: "TRUE",
        counts: true,
        columns: &[
            column("id", Kind::Number),
            column("lane", Kind::Number),
            column("message", Kind::Number),
            column("task", Kind::Number),
            column("attempts", Kind::Number),
            Column {
                name: "uncertain",
                kind: Kind::Flag,
                value: "uncertain OR EXISTS (SELECT 1 FROM lanes l WHERE l.id = jobs.lane AND l.leased = jobs.id)",
            },
            Column {
                name: "unknown_since",
                kind: Kind::Number,
                value: "coalesce((SELECT leased_at FROM lanes l WHERE l.id = jobs.lane AND l.leased = jobs.id), unknown_since)",
            },
            column("created_at", Kind::Number),
            column("dead_at", Kind::Number),
            column("reason", Kind::Words),
        ],
    },
    Table {
        name: "past_dialogs",
        rows: "TRUE",
        counts: true,
        columns: &[column("id", Kind::Number), column("conversation", Kind::Number), column("session", Kind::Words)],
    },
    Table {
        name: "state",
        rows: "TRUE",
        counts: false,
        columns: &[column("key", Kind::Words), column("value", Kind::Bytes)],
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
