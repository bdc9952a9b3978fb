//! A server that is gone for a while.

use super::talk::{HOUR, NOW, channel, until, write};
use crate::cluster::Cluster;
use openline_core::message::Item;
use openline_core::store::Queue;
use openline_core::store::prelude::*;
use openline_core::{ChatId, StoreError};
use openline_store::PostgresStore;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Writes until it is told to stop, also while nothing can be stored; the keys that were acknowledged.
async fn write_on(store: Arc<PostgresStore>, task: usize, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let key = format!("{task}-{number}");
        match write(&*store, "c", &key).await {
            Ok(_) => acknowledged.push(key),
            Err(StoreError::Unavailable(_)) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            Err(error) => panic!("{error}"),
        }
    }
    acknowledged
}

/// What is in the conversation that is written to.
async fn stored(store: &PostgresStore) -> Option<Vec<Item>> {
    let conversation = store.conversation(&channel(), &ChatId::parse("c").unwrap()).await.unwrap()?;
    Some(store.items_before(conversation.id, None, usize::MAX).await.unwrap().items)
}

/// The server dies without a chance to write anything, and comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_crash_of_the_server() {
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start()));
    let database = cluster.database();
    let store = Arc::new(PostgresStore::open(&database.url()).await.unwrap());
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        tasks.spawn(write_on(Arc::clone(&store), task, Arc::clone(&stop)));
    }
    until("a hundred written", async || stored(&store).await.filter(|items| items.len() > 100)).await;
    tokio::task::spawn_blocking(|| cluster.restart()).await.unwrap();
    until("written again", async || write(&*store, "c", "after").await.ok()).await;
    stop.store(true, Ordering::Relaxed);
    let acknowledged: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    let kept: HashSet<_> = stored(&store).await.unwrap().into_iter().map(|item| item.key).collect();
    let lost: Vec<_> = acknowledged.iter().filter(|key| !kept.contains(*key)).collect();
    assert!(acknowledged.len() > 100 && lost.is_empty(), "{} acknowledged, lost: {lost:?}", acknowledged.len());
    // Claiming waits until the lock of the leases is there again.
    let leased = async || store.claim(&Queue::Backend, 1, NOW, HOUR).await.ok()?.jobs.pop();
    until("claimed again", leased).await;
}
