//! Sessions end: by signing out, by "forget me", all at once; and nobody writes with somebody else's.

use openline_tests::World;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn who_signs_out_is_out_also_after_a_restart() {
    let mut world = World::start().await;
    let (leaving, staying) = (world.visitor().await, world.visitor().await);
    leaving.send("hello").await;
    let session = |token: &str| Client::new().get(world.url("/c/site/api/session")).bearer_auth(token);
    let end = Client::new().delete(world.url("/c/site/api/session")).bearer_auth(&leaving.token);
    assert_eq!(status(end).await, 200);
    assert_eq!(status(session(&leaving.token)).await, 401);
    assert_eq!(status(session(&staying.token)).await, 200);
    world.stop_service().await;
    world.start_service().await;
    let session = |token: &str| Client::new().get(world.url("/c/site/api/session")).bearer_auth(token);
    assert_eq!(status(session(&leaving.token)).await, 401);
    // All at once.
    world.stop_service().await;
    world.configure("[channels.site]\nkind = \"website\"\nsettings.session_epoch = 1\n");
    world.start_service().await;
    let session = |token: &str| Client::new().get(world.url("/c/site/api/session")).bearer_auth(token);
    assert_eq!(status(session(&staying.token)).await, 401);
}

#[tokio::test]
async fn forgetting_ends_every_session_of_the_visitor() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send("secret").await;
    world.portal_chat("secret").await;
    let forget = Client::new().post(world.url("/c/site/api/forget")).bearer_auth(&visitor.token).json(&json!({}));
    assert_eq!(status(forget).await, 202);
    let again = Client::new().post(world.url("/c/site/api/messages")).bearer_auth(&visitor.token);
    assert_eq!(status(again.json(&json!({ "key": "k", "text": "again" }))).await, 401);
}

/// Whoever waits with a session learns nothing more when it was ended elsewhere.
#[tokio::test]
async fn what_waits_ends_with_its_session() {
    let world = World::start().await;
    let http = Client::new();
    let end = |n: usize, token: &str| match n {
        0 => http.delete(world.url("/c/site/api/session")).bearer_auth(token),
        _ => http.post(world.url("/c/site/api/forget")).bearer_auth(token).json(&json!({})),
    };
    for n in 0..2 {
        let visitor = world.visitor().await;
        visitor.send(&format!("hello {n}")).await;
        let chat = world.portal_chat(&format!("hello {n}")).await;
        let waits = async |path: String| {
            http.get(world.url(&format!("/c/site/api{path}"))).bearer_auth(&visitor.token).send().await.unwrap()
        };
        let mut stream = waits("/stream?since=0".to_owned()).await;
        assert!(stream.chunk().await.unwrap().is_some());
        // All that comes by itself has come.
        let settled = |items: &[Value]| {
            let has = |from: &str| items.iter().any(|item| item["from"] == from && item["kind"] == "message");
            has("system") && items.iter().any(|item| item["state"] == "delivered")
        };
        visitor.until(settled).await;
        let cursor = visitor.get("/messages").await["cursor"].as_i64().unwrap();
        let held = waits(format!("/updates?since={cursor}&wait=25")).await;
        assert!((200..300).contains(&status(end(n, &visitor.token)).await));
        world.sandbox.operator_writes(chat, "for the visitor only").unwrap();
        let rest = async {
            let mut rest = String::new();
            while let Ok(Some(chunk)) = stream.chunk().await {
                rest.push_str(&String::from_utf8_lossy(&chunk));
            }
            rest + &held.text().await.unwrap_or_default()
        };
        let rest = tokio::time::timeout(openline_tests::PATIENCE, rest).await.expect("both end");
        assert!(!rest.contains("for the visitor only"), "{n}: {rest}");
    }
}

