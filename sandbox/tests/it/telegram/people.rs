//! What people do and how bots learn of it.

use serde_json::{Value, json};

use super::support::{World, png};

async fn last(world: &World) -> Value {
    world.updates(json!({})).await.pop().unwrap()
}

#[tokio::test]
async fn a_start_with_a_payload() {
    let world = World::new().await;
    let anna = world.anna.clone().with_username("annalee").with_language("de");
    anna.starts(&world.bot, "site_42");
    let message = last(&world).await["message"].clone();
    assert_eq!(message["text"], "/start site_42");
    assert_eq!(message["entities"], json!([{ "offset": 0, "length": 6, "type": "bot_command" }]));
    let from = json!({
        "id": anna.id(), "is_bot": false, "first_name": "Anna", "last_name": "Lee", "username": "annalee",
        "language_code": "de",
    });
    assert_eq!(message["from"], from);
    assert!(anna.id() > i64::from(u32::MAX), "ids do not fit 32 bits");
}

#[tokio::test]
async fn blocking_is_told() {
    let world = World::started().await;
    world.anna.blocks(&world.bot);
    let update = last(&world).await["my_chat_member"].clone();
    assert_eq!(
        (&update["old_chat_member"]["status"], &update["new_chat_member"]["status"]),
        (&json!("member"), &json!("kicked"))
    );
    assert_eq!(
        (&update["new_chat_member"]["user"]["id"], &update["from"]["id"]),
        (&json!(world.bot.id()), &json!(world.anna.id()))
    );
    world.anna.blocks(&world.bot);
    assert_eq!(world.updates(json!({})).await.len(), 1, "blocking twice changes nothing");
    world.anna.writes(&world.bot, "hello again");
    let updates = world.updates(json!({})).await;
    assert_eq!(updates[1]["my_chat_member"]["new_chat_member"]["status"], "member");
    assert_eq!(updates[2]["message"]["text"], "hello again");
}

#[tokio::test]
async fn edits_replies_and_forwards() {
    let world = World::started().await;
    let own = world.anna.writes(&world.bot, "tne");
    world.anna.edits(&world.bot, own, "ten").unwrap();
    let edited = last(&world).await["edited_message"].clone();
    assert_eq!((&edited["text"], &edited["message_id"]), (&json!("ten"), &json!(own)));
    assert!(world.anna.edits(&world.bot, own, "ten").is_err());
    let answer = world.says("really?").await["message_id"].as_i64().unwrap();
    assert!(world.anna.edits(&world.bot, answer, "no").is_err(), "people cannot edit what the bot wrote");
    world.anna.replies_to(&world.bot, answer, "yes").unwrap();
    assert_eq!(last(&world).await["message"]["reply_to_message"]["text"], "really?");
    assert!(world.anna.replies_to(&world.bot, 999, "x").is_err());
    world.anna.forwards(&world.bot, "look", "Somebody");
    let origin = last(&world).await["message"]["forward_origin"].clone();
    assert_eq!((&origin["type"], &origin["sender_user_name"]), (&json!("hidden_user"), &json!("Somebody")));
}

#[tokio::test]
async fn every_kind_of_content() {
    let world = World::started().await;
    let (anna, bot) = (&world.anna, &world.bot);
    anna.sends_photo(bot, png(10, 10), "see https://a.example/");
    anna.sends_voice(bot, &b"voice"[..], 7);
    anna.sends_video(bot, &b"video"[..], "");
    anna.sends_video_note(bot, &b"note"[..]);
    anna.sends_sticker(bot, &b"sticker"[..], "👍");
    anna.sends_location(bot, 52.5, 13.4);
    anna.sends_contact(bot, "Ben", "+100");
    anna.sends_poll(bot, "Tea or coffee?", &["Tea", "Coffee"]);
    anna.sends_unknown(bot, "hologram", json!({ "depth": 3 }));
    anna.writes_with(bot, "bold", json!([{ "offset": 0, "length": 4, "type": "bold" }]));
    let updates = world.updates(json!({})).await;
    let fields =
        ["photo", "voice", "video", "video_note", "sticker", "location", "contact", "poll", "hologram", "text"];
    for (update, field) in updates.iter().zip(fields) {
        assert!(!update["message"][field].is_null(), "{field}: {update}");
    }
    assert_eq!(updates.len(), fields.len());
    assert_eq!(updates[0]["message"]["caption_entities"][0]["type"], "url");
    assert_eq!(
        (&updates[1]["message"]["voice"]["duration"], &updates[4]["message"]["sticker"]["emoji"]),
        (&json!(7), &json!("👍"))
    );
    assert_eq!(updates[7]["message"]["poll"]["options"][1]["text"], "Coffee");
}

