//! The addresses that the portal (or an admin's browser in it) calls: events, installation, authorization, settings.

pub(crate) mod afterwards;
mod app;
mod authorize;
mod called;
mod choose;
mod events;
mod finish;
mod heal;
pub(crate) mod install;
pub(crate) mod operator_events;
pub(crate) mod page;
mod qr;
mod refusal;
pub(crate) mod removal;
mod settings;
mod view;
pub(crate) mod waiting;

use crate::shared::Inner;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, get, post};
use std::sync::Arc;

/// Largest form taken: nobody is believed before it is read. A text has at most 20,000 characters (`bitrix24.md` §4.7),
/// which are at most 240,000 bytes when percent-encoded.
const MAX_BODY: usize = 256 * 1024;

/// The routes, to be mounted at `/bitrix`.
pub(crate) fn routes(bitrix: Arc<Inner>) -> Router {
    // People write addresses with a slash at the end, too.
    let both = |router: Router<Arc<Inner>>, path: &str, method: MethodRouter<Arc<Inner>>| {
        router.route(path, method.clone()).route(&format!("{path}/"), method)
    };
    let router = both(Router::new(), "/events", post(events::event));
    let router = both(router, "/install", post(install::install).get(install::help));
    let router = both(router, "/app", post(app::app).get(authorize::app_page_get));
    let router = both(router, "/authorize", get(authorize::authorize));
    both(router, "/settings", post(settings::settings).get(settings::help))
        .route("/settings/choose", post(settings::choose))
        .route("/finished", get(finish::finished))
        .route("/assets/{file}", get(page::asset))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(bitrix)
}

/// What comes to the root by mistake; to be mounted there. Nothing else is there.
pub(crate) fn strays(bitrix: Arc<Inner>) -> Router {
    let stray = post(app::stray).fallback(app::nothing);
    Router::new().route("/", stray).layer(DefaultBodyLimit::max(MAX_BODY)).with_state(bitrix)
}
