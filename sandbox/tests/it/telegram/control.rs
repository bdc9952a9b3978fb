//! The control interface and the phone page.

use serde_json::{Value, json};

use super::support::{World, png};

async fn verb(world: &World, verb: &str, body: Value) -> (u16, Value) {
    let url = format!("{}/sandbox/{verb}", world.telegram.base_url());
    let answer = world.http.post(url).json(&body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn verbs() {
    let world = World::started().await;
    let who = |mut body: Value| {
        body["person"] = json!(world.anna.id());
        body["bot"] = json!(world.bot.id());
        body
    };
    let (_, id) = verb(&world, "writes", who(json!({ "text": "helo" }))).await;
    assert_eq!(verb(&world, "edits", who(json!({ "message_id": id, "text": "hello" }))).await, (200, json!(true)));
    world.says("hi").await;
    let (_, chat) = verb(&world, "chat", who(json!({}))).await;
    let texts: Vec<&str> = chat["messages"].as_array().unwrap().iter().map(|it| it["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["/start", "hello", "hi"]);
    verb(&world, "blocks", who(json!({}))).await;
    assert_eq!(verb(&world, "chat", who(json!({}))).await.1["blocked"], true);
    let (_, ben) = verb(&world, "person", json!({ "name": "Ben" })).await;
    let (status, _) = verb(&world, "starts", json!({ "person": ben, "bot": world.bot.id(), "text": "x" })).await;
    assert_eq!(status, 200);
    assert_eq!(verb(&world, "writes", json!({})).await, (400, json!({ "error": "there is no person 0" })));
    assert_eq!(verb(&world, "dances", who(json!({}))).await.0, 400);
}

#[tokio::test]
async fn faults_and_record() {
    let world = World::started().await;
    let url = format!("{}/sandbox/faults", world.telegram.base_url());
    let fault = json!({ "kind": "too_many_requests", "retry_after": 2, "on": "getMe", "count": 1 });
    world.http.post(&url).json(&fault).send().await.unwrap().error_for_status().unwrap();
    assert_eq!(world.raw("getMe", json!({})).await.0, 429);
    let record = format!("{}/sandbox/record", world.telegram.base_url());
    let record: Value = world.http.get(record).send().await.unwrap().json().await.unwrap();
    assert_eq!(record["calls"].as_array().unwrap().last().unwrap()["status"], 429);
    let state = format!("{}/sandbox", world.telegram.base_url());
    let state = world.http.get(state).send().await.unwrap().text().await.unwrap();
    assert!(state.contains("shop_bot") && !state.contains("AAHdqTcv"), "keys are not shown");
}

#[tokio::test]
async fn the_phone() {
    let world = World::started().await;
    let base = world.telegram.base_url();
    let page = world.http.get(world.telegram.phone_url()).send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html");
    assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'self'"));
    for file in ["phone.js", "phone.css"] {
        world.http.get(format!("{base}/phone/{file}")).send().await.unwrap().error_for_status().unwrap();
    }
    let chat = format!("{base}/phone/api/chat?person={}&bot={}", world.anna.id(), world.bot.id());
    let first: Value = world.http.get(&chat).send().await.unwrap().json().await.unwrap();
    let waits = world.http.get(format!("{chat}&seen={}", first["seen"].as_str().unwrap())).send();
    world.anna.sends_photo(&world.bot, png(10, 10), "look");
    let next: Value = waits.await.unwrap().json().await.unwrap();
    let photo = &next["chat"]["messages"][1];
    assert_eq!((&photo["kind"], &photo["text"]), (&json!("photo"), &json!("look")));
    let file = format!("{base}/phone/api/file/{}", photo["file"]["id"].as_str().unwrap());
    let answer = world.http.get(file).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "image/png");
    assert_eq!(answer.bytes().await.unwrap().as_ref(), png(10, 10).as_slice());
}
