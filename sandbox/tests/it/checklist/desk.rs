//! The desk's own interface.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::Tenant;

async fn get(tenant: &Tenant, path: &str) -> Value {
    let answer = tenant.http.get(tenant.sandbox.desk_url() + "api/" + path).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

#[tokio::test]
async fn state_dialogs_and_messages() {
    let tenant = Tenant::connected().await;
    let chat = tenant.client_writes("m-1", "hi").await;
    let state = get(&tenant, "state").await;
    assert_eq!(state["operator"], json!({ "id": 27, "name": "Anna Lee" }));
    assert_eq!(state["lines"][0], json!({ "id": 1, "name": "Support", "active": true }));
    assert_eq!(state["connectors"][0]["lines"], json!([{ "line": 1, "status": true }]));
    assert_eq!((&state["portal"]["installed"], &state["faults"]), (&json!(true), &json!(false)));

    let list = get(&tenant, "dialogs").await;
    let dialog = &list["dialogs"][0];
    assert_eq!(dialog["chat_id"], chat.to_string());
    assert_eq!(
        (&dialog["unread"], &dialog["open"], &dialog["external_chat_id"]),
        (&json!(1), &json!(true), &json!("c-1"))
    );
    assert_eq!((&dialog["last"]["from"], &dialog["last"]["text"]), (&json!("client"), &json!("hi")));
    assert_eq!(dialog["client"]["name"], "Maria");

    let messages = get(&tenant, &format!("dialogs/{chat}/messages")).await;
    let first = &messages["messages"][0];
    assert_eq!(
        (&first["from"], &first["author"], &first["external_ids"]),
        (&json!("client"), &json!("Maria Stone"), &json!(["m-1"]))
    );
}

#[tokio::test]
async fn a_long_poll_ends_with_the_change() {
    let tenant = Tenant::connected().await;
    let chat = tenant.client_writes("m-1", "hi").await;
    let rev = get(&tenant, "dialogs").await["rev"].as_u64().unwrap();
    assert_eq!(get(&tenant, &format!("dialogs?since={rev}")).await["dialogs"], json!([]));
    let dialogs = format!("dialogs?since={rev}&wait=30");
    let messages = format!("dialogs/{chat}/messages?since={rev}&wait=30");
    let (dialogs, messages, ()) = tokio::join!(get(&tenant, &dialogs), get(&tenant, &messages), async {
        tenant.client_writes("m-2", "again").await;
    });
    assert_eq!(dialogs["dialogs"][0]["chat_id"], chat.to_string());
    let new: Vec<&Value> = messages["messages"].as_array().unwrap().iter().map(|message| &message["text"]).collect();
    assert_eq!(new, ["again"]);
}

#[tokio::test]
async fn acting() {
    let tenant = Tenant::connected().await;
    let chat = tenant.client_writes("m-1", "hi").await;
    let api = tenant.sandbox.desk_url() + "api/";
    let messages = format!("{api}dialogs/{chat}/messages");
    let answer = tenant.http.post(&messages).json(&json!({ "text": "hello" })).send().await.unwrap();
    let id: Value = answer.json().await.unwrap();
    let id = id["id"].as_str().unwrap().to_owned();

    let part = "--XX\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nsee\r\n\
        --XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nabc\r\n--XX--\r\n";
    let upload = tenant.http.post(&messages).header("content-type", "multipart/form-data; boundary=XX").body(part);
    assert_eq!(upload.send().await.unwrap().status(), 200);
    let stored = get(&tenant, &format!("dialogs/{chat}/messages")).await;
    let file = &stored["messages"][2]["files"][0];
    assert_eq!((&file["name"], &file["type"], &file["size"]), (&json!("a.txt"), &json!("file"), &json!(3)));
    let content = tenant.http.get(tenant.sandbox.portal_url() + file["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(content.text().await.unwrap(), "abc");

    assert_eq!(
        tenant
            .http
            .patch(format!("{api}messages/{id}"))
            .json(&json!({ "text": "better" }))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(tenant.http.delete(format!("{api}messages/{id}")).send().await.unwrap().status(), 200);
    assert_eq!(tenant.http.delete(format!("{api}messages/{id}")).send().await.unwrap().status(), 409);
    let stored = get(&tenant, &format!("dialogs/{chat}/messages")).await;
    let second = &stored["messages"][1];
    assert_eq!(
        (&second["text"], &second["edited"], &second["deleted"]),
        (&json!("better"), &json!(true), &json!(true))
    );

    assert_eq!(
        tenant.http.post(format!("{api}operator")).json(&json!({ "id": "28" })).send().await.unwrap().status(),
        200
    );
    assert_eq!(get(&tenant, "state").await["operator"]["name"], "Boris King");
    tenant.client_writes("m-2", "unseen").await;
    assert_eq!(get(&tenant, "dialogs").await["dialogs"][0]["unread"], 1);
    assert_eq!(tenant.http.post(format!("{api}dialogs/{chat}/read")).send().await.unwrap().status(), 200);
    assert_eq!(get(&tenant, "dialogs").await["dialogs"][0]["unread"], 0);
    assert_eq!(tenant.http.post(format!("{api}dialogs/{chat}/finish")).send().await.unwrap().status(), 200);
    assert_eq!(get(&tenant, "dialogs").await["dialogs"][0]["open"], false);

    tenant.sandbox.deactivate_line(1);
    let refused = tenant.http.post(&messages).json(&json!({ "text": "x" })).send().await.unwrap();
    assert_eq!(refused.status(), 409);
    assert!(refused.json::<Value>().await.unwrap()["error"].is_string());
    let nowhere =
        tenant.http.get(format!("{api}dialogs/1/messages")).timeout(Duration::from_secs(5)).send().await.unwrap();
    assert_eq!(nowhere.status(), 404);
}

#[tokio::test]
async fn the_page_is_served() {
    let tenant = Tenant::connected().await;
    let page = tenant.http.get(tenant.sandbox.desk_url()).send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html");
    assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'self'"));
    let bare = tenant.http.get(tenant.sandbox.portal_url() + "/desk").send().await.unwrap();
    assert_eq!(bare.headers()["location"], "/desk/");
    let missing = tenant.http.get(tenant.sandbox.desk_url() + "missing.js").send().await.unwrap();
    assert_eq!(missing.status(), 404);
}
