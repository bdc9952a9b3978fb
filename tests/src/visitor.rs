//! A visitor who uses the JSON API.

use crate::{Form, PATIENCE};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// An item as the API shows it.
pub type Item = Value;

static KEYS: AtomicU64 = AtomicU64::new(0);

/// A visitor with a session of their own.
pub struct Visitor {
    client: Client,
    base: String,
    /// The bearer token.
    pub token: String,
}

impl Visitor {
    /// Opens a session at `base` (`…/c/site/api`).
    pub async fn new(base: &str) -> Self {
        let client = Client::new();
        let answer = client.post(format!("{base}/session")).json(&json!({ "bearer": true })).send().await;
        let answer: Value = answer.expect("a session").json().await.expect("JSON");
        let token = answer["session"].as_str().expect("a token").to_owned();
        Self { client, base: base.to_owned(), token }
    }

    /// Somebody who has a session, at `base`.
    pub fn known(base: &str, token: &str) -> Self {
        Self { client: Client::new(), base: base.to_owned(), token: token.to_owned() }
    }

    /// Sends a text under a new key; the item.
    pub async fn send(&self, text: &str) -> Item {
        let key = format!("k{}", KEYS.fetch_add(1, Ordering::Relaxed));
        let (status, answer) = self.send_with(&json!({ "key": key, "text": text, "name": "Ann Lee" })).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        answer["item"].clone()
    }

    /// Sends any body.
    pub async fn send_with(&self, body: &Value) -> (StatusCode, Value) {
        let response = self.try_send(body).await.expect("an answer");
        let status = response.status();
        (status, response.json().await.expect("JSON"))
    }

    /// Sends any body; the service may be away.
    pub async fn try_send(&self, body: &Value) -> reqwest::Result<Response> {
        self.client.post(format!("{}/messages", self.base)).bearer_auth(&self.token).json(body).send().await
    }

    /// Sends a form.
    pub async fn send_form(&self, form: Form) -> (StatusCode, Value) {
        let response = self.try_send_form(form).await.expect("an answer");
        let status = response.status();
        (status, response.json().await.expect("JSON"))
    }

    /// Sends a form; the service may be away.
    pub async fn try_send_form(&self, form: Form) -> reqwest::Result<Response> {
        let (kind, body) = form.finish();
        let request = self.client.post(format!("{}/messages", self.base)).bearer_auth(&self.token);
        request.header("content-type", kind).body(body).send().await
    }

    /// GETs one of an item's files.
    pub async fn file(&self, item: &Item, index: usize) -> Response {
        let path = format!("files/{}/{index}", item["id"].as_str().expect("an id"));
        let url = reqwest::Url::parse(&self.base).expect("a URL").join(&path).expect("a path");
        self.client.get(url).bearer_auth(&self.token).send().await.expect("an answer")
    }

    /// GETs an address below the API.
    pub async fn get(&self, path: &str) -> Value {
        let response = self.client.get(format!("{}{path}", self.base)).bearer_auth(&self.token).send().await;
        let response = response.expect("an answer");
        let status = response.status();
        let body = response.text().await.expect("a body");
        assert!(status.is_success(), "{path}: {status} {body}");
        serde_json::from_str(&body).expect("JSON")
    }

    /// Follows the conversation from the beginning until what is shown satisfies `condition`; the items by position.
    pub async fn until(&self, condition: impl Fn(&[Item]) -> bool) -> Vec<Item> {
        let mut shown: BTreeMap<String, Item> = BTreeMap::new();
        let follow = async {
            let mut cursor = 0;
            loop {
                let news = self.get(&format!("/updates?since={cursor}&wait=5")).await;
                cursor = news["cursor"].as_i64().expect("a cursor");
                for item in news["items"].as_array().expect("items") {
                    shown.insert(item["id"].as_str().expect("an id").to_owned(), item.clone());
                }
                let items = by_position(&shown);
                if condition(&items) {
                    return items;
                }
            }
        };
        let items = tokio::time::timeout(PATIENCE, follow).await;
        items.unwrap_or_else(|_| panic!("the visitor does not see what was expected but: {:#?}", by_position(&shown)))
    }

    /// Whether all of the newest messages of this visitor count as delivered.
    pub async fn is_all_delivered(&self) -> bool {
        let page = self.get("/messages?limit=100").await;
        let items = page["items"].as_array().expect("items");
        items.iter().filter(|item| item["from"] == "visitor").all(|item| item["state"] == "delivered")
    }

    /// Texts of the whole history as it is now: of `side`, in order, deleted ones left out.
    pub async fn texts(&self, side: &str) -> Vec<String> {
        let (mut items, mut before) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("/messages?limit=100{before}")).await;
            let mut earlier = page["items"].as_array().expect("items").clone();
            before = earlier.first().map(|item| format!("&before={}", item["pos"])).unwrap_or_default();
            earlier.append(&mut items);
            items = earlier;
            if page["more"] == json!(false) {
                break;
            }
        }
        let shown = items.iter().filter(|item| item["from"] == side && item["kind"] == "message");
        shown.filter(|item| item["deleted"] != json!(true)).map(|item| text(item).to_owned()).collect()
    }
}

fn by_position(shown: &BTreeMap<String, Item>) -> Vec<Item> {
    let mut items: Vec<_> = shown.values().cloned().collect();
    items.sort_by_key(|item| item["pos"].as_i64());
    items
}

/// An item's plain text.
pub fn text(item: &Item) -> &str {
    item["text"].as_str().unwrap_or_default()
}
