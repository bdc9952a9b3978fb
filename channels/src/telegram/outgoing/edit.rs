//! Operators' changes to what was delivered.
//!
//! A text may need more messages than before, or fewer. Which ones it has then is kept under the message's id; without
//! such a note they are the first of `delivered_as`, the files follow.

use crate::common::rich::Rendered;
use crate::telegram::client::errors::{Failure, delivery};
use crate::telegram::outgoing::render::{CAPTION, MESSAGE, divided, entities};
use crate::telegram::outgoing::sender::{Sender, unstored};
use openline_core::DeliveryError;
use openline_core::channel::Outgoing;
use openline_core::message::Item;
use serde_json::Value;
use teloxide::payloads::{
    DeleteMessage, EditMessageCaption, EditMessageCaptionSetters, EditMessageText, EditMessageTextSetters,
};
use teloxide::types::{ChatId, MessageId};

/// Where an item's text is at Telegram.
struct Posted {
    /// The messages, in order.
    ids: Vec<i64>,
    /// The first one is a file with a caption.
    captioned: bool,
}

impl Sender {
    /// Brings the delivered messages to the present text. What never arrived stays so: sending it again is decided
    /// elsewhere, and it takes the new text then.
    pub(in crate::telegram) async fn edit(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        if message.item.delivered_as.is_empty() {
            return Ok(());
        }
        let spot = self.spot(message.conversation).await?;
        let chat = spot.chat;
        let mut place = self.place(message).await?;
        let before = place.ids.clone();
        let parts = divided(&self.rendered(message), if place.captioned { CAPTION } else { MESSAGE });
        for (i, part) in parts.iter().enumerate() {
            if let Some(id) = place.ids.get(i) {
                self.change(chat, *id, part, place.captioned && i == 0).await.map_err(|f| delivery(&f))?;
            } else {
                let id = self.text(spot, part).await.map_err(|failure| delivery(&failure))?;
                self.sent(&message.conversation.chat, chat, id).await;
                place.ids.push(id);
                self.keep_place(message, &place.ids).await?;
            }
        }
        while place.ids.len() > parts.len() {
            let last = place.ids[place.ids.len() - 1];
            if place.captioned && place.ids.len() == 1 {
                self.change(chat, last, &Rendered::default(), true).await.map_err(|failure| delivery(&failure))?;
                break;
            }
            self.remove(chat, last).await?;
            place.ids.pop();
        }
        if place.ids == before { Ok(()) } else { self.keep_place(message, &place.ids).await }
    }

    /// Takes everything back that the message has become.
    pub(in crate::telegram) async fn delete(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        let chat = self.chat(message.conversation).await?;
        let mut ids = numbers(message.item);
        ids.extend(self.kept_place(message).await?.unwrap_or_default());
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            self.remove(chat, id).await?;
        }
        self.inbox.forget_of(&message.conversation.chat, &key(message.item)).await.map_err(unstored)
    }

    /// A change to what is there already is done.
    pub(in crate::telegram) async fn change(
        &self,
        chat: i64,
        id: i64,
        part: &Rendered,
        caption: bool,
    ) -> Result<(), Failure> {
        match self.change_to(chat, id, part, caption, true).await {
            Err(failure) if failure.is_about_entities() => self.change_to(chat, id, part, caption, false).await,
            other => other,
        }
    }

    async fn change_to(
        &self,
        chat: i64,
        id: i64,
        part: &Rendered,
        caption: bool,
        formatted: bool,
    ) -> Result<(), Failure> {
        let (chat, id) = (ChatId(chat), message(id));
        let entities = if formatted { entities(part) } else { Vec::new() };
        let done = if caption {
            let payload = EditMessageCaption::new(chat, id).caption(part.text.as_str()).caption_entities(entities);
            self.api.call(&payload).await
        } else {
            self.api.call(&EditMessageText::new(chat, id, part.text.as_str()).entities(entities)).await
        };
        match done {
            Err(failure) if failure.says("not modified") => Ok(()),
            other => other.map(|_| ()),
        }
    }

    async fn remove(&self, chat: i64, id: i64) -> Result<(), DeliveryError> {
        match self.api.call(&DeleteMessage::new(ChatId(chat), message(id))).await {
            Err(failure) if failure.says("to delete not found") => Ok(()),
            other => other.map(|_| ()).map_err(|failure| delivery(&failure)),
        }
    }

    async fn place(&self, message: Outgoing<'_>) -> Result<Posted, DeliveryError> {
        let item = message.item;
        let all = numbers(item);
        let texts = all.len().saturating_sub(item.content.files.len());
        let captioned = texts == 0 && !all.is_empty();
        let ids = self.kept_place(message).await?;
        let ids = ids.unwrap_or_else(|| all.into_iter().take(if captioned { 1 } else { texts }).collect());
        Ok(Posted { ids, captioned })
    }

    async fn kept_place(&self, message: Outgoing<'_>) -> Result<Option<Vec<i64>>, DeliveryError> {
        let kept = self.inbox.remember_of(&message.conversation.chat, &key(message.item)).await.map_err(unstored)?;
        let kept: Option<Value> = kept.and_then(|kept| serde_json::from_slice(&kept).ok());
        Ok(kept.map(|kept| kept.as_array().into_iter().flatten().filter_map(Value::as_i64).collect()))
    }

    async fn keep_place(&self, message: Outgoing<'_>, ids: &[i64]) -> Result<(), DeliveryError> {
        let kept = serde_json::to_vec(ids).unwrap_or_default();
        self.inbox.keep_of(&message.conversation.chat, &key(message.item), &kept).await.map_err(unstored)
    }
}

fn numbers(item: &Item) -> Vec<i64> {
    item.delivered_as.iter().filter_map(|id| id.parse().ok()).collect()
}

/// Telegram's message ids fit; one that does not names no message.
pub(in crate::telegram) fn message(id: i64) -> MessageId {
    MessageId(i32::try_from(id).unwrap_or_default())
}

fn key(item: &Item) -> String {
    format!("texts/{}", item.id)
}
