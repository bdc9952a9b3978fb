//! The webhook.

use super::*;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use tower::ServiceExt;

async fn post(world: &World, secret: &str, body: String) -> StatusCode {
    let router = Arc::clone(&world.channel).routes();
    let request = Request::post("/webhook").header("X-Telegram-Bot-Api-Secret-Token", secret);
    router.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap().status()
}

fn secret(world: &World) -> String {
    hex::encode(world.host.secret.derive("channels/telegram/tg/webhook"))
}

#[tokio::test]
async fn only_telegram_is_let_in_and_answered_when_it_is_stored() {
    let world = World::new("mode = 'webhook'").await;
    let (stop, task) = world.run();
    world.fake.until("webhook set", |fake| !fake.calls("setWebhook").is_empty()).await;
    let set = world.fake.calls("setWebhook").remove(0);
    assert_eq!(set["url"], "https://chat.example/c/tg/webhook");
    assert_eq!(set["max_connections"], 1);
    let secret = set["secret_token"].as_str().unwrap().to_owned();
    let update = json!({"update_id": 1, "message": ann(1, json!({"text": "one"}))}).to_string();

    assert_eq!(post(&world, "", update.clone()).await, StatusCode::UNAUTHORIZED);
    assert_eq!(post(&world, &secret[1..], update.clone()).await, StatusCode::UNAUTHORIZED);
    world.memory.refuse(true);
    assert_eq!(post(&world, &secret, update.clone()).await, StatusCode::SERVICE_UNAVAILABLE);
    assert!(world.read("tg5").is_empty());
    world.memory.refuse(false);
    assert_eq!(post(&world, &secret, update.clone()).await, StatusCode::OK);
    assert_eq!(post(&world, &secret, update).await, StatusCode::OK);
    assert_eq!(world.read("tg5"), ["one"]);
    assert_eq!(post(&world, &secret, "{".into()).await, StatusCode::BAD_REQUEST);
    assert_eq!(post(&world, &secret, " ".repeat(2 * 1024 * 1024)).await, StatusCode::PAYLOAD_TOO_LARGE);
    stop.cancel();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_chats_later_updates_wait_for_one_that_was_not_taken() {
    let world = World::new("mode = 'webhook'").await;
    let router = Arc::clone(&world.channel).routes();
    let post = async |number: i64| {
        let update = json!({"update_id": number, "message": ann(number, json!({"text": number.to_string()}))});
        let request = Request::post("/webhook").header("X-Telegram-Bot-Api-Secret-Token", secret(&world));
        let request = request.body(Body::from(update.to_string())).unwrap();
        router.clone().oneshot(request).await.unwrap().status()
    };
    world.memory.refuse(true);
    assert_eq!(post(1).await, StatusCode::SERVICE_UNAVAILABLE);
    world.memory.refuse(false);
    assert_eq!(post(2).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!((post(1).await, post(2).await), (StatusCode::OK, StatusCode::OK));
    assert_eq!(world.read("tg5"), ["1", "2"]);
}

#[tokio::test]
async fn a_webhook_that_was_not_taken_is_set_again() {
    let world = World::new("mode = 'webhook'").await;
    world.fake.refuse("setWebhook", 429, "Too Many Requests: retry after 1", json!({"retry_after": 1}));
    let (stop, task) = world.run();
    world.fake.until("set again", |fake| fake.calls("setWebhook").len() == 2).await;
    stop.cancel();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn without_it_there_is_no_such_page() {
    let world = World::new("").await;
    assert_eq!(post(&world, "x", "{}".into()).await, StatusCode::NOT_FOUND);
}
