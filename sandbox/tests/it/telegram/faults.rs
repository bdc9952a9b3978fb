//! Misfortunes: before and after execution, counted, skipped.

use openline_sandbox::telegram::TelegramFault;
use serde_json::{Value, json};

use super::support::World;

fn shown(world: &World) -> Vec<String> {
    world.telegram.view(|view| view.texts_to(&world.anna, &world.bot))
}

#[tokio::test]
async fn too_many_requests() {
    let world = World::started().await;
    world.telegram.faults().add(TelegramFault::too_many_requests(7).on("sendMessage").once());
    let request = world.http.post(world.url("sendMessage")).json(&world.to_anna(json!({ "text": "x" })));
    let answer = request.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (429, "7"));
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["description"], "Too Many Requests: retry after 7");
    assert_eq!(body["parameters"], json!({ "retry_after": 7 }));
    assert!(shown(&world).is_empty());
    world.says("x").await;
}

#[tokio::test]
async fn before_and_after_execution() {
    let world = World::started().await;
    world.telegram.faults().add(TelegramFault::status(502).on("sendMessage").once());
    world.telegram.faults().add(TelegramFault::status(500).on("sendMessage").after().skip(1).once());
    let send = |text: &str| world.to_anna(json!({ "text": text }));
    assert_eq!(world.refusal("sendMessage", send("lost")).await, "502 Bad Gateway");
    world.says("fine").await;
    assert_eq!(world.refusal("sendMessage", send("arrived")).await, "500 Internal Server Error");
    assert_eq!(shown(&world), ["fine", "arrived"]);
    assert!(world.telegram.faults().list().is_empty(), "both are used up");
}

#[tokio::test]
async fn cuts_and_html() {
    let world = World::started().await;
    let send =
        |text: &str| world.http.post(world.url("sendMessage")).json(&world.to_anna(json!({ "text": text }))).send();
    world.telegram.faults().add(TelegramFault::cut().on("sendMessage").after().once());
    assert!(send("stored, not answered").await.is_err());
    assert_eq!(shown(&world), ["stored, not answered"]);
    world.telegram.faults().add(TelegramFault::html(502).once());
    let answer = send("refused").await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()), (502, "text/html"));
    let verdicts: Vec<String> = world.telegram.calls().into_iter().rev().take(2).map(|call| call.verdict).collect();
    assert_eq!(verdicts, ["fault: html", "fault: cut"]);
}

#[tokio::test]
async fn a_hanging_call_hangs() {
    let world = World::started().await;
    world.telegram.faults().add(TelegramFault::hang().on("getMe").once());
    let patience = std::time::Duration::from_millis(200);
    let answer = world.http.get(world.url("getMe")).timeout(patience).send().await;
    assert!(answer.unwrap_err().is_timeout());
    world.call("getMe", json!({})).await;
}

#[tokio::test]
async fn downloads_fail_too() {
    let world = World::started().await;
    world.anna.sends_document(&world.bot, "a.txt", "text/plain", &b"content"[..]);
    let id = world.updates(json!({})).await[0]["message"]["document"]["file_id"].clone();
    let file = world.call("getFile", json!({ "file_id": id })).await;
    let base = world.telegram.base_url();
    let url = format!("{base}/file/bot{}/{}", super::support::TOKEN, file["file_path"].as_str().unwrap());
    world.telegram.faults().add(TelegramFault::status(500).on("download").once());
    assert_eq!(world.http.get(&url).send().await.unwrap().status(), 500);
    assert_eq!(world.http.get(&url).send().await.unwrap().text().await.unwrap(), "content");
    assert_eq!(world.telegram.count("download"), 2);
}
