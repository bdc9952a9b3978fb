//! The HTTP channel: its description is true, and webhooks tell the truth about delivery.

use crate::openapi::{misfit, schema_of};
use openline_sandbox::{Fault, SandboxConfig, View};
use openline_tests::{Attempt, Order, Receiver, World, eventually};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

const TOKEN: &str = "9f86d081884c7d659a2feaa0c55ad015";

async fn world(settings: &str) -> World {
    let channels = format!("[channels.crm]\nkind = \"api\"\n[channels.crm.settings]\ntoken = \"{TOKEN}\"\n{settings}");
    let world = World::with(SandboxConfig::default().without_limits(), &channels).await;
    world.sandbox.set_line_texts(1, None, None);
    world
}

async fn call(world: &World, method: &str, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
    let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
    let mut request = Client::new().request(method, world.url(&format!("/c/crm{path}"))).bearer_auth(TOKEN);
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.unwrap();
    let status = response.status();
    (status, response.json().await.unwrap())
}

async fn says(world: &World, id: &str, text: &str) -> (StatusCode, Value) {
    call(world, "post", "/messages", Some(&json!({ "chat": "a b", "id": id, "text": text }))).await
}

/// A path with the parameters' examples in it.
fn filled(document: &Value, path: &str, method: &str) -> String {
    let parameters = document["paths"][path][method]["parameters"].as_array().cloned().unwrap_or_default();
    let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
    in_path.fold(path.to_owned(), |path, parameter| {
        let encoded = utf8_percent_encode(parameter["example"].as_str().unwrap(), NON_ALPHANUMERIC).to_string();
        path.replace(&format!("{{{}}}", parameter["name"].as_str().unwrap()), &encoded)
    })
}

#[tokio::test]
async fn the_description_is_true_of_a_running_channel() {
    let world = world("").await;
    let address = world.url("/c/crm/openapi.json");
    let document: Value = Client::new().get(address).send().await.unwrap().json().await.unwrap();
    assert_eq!(document["servers"][0]["url"], world.url("/c/crm"));
    says(&world, "first", "hello").await;
    let mut calls = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        // What is deleted can't be changed.
        let (last, first): (Vec<_>, Vec<_>) =
            methods.as_object().unwrap().iter().partition(|(method, _)| *method == "delete");
        for (method, described) in first.into_iter().chain(last) {
            let content = &described["requestBody"]["content"]["application/json"];
            let examples = content["examples"].as_object().cloned().unwrap_or_default();
            let bodies: Vec<_> = examples.values().map(|example| Some(example["value"].clone())).collect();
            for body in if bodies.is_empty() { vec![None] } else { bodies } {
                if let Some(body) = &body {
                    assert_eq!(misfit(&document, &content["schema"], body, "example"), None, "{method} {path}");
                }
                let (status, answer) = call(&world, method, &filled(&document, path, method), body.as_ref()).await;
                // The examples' message of an operator is not there, and nothing was given up.
                let elsewhere = path == "/receipts" || path.ends_with("/retry");
                assert!(status.is_success() || elsewhere, "{method} {path}: {status} {answer}");
                let schema = schema_of(&document, path, method, status);
                assert_eq!(misfit(&document, schema, &answer, "answer"), None, "{method} {path}: {answer}");
                calls += 1;
            }
        }
    }
    assert!(calls >= 9, "{calls}");
    let event = &document["webhooks"]["message"]["post"]["requestBody"]["content"]["application/json"];
    let example = &event["examples"]["created"]["value"];
    assert_eq!(misfit(&document, &event["schema"], example, "event"), None);
}

