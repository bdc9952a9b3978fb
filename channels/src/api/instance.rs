//! One configured instance, and how it tells the other side.

use super::chats;
use super::webhook::{Event, Told, Webhook};
use super::wire::{EventData, WireMessage};
use openline_core::channel::Outgoing;
use openline_core::limits::Limits;
use openline_core::{DeliveryError, VisitorInbox};
use std::sync::Arc;

/// One instance.
pub(super) struct Api {
    pub(super) tokens: crate::common::bearer::Tokens,
    /// Without one, callers ask for what is new.
    pub(super) webhook: Option<Webhook>,
    pub(super) endpoint: String,
    pub(super) openapi: axum::body::Bytes,
    pub(super) limits: Arc<Limits>,
    pub(super) inbox: VisitorInbox,
}

impl Api {
    /// Posts an event; the ids that the receiver gave. Nothing to do without a webhook: callers read from the store.
    pub(super) async fn tell(&self, event: Event, message: Outgoing<'_>) -> Result<Vec<String>, DeliveryError> {
        let own = vec![message.item.id.to_string()];
        let Some(webhook) = &self.webhook else { return Ok(own) };
        let conversation = message.conversation;
        let chat = chats::original(&self.inbox, &conversation.chat).await;
        let chat = chat.map_err(|error| DeliveryError::retry(error.to_string()))?;
        let wire = WireMessage::new(message.item, conversation.id, &self.inbox);
        let data = EventData { channel: &conversation.channel, chat: &chat, message: wire };
        let told = Told { id: event.id(message), event, since: message.since, attempts: message.attempts };
        let ids = webhook.post(&told, data, self.inbox.now()).await?;
        Ok(if ids.is_empty() { own } else { ids })
    }
}
