//! The store is in trouble: the service says so, and can be stopped.

use openline_sandbox::{SandboxConfig, View};
use openline_tests::{CHANNELS, Database, Process, Receiver, World, eventually};
use serde_json::json;
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

/// Everybody who is connected has to connect again, and may then only read: a server on which somebody else is written to now.
fn only_reads(so: bool) -> String {
    format!(
        "SET TRANSACTION READ WRITE; DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = {so}', \
         current_database()); END $$; SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
}

/// A database that refuses everything, and one that only reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_refuses_is_told_and_the_end_of_that_too() {
    let portal = SandboxConfig::default().without_limits();
    let receiver = Receiver::start().await;
    let channels = format!("{CHANNELS}[alerts]\nlook_seconds = 1\n{}", receiver.settings());
    let world = World::on(Database::Postgres, portal, &channels).await;
    let visitor = world.visitor().await;
    let renamed = |from: &str, to: &str| format!("ALTER TABLE {from} RENAME TO {to}");
    for (n, (trouble, mended)) in
        [(renamed("state", "gone"), renamed("gone", "state")), (only_reads(true), only_reads(false))].iter().enumerate()
    {
        world.sql(trouble);
        eventually("unavailable", async || (health(&world).await.0 == 503).then_some(())).await;
        let told = [true, false].repeat(n);
        let alert = async || (receiver.alerts("store") == [told.as_slice(), &[true]].concat()).then_some(());
        eventually("an alert", alert).await;
        world.sql(mended);
        eventually("well again", async || (health(&world).await.0 == 200).then_some(())).await;
        let over = async || (receiver.alerts("store") == [told.as_slice(), &[true, false]].concat()).then_some(());
        eventually("it is taken back", over).await;
        let text = format!("still there {n}");
        eventually("taken", async || {
            let body = json!({ "key": format!("t{n}"), "text": text });
            visitor.try_send(&body).await.ok()?.status().is_success().then_some(())
        })
        .await;
        world.portal_chat("still there 0").await;
    }
    visitor.until(|items| items.iter().filter(|item| item["state"] == "delivered").count() == 2).await;
}

/// Writing is refused from one moment to the next, as on a disk that is full or has become read-only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_loses_nothing_and_holds_up_no_stop() {
    let mut world = World::start().await;
    world.stop_service().await;
    let (process, heard) = Process::start_heard(&world, "warn").await;
    let visitor = world.visitor().await;
    visitor.send("before").await;
    let chat = world.portal_chat("before").await;
    let send = async |text: &str| {
        let answer = visitor.try_send(&json!({ "key": text, "text": text })).await.unwrap();
        (answer.status().as_u16(), answer.headers().contains_key("retry-after"))
    };
    process.limit_files(Some(0));
    for n in 0..200 {
        assert_eq!(send("meanwhile").await, (503, true), "{n}");
        let _ = world.sandbox.operator_writes(chat, &format!("lost event {n}"));
    }
    eventually("unavailable", async || (health(&world).await.0 == 503).then_some(())).await;
    let lines = heard.lock().clone();
    let said = |words: &str| lines.iter().filter(|line| line.contains(words)).count();
    let (refused, lost) = (said("a visitor's request could not be stored"), said("an event could not be stored"));
    assert!((1..=100).contains(&refused) && (1..=100).contains(&lost), "the log has a brake: {lines:#?}");
    assert!(said("nothing can be stored") > 0, "{lines:#?}");

    process.limit_files(None);
    eventually("well again", async || (health(&world).await.0 == 200).then_some(())).await;
    assert_eq!(send("meanwhile").await.0, 201);
    let there = |portal: View<'_>| portal.texts(chat, "client") == ["before", "meanwhile"];
    world.sandbox.wait_until(there).await.unwrap();

    process.limit_files(Some(0));
    let took = process.stop().await;
    assert!(took < STOP, "{took:?}");
    world.start_service().await;
    visitor.until(|items| items.iter().filter(|item| item["from"] == "operator").count() == 200).await;
    assert_eq!(visitor.texts("visitor").await, ["before", "meanwhile"]);
    assert_eq!(world.sandbox.view(|portal| portal.texts(chat, "client")), ["before", "meanwhile"]);
}
