//! What operators send.

use super::*;
use openline_core::DeliveryError;
use openline_core::Timestamp;
use openline_core::channel::Outgoing;
use openline_core::files::Kept;
use openline_core::files::describe;
use openline_core::message::{File, FileSource, Item, Side};
use openline_core::text::{RichText, Span, Style};
use std::time::Duration;

pub(super) fn item(number: i64, content: Content) -> Item {
    memory::item(number, "k", Side::Operator, content)
}

pub(super) async fn send(world: &World, item: &Item, uncertain: bool) -> Result<Vec<String>, DeliveryError> {
    let conversation = conversation("tg5");
    world
        .channel
        .send(Outgoing { conversation: &conversation, item, uncertain, attempts: 0, since: Timestamp(0) })
        .await
}

async fn edit(world: &World, item: &Item) -> Result<(), DeliveryError> {
    let conversation = conversation("tg5");
    world
        .channel
        .edit(Outgoing { conversation: &conversation, item, uncertain: false, attempts: 0, since: Timestamp(0) })
        .await
}

pub(super) fn file(world: &World, name: &str, mime: &str, bytes: &'static [u8]) -> File {
    let id = world.shelf.put(bytes);
    describe(name, mime, &Kept { id, size: bytes.len() as u64, head: bytes.into() })
}

#[tokio::test]
async fn formatting_goes_as_entities_and_without_them_when_refused() {
    let world = World::new("operator_names = true").await;
    let text = RichText(vec![Span::Styled { style: Style::Bold, c: vec![Span::text("hi")] }]);
    let mut item = item(1, Content { text, files: Vec::new() });
    item.author = Some("Olga".into());
    world.fake.refuse("sendMessage", 400, "Bad Request: can't parse entities", json!(null));
    assert_eq!(send(&world, &item, false).await.unwrap(), ["1"]);
    let calls = world.fake.calls("sendMessage");
    assert_eq!((&calls[0]["chat_id"], &calls[0]["text"]), (&json!(5), &json!("Olga\nhi")));
    assert_eq!(calls[0]["entities"][1], json!({"type": "bold", "offset": 5, "length": 2}));
    assert_eq!((&calls[1]["text"], &calls[1]["entities"]), (&json!("Olga\nhi"), &json!(null)));
}

#[tokio::test]
async fn parts_that_arrived_are_not_sent_again() {
    let mut world = World::new("").await;
    let long = item(1, Content::plain("x".repeat(5000)));
    world.fake.answer("sendMessage", 200, json!({"ok": true, "result": {"message_id": 70}}));
    let flood = json!({"retry_after": 9});
    world.fake.refuse("sendMessage", 429, "Too Many Requests: retry after 9", flood);
    let error = send(&world, &long, false).await.unwrap_err();
    assert!(matches!(error, DeliveryError::Retry { after: Some(after), .. } if after == Duration::from_secs(9)));
    world.restart("");
    assert_eq!(send(&world, &long, true).await.unwrap(), ["70", "1"]);
    assert_eq!(world.fake.calls("sendMessage").len(), 3);
    // All of it arrived and was written down, only settling it was not: nothing is sent.
    assert_eq!(send(&world, &long, true).await.unwrap(), ["70", "1"]);
    assert_eq!(world.fake.calls("sendMessage").len(), 3);
    // The next message of the conversation is another one.
    assert_eq!(send(&world, &item(2, Content::plain("y")), true).await.unwrap(), ["2"]);
}

#[tokio::test]
async fn failures_have_their_verdicts() {
    let world = World::new("").await;
    let item = item(1, Content::plain("x"));
    world.fake.refuse("sendMessage", 403, "Forbidden: bot was blocked by the user", json!(null));
    let refused = DeliveryError::refused("the visitor has blocked the bot");
    assert_eq!(send(&world, &item, false).await.unwrap_err(), refused);
    world.fake.answer("sendMessage", 502, json!("<html>"));
    assert!(matches!(send(&world, &item, false).await.unwrap_err(), DeliveryError::Unknown { .. }));
    world.fake.refuse("sendMessage", 401, "Unauthorized", json!(null));
    assert!(matches!(send(&world, &item, false).await.unwrap_err(), DeliveryError::Closed { .. }));
    let blank = memory::item(2, "k", Side::Operator, Content::plain(" \n"));
    assert!(matches!(send(&world, &blank, false).await.unwrap_err(), DeliveryError::Refused { .. }));
}

