//! Messages of which it is unknown whether they arrived.

use super::going::{file, item, send};
use super::*;
use openline_core::DeliveryError;
use openline_core::text::RichText;

const NOT_THERE: &str = "Bad Request: message to edit not found";
const NOT_OURS: &str = "Bad Request: message can't be edited";
const SAME: &str = "Bad Request: message is not modified: specified new message content and reply markup are exactly \
    the same as a current content and reply markup of the message";

/// A world in which message 10 came from Ann, and the answer to the call that sent the first reply was lost.
async fn in_doubt(method: &str, content: impl FnOnce(&World) -> Content) -> (World, openline_core::message::Item) {
    let world = World::new("").await;
    world.say(ann(10, json!({"text": "hello"}))).await;
    let item = item(1, content(&world));
    // Teloxide, which does the uploads, sleeps ten seconds on a 5xx.
    let (status, body) = if method == "sendMessage" { (502, "<html>") } else { (200, "garbage") };
    world.fake.answer(method, status, json!(body));
    assert!(matches!(send(&world, &item, false).await.unwrap_err(), DeliveryError::Unknown { .. }));
    (world, item)
}

fn looked_at(world: &World) -> Vec<i64> {
    world.fake.calls("editMessageReplyMarkup").iter().map(|call| call["message_id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn what_arrived_is_found_and_not_sent_again() {
    let (mut world, item) = in_doubt("sendMessage", |_| Content::plain("x")).await;
    world.restart("");
    for answer in [NOT_THERE, NOT_OURS, SAME] {
        world.fake.refuse("editMessageReplyMarkup", 400, answer, json!(null));
    }
    world.fake.refuse("editMessageText", 400, SAME, json!(null));
    assert_eq!(send(&world, &item, true).await.unwrap(), ["13"]);
    assert_eq!(looked_at(&world), [11, 12, 13]);
    assert_eq!(world.fake.calls("editMessageText")[0]["text"], "x");
    assert_eq!(world.fake.calls("sendMessage").len(), 1);
}

#[tokio::test]
async fn a_file_is_found_by_its_caption() {
    let with_file = |world: &World| {
        let pdf = file(world, "a.pdf", "application/pdf", b"%PDF");
        Content { text: RichText::plain("see"), files: vec![pdf] }
    };
    let (world, item) = in_doubt("sendDocument", with_file).await;
    world.fake.refuse("editMessageReplyMarkup", 400, SAME, json!(null));
    // A text of our own that was said meanwhile is none.
    let text = "Bad Request: there is no caption in the message to edit";
    world.fake.refuse("editMessageCaption", 400, text, json!(null));
    world.fake.refuse("editMessageReplyMarkup", 400, SAME, json!(null));
    world.fake.refuse("editMessageCaption", 400, SAME, json!(null));
    assert_eq!(send(&world, &item, true).await.unwrap(), ["12"]);
    assert_eq!(world.fake.calls("sendDocument").len(), 1);
}

#[tokio::test]
async fn what_is_not_there_is_sent() {
    let (world, item) = in_doubt("sendMessage", |_| Content::plain("x")).await;
    for _ in 0..64 {
        world.fake.refuse("editMessageReplyMarkup", 400, NOT_THERE, json!(null));
    }
    assert_eq!(send(&world, &item, true).await.unwrap(), ["1"]);
    assert_eq!(looked_at(&world), (11..75).collect::<Vec<_>>());
    assert_eq!(world.fake.calls("sendMessage").len(), 2);
}

#[tokio::test]
async fn a_look_that_is_broken_off_goes_on_where_it_was() {
    let (mut world, item) = in_doubt("sendMessage", |_| Content::plain("x")).await;
    world.fake.refuse("editMessageReplyMarkup", 400, NOT_THERE, json!(null));
    let flood = json!({"retry_after": 3});
    world.fake.refuse("editMessageReplyMarkup", 429, "Too Many Requests: retry after 3", flood);
    assert!(matches!(send(&world, &item, true).await.unwrap_err(), DeliveryError::Retry { after: Some(_), .. }));
    world.restart("");
    world.fake.answer("editMessageReplyMarkup", 502, json!("<html>"));
    let away = send(&world, &item, true).await.unwrap_err();
    assert!(matches!(away, DeliveryError::Retry { .. }), "looking has changed nothing: {away:?}");
    world.fake.refuse("editMessageReplyMarkup", 400, SAME, json!(null));
    world.fake.refuse("editMessageText", 400, SAME, json!(null));
    assert_eq!(send(&world, &item, true).await.unwrap(), ["12"]);
    assert_eq!(looked_at(&world), [11, 12, 12, 12]);
}

#[tokio::test]
async fn where_it_can_not_be_told_it_is_sent_at_once() {
    // A server that says yes to everything, one that does not know the call, a person who has blocked the bot.
    for refusal in [None, Some((404, "Not Found")), Some((403, "Forbidden: bot was blocked by the user"))] {
        let (world, item) = in_doubt("sendMessage", |_| Content::plain("x")).await;
        if let Some((code, text)) = refusal {
            world.fake.refuse("editMessageReplyMarkup", code, text, json!(null));
        }
        assert_eq!(send(&world, &item, true).await.unwrap(), ["1"]);
        assert_eq!(looked_at(&world), [11]);
    }
}

#[tokio::test]
async fn what_was_never_begun_is_not_looked_for() {
    let world = World::new("").await;
    world.say(ann(10, json!({"text": "hello"}))).await;
    assert_eq!(send(&world, &item(1, Content::plain("x")), true).await.unwrap(), ["1"]);
    assert!(looked_at(&world).is_empty());
}

#[tokio::test]
async fn the_newest_number_outlives_a_restart() {
    let mut world = World::new("").await;
    world.say(ann(500, json!({"text": "hello"}))).await;
    send(&world, &item(1, Content::plain("x")), false).await.unwrap();
    world.restart("");
    let next = item(2, Content::plain("y"));
    world.fake.answer("sendMessage", 502, json!("<html>"));
    send(&world, &next, false).await.unwrap_err();
    send(&world, &next, true).await.unwrap();
    assert_eq!(looked_at(&world), [501]);
}
