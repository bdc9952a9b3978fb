//! The store is in trouble: the service says so, and can be stopped.

use openline_sandbox::SandboxConfig;
use openline_tests::{CHANNELS, Database, World, eventually};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest time from SIGTERM to the end.
const STOP: Duration = Duration::from_secs(10);

async fn health(world: &World) -> (u16, serde_json::Value) {
    let response = reqwest::get(world.url("/health")).await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Another session holds every table: the database takes connections, and answers nothing that is asked there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_database_is_told_and_holds_up_no_stop() {
    let portal = SandboxConfig::default().without_limits();
    let mut world = World::on(Database::Postgres, portal, CHANNELS).await;
    let visitor = world.visitor().await;
    assert_eq!(health(&world).await.0, 200);
    let service = world.service.take().unwrap();
    let world = Arc::new(world);
    let locking = Arc::clone(&world);
    let holding = tokio::task::spawn_blocking(move || {
        locking.sql("BEGIN; LOCK TABLE state, messages, conversations, lanes, jobs; SELECT pg_sleep(22); COMMIT");
    });
    eventually("unavailable", async || {
        let (status, said) = health(&world).await;
        (status == 503 && said["store"].as_str().is_some_and(|why| why.contains("does not answer"))).then_some(())
    })
    .await;
    let sending = tokio::spawn(async move { visitor.try_send(&serde_json::json!({"key": "k", "text": "x"})).await });
    let began = Instant::now();
    service.stop().await;
    assert!(began.elapsed() < STOP, "{:?}", began.elapsed());
    sending.abort();
    holding.await.unwrap();
}

/// A database that is closed under the service refuses everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_refuses_is_told_and_the_end_of_that_too() {
    let portal = SandboxConfig::default().without_limits();
    let world = World::on(Database::Postgres, portal, CHANNELS).await;
    world.sql("ALTER TABLE state RENAME TO gone");
    eventually("unavailable", async || (health(&world).await.0 == 503).then_some(())).await;
    world.sql("ALTER TABLE gone RENAME TO state");
    eventually("well again", async || (health(&world).await.0 == 200).then_some(())).await;
}
