//! A copy of the database while a service writes to it, and what was erased since a copy was made.

use super::schema;
use crate::OpenError;
use openline_core::ConversationId;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OptionalExtension};
use std::io::{ErrorKind, Result, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a busy database is waited for, between two tries.
const PAUSE: Duration = Duration::from_millis(50);
/// How often it is tried.
const TRIES: u32 = 200;

/// Copies the database at `from` as it is at one moment into the new file `to`, whoever writes to it meanwhile. Blocks.
///
/// # Errors
/// [`OpenError`] when there is none, or the copy can't be written.
pub fn snapshot(from: &Path, to: &Path) -> std::result::Result<(), OpenError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error: rusqlite::Error| OpenError::Unusable { path: path.clone(), problem: schema::explain(&error) }
    };
    if !from.exists() {
        let problem = "there is no such database".to_owned();
        return Err(OpenError::Unusable { path: from.to_owned(), problem });
    }
    let source = schema::reader(from)?;
    let made = crate::private::file().create(true).append(true).open(to);
    made.map_err(|error| OpenError::Unusable { path: to.to_owned(), problem: error.to_string() })?;
    let mut target = Connection::open(to).map_err(at(to))?;
    let copy = Backup::new(&source, &mut target).map_err(at(to))?;
    for _ in 0..TRIES {
        // All in one step: a step that is interrupted by a writer would begin anew.
        match copy.step(-1).map_err(at(to))? {
            StepResult::Done => return Ok(()),
            _ => std::thread::sleep(PAUSE),
        }
    }
    Err(OpenError::Unusable { path: from.to_owned(), problem: "is busy all the time".to_owned() })
}

/// The word under which a database's ids were given out, as the file says before anybody opens it. Blocks.
///
/// # Errors
/// [`OpenError`] when it can't be read.
pub fn tag_of(database: &Path) -> std::result::Result<Option<String>, OpenError> {
    let db = schema::reader(database)?;
    let tag = db.query_row("SELECT value FROM meta WHERE key = 'tag'", [], |row| row.get(0)).optional();
    tag.map_err(|error| OpenError::Unusable { path: database.to_owned(), problem: schema::explain(&error) })
}

/// The file beside a database that names what was erased from it: `TAG CONVERSATION` a line.
pub(super) fn journal(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".erased");
    PathBuf::from(name)
}

/// Writes down that a conversation is erased, so that it is erased again from an older copy. Numbers only: they tell
/// nothing of anybody.
pub(super) fn note_erased(database: &Path, tag: &str, conversation: ConversationId) -> Result<()> {
    let mut file = crate::private::file().append(true).create(true).open(journal(database))?;
    writeln!(file, "{tag} {conversation}")?;
    file.sync_all()
}

/// What a journal names of the database with that tag; nothing when there is no journal.
///
/// # Errors
/// When it can't be read.
pub fn erased(journal: &Path, tag: &str) -> Result<Vec<ConversationId>> {
    let text = match std::fs::read_to_string(journal) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    let ours = text.lines().filter_map(|line| line.split_once(' ')).filter(|(of, _)| *of == tag);
    Ok(ours.filter_map(|(_, id)| id.parse().ok().map(ConversationId)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_names_what_was_erased_of_one_database() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("openline.db");
        for (tag, id) in [("aa", 1), ("bb", 2), ("aa", 3)] {
            note_erased(&database, tag, ConversationId(id)).unwrap();
        }
        let named = |tag| erased(&journal(&database), tag).unwrap();
        assert_eq!(named("aa"), [ConversationId(1), ConversationId(3)]);
        assert!(named("cc").is_empty() && erased(Path::new("/nowhere/at/all"), "aa").unwrap().is_empty());
    }
}
