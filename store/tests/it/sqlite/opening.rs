//! Which files are taken, and what a person is told of the others.

use super::talk::{child, keys, part, write};
use crate::common::beside;
use crate::common::open;
use openline_core::store::prelude::*;
use openline_store::{OpenError, SqliteStore};
use rusqlite::Connection;
use std::path::Path;

/// Of the database's file, in bytes.
const PAGE: usize = 2048;

fn refusal(path: &Path) -> String {
    SqliteStore::open(path).err().unwrap().to_string()
}

/// Refused with these words, and not changed.
fn refused(path: &Path, words: &str) {
    let before = std::fs::read(path).unwrap();
    let told = refusal(path);
    assert!(told.contains(words) && told.contains(&*path.to_string_lossy()), "{told}");
    assert!(std::fs::read(path).unwrap() == before, "the file was changed");
}

/// A database with some messages, closed.
async fn filled(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    for n in 0..50 {
        write(&store, "c", &n.to_string(), &"text ".repeat(200)).await.unwrap();
    }
    store.close().await;
}

/// As whoever was killed before it could say that it ended.
fn not_ended(path: &Path) {
    let ended = "DELETE FROM meta WHERE key = 'ended'";
    assert_eq!(Connection::open(path).unwrap().execute(ended, []).unwrap(), 1);
}

#[tokio::test]
async fn folders_are_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/openline.db");
    filled(&path).await;
    assert!(path.is_file());
}

#[tokio::test]
async fn an_empty_file_is_a_new_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openline.db");
    std::fs::write(&path, "").unwrap();
    filled(&path).await;
}

#[tokio::test]
async fn urls_name_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file:odd name?mode=memory.db");
    for url in [format!("sqlite:{}", path.display()), format!("sqlite://{}", path.display())] {
        let store = open(&url).await.unwrap();
        write(&*store, "c", "k", "text").await.unwrap();
        assert_eq!(keys(&*store).await, ["k"]);
        store.close().await;
        assert!(path.is_file());
    }
}

#[tokio::test]
async fn what_is_no_file_is_refused_without_telling_passwords() {
    for url in ["", "openline.db", "sqlite:", "sqlite://", "sqlite::memory:", "mysql://me:secret@host/db"] {
        let error = open(url).await.err().unwrap();
        assert!(matches!(error, OpenError::UnknownUrl(_)), "{url}: {error}");
        let told = error.to_string();
        assert!(told.contains("sqlite:data/openline.db") && !told.contains("secret"), "{told}");
    }
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "not a database, but a long enough text ".repeat(100)).unwrap();
    refused(&path, "is not a database");
}

#[test]
fn another_programs_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let setups = [
        "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)",
        "PRAGMA application_id = 7",
        "PRAGMA user_version = 1",
        "CREATE TABLE theirs (x); PRAGMA user_version = 99",
    ];
    for (n, setup) in setups.into_iter().enumerate() {
        let path = folder.path().join(format!("{n}.db"));
        Connection::open(&path).unwrap().execute_batch(setup).unwrap();
        refused(&path, "is the database of another program");
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openline.db");
    filled(&path).await;
    for version in [99, -1] {
        Connection::open(&path).unwrap().pragma_update(None, "user_version", version).unwrap();
        refused(&path, "was written by a newer openline");
    }
}

#[tokio::test]
async fn a_damaged_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("openline.db");
    filled(&whole).await;
    not_ended(&whole);
    let bytes = std::fs::read(&whole).unwrap();
    assert!(bytes.len() > 60_000, "it must have a middle");
    let overwritten = |from: usize| {
        let mut bytes = bytes.clone();
        bytes[from..from + PAGE].fill(0x5a);
        bytes
    };
    let damages = [
        ("middle", overwritten(bytes.len() / PAGE / 2 * PAGE)),
        ("schema", overwritten(100)),
        ("end", bytes[..bytes.len() - 2 * PAGE].to_vec()),
    ];
    for (name, bytes) in damages {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        refused(&path, "is damaged");
    }
    let path = folder.path().join("beginning");
    std::fs::write(&path, overwritten(0)).unwrap();
    refused(&path, "is not a database");
}

