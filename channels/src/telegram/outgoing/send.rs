//! Operators' messages on their way to the visitor.
//!
//! Telegram knows no key by which a repeated message would be the same one. So what was sent is written down after each
//! part, before anything else is done. Only when a call's answer is lost (or the program is killed between the answer and
//! that note) the outcome is unknown; then the part is looked for before it is sent again (`find.rs`). Where that can't
//! be told, it is sent: a visitor who reads something twice is better off than one who never reads it.

use crate::common::rich::Rendered;
use crate::common::split::Unit;
use crate::telegram::client::errors::{Failure, delivery};
use crate::telegram::client::upload::{self, LARGEST};
use crate::telegram::outgoing::find::Kept;
use crate::telegram::outgoing::render::{CAPTION, ENTITIES, MESSAGE, divided, entities};
use crate::telegram::outgoing::sender::{Part, Sender, Stopped, message_id, unstored};
use crate::telegram::updates::chats::{self, Spot};
use openline_core::DeliveryError;
use openline_core::channel::Outgoing;
use openline_core::files::Holder;
use openline_core::message::{Content, Conversation};
use std::time::{Duration, Instant};
use teloxide::payloads::{SendMessage, SendMessageSetters};
use teloxide::types::{ChatId, MessageId, ReplyParameters};

/// After this long no further part is begun: core wants an answer within a minute.
const ENOUGH: Duration = Duration::from_secs(8);

impl Sender {
    /// Sends a message in as many parts as it takes; those of an earlier attempt are not sent again.
    pub(in crate::telegram) async fn send(&self, message: Outgoing<'_>) -> Result<Vec<String>, DeliveryError> {
        let parts = plan(&message.item.content, &self.rendered(message));
        if parts.is_empty() {
            return Err(DeliveryError::refused("there is nothing in it that Telegram could show"));
        }
        let (begun, mut kept) = (Instant::now(), self.kept(message).await?);
        let done = kept.ids.len();
        for (i, part) in parts.iter().enumerate().skip(done) {
            if begun.elapsed() > ENOUGH {
                return Err(DeliveryError::retry("the message has more parts"));
            }
            // Only the first of them may have been under way when it became uncertain.
            let found = if i == done { self.found(message, part, &mut kept).await? } else { None };
            let id = match found {
                // It is the newest now: the next message must not be looked for in its place.
                Some(id) => {
                    let chat = self.chat(message.conversation).await?;
                    self.sent(&message.conversation.chat, chat, id).await;
                    id
                }
                None => self.begin(message, part, i == done, &mut kept).await?,
            };
            self.note_sent(message, id, &mut kept).await;
        }
        Ok(kept.ids.iter().map(ToString::to_string).collect())
    }

    /// Sends a part. Of the first it is written down that it is being sent, of others that was done with the one before.
    async fn begin(
        &self,
        message: Outgoing<'_>,
        part: &Part,
        first: bool,
        kept: &mut Kept,
    ) -> Result<i64, DeliveryError> {
        if first {
            if message.uncertain && kept.after.is_some() {
                tracing::warn!(item = %message.item.id, "a part was not found in the chat, sending it again");
            }
            kept.after = self.newest(&message.conversation.chat, self.chat(message.conversation).await?).await?;
            self.keep(message, kept).await?;
        }
        self.part(message, part).await
    }

    pub(in crate::telegram) fn rendered(&self, message: Outgoing<'_>) -> Rendered {
        let author = message.item.author.as_deref().filter(|_| self.settings.operator_names);
        let text = &message.item.content.text;
        Rendered::of(text, author.filter(|author| !author.trim().is_empty() && !text.is_empty()))
    }

    /// When this fails, what was sent counts nevertheless: it would be doubled otherwise.
    async fn note_sent(&self, message: Outgoing<'_>, id: i64, kept: &mut Kept) {
        kept.ids.push(id);
        kept.after = Some(id);
        if let Err(error) = self.keep(message, kept).await {
            tracing::warn!(%error, "it could not be written down what was sent");
        }
    }

    async fn part(&self, message: Outgoing<'_>, part: &Part) -> Result<i64, DeliveryError> {
        let spot = self.spot(message.conversation).await?;
        let (chat, sent) = match self.part_to(spot, message, part).await {
            Err(Stopped::There(failure)) if failure.moved_to().is_some() => {
                let new = failure.moved_to().unwrap_or(spot.chat);
                chats::moved(&self.inbox, spot.chat, new).await.map_err(unstored)?;
                (new, self.part_to(spot.moved_to(new), message, part).await)
            }
            other => (spot.chat, other),
        };
        let id = sent.map_err(|stopped| match stopped {
            Stopped::There(failure) => delivery(&failure),
            Stopped::Here(error) => error,
        })?;
        self.sent(&message.conversation.chat, chat, id).await;
        Ok(id)
    }