#[tokio::test]
async fn bad_calls_get_a_clear_refusal_and_store_nothing() {
    let world = world("").await;
    let document: Value = call(&world, "get", "/openapi.json", None).await.1;
    let message = |fields: Value| {
        let mut message = json!({ "chat": "c", "id": "1", "text": "x" });
        message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        Some(message)
    };
    let cases = [
        ("post", "/messages", message(json!({ "text": "" })), 422, "text_empty"),
        ("post", "/messages", message(json!({ "text": "x".repeat(10_001) })), 422, "text_too_long"),
        ("post", "/messages", message(json!({ "chat": "x".repeat(201) })), 422, "bad_chat"),
        ("post", "/messages", message(json!({ "id": "" })), 422, "bad_id"),
        ("post", "/messages", message(json!({ "visitor": { "email": "x" } })), 422, "bad_visitor"),
        ("post", "/messages", message(json!({ "files": [{ "name": "a", "data": "?" }] })), 422, "bad_file"),
        ("post", "/messages", message(json!({ "colour": 1 })), 400, "bad_json"),
        ("post", "/messages", message(json!({ "text": "x".repeat(13_000_000) })), 413, "body_too_large"),
        ("post", "/messages", None, 415, "wrong_content_type"),
        ("patch", "/messages/c/1", Some(json!({ "text": "y" })), 404, "not_found"),
        ("delete", "/messages/c/1", None, 404, "not_found"),
        ("put", "/messages", None, 405, "method_not_allowed"),
        ("get", "/nowhere", None, 404, "not_found"),
        ("get", "/messages/c?limit=0", None, 400, "bad_query"),
        ("get", "/updates/c?since=x", None, 400, "bad_query"),
        ("get", "/updates/c?wait=26", None, 400, "bad_query"),
        ("get", "/updates/%FF", None, 400, "bad_path"),
        ("post", "/receipts", Some(json!({ "chat": "c", "message": "1", "status": "read" })), 404, "not_found"),
        ("post", "/receipts", Some(json!({ "chat": "c", "message": "1", "status": "lost" })), 400, "bad_json"),
    ];
    for (method, path, body, status, code) in cases {
        let (answered, answer) = call(&world, method, path, body.as_ref()).await;
        assert_eq!(
            (answered.as_u16(), answer["error"]["code"].as_str()),
            (status, Some(code)),
            "{method} {path} {answer}"
        );
        assert_eq!(misfit(&document, &json!({ "$ref": "Error" }), &answer, "answer"), None);
    }
    let packed = Client::new().post(world.url("/c/crm/messages")).bearer_auth(TOKEN);
    let packed = packed.header("content-type", "application/json").header("content-encoding", "gzip").body("x");
    assert_eq!(packed.send().await.unwrap().status(), 415);
    let history = call(&world, "get", "/messages/c", None).await.1;
    assert_eq!(history, json!({ "cursor": 0, "messages": [], "more": false }));
}

#[tokio::test]
async fn the_same_id_is_one_message_and_another_text_under_it_a_conflict() {
    let world = world("").await;
    let (first, one) = says(&world, "1", "hello").await;
    let (second, two) = says(&world, "1", "hello").await;
    assert_eq!((first.as_u16(), second.as_u16(), &one["message"]["id"]), (201, 200, &two["message"]["id"]));
    let (third, answer) = says(&world, "1", "other").await;
    assert_eq!((third.as_u16(), answer["error"]["code"].as_str()), (409, Some("key_conflict")));
}

#[tokio::test]
async fn a_profile_reaches_the_desk() {
    let world = world("").await;
    let visitor = json!({ "name": "Zoë", "last_name": "Lee", "email": "z@a.example", "phone": "+49 30 1234567" });
    let message = json!({ "chat": "a b", "id": "1", "text": "hello", "visitor": visitor });
    assert_eq!(call(&world, "post", "/messages", Some(&message)).await.0, 201);
    let chat = world.portal_chat("hello").await;
    let client = world.sandbox.view(|portal| portal.dialog(chat)).unwrap().client;
    assert_eq!((client.name.as_str(), client.last_name.as_str(), client.email.as_str()), ("Zoë", "Lee", "z@a.example"));
}

