//! The HTTP API for everything that has no kind of its own: messengers, apps and back offices post what visitors write,
//! and get the operators' messages by signed webhooks or by asking (`docs/api-channel.md`).

mod answer;
mod chats;
mod error;
mod input;
mod instance;
mod messages;
mod openapi;
mod receipts;
mod settings;
mod upload;
mod web;
mod webhook;
mod wire;

use async_trait::async_trait;
use axum::Router;
use instance::Api;
use openline_core::channel::{Capabilities, Host, Outgoing, Plan};
use openline_core::message::State;
use openline_core::weak::Maker;
use openline_core::{Channel, ChannelId, ChannelKind, ConfigError, DeliveryError};
use settings::Settings;
use std::sync::Arc;
use webhook::{Event, Webhook};

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

    fn read(&self, id: &ChannelId, settings: toml::Table, host: &Host) -> Result<Plan, ConfigError> {
        let Settings { tokens, target } = Settings::read(settings)?;
        let endpoint = format!("{}/c/{id}", host.public_url);
        let limits = Arc::clone(&host.limits);
        Ok(Plan::new(CAN, |inbox| {
            let openapi = openapi::document(&endpoint).into();
            let webhook = target.map(Webhook::new).transpose()?;
            Ok(Api { tokens, webhook, endpoint, openapi, limits, inbox })
        }))
    }
}

/// What every instance can do.
const CAN: Capabilities =
    Capabilities { edits: true, deletes: true, files: true, visitor_edits: true, fixed_order: true };

#[async_trait]
impl Channel for Api {
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
        let item = self.inbox.item(message.conversation.id, message.item.id).await;
        match item.map_err(|error| DeliveryError::retry(error.to_string()))? {
            Some(item) if item.state == State::Failed => {
                self.tell(Event::Failed, Outgoing { item: &item, since: self.inbox.now(), ..message }).await.map(|_| ())
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

    fn routes(self: Arc<Self>) -> Router {
        web::router(self)
    }
}
