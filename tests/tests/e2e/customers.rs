//! What the portal is told of a customer, and what it refuses of that.

use openline_sandbox::{SandboxConfig, View};
use openline_tests::World;
use reqwest::Client;
use serde_json::{Value, json};

const TOKEN: &str = "9f86d081884c7d659a2feaa0c55ad015";

async fn world() -> World {
    let channels = format!("[channels.crm]\nkind = \"api\"\n[channels.crm.settings]\ntoken = \"{TOKEN}\"\n");
    World::with(SandboxConfig::default().without_limits(), &channels).await
}

async fn says(world: &World, chat: &str, visitor: Value) {
    let message = json!({ "chat": chat, "id": "1", "text": format!("from {chat}"), "visitor": visitor });
    let request = Client::new().post(world.url("/c/crm/messages")).bearer_auth(TOKEN).json(&message);
    let status = request.send().await.unwrap().status();
    assert!(status.is_success(), "{status}");
    world.portal_chat(&format!("from {chat}")).await;
}

/// The `user` blocks with which a chat's messages were sent.
fn blocks(portal: View<'_>, chat: &str) -> Vec<Value> {
    let elements = |params: &Value| {
        let all = params["MESSAGES"].as_array().cloned().unwrap_or_default();
        all.into_iter()
            .filter(|element| element["chat"]["id"].as_str().is_some_and(|id| id == chat))
            .collect::<Vec<_>>()
    };
    let calls = portal.calls_of("imconnector.send.messages");
    calls.flat_map(|call| elements(&call.params)).map(|element| element["user"].clone()).collect()
}

#[tokio::test]
async fn the_portal_checks_phone_numbers_unless_it_refuses_one() {
    let world = world().await;
    world.sandbox.switch(|switches| switches.strict_phones = true);
    says(&world, "good", json!({ "name": "Ann", "phone": "+4930123456" })).await;
    says(&world, "odd", json!({ "name": "Ben", "phone": "030 1234567" })).await;
    let skips = |chat: &str| {
        let blocks = world.sandbox.view(|portal| blocks(portal, chat));
        blocks.iter().map(|block| block.get("skip_phone_validate").cloned()).collect::<Vec<_>>()
    };
    assert_eq!(skips("good"), [None]);
    assert_eq!(skips("odd"), [None, Some(json!("Y"))], "refused once, then taken as it is");
}

#[tokio::test]
async fn names_keep_their_marks_and_those_without_one_are_told_apart() {
    let world = world().await;
    for (chat, visitor, expected) in [
        ("a", json!({ "name": "प्रिया" }), "प्रिया"),
        ("b", json!({ "name": "Александра Константинопольская" }), "Александра Константинопольская"),
        ("c", json!({}), "Guest 3"),
        ("d", json!({ "name": "🔥🔥" }), "Guest 4"),
    ] {
        says(&world, chat, visitor).await;
        let dialogs = world.sandbox.dialogs();
        let dialog = dialogs.iter().find(|dialog| dialog.external_chat_id == chat).unwrap();
        assert_eq!(format!("{} {}", dialog.client.name, dialog.client.last_name).trim(), expected);
    }
    // A portal that takes letters only refuses the number, not the message.
    world.sandbox.switch(|switches| switches.strict_names = true);
    says(&world, "e", json!({})).await;
    let dialogs = world.sandbox.dialogs();
    assert_eq!(dialogs.iter().find(|dialog| dialog.external_chat_id == "e").unwrap().client.name, "Guest");
}
