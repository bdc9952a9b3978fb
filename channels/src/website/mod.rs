//! The website chat: a hosted page that works with and without JavaScript, and the JSON API behind it
//! (`docs/website-api.md`).
//!
//! Visitors read straight from the store, so an operator's message is delivered when it is stored.

mod api;
mod error;
mod page;
mod session;
mod settings;
mod site;
mod welcome;

use async_trait::async_trait;
use axum::Router;
use openline_core::channel::{Capabilities, Host, Outgoing};
use openline_core::{Channel, ChannelId, ChannelKind, ConfigError, DeliveryError, VisitorInbox};
use settings::Settings;
use site::Site;
use std::sync::Arc;

/// `kind = "website"`.
pub struct Kind;

impl ChannelKind for Kind {
    fn name(&self) -> &'static str {
        "website"
    }

    fn summary(&self) -> &'static str {
        "a chat on your website: hosted page and JSON API"
    }

    fn example(&self) -> &'static str {
        include_str!("example.toml")
    }

    fn build(&self, id: &ChannelId, settings: toml::Table, host: &Host) -> Result<Arc<dyn Channel>, ConfigError> {
        let mut settings = Settings::read(settings)?;
        settings.load(&host.folder)?;
        Ok(Arc::new(Website { settings: Arc::new(settings), id: id.clone(), host: host.clone() }))
    }
}

/// One website chat.
struct Website {
    id: ChannelId,
    settings: Arc<Settings>,
    host: Host,
}

#[async_trait]
impl Channel for Website {
    fn capabilities(&self) -> Capabilities {
        Capabilities { edits: true, deletes: true, files: true, visitor_edits: false, fixed_order: false }
    }

    /// The message is in the visitor's history already, under its own id.
    async fn send(&self, message: Outgoing<'_>) -> Result<Vec<String>, DeliveryError> {
        Ok(vec![message.item.id.to_string()])
    }

    async fn edit(&self, _: Outgoing<'_>) -> Result<(), DeliveryError> {
        Ok(())
    }

    async fn delete(&self, _: Outgoing<'_>) -> Result<(), DeliveryError> {
        Ok(())
    }

    fn public_address(&self) -> Option<String> {
        Some(format!("{}/c/{}/", self.host.public_url, self.id))
    }

    fn routes(self: Arc<Self>, inbox: VisitorInbox) -> Router {
        let site = Arc::new(Site::new(Arc::clone(&self.settings), &self.host, inbox));
        Router::new()
            .merge(
                page::hosted::routes()
                    .merge(page::widget::routes())
                    .layer(axum::middleware::from_fn(page::compress::pages)),
            )
            .merge(api::files::routes())
            .merge(api::forget::routes())
            .nest("/api", api::calls::routes(&site))
            .route("/assets/{file}", axum::routing::get(page::served::serve))
            .with_state(site)
    }
}
