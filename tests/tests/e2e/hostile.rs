//! Whatever is sent, the page shows text; bad input gets a clear 4xx and stores nothing.

use openline_tests::World;
use reqwest::header::{CONTENT_TYPE, COOKIE};
use reqwest::{Client, Method};
use serde_json::{Value, json};

const HOSTILE: [&str; 9] = [
    "[url=javascript:alert(1)]click[/url]",
    "[url]javascript:alert(1)[/url]",
    "[url=data:text/html,<script>alert(1)</script>]x[/url]",
    "[url=https://a.example\" onclick=\"alert(1)]x[/url]",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "[b][i]unbalanced[/b]",
    "[url=[url=javascript:x]]y[/url]",
    "[img]javascript:alert(1)[/img]",
    "[b onclick=alert(1)]x[/b]",
];

#[tokio::test]
async fn hostile_operator_texts_run_nothing_on_the_page() {
    let world = World::start().await;
    let browser = Client::new();
    let session = browser.get(world.url("/c/site/")).send().await.unwrap();
    let cookie = session.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let send = json!({"key": "k", "text": "<script>me</script>", "name": "<img src=x onerror=alert(1)>"});
    let sent =
        browser.post(world.url("/c/site/api/messages")).header(COOKIE, &cookie).json(&send).send().await.unwrap();
    assert_eq!(sent.status(), 201);
    let chat = world.portal_chat("<script>me</script>").await;
    for text in HOSTILE {
        world.sandbox.operator_writes(chat, text).unwrap();
    }
    let page = openline_tests::eventually("all texts are there", async || {
        let page = browser.get(world.url("/c/site/")).header(COOKIE, &cookie).send().await.ok()?.text().await.ok()?;
        (page.matches("data-from=\"operator\"").count() == HOSTILE.len()).then_some(page)
    })
    .await;
    let markup = page.to_lowercase();
    assert!(!markup.contains("href=\"javascript") && !markup.contains("href=\"data:"));
    assert!(!markup.contains("<img src=x") && !markup.contains("<script>"));
    assert!(!markup.contains("\" onclick=\"") && !markup.contains(" onerror=alert(1)>"));
}

