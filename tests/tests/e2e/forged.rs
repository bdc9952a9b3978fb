//! Events that are not the portal's change nothing.

use openline_sandbox::Forgery;
use openline_tests::World;

#[tokio::test]
async fn forged_events_change_nothing() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send("hello").await;
    let chat = world.portal_chat("hello").await;
    visitor.until(|items| items.len() >= 3).await;
    let before = visitor.get("/messages").await;
    let foreign = "fedcba9876543210fedcba9876543210".to_owned();
    let forgeries = [Forgery::WrongToken, Forgery::NoToken, Forgery::UnknownMember, Forgery::ForeignToken(foreign)];
    for forgery in &forgeries {
        world.sandbox.forge_event(forgery);
    }
    let refused = |portal: openline_sandbox::View<'_>| {
        portal.events().filter(|post| post.status == Some(403)).count() >= forgeries.len()
    };
    world.sandbox.wait_until(refused).await.unwrap();
    assert_eq!(visitor.get("/messages").await, before);
    // The genuine portal still gets through.
    world.sandbox.operator_writes(chat, "real").unwrap();
    visitor.until(|items| items.iter().any(|item| item["text"] == "real")).await;
}
