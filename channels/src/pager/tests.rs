use super::*;
use crate::common::memory::{self, Shelf};
use axum::extract::Request;
use axum::http::Method;
use openline_core::clock::{Clock, ManualClock, Timestamp};
use openline_core::contract::{MemoryStore, Nobody};
use openline_core::files::FileRules;
use openline_core::inbox::Doors;
use openline_core::message::{Conversation, Dialog, Side, Thread};
use openline_core::secret::MasterSecret;
use openline_core::{ConversationId, Rev};

type Calls = Arc<Mutex<Vec<(Method, String, Value)>>>;

/// A pager network that takes everything and gives one file.
async fn network() -> (String, Calls) {
    let calls: Calls = Arc::default();
    let noted = Arc::clone(&calls);
    let answer = async move |request: Request| {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, 10_000).await.unwrap();
        let call = (head.method, head.uri.path().to_owned(), json::read(&body).unwrap_or_default());
        noted.lock().push(call);
        axum::Json(json!({ "id": "p1" }))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    (url, calls)
}

/// An instance with these settings besides.
fn instance(api: &str, more: &str, memory: &Arc<MemoryStore>) -> Arc<Pager> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp(1_790_000_000_000)));
    let id = ChannelId::parse("kit").unwrap();
    let secret = MasterSecret::new([7; 32]);
    let doors = Doors::new(Arc::clone(memory) as Arc<_>, Arc::clone(&clock), std::slice::from_ref(&id));
    let rules = FileRules { most: 1000, types: vec!["*/*".to_owned()] };
    let doors = doors.equipped(Arc::new(Shelf::default()), rules, "https://chat.example", &secret);
    let table = toml::from_str(&format!("api = '{api}'\ntoken = 't'\nsecret = 's'\n{more}")).unwrap();
    let inbox = VisitorInbox::alone(doors, Arc::new(Nobody), id);
    Arc::new(Pager::new(settings::read(table).unwrap(), inbox).unwrap())
}

/// The conversation of the chat `c1`.
fn conversation() -> Conversation {
    Conversation {
        id: ConversationId(1),
        channel: ChannelId::parse("kit").unwrap(),
        chat: ChatId::parse("c1").unwrap(),
        visitor: Visitor::default(),
        thread: Thread::default(),
        dialog: Dialog::Open,
        rev: Rev(1),
    }
}

#[test]
fn settings_are_checked_before_anything_is_built() {
    let id = ChannelId::parse("kit").unwrap();
    let (secret, clock) = (MasterSecret::new([7; 32]), Arc::new(ManualClock::at(Timestamp(0))));
    let host =
        Host { public_url: "https://chat.example".into(), secret, clock, folder: ".".into(), limits: Arc::default() };
    let wrong = Kind.read(&id, toml::Table::new(), &host).err().unwrap();
    assert!(wrong.to_string().contains("api"), "{wrong}");
    let good = toml::from_str("api = 'http://127.0.0.1:1/'\ntoken = 't'\nsecret = 's'").unwrap();
    assert!(Kind.read(&id, good, &host).is_ok_and(|plan| plan.can.fixed_order));
    assert_eq!((Kind.name(), Kind.secrets().len()), ("pager", 2));
    assert!(Kind.example().contains("pager") && !Kind.summary().is_empty());
}

async fn posts(pager: &Arc<Pager>, secret: &str, event: &Value) -> u16 {
    let body = event.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes()).parse().unwrap();
    let headers = [(axum::http::HeaderName::from_static("x-pager-signature"), signature)].into_iter().collect();
    hook(State(Arc::clone(pager)), headers, body.into()).await.as_u16()
}