    async fn part_to(&self, spot: Spot, message: Outgoing<'_>, part: &Part) -> Result<i64, Stopped> {
        match part {
            Part::Text(text) => Ok(self.text(spot, text).await?),
            Part::File { index, caption } => match upload::file(self, spot, message, *index, caption.as_ref()).await {
                Err(Stopped::Here(DeliveryError::Unsupported)) => {
                    Ok(self.text(spot, &self.link(message, *index, caption.as_ref())?).await?)
                }
                other => other,
            },
        }
    }

    /// Sends a text; without its formatting when Telegram does not like that.
    pub(in crate::telegram) async fn text(&self, spot: Spot, text: &Rendered) -> Result<i64, Failure> {
        let mut plain = SendMessage::new(ChatId(spot.chat), text.text.as_str());
        plain.message_thread_id = spot.thread();
        let formatted = plain.clone().entities(entities(text));
        let sent = match self.api.call(&formatted).await {
            Err(failure) if failure.is_about_entities() => self.api.call(&plain).await,
            other => other,
        };
        message_id(&sent?)
    }

    /// What stands for a file that is too large for Telegram.
    fn link(&self, message: Outgoing<'_>, index: usize, caption: Option<&Rendered>) -> Result<Rendered, Stopped> {
        let url = self.inbox.file_url(message.item, message.conversation.id, index, Holder::Messenger);
        let (Some(url), Some(file)) = (url, message.item.content.files.get(index)) else {
            let problem = format!("Telegram takes files up to {} MB", LARGEST / 1_000_000);
            return Err(Stopped::Here(DeliveryError::refused(problem)));
        };
        let mut text = caption.cloned().unwrap_or_default();
        let line = if text.text.is_empty() { "" } else { "\n" };
        text.text.push_str(&format!("{line}{}: {url}", file.name));
        Ok(text)
    }

    /// Tells a visitor that a message of theirs was given up, as a reply to it.
    pub(in crate::telegram) async fn undelivered(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        let text = &self.settings.undelivered_text;
        if text.trim().is_empty() {
            return Ok(());
        }
        let spot = self.spot(message.conversation).await?;
        let mut payload = SendMessage::new(ChatId(spot.chat), text);
        payload.message_thread_id = spot.thread();
        // In a group that moved meanwhile it has another number.
        let number = message.item.key.rsplit('/').next().and_then(|number| number.parse().ok());
        payload.reply_parameters = number.map(|id| ReplyParameters::new(MessageId(id)).allow_sending_without_reply());
        let sent = self.api.call(&payload).await.and_then(|sent| message_id(&sent));
        self.sent(&message.conversation.chat, spot.chat, sent.map_err(|failure| delivery(&failure))?).await;
        Ok(())
    }

    /// The chat in which a conversation is at Telegram.
    pub(in crate::telegram) async fn chat(&self, conversation: &Conversation) -> Result<i64, DeliveryError> {
        self.spot(conversation).await.map(|spot| spot.chat)
    }

    /// Where a conversation is at Telegram.
    pub(in crate::telegram) async fn spot(&self, conversation: &Conversation) -> Result<Spot, DeliveryError> {
        let first = chats::spot(&conversation.chat);
        let first = first.ok_or_else(|| DeliveryError::refused("this conversation is not one of Telegram"))?;
        Ok(first.moved_to(chats::now_at(&self.inbox, first.chat).await.map_err(unstored)?))
    }
}

/// A short text goes along with the first file, a long one before the files.
fn plan(content: &Content, text: &Rendered) -> Vec<Part> {
    let too_large =
        |index: usize| content.files.get(index).and_then(|file| file.size).is_some_and(|size| size > LARGEST);
    let along = !content.files.is_empty()
        && !text.is_blank()
        && Unit::Utf16.length(&text.text) <= CAPTION
        && text.marks.len() <= ENTITIES
        && !too_large(0);
    let texts = if along { Vec::new() } else { divided(text, MESSAGE) };
    let files = (0..content.files.len())
        .map(|index| Part::File { index, caption: (along && index == 0).then(|| text.clone()) });
    texts.into_iter().map(Part::Text).chain(files).collect()
}
