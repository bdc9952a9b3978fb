//! How much it takes: `cargo test --release -p openline-store --test it postgres::load -- --ignored --nocapture`.

use crate::cluster::Cluster;
use crate::common::load::{work_off, write_for};
use openline_core::store::prelude::*;
use openline_store::PostgresStore;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half a minute, and means something in a release build only"]
async fn accepted_messages() {
    let database = Cluster::shared().database();
    let store: Arc<dyn Store> = Arc::new(PostgresStore::open(&database.url()).await.unwrap());
    for callers in [1, 16, 64, 256] {
        let (waits, rate) = write_for(&store, callers, Duration::from_secs(5)).await;
        let at = |share: usize| waits[waits.len() * share / 100];
        println!("{callers:4} callers: {rate:6.0} messages/s, p50 {:.1} ms, p99 {:.1} ms", at(50), at(99));
    }
    for batch in [1, 16, 50] {
        println!("claim and settle by {batch:3}: {:6.0} jobs/s", work_off(&*store, batch).await);
    }
}
