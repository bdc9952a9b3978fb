//! An app that joins by the HTTP channel, in both ways: asking, and listening to webhooks.

use super::http::{Http, Part, multipart};
use super::{Answer, Attachment, Misfortune, Seen, StandIn, Waiting, Wrong};
use crate::{Order, Receiver};
use async_trait::async_trait;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

const TOKEN: &str = "9f86d081884c7d659a2feaa0c55ad015";

/// The app. Its chats have names that the channel has to keep by another one.
pub(super) struct Caller {
    http: Http,
    receiver: Option<Receiver>,
}

fn chat(who: &str) -> String {
    format!("Zoë's chat/{who}?")
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

impl Caller {
    /// Asks for what is new.
    pub(super) fn polling() -> Self {
        Self { http: Http::default(), receiver: None }
    }

    /// Is told what is new.
    pub(super) async fn listening() -> Self {
        Self { http: Http::default(), receiver: Some(Receiver::start().await) }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, path).bearer_auth(TOKEN)
    }

    async fn send(&self, body: &Value) -> Answer {
        Http::deliver(self.request(Method::POST, "/messages").json(body)).await
    }

    async fn post(&self, body: &[u8]) -> Answer {
        let request = self.request(Method::POST, "/messages").header("content-type", "application/json");
        Http::deliver(request.body(body.to_vec())).await
    }

    fn message(&self, method: Method, who: &str, key: &str) -> RequestBuilder {
        self.request(method, &format!("/messages/{}/{}", encoded(&chat(who)), encoded(key)))
    }

    async fn get(&self, path: &str) -> Value {
        let response = self.request(Method::GET, path).send().await.expect("an answer");
        response.error_for_status().expect("news").json().await.expect("JSON")
    }

    /// Operators' messages as they are now: told, or asked for.
    async fn messages(&self, who: &str) -> Vec<Value> {
        if let Some(receiver) = &self.receiver {
            return receiver.messages(&chat(who));
        }
        let (mut messages, mut before) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("/messages/{}?limit=100{before}", encoded(&chat(who)))).await;
            let mut earlier = page["messages"].as_array().expect("messages").clone();
            before = earlier.first().map(|message| format!("&before={}", message["pos"])).unwrap_or_default();
            earlier.append(&mut messages);
            messages = earlier;
            if page["more"] != json!(true) {
                break;
            }
        }
        messages.retain(|message| message["from"] == "operator" && message["kind"] == "message");
        messages
    }
}

#[async_trait]
impl StandIn for Caller {
    fn settings(&self) -> String {
        let webhook = self.receiver.as_ref().map(Receiver::settings).unwrap_or_default();
        format!("token = \"{TOKEN}\"\n{webhook}")
    }

    async fn meets(&mut self, base: &str) {
        base.clone_into(&mut self.http.base);
    }

    async fn says(&self, who: &str, key: &str, text: &str) -> Answer {
        self.send(&json!({ "chat": chat(who), "id": key, "text": text, "visitor": { "name": "Ann" } })).await
    }

    async fn attaches(&self, who: &str, key: &str, file: &Attachment) -> Answer {
        let message = json!({ "chat": chat(who), "id": key }).to_string();
        let parts: [Part<'_>; 2] = [
            ("message", None, message.as_bytes()),
            ("files", Some((&file.name, "application/octet-stream")), &file.bytes),
        ];
        let (kind, body) = multipart(&parts);
        Http::deliver(self.request(Method::POST, "/messages").header("content-type", kind).body(body)).await
    }

    async fn edits(&self, who: &str, key: &str, text: &str) -> Answer {
        Http::deliver(self.message(Method::PATCH, who, key).json(&json!({ "text": text }))).await
    }

    async fn deletes(&self, who: &str, key: &str) -> Option<Answer> {
        Some(Http::deliver(self.message(Method::DELETE, who, key)).await)
    }

    async fn errs(&self, who: &str, wrong: Wrong) -> Option<Answer> {
        let text = |text: &str| json!({ "chat": chat(who), "id": "wrong", "text": text });
        Some(match wrong {
            Wrong::Blank => self.send(&text(" \n ")).await,
            Wrong::LongText => self.send(&text(&"x".repeat(100_000))).await,
            Wrong::Flood => self.send(&text(&"x".repeat(20_000_000))).await,
            Wrong::NotUtf8 => self.post(b"{\"chat\":\"c\",\"id\":\"wrong\",\"text\":\"\xff\xfe\"}").await,
            Wrong::Broken => self.post(b"{\"chat\":").await,
            Wrong::Nameless => self.send(&json!({ "chat": chat(who), "text": "x" })).await,
            Wrong::Stranger => {
                let request = self.http.request(Method::POST, "/messages").bearer_auth("another token, also long");
                Http::deliver(request.json(&text("x"))).await
            }
        })
    }

    async fn sees(&self, who: &str) -> Vec<Seen> {
        let mut seen = Vec::new();
        for message in self.messages(who).await {
            if message["deleted"] == json!(true) {
                continue;
            }
            let mut files = Vec::new();
            for file in message["files"].as_array().into_iter().flatten() {
                let (name, url) = (file["name"].as_str().expect("a name"), file["url"].as_str().expect("a url"));
                files.push(Http::fetch(reqwest::Client::new().get(url), name).await);
            }
            seen.push(Seen { text: message["text"].as_str().expect("a text").to_owned(), files });
        }
        seen
    }

    /// Who asks for what is new is asked for nothing.
    async fn misfortune(&self, what: Misfortune) -> bool {
        let Some(receiver) = &self.receiver else { return false };
        receiver.order(&[match what {
            Misfortune::Refuses => Order::Status(410),
            Misfortune::LosesAnswer => Order::TakenButFailed,
            Misfortune::LocksOut => Order::StatusAlways(401),
            Misfortune::SlowsDown => Order::Status(429),
        }]);
        true
    }

    async fn relents(&self) {
        self.receiver.iter().for_each(Receiver::relent);
    }

    async fn calls(&self) -> Option<usize> {
        self.receiver.as_ref().map(Receiver::calls)
    }

    async fn waits(&self, who: &str) -> Option<Waiting> {
        let path = format!("/updates/{}", encoded(&chat(who)));
        let cursor = self.get(&path).await["cursor"].clone();
        Some(Http::held(self.request(Method::GET, &format!("{path}?since={cursor}&wait=25"))))
    }
}
