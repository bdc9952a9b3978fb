//! What can only be seen from inside.

use super::SqliteStore;
use openline_core::message::{Content, Happened, Incoming, OperatorEvent, Side, Thread};
use openline_core::store::prelude::*;
use openline_core::store::{Expect, Outcome, Queue, Settlement};
use openline_core::{ChannelId, ChatId, Rev, StoreError, Timestamp};
use rusqlite::{CachedStatement, Connection, StatementStatus};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

thread_local! {
    /// How often each statement of this thread was made anew, as of its last use but one.
    static MADE_ANEW: RefCell<BTreeMap<String, i32>> = const { RefCell::new(BTreeMap::new()) };
}

pub(super) fn look_at(sql: &str, statement: &CachedStatement<'_>) {
    let times = statement.get_status(StatementStatus::RePrepare);
    MADE_ANEW.with_borrow_mut(|seen| seen.insert(sql.to_owned(), times));
}

fn made_anew() -> BTreeMap<String, i32> {
    MADE_ANEW.with_borrow(|seen| seen.iter().filter(|(_, times)| **times > 0).map(|(k, n)| (k.clone(), *n)).collect())
}

/// A statement whose plan depends on a bound value (a limit, a range) is prepared again at each execution, which takes
/// longer than the execution.
#[tokio::test]
async fn no_statement_is_prepared_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openline.db");
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&path).unwrap());
    talk(&store, 0..60).await;
    store.close().await;
    // Closing gathered the statistics that plans are made by.
    let kept = Arc::new(SqliteStore::open(&path).unwrap());
    let store: Arc<dyn Store> = Arc::clone(&kept) as _;
    talk(&store, 60..80).await;
    assert_eq!(kept.threads.write(|_| Ok(made_anew())).await.unwrap(), BTreeMap::new());
    // Both readers.
    let (one, two) = tokio::join!(kept.threads.read(|_| Ok(made_anew())), kept.threads.read(|_| Ok(made_anew())));
    assert_eq!((one.unwrap(), two.unwrap()), (BTreeMap::new(), BTreeMap::new()));
}

/// Messages there and back, and what visitors read of it.
async fn talk(store: &Arc<dyn Store>, numbers: std::ops::Range<i64>) {
    let (channel, now) = (ChannelId::parse("site").unwrap(), Timestamp(1_000_000));
    for n in numbers {
        let chat = ChatId::parse(&format!("c{}", n % 7)).unwrap();
        let content = Content::plain("hello");
        let incoming = Incoming { chat: chat.clone(), key: n.to_string(), visitor: None, content, note: None };
        let change = store.record_incoming(&channel, incoming, now).await.unwrap().change;
        let happened =
            Happened::Wrote { remote: n + 1, side: Side::Operator, author: None, content: Content::plain("hello") };
        let thread = Thread { session: Some((n % 3).to_string()), ..Thread::default() };
        let event = OperatorEvent { channel: channel.clone(), chat, thread, happened };
        store.record_outgoing(vec![event], now).await.unwrap();
        store.items_since(change.conversation, Rev(change.rev.0 - 1), 5).await.unwrap();
        store.items_before(change.conversation, None, 5).await.unwrap();
        store.following(None, now, 10).await.unwrap();
        store.past_dialogs(0, now, 10).await.unwrap();
        store.dead_letters(None, 10).await.unwrap();
        for queue in [Queue::Backend, Queue::Confirm, Queue::Channel(channel.clone())] {
            let jobs = store.claim(&queue, 10, now, Duration::from_secs(1)).await.unwrap().jobs;
            let confirm = matches!(queue, Queue::Channel(_));
            let outcome = Outcome::Done { thread: Thread::default(), delivered_as: Vec::new(), confirm };
            let settled = |job: openline_core::store::Job| Settlement { job: job.id, outcome: outcome.clone() };
            store.settle(jobs.into_iter().map(settled).collect(), now).await.unwrap();
        }
    }
}

async fn pragma(store: &SqliteStore, name: &'static str) -> String {
    let ask = move |db: &Connection| {
        let answer = db.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, rusqlite::types::Value>(0));
        Ok(format!("{:?}", answer.map_err(|e| super::row::failed(&e))?))
    };
    store.threads.write(ask).await.unwrap()
}

async fn limit_pages(store: &SqliteStore, pages: i64) {
    let limit = move |db: &Connection| {
        db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).map_err(|e| super::row::failed(&e))
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
        super::values::put(db, "half", b"1", &super::values::Expected::Anything)?;
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
