//! A messenger of the usual sort, to copy from: `docs/new-channel.md` goes through it. There is no such messenger, so it is
//! built for the tests only.

use crate::common::http::{How, Lost, client, deepest, is_one_of, retry_after};
use crate::common::once::Once;
use crate::common::rich::Rendered;
use crate::common::serial::Turns;
use crate::common::split::{Unit, split};
use crate::common::{json, settings};
use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use futures_util::StreamExt;
use hmac::{Hmac, KeyInit, Mac};
use openline_core::channel::{Capabilities, Host, Outgoing};
use openline_core::files::FileError;
use openline_core::message::{Content, File, Incoming, Visitor};
use openline_core::store::Amend;
use openline_core::weak::Maker;
use openline_core::{Channel, ChannelId, ChannelKind, ChatId, ConfigError, DeliveryError, StoreError, VisitorInbox};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use url::Url;

/// Characters in one message.
const LIMIT: usize = 2000;
/// How long the pager gets to answer.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How long the pager has to fetch a file of ours.
const LINK: Duration = Duration::from_secs(24 * 3600);

/// What `[channels.ID.settings]` may say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    api: Url,
    token: String,
    secret: String,
}

/// `kind = "pager"`.
pub struct Kind;

impl ChannelKind for Kind {
    fn name(&self) -> &'static str {
        "pager"
    }

    fn summary(&self) -> &'static str {
        "people with a pager"
    }

    fn example(&self) -> &'static str {
        "[channels.pager]\nkind = \"pager\"\nsettings = { api = \"https://pager.example/\", token = \"…\", secret = \"…\" }\n"
    }

    fn secrets(&self) -> Vec<(String, Maker)> {
        // A token that the messenger made, and a secret that the administrator chooses.
        vec![("token".to_owned(), Maker::Other), ("secret".to_owned(), Maker::Own)]
    }

    fn build(&self, _: &ChannelId, table: toml::Table, _: &Host) -> Result<Arc<dyn Channel>, ConfigError> {
        let given: Settings = settings::read(table)?;
        Ok(Arc::new(Pager::of(given)))
    }
}

/// One instance.
struct Pager {
    given: Settings,
    client: OnceLock<Result<reqwest::Client, String>>,
    turns: Turns<ChatId>,
    inbox: OnceLock<VisitorInbox>,
    trouble: Mutex<Option<String>>,
}

impl Pager {
    fn of(given: Settings) -> Self {
        let (client, turns, inbox, trouble) = Default::default();
        Self { given, client, turns, inbox, trouble }
    }

    fn hosts(&self) -> Vec<String> {
        let api = &self.given.api;
        let host = api.host_str().unwrap_or_default();
        vec![api.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))]
    }
}

/// What the pager tells.
#[derive(Deserialize)]
struct Event {
    event: String,
    id: String,
    chat: ChatId,
    #[serde(default)]
    name: String,
    #[serde(default)]
    text: String,
    file: Option<Link>,
}

#[derive(Deserialize)]
struct Link {
    url: Url,
    name: String,
}

/// Why an event is not taken now; it is told again.
struct Held(String);

#[allow(clippy::needless_pass_by_value)] // what map_err gives
fn held(error: StoreError) -> Held {
    Held(error.to_string())
}

