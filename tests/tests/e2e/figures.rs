//! What missed replies cost and how late they come (docs/performance.md): measured, not judged, because others use the machine.
//!
//! `cargo test -p openline-tests --test e2e -- --ignored --nocapture figures`

#![allow(clippy::print_stdout)] // figures are for people

use futures_util::StreamExt;
use openline_sandbox::{Fault, FaultKind, SandboxConfig, View};
use openline_tests::{Database, Process, Visitor, World, eventually_within};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(600);
const SITE: &str = "[channels.site]\nkind = \"website\"\n";

/// A line of a process's status in `/proc`, in MB.
fn memory(process: &Process, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// Visitors who have written once, all of whom the portal has.
async fn crowd(world: &World, count: usize) -> Vec<Visitor> {
    let begin = |n: usize| async move {
        let visitor = world.visitor().await;
        visitor.send_with(&json!({ "key": "k", "text": format!("hello {n}") })).await;
        visitor
    };
    let crowd = futures_util::stream::iter((0..count).map(begin)).buffer_unordered(16).collect().await;
    eventually_within(LONG, "all have begun", async || {
        (world.sandbox.view(|portal| portal.dialogs().len()) >= count).then_some(())
    })
    .await;
    crowd
}

/// How often each method was called, in batches or not, and the requests.
fn calls(world: &World) -> (usize, BTreeMap<String, usize>) {
    let (mut requests, mut methods) = (0, BTreeMap::new());
    world.sandbox.view(|portal| {
        for call in portal.calls() {
            requests += 1;
            let all = if call.commands.is_empty() { vec![call.method.clone()] } else { call.commands.clone() };
            for method in all {
                *methods.entry(method.split('?').next().unwrap_or_default().to_owned()).or_default() += 1;
            }
        }
    });
    (requests, methods)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn figures_of_ten_thousand_quiet_dialogs() {
    let count = 10_000;
    let portal = SandboxConfig { greeting: None, ..SandboxConfig::default().without_limits() };
    let mut world = World::bare_on(Database::Postgres, portal, SITE).await;
    let process = Process::start(&world).await;
    world.install().await;
    world.connect("openline_site", 1).await;
    drop(crowd(&world, count).await);
    let open = format!("{count}");
    eventually_within(LONG, "all are open", async || {
        (world.sql_answer("SELECT count(*) FROM conversations WHERE dialog = 1") == open).then_some(())
    })
    .await;
    process.stop().await;
    // They were begun two days ago.
    world.sql("UPDATE conversations SET active_at = active_at - 2 * 24 * 3600 * 1000");
    world.configure(&format!("limit = \"standard\"\n{SITE}"));
    for start in ["the first start", "another start"] {
        world.sandbox.clear_record();
        let process = Process::start(&world).await;
        let (began, before) = (Instant::now(), memory(&process, "VmRSS:"));
        eventually_within(LONG, "all were looked at", async || {
            (calls(&world).1.get("imopenlines.dialog.get").is_some_and(|looks| *looks >= count)).then_some(())
        })
        .await;
        let took = began.elapsed();
        let (requests, methods) = calls(&world);
        println!("{start}: all looked at within {took:.0?}, {requests} requests: {methods:?}");
        println!("    memory {before} MB, at most {} MB", memory(&process, "VmHWM:"));
        world.sandbox.clear_record();
        tokio::time::sleep(Duration::from_secs(60)).await;
        println!("    in the minute after that: {:?}", calls(&world));
        process.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn figures_of_a_start_with_long_histories() {
    let (dialogs, messages) = (20, 1500);
    let portal = SandboxConfig { greeting: None, ..SandboxConfig::default().without_limits() };
    let mut world = World::with(portal, SITE).await;
    let visitors = crowd(&world, dialogs).await;
    world.stop_service().await;
    let process = Process::start(&world).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!("nothing missed: {} MB, at most {} MB", memory(&process, "VmRSS:"), memory(&process, "VmHWM:"));
    process.stop().await;
    let chats: Vec<_> = world.sandbox.view(|portal| portal.dialogs().iter().map(|dialog| dialog.chat_id).collect());
    for n in 0..messages {
        for chat in &chats {
            world.sandbox.operator_writes(*chat, &format!("answer {n}, of some length, as people write them")).unwrap();
        }
    }
    for start in ["all of it was missed", "nothing of it was"] {
        let (began, process) = (Instant::now(), Process::start(&world).await);
        let confirmed = |portal: View<'_>| portal.all_messages().filter(|message| message.sending).count() == 0;
        eventually_within(LONG, "all is confirmed", async || world.sandbox.view(confirmed).then_some(())).await;
        let took = began.elapsed();
        tokio::time::sleep(Duration::from_secs(5)).await;
        let (now, most) = (memory(&process, "VmRSS:"), memory(&process, "VmHWM:"));
        println!("{start}: confirmed after {took:.0?}; {now} MB, at most {most} MB");
        process.stop().await;
    }
    let process = Process::start(&world).await;
    let there = visitors[0].texts("operator").await.len();
    assert_eq!(there, messages, "on a page");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn figures_of_events_that_never_come() {
    let portal = SandboxConfig { greeting: None, ..SandboxConfig::default() };
    let world = World::with(portal, SITE).await;
    let visitors = crowd(&world, 20).await;
    let mut chats = BTreeMap::new();
    for visitor in &visitors {
        let text = visitor.texts("visitor").await.remove(0);
        let chat = world.portal_chat(&text).await;
        chats.insert(chat, visitor);
    }
    world.sandbox.faults().add(Fault::new(FaultKind::DropEvent).on("ONIMCONNECTORMESSAGEADD"));
    let waits = chats.iter().enumerate().flat_map(|(n, (chat, visitor))| (0..6).map(move |m| (n, m, *chat, *visitor)));
    let world = &world;
    let waits = waits.map(|(n, m, chat, visitor)| async move {
        // Spread over a minute, as people write.
        tokio::time::sleep(Duration::from_millis(u64::try_from(m * 10_000 + n * 487).unwrap())).await;
        let text = format!("answer {m}");
        world.sandbox.operator_writes(chat, &text).unwrap();
        let written = Instant::now();
        eventually_within(LONG, "it is on the page", async || {
            tokio::time::sleep(Duration::from_millis(200)).await;
            visitor.texts("operator").await.contains(&text).then_some(())
        })
        .await;
        written.elapsed()
    });
    let mut waits = futures_util::future::join_all(waits).await;
    waits.sort_unstable();
    let at = |share: usize| waits[(waits.len() * share / 100).min(waits.len() - 1)];
    println!(
        "{} replies without an event: p50 {:.1?}, p99 {:.1?}, longest {:.1?}",
        waits.len(),
        at(50),
        at(99),
        at(100)
    );
}