#[tokio::test]
async fn what_is_signed_is_taken_once_with_its_file_and_its_changes() {
    let (url, _) = network().await;
    let memory = Arc::new(MemoryStore::default());
    let pager = instance(&url, "", &memory);
    let file = json!({ "url": format!("{url}f"), "name": "a.json" });
    let event = json!({ "event": "message", "id": "m1", "chat": "c1", "name": "Ann", "text": "hi", "file": file });
    assert_eq!(posts(&pager, "guessed", &event).await, 401);
    assert_eq!((posts(&pager, "s", &event).await, posts(&pager, "s", &event).await), (200, 200));
    let elsewhere = json!({ "url": "http://192.168.0.1/router", "name": "b" });
    let event = json!({ "event": "message", "id": "m2", "chat": "c1", "file": elsewhere });
    assert_eq!(posts(&pager, "s", &event).await, 200);
    let edited = json!({ "event": "edited", "id": "m1", "chat": "c1", "text": "hello", "file": file });
    assert_eq!(posts(&pager, "s", &edited).await, 200);
    assert_eq!(posts(&pager, "s", &json!({ "event": "edited", "id": "m1", "chat": "c1", "text": " " })).await, 200);
    assert_eq!(posts(&pager, "s", &json!({ "event": "deleted", "id": "m3", "chat": "c1" })).await, 200);
    assert_eq!(posts(&pager, "s", &json!({ "event": "typing", "id": "m1", "chat": "c1" })).await, 200);
    assert_eq!(posts(&pager, "s", &json!({ "nothing": "known" })).await, 200);
    memory.refuse(true);
    let event = json!({ "event": "message", "id": "m4", "chat": "c1", "text": "later" });
    assert_eq!(posts(&pager, "s", &event).await, 503);
    let rooms = memory.all();
    let shown: Vec<_> = rooms[0].1.iter().map(|item| item.content.text.to_plain()).collect();
    assert_eq!(rooms[0].1[0].content.files.len(), 1, "an edit keeps what it names, and one of nothing changes nothing");
    assert_eq!(shown, ["hello", "[file] b: it is at a host that is not the pager's"]);
}

#[tokio::test]
async fn a_long_reply_goes_in_parts_each_under_its_own_key_and_changes_where_it_is() {
    let (url, calls) = network().await;
    let pager = instance(&url, "", &Arc::default());
    let mut item = memory::item(1, "k", Side::Operator, Content::plain("word ".repeat(500).trim()));
    let conversation = conversation();
    let sends = async |item: &_| {
        let since = Timestamp(0);
        let message = Outgoing { conversation: &conversation, item, uncertain: false, attempts: 0, since };
        (pager.send(message).await, pager.edit(message).await, pager.delete(message).await)
    };
    let (sent, edited, deleted) = sends(&item).await;
    assert_eq!(sent.unwrap(), ["p1", "p1"]);
    assert!(matches!(edited, Err(DeliveryError::Refused { .. })), "nothing is there yet");
    deleted.unwrap();
    item.delivered_as = vec!["p1".to_owned(), "p2".to_owned()];
    let (again, edited, deleted) = sends(&item).await;
    again.unwrap();
    edited.unwrap();
    deleted.unwrap();
    let calls = calls.lock();
    let keys: Vec<_> = calls.iter().filter_map(|(_, _, body)| body["key"].as_str()).collect();
    assert!(keys.len() == 4 && keys[..2] == keys[2..] && keys[0] != keys[1], "{keys:?}");
    let changed: Vec<_> = calls.iter().skip(4).map(|(method, path, _)| format!("{method} {path}")).collect();
    assert_eq!(changed, ["PATCH /messages/p1", "PATCH /messages/p2", "DELETE /messages/p1", "DELETE /messages/p2"]);
    assert_eq!(pager.health(), Ok(()));
}

#[tokio::test]
async fn a_visitor_is_told_once_of_what_was_given_up() {
    let (url, calls) = network().await;
    let (conversation, lost) = (conversation(), memory::item(1, "k", Side::Visitor, Content::plain("hi")));
    let since = Timestamp(0);
    let message = Outgoing { conversation: &conversation, item: &lost, uncertain: false, attempts: 0, since };
    let pager = instance(&url, "", &Arc::default());
    pager.undelivered(message).await.unwrap();
    pager.undelivered(message).await.unwrap();
    instance(&url, "undelivered_text = ' '", &Arc::default()).undelivered(message).await.unwrap();
    let calls = calls.lock();
    assert_eq!(calls.len(), 2, "an empty text says nothing");
    assert_eq!((&calls[0].2["chat"], &calls[0].2["text"]), (&json!("c1"), &json!(not_delivered())));
    assert_eq!(calls[0].2["key"], calls[1].2["key"], "said again it is the same message");
}

#[test]
fn every_status_has_its_verdict() {
    assert!(judge(201, None).is_ok());
    assert!(matches!(judge(401, None), Err(DeliveryError::Closed { .. })));
    assert!(matches!(judge(403, None), Err(DeliveryError::Refused { .. })));
    assert!(matches!(judge(404, None), Err(DeliveryError::Refused { .. })));
    assert!(matches!(judge(429, Some(TIMEOUT)), Err(DeliveryError::Retry { after: Some(TIMEOUT), .. })));
    assert!(matches!(judge(502, None), Err(DeliveryError::Unknown { .. })));
}
