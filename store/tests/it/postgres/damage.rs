//! Rows that can't be read any more.

use super::talk::{claim, write};
use crate::cluster::Cluster;
use openline_core::StoreError;
use openline_core::message::State;
use openline_core::store::Queue;
use openline_core::store::prelude::*;
use openline_store::PostgresStore;

const DAMAGE: &str = "UPDATE messages SET content = 'nonsense' WHERE key = convert_to('broken', 'UTF8')";

/// Messages that share a transaction with one that can't be stored are stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_fails_does_not_hurt_the_others() {
    let database = Cluster::shared().database();
    let store = PostgresStore::open(&database.url()).await.unwrap();
    write(&store, "c", "broken").await.unwrap();
    database.sql(DAMAGE);
    for round in 0..10 {
        let keys = [0, 1, 2].map(|number| format!("{round}-{number}"));
        let (one, two, broken, three) = tokio::join!(
            write(&store, "c", &keys[0]),
            write(&store, "d", &keys[1]),
            write(&store, "c", "broken"),
            write(&store, "c", &keys[2]),
        );
        assert!([one, two, three].into_iter().all(|recorded| recorded.unwrap().fresh));
        assert!(matches!(broken, Err(StoreError::Corrupt(_))), "{broken:?}");
    }
    assert_eq!(store.depth(&Queue::Backend).await.unwrap(), 31);
}

/// They are kept aside, and the lane goes on.
#[tokio::test]
async fn an_unreadable_job_is_given_up() {
    let database = Cluster::shared().database();
    let store = PostgresStore::open(&database.url()).await.unwrap();
    let broken = write(&store, "c", "broken").await.unwrap();
    write(&store, "c", "next").await.unwrap();
    database.sql(DAMAGE);
    let jobs = claim(&store, 5).await;
    assert_eq!(jobs.iter().map(|job| job.item.key.as_str()).collect::<Vec<_>>(), ["next"]);
    let letters = store.dead_letters(None, 5).await.unwrap();
    assert_eq!((letters.len(), letters[0].message), (1, broken.item.id));
    assert!(letters[0].reason.contains("unreadable") && !letters[0].reason.contains("nonsense"));
    let failed = format!("SELECT state FROM messages WHERE id = {}", broken.item.id);
    assert_eq!(database.sql(&failed), "2", "{:?}", State::Failed);
}
