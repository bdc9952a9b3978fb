//! Editing, deleting, buttons, commands, `getChat`.

use serde_json::{Value, json};

use super::support::{World, png};

#[tokio::test]
async fn edits_of_texts() {
    let world = World::started().await;
    let id = world.says("ten").await["message_id"].clone();
    let edit = |text: &str| world.to_anna(json!({ "message_id": id, "text": text }));
    let edited = world.call("editMessageText", edit("twelve")).await;
    assert_eq!((&edited["text"], edited["edit_date"].is_i64()), (&json!("twelve"), true));
    let seen = world.anna.sees(&world.bot).pop().unwrap();
    assert_eq!((seen.text.as_str(), seen.edited), ("twelve", true));
    let same = world.refusal("editMessageText", edit("twelve")).await;
    assert!(same.starts_with("400 Bad Request: message is not modified: specified new message content"), "{same}");
    assert_eq!(world.refusal("editMessageText", edit(&"x".repeat(4097))).await, "400 Bad Request: message is too long");
    let lost = world.to_anna(json!({ "message_id": 999, "text": "x" }));
    assert_eq!(world.refusal("editMessageText", lost).await, "400 Bad Request: message to edit not found");
    let theirs = world.anna.writes(&world.bot, "mine");
    let theirs = world.to_anna(json!({ "message_id": theirs, "text": "x" }));
    assert_eq!(world.refusal("editMessageText", theirs).await, "400 Bad Request: message can't be edited");
    let caption = world.to_anna(json!({ "message_id": id, "caption": "x" }));
    let words = "400 Bad Request: there is no caption in the message to edit";
    assert_eq!(world.refusal("editMessageCaption", caption).await, words);
    assert!(world.updates(json!({})).await.iter().all(|it| it["edited_message"].is_null()), "own edits are no news");
}

#[tokio::test]
async fn edits_of_captions() {
    let world = World::started().await;
    let (_, body) = world.upload("sendPhoto", &[("photo", Some("a.png"), png(10, 10))]).await;
    let id = body["result"]["message_id"].clone();
    let caption = |text: &str| world.to_anna(json!({ "message_id": id, "caption": text }));
    let edited = world.call("editMessageCaption", caption("now with words")).await;
    assert_eq!((&edited["caption"], &edited["photo"]), (&json!("now with words"), &body["result"]["photo"]));
    let text = world.to_anna(json!({ "message_id": id, "text": "x" }));
    let words = "400 Bad Request: there is no text in the message to edit";
    assert_eq!(world.refusal("editMessageText", text).await, words);
}

#[tokio::test]
async fn deleting() {
    let world = World::started().await;
    let own = world.says("oops").await["message_id"].as_i64().unwrap();
    let theirs = world.anna.writes(&world.bot, "spam");
    let delete = |id: i64| world.to_anna(json!({ "message_id": id }));
    assert_eq!(world.call("deleteMessage", delete(own)).await, true);
    let gone = world.refusal("deleteMessage", delete(own)).await;
    assert_eq!(gone, "400 Bad Request: message to delete not found");
    world.call("deleteMessages", world.to_anna(json!({ "message_ids": [own, theirs] }))).await;
    let seen = world.anna.sees(&world.bot);
    assert!(seen.iter().filter(|it| [own, theirs].contains(&it.id)).all(|it| it.deleted));
    let old = world.says("old").await["message_id"].as_i64().unwrap();
    world.telegram.advance(std::time::Duration::from_secs(48 * 3600 + 1));
    let late = world.refusal("deleteMessage", delete(old)).await;
    assert_eq!(late, "400 Bad Request: message can't be deleted for everyone");
    let edit = world.to_anna(json!({ "message_id": own, "text": "x" }));
    assert_eq!(world.refusal("editMessageText", edit).await, "400 Bad Request: message to edit not found");
}

#[tokio::test]
async fn buttons() {
    let world = World::started().await;
    let keyboard = json!({ "inline_keyboard": [[{ "text": "Good", "callback_data": "rate:5" }]] });
    let params = world.to_anna(json!({ "text": "How was it?", "reply_markup": keyboard }));
    let sent = world.call("sendMessage", params).await;
    assert_eq!(sent["reply_markup"], keyboard);
    let id = sent["message_id"].as_i64().unwrap();
    assert!(world.anna.presses(&world.bot, id, "rate:1").is_err(), "there is no such button");
    let query = world.anna.presses(&world.bot, id, "rate:5").unwrap();
    let update = world.updates(json!({})).await.pop().unwrap();
    assert_eq!((&update["callback_query"]["data"], &update["callback_query"]["id"]), (&json!("rate:5"), &json!(query)));
    assert_eq!(world.call("answerCallbackQuery", json!({ "callback_query_id": query })).await, true);
    let again = world.refusal("answerCallbackQuery", json!({ "callback_query_id": query })).await;
    assert!(again.starts_with("400 Bad Request: query is too old"), "{again}");
    let edited = world.call("editMessageReplyMarkup", world.to_anna(json!({ "message_id": id }))).await;
    assert!(edited["reply_markup"].is_null());
}

#[tokio::test]
async fn chats_and_commands() {
    let world = World::started().await;
    let chat = world.call("getChat", world.to_anna(json!({}))).await;
    assert_eq!((&chat["type"], &chat["first_name"]), (&json!("private"), &json!("Anna")));
    assert_eq!(world.refusal("getChat", json!({ "chat_id": 5 })).await, "400 Bad Request: chat not found");
    assert_eq!(world.refusal("getChat", json!({ "chat_id": "@nobody" })).await, "400 Bad Request: chat not found");
    let commands: Value = json!([{ "command": "start", "description": "Begin" }]);
    world.call("setMyCommands", json!({ "commands": commands })).await;
    assert_eq!(world.call("getMyCommands", json!({})).await, commands);
    let wrong = json!({ "commands": [{ "command": "Start!", "description": "x" }] });
    assert_eq!(world.refusal("setMyCommands", wrong).await, "400 Bad Request: BOT_COMMAND_INVALID");
}
