//! `sendMessage` and its refusals, entities, replies; places, contacts, chat actions.

use openline_sandbox::telegram::FloodLimit;
use serde_json::{Value, json};

use super::support::World;

async fn refused(world: &World, params: Value) -> String {
    world.refusal("sendMessage", world.to_anna(params)).await
}

#[tokio::test]
async fn the_message_comes_back() {
    let world = World::started().await;
    let message = world.says("  Good day!\n").await;
    assert_eq!(message["text"], "Good day!", "white space is cut off");
    assert_eq!((&message["from"]["is_bot"], &message["from"]["id"]), (&json!(true), &json!(110_201_543)));
    let chat = json!({ "id": world.anna.id(), "first_name": "Anna", "last_name": "Lee", "type": "private" });
    assert_eq!(message["chat"], chat);
    assert!(message["date"].is_i64());
    assert!(message["entities"].is_null());
    let next = world.says("more").await;
    assert!(next["message_id"].as_i64() > message["message_id"].as_i64());
}

#[tokio::test]
async fn lengths() {
    let world = World::started().await;
    assert_eq!(refused(&world, json!({})).await, "400 Bad Request: message text is empty");
    assert_eq!(refused(&world, json!({ "text": " \n " })).await, "400 Bad Request: text must be non-empty");
    let long = |letter: &str, times: usize| json!({ "text": letter.repeat(times) });
    world.call("sendMessage", world.to_anna(long("x", 4096))).await;
    world.call("sendMessage", world.to_anna(long("😀", 2048))).await;
    assert_eq!(refused(&world, long("x", 4097)).await, "400 Bad Request: message is too long");
    assert_eq!(refused(&world, long("😀", 2049)).await, "400 Bad Request: message is too long");
    assert_eq!(refused(&world, long("x", 40_000)).await, "400 Bad Request: text is too long");
    let marked = format!("<b>{}</b>", "x".repeat(4096));
    world.call("sendMessage", world.to_anna(json!({ "text": marked, "parse_mode": "HTML" }))).await;
}

#[tokio::test]
async fn where_a_bot_may_write() {
    let world = World::new().await;
    assert_eq!(refused(&world, json!({ "text": "hi" })).await, "400 Bad Request: chat not found");
    let nobody = world.refusal("sendMessage", json!({ "text": "hi" })).await;
    assert_eq!(nobody, "400 Bad Request: chat_id is empty");
    let group = world.telegram.group("Team");
    group.adds_bot(&world.anna, &world.bot);
    let first = refused(&world, json!({ "text": "hi" })).await;
    assert_eq!(first, "403 Forbidden: bot can't initiate conversation with a user");
    world.anna.starts(&world.bot, "");
    world.says("now it may").await;
    world.anna.blocks(&world.bot);
    assert_eq!(refused(&world, json!({ "text": "hi" })).await, "403 Forbidden: bot was blocked by the user");
    world.anna.unblocks(&world.bot);
    world.says("again").await;
    world.anna.deletes_account();
    assert_eq!(refused(&world, json!({ "text": "hi" })).await, "403 Forbidden: user is deactivated");
    let other = world.telegram.add_bot("22:anotherkey", "other_bot");
    let params = json!({ "chat_id": other.id(), "text": "hi" });
    assert_eq!(world.refusal("sendMessage", params).await, "403 Forbidden: bot can't send messages to bots");
}

