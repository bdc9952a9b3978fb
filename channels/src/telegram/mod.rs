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
use openline_core::channel::{Capabilities, Host, Outgoing};
use openline_core::handover::Continuation;
use openline_core::weak::Maker;
use openline_core::{Channel, ChannelId, ChannelKind, Check, Clock, ConfigError, DeliveryError, VisitorInbox};
use outgoing::sender::Sender;
use settings::{Mode, Settings};
use std::sync::{Arc, OnceLock};
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

    fn build(&self, id: &ChannelId, settings: toml::Table, host: &Host) -> Result<Arc<dyn Channel>, ConfigError> {
        Ok(Arc::new(Telegram::new(id, settings, host)?))
    }
}

/// One bot.
struct Telegram {
    settings: Arc<Settings>,
    api: Arc<Api>,
    hook: Hook,
    status: Status,
    clock: Arc<dyn Clock>,
    /// Known once the program has wired everything, before there is any traffic.
    intake: OnceLock<Arc<Intake>>,
}

impl Telegram {
    fn new(id: &ChannelId, settings: toml::Table, host: &Host) -> Result<Self, ConfigError> {
        let mut settings = Settings::read(settings, &host.public_url, &host.folder)?;
        let api = Api::new(settings.token.clone(), settings.api_url.clone(), std::mem::take(&mut settings.way));
        let (settings, api, hook) = (Arc::new(settings), Arc::new(api), Hook::new(id, host));
        let clock = Arc::clone(&host.clock);
        Ok(Self { settings, api, hook, status: Status::default(), clock, intake: OnceLock::new() })
    }

    fn intake(&self, inbox: VisitorInbox) -> Arc<Intake> {
        let make = || Arc::new(Intake::new(Arc::clone(&self.api), Arc::clone(&self.settings), inbox));
        Arc::clone(self.intake.get_or_init(make))
    }

    fn sender(&self) -> Result<Sender, DeliveryError> {
        let intake = self.intake.get().ok_or_else(|| DeliveryError::retry("the channel is not running yet"))?;
        let (api, settings) = (Arc::clone(&self.api), Arc::clone(&self.settings));
        Ok(Sender { api, settings, inbox: intake.inbox.clone(), numbers: Arc::clone(&intake.numbers) })
    }
}

#[async_trait]
impl Channel for Telegram {
    fn capabilities(&self) -> Capabilities {
        Capabilities { edits: true, deletes: true, files: true, visitor_edits: true, fixed_order: true }
    }

    async fn send(&self, message: Outgoing<'_>) -> Result<Vec<String>, DeliveryError> {
        self.sender()?.send(message).await
    }

    async fn edit(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        self.sender()?.edit(message).await
    }

    async fn delete(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        self.sender()?.delete(message).await
    }

    async fn undelivered(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        self.sender()?.undelivered(message).await
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
        self.intake.get().map_or(Ok(()), |intake| intake.health())
    }

    async fn examine(&self, mend: bool) -> Vec<Check> {
        let way = (self.settings.mode, &self.hook);
        updates::examine::examine(&self.api, &self.status, way, self.clock.now(), mend).await
    }

    fn routes(self: Arc<Self>, inbox: VisitorInbox) -> Router {
        let intake = self.intake(inbox);
        match self.settings.mode {
            Mode::Polling => Router::new(),
            Mode::Webhook => updates::webhook::routes(intake, self.hook.clone()),
        }
    }

    fn runs_alone(&self) -> bool {
        self.settings.mode == Mode::Polling
    }

    async fn run(&self, inbox: VisitorInbox, stop: CancellationToken) -> Result<(), String> {
        let intake = self.intake(inbox);
        match self.settings.mode {
            Mode::Polling => updates::poll::run(intake, &self.status, &stop).await,
            Mode::Webhook => updates::webhook::run(&intake, &self.hook, &self.status, &stop).await,
        }
        Ok(())
    }
}
