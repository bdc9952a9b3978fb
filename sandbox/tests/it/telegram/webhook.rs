//! `setWebhook` and the delivery to it.

use serde_json::json;

use super::support::{Hook, World};
use openline_sandbox::telegram::{TelegramFault, WebhookPost};

#[tokio::test]
async fn what_is_refused() {
    let world = World::new().await;
    let set = async |params| world.refusal("setWebhook", params).await;
    let secret = |secret: String| json!({ "url": "https://a.example/", "secret_token": secret });
    assert_eq!(set(secret("a b".into())).await, "400 Bad Request: secret token contains unallowed characters");
    assert_eq!(set(secret("a".repeat(257))).await, "400 Bad Request: secret token is too long");
    let https = "400 Bad Request: bad webhook: An HTTPS URL must be provided for webhook";
    assert_eq!(set(json!({ "url": "http://a.example/" })).await, https);
    let ports = "400 Bad Request: bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443";
    assert_eq!(set(json!({ "url": "https://a.example:9000/" })).await, ports);
    assert_eq!(set(json!({ "url": "ftp://a.example/" })).await, "400 Bad Request: invalid webhook URL specified");
    world.telegram.switch(|switches| switches.https_webhooks_only = true);
    assert_eq!(set(json!({ "url": "http://127.0.0.1:9/" })).await, https);
}

#[tokio::test]
async fn deliveries_carry_the_secret_and_confirm() {
    let world = World::new().await;
    let hook = Hook::start().await;
    let (_, body) = world.raw("setWebhook", json!({ "url": hook.url, "secret_token": "Secret_1-a" })).await;
    assert_eq!(body, json!({ "ok": true, "result": true, "description": "Webhook was set" }));
    world.anna.writes(&world.bot, "hello");
    world.telegram.wait_until(|view| view.webhooks().any(WebhookPost::delivered)).await.unwrap();
    let (update, headers) = hook.got.lock()[0].clone();
    assert_eq!(headers["x-telegram-bot-api-secret-token"], "Secret_1-a");
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(update["message"]["text"], "hello");
    world.telegram.wait_until(|view| view.pending(&world.bot) == 0).await.unwrap();
    let info = world.call("getWebhookInfo", json!({})).await;
    assert_eq!((&info["url"], &info["pending_update_count"]), (&json!(hook.url), &json!(0)));
    assert_eq!(info["max_connections"], 40);
    let call = world.telegram.calls().into_iter().find(|call| call.method == "setWebhook").unwrap();
    assert_eq!(call.params["secret_token"], "…", "secrets are not recorded");
}

#[tokio::test]
async fn a_failure_is_told_and_repeated_before_the_next_of_the_chat() {
    let world = World::new().await;
    let hook = Hook::start().await;
    hook.answers(vec![(500, json!({})), (503, json!({})), (200, json!({}))]);
    world.call("setWebhook", json!({ "url": hook.url })).await;
    world.anna.writes(&world.bot, "first");
    world.anna.writes(&world.bot, "second");
    world.telegram.wait_until(|view| view.pending(&world.bot) == 0).await.unwrap();
    assert_eq!(hook.texts(), ["first", "first", "first", "second"]);
    let info = world.call("getWebhookInfo", json!({})).await;
    assert_eq!(info["last_error_message"], "Wrong response from the webhook: 503 Service Unavailable");
    let outcomes: Vec<bool> = world.telegram.webhooks().iter().map(WebhookPost::delivered).collect();
    assert_eq!(outcomes, [false, false, true, true]);
}