#[tokio::test]
async fn an_album_is_several_messages() {
    let world = World::started().await;
    let pictures = vec![(png(10, 10).into(), "first"), (png(20, 20).into(), "")];
    let ids = world.anna.sends_album(&world.bot, pictures);
    let updates = world.updates(json!({})).await;
    assert_eq!(updates.iter().map(|it| it["message"]["message_id"].as_i64().unwrap()).collect::<Vec<_>>(), ids);
    assert_eq!(updates[0]["message"]["media_group_id"], updates[1]["message"]["media_group_id"]);
    assert!(updates[0]["message"]["media_group_id"].is_string());
    assert_eq!((&updates[0]["message"]["caption"], &updates[1]["message"]["caption"]), (&json!("first"), &Value::Null));
}

#[tokio::test]
async fn groups_and_privacy() {
    let world = World::started().await;
    let (team, ben) = (world.telegram.group("Team"), world.telegram.person("Ben"));
    team.adds_bot(&world.anna, &world.bot);
    team.adds(&ben);
    let updates = world.updates(json!({})).await;
    assert_eq!(updates[0]["my_chat_member"]["new_chat_member"]["status"], "member");
    assert_eq!(updates[1]["message"]["new_chat_members"][0]["id"], world.bot.id());
    assert_eq!(updates[2]["message"]["new_chat_members"][0]["id"], ben.id());
    let sent = world.call("sendMessage", json!({ "chat_id": team.id(), "text": "hi all" })).await;
    assert_eq!((&sent["chat"]["type"], &sent["chat"]["title"]), (&json!("group"), &json!("Team")));
    team.writes(&ben, "among us");
    team.writes(&ben, "/help");
    team.writes(&ben, "@shop_bot hello");
    team.writes(&ben, "/help@other_bot");
    team.replies_to(&ben, sent["message_id"].as_i64().unwrap(), "to the bot");
    let texts = async || {
        let updates = world.updates(json!({})).await;
        updates.iter().filter_map(|it| it["message"]["text"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(texts().await, ["/help", "@shop_bot hello", "to the bot"]);
    world.bot.reads_groups(true);
    team.writes(&ben, "everything");
    assert_eq!(texts().await.pop().as_deref(), Some("everything"));
}

#[tokio::test]
async fn groups_move_and_throw_out() {
    let world = World::started().await;
    let team = world.telegram.group("Team");
    team.adds_bot(&world.anna, &world.bot);
    let larger = team.upgrades();
    assert_eq!(last(&world).await["message"]["migrate_to_chat_id"], larger.id());
    let (status, body) = world.raw("sendMessage", json!({ "chat_id": team.id(), "text": "hi" })).await;
    assert_eq!((status, &body["parameters"]["migrate_to_chat_id"]), (400, &json!(larger.id())));
    assert_eq!(body["description"], "Bad Request: group chat was upgraded to a supergroup chat");
    let sent = world.call("sendMessage", json!({ "chat_id": larger.id(), "text": "hi" })).await;
    assert_eq!(sent["chat"]["type"], "supergroup");
    larger.removes_bot(&world.anna, &world.bot);
    assert_eq!(last(&world).await["my_chat_member"]["new_chat_member"]["status"], "kicked");
    let words = world.refusal("sendMessage", json!({ "chat_id": larger.id(), "text": "hi" })).await;
    assert_eq!(words, "403 Forbidden: bot was kicked from the supergroup chat");
}