/// A cookie that works, as the browser sends it.
async fn cookie(world: &World) -> String {
    let made = Client::new().post(world.url("/c/site/api/session")).json(&json!({})).send().await.unwrap();
    made.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn other_sites_neither_set_nor_use_a_cookie() {
    let world = World::start().await;
    let (mine, theirs) = (cookie(&world).await, cookie(&world).await);
    let http = Client::new();
    let body = |n: usize| json!({ "key": format!("k{n}"), "text": "hello" });
    let send = |n: usize| http.post(world.url("/c/site/api/messages")).header("cookie", &mine).json(&body(n));
    assert_eq!(status(send(1)).await, 201);
    assert_eq!(status(send(2).header("origin", world.url(""))).await, 201);
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("referer", "https://evil.example/page"),
    ] {
        assert_eq!(status(send(3).header(name, value)).await, 403, "{name}: {value}");
        let set = http.post(world.url("/c/site/api/session")).json(&json!({})).header(name, value);
        let answer = set.send().await.unwrap();
        assert_eq!((answer.status(), answer.headers().contains_key("set-cookie")), (StatusCode::FORBIDDEN, false));
    }
    // A wrong bearer is no way around, and the host that the browser names is not what counts.
    let host = world.url("").replace("http://", "");
    assert_ne!(status(send(4).header("origin", "https://evil.example").bearer_auth("wrong")).await, 201);
    assert_eq!(status(send(5).header("origin", "https://evil.example").header("host", "evil.example")).await, 403);
    assert_eq!(status(send(5).header("origin", format!("https://{host}"))).await, 403);
    // Somebody set a cookie of theirs beside mine.
    let both = format!("{mine}; {theirs}");
    let send = http.post(world.url("/c/site/api/messages")).header("cookie", &both).json(&body(6));
    assert_eq!(status(send).await, 403);
    let twice = format!("{mine}; {mine}");
    let send = http.post(world.url("/c/site/api/messages")).header("cookie", &twice).json(&body(7));
    assert_eq!(status(send).await, 201);
    let read: Value =
        http.get(world.url("/c/site/api/messages")).header("cookie", &mine).send().await.unwrap().json().await.unwrap();
    assert_eq!(read["items"].as_array().unwrap().iter().filter(|item| item["from"] == "visitor").count(), 3);
}

/// The routes of the website chat that write: of the API those that its document tells, of the page those in its sources.
/// Method and path.
fn writing_routes(document: &Value) -> Vec<(Method, String)> {
    let mut found = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let writing = methods.as_object().unwrap().keys().filter(|method| *method != "get");
        found
            .extend(writing.map(|method| (method.to_uppercase(), format!("/c/site/api{}", path.replace("{id}", "1")))));
    }
    let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../channels/src/website"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let Ok(source) = std::fs::read_to_string(&entry) else { continue };
            for line in source.lines().filter(|line| line.contains(".route(\"")) {
                let path = line.split('"').nth(1).unwrap();
                for (word, method) in [("post(", Method::POST), ("put(", Method::PUT), ("delete(", Method::DELETE)] {
                    if line.contains(word) {
                        found.insert((method.to_string(), format!("/c/site{}", path.replace("{id}", "1"))));
                    }
                }
                assert!(!line.contains("any(") && !line.contains("patch("), "{line}");
            }
        }
    }
    found.into_iter().map(|(method, path)| (method.parse().unwrap(), path)).collect()
}

#[tokio::test]
async fn every_write_by_cookie_is_json_or_the_pages_own_form() {
    let world = World::start().await;
    let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let document = http.get(world.url("/c/site/api/openapi.json")).send().await.unwrap().json().await.unwrap();
    let routes = writing_routes(&document);
    assert!(routes.len() >= 8, "{routes:?}");
    for (method, path) in routes {
        let mine = cookie(&world).await;
        let call = || http.request(method.clone(), world.url(&path)).header("cookie", &mine);
        let refused = [None, Some("text/plain"), Some("application/octet-stream"), Some("multipart/mixed; boundary=x")];
        for kind in refused {
            let call = kind.map_or_else(call, |kind| call().header("content-type", kind));
            assert_eq!(status(call.body("a=b")).await, 415, "{method} {path} as {kind:?}");
        }
        let form = call().header("content-type", "application/x-www-form-urlencoded").body("key=k&text=hello");
        let json = call().json(&json!({ "key": "k", "text": "hello" }));
        let (good, bad) = if path.contains("/api/") { (json, form) } else { (form, json) };
        assert_eq!(status(bad).await, 415, "{method} {path}");
        assert!(![403, 415].contains(&status(good).await), "{method} {path}");
        // And never from another site.
        let mine = cookie(&world).await;
        let elsewhere = http.request(method.clone(), world.url(&path)).header("cookie", &mine);
        let elsewhere = elsewhere.header("origin", "https://evil.example").header("content-type", kind_of(&path));
        if path.ends_with("/session") && method == Method::POST {
            let answer = elsewhere.body("{}").send().await.unwrap();
            assert!(!answer.headers().contains_key("set-cookie"));
        } else {
            let body = if path.contains("/api/") { r#"{"key":"l","text":"x"}"# } else { "key=l&text=x" };
            assert_eq!(status(elsewhere.body(body)).await, 403, "{method} {path}");
        }
    }
}

fn kind_of(path: &str) -> &'static str {
    if path.contains("/api/") { "application/json" } else { "application/x-www-form-urlencoded" }
}

