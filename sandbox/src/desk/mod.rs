//! The operators' desk: static pages and the JSON they live on.

mod actions;
mod read;
mod shapes;

use std::sync::Arc;

use axum::Router;
use axum::response::Redirect;
use axum::routing::{get, patch, post};

use crate::assets;
use crate::portal::Portal;

/// `/desk/…`.
pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/desk", get(|| async { Redirect::permanent("/desk/") }))
        .route("/desk/", get(|| async { assets::serve("desk/index.html") }))
        .route("/desk/{*file}", get(assets::desk))
        .route("/desk/api/state", get(read::state))
        .route("/desk/api/dialogs", get(read::dialogs))
        .route("/desk/api/dialogs/{chat_id}/messages", get(read::messages).post(actions::write))
        .route("/desk/api/dialogs/{chat_id}/finish", post(actions::finish))
        .route("/desk/api/dialogs/{chat_id}/read", post(actions::read))
        .route("/desk/api/messages/{id}", patch(actions::edit).delete(actions::delete))
        .route("/desk/api/operator", post(actions::operator))
}
