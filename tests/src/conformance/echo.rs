//! Programs that post lines.

use super::http::Http;
use super::{Answer, Attachment, Seen, StandIn, Wrong};
use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};

const TOKEN: &str = "9f86d081884c7d659a2feaa0c55ad015";

#[derive(Default)]
pub(super) struct Program {
    http: Http,
}

impl Program {
    async fn post(&self, kind: &str, body: Vec<u8>, token: &str) -> Answer {
        let request = self.http.request(Method::POST, "/say").bearer_auth(token).header("content-type", kind);
        Http::deliver(request.body(body)).await
    }

    async fn say(&self, said: &Value, token: &str) -> Answer {
        self.post("application/json", said.to_string().into_bytes(), token).await
    }
}

#[async_trait]
impl StandIn for Program {
    fn settings(&self) -> String {
        format!("token = \"{TOKEN}\"\n")
    }

    fn meets(&mut self, base: &str) {
        base.clone_into(&mut self.http.base);
    }

    async fn says(&self, who: &str, key: &str, text: &str) -> Answer {
        self.say(&json!({ "chat": who, "key": key, "text": text }), TOKEN).await
    }

    async fn attaches(&self, who: &str, key: &str, file: &Attachment) -> Answer {
        let said = json!({ "chat": who, "key": key, "text": "", "files": [{ "name": file.name }] });
        self.say(&said, TOKEN).await
    }

    async fn edits(&self, who: &str, key: &str, text: &str) -> Answer {
        self.says(who, key, text).await
    }

    async fn deletes(&self, who: &str, key: &str) -> Option<Answer> {
        let request = self.http.request(Method::DELETE, &format!("/say?chat={who}&key={key}")).bearer_auth(TOKEN);
        Some(Http::deliver(request).await)
    }

    async fn errs(&self, who: &str, wrong: Wrong) -> Option<Answer> {
        let text = |text: &str| json!({ "chat": who, "key": "wrong", "text": text });
        let bytes = |bytes: &[u8]| self.post("application/json", bytes.to_vec(), TOKEN);
        Some(match wrong {
            Wrong::Blank => self.say(&text(" \n "), TOKEN).await,
            Wrong::LongText => self.say(&text(&"x".repeat(100_000)), TOKEN).await,
            Wrong::Flood => self.say(&text(&"x".repeat(20_000_000)), TOKEN).await,
            Wrong::NotUtf8 => bytes(b"{\"chat\":\"c\",\"key\":\"wrong\",\"text\":\"\xff\xfe\"}").await,
            Wrong::Broken => bytes(b"{\"chat\":").await,
            Wrong::Nameless => self.say(&json!({ "chat": who, "text": "x" }), TOKEN).await,
            Wrong::Stranger => self.say(&text("x"), "another token, also long enough").await,
        })
    }

    async fn sees(&self, who: &str) -> Vec<Seen> {
        let request = self.http.request(Method::GET, &format!("/heard/{who}")).bearer_auth(TOKEN);
        let lines: Vec<Value> = request.send().await.expect("an answer").json().await.expect("lines");
        let seen = |line: &Value| Seen { text: line["text"].as_str().expect("a text").to_owned(), files: Vec::new() };
        lines.iter().map(seen).collect()
    }
}
