//! Intake by asking: `getUpdates`, held by Telegram until there is something. Asking for what comes after an update is
//! its acknowledgement, so that is done only when everything before is stored.

use super::api::HOLD;
use super::intake::{Held, Intake, chat_of};
use super::status::{Status, Trouble};
use futures_util::StreamExt;
use futures_util::stream;
use openline_core::StoreError;
use openline_core::clock::Timestamp;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use teloxide::payloads::{DeleteWebhook, GetMe, GetUpdates, GetUpdatesSetters};
use teloxide::types::AllowedUpdate;
use tokio_util::sync::CancellationToken;

/// What we want to be told.
pub(super) const WANTED: [AllowedUpdate; 3] =
    [AllowedUpdate::Message, AllowedUpdate::EditedMessage, AllowedUpdate::MyChatMember];
/// Chats whose updates are taken at the same time: a large file of one visitor holds up nobody else.
const CHATS: usize = 8;
/// After a week without updates Telegram begins their numbers anew; an offset is good for less.
const OFFSET_LIFETIME: Duration = Duration::from_secs(6 * 24 * 3600);

/// Polls until `stop`. Whatever fails is told by `status` and tried again.
pub(super) async fn run(intake: Arc<Intake>, status: &Status, stop: &CancellationToken) {
    let key = format!("offset/{}", intake.settings.bot());
    let mut poll = Poll { intake, key, ready: false, steady: false, offset: None };
    let mut pause = Pause::default();
    while let Some(round) = stop.run_until_cancelled(poll.round(status)).await {
        poll.steady = round.is_ok();
        let inbox = &poll.intake.inbox;
        match round {
            Ok(()) => {
                status.works(inbox);
                pause = Pause::default();
            }
            Err(trouble) => {
                poll.ready = poll.ready && !is_conflict(&trouble);
                status.fails(inbox, trouble.line());
                stop.run_until_cancelled(tokio::time::sleep(pause.next(&trouble))).await;
            }
        }
    }
}

fn is_conflict(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Telegram(failure) if failure.code() == Some(409))
}

/// How long to wait after a failure: 1, 2, 4 … 30 s, or what Telegram says.
#[derive(Default)]
pub(super) struct Pause {
    failures: u32,
}

impl Pause {
    pub(super) fn next(&mut self, trouble: &Trouble) -> Duration {
        let wait = Duration::from_secs(1 << self.failures.min(5)).min(Duration::from_secs(30));
        self.failures += 1;
        match trouble {
            Trouble::Telegram(failure) => failure.retry_after().unwrap_or_default().max(wait),
            Trouble::Here(_) => wait,
        }
    }
}

struct Poll {
    intake: Arc<Intake>,
    /// Where the offset is kept; another bot's numbers are others.
    key: String,
    /// Whether Telegram can be polled: it knows us and calls no webhook.
    ready: bool,
    /// Whether the last round succeeded; if not, Telegram is asked to answer at once, so that health is known soon.
    steady: bool,
    /// The first update that is not taken yet, and since when that is known.
    offset: Option<(i64, Timestamp)>,
}

impl Poll {
    async fn round(&mut self, status: &Status) -> Result<(), Trouble> {
        let intake = Arc::clone(&self.intake);
        if !self.ready {
            self.offset = self.kept().await?;
            status.recall(&intake.inbox).await?;
            status.learn(&intake.inbox, &intake.api.call(&GetMe::new()).await?).await?;
            intake.api.call(&DeleteWebhook::new()).await?;
            self.ready = true;
        }
        let mut ask = GetUpdates::new().timeout(if self.steady { HOLD } else { 0 }).allowed_updates(WANTED);
        let now = intake.inbox.now();
        let offset = self.offset.filter(|(_, since)| since.until(now) < OFFSET_LIFETIME);
        ask.offset = offset.and_then(|(offset, _)| i32::try_from(offset).ok());
        let updates = intake.api.call(&ask).await?;
        self.take(updates.as_array().map(Vec::as_slice).unwrap_or_default()).await
    }

    /// Takes a batch: chats beside each other, updates of a chat in their order. What is before the first that failed
    /// is not asked for again.
    async fn take(&mut self, updates: &[Value]) -> Result<(), Trouble> {
        let intake = &self.intake;
        let mut work = Vec::new();
        for updates in by_chat(updates) {
            work.push(take_chat(intake, updates));
        }
        let results: Vec<_> = stream::iter(work).buffer_unordered(CHATS).collect().await;
        let first = updates.iter().filter_map(number).min();
        let mut next = updates.iter().filter_map(number).max().map(|last| last + 1);
        let mut trouble = None;
        for (failed, held) in results.into_iter().filter_map(Result::err) {
            next = next.min(failed);
            trouble = Some(held);
        }
        if let Some(next) = next.filter(|next| Some(*next) > first) {
            let now = self.intake.inbox.now();
            self.intake.inbox.keep(&self.key, format!("{next} {}", now.0).as_bytes()).await?;
            self.offset = Some((next, now));
        }
        trouble.map_or(Ok(()), |held| Err(held.into()))
    }

    async fn kept(&self) -> Result<Option<(i64, Timestamp)>, StoreError> {
        let kept = self.intake.inbox.remember(&self.key).await?;
        let text = kept.and_then(|kept| String::from_utf8(kept).ok()).unwrap_or_default();
        let parts = text.split_once(' ').and_then(|(offset, at)| Some((offset.parse().ok()?, at.parse().ok()?)));
        Ok(parts.map(|(offset, at)| (offset, Timestamp(at))))
    }
}

fn number(update: &Value) -> Option<i64> {
    update["update_id"].as_i64()
}

/// The updates in their order, those of a chat together.
fn by_chat(updates: &[Value]) -> Vec<Vec<&Value>> {
    let mut chats: Vec<(Option<i64>, Vec<&Value>)> = Vec::new();
    for update in updates {
        let chat = chat_of(update);
        match chats.iter_mut().find(|(known, _)| *known == chat) {
            Some((_, of_chat)) => of_chat.push(update),
            None => chats.push((chat, vec![update])),
        }
    }
    chats.into_iter().map(|(_, updates)| updates).collect()
}

/// Stops at the first that can't be taken, and names it.
async fn take_chat(intake: &Intake, updates: Vec<&Value>) -> Result<(), (Option<i64>, Held)> {
    for update in updates {
        intake.take(update).await.map_err(|held| (number(update), held))?;
    }
    Ok(())
}
