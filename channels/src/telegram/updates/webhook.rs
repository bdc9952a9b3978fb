//! Intake by being called: Telegram posts each update and repeats it until it is answered 200, which it is only when
//! it is stored.
//!
//! Telegram may post several at once and promises no order then, so it is told to use one connection: the next update
//! comes when this one is answered. One that was not taken comes again later, and is waited for by those of its chat.
//! The price is that a large file holds up the others while it is fetched.

use crate::common::serial::Turns;
use crate::telegram::client::api::Api;
use crate::telegram::client::status::{Status, Trouble};
use crate::telegram::updates::intake::{self, chat_of};
use crate::telegram::updates::poll::{Pause, WANTED};
use crate::telegram::updates::way_in::Intake;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::routing::post;
use openline_core::channel::Host;
use openline_core::clock::Timestamp;
use openline_core::secret::same;
use openline_core::{ChannelId, ClientAddress, sampled};
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use teloxide::payloads::{GetMe, GetWebhookInfo, SetWebhook, SetWebhookSetters};
use tokio_util::sync::CancellationToken;
use url::Url;

/// Largest update; texts are at most 4096 characters, files are not in it.
const BODY: usize = 1024 * 1024;
/// How long a chat's later updates wait for one that was not taken; Telegram may have given it up.
const WAIT: Duration = Duration::from_secs(10 * 60);
/// How often it is looked whether Telegram still calls us.
const LOOK: Duration = Duration::from_secs(5 * 60);
/// Failed calls of Telegram's that are older don't count any more, in seconds.
const RECENT: i64 = 15 * 60;

/// The address and the word by which Telegram's calls are known.
#[derive(Clone)]
pub(in crate::telegram) struct Hook {
    url: String,
    secret: String,
    /// By which Telegram calls until it was told the new one.
    earlier: Vec<String>,
}

impl Hook {
    pub(in crate::telegram) fn new(id: &ChannelId, host: &Host) -> Self {
        let keys = host.secret.keys(&format!("channels/telegram/{id}/webhook"));
        let earlier = keys.iter().skip(1).map(hex::encode).collect();
        Self { url: format!("{}/c/{id}/webhook", host.public_url), secret: hex::encode(keys.present()), earlier }
    }

    /// Where Telegram calls us.
    pub(in crate::telegram) fn url(&self) -> &str {
        &self.url
    }

    fn is_told_by(&self, given: &[u8]) -> bool {
        let mut known = std::iter::once(&self.secret).chain(&self.earlier);
        known.any(|secret| same(given, secret))
    }
}

struct Door {
    intake: Arc<Intake>,
    hook: Hook,
    /// Telegram repeats what takes long: those of a chat one after another nevertheless.
    turns: Turns<Option<i64>>,
    held: Mutex<Held>,
}

impl Door {}

/// The update that each chat waits for, and since when.
#[derive(Default)]
struct Held(HashMap<i64, (i64, Timestamp)>);

impl Held {
    /// Whether an earlier update of the chat has to come again first.
    fn waits(&self, chat: Option<i64>, number: i64, now: Timestamp) -> bool {
        let earlier = chat.and_then(|chat| self.0.get(&chat));
        earlier.is_some_and(|(held, since)| *held < number && since.until(now) < WAIT)
    }

    fn note(&mut self, chat: Option<i64>, number: i64, taken: bool, now: Timestamp) {
        let Some(chat) = chat else { return };
        if !taken {
            self.0.entry(chat).or_insert((number, now));
        } else if self.0.get(&chat).is_some_and(|(held, since)| *held == number || since.until(now) >= WAIT) {
            self.0.remove(&chat);
        }
    }
}

pub(in crate::telegram) fn routes(intake: Arc<Intake>, hook: Hook) -> Router {
    let door = Arc::new(Door { intake, hook, turns: Turns::default(), held: Mutex::default() });
    Router::new().route("/webhook", post(update)).layer(DefaultBodyLimit::max(BODY)).with_state(door)
}

async fn update(State(door): State<Arc<Door>>, from: ClientAddress, headers: HeaderMap, body: Bytes) -> StatusCode {
    let given = headers.get("x-telegram-bot-api-secret-token").map(HeaderValue::as_bytes).unwrap_or_default();
    if !door.hook.is_told_by(given) {
        let channel = door.intake.inbox.channel();
        sampled!(warn, target: "security", client = %from, %channel, result = "refused", "a webhook without its secret");
        return StatusCode::UNAUTHORIZED;
    }
    let Some(update) = intake::read(&body) else { return StatusCode::BAD_REQUEST };
    // Goes on when Telegram hangs up meanwhile: it will come again and find it done.
    let taken = tokio::spawn(async move {
        let (chat, number) = (chat_of(&update), update["update_id"].as_i64().unwrap_or_default());
        let _turn = door.turns.stand(&chat).await;
        let now = door.intake.inbox.now();
        if door.held.lock().waits(chat, number, now) {
            return false;
        }
        let taken = door.intake.take(&update).await;
        if let Err(held) = &taken {
            tracing::error!(channel = %door.intake.inbox.channel(), %held, "an update must come again");
        }
        door.held.lock().note(chat, number, taken.is_ok(), now);
        taken.is_ok()
    });
    if taken.await.unwrap_or(false) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// Keeps the webhook set until `stop`.
pub(in crate::telegram) async fn run(intake: &Intake, hook: &Hook, status: &Status, stop: &CancellationToken) {
    let mut pause = Pause::default();
    let mut set = false;
    while let Some(round) = stop.run_until_cancelled(round(intake, hook, status, &mut set)).await {
        let wait = match round {
            Ok(()) => {
                status.works(&intake.inbox);
                pause = Pause::default();
                LOOK
            }
            Err(trouble) => {
                status.fails(&intake.inbox, trouble.line());
                set = false;
                pause.next(&trouble)
            }
        };
        stop.run_until_cancelled(tokio::time::sleep(wait)).await;
    }
}

async fn round(intake: &Intake, hook: &Hook, status: &Status, set: &mut bool) -> Result<(), Trouble> {
    let info = if *set { intake.api.call(&GetWebhookInfo::new()).await? } else { Value::Null };
    if info["url"] != hook.url.as_str() {
        status.recall(&intake.inbox).await?;
        status.learn(&intake.inbox, &intake.api.call(&GetMe::new()).await?).await?;
        self::set(&intake.api, hook).await?;
        *set = true;
    }
    calls_fail(intake.inbox.now(), &info).map_or(Ok(()), |problem| Err(Trouble::Here(problem)))
}

/// Tells Telegram to call us.
pub(in crate::telegram) async fn set(api: &Api, hook: &Hook) -> Result<(), Trouble> {
    let url = Url::parse(&hook.url).map_err(|_| Trouble::Here("public_url is no address".to_owned()))?;
    let ask = SetWebhook::new(url).max_connections(1).allowed_updates(WANTED).secret_token(hook.secret.as_str());
    // No certificate of our own goes along, so plain JSON will do.
    api.call(&ask).await?;
    Ok(())
}

/// What Telegram says about its last calls, when updates wait because they failed.
pub(in crate::telegram) fn calls_fail(now: Timestamp, info: &Value) -> Option<String> {
    let recent = info["last_error_date"].as_i64()? > now.seconds() - RECENT;
    let waiting = info["pending_update_count"].as_i64().unwrap_or_default();
    let said: String = info["last_error_message"].as_str().unwrap_or("no reason given").chars().take(200).collect();
    (recent && waiting > 0).then(|| format!("Telegram's calls to public_url fail, {waiting} wait: {said}"))
}