/// What was closed is not read whole at the start: that takes the longer the larger it is. `doctor` does.
#[tokio::test]
async fn a_start_reads_everything_only_after_an_unclean_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openline.db");
    filled(&path).await;
    let mut bytes = std::fs::read(&path).unwrap();
    // One that has nothing but messages.
    let is_text =
        |page: &&mut [u8]| page[0] == 0x0d && page.windows(10).filter(|at| *at == b"text text ").count() > 100;
    bytes.chunks_mut(PAGE).rfind(is_text).unwrap()[100..].fill(0x5a);
    std::fs::write(&path, bytes).unwrap();
    let url = format!("sqlite:{}", path.display());
    let told = openline_store::examine(&url.parse().unwrap()).await.err().unwrap().to_string();
    assert!(told.contains("is damaged"), "{told}");
    drop(SqliteStore::open(&path).unwrap());
    not_ended(&path);
    refused(&path, "is damaged");
}

/// What a killed process leaves is checked at the next start.
#[tokio::test]
async fn only_who_closes_says_that_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openline.db");
    filled(&path).await;
    let ended = || {
        let sql = "SELECT count(*) FROM meta WHERE key = 'ended'";
        Connection::open(&path).unwrap().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(ended(), 1);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(ended(), 0);
    let beside = SqliteStore::attach(&path).unwrap();
    beside.close().await;
    assert_eq!(ended(), 0, "whoever looks beside a running service ends nothing");
    store.close().await;
    assert_eq!(ended(), 1);
}

#[test]
fn a_place_that_cannot_be_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(refusal(&file.join("openline.db")).contains("can't make the folder"));
    assert!(refusal(&file.join("deep/openline.db")).contains("can't make the folder"));
    let path = folder.path().join("a folder");
    std::fs::create_dir(&path).unwrap();
    assert!(refusal(&path).contains("can't be opened for writing"));
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(closed.join("probe"), "").is_ok() {
        return; // nothing is forbidden to this user
    }
    assert!(refusal(&closed.join("openline.db")).contains("give the service a folder it may write to"));
}

#[tokio::test]
async fn one_handle_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openline.db");
    let first = SqliteStore::open(&path).unwrap();
    assert!(refusal(&path).contains("in use by another openline process"));
    write(&first, "c", "k", "text").await.unwrap();
    first.close().await;
    let second = SqliteStore::open(&path).unwrap();
    assert_eq!(keys(&second).await, ["k"]);
    drop(second);
    // Dropping waits for the file to be free.
    assert_eq!(keys(&SqliteStore::open(&path).unwrap()).await, ["k"]);
}

#[tokio::test]
async fn one_process_at_a_time() {
    if let Some(path) = part() {
        let told = refusal(Path::new(&path));
        assert!(told.contains("in use by another openline process"), "{told}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openline.db");
    let store = SqliteStore::open(&path).unwrap();
    let output = child("sqlite::opening::one_process_at_a_time", path.to_str().unwrap()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    write(&store, "c", "k", "text").await.unwrap();
}

#[tokio::test]
async fn closing_leaves_one_file_and_its_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openline.db");
    filled(&path).await;
    assert!(!beside(&path, "-wal").exists() && !beside(&path, "-shm").exists());
    let kept: i64 =
        Connection::open(&path).unwrap().query_row("SELECT count(*) FROM messages", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 50);
}

/// Whether it is known to come from a backup, at an opening that ends well.
async fn is_restored(path: &Path) -> bool {
    let store = SqliteStore::open(path).unwrap();
    write(&store, "c", &store.tag().to_string(), "text").await.unwrap();
    let restored = store.is_restored().await.unwrap();
    store.close().await;
    restored
}

#[tokio::test]
async fn a_database_that_came_back_from_a_backup_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mark) = (folder.path().join("openline.db"), folder.path().join("openline.db.mark"));
    filled(&path).await;
    assert!(!is_restored(&path).await, "closed and opened again");
    let backup = (std::fs::read(&path).unwrap(), std::fs::read(&mark).unwrap());
    assert!(!is_restored(&path).await);
    std::fs::write(&path, &backup.0).unwrap();
    assert!(is_restored(&path).await, "the database alone");
    assert!(is_restored(&path).await, "until it is made good");
    let store = SqliteStore::open(&path).unwrap();
    store.made_good().await.unwrap();
    drop(store);
    assert!(!is_restored(&path).await);
    std::fs::write(&path, &backup.0).unwrap();
    std::fs::write(&mark, &backup.1).unwrap();
    assert!(is_restored(&path).await, "with its mark");
}

#[tokio::test]
async fn a_killed_process_is_no_backup() {
    if let Some(path) = part() {
        let store = SqliteStore::open(Path::new(&path)).unwrap();
        write(&store, "d", "k", "text").await.unwrap();
        std::process::abort();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openline.db");
    filled(&path).await;
    let output = child("sqlite::opening::a_killed_process_is_no_backup", path.to_str().unwrap()).output().unwrap();
    assert!(!output.status.success());
    assert!(!is_restored(&path).await);
}
