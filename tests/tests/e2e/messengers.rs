//! Messengers by description, beside what the kit asks.

use openline::Config;
use openline::commands::demo::{Demo, Options};
use openline_sandbox::messengers::{Server, Which};
use openline_tests::{World, eventually};
use std::collections::HashMap;
use std::path::Path;

#[tokio::test]
async fn the_demo_has_a_messenger_beside_the_website() {
    openline::install_crypto();
    let messenger = Some(Which::Vk);
    let options =
        Options { data: None, chaos: false, telegram: false, messenger, port: 0, portal_port: 0, auth_port: 0 };
    let demo = Demo::start(&options).await.unwrap();
    let phone = demo.messenger.as_ref().unwrap().1.phone_url();
    assert!(reqwest::get(&phone).await.unwrap().text().await.unwrap().contains("VK"));
    let say = reqwest::Client::new().post(format!("{phone}say")).body("hello").send();
    assert_eq!(say.await.unwrap().status(), 204);
    let said = |portal: openline_sandbox::View<'_>| {
        portal.dialogs().iter().map(|dialog| dialog.chat_id).find(|chat| portal.texts(*chat, "client") == ["hello"])
    };
    demo.sandbox.wait_until(|portal| said(portal).is_some()).await.unwrap();
    let chat = demo.sandbox.view(said).unwrap();
    demo.sandbox.operator_writes(chat, "welcome").unwrap();
    eventually("the answer is on the page", async || {
        let both = reqwest::get(format!("{phone}chat")).await.ok()?.text().await.ok()?;
        (both.contains("hello") && both.contains("welcome")).then_some(())
    })
    .await;
    demo.service.stop().await;
}

/// A failure that is told after the message was accepted is a note at it, once however often it is told.
#[tokio::test]
async fn a_late_failure_is_told_once() {
    let server = Server::start(Which::WhatsApp).await.unwrap();
    let channel = format!("[channels.kit]\nkind = \"whatsapp\"\n[channels.kit.settings]\n{}", server.settings());
    let world = World::with(openline_sandbox::SandboxConfig::default().without_limits(), &channel).await;
    let hook = world.url("/c/kit/hook");
    server.hook(&hook);
    let client = reqwest::Client::new();
    let post = async |post: openline_sandbox::messengers::Post| {
        let call = client.post(&hook).body(post.body);
        let call = post.headers.into_iter().fold(call, |call, (name, value)| call.header(name, value));
        assert_eq!(call.send().await.unwrap().status(), 200);
    };
    let act = openline_sandbox::messengers::Act::Writes(1, "a question".to_owned());
    post(server.tells("ada", &act).unwrap()).await;
    let chat = world.portal_chat("a question").await;
    let answer = world.sandbox.operator_writes(chat, "an answer").unwrap();
    let confirmed = |portal: openline_sandbox::View<'_>| portal.message(answer).is_some_and(|message| !message.sending);
    world.sandbox.wait_until(confirmed).await.unwrap();
    // The line's greeting came first.
    let shown = server.sees("ada").into_iter().find(|shown| shown.text == "an answer").unwrap();
    let person = server.calls().iter().find_map(|call| call.json["to"].as_str().map(str::to_owned)).unwrap();
    let failed = serde_json::json!({ "object": "whatsapp_business_account", "entry": [{ "id": "1", "changes": [{
        "field": "messages", "value": { "metadata": { "phone_number_id": "700200" }, "statuses": [{
            "id": shown.id, "status": "failed", "recipient_id": person,
            "errors": [{ "code": 131_049, "title": "withheld to keep people engaged" }] }] } }] }] });
    for _ in 0..2 {
        post(server.signs(&failed.to_string())).await;
    }
    let notes = |portal: openline_sandbox::View<'_>| {
        let all = portal.texts(chat, "system");
        all.iter().filter(|text| text.contains("withheld") && text.contains("an answer")).count()
    };
    world.sandbox.wait_until(|portal| notes(portal) > 0).await.unwrap();
    post(server.tells("ada", &openline_sandbox::messengers::Act::Writes(2, "the end".to_owned())).unwrap()).await;
    world.sandbox.wait_until(|portal| portal.texts(chat, "client").len() == 2).await.unwrap();
    assert_eq!(world.sandbox.view(notes), 1);
}

