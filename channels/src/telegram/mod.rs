//! A Telegram bot: visitors write to it, operators answer through it (`docs/telegram.md`).

mod client;
mod incoming;
mod outgoing;
mod settings;
#[cfg(test)]
mod tests;
mod updates;

use async_trait::async_trait;
use axum::Router;
use client::api::Api;
use client::status::Status;
use openline_core::channel::{Capabilities, Host, Outgoing, Plan};
use openline_core::handover::Continuation;
use openline_core::weak::Maker;
use openline_core::{Channel, ChannelId, ChannelKind, Check, Clock, ConfigError, DeliveryError, VisitorInbox};
use outgoing::sender::Sender;
use settings::{Mode, Settings};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use updates::way_in::Intake;
use updates::webhook::Hook;

/// `kind = "telegram"`.
pub struct Kind;

impl ChannelKind for Kind {
    fn name(&self) -> &'static str {
        "telegram"
    }

    fn summary(&self) -> &'static str {
        "a Telegram bot, by polling or webhook"
    }

    fn example(&self) -> &'static str {
        include_str!("example.toml")
    }

    fn secrets(&self) -> Vec<(String, Maker)> {
        vec![("token".to_owned(), Maker::Other)]
    }

    fn read(&self, id: &ChannelId, settings: toml::Table, host: &Host) -> Result<Plan, ConfigError> {
        let settings = Settings::read(settings, &host.public_url, &host.folder)?;
        let (polls, hook, clock) = (settings.mode == Mode::Polling, Hook::new(id, host), Arc::clone(&host.clock));
        Ok(Plan::new(CAN, |inbox| Telegram::new(settings, hook, clock, inbox)).alone(polls))
    }
}

/// What every bot can do.
const CAN: Capabilities =
    Capabilities { edits: true, deletes: true, files: true, visitor_edits: true, fixed_order: true };

/// One bot.
struct Telegram {
    hook: Hook,
    status: Status,
    clock: Arc<dyn Clock>,
    intake: Arc<Intake>,
}

impl Telegram {
    fn new(settings: Settings, hook: Hook, clock: Arc<dyn Clock>, inbox: VisitorInbox) -> Result<Self, ConfigError> {
        let api = Api::new(&settings.token, &settings.api_url, &settings.way)?;
        let intake = Arc::new(Intake::new(Arc::new(api), Arc::new(settings), inbox));
        Ok(Self { hook, status: Status::default(), clock, intake })
    }

    fn mode(&self) -> Mode {
        self.intake.settings.mode
    }

    fn sender(&self) -> Sender {
        let Intake { api, settings, inbox, numbers, .. } = &*self.intake;
        let (api, settings, numbers) = (Arc::clone(api), Arc::clone(settings), Arc::clone(numbers));
        Sender { api, settings, inbox: inbox.clone(), numbers }
    }
}

#[async_trait]
impl Channel for Telegram {
    async fn send(&self, message: Outgoing<'_>) -> Result<Vec<String>, DeliveryError> {
        self.sender().send(message).await
    }

    async fn edit(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        self.sender().edit(message).await
    }

    async fn delete(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        self.sender().delete(message).await
    }

    async fn undelivered(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        self.sender().undelivered(message).await
    }

    fn public_address(&self) -> Option<String> {
        self.status.address()
    }

    fn continue_at(&self, word: &str) -> Option<Continuation> {
        let address = self.status.address()?;
        let which = format!("@{}", address.rsplit('/').next().unwrap_or_default());
        Some(Continuation { name: "Telegram".to_owned(), which, url: format!("{address}?start={word}") })
    }

    fn health(&self) -> Result<(), String> {
        self.status.health()?;
        self.intake.health()
    }

    async fn examine(&self, mend: bool) -> Vec<Check> {
        let way = (self.mode(), &self.hook);
        updates::examine::examine(&self.intake.api, &self.status, way, self.clock.now(), mend).await
    }

    fn routes(self: Arc<Self>) -> Router {
        match self.mode() {
            Mode::Polling => Router::new(),
            Mode::Webhook => updates::webhook::routes(Arc::clone(&self.intake), self.hook.clone()),
        }
    }

    async fn run(&self, stop: CancellationToken) -> Result<(), String> {
        match self.mode() {
            Mode::Polling => updates::poll::run(Arc::clone(&self.intake), &self.status, &stop).await,
            Mode::Webhook => updates::webhook::run(&self.intake, &self.hook, &self.status, &stop).await,
        }
        Ok(())
    }
}