async fn hook(State(pager): State<Arc<Pager>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let Some(inbox) = pager.inbox.get().filter(|_| pager.is_signed(&headers, &body)) else {
        return StatusCode::UNAUTHORIZED;
    };
    let Ok(event) = json::read::<Event>(&body) else {
        // The pager's own, but of a sort that we don't know: told again it would be no other.
        inbox.unknown();
        return StatusCode::OK;
    };
    let _turn = pager.turns.stand(&event.chat).await;
    match pager.take(inbox, event).await {
        Ok(()) => StatusCode::OK,
        Err(Held(problem)) => {
            tracing::warn!(channel = %inbox.channel(), problem, "an event could not be taken, the pager tells it again");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

impl Pager {
    /// The HMAC of the bytes as they came. Compared in constant time, before anything of them is read.
    fn is_signed(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        let given = headers.get("x-pager-signature").and_then(|value| hex::decode(value.as_bytes()).ok());
        let mac = Hmac::<Sha256>::new_from_slice(self.given.secret.as_bytes());
        given.zip(mac.ok()).is_some_and(|(given, mut mac)| {
            mac.update(body);
            mac.verify_slice(&given).is_ok()
        })
    }

    async fn take(&self, inbox: &VisitorInbox, event: Event) -> Result<(), Held> {
        let text = event.text.trim().to_owned();
        match event.event.as_str() {
            "message" => {
                let mut content = Content::plain(text);
                if let Some(link) = &event.file {
                    self.fetch(inbox, link, &mut content).await?;
                }
                if content.is_empty() {
                    return Ok(());
                }
                let visitor = Visitor { name: event.name, ..Visitor::default() };
                let Event { chat, id: key, .. } = event;
                let incoming = Incoming { chat, key, visitor: Some(visitor), content, note: None };
                inbox.accept(incoming).await.map(|_| ()).map_err(held)
            }
            "edited" => {
                inbox.amend(&event.chat, &event.id, Amend::Edit(Content::plain(text))).await.map(|_| ()).map_err(held)
            }
            "deleted" => inbox.amend(&event.chat, &event.id, Amend::Delete).await.map(|_| ()).map_err(held),
            _ => {
                inbox.unknown();
                Ok(())
            }
        }
    }

    /// Fetches a visitor's file. What will never come leaves a word for the operators instead.
    async fn fetch(&self, inbox: &VisitorInbox, link: &Link, content: &mut Content) -> Result<(), Held> {
        match self.kept(inbox, link).await {
            Ok(file) => content.files.push(file),
            Err(Missing::Now(held)) => return Err(held),
            Err(Missing::Ever(why)) => {
                let text = format!("{}\n[file] {}: {why}", content.text.to_plain(), link.name);
                content.text = Content::plain(text.trim()).text;
            }
        }
        Ok(())
    }

    async fn kept(&self, inbox: &VisitorInbox, link: &Link) -> Result<File, Missing> {
        if !is_one_of(&link.url, &self.hosts()) {
            return Err(Missing::Ever("it is at a host that is not the pager's".to_owned()));
        }
        let client = self.client().map_err(|error| Missing::Now(Held(error.to_string())))?;
        let call = client.get(link.url.clone()).bearer_auth(&self.given.token).send().await;
        let answer = call.map_err(|error| Missing::Now(Held(Lost::of(&error).line("the pager"))))?;
        match answer.status().as_u16() {
            200 => {}
            300..=428 => return Err(Missing::Ever("the pager does not give it".to_owned())),
            status => return Err(Missing::Now(Held(format!("a file's address answered {status}")))),
        }
        let mime =
            answer.headers().get("content-type").and_then(|mime| mime.to_str().ok()).unwrap_or_default().to_owned();
        let bytes =
            answer.bytes_stream().map(|piece| piece.map_err(|error| std::io::Error::other(deepest(&error)))).boxed();
        inbox.keep_file(&link.name, &mime, bytes).await.map_err(|error| match error {
            FileError::Broken(_) | FileError::Unavailable(_) | FileError::Full => Missing::Now(Held(error.to_string())),
            _ => Missing::Ever(error.to_string()),
        })
    }
}

/// Why a file is not there: for now, or for ever.
enum Missing {
    Now(Held),
    Ever(String),
}

impl Pager {
    fn client(&self) -> Result<&reqwest::Client, DeliveryError> {
        let how = || How { timeout: TIMEOUT, redirects: self.hosts(), ..How::default() };
        let made = self.client.get_or_init(|| client(how())).as_ref();
        made.map_err(|problem| DeliveryError::closed(format!("no client for https can be made: {problem}")))
    }

    /// Makes one call; the message's id in the answer.
    async fn call(&self, method: reqwest::Method, path: &str, body: &Value) -> Result<String, DeliveryError> {
        let url =
            self.given.api.join(path).map_err(|_| DeliveryError::refused("an id that is no part of an address"))?;
        let call = self.client()?.request(method, url).bearer_auth(&self.given.token).json(body);
        let answer = match call.send().await {
            Ok(answer) => answer,
            Err(error) => return Err(Lost::of(&error).verdict("the pager")),
        };
        let after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let now = self.inbox.get().map(VisitorInbox::now).unwrap_or_default();
        let judged = judge(answer.status().as_u16(), after.and_then(|after| retry_after(&after, now)));
        let closed = judged.as_ref().err().filter(|error| matches!(error, DeliveryError::Closed { .. }));
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = closed.map(ToString::to_string);
        judged?;
        let said: Value = answer.json().await.unwrap_or_default();
        Ok(said["id"].as_str().unwrap_or_default().to_owned())
    }

    /// The parts of a message: texts that fit, then a line for each file.
    fn parts(&self, message: Outgoing<'_>) -> Vec<Value> {
        let Outgoing { item, conversation, .. } = message;
        let text = Rendered::of(&item.content.text, None);
        let texts = split(&text, LIMIT, LIMIT, Unit::Characters).into_iter().map(|part| json!({ "text": part.text }));
        let file = |(index, file): (usize, &File)| {
            let url = self.inbox.get()?.file_url(item, conversation.id, index, LINK)?;
            Some(json!({ "file": url, "name": file.name }))
        };
        texts.chain(item.content.files.iter().enumerate().filter_map(file)).collect()
    }
}

/// What a status means for the message. The only place that decides it, with a test for each.
fn judge(status: u16, after: Option<Duration>) -> Result<(), DeliveryError> {
    let reason = format!("the pager answered {status}");
    Err(match status {
        200..=299 => return Ok(()),
        401 => DeliveryError::closed("the pager does not accept the token: make a new one"),
        403 => DeliveryError::refused("the visitor has switched their pager off"),
        429 | 503 => DeliveryError::Retry { reason, after },
        400..=499 => DeliveryError::Refused { reason },
        _ => DeliveryError::Unknown { reason },
    })
}

#[async_trait]
impl Channel for Pager {
    fn capabilities(&self) -> Capabilities {
        Capabilities { edits: true, deletes: true, files: true, visitor_edits: true, fixed_order: true }
    }

    async fn send(&self, message: Outgoing<'_>) -> Result<Vec<String>, DeliveryError> {
        let mut ids = Vec::new();
        for (n, mut part) in self.parts(message).into_iter().enumerate() {
            part["chat"] = message.conversation.chat.as_str().into();
            part["key"] = Once::of(message, n).text().into();
            ids.push(self.call(reqwest::Method::POST, "messages", &part).await?);
        }
        if ids.is_empty() { Err(DeliveryError::refused("there is nothing in it that a pager shows")) } else { Ok(ids) }
    }

    async fn edit(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        let (parts, ids) = (self.parts(message), &message.item.delivered_as);
        if parts.len() != ids.len() {
            return Err(DeliveryError::refused("the new text does not fit the messages that are there"));
        }
        for (part, id) in parts.iter().zip(ids).filter(|(part, _)| part["text"].is_string()) {
            self.call(reqwest::Method::PATCH, &format!("messages/{id}"), part).await?;
        }
        Ok(())
    }

    async fn delete(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        for id in &message.item.delivered_as {
            self.call(reqwest::Method::DELETE, &format!("messages/{id}"), &json!({})).await?;
        }
        Ok(())
    }

    fn health(&self) -> Result<(), String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone().map_or(Ok(()), Err)
    }

    fn routes(self: Arc<Self>, inbox: VisitorInbox) -> Router {
        let _ = self.inbox.set(inbox);
        Router::new().route("/hook", post(hook)).layer(DefaultBodyLimit::max(256 * 1024)).with_state(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::memory::{self, Memory, Shelf};
    use axum::extract::Request;
    use axum::http::Method;
    use openline_core::clock::{Clock, ManualClock, Timestamp};
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
            noted.lock().unwrap().push(call);
            axum::Json(json!({ "id": "p1" }))
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        (url, calls)
    }

    /// An instance, and its inbox.
    fn instance(api: &str, memory: &Arc<Memory>) -> (Arc<Pager>, VisitorInbox) {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp(1_790_000_000_000)));
        let id = ChannelId::parse("kit").unwrap();
        let secret = MasterSecret::new([7; 32]);
        let doors = Doors::new(Arc::clone(memory) as Arc<_>, Arc::clone(&clock), std::slice::from_ref(&id));
        let rules = FileRules { most: 1000, types: vec!["*/*".to_owned()] };
        let doors = doors.equipped(Arc::new(Shelf::default()), rules, "https://chat.example", &secret);
        let table = toml::from_str(&format!("api = '{api}'\ntoken = 't'\nsecret = 's'")).unwrap();
        let host = Host {
            public_url: "https://chat.example".into(),
            secret,
            clock,
            folder: ".".into(),
            limits: Arc::default(),
        };
        assert!(Kind.build(&id, toml::Table::new(), &host).is_err_and(|wrong| wrong.to_string().contains("api")));
        assert_eq!((Kind.name(), Kind.secrets().len()), ("pager", 2));
        assert!(Kind.example().contains("pager") && !Kind.summary().is_empty());
        let pager = Arc::new(Pager::of(settings::read(table).unwrap()));
        let inbox = doors.visitor_inbox(id);
        let _ = Arc::clone(&pager).routes(inbox.clone());
        (pager, inbox)
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
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (url, _) = network().await;
        let memory = Arc::new(Memory::default());
        let (pager, _) = instance(&url, &memory);
        let file = json!({ "url": format!("{url}f"), "name": "a.json" });
        let event = json!({ "event": "message", "id": "m1", "chat": "c1", "name": "Ann", "text": "hi", "file": file });
        assert_eq!(posts(&pager, "guessed", &event).await, 401);
        assert_eq!((posts(&pager, "s", &event).await, posts(&pager, "s", &event).await), (200, 200));
        let elsewhere = json!({ "url": "http://192.168.0.1/router", "name": "b" });
        let event = json!({ "event": "message", "id": "m2", "chat": "c1", "file": elsewhere });
        assert_eq!(posts(&pager, "s", &event).await, 200);
        let edited = json!({ "event": "edited", "id": "m1", "chat": "c1", "text": "hello" });
        assert_eq!(posts(&pager, "s", &edited).await, 200);
        assert_eq!(posts(&pager, "s", &json!({ "event": "deleted", "id": "m3", "chat": "c1" })).await, 200);
        assert_eq!(posts(&pager, "s", &json!({ "event": "typing", "id": "m1", "chat": "c1" })).await, 200);
        assert_eq!(posts(&pager, "s", &json!({ "nothing": "known" })).await, 200);
        memory.full.store(true, std::sync::atomic::Ordering::SeqCst);
        let event = json!({ "event": "message", "id": "m4", "chat": "c1", "text": "later" });
        assert_eq!(posts(&pager, "s", &event).await, 503);
        let rooms = memory.rooms.lock().unwrap();
        let shown: Vec<_> = rooms[0].1.iter().map(|item| item.content.text.to_plain()).collect();
        assert_eq!(shown, ["hello", "[file] b: it is at a host that is not the pager's"]);
    }

    #[tokio::test]
    async fn a_long_reply_goes_in_parts_each_under_its_own_key_and_changes_where_it_is() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (url, calls) = network().await;
        let memory = Arc::new(Memory::default());
        let (pager, _) = instance(&url, &memory);
        let mut item = memory::item(1, "k", Side::Operator, Content::plain("word ".repeat(500).trim()));
        let conversation = Conversation {
            id: ConversationId(1),
            channel: ChannelId::parse("kit").unwrap(),
            chat: ChatId::parse("c1").unwrap(),
            visitor: Visitor::default(),
            thread: Thread::default(),
            dialog: Dialog::Open,
            rev: Rev(1),
        };
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
        let calls = calls.lock().unwrap();
        let keys: Vec<_> = calls.iter().filter_map(|(_, _, body)| body["key"].as_str()).collect();
        assert!(keys.len() == 4 && keys[..2] == keys[2..] && keys[0] != keys[1], "{keys:?}");
        let changed: Vec<_> = calls.iter().skip(4).map(|(method, path, _)| format!("{method} {path}")).collect();
        assert_eq!(changed, ["PATCH /messages/p1", "PATCH /messages/p2", "DELETE /messages/p1", "DELETE /messages/p2"]);
        assert_eq!((pager.capabilities().fixed_order, pager.health()), (true, Ok(())));
    }

    #[test]
    fn every_status_has_its_verdict() {
        assert!(judge(201, None).is_ok());
        assert!(matches!(judge(401, None), Err(DeliveryError::Closed { .. })));
        assert!(matches!(judge(403, None), Err(DeliveryError::Refused { .. })));
        assert!(matches!(judge(404, None), Err(DeliveryError::Refused { .. })));
        assert!(matches!(judge(429, Some(LINK)), Err(DeliveryError::Retry { after: Some(LINK), .. })));
        assert!(matches!(judge(502, None), Err(DeliveryError::Unknown { .. })));
    }
}
