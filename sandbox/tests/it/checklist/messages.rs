//! C10, C13–C24, C27, C28: messages in both directions.

use std::time::{Duration, Instant};

use openline_sandbox::{Fault, FaultKind, SandboxConfig};
use serde_json::{Value, json};

use super::support::{Tenant, message, messaging, quiet, user};

fn last_texts(tenant: &Tenant) -> Vec<String> {
    let chat = tenant.sandbox.dialogs()[0].chat_id;
    tenant.sandbox.view(|view| view.texts(chat, "client"))
}

#[tokio::test]
async fn c10_the_structure_is_checked_before_anything_is_stored() {
    let tenant = Tenant::connected().await;
    let good = message("m-1", "x");
    let mut chatless = good.clone();
    chatless["chat"] = json!(null);
    let cases = [
        (json!("text"), "The value of an argument 'MESSAGES' must be of type array"),
        (json!(["text"]), "The MESSAGES parameter must be an array of messages (arrays)"),
        (json!([good, chatless]), "The incorrect structure of a message inside MESSAGES parameter."),
    ];
    for (messages, text) in cases {
        let (status, body) = tenant.call("imconnector.send.messages", messaging(messages)).await;
        assert_eq!((status, &body["error"], &body["error_description"]), (400, &json!("ERROR_ARGUMENT"), &json!(text)));
    }
    assert!(tenant.sandbox.dialogs().is_empty());
    assert_eq!(tenant.send(json!([])).await, json!([]));
}

#[tokio::test]
async fn c13_a_switched_off_line_still_takes_messages() {
    let tenant = Tenant::connected().await;
    assert!(tenant.sandbox.deactivate_line(1));
    tenant.client_writes("m-1", "hello?").await;
    assert_eq!(last_texts(&tenant), ["hello?"]);
}

#[tokio::test]
async fn c14_a_good_message() {
    let tenant = Tenant::connected().await;
    let mut element = message("m-1", "Hello");
    element["message"]["disable_crm"] = json!("Y");
    element["chat"] = json!({ "id": "c-1", "name": "Shop", "url": "https://x.example/c-1" });
    let result = tenant.send(json!([element])).await;
    let entry = &result[0];
    assert_eq!(entry["SUCCESS"], true);
    assert!(entry["user"].as_str().unwrap().parse::<i64>().is_ok());
    assert_eq!(entry["message"], json!({ "id": "m-1", "date": {}, "text": "Hello" }));
    assert_eq!(
        entry["chat"],
        json!({ "id": "c-1", "name": "Shop", "description": "Link to original post: https://x.example/c-1" })
    );
    assert_eq!(entry["extra"], json!({ "disable_tracker": "Y" }));
    assert!(entry["session"]["ID"].is_string() && entry["session"]["CHAT_ID"].is_string());
    let dialog = &tenant.sandbox.dialogs()[0];
    assert_eq!(
        (dialog.title.as_str(), dialog.external_chat_id.as_str(), dialog.open),
        ("Maria Stone - Support", "c-1", true)
    );
    assert_eq!((dialog.client.name.as_str(), dialog.client.gender.as_str(), dialog.unread), ("Maria", "F", 1));
    let stored = dialog.last.clone().unwrap();
    assert_eq!((stored.text.as_str(), stored.external_ids, stored.sending), ("Hello", vec!["m-1".to_owned()], false));
}

