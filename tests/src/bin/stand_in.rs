//! An example of a stand-in that is a program of its own: programs that post lines to a channel of the kind `echo`. It reads
//! lines of JSON and answers each by one line, as `docs/new-channel.md` says; the conformance kit starts it.

#![allow(clippy::expect_used, clippy::panic)] // a test's helper fails the test

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use std::io::BufRead;

const TOKEN: &str = "9f86d081884c7d659a2feaa0c55ad015";

struct StandIn {
    client: Client,
    base: String,
}

impl StandIn {
    fn call(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(token)
    }

    /// What an answer says of the delivery.
    async fn deliver(call: RequestBuilder) -> Value {
        let answer = match call.send().await {
            Ok(answer) => answer,
            Err(error) => return json!({ "answer": "unclear", "why": error.to_string() }),
        };
        let status = answer.status();
        let why = format!("{status}: {}", answer.text().await.unwrap_or_default());
        match status.as_u16() {
            200..=299 => json!({ "answer": "taken" }),
            400..=499 if status != 429 => json!({ "answer": "refused", "why": why }),
            _ => json!({ "answer": "unclear", "why": why }),
        }
    }

    async fn say(&self, said: &Value, token: &str) -> Value {
        Self::deliver(self.call(Method::POST, "/say", token).json(said)).await
    }

    async fn post(&self, bytes: &'static [u8]) -> Value {
        let call = self.call(Method::POST, "/say", TOKEN).header("content-type", "application/json");
        Self::deliver(call.body(bytes)).await
    }

    async fn errs(&self, who: &str, wrong: &str) -> Value {
        let text = |text: &str| json!({ "chat": who, "key": "wrong", "text": text });
        match wrong {
            "blank" => self.say(&text(" \n "), TOKEN).await,
            "long_text" => self.say(&text(&"x".repeat(100_000)), TOKEN).await,
            "flood" => self.say(&text(&"x".repeat(20_000_000)), TOKEN).await,
            "not_utf8" => self.post(b"{\"chat\":\"c\",\"key\":\"wrong\",\"text\":\"\xff\xfe\"}").await,
            "broken" => self.post(b"{\"chat\":").await,
            "nameless" => self.say(&json!({ "chat": who, "text": "x" }), TOKEN).await,
            "stranger" => self.say(&text("x"), "another token, also long enough").await,
            _ => json!({}),
        }
    }

    async fn sees(&self, who: &str) -> Value {
        let call = self.call(Method::GET, &format!("/heard/{who}"), TOKEN);
        let lines: Value = call.send().await.expect("an answer").json().await.expect("lines");
        json!({ "seen": lines })
    }

    async fn answer(&mut self, asked: &Value) -> Value {
        let word = |name: &str| asked[name].as_str().unwrap_or_default();
        let (who, key) = (word("who"), word("key"));
        match word("do") {
            "begin" => json!({ "settings": format!("token = \"{TOKEN}\"\n") }),
            "meets" => {
                word("base").clone_into(&mut self.base);
                json!({})
            }
            "says" | "edits" => self.say(&json!({ "chat": who, "key": key, "text": word("text") }), TOKEN).await,
            "attaches" => {
                let files = json!([{ "name": word("name") }]);
                self.say(&json!({ "chat": who, "key": key, "text": "", "files": files }), TOKEN).await
            }
            "deletes" => Self::deliver(self.call(Method::DELETE, &format!("/say?chat={who}&key={key}"), TOKEN)).await,
            "errs" => self.errs(who, word("wrong")).await,
            "sees" => self.sees(who).await,
            // misfortune, relents, calls, can_wait: nothing of that is in this kind.
            _ => json!({}),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    openline::install_crypto();
    // The service is killed again and again: no connection is used twice.
    let client = Client::builder().pool_max_idle_per_host(0).build().expect("a client");
    let mut stand_in = StandIn { client, base: String::new() };
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let asked: Value = serde_json::from_str(&line).expect("a line of JSON");
        let mut answer = stand_in.answer(&asked).await;
        answer["n"] = asked["n"].clone();
        #[allow(clippy::print_stdout)] // what it is for
        {
            println!("{answer}");
        }
    }
}
