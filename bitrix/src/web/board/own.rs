//! The routes of the own listener. Who may reach them is not looked at here.

use super::act;
use super::pages::{self, preferred};
use super::shown::{Shared, Who};
use crate::web::called::MAX_BODY;
use crate::web::page;
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;

/// `/admin`.
pub(crate) fn own(shared: Shared) -> Router {
    Router::new()
        .route("/admin", get(look).post(act::act_alone))
        .route("/admin/assets/{file}", get(page::asset))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(shared)
}

async fn look(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    pages::page(&shared, &Who::Machine, preferred(&headers), None, None).await
}
