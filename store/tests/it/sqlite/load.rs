//! How much it takes: `cargo test --release -p openline-store --test it sqlite::load -- --ignored --nocapture`.

use crate::common::load::{work_off, write_for};
use openline_core::store::prelude::*;
use openline_store::SqliteStore;
use std::sync::Arc;
use std::time::Duration;

/// CPU time that the writing thread used so far.
fn cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten().map(|task| task.path());
    let writers =
        tasks.filter(|task| std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "store-write"));
    let ran = |task: std::path::PathBuf| std::fs::read_to_string(task.join("schedstat")).unwrap_or_default();
    Duration::from_nanos(writers.filter_map(|task| ran(task).split(' ').next()?.parse::<u64>().ok()).sum())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half a minute, and means something in a release build only"]
async fn accepted_messages() {
    // Beside the program, on a disk: a temporary folder may be in memory.
    let program = std::env::current_exe().unwrap();
    let folder = tempfile::tempdir_in(program.parent().unwrap()).unwrap();
    let path = folder.path().join("openline.db");
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&path).unwrap());
    let log = || std::fs::metadata(folder.path().join("openline.db-wal")).map_or(0, |file| file.len());
    for callers in [1, 16, 64, 256] {
        let begun = cpu();
        let (waits, rate) = write_for(&store, callers, Duration::from_secs(5)).await;
        let each = cpu().saturating_sub(begun) / u32::try_from(waits.len()).unwrap();
        let at = |share: usize| waits[waits.len() * share / 100];
        println!(
            "{callers:4} callers: {rate:6.0} messages/s, p50 {:.1} ms, p99 {:.1} ms, {each:?} of the writer's CPU each, log {} kB",
            at(50),
            at(99),
            log() / 1000
        );
    }
    for batch in [1, 16, 50] {
        let begun = cpu();
        let rate = work_off(&*store, batch).await;
        println!(
            "claim and settle by {batch:3}: {rate:6.0} jobs/s, {:.1} µs of the writer's CPU each",
            cpu().saturating_sub(begun).as_secs_f64() * 1e6 / (rate * 3.0)
        );
    }
}
