//! What a described messenger costs beside the api channel, which is Rust: CPU time of this process, from the kernel.
//!
//! `tests/bench messengers`. Coming: ten messages of ten chats, in one webhook where the messenger sends lists, stored.
//! Going: an operator's message to a server on this machine, whose work is in it; every kind has the same one.

#![allow(missing_docs)] // a benchmark, not an interface
#![allow(clippy::expect_used)] // a benchmark that can't begin has nothing to say
#![allow(clippy::print_stdout)] // a table is what this is for
#![allow(clippy::cast_precision_loss)] // counts become means

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use openline_core::channel::{Host, Outgoing};
use openline_core::inbox::Doors;
use openline_core::message::{Content, Incoming};
use openline_core::secret::MasterSecret;
use openline_core::{Channel, ChannelId, ChatId, Clock, Store, SystemClock};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const ROUNDS: u64 = 100;
/// What all kinds understand as "taken".
const ANSWER: &str = r#"{"id":"1","ids":["1"],"response":1,"status":0,"message_token":1,"message_id":"1","success":true,
    "messages":[{"id":"1"}],"sentMessages":[{"id":"1"}],"message":{"body":{"mid":"1"}}}"#;

/// CPU time that all threads used so far.
fn cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux").flatten();
    let of = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
    let ran = tasks.map(of).filter_map(|ran| ran.split(' ').next()?.parse::<u64>().ok());
    Duration::from_nanos(ran.sum())
}

fn micros(since: Duration, count: u64) -> f64 {
    cpu().saturating_sub(since).as_secs_f64() * 1e6 / count as f64
}

