//! Both walks, and what changes afterwards.

use openline_tests::World;
use serde_json::json;

#[tokio::test]
async fn a_message_reaches_the_desk_as_typed_and_the_answer_comes_back_formatted() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send("it's <b> & \"quotes\"").await;
    let chat = world.portal_chat("it's <b> & \"quotes\"").await;
    world.sandbox.operator_writes(chat, "[b]Hello[/b], see [url=https://a.example/x]this[/url]").unwrap();
    let items = visitor.until(|items| items.iter().any(|item| item["from"] == "operator")).await;
    let answer = items.iter().find(|item| item["from"] == "operator").unwrap();
    assert_eq!(answer["text"], "Hello, see this (https://a.example/x)");
    assert_eq!(answer["name"], "Anna Lee");
    let rich = json!([
        {"t": "styled", "style": "bold", "c": [{"t": "text", "v": "Hello"}]},
        {"t": "text", "v": ", see "},
        {"t": "link", "href": "https://a.example/x", "c": [{"t": "text", "v": "this"}]},
    ]);
    assert_eq!(answer["rich"], rich);
    assert!(world.sandbox.violations().is_empty(), "{:?}", world.sandbox.violations());
}

#[tokio::test]
async fn states_tell_the_truth() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    assert_eq!(visitor.send("one").await["state"], "sent");
    visitor.until(|items| items.iter().any(|item| item["state"] == "delivered")).await;
    let chat = world.portal_chat("one").await;
    let message = world.sandbox.operator_writes(chat, "two").unwrap();
    let confirmed = |portal: openline_sandbox::View<'_>| portal.message(message).is_some_and(|m| !m.sending);
    world.sandbox.wait_until(confirmed).await.unwrap();
    let ids = world.sandbox.view(|portal| portal.message(message).unwrap().external_ids.clone());
    assert_eq!(ids.len(), 1, "the portal knows our id, so that edits reach us");
}

#[tokio::test]
async fn edits_and_deletions_of_operators_are_applied() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send("hello").await;
    let chat = world.portal_chat("hello").await;
    let (keep, gone) =
        (world.sandbox.operator_writes(chat, "old").unwrap(), world.sandbox.operator_writes(chat, "gone").unwrap());
    let confirmed = |portal: openline_sandbox::View<'_>| {
        [keep, gone].iter().all(|id| portal.message(*id).is_some_and(|message| !message.sending))
    };
    world.sandbox.wait_until(confirmed).await.unwrap();
    world.sandbox.operator_edits(keep, "[i]new[/i]").unwrap();
    world.sandbox.operator_deletes(gone).unwrap();
    let items = visitor
        .until(|items| {
            items.iter().any(|item| item["text"] == "new" && item["edited"] == true)
                && items.iter().any(|item| item["deleted"] == true && item["text"] == "")
        })
        .await;
    assert!(!items.iter().any(|item| item["text"] == "old" || item["text"] == "gone"));
}

#[tokio::test]
async fn the_dialog_begins_ends_and_begins_anew_in_the_same_chat() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send("first").await;
    let chat = world.portal_chat("first").await;
    let greeting = "Hello! An operator will answer you shortly.";
    let begun = |items: &[openline_tests::Item]| {
        ["dialog_started", "message", "message"].iter().zip(items).filter(|(kind, item)| item["kind"] == **kind).count()
            == 3
            && items.iter().any(|item| item["text"] == greeting)
    };
    let items = visitor.until(begun).await;
    let texts: Vec<_> = items.iter().map(|item| item["text"].as_str().unwrap_or_default()).collect();
    assert_eq!(texts, ["", greeting, "first"], "what begins a dialog stands before it");
    assert!(world.sandbox.operator_finishes(chat));
    visitor.until(|items| items.iter().any(|item| item["kind"] == "dialog_finished")).await;
    assert_eq!(visitor.get("/session").await["dialog"], "closed");
    visitor.send("again").await;
    assert_eq!(world.portal_chat("again").await, chat);
    visitor.until(|items| items.iter().filter(|item| item["kind"] == "dialog_started").count() == 2).await;
}

