//! What visitors send.

use super::*;
use openline_core::Timestamp;
use openline_core::message::Side;
use std::sync::atomic::Ordering;
use std::time::Instant;

#[tokio::test]
async fn polling_acknowledges_only_what_is_stored_and_stops_at_once() {
    let mut world = World::new("").await;
    world.memory.refuse(true);
    // The bot's name is learnt before anything is polled, so let that be known.
    world.memory.put_value("channel/tg/username", b"shop_bot");
    world.fake.bring(json!({"update_id": 40, "message": ann(1, json!({"text": "one"}))}));
    world.fake.bring(json!({"update_id": 41, "message": ann(2, json!({"text": "two"}))}));
    let (stop, task) = world.run();
    world.fake.until("asked again", |fake| fake.asked.lock().len() >= 2).await;
    assert!(world.fake.asked.lock().iter().all(Option::is_none));
    assert!(world.channel.health().unwrap_err().contains("nothing was stored"));
    world.memory.refuse(false);
    world.fake.until("acknowledged", |fake| fake.asked.lock().last() == Some(&Some(42))).await;
    assert_eq!(world.read("tg5"), ["one", "two"]);
    assert_eq!(world.channel.health(), Ok(()));
    assert_eq!(world.channel.public_address().as_deref(), Some("https://t.me/shop_bot"));
    let begun = Instant::now();
    stop.cancel();
    task.await.unwrap().unwrap();
    assert!(begun.elapsed().as_millis() < 1000);

    world.restart("");
    let before = world.fake.asked.lock().len();
    let (stop, task) = world.run();
    world.fake.until("asked after the restart", |fake| fake.asked.lock().len() > before).await;
    assert_eq!(world.fake.asked.lock()[before], Some(42));
    stop.cancel();
    task.await.unwrap().unwrap();
    assert_eq!(world.fake.calls("deleteWebhook").len(), 2);
}

#[tokio::test]
async fn what_hinders_polling_is_told_without_the_token() {
    let world = World::new("").await;
    world.fake.refuse("getMe", 401, "Unauthorized", json!(null));
    world.fake.refuse("getUpdates", 409, "Conflict: terminated by other getUpdates request", json!(null));
    let (stop, task) = world.run();
    world.fake.until("refused", |fake| fake.calls("getMe").len() == 2).await;
    let told = world.channel.health().unwrap_err();
    assert!(told.contains("does not accept the bot's token") && !told.contains("hush"), "{told}");
    world.fake.until("asked", |fake| fake.asked.lock().len() == 2).await;
    stop.cancel();
    task.await.unwrap().unwrap();
    // A webhook that is set later is another program's.
    assert_eq!(world.fake.calls("deleteWebhook").len(), 1);
}

fn bob(number: i64, text: &str) -> Value {
    let mut message = ann(number, json!({"text": text}));
    message["chat"]["id"] = json!(6);
    message
}