#[tokio::test]
async fn visitors_are_told_of_what_was_given_up() {
    let world = World::new("").await;
    world.say(ann(10, json!({"text": "hello"}))).await;
    let lost = world.memory.all()[0].1[0].clone();
    let conversation = conversation("tg5");
    let outgoing =
        Outgoing { conversation: &conversation, item: &lost, uncertain: false, attempts: 0, since: Timestamp(0) };
    world.channel.undelivered(outgoing).await.unwrap();
    let call = world.fake.calls("sendMessage").remove(0);
    assert_eq!((&call["chat_id"], &call["reply_parameters"]["message_id"]), (&json!(5), &json!(10)));
    assert!(call["text"].as_str().unwrap().contains("could not be delivered"));
    let quiet = World::new("undelivered_text = ''").await;
    quiet.channel.undelivered(outgoing).await.unwrap();
    assert!(quiet.fake.calls("sendMessage").is_empty());
}

#[tokio::test]
async fn a_moved_group_is_followed() {
    let world = World::new("groups = true").await;
    let to = json!({"migrate_to_chat_id": -1009});
    world.fake.refuse("sendMessage", 400, "Bad Request: group chat was upgraded to a supergroup chat", to);
    let (conversation, item) = (conversation("tg-9"), item(1, Content::plain("x")));
    let outgoing =
        Outgoing { conversation: &conversation, item: &item, uncertain: false, attempts: 0, since: Timestamp(0) };
    assert_eq!(world.channel.send(outgoing).await.unwrap(), ["1"]);
    let calls = world.fake.calls("sendMessage");
    assert_eq!((&calls[0]["chat_id"], &calls[1]["chat_id"]), (&json!(-9), &json!(-1009)));
}

