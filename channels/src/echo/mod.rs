//! The smallest channel, to copy from: `docs/new-channel.md` goes through it line by line.

use crate::common::bearer::Tokens;
use async_trait::async_trait;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use openline_core::channel::{Capabilities, Host, Outgoing, Plan};
use openline_core::message::{Content, Incoming};
use openline_core::weak::Maker;
use openline_core::{Channel, ChannelId, ChannelKind, ChatId, ConfigError, DeliveryError, StoreError, VisitorInbox};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// `kind = "echo"`.
pub struct Kind;

impl ChannelKind for Kind {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn summary(&self) -> &'static str {
        "lines of text over HTTP: the channel to copy from"
    }

    fn example(&self) -> &'static str {
        include_str!("example.toml")
    }

    fn secrets(&self) -> Vec<(String, Maker)> {
        vec![("token".to_owned(), Maker::Own)]
    }

    fn read(&self, _: &ChannelId, settings: toml::Table, _: &Host) -> Result<Plan, ConfigError> {
        let settings: Settings = crate::common::settings::read(settings)?;
        let tokens = Tokens::read("token", &settings.token)?;
        Ok(Plan::new(CAN, |inbox| Ok(Echo { tokens, inbox })))
    }
}

/// What `[channels.ID.settings]` may say.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    token: String,
}

/// What every instance can do.
const CAN: Capabilities =
    Capabilities { edits: false, deletes: false, files: false, visitor_edits: false, fixed_order: true };

/// One instance.
struct Echo {
    tokens: Tokens,
    inbox: VisitorInbox,
}

#[async_trait]
impl Channel for Echo {
    async fn send(&self, message: Outgoing<'_>) -> Result<Vec<String>, DeliveryError> {
        if !message.item.content.files.is_empty() {
            return Err(DeliveryError::refused("this channel carries no files"));
        }
        let line = Line { id: message.item.id.to_string(), text: message.item.content.text.to_plain() };
        let ids = vec![line.id.clone()];
        let heard = hear(&self.inbox, &message.conversation.chat, line).await;
        heard.map(|()| ids).map_err(|error| DeliveryError::retry(error.to_string()))
    }

    fn routes(self: Arc<Self>) -> Router {
        let limit = DefaultBodyLimit::max(64 * 1024);
        Router::new().route("/say", post(say)).route("/heard/{chat}", get(heard)).layer(limit).with_state(self)
    }
}

type Shared = State<Arc<Echo>>;
type Refusal = (StatusCode, &'static str);

/// What a visitor says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    chat: ChatId,
    key: String,
    text: String,
}

async fn say(State(echo): Shared, headers: HeaderMap, Json(said): Json<Said>) -> Result<StatusCode, Refusal> {
    admit(&echo, &headers)?;
    let (key, text) = (said.key.chars().count(), said.text.trim().chars().count());
    if !(1..=100).contains(&key) || !(1..=10_000).contains(&text) {
        return Err((StatusCode::UNPROCESSABLE_ENTITY, "key must have 1 to 100 characters, text 1 to 10000"));
    }
    let content = Content::plain(said.text.trim());
    let incoming = Incoming { chat: said.chat, key: said.key, visitor: None, content: content.clone(), note: None };
    let recorded = echo.inbox.accept(incoming).await.map_err(unavailable)?;
    match (recorded.fresh, recorded.item.content == content) {
        (true, _) => Ok(StatusCode::CREATED),
        (false, true) => Ok(StatusCode::OK),
        (false, false) => Err((StatusCode::CONFLICT, "this key was used for another text")),
    }
}

/// Under which name a chat's lines are kept: as values of the chat, so they go when its visitor is forgotten.
const HEARD: &str = "heard";

/// What operators answered.
#[derive(Serialize, Deserialize)]
struct Line {
    id: String,
    text: String,
}

async fn heard(State(echo): Shared, headers: HeaderMap, Path(chat): Path<ChatId>) -> Result<Json<Vec<Line>>, Refusal> {
    admit(&echo, &headers)?;
    lines(&echo.inbox, &chat).await.map(Json).map_err(unavailable)
}

fn admit(echo: &Echo, headers: &HeaderMap) -> Result<(), Refusal> {
    let wrong = (StatusCode::UNAUTHORIZED, "send the channel's token as Authorization: Bearer …");
    if echo.tokens.admit(headers) { Ok(()) } else { Err(wrong) }
}

#[allow(clippy::needless_pass_by_value)] // what map_err gives
fn unavailable(error: StoreError) -> Refusal {
    tracing::error!(%error, "an echo could not be stored or read");
    (StatusCode::SERVICE_UNAVAILABLE, "nothing was stored; try again in a moment with the same key")
}

async fn lines(inbox: &VisitorInbox, chat: &ChatId) -> Result<Vec<Line>, StoreError> {
    let kept = inbox.remember_of(chat, HEARD).await?;
    Ok(kept.and_then(|kept| serde_json::from_slice(&kept).ok()).unwrap_or_default())
}

/// Adds a line, once: a send may be repeated when nobody knows what became of it.
async fn hear(inbox: &VisitorInbox, chat: &ChatId, line: Line) -> Result<(), StoreError> {
    let mut lines = lines(inbox, chat).await?;
    if lines.iter().all(|known| known.id != line.id) {
        lines.push(line);
        lines.drain(..lines.len().saturating_sub(100));
        let kept = serde_json::to_vec(&lines).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        inbox.keep_of(chat, HEARD, &kept).await?;
    }
    Ok(())
}
