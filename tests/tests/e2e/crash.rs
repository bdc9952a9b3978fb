//! `kill -9` at any moment.

use openline_sandbox::{SandboxConfig, View};
use openline_tests::mix::{self, Random};
use openline_tests::{CHANNELS, Process, World};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    let portal = SandboxConfig { processing_ms: 3, ..SandboxConfig::default().without_limits() };
    let world = Arc::new(World::bare(portal, CHANNELS).await);
    let mut process = Process::start(&world).await;
    world.install().await;
    world.connect("openline_site", 1).await;
    let mut random = Random::new(mix::seed());
    let mut rounds: Vec<(openline_tests::Visitor, Vec<String>)> = Vec::new();
    for round in 0..6u64 {
        let visitor = world.visitor().await;
        let stop = Arc::new(AtomicBool::new(false));
        let writing = write_until(visitor, round, Arc::clone(&stop));
        // Not a wait for something: the moment of the kill is what varies.
        let moment = Duration::from_millis(20 + random.below(200));
        let killing = async {
            tokio::time::sleep(moment).await;
            process.kill();
            stop.store(true, Ordering::SeqCst);
        };
        let (acknowledged, ()) = tokio::join!(writing, killing);
        rounds.push(acknowledged);
        process = Process::start(&world).await;
    }
    let wanted: Vec<String> = rounds.iter().flat_map(|(_, texts)| texts.clone()).collect();
    assert!(!wanted.is_empty());
    let has_all = |portal: View<'_>| {
        let shown: Vec<_> = portal.all_messages().map(|message| message.text.clone()).collect();
        wanted.iter().all(|text| shown.contains(text))
    };
    world.sandbox.wait_until(has_all).await.unwrap_or_else(|e| panic!("acknowledged messages are lost: {e}"));
    for (visitor, texts) in &rounds {
        let shown = visitor.texts("visitor").await;
        let of_acknowledged: Vec<_> = shown.iter().filter(|text| texts.contains(text)).cloned().collect();
        assert_eq!(&of_acknowledged, texts, "once each, in order, on the visitor's page");
    }
    // Unknown outcomes were looked up before anything was sent again.
    let mut at_the_desk: Vec<String> = world
        .sandbox
        .view(|portal| portal.all_messages().filter(|m| m.author.side() == "client").map(|m| m.text.clone()).collect());
    let count = at_the_desk.len();
    at_the_desk.sort();
    at_the_desk.dedup();
    let doubled = count - at_the_desk.len();
    assert_eq!(doubled, 0, "doubled at the operator's desk");
}

async fn write_until(
    visitor: openline_tests::Visitor,
    round: u64,
    stop: Arc<AtomicBool>,
) -> (openline_tests::Visitor, Vec<String>) {
    let mut acknowledged = Vec::new();
    let mut n = 0;
    while !stop.load(Ordering::SeqCst) {
        let text = format!("round {round} message {n}");
        let body = json!({"key": format!("r{round}-{n}"), "text": text});
        match visitor.try_send(&body).await {
            Ok(response) if response.status() == 201 => acknowledged.push(text),
            Ok(response) => panic!("{}", response.status()),
            Err(_) => break,
        }
        n += 1;
    }
    (visitor, acknowledged)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_answered_200_reach_the_visitor_once_after_a_kill() {
    let world = World::bare(SandboxConfig::default().without_limits(), CHANNELS).await;
    let mut process = Process::start(&world).await;
    world.install().await;
    world.connect("openline_site", 1).await;
    let visitor = world.visitor().await;
    visitor.send("hello").await;
    let chat = world.portal_chat("hello").await;
    for round in 0..4 {
        for n in 0..5 {
            world.sandbox.operator_writes(chat, &format!("answer {round}.{n}")).unwrap();
        }
        let mark = format!("answer+{round}.");
        world.sandbox.wait_until(|portal| answered(portal, &mark) >= 2).await.unwrap();
        process.kill();
        process = Process::start(&world).await;
    }
    let wanted: Vec<String> = world.sandbox.view(|portal| {
        let answered = portal.events_of("ONIMCONNECTORMESSAGEADD").filter(|post| post.status == Some(200));
        let bodies: String = answered.map(|post| post.body.clone()).collect();
        let texts = portal.texts(chat, "operator").into_iter();
        texts.filter(|text| bodies.contains(&text.replace(' ', "+"))).collect()
    });
    assert!(wanted.len() >= 8, "{wanted:?}");
    let shown = visitor.texts("operator").await;
    for text in &wanted {
        assert_eq!(shown.iter().filter(|shown| *shown == text).count(), 1, "{text} in {shown:?}");
    }
}

/// How many events with this in their body were answered 200.
fn answered(portal: View<'_>, mark: &str) -> usize {
    let posts = portal.events_of("ONIMCONNECTORMESSAGEADD").filter(|post| post.status == Some(200));
    posts.filter(|post| post.body.contains(mark)).count()
}

#[tokio::test]
async fn a_graceful_stop_finishes_what_is_under_way_and_loses_nothing() {
    let mut world = World::start().await;
    let visitor = world.visitor().await;
    for n in 0..10 {
        visitor.send(&format!("m{n}")).await;
    }
    world.stop_service().await;
    world.start_service().await;
    let all = |portal: View<'_>| portal.all_messages().filter(|m| m.author.side() == "client").count() >= 10;
    world.sandbox.wait_until(all).await.unwrap();
    let chat = world.portal_chat("m0").await;
    let expected: Vec<_> = (0..10).map(|n| format!("m{n}")).collect();
    assert_eq!(world.sandbox.view(|portal| portal.texts(chat, "client")), expected);
}