#[tokio::test]
async fn a_short_text_goes_with_the_first_file() {
    let world = World::new("").await;
    let png = file(&world, "a.png", "image/png", b"\x89PNG\r\n\x1a\n0000");
    let pdf = file(&world, "b\".pdf", "application/pdf", b"%PDF");
    let text = RichText(vec![Span::Styled { style: Style::Italic, c: vec![Span::text("look")] }]);
    let item = item(1, Content { text, files: vec![png, pdf] });
    assert_eq!(send(&world, &item, false).await.unwrap(), ["1", "2"]);
    let photo = world.fake.calls("sendPhoto").remove(0);
    assert_eq!((&photo["caption"], &photo["uploaded"]), (&json!("look"), &json!({"name": "a.png", "size": 12})));
    assert_eq!(photo["caption_entities"], r#"[{"type":"italic","offset":0,"length":4}]"#);
    assert_eq!(world.fake.calls("sendDocument")[0]["uploaded"]["size"], 4);
}

#[tokio::test]
async fn a_picture_that_telegram_does_not_like_goes_as_a_document() {
    let world = World::new("").await;
    let png = file(&world, "a.png", "image/png", b"\x89PNG\r\n\x1a\n0000");
    world.fake.refuse("sendPhoto", 400, "Bad Request: PHOTO_INVALID_DIMENSIONS", json!(null));
    let item = item(1, Content { text: RichText::default(), files: vec![png] });
    assert_eq!(send(&world, &item, false).await.unwrap(), ["1"]);
    assert_eq!(world.fake.calls("sendDocument").len(), 1);
}

#[tokio::test]
async fn uploads_have_the_same_verdicts() {
    let world = World::new("").await;
    let pdf = file(&world, "a.pdf", "application/pdf", b"%PDF");
    let item = item(1, Content { text: RichText::default(), files: vec![pdf] });
    world.fake.refuse("sendDocument", 403, "Forbidden: bot was blocked by the user", json!(null));
    let refused = DeliveryError::refused("the visitor has blocked the bot");
    assert_eq!(send(&world, &item, false).await.unwrap_err(), refused);
    world.fake.refuse("sendDocument", 429, "Too Many Requests: retry after 4", json!({"retry_after": 4}));
    let after = Some(Duration::from_secs(4));
    assert!(
        matches!(send(&world, &item, false).await.unwrap_err(), DeliveryError::Retry { after: a, .. } if a == after)
    );
    world.fake.answer("sendDocument", 200, json!("garbage"));
    assert!(matches!(send(&world, &item, false).await.unwrap_err(), DeliveryError::Unknown { .. }));
}

#[tokio::test]
async fn what_telegram_does_not_take_becomes_a_link() {
    let world = World::new("").await;
    let mut huge = file(&world, "film.mp4", "video/mp4", b"x");
    huge.size = Some(60_000_000);
    let item = item(1, Content { text: RichText::plain("see"), files: vec![huge] });
    assert_eq!(send(&world, &item, false).await.unwrap(), ["1", "2"]);
    let calls = world.fake.calls("sendMessage");
    assert_eq!(calls[0]["text"], "see");
    assert!(calls[1]["text"].as_str().unwrap().starts_with("film.mp4: https://chat.example/f/1-1-0-"));
}

/// What stood in the last text.
fn last_text(world: &World) -> String {
    world.fake.calls("sendMessage").last().map(|call| call["text"].as_str().unwrap().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn what_a_proxy_does_not_let_through_becomes_a_link() {
    let world = World::new("").await;
    let png = file(&world, "a.png", "image/png", b"\x89PNG\r\n\x1a\n0000");
    let item = item(1, Content { text: RichText::plain("look"), files: vec![png] });
    let page = json!("<html><head><title>413 Request Entity Too Large</title></head></html>");
    world.fake.answer("sendPhoto", 413, page);
    assert_eq!(send(&world, &item, false).await.unwrap(), ["1"]);
    assert!(last_text(&world).starts_with("look\na.png: https://chat.example/f/"));
}

#[tokio::test]
async fn an_upload_that_never_ends_becomes_a_link_at_the_third_time() {
    let world = World::new("").await;
    let pdf = file(&world, "a.pdf", "application/pdf", b"%PDF");
    let (item, conversation) = (item(1, Content { text: RichText::default(), files: vec![pdf] }), conversation("tg5"));
    let at = |attempts| Outgoing {
        conversation: &conversation,
        item: &item,
        uncertain: attempts > 0,
        attempts,
        since: Timestamp(0),
    };
    for attempts in [0, 1] {
        world.fake.answer("sendDocument", 200, json!("garbage"));
        assert!(matches!(world.channel.send(at(attempts)).await, Err(DeliveryError::Unknown { .. })));
    }
    world.fake.answer("sendDocument", 200, json!("garbage"));
    world.channel.send(at(2)).await.unwrap();
    assert!(last_text(&world).starts_with("a.pdf: https://chat.example/f/"));
}

#[tokio::test]
async fn a_file_of_unknown_size_goes_as_it_comes() {
    let world = World::new("").await;
    world.shelf.vague.store(true, std::sync::atomic::Ordering::SeqCst);
    let mut pdf = file(&world, "a.pdf", "application/pdf", b"%PDF");
    let mut huge = file(&world, "film.zip", "application/zip", Box::leak(vec![0; 50_000_001].into()));
    (pdf.size, huge.size) = (None, None);
    let of = |number, file: &File| item(number, Content { text: RichText::default(), files: vec![file.clone()] });
    assert_eq!(send(&world, &of(1, &pdf), false).await.unwrap(), ["1"]);
    assert_eq!(world.fake.calls("sendDocument")[0]["uploaded"]["size"], 4);
    send(&world, &of(2, &huge), false).await.unwrap();
    assert!(last_text(&world).starts_with("film.zip: https://chat.example/f/"));
}

#[tokio::test]
async fn files_that_are_gone_are_refused() {
    let world = World::new("").await;
    let mut lost = file(&world, "a", "x/y", b"x");
    lost.source = FileSource::Stored(openline_core::FileId::parse(&"f".repeat(64)).unwrap());
    let item = item(1, Content { text: RichText::default(), files: vec![lost] });
    assert!(matches!(send(&world, &item, false).await.unwrap_err(), DeliveryError::Refused { .. }));
}

#[tokio::test]
async fn an_edit_may_need_more_or_fewer_messages() {
    let world = World::new("").await;
    let mut item = item(1, Content::plain("short"));
    item.delivered_as = send(&world, &item, false).await.unwrap();
    item.content = Content::plain("y".repeat(5000));
    edit(&world, &item).await.unwrap();
    assert_eq!(world.fake.calls("editMessageText")[0]["message_id"], 1);
    assert_eq!(world.fake.calls("sendMessage")[1]["text"].as_str().unwrap().len(), 904);
    // Once more changes nothing.
    world.fake.refuse("editMessageText", 400, "Bad Request: message is not modified: x", json!(null));
    edit(&world, &item).await.unwrap();
    assert_eq!(world.fake.calls("sendMessage").len(), 2);
    item.content = Content::plain("short again");
    edit(&world, &item).await.unwrap();
    assert_eq!(world.fake.calls("deleteMessage").len(), 1);
    edit(&world, &item).await.unwrap();
    assert_eq!(world.fake.calls("deleteMessage").len(), 1);
    world.fake.refuse("editMessageText", 400, "Bad Request: message to edit not found", json!(null));
    assert!(matches!(edit(&world, &item).await.unwrap_err(), DeliveryError::Refused { .. }));
}

#[tokio::test]
async fn what_never_arrived_is_not_sent_by_an_edit() {
    let world = World::new("").await;
    edit(&world, &item(1, Content::plain("x"))).await.unwrap();
    assert!(world.fake.calls("sendMessage").is_empty());
}

#[tokio::test]
async fn a_caption_is_edited_as_one() {
    let world = World::new("").await;
    let png = file(&world, "a.png", "image/png", b"\x89PNG\r\n\x1a\n0000");
    let mut item = item(1, Content { text: RichText::plain("old"), files: vec![png] });
    item.delivered_as = send(&world, &item, false).await.unwrap();
    item.content.text = RichText::plain("new");
    edit(&world, &item).await.unwrap();
    item.content.text = RichText::default();
    edit(&world, &item).await.unwrap();
    let calls = world.fake.calls("editMessageCaption");
    assert_eq!((&calls[0]["caption"], &calls[1]["caption"]), (&json!("new"), &json!("")));
    assert!(world.fake.calls("deleteMessage").is_empty());
}

#[tokio::test]
async fn everything_is_taken_back() {
    let world = World::new("").await;
    let mut item = item(1, Content::plain("z".repeat(5000)));
    item.delivered_as = send(&world, &item, false).await.unwrap();
    item.content = Content::default();
    let conversation = conversation("tg5");
    let outgoing =
        Outgoing { conversation: &conversation, item: &item, uncertain: false, attempts: 0, since: Timestamp(0) };
    world.fake.refuse("deleteMessage", 400, "Bad Request: message to delete not found", json!(null));
    world.channel.delete(outgoing).await.unwrap();
    assert_eq!(world.fake.calls("deleteMessage").len(), 2);
    world.fake.refuse("deleteMessage", 400, "Bad Request: message can't be deleted for everyone", json!(null));
    let error = world.channel.delete(outgoing).await.unwrap_err();
    assert_eq!(error, DeliveryError::refused("Telegram lets bots delete messages within 48 hours only"));
}