/// A world with a receiver, in which a visitor has written.
async fn listened() -> (World, Receiver, i64) {
    let receiver = Receiver::start().await;
    let world = world(&receiver.settings()).await;
    says(&world, "1", "hello").await;
    let chat = world.portal_chat("hello").await;
    (world, receiver, chat)
}

async fn told(receiver: &Receiver, count: usize) -> Vec<Attempt> {
    eventually("the receiver is told", async || Some(receiver.attempts()).filter(|attempts| attempts.len() >= count))
        .await
}

#[tokio::test]
async fn an_operators_message_is_told_signed_and_confirmed_by_the_receivers_id() {
    let (world, receiver, chat) = listened().await;
    let message = world.sandbox.operator_writes(chat, "[b]Yes[/b]").unwrap();
    let attempt = told(&receiver, 1).await.remove(0);
    assert_eq!((attempt.event["type"].as_str(), attempt.signatures), (Some("message.created"), 2));
    let data = &attempt.event["data"];
    assert_eq!((data["channel"].as_str(), data["chat"].as_str()), (Some("crm"), Some("a b")));
    assert_eq!((data["message"]["text"].as_str(), data["message"]["author"].as_str()), (Some("Yes"), Some("Anna Lee")));
    let document = call(&world, "get", "/openapi.json", None).await.1;
    assert_eq!(misfit(&document, &json!({ "$ref": "Event" }), &attempt.event, "event"), None);
    let confirmed = |portal: View<'_>| portal.message(message).is_some_and(|message| !message.sending);
    world.sandbox.wait_until(confirmed).await.unwrap();
    let ids = world.sandbox.view(|portal| portal.message(message).unwrap().external_ids.clone());
    assert_eq!(ids, [format!("app-{}", data["message"]["id"].as_str().unwrap())]);
}

#[tokio::test]
async fn a_visitors_message_that_was_given_up_is_told() {
    let receiver = Receiver::start().await;
    let world = world(&receiver.settings()).await;
    world.sandbox.faults().add(Fault::error(400, "ERROR_ARGUMENT", "no").on("imconnector.send.messages"));
    says(&world, "1", "hello").await;
    let attempt = told(&receiver, 1).await.remove(0);
    let message = &attempt.event["data"]["message"];
    assert_eq!((&attempt.event["type"], &message["key"]), (&json!("message.failed"), &json!("1")));
    assert_eq!((&message["state"], &message["text"]), (&json!("failed"), &json!("hello")));
    let history = call(&world, "get", "/messages/a%20b", None).await.1;
    assert_eq!(message["rev"], history["messages"][0]["rev"], "as it is now");
    // By then the portal takes it.
    world.sandbox.faults().clear();
    let (status, again) = call(&world, "post", "/messages/a%20b/1/retry", None).await;
    assert_eq!((status.as_u16(), &again["message"]["state"]), (200, &json!("sent")));
    world.portal_chat("hello").await;
    let (status, answer) = call(&world, "post", "/messages/a%20b/1/retry", None).await;
    assert_eq!((status.as_u16(), answer["error"]["code"].as_str()), (409, Some("not_failed")));
    let document = call(&world, "get", "/openapi.json", None).await.1;
    assert_eq!(misfit(&document, &json!({ "$ref": "Event" }), &attempt.event, "event"), None);
}

#[tokio::test]
async fn what_may_have_arrived_is_told_again_under_the_same_id() {
    let (world, receiver, chat) = listened().await;
    receiver.order(&[Order::Status(429), Order::TakenButFailed]);
    world.sandbox.operator_writes(chat, "once").unwrap();
    world.sandbox.operator_writes(chat, "after it").unwrap();
    let attempts = told(&receiver, 3).await;
    let ids: Vec<_> = attempts.iter().map(|attempt| attempt.id.as_str()).collect();
    assert_eq!((ids[0], ids.len()), (ids[1], 3));
    assert_eq!(attempts[0].event["timestamp"], attempts[1].event["timestamp"], "the event's, not the attempt's");
    let texts: Vec<_> = receiver.messages("a b").iter().map(|message| message["text"].clone()).collect();
    assert_eq!(texts, ["once", "after it"]);
}

