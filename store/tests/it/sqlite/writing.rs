//! How writes share commits.

use super::talk::{NOW, keys, write};
use crate::common::commits;
use openline_core::StoreError;
use openline_core::store::prelude::*;
use openline_core::store::{Expect, Queue, Recorded};
use openline_store::SqliteStore;
use rusqlite::Connection;
use std::future::{Future, poll_fn};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tempfile::TempDir;

fn new() -> (TempDir, PathBuf, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openline.db");
    let store = SqliteStore::open(&path).unwrap();
    (folder, path, store)
}

type Waiting<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Hands all writes over while somebody else keeps the database locked, so that they wait together, and only then lets
/// them in. Returns their results and how many commits they took.
async fn together<T>(path: &Path, mut writes: Vec<Waiting<'_, T>>) -> (Vec<T>, usize) {
    let before = commits(path);
    let other = Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    poll_fn(|context| {
        for write in &mut writes {
            assert!(write.as_mut().poll(context).is_pending());
        }
        Poll::Ready(())
    })
    .await;
    other.execute_batch("ROLLBACK").unwrap();
    let mut results = Vec::new();
    for write in writes {
        results.push(write.await);
    }
    (results, commits(path) - before)
}

#[tokio::test]
async fn writes_that_wait_together_share_a_commit() {
    let (_folder, path, store) = new();
    let names: Vec<_> = (0..500).map(|n| n.to_string()).collect();
    let writes = names
        .iter()
        .map(|key| Box::pin(write(&store, "c", key, key)) as Waiting<'_, Result<Recorded, StoreError>>)
        .collect();
    let (results, commits) = together(&path, writes).await;
    assert!(results.iter().all(|result| result.as_ref().unwrap().fresh));
    // The writer may have begun with the first ones before the others were there; all others come with one more commit.
    assert!((1..=2).contains(&commits), "{commits}");
    assert_eq!(keys(&store).await, names);
}

#[tokio::test]
async fn a_write_alone_is_committed_at_once() {
    let (_folder, path, store) = new();
    let before = commits(&path);
    for n in 1..=5 {
        write(&store, "c", &n.to_string(), "text").await.unwrap();
        assert_eq!(commits(&path) - before, n);
    }
}

#[tokio::test]
async fn asking_an_idle_queue_costs_no_commit() {
    let (_folder, path, store) = new();
    write(&store, "c", "k", "text").await.unwrap();
    let before = commits(&path);
    for queue in [Queue::Confirm, Queue::Backend] {
        store.claim(&queue, 5, openline_core::Timestamp(NOW.0 - 1), Duration::from_secs(60)).await.unwrap();
    }
    assert_eq!(commits(&path), before);
}

#[tokio::test]
async fn a_failing_step_does_not_hurt_the_others() {
    let (_folder, path, store) = new();
    store.state_put("there", b"old", Expect::Nothing).await.unwrap();
    let mut writes: Vec<Waiting<'_, Result<bool, StoreError>>> = Vec::new();
    for n in 0..90_u8 {
        let store = &store;
        writes.push(match n % 3 {
            0 => Box::pin(async move { write(store, "c", &n.to_string(), "x").await.map(|recorded| recorded.fresh) }),
            1 => Box::pin(async move { store.state_put("there", &[n], Expect::Nothing).await.map(|()| true) }),
            _ => Box::pin(async move { store.state_put(&n.to_string(), &[n], Expect::Nothing).await.map(|()| true) }),
        });
    }
    let (results, commits) = together(&path, writes).await;
    assert!(commits <= 2, "{commits}");
    for (n, result) in results.into_iter().enumerate() {
        match result {
            Ok(fresh) => assert!(fresh && n % 3 != 1),
            Err(error) => assert!(matches!(error, StoreError::Conflict) && n % 3 == 1, "{error}"),
        }
    }
    assert_eq!(store.state_get("there").await.unwrap().unwrap(), b"old");
    assert_eq!(store.state_list("").await.unwrap().len(), 31);
    assert_eq!(keys(&store).await.len(), 30);
}

#[tokio::test]
async fn callers_that_go_away_harm_nobody() {
    let (_folder, path, store) = new();
    let names: Vec<_> = (0..20).map(|n| n.to_string()).collect();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut writes: Vec<_> = names.iter().map(|key| Box::pin(write(&store, "c", key, key))).collect();
    poll_fn(|context| {
        for write in &mut writes {
            assert!(write.as_mut().poll(context).is_pending());
        }
        Poll::Ready(())
    })
    .await;
    writes.truncate(10);
    let last = writes.pop().unwrap();
    drop(writes);
    other.execute_batch("ROLLBACK").unwrap();
    last.await.unwrap();
    store.close().await;
    assert_eq!(keys(&SqliteStore::open(&path).unwrap()).await, names, "what was handed over is done");
}

#[tokio::test]
async fn a_database_that_stays_locked_is_unavailable() {
    let (_folder, path, store) = new();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = write(&store, "c", "k", "text").await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable(reason) if reason.contains("locked")), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    assert!(keys(&store).await.is_empty());
    assert!(write(&store, "c", "k", "text").await.unwrap().fresh);
}

#[tokio::test]
async fn an_unreadable_message_does_not_stop_its_queue() {
    let (_folder, path, store) = new();
    for id in ["c", "d"] {
        write(&store, id, "first", "words that nobody may log").await.unwrap();
        write(&store, id, "second", "text").await.unwrap();
    }
    let damage = "UPDATE messages SET content = '{\"x\":\"words that nobody may log\"}' WHERE id = 1";
    assert_eq!(Connection::open(&path).unwrap().execute(damage, []).unwrap(), 1);
    let claimed = store.claim(&Queue::Backend, 5, NOW, Duration::from_secs(60)).await.unwrap();
    let mut found: Vec<_> = claimed.jobs.iter().map(|job| (job.conversation.chat.as_str(), &*job.item.key)).collect();
    found.sort_unstable();
    assert_eq!(found, [("c", "second"), ("d", "first")]);
    let letters = store.dead_letters(None, 5).await.unwrap();
    assert_eq!((letters.len(), letters[0].at), (1, NOW));
    assert!(letters[0].reason.contains("unreadable") && !letters[0].reason.contains("words"), "{}", letters[0].reason);
}
