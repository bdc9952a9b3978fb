-- Dialogs that are over, or that another one followed: what was written in them last may not have reached us, so each
-- one's history is read once more. One that is told again has a new id.
CREATE TABLE past_dialogs (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversations (id),
    session      TEXT    NOT NULL
);
CREATE UNIQUE INDEX past_dialogs_session ON past_dialogs (conversation, session);
