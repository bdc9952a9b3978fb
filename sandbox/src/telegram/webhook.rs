//! Posting updates to webhooks: chats side by side, one after the other within a chat, again after a failure.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::faults::TelegramFaultKind;
use super::hub::Hub;
use super::kept::{Update, Webhook};
use super::methods;
use super::params::Params;
use super::record::WebhookPost;
use super::world::World;

/// Longest pause a webhook may ask for with `Retry-After`, in seconds.
const MAX_RETRY_AFTER: u64 = 3600;

/// Serves a bot's webhook until the stand-in stops.
pub(crate) fn spawn(hub: &Arc<Hub>, bot: i64) {
    let hub = Arc::clone(hub);
    hub.tasks.clone().spawn(async move {
        let stop = hub.stop.clone();
        tokio::select! { () = stop.cancelled() => {} () = serve(hub, bot) => {} }
    });
}

async fn serve(hub: Arc<Hub>, bot: i64) {
    let mut changes = hub.changes();
    loop {
        changes.mark_unchanged();
        // Looking is no change, else this task would wake itself for ever.
        let (ready, wake) = hub.quiet(|world| claim(world, bot));
        if !ready.is_empty() {
            hub.touch();
        }
        for (webhook, update) in ready {
            let task = post(Arc::clone(&hub), bot, webhook, update);
            let stop = hub.stop.clone();
            hub.tasks.spawn(async move {
                tokio::select! { () = stop.cancelled() => {} () = task => {} }
            });
        }
        let pause = wake.map_or(Duration::from_secs(3600), |at| at.saturating_duration_since(Instant::now()));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

/// Takes the updates that may be posted now, and tells when the next one may.
fn claim(world: &mut World, bot: i64) -> (Vec<(Webhook, Update)>, Option<Instant>) {
    world.expire(bot);
    let (mut ready, mut wake) = (Vec::new(), None::<Instant>);
    let Some(state) = world.bots.get_mut(&bot) else { return (ready, wake) };
    let Some(webhook) = state.webhook.clone() else { return (ready, wake) };
    let mut busy = state.updates.iter().filter(|update| update.in_flight).count();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let now = Instant::now();
    for update in &mut state.updates {
        // Only the first of a line may go.
        if !seen.insert(update.key.clone()) || update.in_flight || busy >= webhook.max_connections {
            continue;
        }
        if let Some(at) = update.not_before.filter(|at| *at > now) {
            wake = Some(wake.map_or(at, |earlier| earlier.min(at)));
            continue;
        }
        update.in_flight = true;
        busy += 1;
        ready.push((webhook.clone(), update.clone()));
    }
    (ready, wake)
}

async fn post(hub: Arc<Hub>, bot: i64, webhook: Webhook, update: Update) {
    match hub.faults.update(update.kind) {
        Some(TelegramFaultKind::DelayUpdate { ms }) => tokio::time::sleep(Duration::from_millis(ms)).await,
        Some(TelegramFaultKind::DuplicateUpdate) => {
            let (outcome, _) = attempt(&hub, &webhook, &update).await;
            note(&hub, bot, update.id, &outcome);
        }
        _ => {}
    }
    let (outcome, reply) = attempt(&hub, &webhook, &update).await;
    let delivered = outcome.is_ok();
    note(&hub, bot, update.id, &outcome);
    hub.edit(|world| settle(world, &hub, bot, &webhook, update.id, outcome));
    if let (true, Some(reply)) = (delivered, reply) {
        run_reply(&hub, bot, reply).await;
    }
}

/// Status when delivered; else status, text and the pause the webhook asked for.
type Outcome = Result<u16, (Option<u16>, String, Option<u64>)>;

async fn attempt(hub: &Hub, webhook: &Webhook, update: &Update) -> (Outcome, Option<Map<String, Value>>) {
    let mut request = hub.http.post(&webhook.url).json(&update.json());
    if !webhook.secret.is_empty() {
        request = request.header("X-Telegram-Bot-Api-Secret-Token", &webhook.secret);
    }
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => {
            let words = if error.is_timeout() { "Read timeout expired" } else { "Connection refused" };
            return (Err((None, words.to_owned(), None)), None);
        }
    };
    let status = answer.status();
    if status.is_success() {
        let reply = answer.json::<Value>().await.ok().and_then(|reply| reply.as_object().cloned());
        return (Ok(status.as_u16()), reply);
    }
    let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let words = format!("Wrong response from the webhook: {status}");
    (Err((Some(status.as_u16()), words, retry_after)), None)
}

fn note(hub: &Hub, bot: i64, update_id: i64, outcome: &Outcome) {
    let (status, outcome) = match outcome {
        Ok(status) => (Some(*status), "delivered".to_owned()),
        Err((status, words, _)) => (*status, words.clone()),
    };
    tracing::debug!(bot, update_id, status, outcome, "webhook");
    hub.edit(|world| {
        let at_ms = world.now;
        world.record.webhook(WebhookPost { at_ms, bot, update_id, status, outcome });
    });
}

/// A delivered update is gone; a failed one waits, longer each time.
fn settle(world: &mut World, hub: &Hub, bot: i64, webhook: &Webhook, id: i64, outcome: Outcome) {
    let now = world.now;
    let Some(state) = world.bots.get_mut(&bot) else { return };
    let Err((_, words, retry_after)) = outcome else {
        state.updates.retain(|update| update.id != id);
        return;
    };
    if let Some(current) = state.webhook.as_mut().filter(|current| current.generation == webhook.generation) {
        current.last_error = Some((now / 1000, words));
    }
    let Some(update) = state.updates.iter_mut().find(|update| update.id == id) else { return };
    let doubled = hub.config.webhook_backoff.saturating_mul(1 << update.failures.min(16));
    let asked = retry_after.filter(|seconds| *seconds > 0).map(|it| Duration::from_secs(it.min(MAX_RETRY_AFTER)));
    let pause = asked.unwrap_or_else(|| doubled.min(hub.config.webhook_backoff_max));
    update.failures += 1;
    update.in_flight = false;
    update.not_before = Some(Instant::now() + pause);
}

/// A webhook may answer with a method to run; its result is told to nobody.
async fn run_reply(hub: &Arc<Hub>, bot: i64, reply: Map<String, Value>) {
    let method = reply.get("method").and_then(Value::as_str).unwrap_or_default().to_lowercase();
    let barred = ["", "deletewebhook", "setwebhook", "close", "logout"].contains(&method.as_str());
    if !barred && !method.starts_with("get") {
        let _ = methods::call(hub, bot, &method, &Params::from_json(&reply)).await;
    }
}
