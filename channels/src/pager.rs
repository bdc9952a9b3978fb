//! A messenger of the usual sort, to copy from: `docs/new-channel.md` goes through it. There is no such messenger, so it is
//! built for the tests only.

use crate::common::http::{How, Lost, client, deepest, is_one_of, retry_after};
use crate::common::input::{called, clean};
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
use openline_core::channel::{Capabilities, Host, Outgoing, Plan};
use openline_core::files::{FileError, Holder};
use openline_core::message::{Content, File, Incoming, Visitor};
use openline_core::store::Amend;
use openline_core::weak::Maker;
use openline_core::{Channel, ChannelId, ChannelKind, ChatId, ConfigError, DeliveryError, StoreError, VisitorInbox};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Characters in one message.
const LIMIT: usize = 2000;
/// How long the pager gets to answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// What `[channels.ID.settings]` may say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    api: Url,
    token: String,
    secret: String,
    /// What visitors are told of a message that was given up; nothing when it is empty.
    #[serde(default = "not_delivered")]
    undelivered_text: String,
}

fn not_delivered() -> String {
    "This message could not be delivered. Please send it again later.".to_owned()
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

    fn read(&self, _: &ChannelId, table: toml::Table, _: &Host) -> Result<Plan, ConfigError> {
        let given: Settings = settings::read(table)?;
        Ok(Plan::new(CAN, |inbox| Pager::new(given, inbox)))
    }
}

/// What every instance can do.
const CAN: Capabilities =
    Capabilities { edits: true, deletes: true, files: true, visitor_edits: true, fixed_order: true };

/// One instance.
struct Pager {
    given: Settings,
    hosts: Vec<String>,
    client: reqwest::Client,
    turns: Turns<ChatId>,
    inbox: VisitorInbox,
    trouble: Mutex<Option<String>>,
}

impl Pager {
    fn new(given: Settings, inbox: VisitorInbox) -> Result<Self, ConfigError> {
        let host = given.api.host_str().unwrap_or_default();
        let hosts = vec![given.api.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))];
        let client = client(How { timeout: TIMEOUT, redirects: hosts.clone(), ..How::default() })?;
        Ok(Self { given, hosts, client, turns: Turns::default(), inbox, trouble: Mutex::default() })
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
    if !pager.is_signed(&headers, &body) {
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(event) = json::read::<Event>(&body) else {
        // The pager's own, but of a sort that we don't know: told again it would be no other.
        pager.inbox.unknown();
        return StatusCode::OK;
    };
    let _turn = pager.turns.stand(&event.chat).await;
    match pager.take(event).await {
        Ok(()) => StatusCode::OK,
        Err(Held(problem)) => {
            tracing::warn!(channel = %pager.inbox.channel(), problem, "an event could not be taken, the pager tells it again");
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

    async fn take(&self, event: Event) -> Result<(), Held> {
        let mut content = Content::plain(clean(&event.text, true));
        if let (Some(link), "message" | "edited") = (&event.file, event.event.as_str()) {
            self.fetch(link, &mut content).await?;
        }
        match event.event.as_str() {
            // Told again it would be as empty.
            "message" | "edited" if content.is_empty() => Ok(()),
            "message" => {
                let visitor = Visitor { name: called(&event.name), ..Visitor::default() };
                let Event { chat, id: key, .. } = event;
                let incoming = Incoming { chat, key, visitor: Some(visitor), content, note: None };
                self.inbox.accept(incoming).await.map(|_| ()).map_err(held)
            }
            // The whole new content: what is not in it is gone, its file too.
            "edited" => self.inbox.amend(&event.chat, &event.id, Amend::Edit(content)).await.map(|_| ()).map_err(held),
            "deleted" => self.inbox.amend(&event.chat, &event.id, Amend::Delete).await.map(|_| ()).map_err(held),
            _ => {
                self.inbox.unknown();
                Ok(())
            }
        }
    }

    /// Fetches a visitor's file. What will never come leaves a word for the operators instead.
    async fn fetch(&self, link: &Link, content: &mut Content) -> Result<(), Held> {
        match self.kept(link).await {
            Ok(file) => content.files.push(file),
            Err(Missing::Now(held)) => return Err(held),
            Err(Missing::Ever(why)) => {
                let text = format!("{}\n[file] {}: {why}", content.text.to_plain(), link.name);
                content.text = Content::plain(text.trim()).text;
            }
        }
        Ok(())
    }

    async fn kept(&self, link: &Link) -> Result<File, Missing> {
        if !is_one_of(&link.url, &self.hosts) {
            return Err(Missing::Ever("it is at a host that is not the pager's".to_owned()));
        }
        let call = self.client.get(link.url.clone()).bearer_auth(&self.given.token).send().await;
        let answer = call.map_err(|error| Missing::Now(Held(Lost::of(&error).line("the pager"))))?;
        match answer.status().as_u16() {
            200 => {}
            // A token that was taken back, or a bad moment: it is there for those who ask again.
            status @ (401 | 408 | 425 | 429..) => return Err(Missing::Now(Held(format!("the file: status {status}")))),
            _ => return Err(Missing::Ever("the pager does not give it".to_owned())),
        }
        let mime =
            answer.headers().get("content-type").and_then(|mime| mime.to_str().ok()).unwrap_or_default().to_owned();
        let bytes =
            answer.bytes_stream().map(|piece| piece.map_err(|error| std::io::Error::other(deepest(&error)))).boxed();
        self.inbox.keep_file(&link.name, &mime, bytes).await.map_err(|error| match error {
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
    /// Makes one call; the message's id in the answer.
    async fn call(&self, method: reqwest::Method, path: &str, body: &Value) -> Result<String, DeliveryError> {
        let url =
            self.given.api.join(path).map_err(|_| DeliveryError::refused("an id that is no part of an address"))?;
        let call = self.client.request(method.clone(), url).bearer_auth(&self.given.token).json(body);
        let answer = match call.send().await {
            Ok(answer) => answer,
            Err(error) => return Err(Lost::of(&error).verdict("the pager")),
        };
        if method == reqwest::Method::DELETE && matches!(answer.status().as_u16(), 404 | 410) {
            // It is gone, perhaps by an attempt whose answer was lost.
            return Ok(String::new());
        }
        let after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let judged = judge(answer.status().as_u16(), after.and_then(|after| retry_after(&after, self.inbox.now())));
        let closed = judged.as_ref().err().filter(|error| matches!(error, DeliveryError::Closed { .. }));
        *self.trouble.lock() = closed.map(ToString::to_string);
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
            let url = self.inbox.file_url(item, conversation.id, index, Holder::Messenger)?;
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

    /// Nothing shows on a pager what became of a message, so it is said.
    async fn undelivered(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        let text = self.given.undelivered_text.trim();
        if text.is_empty() {
            return Ok(());
        }
        // The message is the visitor's, which is sent nowhere: the key of its first part is free.
        let (chat, key) = (message.conversation.chat.as_str(), Once::of(message, 0).text());
        self.call(reqwest::Method::POST, "messages", &json!({ "chat": chat, "key": key, "text": text })).await.map(drop)
    }

    fn health(&self) -> Result<(), String> {
        self.trouble.lock().clone().map_or(Ok(()), Err)
    }

    fn routes(self: Arc<Self>) -> Router {
        Router::new().route("/hook", post(hook)).layer(DefaultBodyLimit::max(256 * 1024)).with_state(self)
    }
}

#[cfg(test)]
mod tests;