#[tokio::test]
async fn chats_do_not_wait_for_each_other() {
    let world = World::new().await;
    let hook = Hook::start().await;
    world.call("setWebhook", json!({ "url": hook.url })).await;
    let delay = TelegramFault::delay_update(std::time::Duration::from_secs(600));
    world.telegram.faults().add(delay.on("message").once());
    world.anna.writes(&world.bot, "slow");
    world.telegram.wait_until(|view| view.in_flight(&world.bot) == 1).await.unwrap();
    let ben = world.telegram.person("Ben");
    ben.writes(&world.bot, "quick");
    world.telegram.wait_until(|view| view.webhooks().count() == 1).await.unwrap();
    assert_eq!(hook.texts(), ["quick"]);
    world.telegram.switch(|switches| switches.unordered_webhooks = true);
    world.anna.writes(&world.bot, "overtakes");
    world.telegram.wait_until(|view| view.webhooks().count() == 2).await.unwrap();
    assert_eq!(hook.texts(), ["quick", "overtakes"]);
}

#[tokio::test]
async fn max_connections_bound_the_posts() {
    let world = World::new().await;
    let hook = Hook::start().await;
    world.call("setWebhook", json!({ "url": hook.url, "max_connections": 1 })).await;
    let delay = TelegramFault::delay_update(std::time::Duration::from_secs(600));
    world.telegram.faults().add(delay.once());
    world.anna.writes(&world.bot, "holds the only connection");
    world.telegram.wait_until(|view| view.in_flight(&world.bot) == 1).await.unwrap();
    world.telegram.person("Ben").writes(&world.bot, "waits");
    assert_eq!(world.telegram.view(|view| (view.in_flight(&world.bot), view.pending(&world.bot))), (1, 2));
    assert!(hook.texts().is_empty());
}

#[tokio::test]
async fn a_webhook_may_answer_with_a_method() {
    let world = World::new().await;
    let hook = Hook::start().await;
    let reply = json!({ "method": "sendMessage", "chat_id": world.anna.id(), "text": "at once" });
    hook.answers(vec![(200, reply), (200, json!({ "method": "getMe" })), (200, json!({}))]);
    world.call("setWebhook", json!({ "url": hook.url })).await;
    world.anna.writes(&world.bot, "hello");
    world.telegram.wait_until(|view| view.texts_to(&world.anna, &world.bot) == ["at once"]).await.unwrap();
}

#[tokio::test]
async fn updates_come_twice_when_told_to() {
    let world = World::new().await;
    let hook = Hook::start().await;
    world.call("setWebhook", json!({ "url": hook.url })).await;
    world.telegram.faults().add(TelegramFault::duplicate_update().once());
    world.anna.writes(&world.bot, "twice");
    world.anna.writes(&world.bot, "once");
    world.telegram.wait_until(|view| view.pending(&world.bot) == 0).await.unwrap();
    assert_eq!(hook.texts(), ["twice", "twice", "once"]);
}

#[tokio::test]
async fn pending_updates_wait_or_are_dropped() {
    let world = World::new().await;
    world.anna.writes(&world.bot, "early");
    assert_eq!(world.call("getWebhookInfo", json!({})).await["pending_update_count"], 1);
    let hook = Hook::start().await;
    world.call("setWebhook", json!({ "url": hook.url, "drop_pending_updates": true })).await;
    world.anna.writes(&world.bot, "late");
    world.telegram.wait_until(|view| view.pending(&world.bot) == 0).await.unwrap();
    assert_eq!(hook.texts(), ["late"]);
    let (_, body) = world.raw("deleteWebhook", json!({})).await;
    assert_eq!(body["description"], "Webhook was deleted");
    assert_eq!(world.call("getWebhookInfo", json!({})).await["url"], "");
}

#[tokio::test]
async fn strict_pace_slows_set_webhook() {
    let world = World::new().await;
    world.telegram.switch(|switches| switches.strict_pace = true);
    world.call("setWebhook", json!({ "url": "https://a.example/" })).await;
    let (status, body) = world.raw("setWebhook", json!({ "url": "https://b.example/" })).await;
    assert_eq!((status, &body["parameters"]["retry_after"]), (429, &json!(1)));
    assert_eq!(body["description"], "Too Many Requests: retry after 1");
}