#[tokio::test]
async fn a_file_comes_through_us_and_from_the_portal_only() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send("a picture please").await;
    let chat = world.portal_chat("a picture please").await;
    let png = base64_png();
    world.sandbox.operator_writes_with_file(chat, "here", "p\"<i>.png", "image/png", png.clone()).unwrap();
    let items = visitor.until(|items| items.iter().any(|item| item["files"].is_array())).await;
    let item = items.iter().find(|item| item["files"].is_array()).unwrap();
    let file = &item["files"][0];
    assert_eq!((file["name"].as_str(), file["image"].as_bool()), (Some("p\"<i>.png"), Some(true)));
    assert_eq!((file["width"].as_i64(), file["height"].as_i64()), (Some(1), Some(1)));
    // A front end without cookies can show it by its signed address.
    let signed = reqwest::get(file["url"].as_str().unwrap()).await.unwrap();
    assert_eq!((signed.status().as_u16(), signed.bytes().await.unwrap()), (200, png.clone().into()));
    let url = world.url(&format!("/c/site/files/{}/0", item["id"].as_str().unwrap()));
    let response = reqwest::Client::new().get(&url).bearer_auth(&visitor.token).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "image/png");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert_eq!(response.bytes().await.unwrap(), png);
    let stranger = world.visitor().await;
    let response = reqwest::Client::new().get(&url).bearer_auth(&stranger.token).send().await.unwrap();
    assert_eq!(response.status(), 404, "another visitor's file");
}

/// The smallest PNG.
fn base64_png() -> Vec<u8> {
    let head = [0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1];
    let rest = [8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82];
    [head.as_slice(), rest.as_slice()].concat()
}

#[tokio::test]
async fn the_same_key_is_one_message_and_another_text_under_it_a_conflict() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    let body = json!({"key": "once", "text": "hello"});
    let (first, one) = visitor.send_with(&body).await;
    let (second, two) = visitor.send_with(&body).await;
    assert_eq!((first.as_u16(), second.as_u16(), &one["item"]["id"]), (201, 200, &two["item"]["id"]));
    let (third, answer) = visitor.send_with(&json!({"key": "once", "text": "other"})).await;
    assert_eq!((third.as_u16(), answer["error"]["code"].as_str()), (409, Some("key_conflict")));
    assert_eq!(visitor.texts("visitor").await, ["hello"]);
}

#[tokio::test]
async fn only_what_is_new_travels() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    for n in 0..3 {
        visitor.send(&format!("m{n}")).await;
    }
    let settled = visitor
        .until(|items| items.iter().filter(|item| item["state"] == "delivered").count() == 3 && items.len() == 5)
        .await;
    let cursor = settled.iter().map(|item| item["rev"].as_i64().unwrap()).max().unwrap();
    let news = visitor.get(&format!("/updates?since={cursor}")).await;
    assert_eq!(news, json!({"cursor": cursor, "items": [], "more": false}));
    visitor.send("m3").await;
    let news = visitor.get(&format!("/updates?since={cursor}")).await;
    assert_eq!(news["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_page_works_without_a_script() {
    let world = World::start().await;
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let page = browser.get(world.url("/c/site/")).send().await.unwrap();
    let cookie = page.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let html = page.text().await.unwrap();
    let key = html.split("name=\"key\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let form = [("key", key.as_str()), ("text", "no <script> here"), ("name", "Ann")];
    let post = || browser.post(world.url("/c/site/")).header("cookie", &cookie).form(&form).send();
    let (first, again) = (post().await.unwrap(), post().await.unwrap());
    assert_eq!((first.status().as_u16(), again.status().as_u16()), (303, 303), "a double click posts once");
    assert_eq!(first.headers()["location"], "/c/site/");
    let chat = world.portal_chat("no <script> here").await;
    world.sandbox.operator_writes(chat, "[b]bold[/b] answer").unwrap();
    let shown = openline_tests::eventually("the answer is on the page", async || {
        let page = browser.get(world.url("/c/site/")).header("cookie", &cookie).send().await.ok()?.text().await.ok()?;
        page.contains("<strong>bold</strong> answer").then_some(page)
    })
    .await;
    assert_eq!(shown.matches("no &lt;script&gt; here</div>").count(), 1);
    assert!(shown.contains("value=\"Ann\""), "the name is remembered");
}
