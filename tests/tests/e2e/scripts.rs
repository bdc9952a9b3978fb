//! What scripts send that strict readers refuse: half an emoji, a byte order mark, names of files in the old form.

use openline_sandbox::SandboxConfig;
use openline_tests::{Form, World};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

/// As `urllib3` 1 writes the head of a file's part.
const NAMED: &str = "name=\"files\"; filename*=utf-8''%D0%BE%D1%82%D1%87%D1%91%D1%82.pdf";

async fn posts(url: &str, token: &str, kind: &str, body: Vec<u8>) -> (StatusCode, Value) {
    let request = Client::new().post(url).header(AUTHORIZATION, format!("Bearer {token}")).header(CONTENT_TYPE, kind);
    let response = request.body(body).send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

#[tokio::test]
async fn half_an_emoji_keeps_no_visitors_message_back() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    let url = world.url("/c/site/api/messages");
    let body = "\u{feff}{\"key\":\"k1\",\"text\":\"half \\ud83d here\",\"name\":\"Ann \\ude00\",\
                \"profile\":{\"email\":\"ann@shop.example\"},\"about\":{\"visit\":\"v1\",\"title\":\"A \\ud83d shop\"}}";
    let (status, answer) = posts(&url, &visitor.token, "application/json", body.into()).await;
    assert_eq!((status, &answer["item"]["text"]), (StatusCode::CREATED, &json!("half \u{fffd} here")), "{answer}");
    let chat = world.portal_chat("half \u{fffd} here").await;
    let told = |portal: openline_sandbox::View<'_>| {
        portal.texts(chat, "system").iter().any(|note| note.contains("Title: A \u{fffd} shop"))
    };
    world.sandbox.wait_until(told).await.unwrap();
    let form = Form::message("k2", "with files").field("about", "{\"visit\":\"v2\",\"title\":\"\\ud83d\"}");
    let (status, answer) = visitor.send_form(form.file("a.txt", "text/plain", b"a")).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let (status, answer) =
        posts(&world.url("/c/site/api/session"), "", "application/json", b"\xef\xbb\xbf{\"bearer\":true}".into()).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
}

#[tokio::test]
async fn half_an_emoji_keeps_no_programs_message_back() {
    let token = "9f86d081884c7d659a2feaa0c55ad015";
    let channels = format!("[channels.crm]\nkind = \"api\"\n[channels.crm.settings]\ntoken = \"{token}\"\n");
    let world = World::with(SandboxConfig::default().without_limits(), &channels).await;
    let url = world.url("/c/crm/messages");
    let body = include_str!("json_half_emoji.txt").trim().replace("{CHAT}", "c");
    let (status, answer) = posts(&url, token, "application/json", format!("\u{feff}{body}").into()).await;
    assert_eq!((status, &answer["message"]["text"]), (StatusCode::CREATED, &json!("half \u{fffd} here")), "{answer}");
    world.portal_chat("half \u{fffd} here").await;
    let form = Form::default().field("message", r#"{"chat":"c","id":"2","text":"again \ud83d"}"#);
    let (kind, body) = form.file("a.txt", "text/plain", b"a").finish();
    let (status, answer) = posts(&url, token, &kind, body).await;
    assert_eq!((status, &answer["message"]["text"]), (StatusCode::CREATED, &json!("again \u{fffd}")), "{answer}");
}

#[tokio::test]
async fn files_keep_the_name_that_they_have_in_other_letters() {
    let channels = "[channels.site]\nkind = \"website\"\n\n[channels.crm]\nkind = \"api\"\n[channels.crm.settings]\n\
                    token = \"9f86d081884c7d659a2feaa0c55ad015\"\n";
    let world = World::with(SandboxConfig::default().without_limits(), channels).await;
    let file = |form: Form| {
        let nameless = "name=\"files\"";
        let form = form.part(NAMED, "Content-Type: application/pdf\r\n", b"%PDF-1.4 report");
        form.part(nameless, "Content-Type: text/plain\r\n", b"nameless")
    };
    let (status, answer) = world.visitor().await.send_form(file(Form::message("k1", ""))).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let names = |files: &Value| files.as_array().unwrap().iter().map(|file| file["name"].clone()).collect::<Value>();
    assert_eq!(names(&answer["item"]["files"]), json!(["отчёт.pdf", "file"]));

    let form = Form::default().field("message", r#"{"chat":"c","id":"1"}"#);
    let (kind, body) = file(form).finish();
    let token = "9f86d081884c7d659a2feaa0c55ad015";
    let (status, answer) = posts(&world.url("/c/crm/messages"), token, &kind, body).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(names(&answer["message"]["files"]), json!(["отчёт.pdf", "file"]));
}
