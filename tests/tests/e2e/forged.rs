//! Events that are not the portal's change nothing.

use openline_sandbox::{Fault, Forgery, TOKEN_ENDPOINT, View};
use openline_tests::World;
use std::time::Duration;

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

/// A genuine token of an employee who is no administrator proves nothing about an installation.
#[tokio::test]
async fn an_employees_token_installs_and_updates_nothing() {
    let world = World::start().await;
    let operator = world.sandbox.grant(&world.sandbox.client_id(), 27).expect("a token of the operator");
    for event in ["ONAPPINSTALL", "ONAPPUPDATE"] {
        for member in [world.sandbox.member_id(), "f".repeat(32)] {
            let form = [
                ("event", event),
                ("auth[access_token]", operator.access_token.as_str()),
                ("auth[refresh_token]", "made up"),
                ("auth[member_id]", member.as_str()),
                ("auth[application_token]", "chosen by the forger"),
                ("auth[client_endpoint]", "https://evil.example/rest/"),
            ];
            let answer = reqwest::Client::new().post(world.url("/bitrix/events")).form(&form).send().await.unwrap();
            assert_eq!(answer.status(), 403, "{event} for {member}");
        }
    }
    let visitor = world.visitor().await;
    visitor.send("still ours?").await;
    let chat = world.portal_chat("still ours?").await;
    world.sandbox.operator_writes(chat, "yes").unwrap();
    visitor.until(|items| items.iter().any(|item| item["text"] == "yes")).await;
}

#[tokio::test]
async fn a_slow_authorization_server_delays_no_event() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send("one").await;
    let chat = world.portal_chat("one").await;
    world.sandbox.faults().add(Fault::latency(Duration::from_secs(8)).on(TOKEN_ENDPOINT));
    world.sandbox.expire_access_tokens();
    visitor.send("two").await;
    let asked = |portal: View<'_>| portal.calls_of(TOKEN_ENDPOINT).next().is_some();
    world.sandbox.wait_until(asked).await.unwrap();
    world.sandbox.operator_writes(chat, "meanwhile").unwrap();
    let shown = visitor.until(|items| items.iter().any(|item| item["text"] == "meanwhile"));
    tokio::time::timeout(Duration::from_secs(5), shown).await.expect("before the token is renewed");
}
