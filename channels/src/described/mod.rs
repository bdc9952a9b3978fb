//! Messengers by description: one TOML file says how a messenger's webhooks are verified and read and how its calls are
//! made, and this engine carries it out (`docs/messengers.md`). Nothing here knows a messenger's name.

mod calls;
mod compile;
mod description;
mod events;
mod expr;
mod file;
mod filters;
mod fixture_file;
mod fixtures;
mod instance;
mod intake;
mod lint;
mod load;
mod loops;
mod memory;
mod parts;
mod progress;
mod registry;
mod running;
mod scope;
mod script;
mod sender;
mod settings;
#[cfg(test)]
mod tests;
mod transport;
mod verdicts;
mod verify;
mod webhook;

pub use compile::Wrong;
pub use fixtures::{Outcome, outcomes};
pub use registry::{Kinds, Problem, Source, new};

use async_trait::async_trait;
use axum::Router;
use description::Description;
use file::Action;
use instance::Instance;
use intake::Intake;
use openline_core::channel::{Capabilities, Host, Outgoing};
use openline_core::weak::Maker;
use openline_core::{Channel, ChannelId, ChannelKind, Check, ConfigError, DeliveryError, VisitorInbox};
use sender::Sender;
use std::sync::{Arc, OnceLock};
use tokio_util::sync::CancellationToken;
use transport::Network;

/// A kind of channel that is a description.
pub struct Kind {
    name: String,
    description: Arc<Description>,
    example: String,
}

impl Kind {
    /// The kind of that name.
    ///
    /// # Errors
    /// What is wrong with the description.
    pub fn read(name: &str, text: &str) -> Result<Self, Wrong> {
        let description = Arc::new(load::load(text)?);
        let example = settings::example(name, &description.summary, &description.settings);
        Ok(Self { name: name.to_owned(), description, example })
    }
}

impl ChannelKind for Kind {
    fn name(&self) -> &str {
        &self.name
    }

    fn summary(&self) -> &str {
        &self.description.summary
    }

    fn example(&self) -> &str {
        &self.example
    }

    fn secrets(&self) -> Vec<(String, Maker)> {
        let settings = self.description.settings.iter();
        settings.filter(|(_, setting)| setting.is_secret()).map(|(name, _)| (name.clone(), Maker::Other)).collect()
    }

    fn build(&self, id: &ChannelId, settings: toml::Table, host: &Host) -> Result<Arc<dyn Channel>, ConfigError> {
        let description = Arc::clone(&self.description);
        let given = settings::read(&description.settings, settings)?;
        let base = description.http.base.text(&given.scope).unwrap_or_default();
        let Description { name, http, .. } = &*description;
        let network = Network::new(name, http.timeout, &base, &http.hosts, &given, &host.folder);
        let network = network.map_err(|(key, problem)| ConfigError::at(key, problem))?;
        let hook = format!("{}/c/{id}/hook", host.public_url);
        let clock = Arc::clone(&host.clock);
        let instance = Instance::new(description, given, &hook, Box::new(network), clock);
        instance.writing().map_err(|error| ConfigError::at("", error.to_string()))?;
        Ok(Arc::new(Described { instance: Arc::new(instance), intake: OnceLock::new() }))
    }
}

/// One channel.
struct Described {
    instance: Arc<Instance>,
    intake: OnceLock<Arc<Intake>>,
}

impl Described {
    fn intake(&self, inbox: VisitorInbox) -> Arc<Intake> {
        let _ = self.instance.inbox.set(inbox.clone());
        Arc::clone(self.intake.get_or_init(|| Arc::new(Intake::new(Arc::clone(&self.instance), inbox))))
    }

    /// Behind the reply, which shall not be late for it.
    fn mark_read(&self, message: Outgoing<'_>) {
        let Some(intake) = self.intake.get().filter(|_| self.instance.description.read.is_some()) else { return };
        let (intake, conversation, item) = (Arc::clone(intake), message.conversation.clone(), message.item.clone());
        let Outgoing { uncertain, attempts, since, .. } = message;
        tokio::spawn(async move {
            let message = Outgoing { conversation: &conversation, item: &item, uncertain, attempts, since };
            Sender { instance: &intake.instance, inbox: &intake.inbox }.mark_read(message).await;
        });
    }

    fn sender(&self) -> Result<Sender<'_>, DeliveryError> {
        let intake = self.intake.get().ok_or_else(|| DeliveryError::retry("the channel is not running yet"))?;
        Ok(Sender { instance: &self.instance, inbox: &intake.inbox })
    }
}

#[async_trait]
impl Channel for Described {
    fn capabilities(&self) -> Capabilities {
        let description = &self.instance.description;
        Capabilities {
            edits: description.edit.is_some(),
            deletes: description.delete.is_some(),
            files: description.ways.len() > 1,
            visitor_edits: description.events.iter().any(|group| group.does(Action::Edit)),
            fixed_order: true,
        }
    }

    async fn send(&self, message: Outgoing<'_>) -> Result<Vec<String>, DeliveryError> {
        let ids = self.sender()?.send(message).await?;
        self.mark_read(message);
        Ok(ids)
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
        let address = self.instance.description.page.text(&self.instance.scope()).ok()?;
        Some(address).filter(|address| address.starts_with("https://"))
    }

    fn health(&self) -> Result<(), String> {
        self.instance.health()
    }

    async fn examine(&self, mend: bool) -> Vec<Check> {
        running::examine(&self.instance, mend).await
    }

    fn routes(self: Arc<Self>, inbox: VisitorInbox) -> Router {
        webhook::routes(self.intake(inbox))
    }

    fn runs_alone(&self) -> bool {
        running::polls(&self.instance, &self.instance.description).is_some()
    }

    async fn run(&self, inbox: VisitorInbox, stop: CancellationToken) -> Result<(), String> {
        running::run(&self.intake(inbox), &stop).await;
        Ok(())
    }
}
