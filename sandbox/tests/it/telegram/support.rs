//! A bot's program, as small as the tests need it: raw calls, and a web server for the webhook.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use openline_sandbox::telegram::{Bot, Person, TelegramConfig, TelegramServer};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::Arc;

pub const TOKEN: &str = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";

/// A stand-in with one bot, one person, and a client that calls it.
#[derive(Debug)]
pub struct World {
    pub telegram: TelegramServer,
    pub bot: Bot,
    pub anna: Person,
    pub http: reqwest::Client,
}

impl World {
    pub async fn new() -> Self {
        let config =
            TelegramConfig { webhook_backoff: std::time::Duration::from_millis(1), ..TelegramConfig::seeded(7) };
        let telegram = TelegramServer::start(config).await.unwrap();
        let bot = telegram.add_bot(TOKEN, "shop_bot");
        let anna = telegram.person("Anna Lee");
        Self { telegram, bot, anna, http: reqwest::Client::new() }
    }

    /// A world in which Anna has started the bot and the bot knows of it.
    pub async fn started() -> Self {
        let world = Self::new().await;
        world.anna.starts(&world.bot, "");
        world.updates(json!({ "offset": -1 })).await;
        let last = world.telegram.view(|view| view.pending_ids(&world.bot)).last().copied().unwrap();
        world.updates(json!({ "offset": last + 1 })).await;
        world
    }

    pub fn url(&self, method: &str) -> String {
        format!("{}/bot{TOKEN}/{method}", self.telegram.base_url())
    }

    /// Status and body of a call with a JSON body.
    pub async fn raw(&self, method: &str, params: Value) -> (u16, Value) {
        let answer = self.http.post(self.url(method)).json(&params).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// The result of a call that must succeed.
    pub async fn call(&self, method: &str, params: Value) -> Value {
        let (status, body) = self.raw(method, params).await;
        assert_eq!((status, &body["ok"]), (200, &json!(true)), "{method}: {body}");
        body["result"].clone()
    }

    /// The description of a call that must fail, after its code.
    pub async fn refusal(&self, method: &str, params: Value) -> String {
        let (status, body) = self.raw(method, params).await;
        assert_eq!((body["ok"].clone(), body["error_code"].as_u64()), (json!(false), Some(status.into())), "{body}");
        format!("{status} {}", body["description"].as_str().unwrap())
    }

    pub async fn updates(&self, params: Value) -> Vec<Value> {
        self.call("getUpdates", params).await.as_array().unwrap().clone()
    }

    /// Parameters of a method that writes to Anna.
    pub fn to_anna(&self, mut params: Value) -> Value {
        params["chat_id"] = json!(self.anna.id());
        params
    }

    pub async fn says(&self, text: &str) -> Value {
        self.call("sendMessage", self.to_anna(json!({ "text": text }))).await
    }

    /// A call with multipart parts: name, file name, content.
    pub async fn upload(&self, method: &str, parts: &[(&str, Option<&str>, Vec<u8>)]) -> (u16, Value) {
        let mut body = Vec::new();
        let anna = self.anna.id().to_string().into_bytes();
        for (name, file, content) in parts.iter().chain([&("chat_id", None, anna)]) {
            let file = file.map(|file| format!("; filename=\"{file}\"\r\nContent-Type: image/png")).unwrap_or_default();
            body.extend(format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").into_bytes());
            body.extend(content);
            body.extend(b"\r\n");
        }
        body.extend(b"--cut--\r\n");
        let request = self.http.post(self.url(method)).header("content-type", "multipart/form-data; boundary=cut");
        let answer = request.body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

/// The head of a PNG of this size.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    let mut png = vec![0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0, 0, 13, b'I', b'H', b'D', b'R'];
    png.extend(width.to_be_bytes());
    png.extend(height.to_be_bytes());
    png
}

/// A webhook that notes what it gets.
#[derive(Debug, Clone)]
pub struct Hook {
    pub url: String,
    pub got: Arc<Mutex<Vec<(Value, HeaderMap)>>>,
    /// Answers in turn; the last one stays.
    pub answers: Arc<Mutex<Vec<(u16, Value)>>>,
}

impl Hook {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let hook = Self { url, got: Arc::default(), answers: Arc::new(Mutex::new(vec![(200, json!({}))])) };
        let router = Router::new().fallback(take).with_state(hook.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        hook
    }

    pub fn answers(&self, answers: Vec<(u16, Value)>) {
        *self.answers.lock() = answers;
    }

    pub fn texts(&self) -> Vec<String> {
        let got = self.got.lock();
        let text = |update: &Value| update["message"]["text"].as_str().unwrap_or_default().to_owned();
        got.iter().map(|(update, _)| text(update)).collect()
    }
}

async fn take(State(hook): State<Hook>, headers: HeaderMap, body: Bytes) -> Response {
    hook.got.lock().push((serde_json::from_slice(&body).unwrap(), headers));
    let mut answers = hook.answers.lock();
    let (status, body) = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
}
