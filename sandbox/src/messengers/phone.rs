//! `/phone/`: a page on which somebody plays the person who writes.

use super::each::event_of;
use super::hub::Hub;
use super::terms::{Act, id};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::sync::Arc;

/// Whom the page plays.
const PERSON: &str = "Ada";

pub(super) fn routes() -> Router<Arc<Hub>> {
    Router::new().route("/phone/", get(page)).route("/phone/chat", get(chat)).route("/phone/say", post(say))
}

async fn page(State(hub): State<Arc<Hub>>) -> Html<String> {
    Html(include_str!("phone.html").replace("NAME", hub.which.label()))
}

/// Both sides: what was written, each with how many of our messages were there by then.
async fn chat(State(hub): State<Arc<Hub>>) -> axum::Json<Value> {
    axum::Json(hub.look(|world| {
        let shown = world.shown.get(&id(hub.which, PERSON)).cloned().unwrap_or_default();
        let mut all = Vec::new();
        let mut mine = world.written.iter().peekable();
        for place in 0..=shown.len() {
            while let Some((_, text)) = mine.next_if(|(before, _)| *before <= place) {
                all.push(json!({ "mine": true, "text": text }));
            }
            if let Some(shown) = shown.get(place) {
                all.push(json!({ "text": shown.text, "file": shown.file.as_ref().map(|(name, _)| name) }));
            }
        }
        Value::from(all)
    }))
}

async fn say(State(hub): State<Arc<Hub>>, text: String) -> Response {
    let person = id(hub.which, PERSON);
    let number = hub.edit(|world| {
        world.meet(&person);
        world.next()
    });
    let Some(event) = event_of(hub.which, &hub.base, &person, &Act::Writes(number, text.clone())) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if !hub.tell(&event).await {
        return (StatusCode::BAD_GATEWAY, "openline did not take it").into_response();
    }
    hub.edit(|world| {
        let before = world.shown.get(&person).map_or(0, Vec::len);
        world.written.push((before, text));
    });
    StatusCode::NO_CONTENT.into_response()
}
