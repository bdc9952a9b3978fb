//! The front of a stand-in: calls come in, mishaps strike, the webhook is told.

use super::call::Call;
use super::each::answer;
use super::terms::{Mishap, Which, signature};
use super::viber;
use super::world::World;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a call is held whose answer is lost.
const LOST: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Hub {
    pub(super) which: Which,
    pub(super) base: String,
    world: Mutex<World>,
    pub(super) changed: Notify,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
    client: reqwest::Client,
}

impl Hub {
    pub(super) fn new(which: Which, base: &str) -> Self {
        Self {
            which,
            base: base.to_owned(),
            world: Mutex::default(),
            changed: Notify::new(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            client: reqwest::Client::new(),
        }
    }

    pub(super) fn edit<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        let result = change(&mut self.world.lock());
        self.changed.notify_waiters();
        result
    }

    pub(super) fn look<R>(&self, look: impl FnOnce(&World) -> R) -> R {
        look(&self.world.lock())
    }

    /// Calls the webhook; whether it took the event.
    pub(super) async fn tell(&self, event: &Value) -> bool {
        let hook = self.look(|world| world.hook.clone());
        let body = event.to_string();
        let mut call = self.client.post(hook).header("content-type", "application/json");
        if let Some((name, value)) = signature(self.which, &body) {
            call = call.header(name, value);
        }
        let answer = call.body(body).timeout(Duration::from_secs(5)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Fetches a file from an address that we were given.
    async fn fetch(&self, url: &str) -> Option<Vec<u8>> {
        let answer = self.client.get(url).send().await.ok()?.error_for_status().ok()?;
        answer.bytes().await.ok().map(|bytes| bytes.to_vec())
    }
}

/// Tells the webhook what happened here, in order, each until it is taken.
pub(super) async fn post_on(hub: Arc<Hub>) {
    let telling = async {
        loop {
            let Some(event) = hub.look(|world| world.events.front().cloned()) else {
                let _ = tokio::time::timeout(Duration::from_millis(50), hub.changed.notified()).await;
                continue;
            };
            if hub.tell(&event).await {
                hub.edit(|world| world.events.pop_front());
            } else {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    };
    let _ = hub.stop.run_until_cancelled(telling).await;
}

pub(super) async fn called(State(hub): State<Arc<Hub>>, request: Request) -> Response {
    let call = match Call::read(request).await {
        Ok(call) => call,
        Err(status) => return status.into_response(),
    };
    if let Some(name) = call.path.strip_prefix("/files/") {
        return file(&hub, name.split('/').next().unwrap_or_default());
    }
    if hub.which == Which::Viber && call.path == "/pa/set_webhook" {
        return set_webhook(&hub, &call).await;
    }
    let reply = hub.edit(|world| {
        world.calls.push(call.clone());
        answer(hub.which, &hub.base, world, &call)
    });
    if let Some((message, url)) = &reply.fetches
        && let Some(bytes) = hub.fetch(url).await
    {
        hub.edit(|world| {
            let Some(shown) = world.message(message) else { return };
            let name = url.rsplit('/').next().unwrap_or_default();
            let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy().into_owned();
            shown.file = Some((name, bytes));
        });
    }
    if reply.took && hub.edit(|world| world.strikes(Mishap::LosesAnswer)) {
        tokio::time::sleep(LOST).await;
        return StatusCode::BAD_GATEWAY.into_response();
    }
    reply.response()
}

fn file(hub: &Hub, id: &str) -> Response {
    // WhatsApp gives files to those who bring the token, too; the others give them to anybody.
    match hub.look(|world| world.files.get(&id.parse().unwrap_or(0)).cloned()) {
        Some((upload, bytes)) => ([("content-type", upload.mime)], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Viber calls the address while the call waits (7.1 of its reference).
async fn set_webhook(hub: &Hub, call: &Call) -> Response {
    let Some(refusal) = viber::unwelcome(call) else {
        let url = call.json["url"].as_str().unwrap_or_default().to_owned();
        hub.edit(|world| world.hook = url);
        let event = viber::webhook(hub.edit(World::next));
        let reached = hub.tell(&event).await;
        return viber::is_set(reached).response();
    };
    refusal.response()
}
