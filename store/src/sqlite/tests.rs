//! What can only be seen from inside.

use super::SqliteStore;
use openline_core::store::Expect;
use openline_core::{Store, StoreError};
use rusqlite::Connection;

async fn pragma(store: &SqliteStore, name: &'static str) -> String {
    let ask = move |db: &Connection| {
        let answer = db.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, rusqlite::types::Value>(0));
        Ok(format!("{:?}", answer.map_err(|e| super::threads::failed(&e))?))
    };
    store.threads.write(ask).await.unwrap()
}

async fn limit_pages(store: &SqliteStore, pages: i64) {
    let limit = move |db: &Connection| {
        db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).map_err(|e| super::threads::failed(&e))
    };
    store.threads.write(limit).await.unwrap();
}

/// The settings on which the promise rests that an acknowledged write survives a power cut.
#[tokio::test]
async fn every_commit_is_flushed() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("openline.db")).unwrap();
    assert_eq!(pragma(&store, "journal_mode").await, "Text(\"wal\")");
    assert_eq!(pragma(&store, "synchronous").await, "Integer(2)", "FULL");
}

/// SQLite rolls the whole transaction back by itself then; everybody in it must hear of it.
#[tokio::test]
async fn a_full_database_fails_the_whole_group_and_the_next_one_works() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("openline.db")).unwrap();
    store.state_put("kept", b"1", Expect::Nothing).await.unwrap();
    limit_pages(&store, 1).await;
    let large = vec![7; 100_000];
    let (small, full, after) = tokio::join!(
        store.state_put("small", b"1", Expect::Nothing),
        store.state_put("large", &large, Expect::Nothing),
        store.state_put("after", b"1", Expect::Nothing),
    );
    assert!(matches!(&full, Err(StoreError::Unavailable(reason)) if reason.contains("full")), "{full:?}");
    // Whether the others were in the same group is a matter of time; each was told the truth.
    for (key, result) in [("small", small), ("after", after)] {
        assert_eq!(store.state_get(key).await.unwrap().is_some(), result.is_ok(), "{key}");
    }
    assert_eq!(store.state_get("large").await.unwrap(), None);
    limit_pages(&store, 1_000_000).await;
    store.state_put("large", &large, Expect::Nothing).await.unwrap();
    assert_eq!(store.state_get("large").await.unwrap(), Some(large));
    assert_eq!(store.state_get("kept").await.unwrap().unwrap(), b"1");
}

/// A step that breaks off half-way leaves nothing, and what shares its transaction stays.
#[tokio::test]
async fn a_step_that_breaks_off_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("openline.db")).unwrap();
    let half = |db: &Connection| {
        super::state::put(db, "half", b"1", &super::state::Expected::Anything)?;
        Err::<(), _>(StoreError::Corrupt("half-way".to_owned()))
    };
    let (before, broken, after) = tokio::join!(
        store.state_put("before", b"1", Expect::Nothing),
        store.threads.write(half),
        store.state_put("after", b"1", Expect::Nothing),
    );
    assert!(before.is_ok() && after.is_ok());
    assert!(matches!(broken, Err(StoreError::Corrupt(_))));
    let keys: Vec<_> = store.state_list("").await.unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["after", "before"]);
}
