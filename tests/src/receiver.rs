//! A receiver of signed webhooks, written from the Standard Webhooks specification and `docs/api-channel.md`: it checks the
//! signature, takes each event once, and keeps the messages as they are told.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::net::TcpListener;

/// The receiver's keys: the one that counts, and the one before it.
const KEY: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD_KEY: &str = "x7Qm2vT9kLpR4sWzYb1NcE8fHgJdUo6A";

/// One attempt as it came.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// `webhook-id`.
    pub id: String,
    /// The body.
    pub event: Value,
    /// How many signatures it had.
    pub signatures: usize,
}

#[derive(Default)]
struct Kept {
    attempts: Vec<Attempt>,
    chats: BTreeMap<String, Vec<Value>>,
    /// What is answered instead, in order.
    orders: VecDeque<Order>,
    calls: usize,
}

/// How an attempt is answered instead of 200.
#[derive(Debug, Clone, Copy)]
pub enum Order {
    /// With this status, and `Retry-After: 1`; nothing is taken.
    Status(u16),
    /// The same for all that come from now on.
    StatusAlways(u16),
    /// Taken, and then 500: the sender can't know.
    TakenButFailed,
}

/// A running receiver; ends with its last request.
pub struct Receiver {
    port: u16,
    kept: Arc<Mutex<Kept>>,
}

impl Receiver {
    /// Starts it on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let app = Router::new().route("/hook", post(hook)).with_state(Arc::clone(&kept));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { port, kept }
    }

    /// The keys of the channel's settings that lead here.
    pub fn settings(&self) -> String {
        let secret = format!("whsec_{KEY} whsec_{OLD_KEY}");
        format!("webhook = \"http://127.0.0.1:{}/hook\"\nwebhook_secret = \"{secret}\"\n", self.port)
    }

    /// Answers the next attempts so.
    pub fn order(&self, orders: &[Order]) {
        self.kept.lock().orders.extend(orders);
    }

    /// Of alerts about what has such a key: for each that came, whether it was raised (or taken back).
    pub fn alerts(&self, key: &str) -> Vec<bool> {
        let all = self.attempts().into_iter().filter(|attempt| attempt.event["data"]["key"] == key);
        all.map(|attempt| attempt.event["type"] == "alert.raised").collect()
    }

    /// Answers as it should.
    pub fn relent(&self) {
        self.kept.lock().orders.clear();
    }

    /// How many calls came, whatever was answered.
    pub fn calls(&self) -> usize {
        self.kept.lock().calls
    }

    /// Everything that was taken, each time that it came.
    pub fn attempts(&self) -> Vec<Attempt> {
        self.kept.lock().attempts.clone()
    }

    /// The messages of a chat as they were told, in the order in which they came.
    pub fn messages(&self, chat: &str) -> Vec<Value> {
        self.kept.lock().chats.get(chat).cloned().unwrap_or_default()
    }
}

async fn hook(State(kept): State<Arc<Mutex<Kept>>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (id, time, given) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    let mut mac = Hmac::<Sha256>::new_from_slice(&BASE64_STANDARD.decode(KEY).expect("base64")).expect("a key");
    mac.update([id.as_bytes(), b".", time.as_bytes(), b".", &body].concat().as_slice());
    let expected = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    if id.is_empty() || time.parse::<i64>().is_err() || !given.split(' ').any(|given| given == expected) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let event: Value = serde_json::from_slice(&body).expect("an event is JSON");
    let mut kept = kept.lock();
    let known = kept.attempts.iter().any(|attempt| attempt.id == id);
    kept.calls += 1;
    let order = kept.orders.pop_front();
    if let Some(Order::StatusAlways(_)) = order {
        kept.orders.extend(order);
    }
    if let Some(Order::Status(status) | Order::StatusAlways(status)) = order {
        let status = StatusCode::from_u16(status).expect("a status");
        // Not taken, so the next attempt is the first one.
        return (status, [("retry-after", "1")]).into_response();
    }
    kept.attempts.push(Attempt { id: id.to_owned(), event: event.clone(), signatures: given.split(' ').count() });
    // Alerts are of no chat.
    let is_message = event["data"]["chat"].is_string();
    if !known && is_message {
        take(&mut kept.chats, &event);
    }
    match order {
        Some(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        None if !is_message => StatusCode::NO_CONTENT.into_response(),
        None => axum::Json(json!({ "id": format!("app-{}", event["data"]["message"]["id"].as_str().expect("an id")) }))
            .into_response(),
    }
}

/// Applies an event to the messages of its chat.
fn take(chats: &mut BTreeMap<String, Vec<Value>>, event: &Value) {
    let (chat, message) = (event["data"]["chat"].as_str().expect("a chat"), &event["data"]["message"]);
    let messages = chats.entry(chat.to_owned()).or_default();
    let there = messages.iter_mut().find(|known| known["id"] == message["id"]);
    match (event["type"].as_str().expect("a type"), there) {
        ("message.created", None) => messages.push(message.clone()),
        ("message.edited" | "message.deleted", Some(known)) => known.clone_from(message),
        // A visitor's message, which is not shown here.
        ("message.failed", None) => {}
        (kind, there) => panic!("{kind} of a message that is there: {}", there.is_some()),
    }
}
