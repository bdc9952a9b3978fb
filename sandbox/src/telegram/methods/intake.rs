//! How a bot gets its updates: polling or a webhook, never both.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::reply::Reply;
use crate::telegram::config::TelegramSwitches;
use crate::telegram::error::{ApiError, Failure};
use crate::telegram::hub::Hub;
use crate::telegram::kept::Webhook;
use crate::telegram::params::Params;
use crate::telegram::world::World;

/// Longest long poll in seconds.
const MAX_TIMEOUT: i64 = 50;
/// What a bot that is in a hurry waits instead.
const SLOW_DOWN_MS: i64 = 3000;

const WEBHOOK_SET: &str =
    "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";
const OTHER_POLL: &str = "terminated by other getUpdates request; make sure that only one bot instance is running";

/// What became of a waiting poll.
enum Look {
    Wait,
    Updates(Vec<Value>),
    Conflict(&'static str),
    Cut,
}

pub(super) async fn get_updates(hub: &Arc<Hub>, bot: i64, params: &Params) -> Result<Reply, Failure> {
    if hub.view(|world| has_webhook(world, bot)) {
        return Err(conflict(hub, bot, WEBHOOK_SET).await);
    }
    let offset = params.clamped("offset", 0, i64::from(i32::MIN), i64::from(i32::MAX));
    let mut limit = usize::try_from(params.clamped("limit", 100, 1, 100)).unwrap_or(100);
    let mut timeout = params.clamped("timeout", 0, 0, MAX_TIMEOUT);
    let allowed = params.entities("allowed_updates");
    let first = hub.edit(|world| {
        world.set_allowed(bot, allowed.as_ref());
        slow_down(world, bot, offset, &mut limit, &mut timeout);
        world.take_updates(bot, offset, limit)
    });
    if !first.is_empty() || timeout == 0 {
        return Ok(json!(first).into());
    }
    // A negative offset has done its work; what comes now is wanted.
    let offset = offset.max(0);
    let deadline = Instant::now() + Duration::from_secs(timeout.unsigned_abs());
    wait(hub, bot, offset, limit, deadline).await
}

async fn wait(hub: &Arc<Hub>, bot: i64, offset: i64, limit: usize, deadline: Instant) -> Result<Reply, Failure> {
    let mut changes = hub.changes();
    // The newer poll ends the older one.
    let (mine, cuts) = hub.edit(|world| {
        world.bots.get_mut(&bot).map_or((0, 0), |bot| {
            bot.poll += 1;
            (bot.poll, bot.polls_cut)
        })
    });
    loop {
        changes.mark_unchanged();
        let look = hub.quiet(|world| look(world, bot, (mine, cuts), offset, limit));
        match look {
            Look::Updates(updates) => return Ok(json!(updates).into()),
            Look::Conflict(words) => return Err(conflict(hub, bot, words).await),
            Look::Cut => return Err(Failure::Cut),
            Look::Wait => {}
        }
        tokio::select! {
            () = tokio::time::sleep_until(deadline) => return Ok(json!([]).into()),
            _ = changes.changed() => {}
        }
    }
}

fn look(world: &mut World, bot: i64, (mine, cuts): (u64, u64), offset: i64, limit: usize) -> Look {
    let Some(state) = world.bots.get(&bot) else { return Look::Cut };
    if state.polls_cut != cuts {
        return Look::Cut;
    }
    if state.webhook.is_some() {
        return Look::Conflict("terminated by setWebhook request");
    }
    if state.poll != mine {
        return Look::Conflict(OTHER_POLL);
    }
    let updates = world.take_updates(bot, offset, limit);
    if updates.is_empty() { Look::Wait } else { Look::Updates(updates) }
}

fn has_webhook(world: &World, bot: i64) -> bool {
    world.bots.get(&bot).is_some_and(|bot| bot.webhook.is_some())
}

/// A poll that asks again and again with one offset is made to wait.
fn slow_down(world: &mut World, bot: i64, offset: i64, limit: &mut usize, timeout: &mut i64) {
    let (now, strict) = (world.now, world.switches.strict_pace);
    let Some(state) = world.bots.get_mut(&bot) else { return };
    let before = state.pace.last_poll.replace((offset, now));
    if let (Some((last, at)), true) = (before, strict) {
        if last == offset && *timeout < 3 && now < at + SLOW_DOWN_MS {
            *timeout = 3;
        }
        if last == offset && now < at + 500 {
            *limit = 1;
        }
    }
}

/// 409, at once the first time; a second one within three seconds is told later when the pace is strict.
async fn conflict(hub: &Hub, bot: i64, words: &str) -> Failure {
    let late = hub.edit(|world| {
        let (now, strict) = (world.now, world.switches.strict_pace);
        let Some(state) = world.bots.get_mut(&bot) else { return false };
        let late = strict && now < state.pace.last_conflict + SLOW_DOWN_MS;
        if !late {
            state.pace.last_conflict = now;
        }
        late
    });
    if late {
        tokio::time::sleep(Duration::from_millis(SLOW_DOWN_MS.unsigned_abs())).await;
    }
    ApiError::conflict(words).into()
}

pub(super) fn set_webhook(hub: &Arc<Hub>, bot: i64, params: &Params) -> Result<Reply, Failure> {
    let url = params.text("url");
    if url.is_empty() {
        return Ok(delete_webhook(hub, bot, params));
    }
    let reply = hub.edit(|world| {
        pace(world, bot)?;
        check_url(url, &world.switches)?;
        check_secret(params.text("secret_token"))?;
        Ok::<_, ApiError>(put_webhook(world, bot, params))
    })?;
    Ok(reply)
}

fn pace(world: &mut World, bot: i64) -> Result<(), ApiError> {
    let (now, strict) = (world.now, world.switches.strict_pace);
    let Some(state) = world.bots.get_mut(&bot) else { return Ok(()) };
    if strict && now < state.pace.last_set_webhook + 1000 {
        return Err(ApiError::retry_after(1));
    }
    state.pace.last_set_webhook = now;
    Ok(())
}

fn check_url(url: &str, switches: &TelegramSwitches) -> Result<(), ApiError> {
    // Without a scheme https is meant.
    let whole = if url.contains("://") { url.to_owned() } else { format!("https://{url}") };
    let parsed = url::Url::parse(&whole).map_err(|_| ApiError::bad("invalid webhook URL specified"))?;
    let bad = |words: &str| ApiError::bad(format!("bad webhook: {words}"));
    match parsed.scheme() {
        "http" if switches.https_webhooks_only => Err(bad("An HTTPS URL must be provided for webhook")),
        "http" if !is_loopback(&parsed) => Err(bad("An HTTPS URL must be provided for webhook")),
        "https" if !matches!(parsed.port_or_known_default(), Some(80 | 88 | 443 | 8443)) => {
            Err(bad("Webhook can be set up only on ports 80, 88, 443 or 8443"))
        }
        "http" | "https" => Ok(()),
        _ => Err(ApiError::bad("invalid webhook URL specified")),
    }
}

fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn check_secret(secret: &str) -> Result<(), ApiError> {
    if secret.len() > 256 {
        return Err(ApiError::bad("secret token is too long"));
    }
    if !secret.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '_' | '-')) {
        return Err(ApiError::bad("secret token contains unallowed characters"));
    }
    Ok(())
}

