//! Addresses and keys, ways of passing parameters, and `getUpdates`.

use serde_json::{Value, json};

use super::support::{Hook, TOKEN, World};

#[tokio::test]
async fn keys_and_addresses() {
    let world = World::new().await;
    let base = world.telegram.base_url();
    let status = async |path: &str| {
        let answer = world.http.get(format!("{base}{path}")).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap()["description"].clone())
    };
    assert_eq!(status("/bot1:unknownkey/getMe").await, (401, json!("Unauthorized")));
    assert_eq!(status("/botmalformed/getMe").await, (404, json!("Not Found")));
    assert_eq!(status("/anything").await, (404, json!("Not Found")));
    assert_eq!(status(&format!("/bot{TOKEN}/getNothing")).await, (404, json!("Not Found: method not found")));
    world.bot.changes_token("110201543:AAnotherKeyOfTheSameBot");
    assert_eq!(status(&format!("/bot{TOKEN}/getMe")).await, (401, json!("Unauthorized")));
    assert_eq!(status("/bot110201543:AAnotherKeyOfTheSameBot/GETME").await.0, 200);
}

#[tokio::test]
async fn parameters_travel_in_four_ways() {
    let world = World::started().await;
    let id = world.anna.id();
    let query = format!("{}?chat_id={id}&text=by+query", world.url("sendmessage"));
    world.http.get(query).send().await.unwrap().error_for_status().unwrap();
    let form =
        world.http.post(world.url("SENDMESSAGE")).form(&[("chat_id", id.to_string().as_str()), ("text", "by form")]);
    form.send().await.unwrap().error_for_status().unwrap();
    world.call("sendMessage", json!({ "chat_id": id.to_string(), "text": "by JSON" })).await;
    let (status, _) = world.upload("sendMessage", &[("text", None, b"by parts".to_vec())]).await;
    assert_eq!(status, 200);
    let texts = world.telegram.view(|view| view.texts_to(&world.anna, &world.bot));
    assert_eq!(texts, ["by query", "by form", "by JSON", "by parts"]);
    assert_eq!(world.telegram.count("sendMessage"), 4);
}

#[tokio::test]
async fn me() {
    let world = World::new().await;
    let me = world.call("getMe", json!({})).await;
    assert_eq!(me["id"], 110_201_543);
    assert_eq!((&me["is_bot"], &me["username"]), (&json!(true), &json!("shop_bot")));
    assert_eq!(me["can_read_all_group_messages"], false);
}

#[tokio::test]
async fn an_offset_confirms() {
    let world = World::new().await;
    for text in ["one", "two", "three"] {
        world.anna.writes(&world.bot, text);
    }
    let all = world.updates(json!({})).await;
    let id = all[0]["update_id"].as_i64().unwrap();
    assert_eq!(all.iter().map(|it| it["update_id"].as_i64().unwrap() - id).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(world.updates(json!({ "limit": 1 })).await.len(), 1, "nothing is confirmed yet");
    let rest = world.updates(json!({ "offset": id + 1 })).await;
    assert_eq!(rest[0]["message"]["text"], "two");
    assert_eq!(world.updates(json!({})).await.len(), 2, "what was confirmed is forgotten");
    let last = world.updates(json!({ "offset": -1 })).await;
    assert_eq!((last.len(), &last[0]["message"]["text"]), (1, &json!("three")));
    assert_eq!(world.updates(json!({})).await.len(), 1, "a negative offset forgets what is before");
    world.telegram.advance(std::time::Duration::from_secs(24 * 3600 + 1));
    assert!(world.updates(json!({})).await.is_empty(), "updates are kept for a day");
}

#[tokio::test]
async fn only_the_wanted_kinds() {
    let world = World::started().await;
    world.updates(json!({ "allowed_updates": ["edited_message"] })).await;
    let id = world.anna.writes(&world.bot, "unwanted");
    world.anna.edits(&world.bot, id, "wanted").unwrap();
    let updates = world.updates(json!({})).await;
    assert_eq!(updates.len(), 1);
    assert_eq!(updates[0]["edited_message"]["text"], "wanted");
    assert!(updates[0]["edited_message"]["edit_date"].is_i64());
}

#[tokio::test]
async fn a_long_poll_waits_for_news() {
    let world = World::started().await;
    let poll = world.updates(json!({ "timeout": 50 }));
    let writes = async {
        tokio::task::yield_now().await;
        world.anna.writes(&world.bot, "news");
    };
    let (updates, ()) = tokio::join!(poll, writes);
    assert_eq!(updates[0]["message"]["text"], "news");
}

/// Runs a long poll beside something that ends it.
async fn interrupted(world: &World, end: impl AsyncFnOnce()) -> String {
    let before = world.telegram.view(|view| view.polls_begun(&world.bot));
    let poll = world.refusal("getUpdates", json!({ "timeout": 50 }));
    let other = async {
        world.telegram.wait_until(|view| view.polls_begun(&world.bot) > before).await.unwrap();
        end().await;
    };
    tokio::join!(poll, other).0
}

#[tokio::test]
async fn one_poll_at_a_time() {
    let world = World::started().await;
    let words = interrupted(&world, async || {
        let before = world.telegram.view(|view| view.polls_begun(&world.bot));
        let second = world.updates(json!({ "timeout": 50 }));
        let news = async {
            world.telegram.wait_until(|view| view.polls_begun(&world.bot) > before).await.unwrap();
            world.anna.writes(&world.bot, "for the second");
        };
        assert_eq!(tokio::join!(second, news).0.len(), 1);
    })
    .await;
    let expected = "409 Conflict: terminated by other getUpdates request; \
        make sure that only one bot instance is running";
    assert_eq!(words, expected);
}

#[tokio::test]
async fn a_webhook_excludes_polling() {
    let world = World::started().await;
    let hook = Hook::start().await;
    let words = interrupted(&world, async || {
        world.call("setWebhook", json!({ "url": hook.url })).await;
    })
    .await;
    assert_eq!(words, "409 Conflict: terminated by setWebhook request");
    let refused = world.refusal("getUpdates", json!({})).await;
    assert!(refused.starts_with("409 Conflict: can't use getUpdates method while webhook is active"), "{refused}");
    world.call("deleteWebhook", json!({})).await;
    assert!(world.updates(json!({})).await.is_empty());
}

#[tokio::test]
async fn polls_can_be_dropped() {
    let world = World::started().await;
    let before = world.telegram.view(|view| view.polls_begun(&world.bot));
    let poll = world.http.post(world.url("getUpdates")).json(&json!({ "timeout": 50 })).send();
    let drop = async {
        world.telegram.wait_until(|view| view.polls_begun(&world.bot) > before).await.unwrap();
        world.bot.drops_polls();
    };
    assert!(tokio::join!(poll, drop).0.is_err());
    world.anna.writes(&world.bot, "still here");
    assert_eq!(world.updates(json!({})).await[0]["message"]["text"], "still here");
}
