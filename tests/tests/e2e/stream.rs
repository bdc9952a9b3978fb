//! News as server-sent events.

use openline_tests::{Visitor, World};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

struct Events {
    response: Response,
    rest: String,
}

impl Events {
    async fn open(world: &World, visitor: &Visitor, since: i64, last: Option<&str>) -> Self {
        let request = Client::new().get(world.url(&format!("/c/site/api/stream?since={since}")));
        let request = last.into_iter().fold(request, |request, last| request.header("Last-Event-ID", last));
        let response = request.bearer_auth(&visitor.token).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Self { response, rest: String::new() }
    }

    /// The next event's id and data; `None` at the end.
    async fn next(&mut self) -> Option<(i64, Value)> {
        let next = async {
            while !self.rest.contains("\n\n") {
                let Ok(Some(bytes)) = self.response.chunk().await else { return None };
                self.rest.push_str(std::str::from_utf8(&bytes).unwrap());
            }
            let (event, rest) = self.rest.split_once("\n\n").unwrap();
            let lines: Vec<_> = event.lines().collect();
            let [name, id, data] = lines.as_slice() else { panic!("{event:?}") };
            assert_eq!(*name, "event: news");
            let read = (
                id.strip_prefix("id: ").unwrap().parse().unwrap(),
                serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap(),
            );
            let rest = rest.to_owned();
            self.rest = rest;
            Some(read)
        };
        tokio::time::timeout(Duration::from_secs(10), next).await.expect("an event or the end")
    }

    /// Events until one has an item with that text; all texts that came, and the last cursor.
    async fn until(&mut self, text: &str) -> (Vec<String>, i64) {
        let mut texts = Vec::new();
        loop {
            let (id, news) = self.next().await.expect("an event");
            assert_eq!(news["cursor"], id, "the id is the cursor");
            let items = news["items"].as_array().unwrap();
            texts.extend(items.iter().map(|item| item["text"].as_str().unwrap().to_owned()));
            if texts.iter().any(|known| known == text) {
                return (texts, id);
            }
        }
    }
}

#[tokio::test]
async fn news_come_as_events_from_the_very_first_message_on() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    let mut events = Events::open(&world, &visitor, 0, None).await;
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store, no-transform"),
        ("x-accel-buffering", "no"),
    ] {
        assert_eq!(events.response.headers()[name], value);
    }
    assert!(!events.response.headers().contains_key("content-encoding"));
    assert_eq!(events.next().await, Some((0, json!({"cursor": 0, "items": [], "more": false}))), "at once");
    visitor.send("hello").await;
    events.until("hello").await;
    let chat = world.portal_chat("hello").await;
    world.sandbox.operator_writes(chat, "good day").unwrap();
    events.until("good day").await;
}

#[tokio::test]
async fn a_reader_goes_on_where_it_was() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send("one").await;
    let (_, cursor) = Events::open(&world, &visitor, 0, None).await.until("one").await;
    visitor.send("two").await;
    let (texts, _) = Events::open(&world, &visitor, cursor, None).await.until("two").await;
    assert!(
        !texts.contains(&"one".to_owned()) || world.sandbox.view(|portal| portal.dialogs().len()) == 1,
        "{texts:?}"
    );
    let far = cursor + 1000;
    let (_, news) = Events::open(&world, &visitor, far, None).await.next().await.unwrap();
    assert_eq!(news["reset"], true, "{news}");
    let last = cursor.to_string();
    let (_, news) = Events::open(&world, &visitor, far, Some(&last)).await.next().await.unwrap();
    assert_eq!(news["reset"], Value::Null, "what the browser remembers wins: {news}");
}

#[tokio::test]
async fn a_long_history_comes_in_parts_each_item_once() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    for number in 0..130 {
        visitor.send(&number.to_string()).await;
    }
    let mut events = Events::open(&world, &visitor, -1, None).await;
    let (_, first) = events.next().await.unwrap();
    assert_eq!((first["reset"].clone(), first["items"].as_array().unwrap().len()), (json!(true), 100));
    assert_eq!(first["more"], true);
    events.until("129").await;
}

#[tokio::test]
async fn a_stop_ends_streams_at_once() {
    let mut world = World::start().await;
    let (quiet, talking) = (world.visitor().await, world.visitor().await);
    talking.send("hello").await;
    let mut streams = vec![Events::open(&world, &quiet, 0, None).await, Events::open(&world, &talking, 0, None).await];
    tokio::time::timeout(Duration::from_secs(5), world.stop_service()).await.expect("no stream holds it up");
    for stream in &mut streams {
        while stream.next().await.is_some() {}
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_by_a_status() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    let ask = async |path: &str, token: &str| {
        Client::new().get(world.url(path)).bearer_auth(token).send().await.unwrap().status()
    };
    assert_eq!(ask("/c/site/api/stream?since=0", "v1.x.y").await, StatusCode::UNAUTHORIZED);
    assert_eq!(ask("/c/site/api/stream", &visitor.token).await, StatusCode::BAD_REQUEST);
    assert_eq!(ask("/c/site/api/stream?since=x", &visitor.token).await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn pages_and_files_come_compressed_to_whom_takes_it() {
    let world = World::start().await;
    for path in ["/c/site/", "/c/site/assets/chat.js", "/c/site/assets/chat.css"] {
        let ask = async |accept: &str| {
            Client::new().get(world.url(path)).header("Accept-Encoding", accept).send().await.unwrap()
        };
        let (packed, plain) = (ask("gzip").await, ask("identity").await);
        assert_eq!(packed.headers()["content-encoding"], "gzip", "{path}");
        assert!(packed.headers()["vary"].to_str().unwrap().contains("accept-encoding"), "{path}");
        assert!(!plain.headers().contains_key("content-encoding"), "{path}");
        assert_eq!(packed.headers()["content-type"], plain.headers()["content-type"]);
        let (packed, plain) = (packed.bytes().await.unwrap(), plain.bytes().await.unwrap());
        assert!(packed.len() < plain.len() && packed.starts_with(&[0x1f, 0x8b]), "{path}");
        let tightest = ask("gzip, deflate, br").await;
        let made_ahead = path.contains("assets"); // a page is made for each visitor
        assert_eq!(tightest.headers()["content-encoding"], if made_ahead { "br" } else { "gzip" }, "{path}");
        assert!(!made_ahead || tightest.bytes().await.unwrap().len() < packed.len(), "{path}");
    }
}