fn put_webhook(world: &mut World, bot: i64, params: &Params) -> Reply {
    world.set_allowed(bot, params.entities("allowed_updates").as_ref());
    let Some(state) = world.bots.get_mut(&bot) else { return json!(true).into() };
    if params.flag("drop_pending_updates") {
        state.updates.clear();
    }
    for update in &mut state.updates {
        (update.in_flight, update.not_before) = (false, None);
    }
    let webhook = Webhook {
        url: params.text("url").to_owned(),
        secret: params.text("secret_token").to_owned(),
        max_connections: usize::try_from(params.clamped("max_connections", 40, 1, 100)).unwrap_or(40),
        last_error: None,
        generation: 0,
    };
    let old = state.webhook.take();
    let same = old.as_ref().is_some_and(|old| {
        (&old.url, &old.secret, old.max_connections) == (&webhook.url, &webhook.secret, webhook.max_connections)
    });
    let generation = old.map_or(0, |old| old.generation) + 1;
    state.webhook = Some(Webhook { generation, ..webhook });
    let words = if same { "Webhook is already set" } else { "Webhook was set" };
    Reply { result: json!(true), description: Some(words.to_owned()) }
}

pub(super) fn delete_webhook(hub: &Arc<Hub>, bot: i64, params: &Params) -> Reply {
    let drop = params.flag("drop_pending_updates");
    let was_set = hub.edit(|world| {
        let Some(state) = world.bots.get_mut(&bot) else { return false };
        if drop {
            state.updates.clear();
        }
        for update in &mut state.updates {
            (update.in_flight, update.not_before) = (false, None);
        }
        state.webhook.take().is_some()
    });
    let words = if was_set { "Webhook was deleted" } else { "Webhook is already deleted" };
    Reply { result: json!(true), description: Some(words.to_owned()) }
}

/// `WebhookInfo`.
pub(super) fn info(world: &mut World, bot: i64) -> Value {
    world.expire(bot);
    let Some(state) = world.bots.get(&bot) else { return json!({}) };
    let url = state.webhook.as_ref().map_or("", |webhook| webhook.url.as_str());
    let mut info = json!({ "url": url, "has_custom_certificate": false, "pending_update_count": state.updates.len() });
    let Some(object) = info.as_object_mut() else { return info };
    if let Some(webhook) = &state.webhook {
        if let Some((date, words)) = &webhook.last_error {
            object.insert("last_error_date".to_owned(), json!(date));
            object.insert("last_error_message".to_owned(), json!(words));
        }
        object.insert("max_connections".to_owned(), json!(webhook.max_connections));
        object.insert("ip_address".to_owned(), json!("127.0.0.1"));
    }
    if !state.allowed.is_empty() {
        object.insert("allowed_updates".to_owned(), json!(state.allowed));
    }
    info
}