#[tokio::test]
async fn what_the_receiver_refuses_is_given_up_and_the_next_goes_on() {
    let (world, receiver, chat) = listened().await;
    receiver.order(&[Order::Status(410)]);
    let refused = world.sandbox.operator_writes(chat, "refused").unwrap();
    world.sandbox.operator_writes(chat, "taken").unwrap();
    told(&receiver, 1).await;
    assert_eq!(receiver.messages("a b")[0]["text"], "taken");
    assert!(world.sandbox.view(|portal| portal.message(refused).unwrap().sending), "it must not look delivered");
    let told = |portal: View<'_>| portal.texts(chat, "system").iter().any(|text| text.contains("webhook answered 410"));
    world.sandbox.wait_until(told).await.expect("the operators read it");
}

#[tokio::test]
async fn a_receipt_says_what_it_changed() {
    let (world, receiver, chat) = listened().await;
    world.sandbox.operator_writes(chat, "read me").unwrap();
    let id = told(&receiver, 1).await[0].event["data"]["message"]["id"].clone();
    let receipt = |status: &str| json!({ "chat": "a b", "message": id, "status": status, "reason": "blocked" });
    let takes = async |status| {
        let (code, answer) = call(&world, "post", "/receipts", Some(&receipt(status))).await;
        assert_eq!(code, 200, "{answer}");
        answer["effect"].clone()
    };
    // The mark that a dialog began is no message.
    let history = call(&world, "get", "/messages/a%20b", None).await.1;
    let mark = history["messages"].as_array().unwrap().iter().find(|item| item["kind"] != "message").unwrap();
    let of_mark = json!({ "chat": "a b", "message": mark["id"], "status": "failed" });
    assert_eq!(call(&world, "post", "/receipts", Some(&of_mark)).await.0, 404);
    assert_eq!(takes("delivered").await, "none");
    assert_eq!(takes("read").await, "none");
    assert_eq!(takes("failed").await, "operators_told");
    assert_eq!(takes("failed").await, "known");
    let told = |portal: View<'_>| portal.texts(chat, "system").iter().any(|text| text.contains("blocked"));
    world.sandbox.wait_until(told).await.expect("the operators read it");
}

/// Its sending broke off, and while nobody could look whether it had arrived, it was taken back.
#[tokio::test]
async fn a_deleted_message_that_never_arrived_is_not_sent_and_holds_nothing_up() {
    let world = world("").await;
    says(&world, "1", "one").await;
    world.portal_chat("one").await;
    world.sandbox.faults().add(Fault::cut().on("imconnector.send.messages").once());
    world.sandbox.faults().add(Fault::status(500).on("imopenlines.session.history.get"));
    says(&world, "2", "two").await;
    let looked = |portal: View<'_>| portal.calls_of("imopenlines.session.history.get").count() > 0;
    world.sandbox.wait_until(looked).await.unwrap();
    assert!(call(&world, "delete", "/messages/a%20b/2", None).await.0.is_success());
    world.sandbox.faults().clear();
    says(&world, "3", "three").await;
    let chat = world.portal_chat("one").await;
    let arrived = |portal: View<'_>| portal.texts(chat, "client").iter().any(|text| text == "three");
    world.sandbox.wait_until(arrived).await.unwrap();
    let sent = |portal: View<'_>| portal.calls_of("imconnector.send.messages").count();
    assert_eq!(
        (world.sandbox.view(sent), world.sandbox.view(|portal| portal.texts(chat, "client"))),
        (3, vec!["one".to_owned(), "three".to_owned()])
    );
}
