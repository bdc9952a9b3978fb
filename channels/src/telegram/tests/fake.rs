//! A Bot API server, as small as these tests need it. The thorough one is elsewhere and written by the documentation.

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

#[derive(Default)]
pub(super) struct Telegram {
    /// Calls but `getUpdates`: method in lower case, parameters.
    calls: Mutex<Vec<(String, Value)>>,
    pub(super) updates: Mutex<Vec<Value>>,
    /// Updates that are no JSON of ours, with their numbers.
    pub(super) raw: Mutex<Vec<(i64, String)>>,
    /// The offsets with which updates were asked for.
    pub(super) asked: Mutex<Vec<Option<i64>>>,
    /// What comes next of a method instead of success.
    refusals: Mutex<HashMap<String, VecDeque<(u16, Value)>>>,
    pub(super) files: Mutex<HashMap<String, Bytes>>,
    pub(super) info: Mutex<Value>,
    /// Files don't come as long as this is set.
    pub(super) stuck: AtomicBool,
    /// Polls are answered at once, whatever was asked.
    pub(super) impatient: AtomicBool,
    last: Mutex<i64>,
    news: watch::Sender<u32>,
}

impl Telegram {
    pub(super) async fn start() -> (Arc<Self>, String) {
        let this = Arc::new(Self::default());
        let app = Router::new()
            .route("/file/{bot}/{*path}", get(download))
            .route("/{bot}/{method}", any(call))
            .with_state(Arc::clone(&this));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (this, url)
    }

    pub(super) fn calls(&self, method: &str) -> Vec<Value> {
        let calls = self.calls.lock();
        calls.iter().filter(|(name, _)| *name == method.to_lowercase()).map(|(_, call)| call.clone()).collect()
    }

    /// The next call of the method is answered so.
    pub(super) fn refuse(&self, method: &str, code: u16, description: &str, parameters: Value) {
        let body = json!({"ok": false, "error_code": code, "description": description, "parameters": parameters});
        self.refusals.lock().entry(method.to_lowercase()).or_default().push_back((code, body));
    }

    /// The next call is answered with this instead of JSON with success.
    pub(super) fn answer(&self, method: &str, status: u16, body: Value) {
        self.refusals.lock().entry(method.to_lowercase()).or_default().push_back((status, body));
    }

    pub(super) fn bring(&self, update: Value) {
        self.updates.lock().push(update);
        self.news.send_modify(|n| *n += 1);
    }

    /// Files come again.
    pub(super) fn unstick(&self) {
        self.stuck.store(false, Ordering::SeqCst);
        self.news.send_modify(|n| *n += 1);
    }

    /// Waits until something holds; looks again at each call.
    pub(super) async fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let mut news = self.news.subscribe();
        let wait = async {
            while !holds(self) {
                news.changed().await.unwrap();
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), wait).await.unwrap_or_else(|_| panic!("{what}"));
    }

    fn next_id(&self) -> i64 {
        let mut last = self.last.lock();
        *last += 1;
        *last
    }
}

async fn call(
    State(state): State<Arc<Telegram>>,
    Path((_, method)): Path<(String, String)>,
    request: Request,
) -> Response {
    let method = method.to_lowercase();
    let given = parameters(request).await;
    if method == "getupdates" {
        return updates(&state, &given).await;
    }
    state.calls.lock().push((method.clone(), given));
    state.news.send_modify(|n| *n += 1);
    let refusal = state.refusals.lock().get_mut(&method).and_then(VecDeque::pop_front);
    if let Some((status, body)) = refusal {
        return (StatusCode::from_u16(status).unwrap(), Json(body)).into_response();
    }
    let result = match method.as_str() {
        "getme" => json!({"id": 12, "is_bot": true, "username": "shop_bot"}),
        "getwebhookinfo" => state.info.lock().clone(),
        "getfile" => json!({"file_id": "f", "file_path": "photos/file_1.jpg"}),
        // What teloxide would not parse.
        "sendmessage" | "editmessagetext" => json!({"message_id": state.next_id(), "from": 5, "chat": null}),
        name if name.starts_with("send") => json!({"message_id": state.next_id()}),
        _ => json!(true),
    };
    Json(json!({"ok": true, "result": result})).into_response()
}

async fn updates(state: &Telegram, given: &Value) -> Response {
    let offset = given["offset"].as_i64();
    state.asked.lock().push(offset);
    state.news.send_modify(|n| *n += 1);
    let refusal = state.refusals.lock().get_mut("getupdates").and_then(VecDeque::pop_front);
    if let Some((status, body)) = refusal {
        return (StatusCode::from_u16(status).unwrap(), Json(body)).into_response();
    }
    let mut news = state.news.subscribe();
    loop {
        let mut waiting = state.updates.lock().clone();
        waiting.retain(|update| offset.is_none_or(|offset| update["update_id"].as_i64().unwrap() >= offset));
        let raw: Vec<_> = state.raw.lock().iter().filter(|(id, _)| offset.is_none_or(|o| *id >= o)).cloned().collect();
        if !raw.is_empty() {
            let all =
                waiting.iter().map(Value::to_string).chain(raw.into_iter().map(|(_, raw)| raw)).collect::<Vec<_>>();
            let body = format!(r#"{{"ok":true,"result":[{}]}}"#, all.join(","));
            return ([(header::CONTENT_TYPE, "application/json")], body).into_response();
        }
        if !waiting.is_empty() || given["timeout"] == 0 || state.impatient.load(Ordering::SeqCst) {
            return Json(json!({"ok": true, "result": waiting})).into_response();
        }
        news.changed().await.unwrap();
    }
}

async fn parameters(request: Request) -> Value {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("multipart/") {
        let body = Bytes::from_request(request, &()).await.unwrap();
        return serde_json::from_slice(&body).unwrap_or(Value::Null);
    }
    let mut form = Multipart::from_request(request, &()).await.unwrap();
    let mut fields = serde_json::Map::new();
    while let Some(field) = form.next_field().await.unwrap() {
        let name = field.name().unwrap().to_owned();
        match field.file_name().map(str::to_owned) {
            Some(file) => {
                let size = field.bytes().await.unwrap().len();
                fields.insert("uploaded".to_owned(), json!({"name": file, "size": size}));
            }
            None => {
                fields.insert(name, json!(field.text().await.unwrap()));
            }
        }
    }
    Value::Object(fields)
}

async fn download(
    State(state): State<Arc<Telegram>>,
    Path((_, path)): Path<(String, String)>,
    uri: axum::http::Uri,
) -> Response {
    // As independent servers do, that look for a file of that name.
    if uri.path().contains("%2F") {
        return StatusCode::NOT_FOUND.into_response();
    }
    let mut news = state.news.subscribe();
    while state.stuck.load(Ordering::SeqCst) {
        news.changed().await.unwrap();
    }
    match state.files.lock().get(&path).cloned() {
        Some(bytes) => bytes.into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
