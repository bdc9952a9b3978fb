//! From the visitor to the operators' desk, and back.

use super::{PNG, content, is_delivered};
use openline_sandbox::{Fault, View};
use openline_tests::{Form, World};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

/// The files of a client's messages, as name and content, of the messages that have any.
fn fetched(portal: View<'_>) -> Vec<(String, Vec<u8>)> {
    let ids = portal.all_messages().filter(|message| message.author.side() == "client").flat_map(|it| it.files.clone());
    ids.filter_map(|id| portal.file(id)).map(|(name, bytes)| (name, bytes.to_vec())).collect()
}

/// The first address that the portal was given for a file.
fn link(portal: View<'_>) -> Option<String> {
    let mut calls = portal.calls_of("imconnector.send.messages");
    calls.find_map(|call| Some(call.params.pointer("/MESSAGES/0/message/files/0/url")?.as_str()?.to_owned()))
}

#[tokio::test]
async fn files_reach_the_operators_in_order_and_theirs_the_visitor() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send("first").await;
    let long = format!("{}.pdf", "n".repeat(80));
    let form = Form::message("f1", "second").file("Ä b.png", "image/png", PNG);
    let (status, _) = visitor.send_form(form.file(&long, "application/pdf", &content(400_000, 3))).await;
    assert_eq!(status, StatusCode::CREATED);
    visitor.send_form(Form::message("f2", "").file("third.txt", "text/plain", b"3")).await;
    visitor.send("fourth").await;
    let chat = world.portal_chat("fourth").await;
    assert_eq!(world.sandbox.view(|portal| portal.texts(chat, "client")), ["first", "second", "", "fourth"]);
    let kept = format!("{}.pdf", "n".repeat(46));
    let wanted = [("Ä b.png", PNG.to_vec()), (&kept, content(400_000, 3)), ("third.txt", b"3".to_vec())]
        .map(|(name, bytes)| (name.to_owned(), bytes));
    assert_eq!(world.sandbox.view(fetched), wanted);
    let alone = world.sandbox.view(|portal| {
        let sent = portal.calls_of("imconnector.send.messages").map(|call| call.params["MESSAGES"].clone());
        let with_files = |call: &&Value| call.to_string().contains("\"files\"");
        sent.collect::<Vec<_>>().iter().filter(with_files).all(|call| call.as_array().unwrap().len() == 1)
    });
    assert!(alone, "a message with files has a call of its own");
    visitor.until(|items| items.iter().filter(|item| item["state"] == "delivered").count() == 4).await;

    world.sandbox.operator_writes_with_file(chat, "yours", "answer.png", "image/png", PNG).unwrap();
    let items = visitor.until(|items| items.iter().any(|item| item["from"] == "operator")).await;
    let answer = items.iter().find(|item| item["from"] == "operator").unwrap();
    assert_eq!(answer["files"][0]["name"], "answer.png");
    assert_eq!(visitor.file(answer, 0).await.bytes().await.unwrap(), PNG);
    assert_eq!(world.sandbox.violations().len(), 0, "{:?}", world.sandbox.violations());
}

#[tokio::test]
async fn a_file_waits_for_the_portal_over_a_restart() {
    let mut world = World::start().await;
    let visitor = world.visitor().await;
    world.sandbox.faults().add(Fault::error(503, "QUERY_LIMIT_EXCEEDED", "busy").on("imconnector.send.messages"));
    let (status, _) = visitor.send_form(Form::message("f1", "").file("a.bin", "", &content(200_000, 5))).await;
    assert_eq!(status, StatusCode::CREATED);
    world.stop_service().await;
    world.sandbox.faults().clear();
    world.start_service().await;
    world.sandbox.wait_until(|portal| fetched(portal).len() == 1).await.unwrap();
    assert_eq!(world.sandbox.view(fetched), [("a.bin".to_owned(), content(200_000, 5))]);
    visitor.until(is_delivered).await;
}

#[tokio::test]
async fn a_link_gives_the_file_to_whoever_has_it_and_nothing_else() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send_form(Form::message("f1", "").file("a b.png", "image/png", PNG)).await;
    world.sandbox.wait_until(|portal| link(portal).is_some()).await.unwrap();
    let link = world.sandbox.view(link).unwrap();
    assert!(link.starts_with(&world.url("/f/")) && link.ends_with("/a%20b.png"), "{link}");
    let client = Client::new();
    let given = client.get(&link).send().await.unwrap();
    let wanted = [
        ("content-type", "image/png"),
        ("content-disposition", "inline; filename*=UTF-8''a%20b%2Epng"),
        ("content-length", "29"),
        ("cache-control", "private, max-age=300"),
        ("x-content-type-options", "nosniff"),
        ("x-robots-tag", "noindex"),
        ("referrer-policy", "no-referrer"),
    ];
    let has = |headers: &reqwest::header::HeaderMap| wanted.iter().all(|(name, value)| headers[*name] == value);
    assert!(has(given.headers()), "{:?}", given.headers());
    assert_eq!(given.bytes().await.unwrap(), PNG);
    let head = client.head(&link).send().await.unwrap();
    assert!(head.status() == 200 && has(head.headers()), "{:?}", head.headers());

    let other_message = link.replacen("-1-0-", "-2-0-", 1);
    let later = link.replacen("-0-1", "-0-2", 1);
    assert!(other_message != link && later != link, "{link}");
    let mut answers = Vec::new();
    for wrong in [&other_message, &later, &world.url("/f/x/a.png"), &world.url("/f/1-1-0-9999999999-00/%ff")] {
        let answer = client.get(wrong).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{wrong}");
        answers.push(answer.text().await.unwrap());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "nobody is told why: {answers:?}");
    assert_eq!(client.post(&link).send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn a_text_beside_a_file_that_takes_long_does_not_wait_for_it() {
    let world = World::start().await;
    let (slow, quick) = (world.visitor().await, world.visitor().await);
    quick.send("hello").await;
    world.portal_chat("hello").await;
    world
        .sandbox
        .faults()
        .add(Fault::latency(std::time::Duration::from_secs(5)).on("imconnector.send.messages").once());
    slow.send_form(Form::message("f1", "").file("a.bin", "", b"slow")).await;
    let slowed = |portal: View<'_>| portal.calls().any(|call| call.params.to_string().contains("a.bin"));
    world.sandbox.wait_until(slowed).await.unwrap();
    quick.send("still here").await;
    quick.until(|items| items.iter().filter(|item| item["state"] == "delivered").count() == 2).await;
    assert_eq!(slow.get("/messages").await["items"][0]["state"], json!("sent"));
    slow.until(is_delivered).await;
}