/// A call's body and headers.
type Post = (String, Vec<(&'static str, String)>);

/// A kind at work, and what its messenger posts.
struct Kind {
    name: &'static str,
    settings: String,
    /// Calls for ten messages of ten chats.
    posts: fn(u64) -> Vec<Post>,
    path: &'static str,
}

fn mac(body: &str) -> Vec<u8> {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"k3y").expect("a key");
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn meta(body: &Value) -> Vec<Post> {
    let body = body.to_string();
    let signed = vec![("x-hub-signature-256", format!("sha256={}", hex(&mac(&body))))];
    vec![(body, signed)]
}

fn ten(one: impl FnMut(u64) -> Value) -> Vec<Value> {
    (0..10).map(one).collect()
}

fn kinds(base: &str) -> Vec<Kind> {
    let key = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let api = format!("token = '0123456789abcdef'\nwebhook = '{base}/hook'\nwebhook_secret = '{key}'");
    let own = |more: &str| format!("{more}\napi = '{base}'");
    vec![
        Kind {
            name: "api",
            settings: api,
            path: "/messages",
            posts: |round| {
                let body = |n| json!({ "chat": format!("49171{n}"), "id": format!("{round}.{n}"), "text": "hello" });
                let headers = || {
                    vec![
                        ("authorization", "Bearer 0123456789abcdef".to_owned()),
                        ("content-type", "application/json".to_owned()),
                    ]
                };
                ten(body).iter().map(|body| (body.to_string(), headers())).collect()
            },
        },
        Kind {
            name: "whatsapp",
            settings: own("phone_number_id = '7'\ntoken = 't'\napp_secret = 'k3y'\nverify_token = 'w'"),
            path: "/hook",
            posts: |round| {
                let message = |n| json!({ "from": format!("49171{n}"), "id": format!("w.{round}.{n}"), "type": "text", "text": { "body": "hello" } });
                let value = json!({ "metadata": { "phone_number_id": "7" }, "messages": ten(message) });
                meta(&json!({ "entry": [{ "changes": [{ "field": "messages", "value": value }] }] }))
            },
        },
        Kind {
            name: "messenger",
            settings: own("account = '111'\ntoken = 't'\napp_secret = 'k3y'\nverify_token = 'w'"),
            path: "/hook",
            posts: |round| {
                let message = |n| json!({ "sender": { "id": format!("5{n}") }, "recipient": { "id": "111" }, "timestamp": 1, "message": { "mid": format!("m.{round}.{n}"), "text": "hello" } });
                meta(&json!({ "object": "page", "entry": [{ "id": "111", "time": 1, "messaging": ten(message) }] }))
            },
        },
        Kind {
            name: "line",
            settings: own("secret = 'k3y'\ntoken = 't'"),
            path: "/hook",
            posts: |round| {
                let event = |n| json!({ "type": "message", "webhookEventId": format!("e{round}.{n}"), "mode": "active", "source": { "type": "user", "userId": format!("U{n}") }, "message": { "type": "text", "id": format!("{round}.{n}"), "text": "hello" } });
                let body = json!({ "destination": "U", "events": ten(event) }).to_string();
                let signed = vec![("x-line-signature", BASE64_STANDARD.encode(mac(&body)))];
                vec![(body, signed)]
            },
        },
        Kind {
            name: "vk",
            settings: own("group = 300\ntoken = 't'\nsecret = 's3'"),
            path: "/hook",
            posts: |round| {
                let event = |n| {
                    let message = json!({ "id": n, "from_id": 7000 + n, "peer_id": 7000 + n, "out": 0, "conversation_message_id": round, "text": "hello", "attachments": [], "fwd_messages": [] });
                    json!({ "type": "message_new", "group_id": 300, "event_id": format!("{round}.{n}"), "secret": "s3", "object": { "message": message } })
                };
                ten(event).iter().map(|body| (body.to_string(), Vec::new())).collect()
            },
        },
        Kind {
            name: "max",
            settings: own("token = 't'\nsecret = 's3cret'"),
            path: "/hook",
            posts: |round| {
                let event = |n| {
                    let message = json!({ "sender": { "user_id": n, "first_name": "Ada", "is_bot": false }, "recipient": { "chat_id": 9000 + n, "chat_type": "dialog" }, "timestamp": 1, "body": { "mid": format!("m{round}.{n}"), "seq": 1, "text": "hello" } });
                    json!({ "update_type": "message_created", "timestamp": 1, "message": message })
                };
                let headers = || vec![("x-max-bot-api-secret", "s3cret".to_owned())];
                ten(event).iter().map(|body| (body.to_string(), headers())).collect()
            },
        },
        Kind {
            name: "viber",
            settings: own("token = 'k3y'\nsender = 'Shop'"),
            path: "/hook",
            posts: |round| {
                let event = |n| json!({ "event": "message", "timestamp": 1, "message_token": round * 10 + n, "sender": { "id": format!("v{n}=="), "name": "Ada" }, "message": { "type": "text", "text": "hello" } });
                let signed = |body: &Value| {
                    let body = body.to_string();
                    let sign = vec![("x-viber-content-signature", hex(&mac(&body)))];
                    (body, sign)
                };
                ten(event).iter().map(signed).collect()
            },
        },
    ]
}

struct Place {
    store: Arc<dyn Store>,
    channel: Arc<dyn Channel>,
    app: Router,
    id: ChannelId,
    _folder: TempDir,
}

async fn place(kind: &Kind) -> Place {
    // Beside the program, on a disk: a temporary folder may be in memory.
    let program = std::env::current_exe().expect("this program");
    let folder = tempfile::tempdir_in(program.parent().expect("its folder")).expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("bench.db").display());
    let store = openline_store::open(&url.parse().expect("an address")).await.expect("a store");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let id = ChannelId::parse("kit").expect("an id");
    let doors = Doors::new(Arc::clone(&store), Arc::clone(&clock), std::slice::from_ref(&id));
    let host = Host {
        public_url: "http://127.0.0.1:1".to_owned(),
        secret: MasterSecret::new([7; 32]),
        clock,
        folder: PathBuf::new(),
        limits: Arc::default(),
    };
    let table = kind.settings.parse().expect("settings");
    let found = openline_channels::kind(kind.name).expect("the kind");
    let channel = found.build(&id, table, &host).expect("the channel");
    let app = Arc::clone(&channel).routes(doors.visitor_inbox(id.clone()));
    Place { store, channel, app, id, _folder: folder }
}

/// Ten messages come.
async fn comes(place: &Place, kind: &Kind, round: u64) {
    use tower::ServiceExt;
    let call = |(body, headers): Post| {
        let post = headers.into_iter().fold(Request::post(kind.path), |post, (name, value)| post.header(name, value));
        place.app.clone().oneshot(post.body(Body::from(body)).expect("a request"))
    };
    for answer in futures_util::future::join_all((kind.posts)(round).into_iter().map(call)).await {
        let status = answer.expect("an answer").status();
        assert!(status.is_success(), "{}: {status}", kind.name);
    }
}

/// An operator's message goes.
async fn goes(place: &Place, round: u64) {
    // A chat each: messengers keep rates for one.
    let chat = ChatId::parse(&format!("49{round:06}")).expect("an id");
    let now = SystemClock::new().now();
    let incoming = Incoming {
        chat: chat.clone(),
        key: format!("g{round}"),
        visitor: None,
        content: Content::plain("a text"),
        note: None,
    };
    let recorded = place.store.record_incoming(&place.id, incoming, now).await.expect("recorded");
    let conversation = place.store.conversation(&place.id, &chat).await.expect("a read").expect("there");
    let message =
        Outgoing { conversation: &conversation, item: &recorded.item, uncertain: false, attempts: 0, since: now };
    place.channel.send(message).await.expect("sent");
}

async fn server() -> String {
    let app = Router::new().fallback(|| async { ([(header::CONTENT_TYPE, "application/json")], ANSWER) });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    base
}

async fn measured(kind: &Kind) -> (f64, f64) {
    let place = place(kind).await;
    let mut best = (f64::MAX, f64::MAX);
    for turn in 0..4 {
        let begun = cpu();
        for round in 0..ROUNDS {
            comes(&place, kind, 1 + turn * ROUNDS + round).await;
        }
        let came = micros(begun, ROUNDS);
        let begun = cpu();
        for round in 0..ROUNDS {
            goes(&place, turn * ROUNDS + round).await;
        }
        // The first is for warming up.
        if turn > 0 {
            best = (best.0.min(came), best.1.min(micros(begun, ROUNDS)));
        }
    }
    best
}

fn main() {
    openline::install_crypto();
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let base = server().await;
        println!("CPU in µs, the best of 3 times {ROUNDS}; store and server are in it\n");
        println!("| kind | ten messages come | more than api | a reply goes | more than api |\n|---|---|---|---|---|");
        let mut api = (0.0, 0.0);
        for kind in kinds(&base) {
            let (came, gone) = measured(&kind).await;
            if kind.name == "api" {
                api = (came, gone);
            }
            println!("| {} | {came:.0} | {:+.0} | {gone:.0} | {:+.0} |", kind.name, came - api.0, gone - api.1);
        }
    });
}
