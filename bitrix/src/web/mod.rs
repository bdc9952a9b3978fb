//! The addresses that the portal (or an admin's browser in it) calls: events, installation, authorization, settings.

pub(crate) mod afterwards;
mod app;
mod authorize;
pub(crate) mod board;
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
mod word;

use crate::shared::Inner;
use crate::web::called::MAX_BODY;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, get, post};
use std::sync::Arc;

/// The routes, to be mounted at `/bitrix`.
pub(crate) fn routes(board: board::Shared) -> Router {
    let bitrix = Arc::clone(&board.bitrix);
    // People write addresses with a slash at the end, too.
    let both = |router: Router<Arc<Inner>>, path: &str, method: MethodRouter<Arc<Inner>>| {
        router.route(path, method.clone()).route(&format!("{path}/"), method)
    };
    let router = both(Router::new(), "/events", post(events::event));
    let router = both(router, "/install", post(install::install).get(install::help));
    let app = post(app::app).with_state(board.clone()).get(authorize::app_page_get);
    let router = both(router, "/app", app).route("/app/act", post(board::act).with_state(board));
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
