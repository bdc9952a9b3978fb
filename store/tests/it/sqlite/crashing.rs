//! A process that is killed, and a disk that is full.

use super::talk::{NOW, child, child_with_small_files, keys, part, write};
use crate::common::{beside, copy_as_after_a_crash};
use openline_core::StoreError;
use openline_core::store::Queue;
use openline_core::store::prelude::*;
use openline_store::SqliteStore;
use rusqlite::Connection;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

/// Writes for ever, from several tasks, and tells each key that was acknowledged.
async fn write_until_killed(path: &str, round: &str) {
    let store = Arc::new(SqliteStore::open(Path::new(path)).unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let (store, round) = (Arc::clone(&store), round.to_owned());
        tasks.spawn(async move {
            for n in 0_u64.. {
                let key = format!("{round}-{task}-{n}");
                assert!(write(&*store, "c", &key, "text").await.unwrap().fresh);
                // In one piece: other tasks write here too.
                std::io::stdout().write_all(format!("stored {key}\n").as_bytes()).unwrap();
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    if let Some(part) = part() {
        let (round, path) = part.split_once(' ').unwrap();
        return write_until_killed(path, round).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openline.db");
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let part = format!("{round} {}", path.display());
        let mut process = child("sqlite::crashing::what_was_acknowledged_survives_a_kill", &part);
        let mut process = process.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut stored = lines.by_ref().map_while(Result::ok).filter_map(|line| line.split_once("stored ").map(key));
        acknowledged.extend(stored.by_ref().take(200));
        process.kill().unwrap();
        acknowledged.extend(stored);
        process.wait().unwrap();
        let store = SqliteStore::open(&path).unwrap();
        let kept: std::collections::HashSet<_> = keys(&store).await.into_iter().collect();
        let lost: Vec<_> = acknowledged.iter().filter(|key| !kept.contains(*key)).collect();
        assert!(acknowledged.len() >= 200 * (round + 1), "the child ended by itself");
        assert!(lost.is_empty(), "{lost:?}");
        assert_eq!(store.depth(&Queue::Backend).await.unwrap(), kept.len() as u64, "each has its job");
    }
}

fn key((_, key): (&str, &str)) -> String {
    key.to_owned()
}

/// Leases end with the process that had them: there is nobody else.
#[tokio::test]
async fn leased_jobs_come_back_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openline.db");
    let store = SqliteStore::open(&path).unwrap();
    write(&store, "c", "k", "text").await.unwrap();
    write(&store, "d", "k", "text").await.unwrap();
    let claimed = store.claim(&Queue::Backend, 1, NOW, Duration::from_secs(3600)).await.unwrap();
    let copy = folder.path().join("copy.db");
    copy_as_after_a_crash(&path, &copy);
    let store = SqliteStore::open(&copy).unwrap();
    let again = store.claim(&Queue::Backend, 5, NOW, Duration::from_secs(3600)).await.unwrap();
    assert_eq!(again.jobs.len(), 2);
    assert!(again.jobs.iter().all(|job| job.uncertain == (job.id == claimed.jobs[0].id)));
}

/// Fills what it may fill, and goes on when there is room again.
async fn fill_the_disk(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    let text = "x".repeat(20_000);
    let mut stored = Vec::new();
    let error = loop {
        let key = stored.len().to_string();
        match write(&store, "c", &key, &text).await {
            Ok(recorded) => assert!(recorded.fresh),
            Err(error) => break error,
        }
        stored.push(key);
        assert!(stored.len() < 5000, "the disk is never full");
    };
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert!(stored.len() > 10, "{}", stored.len());
    for _ in 0..3 {
        assert!(matches!(write(&store, "c", "again", &text).await, Err(StoreError::Unavailable(_))));
    }
    assert_eq!(keys(&store).await, stored, "reading goes on, and nothing of what failed is there");
    assert_eq!(store.depth(&Queue::Backend).await.unwrap(), stored.len() as u64);
    // Room is made: the log goes into the database, which has not reached the limit.
    Connection::open(path).unwrap().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    assert_eq!(std::fs::metadata(beside(path, "-wal")).unwrap().len(), 0);
    let key = stored.len().to_string();
    assert!(write(&store, "c", &key, &text).await.unwrap().fresh);
    stored.push(key);
    store.close().await;
    assert_eq!(keys(&SqliteStore::open(path).unwrap()).await, stored);
}

#[cfg(unix)]
#[tokio::test]
async fn a_full_disk_is_unavailable_and_passes() {
    if let Some(path) = part() {
        return fill_the_disk(Path::new(&path)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openline.db");
    let name = "sqlite::crashing::a_full_disk_is_unavailable_and_passes";
    let output = child_with_small_files(name, path.to_str().unwrap(), 8192).output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
