//! What a described messenger costs beside the api channel, which is Rust: CPU time of this process, from the kernel.
//!
//! `tests/bench messengers`. Coming: ten messages of ten chats, in one webhook where the messenger sends lists, stored.
//! Going: a reply to each of them, to a server on this machine, whose work is in it; every kind has the same one. The clock
//! goes on between replies, so that no messenger's rate is waited for.
//!
//! Going is measured in its parts: as the description is, without its `[read]` (a call of its own), and also with
//! `once.by = "key"`, so that nothing is written before a call. What that costs more than the api channel is rendering.

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
use openline_channels::Kinds;
use openline_core::channel::{Host, Outgoing};
use openline_core::clock::ManualClock;
use openline_core::contract::Nobody;
use openline_core::inbox::{Doors, VisitorInbox};
use openline_core::message::{Content, Conversation, Item, ItemKind, Side, State};
use openline_core::secret::MasterSecret;
use openline_core::{Channel, ChannelId, ChannelKind, ChatId, Clock, MessageId, Pos, Store, SystemClock, Tag};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const ROUNDS: usize = 100;
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

fn micros(used: Duration, count: u64) -> f64 {
    used.as_secs_f64() * 1e6 / count as f64
}

/// A call's body and headers.
type Post = (String, Vec<(&'static str, String)>);

/// A kind at work, and what its messenger posts.
struct Kind {
    name: &'static str,
    settings: String,
    /// Calls for ten messages of ten chats.
    posts: fn(u64) -> Vec<Post>,
    /// The name of the chat with that number.
    chat: fn(u64) -> String,
    path: &'static str,
}

fn mac(body: &str) -> Vec<u8> {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"k3y").expect("a key");
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn meta(body: &Value) -> Vec<Post> {
    let body = body.to_string();
    let signed = vec![("x-hub-signature-256", format!("sha256={}", hex::encode(mac(&body))))];
    vec![(body, signed)]
}

fn ten(one: impl FnMut(u64) -> Value) -> Vec<Value> {
    (0..10).map(one).collect()
}

fn kinds(base: &str) -> Vec<Kind> {
    let all: [fn(&str) -> Kind; 7] = [api, whatsapp, messenger, line, vk, max, viber];
    all.map(|kind| kind(base)).into()
}

/// Settings of a messenger whose calls go to the stand-in.
fn own(base: &str, more: &str) -> String {
    format!("{more}\napi = '{base}'")
}

fn api(base: &str) -> Kind {
    let key = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let settings = format!("token = '0123456789abcdef'\nwebhook = '{base}/hook'\nwebhook_secret = '{key}'");
    Kind {
        name: "api",
        settings,
        chat: |n| format!("49171{n}"),
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
    }
}

fn whatsapp(base: &str) -> Kind {
    Kind {
        name: "whatsapp",
        settings: own(base, "phone_number_id = '7'\ntoken = 't'\napp_secret = 'k3y'\nverify_token = 'w'"),
        chat: |n| format!("49171{n}"),
        path: "/hook",
        posts: |round| {
            let message = |n| json!({ "from": format!("49171{n}"), "id": format!("w.{round}.{n}"), "type": "text", "text": { "body": "hello" } });
            let value = json!({ "metadata": { "phone_number_id": "7" }, "messages": ten(message) });
            meta(&json!({ "entry": [{ "changes": [{ "field": "messages", "value": value }] }] }))
        },
    }
}

fn messenger(base: &str) -> Kind {
    Kind {
        name: "messenger",
        settings: own(base, "account = '111'\ntoken = 't'\napp_secret = 'k3y'\nverify_token = 'w'"),
        chat: |n| format!("5{n}"),
        path: "/hook",
        posts: |round| {
            let message = |n| json!({ "sender": { "id": format!("5{n}") }, "recipient": { "id": "111" }, "timestamp": 1, "message": { "mid": format!("m.{round}.{n}"), "text": "hello" } });
            meta(&json!({ "object": "page", "entry": [{ "id": "111", "time": 1, "messaging": ten(message) }] }))
        },
    }
}

fn line(base: &str) -> Kind {
    Kind {
        name: "line",
        settings: own(base, "secret = 'k3y'\ntoken = 't'"),
        chat: |n| format!("U{n}"),
        path: "/hook",
        posts: |round| {
            let event = |n| json!({ "type": "message", "webhookEventId": format!("e{round}.{n}"), "mode": "active", "source": { "type": "user", "userId": format!("U{n}") }, "message": { "type": "text", "id": format!("{round}.{n}"), "quoteToken": "q3", "markAsReadToken": format!("r{round}.{n}"), "text": "hello" } });
            let body = json!({ "destination": "U", "events": ten(event) }).to_string();
            let signed = vec![("x-line-signature", BASE64_STANDARD.encode(mac(&body)))];
            vec![(body, signed)]
        },
    }
}

fn vk(base: &str) -> Kind {
    Kind {
        name: "vk",
        settings: own(base, "group = 300\ntoken = 't'\nsecret = 's3'"),
        chat: |n| (7000 + n).to_string(),
        path: "/hook",
        posts: |round| {
            let event = |n| {
                let message = json!({ "id": n, "from_id": 7000 + n, "peer_id": 7000 + n, "out": 0, "conversation_message_id": round, "text": "hello", "attachments": [], "fwd_messages": [] });
                json!({ "type": "message_new", "group_id": 300, "event_id": format!("{round}.{n}"), "secret": "s3", "object": { "message": message } })
            };
            ten(event).iter().map(|body| (body.to_string(), Vec::new())).collect()
        },
    }
}

fn max(base: &str) -> Kind {
    Kind {
        name: "max",
        settings: own(base, "token = 't'\nsecret = 's3cret'"),
        chat: |n| (9000 + n).to_string(),
        path: "/hook",
        posts: |round| {
            let event = |n| {
                let message = json!({ "sender": { "user_id": n, "first_name": "Ada", "is_bot": false }, "recipient": { "chat_id": 9000 + n, "chat_type": "dialog" }, "timestamp": 1, "body": { "mid": format!("m{round}.{n}"), "seq": 1, "text": "hello" } });
                json!({ "update_type": "message_created", "timestamp": 1, "message": message })
            };
            let headers = || vec![("x-max-bot-api-secret", "s3cret".to_owned())];
            ten(event).iter().map(|body| (body.to_string(), headers())).collect()
        },
    }
}

fn viber(base: &str) -> Kind {
    Kind {
        name: "viber",
        settings: own(base, "token = 'k3y'\nsender = 'Shop'"),
        chat: |n| format!("v{n}=="),
        path: "/hook",
        posts: |round| {
            let event = |n| json!({ "event": "message", "timestamp": 1, "message_token": round * 10 + n, "sender": { "id": format!("v{n}=="), "name": "Ada" }, "message": { "type": "text", "text": "hello" } });
            let signed = |body: &Value| {
                let body = body.to_string();
                let sign = vec![("x-viber-content-signature", hex::encode(mac(&body)))];
                (body, sign)
            };
            ten(event).iter().map(signed).collect()
        },
    }
}

struct Place {
    store: Arc<dyn Store>,
    channel: Arc<dyn Channel>,
    app: Router,
    id: ChannelId,
    clock: Arc<ManualClock>,
    _folder: TempDir,
}

/// What of a description is left out.
#[derive(Clone, Copy, PartialEq)]
enum Less {
    Nothing,
    /// The second call.
    Read,
    /// That, and what is written before a call.
    ReadAndBegun,
}

fn described(name: &str, less: Less) -> Option<openline_channels::described::Kind> {
    let (text, _) = Kinds::shipped().texts(name).filter(|_| less != Less::Nothing)?;
    let mut table: toml::Table = text.parse().expect("a description");
    table.remove("read");
    if less == Less::ReadAndBegun {
        table.insert("once".to_owned(), toml::Value::Table([("by".to_owned(), "key".into())].into_iter().collect()));
    }
    Some(openline_channels::described::Kind::read(name, &table.to_string()).expect("a description"))
}

async fn place(kind: &Kind, less: Less) -> Place {
    // Beside the program, on a disk: a temporary folder may be in memory.
    let program = std::env::current_exe().expect("this program");
    let folder = tempfile::tempdir_in(program.parent().expect("its folder")).expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("bench.db").display());
    let store = openline_store::open(&url.parse().expect("an address")).await.expect("a store");
    let clock = Arc::new(ManualClock::at(SystemClock::new().now()));
    let id = ChannelId::parse("kit").expect("an id");
    let shared = Arc::clone(&clock) as Arc<dyn Clock>;
    let doors = Doors::new(Arc::clone(&store), Arc::clone(&shared), std::slice::from_ref(&id));
    let host = Host {
        public_url: "http://127.0.0.1:1".to_owned(),
        secret: MasterSecret::new([7; 32]),
        clock: shared,
        folder: PathBuf::new(),
        limits: Arc::default(),
    };
    let table = kind.settings.parse().expect("settings");
    let plan = match described(kind.name, less) {
        Some(described) => described.read(&id, table, &host),
        None => openline_channels::kind(kind.name).expect("the kind").read(&id, table, &host),
    };
    let inbox = VisitorInbox::alone(doors, Arc::new(Nobody), id.clone());
    let channel = plan.and_then(|plan| plan.build(inbox)).expect("the channel").channel;
    let app = Arc::clone(&channel).routes();
    Place { store, channel, app, id, clock, _folder: folder }
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

fn reply(id: u64) -> Item {
    Item {
        id: MessageId(i64::try_from(id).expect("small")),
        tag: Tag::default(),
        rev: openline_core::Rev(1),
        pos: Pos(1),
        kind: ItemKind::Message,
        side: Side::Operator,
        state: State::Sent,
        key: format!("im/{id}"),
        author: None,
        content: Content::plain("a text"),
        at: SystemClock::new().now(),
        remote: Some(1),
        delivered_as: Vec::new(),
        edited: false,
        deleted: false,
    }
}

/// Ten replies go, one to each chat.
async fn goes(place: &Place, conversations: &[Conversation], round: u64) {
    for (n, conversation) in (0..).zip(conversations) {
        place.clock.advance(Duration::from_secs(1));
        let (item, since) = (reply(1_000_000 + round * 10 + n), place.clock.now());
        let message = Outgoing { conversation, item: &item, uncertain: false, attempts: 0, since };
        place.channel.send(message).await.expect("sent");
    }
}

/// Calls that were answered.
static ANSWERED: AtomicU64 = AtomicU64::new(0);

async fn server() -> String {
    let app = Router::new().fallback(|| async {
        ANSWERED.fetch_add(1, Ordering::SeqCst);
        ([(header::CONTENT_TYPE, "application/json")], ANSWER)
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    base
}

/// Waits until what goes on behind replies is over: nobody calls any more.
async fn behind() {
    let mut before = u64::MAX;
    while before != ANSWERED.load(Ordering::SeqCst) {
        before = ANSWERED.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// CPU of ten messages that come, and of one reply that goes.
async fn measured(kind: &Kind, less: Less) -> (f64, f64) {
    let place = place(kind, less).await;
    let mut best = (f64::MAX, f64::MAX);
    let mut rounds = 0..;
    comes(&place, kind, rounds.next().unwrap_or_default()).await;
    let mut conversations = Vec::new();
    for n in 0..10 {
        let chat = ChatId::parse(&(kind.chat)(n)).expect("an id");
        conversations.push(place.store.conversation(&place.id, &chat).await.expect("a read").expect("there"));
    }
    for turn in 0..4 {
        let begun = cpu();
        for round in rounds.by_ref().take(ROUNDS) {
            comes(&place, kind, round).await;
        }
        let came = cpu().saturating_sub(begun);
        let begun = cpu();
        for round in rounds.by_ref().take(ROUNDS) {
            comes(&place, kind, round).await;
            goes(&place, &conversations, round).await;
        }
        behind().await;
        let went = cpu().saturating_sub(begun + came);
        // The first is for warming up.
        if turn > 0 {
            best = (best.0.min(micros(came, ROUNDS as u64)), best.1.min(micros(went, ROUNDS as u64 * 10)));
        }
    }
    best
}

fn main() {
    openline::install_crypto();
    let runtime = Runtime::new().expect("a runtime");
    let only = std::env::args().skip(1).find(|name| !name.starts_with('-'));
    runtime.block_on(async {
        let base = server().await;
        println!("CPU in µs, the best of 3 times {ROUNDS}; store and server are in it\n");
        println!("| kind | ten messages come | more than api | a reply goes | more than api | rendering | second call | written |");
        println!("|---|---|---|---|---|---|---|---|");
        let mut api = (0.0, 0.0);
        for kind in kinds(&base) {
            if kind.name != "api" && only.as_ref().is_some_and(|only| only != kind.name) {
                continue;
            }
            let (came, gone) = measured(&kind, Less::Nothing).await;
            if kind.name == "api" {
                api = (came, gone);
                println!("| api | {came:.0} | | {gone:.0} | | | | |");
                continue;
            }
            let (_, answered) = measured(&kind, Less::Read).await;
            let (_, rendered) = measured(&kind, Less::ReadAndBegun).await;
            println!(
                "| {} | {came:.0} | {:+.0} | {gone:.0} | {:+.0} | {:+.0} | {:+.0} | {:+.0} |",
                kind.name,
                came - api.0,
                gone - api.1,
                rendered - api.1,
                gone - answered,
                answered - rendered
            );
        }
    });
}