const OLD: &str = "9f86d081884c7d659a2feaa0c55ad015";
const NEW: &str = "60303ae22b998861bce3b28f33eec1be";

/// Starts the service anew with these lines as its secret, the present one first.
async fn with_secret(world: &mut World, lines: &[&str]) {
    world.stop_service().await;
    let right = format!("secret = \"{OLD}\"");
    world.mistakes(&[(&right, &format!("secret = \"{}\"", lines.join("\\n")))]);
    world.start_service().await;
}

#[tokio::test]
async fn a_changed_master_secret_loses_nothing() {
    let mut world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send("before").await;
    let chat = world.portal_chat("before").await;
    let form = openline_tests::Form::message("f1", "look").file("a.txt", "text/plain", b"abc");
    let (stored, sent) = visitor.send_form(form).await;
    assert_eq!(stored, StatusCode::CREATED, "{sent}");
    let link = sent["item"]["files"][0]["url"].as_str().unwrap().to_owned();
    let link = if link.starts_with("http") { link } else { world.url(&link) };
    let mine = cookie(&world).await;
    let http = Client::new();
    // What a browser and a front end of its own do at the start: they tell of their session.
    let tell = |world: &World, token: &str| {
        let call = http.post(world.url("/c/site/api/session")).json(&json!({ "bearer": true }));
        call.bearer_auth(token).send()
    };
    with_secret(&mut world, &[NEW, OLD]).await;
    assert_eq!(status_of(&http, &link).await, 200, "a link that was made before");
    let told = tell(&world, &visitor.token).await.unwrap();
    assert_eq!(told.status(), StatusCode::OK);
    let renewed = told.json::<Value>().await.unwrap()["session"].as_str().unwrap().to_owned();
    assert_ne!(renewed, visitor.token);
    let again = tell(&world, &renewed).await.unwrap().json::<Value>().await.unwrap();
    assert_eq!(again["session"], Value::Null, "once is enough");
    let page = http.get(world.url("/c/site/")).header("cookie", &mine).send().await.unwrap();
    let kept = page.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_ne!(kept, mine);
    visitor.send("meanwhile").await;
    assert_eq!(world.portal_chat("meanwhile").await, chat);
    // The old one goes, and with it what was not renewed.
    with_secret(&mut world, &[NEW]).await;
    assert_eq!(tell(&world, &visitor.token).await.unwrap().status(), StatusCode::CREATED, "an unknown token");
    let session = http.get(world.url("/c/site/api/session")).header("cookie", &kept);
    assert_eq!(status(session).await, 200);
    let read = http.get(world.url("/c/site/api/messages")).bearer_auth(&renewed).send().await.unwrap();
    let read: Value = read.json().await.unwrap();
    let texts: Vec<_> = read["items"].as_array().unwrap().iter().filter_map(|item| item["text"].as_str()).collect();
    assert!(texts.contains(&"before") && texts.contains(&"meanwhile"), "{texts:?}");
    let body = json!({ "key": "after", "text": "after" });
    let sent = http.post(world.url("/c/site/api/messages")).bearer_auth(&renewed).json(&body);
    assert_eq!(status(sent).await, 201);
    // The portal's tokens were sealed anew: nobody has to install again.
    assert_eq!(world.portal_chat("after").await, chat);
    assert!(world.health().await["installed"].as_bool().unwrap());
}

async fn status_of(http: &Client, url: &str) -> u16 {
    status(http.get(url)).await
}
