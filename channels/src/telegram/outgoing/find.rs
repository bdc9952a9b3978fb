//! Whether a message whose answer was lost has arrived.
//!
//! Bots can't read a chat back, but they can try to change what is in it: of a message of the bot's own to which nothing
//! would change, Telegram says "message is not modified", of any other that it is not there or not the bot's. Numbers
//! only go up: in a supergroup for itself, in all other chats of a bot together. So what was sent after number N is
//! looked for behind N, which is written down before anything is sent.

use crate::telegram::client::errors::{Failure, delivery};
use crate::telegram::outgoing::edit;
use crate::telegram::outgoing::numbers::{Newest, Numbers, scope};
use crate::telegram::outgoing::sender::{Part, Sender, unstored};
use crate::telegram::updates::chats;
use openline_core::channel::Outgoing;
use openline_core::{ChatId, DeliveryError, StoreError};
use serde_json::{Value, json};
use teloxide::payloads::EditMessageReplyMarkup;
use teloxide::types::ChatId as Number;

/// How far behind a number is looked: core has so many messages of a channel under way at once.
const FAR: i64 = 64;
/// After so many failed attempts nothing is looked for any more: this server can't tell.
const LOOKS: u32 = 8;
/// Under which name it is kept of a chat what was sent of its last message.
const SENT: &str = "sent";
impl Numbers {
    /// Notes that a message was sent, for the next start too: what is already there must never be taken for another one.
    /// When that can't be kept, it was sent nevertheless.
    async fn sent(&self, sender: &Sender, of: &ChatId, chat: i64, number: i64) {
        self.saw(chat, number);
        if let Err(error) = self.newest(sender, of, chat).await {
            tracing::warn!(%error, "it could not be written down what was sent");
        }
    }

    /// The newest number, kept for the next start: of a supergroup until the conversation `of` it is erased. `None` when none
    /// is known.
    async fn newest(&self, sender: &Sender, of: &ChatId, chat: i64) -> Result<Option<i64>, StoreError> {
        let (inbox, bot) = (&sender.inbox, sender.settings.bot());
        let key = format!("newest/{bot}/{}", scope(chat));
        let mut newest = self.change(chat, |_| {});
        if newest.kept.is_none() {
            let kept = chats::read(inbox, &key).await?.unwrap_or_default();
            newest = self.change(chat, |newest| *newest = Newest { seen: newest.seen.max(kept), kept: Some(kept) });
        }
        if newest.kept < Some(newest.seen) {
            let value = newest.seen.to_string();
            match scope(chat) {
                0 => inbox.keep(&key, value.as_bytes()).await?,
                _ => inbox.keep_with(of, &key, value.as_bytes()).await?,
            }
            self.change(chat, |now| now.kept = now.kept.max(Some(newest.seen)));
        }
        Ok(Some(newest.seen).filter(|seen| *seen > 0))
    }
}

/// What is kept of the message that is being sent in a conversation.
#[derive(Default)]
pub(in crate::telegram) struct Kept {
    /// The numbers of its parts that were sent.
    pub(in crate::telegram) ids: Vec<i64>,
    /// The newest number before the part after those was sent; none if it never was.
    pub(in crate::telegram) after: Option<i64>,
}

/// What a number turned out to be.
#[derive(Debug, PartialEq, Eq)]
enum Look {
    /// The part that is looked for.
    It,
    Another,
    /// This server does not tell.
    Unclear,
}

impl Sender {
    /// One note for each conversation: its messages go one after another, so an older note is of one that is settled.
    pub(in crate::telegram) async fn kept(&self, message: Outgoing<'_>) -> Result<Kept, DeliveryError> {
        let kept = self.inbox.remember_of(&message.conversation.chat, SENT).await.map_err(unstored)?;
        let kept: Value = kept.and_then(|kept| serde_json::from_slice(&kept).ok()).unwrap_or_default();
        if kept["message"].as_i64() != Some(message.item.id.0) {
            return Ok(Kept::default());
        }
        let ids = kept["ids"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(Kept { ids: ids.iter().filter_map(Value::as_i64).collect(), after: kept["after"].as_i64() })
    }

    /// Writes down what was sent, and behind which number the next part will be.
    pub(in crate::telegram) async fn keep(&self, message: Outgoing<'_>, kept: &Kept) -> Result<(), DeliveryError> {
        let note = json!({ "message": message.item.id.0, "ids": kept.ids, "after": kept.after }).to_string();
        self.inbox.keep_of(&message.conversation.chat, SENT, note.as_bytes()).await.map_err(unstored)
    }

    /// The number behind which the next message of a chat will be.
    pub(in crate::telegram) async fn newest(&self, of: &ChatId, chat: i64) -> Result<Option<i64>, DeliveryError> {
        self.numbers.newest(self, of, chat).await.map_err(unstored)
    }

    /// Notes a message that was sent.
    pub(in crate::telegram) async fn sent(&self, of: &ChatId, chat: i64, number: i64) {
        self.numbers.sent(self, of, chat, number).await;
    }

    /// Looks for a part behind a number. What is found out is kept, so that a look that is broken off goes on from there.
    pub(in crate::telegram) async fn found(
        &self,
        message: Outgoing<'_>,
        part: &Part,
        kept: &mut Kept,
    ) -> Result<Option<i64>, DeliveryError> {
        let Some(after) = kept.after.filter(|_| message.uncertain && message.attempts < LOOKS) else { return Ok(None) };
        let chat = self.chat(message.conversation).await?;
        for number in after + 1..=after + FAR {
            match self.look(chat, number, part).await {
                Ok(Look::It) => return Ok(Some(number)),
                Ok(Look::Another) => kept.after = Some(number),
                Ok(Look::Unclear) => return Ok(None),
                Err(failure) => {
                    self.keep(message, kept).await?;
                    return Err(later(&failure));
                }
            }
        }
        Ok(None)
    }

    /// Buttons are never put to a message, so taking them away changes nothing, whatever it is. Only then its content is
    /// compared, by an edit to what it should be.
    async fn look(&self, chat: i64, number: i64, part: &Part) -> Result<Look, Failure> {
        let untouched = EditMessageReplyMarkup::new(Number(chat), edit::message(number));
        match self.api.call(&untouched).await {
            Err(failure) if is_same(&failure) => {}
            other => return verdict(other.map(|_| Look::Unclear)),
        }
        let (text, caption) = match part {
            Part::Text(text) => (text.clone(), false),
            Part::File { caption, .. } => (caption.clone().unwrap_or_default(), true),
        };
        verdict(self.change(chat, number, &text, caption).await.map(|()| Look::It))
    }
}

fn is_same(failure: &Failure) -> bool {
    failure.says("not modified")
}

/// That a message is not there, not the bot's or not of this sort is an answer; that the server is away is none.
fn verdict(answer: Result<Look, Failure>) -> Result<Look, Failure> {
    match answer {
        Err(failure) if failure.code() == Some(400) && failure.says("message") => Ok(Look::Another),
        Err(Failure::Answer { code: 400..=428, .. } | Failure::Page(_)) => Ok(Look::Unclear),
        other => other,
    }
}

/// A look whose outcome is unknown has changed nothing.
fn later(failure: &Failure) -> DeliveryError {
    match delivery(failure) {
        DeliveryError::Unknown { reason } => DeliveryError::retry(reason),
        other => other,
    }
}
