//! At the portal's limit, and while it does not answer.

use openline_sandbox::{Fault, SandboxConfig, View};
use openline_tests::{CHANNELS, Visitor, World};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const LIMITED: &str = "limit = \"standard\"\n[channels.site]\nkind = \"website\"\n";

/// Writes without an end, faster than the portal takes it.
async fn write(visitor: Visitor, name: String, enough: Arc<AtomicBool>) {
    for n in 0.. {
        if enough.load(Ordering::SeqCst) {
            return;
        }
        let about = json!({ "visit": format!("v{n}"), "data": { "page": format!("{name} {n}") } });
        let message = json!({ "key": format!("k{n}"), "text": format!("{name} says {n}"), "about": about });
        let _ = visitor.try_send(&message).await;
        // Not a wait for something: the pace of a visitor.
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn confirmations_and_notes_go_on_while_messages_want_every_request() {
    let portal = SandboxConfig { greeting: None, operating_limit_s: None, ..SandboxConfig::default() };
    let world = World::with(portal, LIMITED).await;
    let enough = Arc::new(AtomicBool::new(false));
    let mut writing = Vec::new();
    for n in 0..10 {
        writing.push(tokio::spawn(write(world.visitor().await, format!("v{n}"), Arc::clone(&enough))));
    }
    let chat = world.portal_chat("v0 says 0").await;
    let busy = |portal: View<'_>| portal.calls().count() >= 60;
    world.sandbox.wait_until(busy).await.unwrap_or_else(|e| panic!("the bucket is not empty: {e}"));
    let notes = |portal: View<'_>| portal.all_messages().filter(|message| message.author.side() == "system").count();
    let noted = world.sandbox.view(notes);
    let reply = world.sandbox.operator_writes(chat, "at once").unwrap();
    // Notes and messages share a request.
    let together = |portal: View<'_>| {
        let has = |commands: &[String], wanted: &str| commands.iter().any(|command| command == wanted);
        let both = |commands: &[String]| has(commands, "imconnector.send.messages") && has(commands, "im.message.add");
        portal.calls().any(|call| both(&call.commands))
    };
    let confirmed = |portal: View<'_>| portal.message(reply).is_some_and(|message| !message.sending);
    let went_on = |portal: View<'_>| confirmed(portal) && notes(portal) > noted + 5 && together(portal);
    world.sandbox.wait_until(went_on).await.unwrap_or_else(|e| panic!("something starves: {e}"));
    enough.store(true, Ordering::SeqCst);
    for writing in writing {
        writing.await.unwrap();
    }
}

#[tokio::test]
async fn a_stop_waits_for_no_portal() {
    let mut world = World::start().await;
    let visitor = world.visitor().await;
    world.sandbox.faults().add(Fault::hang());
    visitor.send("anybody?").await;
    let asked = |portal: View<'_>| portal.calls_of("imconnector.send.messages").count() == 1;
    world.sandbox.wait_until(asked).await.unwrap();
    let began = Instant::now();
    world.stop_service().await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    world.sandbox.faults().clear();
    world.start_service().await;
    visitor.until(|items| items.iter().any(|item| item["state"] == "delivered")).await;
}

#[tokio::test]
async fn a_lines_settings_are_known_before_anybody_asks() {
    let world = World::with(SandboxConfig::default().without_limits(), CHANNELS).await;
    let fetched = |portal: View<'_>| portal.calls_of("imopenlines.config.get").any(|call| call.verdict == "ok");
    world.sandbox.wait_until(fetched).await.unwrap();
}