#[tokio::test]
async fn c15_mix_of_good_and_bad_elements() {
    let tenant = Tenant::connected().await;
    let mut nobody = message("m-3", "c");
    nobody["user"] = json!([]);
    let result = tenant.send(json!([message("m-1", "a"), message("m-2", ""), nobody, message("m-4", "0")])).await;
    let incomplete = json!({ "SUCCESS": false, "ERRORS": ["Incomplete data"] });
    assert_eq!((&result[1], &result[2]), (&incomplete, &incomplete));
    assert_eq!((&result[0]["message"]["id"], &result[3]["message"]["id"]), (&json!("m-1"), &json!("m-4")));
    assert_eq!(last_texts(&tenant), ["a", "0"]);
    let keyed = tenant.send(json!({ "first": message("m-5", "d"), "second": message("m-6", "") })).await;
    assert_eq!((&keyed["first"]["SUCCESS"], &keyed["second"]["SUCCESS"]), (&json!(true), &json!(false)));
    let mut mail = message("m-7", "e");
    mail["user"] = json!({ "id": "u-mail", "email": "not an address" });
    assert_eq!(tenant.send(json!([mail])).await[0]["SUCCESS"], false);
}

#[tokio::test]
async fn c16_the_portal_does_not_deduplicate() {
    let tenant = Tenant::connected().await;
    tenant.client_writes("m-1", "once").await;
    tenant.client_writes("m-1", "once").await;
    assert_eq!(last_texts(&tenant), ["once", "once"]);
}

#[tokio::test]
async fn c17_accepted_but_not_stored() {
    let tenant = Tenant::connected().await;
    tenant.sandbox.faults().add(Fault::new(FaultKind::AcceptedNotStored).once());
    let result = tenant.send(json!([message("m-1", "lost")])).await;
    assert_eq!(result[0]["SUCCESS"], true);
    assert!(result[0].get("session").is_none());
    assert!(tenant.sandbox.dialogs().is_empty());
    tenant.ok("imconnector.activate", json!({ "CONNECTOR": "shop", "LINE": 99, "ACTIVE": 1 })).await;
    let mut nowhere = messaging(json!([message("m-1", "lost")]));
    nowhere["LINE"] = json!(99);
    let result = tenant.ok("imconnector.send.messages", nowhere).await;
    assert!(result["DATA"]["RESULT"][0].get("session").is_none(), "no such line");
    tenant.sandbox.faults().add(Fault::new(FaultKind::FailElement { text: "No".to_owned() }).once());
    assert_eq!(tenant.send(json!([message("m-1", "lost")])).await[0], json!({ "SUCCESS": false, "ERRORS": ["No"] }));
}

#[tokio::test]
async fn c18_files_are_really_fetched() {
    let tenant = Tenant::connected_with(SandboxConfig { download_timeout_ms: 1500, ..quiet() }, json!({})).await;
    let with_files = |id: &str, text: &str, paths: &[&str]| {
        let mut element = message(id, text);
        let files: Vec<Value> = paths
            .iter()
            .map(|path| json!({ "url": format!("{}{path}", tenant.app.url), "name": format!("dir{path}") }))
            .collect();
        element["message"]["files"] = json!(files);
        json!([element])
    };
    let ok = tenant.send(with_files("m-1", "", &["/doc.pdf", "/missing"])).await;
    let ids = ok[0]["message"]["files"].as_array().unwrap();
    assert_eq!(ids.len(), 1);
    let (name, content) = tenant.sandbox.view(|view| view.file(ids[0].as_i64().unwrap())).unwrap();
    assert_eq!((name.as_str(), content.as_ref()), ("doc.pdf", &b"a document"[..]));
    let get = tenant.app.all().into_iter().find(|it| it.path == "/doc.pdf").unwrap();
    assert_eq!((get.method.as_str(), get.user_agent.as_str()), ("GET", "Bitrix Connector Client"));

    let text_left = tenant.send(with_files("m-2", "text", &["/missing"])).await;
    assert_eq!((&text_left[0]["SUCCESS"], &text_left[0]["message"]["files"]), (&json!(true), &json!([])));
    let incomplete = json!({ "SUCCESS": false, "ERRORS": ["Incomplete data"] });
    assert_eq!(tenant.send(with_files("m-3", "", &["/missing"])).await[0], incomplete);
    assert_eq!(tenant.send(with_files("m-4", "", &["/slow"])).await[0], incomplete);
}

