//! Reading the desk, with long polling.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::model::State;
use crate::portal::Portal;

/// Longest wait of a long poll, in seconds.
const MAX_WAIT: u64 = 60;

/// Query of a long poll: changes after a revision, waited for so many seconds.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Poll {
    since: Option<u64>,
    #[serde(default)]
    wait: u64,
}

pub(super) async fn state(Shared(portal): Shared<Arc<Portal>>) -> Json<Value> {
    let mut state = portal.view(State::desk_state);
    state["faults"] = json!(!portal.faults.list().is_empty());
    Json(state)
}

pub(super) async fn dialogs(Shared(portal): Shared<Arc<Portal>>, Query(poll): Query<Poll>) -> Json<Value> {
    let none = |state: &State| json!({ "rev": state.rev, "dialogs": [] });
    Json(wait_for(&portal, poll, |state| state.desk_dialogs(poll.since), none).await)
}

pub(super) async fn messages(
    Shared(portal): Shared<Arc<Portal>>,
    Path(chat_id): Path<i64>,
    Query(poll): Query<Poll>,
) -> (StatusCode, Json<Value>) {
    if portal.view(|state| !state.chats.contains_key(&chat_id)) {
        return (StatusCode::NOT_FOUND, Json(json!({ "error": "The chat does not exist." })));
    }
    let none = |state: &State| json!({ "rev": state.rev, "messages": [] });
    let found = wait_for(&portal, poll, |state| state.desk_messages(chat_id, poll.since), none).await;
    (StatusCode::OK, Json(found))
}

/// Tests at every change until there is something, the time is up, or the sandbox stops.
async fn wait_for(
    portal: &Portal,
    poll: Poll,
    find: impl Fn(&State) -> Option<Value>,
    none: fn(&State) -> Value,
) -> Value {
    let mut changes = portal.changes();
    let deadline = tokio::time::sleep(Duration::from_secs(poll.wait.min(MAX_WAIT)));
    tokio::pin!(deadline);
    loop {
        if let Some(found) = portal.view(&find) {
            return found;
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { break },
            () = &mut deadline => break,
            () = portal.stop.cancelled() => break,
        }
    }
    portal.view(none)
}
