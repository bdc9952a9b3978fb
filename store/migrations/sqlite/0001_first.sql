-- Times are Unix milliseconds. Enumerations are small integers, named in store/src/sqlite/row.rs.

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- One chat of one channel instance.
CREATE TABLE conversations (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    channel       TEXT    NOT NULL,
    chat          TEXT    NOT NULL,
    visitor       TEXT    NOT NULL,           -- JSON of core's Visitor
    line          TEXT,
    portal_chat   TEXT,
    session       TEXT,
    dialog        INTEGER NOT NULL DEFAULT 0,
    rev           INTEGER NOT NULL DEFAULT 0,
    last_pos      INTEGER NOT NULL DEFAULT 0,
    newest_remote INTEGER NOT NULL DEFAULT 0, -- the greatest messages.remote
    created_at    INTEGER NOT NULL,
    active_at     INTEGER NOT NULL,
    UNIQUE (channel, chat)
);

CREATE INDEX conversations_open ON conversations (id) WHERE dialog = 1;

CREATE TABLE messages (
    id           INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused: it is part of the external id
    conversation INTEGER NOT NULL REFERENCES conversations (id),
    rev          INTEGER NOT NULL,
    pos          INTEGER NOT NULL,
    kind         INTEGER NOT NULL,
    side         INTEGER NOT NULL,
    state        INTEGER NOT NULL,
    key          TEXT    NOT NULL,                  -- dedupe key
    author       TEXT,
    content      TEXT    NOT NULL,                  -- JSON of core's Content
    at           INTEGER NOT NULL,
    remote       INTEGER,
    delivered_as TEXT,                              -- JSON list
    edited       INTEGER NOT NULL DEFAULT 0,        -- whether an edit changed it
    edited_at    INTEGER,                           -- the operators' newest edit, also one that changed nothing
    deleted      INTEGER NOT NULL DEFAULT 0,
    tag          INTEGER NOT NULL DEFAULT 0         -- of the run that stored it: part of the external id
);
CREATE UNIQUE INDEX messages_key ON messages (conversation, key, side);
CREATE INDEX messages_rev ON messages (conversation, rev);
CREATE INDEX messages_pos ON messages (conversation, pos);

-- One conversation in one queue. due_at is NULL when the lane is empty; a lease moves it into the future.
CREATE TABLE lanes (
    id           INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversations (id),
    queue        TEXT    NOT NULL,
    due_at       INTEGER,
    leased       INTEGER NOT NULL DEFAULT 0,        -- the leased job, 0 when none
    leased_at    INTEGER,                           -- when it was leased last
    fresh        INTEGER NOT NULL DEFAULT 0,        -- whether the backend does not know the conversation yet
    UNIQUE (conversation, queue)
);
CREATE INDEX lanes_due ON lanes (queue, fresh, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE jobs (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    lane       INTEGER NOT NULL REFERENCES lanes (id),
    message    INTEGER NOT NULL REFERENCES messages (id),
    task       INTEGER NOT NULL,
    attempts   INTEGER NOT NULL DEFAULT 0,
    uncertain  INTEGER NOT NULL DEFAULT 0,
    unknown_since INTEGER, -- when the attempt of unknown outcome was claimed, or known to have ended
    created_at INTEGER NOT NULL,
    dead_at    INTEGER,
    reason     TEXT
);
CREATE INDEX jobs_lane ON jobs (lane, id) WHERE dead_at IS NULL;
CREATE INDEX jobs_dead ON jobs (id) WHERE dead_at IS NOT NULL;
CREATE INDEX jobs_message_dead ON jobs (message) WHERE dead_at IS NOT NULL;

-- Adapters' own values (portal credentials, line bindings, offsets).
CREATE TABLE state (
    key   TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;