#[tokio::test]
async fn c19_long_texts_are_cut() {
    let tenant = Tenant::connected().await;
    let long = "x".repeat(20_007);
    let result = tenant.send(json!([message("m-1", &long)])).await;
    assert_eq!(result[0]["message"]["text"].as_str().unwrap().len(), 20_007);
    let stored = &last_texts(&tenant)[0];
    assert!(stored.len() == 20_006 && stored.ends_with("x (...)"));
}

#[tokio::test]
async fn c20_long_names_pass_unless_strict() {
    let tenant = Tenant::connected().await;
    let named = |id: &str, name: &str| json!([{ "user": { "id": id, "name": name }, "message": { "text": "x" }, "chat": { "id": "c-1" } }]);
    assert_eq!(tenant.send(named("a", &"n".repeat(26))).await[0]["SUCCESS"], true);
    assert_eq!(tenant.send(named("b", "Agent 007")).await[0]["SUCCESS"], true);
    tenant.sandbox.switch(|switches| switches.strict_names = true);
    assert_eq!(tenant.send(named("c", &"n".repeat(26))).await[0]["SUCCESS"], false);
    assert_eq!(tenant.send(named("d", "Agent 007")).await[0]["SUCCESS"], false);
    assert_eq!(tenant.send(named("e", "Жанна д'Арк-Нова")).await[0]["SUCCESS"], true);
}

#[tokio::test]
async fn c21_a_poorer_user_block_blanks_the_client() {
    let tenant = Tenant::connected().await;
    let mut rich = message("m-1", "hi");
    rich["user"]["picture"] = json!({ "url": format!("{}/face.png", tenant.app.url) });
    tenant.send(json!([rich, rich])).await;
    let before = tenant.sandbox.dialogs()[0].client.clone();
    assert_eq!((before.name.as_str(), before.last_name.as_str()), ("Maria", "Stone"));
    assert!(before.picture.starts_with(&tenant.sandbox.portal_url()));
    assert_eq!(
        tenant.app.all().iter().filter(|it| it.path == "/face.png").count(),
        1,
        "fetched once while the block is the same"
    );
    let mut poor = message("m-2", "hi again");
    poor["user"] = json!({ "id": "u-1" });
    tenant.send(json!([poor])).await;
    let after = tenant.sandbox.dialogs()[0].client.clone();
    assert_eq!(after.id, before.id);
    assert_eq!(
        (after.name.as_str(), after.last_name.as_str(), after.url.as_str(), after.gender.as_str()),
        ("Guest", "", "", "")
    );
    let mut split = message("m-3", "third");
    split["user"] = json!({ "id": "u-1", "name": "Ann Bell" });
    tenant.send(json!([split])).await;
    let split = tenant.sandbox.dialogs()[0].client.clone();
    assert_eq!((split.name.as_str(), split.last_name.as_str()), ("Ann", "Bell"));
}

#[tokio::test]
async fn c22_update_and_delete() {
    let tenant = Tenant::connected().await;
    let chat = tenant.client_writes("m-1", "first").await;
    tenant.client_writes("m-2", "second").await;
    let result = tenant
        .ok("imconnector.update.messages", messaging(json!([message("m-1", "changed"), message("m-9", "unknown")])))
        .await;
    let entries = &result["DATA"]["RESULT"];
    assert_eq!((&entries[0]["SUCCESS"], &entries[1]["SUCCESS"]), (&json!(true), &json!(true)));
    assert!(entries[0].get("session").is_none());
    assert_eq!(last_texts(&tenant), ["changed", "second"]);

    let mut files_only = message("m-2", "");
    files_only["message"]["files"] = json!([{ "url": format!("{}/doc.pdf", tenant.app.url) }]);
    tenant.ok("imconnector.update.messages", messaging(json!([files_only]))).await;
    assert_eq!(last_texts(&tenant), ["changed"], "an update with files only deletes");

    let userless = json!([{ "message": { "id": "m-1", "text": "x" }, "chat": { "id": "c-1" } }]);
    let failed = tenant.ok("imconnector.update.messages", messaging(userless)).await;
    assert_eq!(failed["DATA"]["RESULT"][0]["SUCCESS"], false);

    let element = json!({ "user": user(), "message": { "id": "m-1" }, "chat": { "id": "c-1" } });
    let deleted = tenant.ok("imconnector.delete.messages", messaging(json!([element, element]))).await;
    let entry = &deleted["DATA"]["RESULT"][0];
    assert_eq!(
        (&entry["message"], &entry["chat"], &entry["SUCCESS"]),
        (&json!({ "id": "m-1" }), &json!({ "id": "c-1" }), &json!(true))
    );
    assert_eq!(deleted["DATA"]["RESULT"][1]["SUCCESS"], true);
    assert!(tenant.sandbox.view(|view| view.texts(chat, "client").is_empty()));
}