/// Name and phone go to the CRM fields of the `user` block; by which link somebody came and that they left are told to the
/// operators once.
#[tokio::test]
async fn operators_are_told_who_it_is_how_they_came_and_that_they_left() {
    let server = Server::start(Which::WhatsApp).await.unwrap();
    let viber = Server::start(Which::Viber).await.unwrap();
    let channels = format!(
        "[channels.kit]\nkind = \"whatsapp\"\n[channels.kit.settings]\n{}\
         [channels.bot]\nkind = \"viber\"\n[channels.bot.settings]\n{}",
        server.settings(),
        viber.settings()
    );
    let world = World::with(openline_sandbox::SandboxConfig::default().without_limits(), &channels).await;
    let client = reqwest::Client::new();
    let post = async |channel: &str, post: openline_sandbox::messengers::Post| {
        let call = client.post(world.url(&format!("/c/{channel}/hook"))).body(post.body);
        let call = post.headers.into_iter().fold(call, |call, (name, value)| call.header(name, value));
        assert_eq!(call.send().await.unwrap().status(), 200);
    };
    let by_an_ad = serde_json::json!({ "object": "whatsapp_business_account", "entry": [{ "id": "1", "changes": [{
        "field": "messages", "value": { "metadata": { "phone_number_id": "700200" },
        "contacts": [{ "profile": { "name": "Ada Lovelace" }, "wa_id": "491711234567" }],
        "messages": [{ "from": "491711234567", "id": "wamid.1", "type": "text", "text": { "body": "by an ad" },
            "referral": { "headline": "Sale", "source_url": "https://fb.example/ad" } }] } }] }] });
    for _ in 0..2 {
        post("kit", server.signs(&by_an_ad.to_string())).await;
    }
    let chat = world.portal_chat("by an ad").await;
    let told = |portal: openline_sandbox::View<'_>, text: &str| {
        portal.texts(chat, "system").iter().filter(|told| told.contains(text)).count()
    };
    world.sandbox.wait_until(|portal| told(portal, "came by the ad Sale") == 1).await.unwrap();
    let block = world.sandbox.view(|portal| {
        let call = portal.calls_of("imconnector.send.messages").next().unwrap();
        call.params["MESSAGES"][0]["user"].clone()
    });
    assert_eq!(
        (block["name"].as_str(), block["phone"].as_str()),
        (Some("Ada Lovelace"), Some("+491711234567")),
        "{block}"
    );

    let event = |event: &str, token: u64, more: serde_json::Value| {
        let mut all = serde_json::json!({ "event": event, "timestamp": 1, "message_token": token });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        viber.signs(&all.to_string())
    };
    let ada = serde_json::json!({ "id": "v1==", "name": "Ada" });
    post("bot", event("conversation_started", 1, serde_json::json!({ "user": ada, "context": "promo7" }))).await;
    let hello = serde_json::json!({ "type": "text", "text": "by a link" });
    post("bot", event("message", 2, serde_json::json!({ "sender": ada, "message": hello }))).await;
    let chat = world.portal_chat("by a link").await;
    for _ in 0..2 {
        post("bot", event("unsubscribed", 3, serde_json::json!({ "user_id": "v1==" }))).await;
    }
    let end = serde_json::json!({ "type": "text", "text": "the end" });
    post("bot", event("message", 4, serde_json::json!({ "sender": ada, "message": end }))).await;
    world.sandbox.wait_until(|portal| portal.texts(chat, "client").len() == 2).await.unwrap();
    let told = |text: &str| {
        world.sandbox.view(|portal| portal.texts(chat, "system").iter().filter(|told| told.contains(text)).count())
    };
    assert_eq!((told("came by the link promo7"), told("takes no messages")), (1, 1));
}

#[test]
fn a_file_of_ones_own_is_a_kind() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("messengers");
    std::fs::create_dir(&own).unwrap();
    let (fax, _) = openline_channels::described::new("fax");
    std::fs::write(own.join("fax.toml"), &fax).unwrap();
    std::fs::write(own.join("vk.toml"), &fax).unwrap();
    let text = "public_url = \"https://chat.example\"\nmessengers = \"messengers\"\n[portal]\nurl = \"https://p.example\"\n\
                client_id = \"local.1\"\nclient_secret = \"pXw2fK9sQz7\"\n[channels.fax]\nkind = \"fax\"\n\
                settings = { token = \"t0ken-of-a-fax\", secret = \"s3cret-of-a-fax\" }\n";
    let file = folder.path().join("openline.toml");
    std::fs::write(&file, text).unwrap();
    let parse = |text: &str| Config::parse(&file, text, Some(HashMap::new()));
    let config = parse(text).unwrap_or_else(|errors| panic!("{errors}"));
    assert!(config.kinds.get("fax").is_some());
    let report = openline::commands::check::report(Path::new(&file)).unwrap();
    assert!(report.contains("vk of ") && report.contains("instead of the one in the program"), "{report}");
    std::fs::write(own.join("fax.toml"), fax.replace("m.text", "message.text")).unwrap();
    let error = parse(text).err().unwrap().to_string();
    assert!(error.contains("fax.toml: line ") && error.contains("message"), "{error}");
    let unknown = fax.replace("[once]", "[onse]");
    std::fs::write(own.join("fax.toml"), unknown).unwrap();
    let error = parse(text).err().unwrap().to_string();
    assert!(error.contains("fax.toml: line ") && error.contains("onse"), "{error}");
}
