//! Messengers by description: one TOML file says how a messenger's webhooks are verified and read and how its calls are
//! made, and this engine carries it out (`docs/messengers.md`). Nothing here knows a messenger's name.

mod caller;
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
use caller::Caller;
use description::Description;
use file::Action;
use instance::Instance;
use intake::Intake;
use minijinja::Value;
use openline_core::channel::{Capabilities, Host, Outgoing, Plan};
use openline_core::weak::Maker;
use openline_core::{Channel, ChannelId, ChannelKind, Check, ConfigError, DeliveryError, VisitorInbox};
use parts::Writing;
use sender::Sender;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use transport::{Network, Route};

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

    fn read(&self, id: &ChannelId, settings: toml::Table, host: &Host) -> Result<Plan, ConfigError> {
        let description = Arc::clone(&self.description);
        let given = settings::read(&description.settings, settings)?;
        let route = Route::read(&description, &given, &host.folder)?;
        let (hook, clock) = (format!("{}/c/{id}/hook", host.public_url), Arc::clone(&host.clock));
        let scope = caller::at(&caller::base(&given, &hook), clock.now(), Value::UNDEFINED);
        Writing::of(&description, &scope).map_err(|problem| ConfigError::at("", problem))?;
        let polls = running::polls(&description, &scope).is_some();
        let build = move |inbox: VisitorInbox| {
            let (network, keeper) = (Box::new(Network::by(route)?), Box::new(inbox.clone()));
            let caller = Caller::new(description, given, &hook, network, clock, keeper);
            Ok(Described { intake: Arc::new(Intake::new(Instance::new(caller, inbox))) })
        };
        Ok(Plan::new(self.can(), build).alone(polls))
    }
}

impl Kind {
    fn can(&self) -> Capabilities {
        let description = &self.description;
        Capabilities {
            edits: description.edit.is_some(),
            deletes: description.delete.is_some(),
            files: description.ways.len() > 1,
            visitor_edits: description.events.iter().any(|group| group.does(Action::Edit)),
            fixed_order: true,
        }
    }
}

/// One channel.
struct Described {
    intake: Arc<Intake>,
}

impl Described {
    fn instance(&self) -> &Instance {
        &self.intake.instance
    }

    /// Behind the reply, which shall not be late for it.
    fn mark_read(&self, message: Outgoing<'_>) {
        if self.instance().description.read.is_none() {
            return;
        }
        let (intake, conversation, item) =
            (Arc::clone(&self.intake), message.conversation.clone(), message.item.clone());
        let Outgoing { uncertain, attempts, since, .. } = message;
        tokio::spawn(async move {
            let message = Outgoing { conversation: &conversation, item: &item, uncertain, attempts, since };
            Sender { instance: &intake.instance }.mark_read(message).await;
        });
    }

    fn sender(&self) -> Sender<'_> {
        Sender { instance: self.instance() }
    }
}

#[async_trait]
impl Channel for Described {
    async fn send(&self, message: Outgoing<'_>) -> Result<Vec<String>, DeliveryError> {
        let ids = self.sender().send(message).await?;
        self.mark_read(message);
        Ok(ids)
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
        let address = self.instance().description.page.text(&self.instance().scope()).ok()?;
        Some(address).filter(|address| address.starts_with("https://"))
    }

    fn health(&self) -> Result<(), String> {
        self.instance().health()
    }

    async fn examine(&self, mend: bool) -> Vec<Check> {
        running::examine(self.instance(), mend).await
    }

    fn routes(self: Arc<Self>) -> Router {
        webhook::routes(Arc::clone(&self.intake))
    }

    async fn run(&self, stop: CancellationToken) -> Result<(), String> {
        running::run(&self.intake, &stop).await;
        Ok(())
    }
}