struct Case {
    name: &'static str,
    method: Method,
    path: &'static str,
    kind: Option<&'static str>,
    body: Vec<u8>,
    session: bool,
    status: u16,
    code: Option<&'static str>,
}

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    let json = Some("application/json");
    let form = Some("application/x-www-form-urlencoded");
    let case = |name, method, path, kind, body: &[u8], session, status, code| Case { name, method, path, kind, body: body.to_vec(), session, status, code };
    let big = format!("{{\"key\":\"k\",\"text\":\"{}\"}}", "x".repeat(300_000));
    let long = format!("{{\"key\":\"k\",\"text\":\"{}\"}}", "x".repeat(10_001));
    vec![
        case("oversize body", Method::POST, "/c/site/api/messages", json, big.as_bytes(), true, 413, Some("body_too_large")),
        case("long text", Method::POST, "/c/site/api/messages", json, long.as_bytes(), true, 422, Some("text_too_long")),
        case("empty text", Method::POST, "/c/site/api/messages", json, br#"{"key":"k","text":" \n "}"#, true, 422, Some("text_empty")),
        case("bad key", Method::POST, "/c/site/api/messages", json, br#"{"key":"a b","text":"x"}"#, true, 422, Some("bad_key")),
        case("no key", Method::POST, "/c/site/api/messages", json, br#"{"text":"x"}"#, true, 400, Some("bad_json")),
        case("not UTF-8", Method::POST, "/c/site/api/messages", json, b"{\"key\":\"k\",\"text\":\"\xff\xfe\"}", true, 400, Some("bad_json")),
        case("broken JSON", Method::POST, "/c/site/api/messages", json, b"{", true, 400, Some("bad_json")),
        case("an array", Method::POST, "/c/site/api/messages", json, b"[]", true, 400, Some("bad_json")),
        case("no content type", Method::POST, "/c/site/api/messages", None, b"{}", true, 415, Some("wrong_content_type")),
        case("no session", Method::POST, "/c/site/api/messages", json, br#"{"key":"k","text":"x"}"#, false, 401, Some("unknown_session")),
        case("no session to read", Method::GET, "/c/site/api/updates?since=0", None, b"", false, 401, Some("unknown_session")),
        case("wrong method", Method::DELETE, "/c/site/api/messages", None, b"", true, 405, Some("method_not_allowed")),
        case("nowhere", Method::GET, "/c/site/api/nowhere", None, b"", true, 404, Some("not_found")),
        case("no such channel", Method::GET, "/c/other/", None, b"", true, 404, None),
        case("no since", Method::GET, "/c/site/api/updates", None, b"", true, 400, Some("bad_query")),
        case("odd since", Method::GET, "/c/site/api/updates?since=x", None, b"", true, 400, Some("bad_query")),
        case("long wait", Method::GET, "/c/site/api/updates?since=0&wait=900", None, b"", true, 400, Some("bad_query")),
        case("odd limit", Method::GET, "/c/site/api/messages?limit=0", None, b"", true, 400, Some("bad_query")),
        case("retry of nothing", Method::POST, "/c/site/api/messages/77/retry", json, b"", true, 404, Some("not_found")),
        case("form not UTF-8", Method::POST, "/c/site/", form, b"key=k&text=%ff%fe", true, 400, None),
        case("form without key", Method::POST, "/c/site/", form, b"text=x", true, 422, None),
        case("form too big", Method::POST, "/c/site/", form, format!("key=k&text={}", "x".repeat(400_000)).as_bytes(), true, 413, None),
        case("form method", Method::PUT, "/c/site/", form, b"", true, 405, None),
        case("file of nobody", Method::GET, "/c/site/files/1/0", None, b"", true, 404, None),
        case("event not a form", Method::POST, "/bitrix/events", form, b"event=%ff", false, 400, None),
        case("event of nobody", Method::POST, "/bitrix/events", form, b"event=ONIMCONNECTORMESSAGEADD&auth[member_id]=x", false, 403, None),
    ]
}

#[tokio::test]
async fn bad_input_gets_a_clear_refusal_and_stores_nothing() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    let client = Client::new();
    for case in cases() {
        let mut request = client.request(case.method.clone(), world.url(case.path)).body(case.body);
        if let Some(kind) = case.kind {
            request = request.header(CONTENT_TYPE, kind);
        }
        if case.session && case.path.contains("/c/site/") {
            request = request.header(COOKIE, format!("ol_site={}", visitor.token));
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), case.status, "{}", case.name);
        let body = response.text().await.unwrap();
        assert!(!body.is_empty(), "{}: no explanation", case.name);
        if let Some(code) = case.code {
            let answer: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{}: {body}", case.name));
            assert_eq!(answer["error"]["code"], code, "{}", case.name);
            assert!(!answer["error"]["message"].as_str().unwrap_or_default().is_empty(), "{}", case.name);
        }
    }
    assert_eq!(visitor.texts("visitor").await, Vec::<String>::new(), "nothing is stored");
    visitor.send("still well").await;
}

#[tokio::test]
async fn a_post_from_another_site_is_refused() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    for (header, value) in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        for (path, kind) in
            [("/c/site/api/messages", "application/json"), ("/c/site/", "multipart/form-data; boundary=x")]
        {
            let request = Client::new().post(world.url(path)).header(COOKIE, format!("ol_site={}", visitor.token));
            let request = request.header(header, value).header(CONTENT_TYPE, kind);
            let response = request.body(r#"{"key":"k","text":"x"}"#).send().await.unwrap();
            assert_eq!(response.status(), 403, "{header}: {value} at {path}");
        }
    }
    assert_eq!(visitor.texts("visitor").await, Vec::<String>::new());
}
