//! The HTTP API for everything that has no kind of its own: messengers, apps and back offices post what visitors write,
//! and get the operators' messages by signed webhooks or by asking (`docs/api-channel.md`).

mod chats;
mod error;
mod input;
mod openapi;
mod receipts;
mod settings;
mod upload;
mod web;
mod webhook;
mod wire;

use async_trait::async_trait;
use axum::Router;
use openline_core::channel::{Capabilities, Host, Outgoing};
use openline_core::limits::Limits;
use openline_core::message::State;
use openline_core::weak::Maker;
use openline_core::{Channel, ChannelId, ChannelKind, ConfigError, DeliveryError, VisitorInbox};
use serde_json::json;
use settings::Settings;
use std::sync::{Arc, OnceLock};
use webhook::{Event, Told, Webhook};
use wire::WireMessage;

/// `kind = "api"`.
pub struct Kind;

impl ChannelKind for Kind {
    fn name(&self) -> &'static str {
        "api"
    }

    fn summary(&self) -> &'static str {
        "any messenger, app or back office, by HTTP and signed webhooks"
    }

    fn example(&self) -> &'static str {
        include_str!("example.toml")
    }

    fn secrets(&self) -> Vec<(String, Maker)> {
        vec![("token".to_owned(), Maker::Own), ("webhook_secret".to_owned(), Maker::Own)]
    }

    fn build(&self, id: &ChannelId, settings: toml::Table, host: &Host) -> Result<Arc<dyn Channel>, ConfigError> {
        let Settings { tokens, target } = Settings::read(settings)?;
        let endpoint = format!("{}/c/{id}", host.public_url);
        let openapi = openapi::document(&endpoint);
        let webhook = target.map(Webhook::new);
        let limits = Arc::clone(&host.limits);
        Ok(Arc::new(Api { tokens, webhook, endpoint, openapi, limits, inbox: OnceLock::new() }))
    }
}

/// One instance.
struct Api {
    tokens: crate::common::bearer::Tokens,
    /// Without one, callers ask for what is new.
    webhook: Option<Webhook>,
    endpoint: String,
    openapi: String,
    limits: Arc<Limits>,
    inbox: OnceLock<VisitorInbox>,
}

impl Api {
    /// Posts an event; the ids that the receiver gave. Nothing to do without a webhook: callers read from the store.
    async fn tell(&self, event: Event, message: Outgoing<'_>) -> Result<Vec<String>, DeliveryError> {
        let own = vec![message.item.id.to_string()];
        let Some(webhook) = &self.webhook else { return Ok(own) };
        let inbox = self.inbox.get().ok_or_else(|| DeliveryError::retry("not started yet"))?;
        let conversation = message.conversation;
        let chat = chats::original(inbox, &conversation.chat).await;
        let chat = chat.map_err(|error| DeliveryError::retry(error.to_string()))?;
        let wire = WireMessage::new(message.item, conversation.id, inbox);
        let data = json!({ "channel": conversation.channel, "chat": chat, "message": wire });
        let told = Told { id: event.id(message), event, since: message.since, attempts: message.attempts };
        let ids = webhook.post(&told, &data, inbox.now()).await?;
        Ok(if ids.is_empty() { own } else { ids })
    }
}

#[async_trait]
impl Channel for Api {
    fn capabilities(&self) -> Capabilities {
        Capabilities { edits: true, deletes: true, files: true, visitor_edits: true, fixed_order: true }
    }

    async fn send(&self, message: Outgoing<'_>) -> Result<Vec<String>, DeliveryError> {
        self.tell(Event::Created, message).await
    }

    async fn edit(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        self.tell(Event::Edited, message).await.map(|_| ())
    }

    async fn delete(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        self.tell(Event::Deleted, message).await.map(|_| ())
    }

    async fn undelivered(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        // As it is now: that it was given up has changed its revision.
        let inbox = self.inbox.get().ok_or_else(|| DeliveryError::retry("not started yet"))?;
        let item = inbox.item(message.conversation.id, message.item.id).await;
        match item.map_err(|error| DeliveryError::retry(error.to_string()))? {
            Some(item) if item.state == State::Failed => {
                self.tell(Event::Failed, Outgoing { item: &item, since: inbox.now(), ..message }).await.map(|_| ())
            }
            // Sent again or erased meanwhile.
            _ => Ok(()),
        }
    }

    fn endpoint(&self) -> Option<String> {
        Some(self.endpoint.clone())
    }

    fn health(&self) -> Result<(), String> {
        self.webhook.as_ref().and_then(Webhook::trouble).map_or(Ok(()), Err)
    }

    fn routes(self: Arc<Self>, inbox: VisitorInbox) -> Router {
        let _ = self.inbox.set(inbox.clone());
        web::router(self, inbox)
    }
}