#[tokio::test]
async fn a_file_on_its_way_holds_up_its_own_chat_only() {
    let world = World::new("").await;
    world.fake.stuck.store(true, Ordering::SeqCst);
    world.fake.files.lock().insert("photos/file_1.jpg".into(), vec![0xff, 0xd8, 0xff, 0].into());
    world.fake.bring(json!({"update_id": 40, "message": photo(1)}));
    let (stop, task) = world.run();
    world.fake.until("the file is asked for", |fake| !fake.calls("getFile").is_empty()).await;
    world.fake.bring(json!({"update_id": 41, "message": ann(2, json!({"text": "two"}))}));
    world.fake.bring(json!({"update_id": 42, "message": bob(3, "hello")}));
    world.fake.until("Bob is heard", |_| world.read("tg6") == ["hello"]).await;
    assert!(world.read("tg5").is_empty());
    // Nothing behind what is not stored is acknowledged.
    assert!(world.fake.asked.lock().iter().all(Option::is_none));
    world.fake.unstick();
    world.fake.until("acknowledged", |fake| fake.asked.lock().last() == Some(&Some(43))).await;
    assert_eq!(world.read("tg5"), ["look<photo_1.jpg image/jpeg>", "two"]);
    assert_eq!((world.read("tg6"), world.fake.calls("getFile").len()), (vec!["hello".to_owned()], 1));
    stop.cancel();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_hold_polls_is_not_asked_all_the_time() {
    let world = World::new("").await;
    world.fake.impatient.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    let (stop, task) = world.run();
    world.fake.until("asked", |fake| fake.asked.lock().len() == 3).await;
    assert!(begun.elapsed().as_millis() >= 900);
    stop.cancel();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_unreachable_server_is_told_without_the_token() {
    let mut world = World::new("").await;
    world.url = "http://127.0.0.1:1".into();
    world.restart("");
    let failure = world.channel.intake.api.call(&teloxide::payloads::GetMe::new()).await.unwrap_err();
    assert!(matches!(failure, crate::telegram::client::errors::Failure::Lost(crate::common::http::Lost::Unreached(_))));
    assert!(!failure.line().contains("hush") && failure.line().contains("refused"), "{}", failure.line());
    let photo =
        teloxide::payloads::SendPhoto::new(teloxide::types::ChatId(5), teloxide::types::InputFile::memory(vec![1u8]));
    let failure = world.channel.intake.api.upload(photo).await.unwrap_err();
    assert!(
        matches!(&failure, crate::telegram::client::errors::Failure::Lost(crate::common::http::Lost::Unreached(text)) if !text.contains("hush"))
    );
}

#[tokio::test]
async fn the_same_update_counts_once_and_edits_are_followed() {
    let mut world = World::new("").await;
    world.say(ann(1, json!({"text": "one"}))).await;
    world.restart("");
    world.say(ann(1, json!({"text": "one"}))).await;
    let edit = |number, text: &str| json!({"edited_message": ann(number, json!({"text": text}))});
    world.take(&edit(1, "two")).await.unwrap();
    assert_eq!(world.read("tg5"), ["two"]);
    world.take(&edit(7, "older")).await.unwrap();
    world.take(&edit(7, "older")).await.unwrap();
    world.take(&json!({"edited_message": ann(1, json!({"location": {"latitude": 1, "longitude": 2}}))})).await.unwrap();
    assert_eq!(world.read("tg5"), ["two", "older"]);
    let visitor = world.memory.all()[0].0.visitor.clone();
    assert_eq!((visitor.name.as_str(), visitor.url.as_deref()), ("Ann", Some("https://t.me/ann")));
}

fn photo(number: i64) -> Value {
    ann(number, json!({"caption": "look", "photo": [{"file_id": "f", "width": 1, "height": 1}]}))
}

#[tokio::test]
async fn files_are_fetched_and_kept() {
    let world = World::new("").await;
    world.fake.files.lock().insert("photos/file_1.jpg".into(), vec![0xff, 0xd8, 0xff, 0].into());
    world.say(photo(1)).await;
    assert_eq!(world.read("tg5"), ["look<photo_1.jpg image/jpeg>"]);
    world.say(ann(2, json!({"sticker": {"file_id": "s", "emoji": "😀"}}))).await;
    assert!(world.read("tg5")[1].starts_with("😀<sticker_2.webp"));
}

#[tokio::test]
async fn a_server_that_keeps_files_to_itself_is_told() {
    let world = World::new("").await;
    let path = json!({"ok": true, "result": {"file_id": "f", "file_path": "/var/lib/bot/12:hush/photos/file_1.jpg"}});
    world.fake.answer("getFile", 200, path);
    world.say(photo(1)).await;
    let read = world.read("tg5");
    assert!(
        read[0].starts_with("look\n[photo: the Bot API server keeps it to itself: it runs with --local"),
        "{read:?}"
    );
}

#[tokio::test]
async fn a_file_that_can_not_come_is_told() {
    let world = World::new("").await;
    world.say(ann(1, json!({"document": {"file_id": "f", "file_size": 5000}}))).await;
    world.fake.refuse("getFile", 400, "Bad Request: file is too big", json!(null));
    world.say(photo(2)).await;
    world.fake.files.lock().insert("photos/file_1.jpg".into(), vec![1; 2000].into());
    world.say(photo(3)).await;
    let read = world.read("tg5");
    assert!(read[0].starts_with("[document: the file is larger than"), "{read:?}");
    assert_eq!(read[1], "look\n[photo: the file is larger than the 20 MB that Telegram gives to bots]");
    assert!(read[2].starts_with("look\n[photo: the file is larger than"));
}

/// Of this channel, whatever others take: people in a messenger see no form that could say so.
#[tokio::test]
async fn a_file_of_a_type_that_is_not_taken_here_is_told_to_the_operators() {
    let mut world = World::new("").await;
    let rules = |rule: &str| FileRules { most: 1000, types: vec![rule.to_owned()] };
    let of_channels = HashMap::from([(id("tg"), rules("image/*"))]);
    let policy = FilePolicy { of_channels, ..rules("*/*").into() };
    let files = Arc::clone(&world.shelf) as Arc<dyn Files>;
    world.equip(files, policy);
    world.fake.files.lock().insert("photos/file_1.jpg".into(), b"%PDF-1.4".as_slice().into());
    let document = json!({"file_id": "f", "file_name": "offer.pdf", "mime_type": "application/pdf"});
    world.say(ann(1, json!({"caption": "look", "document": document}))).await;
    assert_eq!(world.read("tg5"), ["look\n[document: files of the type application/pdf are not taken]"]);
    world.fake.files.lock().insert("photos/file_1.jpg".into(), vec![0xff, 0xd8, 0xff, 0].into());
    world.say(photo(2)).await;
    assert_eq!(world.read("tg5")[1], "look<photo_2.jpg image/jpeg>");
}

#[tokio::test]
async fn a_file_that_does_not_come_now_is_asked_for_again_and_given_up_in_the_end() {
    let world = World::new("").await;
    let update = json!({"update_id": 1, "message": photo(1)});
    for _ in 0..4 {
        let held = world.take(&update).await.unwrap_err().to_string();
        assert!(!held.contains("hush"), "{held}");
        assert!(world.read("tg5").is_empty());
    }
    world.take(&update).await.unwrap();
    assert_eq!(world.read("tg5"), ["look\n[photo: the file could not be fetched from Telegram]"]);
}

#[tokio::test]
async fn a_start_greets_and_begins_no_conversation() {
    let world = World::new("start_text = 'Hi!'").await;
    world.say(ann(1, json!({"text": "/start"}))).await;
    assert_eq!(world.read("tg5"), [""; 0]);
    assert_eq!(world.fake.calls("sendMessage")[0]["text"], "Hi!");
    let silent = World::new("start_text = ''").await;
    silent.say(ann(1, json!({"text": "/start x"}))).await;
    assert_eq!(silent.fake.calls("sendMessage"), [json!(null); 0]);
}

/// The word that leads from the website here.
async fn word(world: &World) -> String {
    let site = world.bridge.visitor_inbox(id("site"));
    let chat = ChatId::parse("c1").unwrap();
    let content = Content::plain("from the site");
    let incoming =
        openline_core::message::Incoming { chat: chat.clone(), key: "k".into(), visitor: None, content, note: None };
    site.accept(incoming).await.unwrap();
    let me = json!({"username": "shop_bot"});
    world.channel.status.learn(&world.inbox(), &me).await.unwrap();
    let places = site.elsewhere(&chat, None).await.unwrap();
    assert_eq!((places[0].name.as_str(), places[0].which.as_str()), ("Telegram", "@shop_bot"));
    assert!(site.elsewhere(&chat, Some(&[id("viber")])).await.unwrap().is_empty());
    assert_eq!(site.elsewhere(&chat, Some(&[id("tg")])).await.unwrap().len(), 1);
    places[0].url.strip_prefix("https://t.me/shop_bot?start=").unwrap().to_owned()
}

#[tokio::test]
async fn a_conversation_is_brought_along_with_the_first_message() {
    let mut world = World::new("").await;
    let word = word(&world).await;
    world.say(ann(1, json!({"text": format!("/start {word}")}))).await;
    assert!(world.notes().is_empty() && world.read("tg5").is_empty());
    world.restart("");
    world.say(ann(2, json!({"text": "hello"}))).await;
    assert_eq!(world.read("tg5"), ["hello"]);
    assert_eq!(world.notes().len(), 1);
    assert!(world.notes()[0].contains("from the site"));
    world.say(ann(3, json!({"text": format!("/start {word}")}))).await;
    assert_eq!(world.notes().len(), 1);
    assert!(!world.memory.values().keys().any(|key| key.contains("handover")));
}

#[tokio::test]
async fn in_a_known_chat_it_is_told_at_once() {
    let world = World::new("").await;
    world.say(ann(1, json!({"text": "hello"}))).await;
    let word = word(&world).await;
    world.say(ann(2, json!({"text": format!("/start {word}")}))).await;
    world.say(ann(3, json!({"text": format!("/start {word}")}))).await;
    assert_eq!(world.notes().len(), 1);
    assert_eq!(world.read("tg5"), ["hello"]);
    // What was written there since is told, too.
    let (site, content) = (world.bridge.visitor_inbox(id("site")), Content::plain("and one thing more"));
    let (chat, key) = (ChatId::parse("c1").unwrap(), "k2".into());
    let more = openline_core::message::Incoming { chat, key, visitor: None, content, note: None };
    site.accept(more).await.unwrap();
    world.say(ann(4, json!({"text": format!("/start {word}")}))).await;
    assert_eq!(world.notes().len(), 2);
    assert!(world.notes()[1].contains("and one thing more"));
}

#[tokio::test]
async fn operators_learn_by_which_link_a_visitor_came() {
    let world = World::new("").await;
    world.say(ann(1, json!({"text": "/start campaign42"}))).await;
    assert!(world.notes().is_empty());
    world.say(ann(2, json!({"text": "hello"}))).await;
    assert_eq!(world.notes(), ["The visitor came by the link campaign42."]);
    let again = ann(3, json!({"text": "/start spring"}));
    world.say(again.clone()).await;
    world.say(again).await;
    assert_eq!(world.notes()[1..], ["The visitor came by the link spring."]);
    // What no link can say is a message.
    world.say(ann(4, json!({"text": "/start where is it?"}))).await;
    assert_eq!(world.read("tg5"), ["hello", "/start where is it?"]);
}

#[tokio::test]
async fn a_link_and_a_conversation_come_along_together() {
    let world = World::new("").await;
    let word = word(&world).await;
    world.say(ann(1, json!({"text": "/start campaign42"}))).await;
    world.say(ann(2, json!({"text": format!("/start {word}")}))).await;
    world.say(ann(3, json!({"text": "hello"}))).await;
    assert!(
        world.notes()[0].starts_with("The visitor came by the link campaign42.\nThis visitor wrote in site before")
    );
}

fn group(number: i64, more: Value) -> Value {
    let mut message = ann(number, more);
    message["chat"] = json!({"id": -7, "type": "group", "title": "Friends"});
    message
}

#[tokio::test]
async fn groups_are_refused_once() {
    let world = World::new("group_refusal = 'Sorry.'").await;
    world.say(group(1, json!({"text": "one"}))).await;
    world.say(group(2, json!({"text": "two"}))).await;
    assert_eq!(world.fake.calls("sendMessage").len(), 1);
    assert!(world.memory.all().is_empty());
}

#[tokio::test]
async fn a_group_that_is_served_stays_one_conversation_when_it_moves() {
    let world = World::new("groups = true").await;
    world.say(group(1, json!({"text": "one"}))).await;
    world.say(group(2, json!({"migrate_to_chat_id": -1007}))).await;
    let mut moved = group(1, json!({"text": "two"}));
    moved["chat"] = json!({"id": -1007, "type": "supergroup", "title": "Friends"});
    world.say(moved).await;
    assert_eq!(world.read("tg-7"), ["Ann:\none", "Ann:\ntwo"]);
    let (item, conversation) = (memory::item(9, "9", Side::Operator, Content::plain("hi")), conversation("tg-7"));
    let outgoing = openline_core::channel::Outgoing {
        conversation: &conversation,
        item: &item,
        uncertain: false,
        attempts: 0,
        since: Timestamp(0),
    };
    world.channel.send(outgoing).await.unwrap();
    assert_eq!(world.fake.calls("sendMessage")[0]["chat_id"], -1007);
}

#[tokio::test]
async fn operators_learn_that_the_visitor_left() {
    let world = World::new("").await;
    world.say(ann(1, json!({"text": "hello"}))).await;
    let mut change = ann(0, json!({"old_chat_member": {"status": "member"}, "new_chat_member": {"status": "kicked"}}));
    change["date"] = json!(5);
    world.take(&json!({"my_chat_member": change})).await.unwrap();
    world.take(&json!({"my_chat_member": change})).await.unwrap();
    assert_eq!(world.notes(), ["The visitor takes no messages any more: replies will not arrive."]);
}

#[tokio::test]
async fn strange_updates_are_passed_over() {
    let world = World::new("").await;
    for update in [json!(null), json!([]), json!({"update_id": "x"}), json!({"message": {}}), json!({"poll": {}})] {
        world.take(&update).await.unwrap();
    }
    world.take(&json!({"message": ann(1, json!({"text": 5}))})).await.unwrap();
    assert_eq!(world.read("tg5"), ["[unsupported message: text]"]);
}

#[tokio::test]
async fn another_bot_numbers_its_messages_anew() {
    let mut world = World::new("").await;
    world.say(ann(1, json!({"text": "to the old bot"}))).await;
    world.restart_as("13:another-key", "");
    world.say(ann(1, json!({"text": "to the new bot"}))).await;
    world.say(ann(1, json!({"text": "to the new bot"}))).await;
    assert_eq!(world.read("tg5"), ["to the old bot", "to the new bot"]);
}

#[tokio::test]
async fn what_waits_for_the_first_message_is_no_text() {
    let world = World::new("").await;
    let word = word(&world).await;
    world.say(ann(1, json!({"text": format!("/start {word}")}))).await;
    let kept = world.memory.values().values().any(|value| String::from_utf8_lossy(value).contains("from the site"));
    assert!(!kept);
}
