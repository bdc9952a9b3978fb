//! Visitors of a website who use the JSON API.

use super::http::{Http, Part, multipart};
use super::{Answer, Attachment, Seen, StandIn, Waiting, Wrong};
use async_trait::async_trait;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::collections::HashMap;
use tokio::sync::Mutex;

#[derive(Default)]
pub(super) struct Site {
    http: Http,
    sessions: Mutex<HashMap<String, String>>,
}

impl Site {
    /// The visitor's session, which outlives the service.
    async fn token(&self, who: &str) -> String {
        let mut sessions = self.sessions.lock().await;
        if let Some(token) = sessions.get(who) {
            return token.clone();
        }
        let request = self.http.request(Method::POST, "/api/session").json(&json!({ "bearer": true }));
        let answer: Value = request.send().await.expect("an answer").json().await.expect("a session");
        let token = answer["session"].as_str().expect("a token").to_owned();
        sessions.insert(who.to_owned(), token.clone());
        token
    }

    async fn request(&self, who: &str, method: Method, path: &str) -> RequestBuilder {
        let token = self.token(who).await;
        self.http.request(method, &format!("/api{path}")).bearer_auth(token)
    }

    async fn send(&self, who: &str, body: &Value) -> Answer {
        Http::deliver(self.request(who, Method::POST, "/messages").await.json(body)).await
    }

    async fn post(&self, who: &str, body: &[u8]) -> Answer {
        let request = self.request(who, Method::POST, "/messages").await.header("content-type", "application/json");
        Http::deliver(request.body(body.to_vec())).await
    }

    /// The whole history.
    async fn items(&self, who: &str) -> Vec<Value> {
        let (mut items, mut before) = (Vec::new(), String::new());
        loop {
            let request = self.request(who, Method::GET, &format!("/messages?limit=100{before}")).await;
            let page: Value = request.send().await.expect("an answer").json().await.expect("a page");
            let mut earlier = page["items"].as_array().expect("items").clone();
            before = earlier.first().map(|item| format!("&before={}", item["pos"])).unwrap_or_default();
            earlier.append(&mut items);
            items = earlier;
            if page["more"] != json!(true) {
                return items;
            }
        }
    }

    /// A session by bearer gets signed addresses.
    async fn file(file: &Value) -> Attachment {
        let (name, url) = (file["name"].as_str().expect("a name"), file["url"].as_str().expect("a url"));
        Http::fetch(reqwest::Client::new().get(url), name).await
    }
}

#[async_trait]
impl StandIn for Site {
    fn settings(&self) -> String {
        String::new()
    }

    async fn meets(&mut self, base: &str) {
        base.clone_into(&mut self.http.base);
    }

    async fn says(&self, who: &str, key: &str, text: &str) -> Answer {
        self.send(who, &json!({ "key": key, "text": text, "name": "Ann" })).await
    }

    async fn attaches(&self, who: &str, key: &str, file: &Attachment) -> Answer {
        let parts: [Part<'_>; 3] = [
            ("key", None, key.as_bytes()),
            ("text", None, b""),
            ("files", Some((&file.name, "application/octet-stream")), &file.bytes),
        ];
        let (kind, body) = multipart(&parts);
        let request = self.request(who, Method::POST, "/messages").await.header("content-type", kind);
        Http::deliver(request.body(body)).await
    }

    async fn edits(&self, who: &str, key: &str, text: &str) -> Answer {
        let request = self.request(who, Method::PATCH, &format!("/messages/{key}")).await;
        Http::deliver(request.json(&json!({ "text": text }))).await
    }

    async fn deletes(&self, who: &str, key: &str) -> Option<Answer> {
        Some(Http::deliver(self.request(who, Method::DELETE, &format!("/messages/{key}")).await).await)
    }

    async fn errs(&self, who: &str, wrong: Wrong) -> Option<Answer> {
        let text = |text: &str| json!({ "key": "wrong", "text": text });
        Some(match wrong {
            Wrong::Blank => self.send(who, &text(" \n ")).await,
            Wrong::LongText => self.send(who, &text(&"x".repeat(100_000))).await,
            Wrong::Flood => self.send(who, &text(&"x".repeat(20_000_000))).await,
            Wrong::NotUtf8 => self.post(who, b"{\"key\":\"wrong\",\"text\":\"\xff\xfe\"}").await,
            Wrong::Broken => self.post(who, b"{\"key\":").await,
            Wrong::Nameless => self.send(who, &json!({ "text": "x" })).await,
            Wrong::Stranger => {
                let request = self.http.request(Method::POST, "/api/messages").bearer_auth("nobody's token");
                Http::deliver(request.json(&text("x"))).await
            }
        })
    }

    async fn sees(&self, who: &str) -> Vec<Seen> {
        let mut seen = Vec::new();
        for item in self.items(who).await {
            if item["from"] != "operator" || item["kind"] != "message" || item["deleted"] == json!(true) {
                continue;
            }
            let mut files = Vec::new();
            for file in item["files"].as_array().into_iter().flatten() {
                files.push(Self::file(file).await);
            }
            seen.push(Seen { text: item["text"].as_str().expect("a text").to_owned(), files });
        }
        seen
    }

    async fn waits(&self, who: &str) -> Option<Waiting> {
        let session = self.request(who, Method::GET, "/session").await.send().await.expect("an answer");
        let session: Value = session.json().await.expect("JSON");
        let path = format!("/updates?since={}&wait=25", session["cursor"]);
        Some(Http::held(self.request(who, Method::GET, &path).await))
    }
}
