//! Replies whose event never came.

use openline_sandbox::{Fault, FaultKind, SandboxConfig, View};
use openline_tests::World;

#[tokio::test]
async fn replies_written_while_we_are_down_are_all_there_after_the_start_once_and_in_order() {
    let mut world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send("anybody?").await;
    let chat = world.portal_chat("anybody?").await;
    visitor.until(|items| items.iter().any(|item| item["state"] == "delivered")).await;
    world.stop_service().await;
    let mut messages = Vec::new();
    for n in 0..5 {
        messages.push(world.sandbox.operator_writes(chat, &format!("[b]reply[/b] {n}")).unwrap());
    }
    let lost = |portal: View<'_>| {
        portal.events_of("ONIMCONNECTORMESSAGEADD").filter(|post| post.status.is_none()).count() >= 5
    };
    world.sandbox.wait_until(lost).await.unwrap();
    world.start_service().await;
    let all = |items: &[openline_tests::Item]| items.iter().filter(|item| item["from"] == "operator").count() >= 5;
    visitor.until(all).await;
    let expected: Vec<_> = (0..5).map(|n| format!("reply {n}")).collect();
    assert_eq!(visitor.texts("operator").await, expected);
    let confirmed = |portal: View<'_>| messages.iter().all(|id| portal.message(*id).is_some_and(|m| !m.sending));
    world.sandbox.wait_until(confirmed).await.unwrap();
}

#[tokio::test]
async fn replies_dropped_on_the_way_are_fetched() {
    let rest = "reconcile_seconds = 1\n[channels.site]\nkind = \"website\"\n";
    let world = World::with(SandboxConfig::default().without_limits(), rest).await;
    let visitor = world.visitor().await;
    visitor.send("anybody?").await;
    let chat = world.portal_chat("anybody?").await;
    visitor.until(|items| items.iter().any(|item| item["state"] == "delivered")).await;
    world.sandbox.faults().add(Fault::new(FaultKind::DropEvent));
    for n in 0..3 {
        world.sandbox.operator_writes(chat, &format!("dropped {n}")).unwrap();
    }
    let all = |items: &[openline_tests::Item]| items.iter().filter(|item| item["from"] == "operator").count() >= 3;
    visitor.until(all).await;
    assert_eq!(visitor.texts("operator").await, ["dropped 0", "dropped 1", "dropped 2"]);
}