#[tokio::test]
async fn entities_are_checked_and_sorted() {
    let world = World::started().await;
    let with = |entities: Value| json!({ "text": "😀 bold link", "entities": entities });
    let one = |offset: i64, length: i64| with(json!([{ "type": "bold", "offset": offset, "length": length }]));
    let begins = "400 Bad Request: entity begins after the end of the text at UTF-16 offset 12";
    assert_eq!(refused(&world, one(12, 1)).await, begins);
    let ends =
        "400 Bad Request: entity beginning at UTF-16 offset 3 ends after the end of the text at UTF-16 offset 13";
    assert_eq!(refused(&world, one(3, 10)).await, ends);
    let pair = refused(&world, one(1, 3)).await;
    assert!(pair.contains("middle of a UTF-16 symbol"), "{pair}");
    assert_eq!(refused(&world, one(-1, 3)).await, "400 Bad Request: receive an entity with incorrect offset -1");
    let unknown = with(json!([{ "type": "blink", "offset": 0, "length": 2 }]));
    let words = "400 Bad Request: can't parse MessageEntity: Unsupported type specified";
    assert_eq!(refused(&world, unknown).await, words);
    let link = json!({ "type": "text_link", "offset": 8, "length": 4, "url": "https://a.example/" });
    let bold = json!({ "type": "bold", "offset": "3", "length": 4 });
    let message = world.call("sendMessage", world.to_anna(with(json!([link, bold])))).await;
    let kinds: Vec<&str> =
        message["entities"].as_array().unwrap().iter().map(|it| it["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["bold", "text_link"]);
}

#[tokio::test]
async fn trimming_moves_entities_and_links_are_found() {
    let world = World::started().await;
    let entity = json!([{ "type": "italic", "offset": 2, "length": 6 }]);
    let params = json!({ "text": "  italic https://a.example/x  ", "entities": entity });
    let message = world.call("sendMessage", world.to_anna(params)).await;
    assert_eq!(message["text"], "italic https://a.example/x");
    let expected = json!([
        { "offset": 0, "length": 6, "type": "italic" },
        { "offset": 7, "length": 19, "type": "url" },
    ]);
    assert_eq!(message["entities"], expected);
}

#[tokio::test]
async fn html_is_read_or_refused() {
    let world = World::started().await;
    let html = |text: &str| json!({ "text": text, "parse_mode": "html" });
    let text = "<b>a &lt; <i>b</i></b> <a href=\"https://a.example/?x=1&amp;y=2\">here</a> \
        <pre><code class=\"language-rust\">fn</code></pre>";
    let message = world.call("sendMessage", world.to_anna(html(text))).await;
    assert_eq!(message["text"], "a < b here fn");
    let expected = json!([
        { "offset": 0, "length": 5, "type": "bold" },
        { "offset": 4, "length": 1, "type": "italic" },
        { "offset": 6, "length": 4, "type": "text_link", "url": "https://a.example/?x=1&y=2" },
        { "offset": 11, "length": 2, "type": "pre", "language": "rust" },
    ]);
    assert_eq!(message["entities"], expected);
    let start = "400 Bad Request: can't parse entities: Unsupported start tag \"div\" at byte offset 2";
    assert_eq!(refused(&world, html("x <div>")).await, start);
    let end = "400 Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\"";
    assert_eq!(refused(&world, html("<b>x")).await, end);
    let mixed = refused(&world, html("<b><i>x</b></i>")).await;
    assert!(mixed.ends_with("Unmatched end tag at byte offset 7, expected \"</i>\", found \"</b>\""), "{mixed}");
    let mode = json!({ "text": "x", "parse_mode": "wiki" });
    assert_eq!(refused(&world, mode).await, "400 Bad Request: unsupported parse_mode");
}

#[tokio::test]
async fn replies() {
    let world = World::started().await;
    let asked = world.anna.writes(&world.bot, "how much?");
    let answer = json!({ "text": "ten", "reply_parameters": { "message_id": asked } });
    let message = world.call("sendMessage", world.to_anna(answer)).await;
    assert_eq!(message["reply_to_message"]["message_id"], asked);
    let lost = json!({ "text": "x", "reply_parameters": { "message_id": 999 } });
    assert_eq!(refused(&world, lost).await, "400 Bad Request: message to be replied not found");
    let forgiving = json!({ "message_id": 999, "allow_sending_without_reply": true });
    let params = json!({ "text": "x", "reply_parameters": forgiving, "link_preview_options": { "is_disabled": true } });
    let message = world.call("sendMessage", world.to_anna(params)).await;
    assert!(message["reply_to_message"].is_null());
    assert_eq!(message["link_preview_options"], json!({ "is_disabled": true }));
}

#[tokio::test]
async fn too_much_at_once() {
    let world = World::started().await;
    world.telegram.switch(|switches| switches.flood = Some(FloodLimit { burst: 2.0, per_second: 1.0 }));
    world.says("one").await;
    world.says("two").await;
    let (status, body) = world.raw("sendMessage", world.to_anna(json!({ "text": "three" }))).await;
    assert_eq!((status, &body["parameters"]), (429, &json!({ "retry_after": 1 })));
    world.telegram.advance(std::time::Duration::from_secs(1));
    world.says("three").await;
}

#[tokio::test]
async fn places_contacts_and_actions() {
    let world = World::started().await;
    let place = world.call("sendLocation", world.to_anna(json!({ "latitude": 52.5, "longitude": 13.4 }))).await;
    assert_eq!(place["location"], json!({ "latitude": 52.5, "longitude": 13.4 }));
    let empty = world.refusal("sendLocation", world.to_anna(json!({ "latitude": 1 }))).await;
    assert_eq!(empty, "400 Bad Request: longitude is empty");
    let contact = json!({ "phone_number": "+100", "first_name": "Ben" });
    let sent = world.call("sendContact", world.to_anna(contact.clone())).await;
    assert_eq!(sent["contact"], contact);
    world.call("sendChatAction", world.to_anna(json!({ "action": "typing" }))).await;
    let action = || world.telegram.view(|view| view.action(&world.anna, &world.bot));
    assert_eq!(action().as_deref(), Some("typing"));
    let wrong = world.refusal("sendChatAction", world.to_anna(json!({ "action": "dancing" }))).await;
    assert_eq!(wrong, "400 Bad Request: wrong parameter action in request");
    world.says("done typing").await;
    assert_eq!(action(), None);
}
