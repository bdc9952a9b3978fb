//! The website chat: a hosted page that works with and without JavaScript, and the JSON API behind it
//! (`docs/website-api.md`).
//!
//! Visitors read straight from the store, so an operator's message is delivered when it is stored.

mod answer;
mod api;
mod bounds;
mod error;
mod item;
mod made;
mod page;
mod sent;
mod served;
mod session;
mod settings;
mod site;
mod welcome;

use crate::website::error::Problem;
use async_trait::async_trait;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use openline_core::channel::{Capabilities, Host, Outgoing, Plan};
use openline_core::message::Side;
use openline_core::weak::Maker;
use openline_core::{Channel, ChannelId, ChannelKind, ConfigError, DeliveryError};
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

    fn secrets(&self) -> Vec<(String, Maker)> {
        vec![("identity.secret".to_owned(), Maker::Own), ("identity.secrets".to_owned(), Maker::Own)]
    }

    fn read(&self, _: &ChannelId, settings: toml::Table, host: &Host) -> Result<Plan, ConfigError> {
        let mut settings = Settings::read(settings)?;
        settings.load(&host.folder)?;
        let host = host.clone();
        Ok(Plan::new(CAN, move |inbox| Ok(Website(Arc::new(Site::new(settings, &host, inbox))))))
    }
}

/// What every website chat can do.
const CAN: Capabilities =
    Capabilities { edits: true, deletes: true, files: true, visitor_edits: false, fixed_order: false };

/// Takes a session that was ended out of a request: for all that follows there is none.
async fn without_ended(State(site): State<Arc<Site>>, mut request: Request, next: Next) -> Response {
    if let Some(session) = site.session(request.headers()) {
        match site.is_over(&site.mark(&session)).await {
            Ok(false) => {}
            Ok(true) => {
                // A bearer's cookie is somebody else's, and a wrong bearer must not stand for nobody.
                if request.headers_mut().remove(header::COOKIE).is_none()
                    || request.headers().contains_key(header::AUTHORIZATION)
                {
                    request.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer ended"));
                }
            }
            Err(error) => return Problem::from(error).into_response(),
        }
    }
    next.run(request).await
}

/// One website chat.
struct Website(Arc<Site>);

impl Website {
    fn address(&self) -> String {
        format!("{}/c/{}/", self.0.public_url, self.0.inbox.channel())
    }
}

#[async_trait]
impl Channel for Website {
    /// The message is in the visitor's history already, under its own id.
    async fn send(&self, message: Outgoing<'_>) -> Result<Vec<String>, DeliveryError> {
        if message.item.side == Side::Operator {
            self.0.limits.answered(self.0.inbox.channel(), &message.conversation.chat);
        }
        Ok(vec![message.item.id.to_string()])
    }

    async fn edit(&self, _: Outgoing<'_>) -> Result<(), DeliveryError> {
        Ok(())
    }

    async fn delete(&self, _: Outgoing<'_>) -> Result<(), DeliveryError> {
        Ok(())
    }

    fn public_address(&self) -> Option<String> {
        Some(self.address())
    }

    fn embed(&self) -> Option<String> {
        Some(format!("<script async src=\"{}widget.js\"></script>", self.address()))
    }

    fn routes(self: Arc<Self>) -> Router {
        let site = Arc::clone(&self.0);
        Router::new()
            .merge(
                page::hosted::routes()
                    .merge(api::forget::routes())
                    .route_layer(from_fn(sent::kind::by_form))
                    .merge(page::widget::routes())
                    .layer(from_fn(served::compress::pages)),
            )
            .merge(api::files::routes().layer(from_fn_with_state(Arc::clone(&site), api::routes::guess_no_tokens)))
            .nest("/api", api::routes::routes(&site))
            .route("/assets/{file}", axum::routing::get(served::assets::serve))
            .layer(from_fn_with_state(Arc::clone(&site), without_ended))
            .with_state(site)
    }
}
