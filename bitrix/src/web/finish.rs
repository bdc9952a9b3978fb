//! Whether the portal has taken the end of an installation, which the installation's page tells it and then asks us for
//! (`bitrix24.md` §2.4): the vendor's script itself says nothing.

use super::called::Shared;
use crate::lines::examine;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::sync::atomic::Ordering;

/// `{"finished": true}` when the installation is.
pub(super) async fn finished(State(bitrix): Shared) -> Response {
    let is_finished = || bitrix.finished.load(Ordering::Relaxed);
    if !is_finished() && bitrix.finishing.is_due() {
        examine::application(&bitrix).await;
    }
    axum::Json(json!({ "finished": is_finished() })).into_response()
}