#[tokio::test]
async fn c23_delivery_confirmations() {
    let tenant = Tenant::connected().await;
    let chat = tenant.client_writes("m-1", "hi").await;
    let id = tenant.sandbox.operator_writes(chat, "answer").unwrap();
    let stored = || tenant.sandbox.view(|view| view.message(id).cloned()).unwrap();
    assert!(stored().sending && stored().external_ids.is_empty());
    tenant.confirm(chat, id, &["e-1", "e-2"]).await;
    assert!(!stored().sending && stored().read);
    assert_eq!(stored().external_ids, ["e-1", "e-2"]);
    tenant.confirm(chat, id, &["late"]).await;
    assert_eq!(stored().external_ids, ["e-1", "e-2"], "ids are stored by the first confirmation only");
    tenant.confirm(chat, 1, &["unknown"]).await;

    let second = tenant.sandbox.operator_writes(chat, "another").unwrap();
    let minimal = json!([{ "im": { "chat_id": chat, "message_id": second.to_string() } }]);
    assert_eq!(
        tenant.ok("imconnector.send.status.delivery", messaging(minimal)).await,
        json!({ "SUCCESS": true, "DATA": [] })
    );
    tenant.confirm(chat, second, &["too-late"]).await;
    let second = tenant.sandbox.view(|view| view.message(second).cloned()).unwrap();
    assert!(!second.sending && second.external_ids.is_empty(), "without ids the chance is gone");
}

#[tokio::test]
async fn c24_reading_does_nothing() {
    let tenant = Tenant::connected().await;
    let chat = tenant.client_writes("m-1", "hi").await;
    let id = tenant.sandbox.operator_writes(chat, "answer").unwrap();
    let element = json!([{ "im": { "chat_id": chat, "message_id": id }, "message": { "id": ["e-1"] } }]);
    let answer = tenant.ok("imconnector.send.status.reading", messaging(element)).await;
    assert_eq!(answer, json!({ "SUCCESS": true, "DATA": [] }));
    assert!(tenant.sandbox.view(|view| view.message(id).unwrap().sending));
}

#[tokio::test]
async fn c27_each_message_takes_its_time() {
    let tenant = Tenant::connected_with(SandboxConfig { processing_ms: 60, ..quiet() }, json!({})).await;
    let started = Instant::now();
    tenant.send(json!([message("m-1", "a"), message("m-2", "b"), message("m-3", "c")])).await;
    assert!(started.elapsed() >= Duration::from_millis(180));
}

#[tokio::test]
async fn c28_the_connection_breaks_after_some_are_stored() {
    let tenant = Tenant::connected().await;
    tenant.sandbox.faults().add(Fault::new(FaultKind::CutAfterStored { stored: 2 }).once());
    let request = tenant.http.post(tenant.method_url("imconnector.send.messages")).bearer_auth(&tenant.token);
    let messages = json!([message("m-1", "a"), message("m-2", "b"), message("m-3", "c")]);
    assert!(request.json(&messaging(messages)).send().await.is_err());
    assert_eq!(last_texts(&tenant), ["a", "b"]);
    assert_eq!(tenant.sandbox.calls().last().unwrap().verdict, "cut");
}
