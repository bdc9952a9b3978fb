//! How visitors' messages share transactions.

use super::talk::write;
use crate::cluster::Cluster;
use openline_core::store::Queue;
use openline_core::store::prelude::*;
use openline_store::PostgresStore;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// While somebody else keeps the table, whatever comes waits together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_together_is_stored_together_and_once() {
    let database = Cluster::shared().database();
    let store = Arc::new(PostgresStore::open(&database.url()).await.unwrap());
    let count = || database.sql("SELECT count(DISTINCT xmin::text) FROM messages");
    let keeper = std::thread::spawn({
        let (cluster, name) = (database.cluster, database.name.clone());
        let keep = "BEGIN; LOCK TABLE conversations IN EXCLUSIVE MODE; SELECT pg_sleep(1); COMMIT";
        move || cluster.sql(&name, keep)
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..100 {
        let store = Arc::clone(&store);
        // Five keys in each of two chats, ten times each.
        let (chat, key) = (format!("c{}", number % 2), (number % 10).to_string());
        tasks.spawn(async move { write(&*store, &chat, &key).await.unwrap() });
    }
    let recorded = tasks.join_all().await;
    keeper.join().unwrap();
    assert_eq!(recorded.iter().filter(|recorded| recorded.fresh).count(), 10);
    let items: BTreeSet<_> = recorded.iter().map(|recorded| (recorded.item.id, recorded.item.key.clone())).collect();
    assert_eq!(items.len(), 10, "a repeated message is answered with the first one");
    assert_eq!(store.depth(&Queue::Backend).await.unwrap(), 10);
    assert!(["1", "2"].contains(&count().as_str()), "{} transactions", count());
}
