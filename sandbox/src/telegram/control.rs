//! `/sandbox/…`: verbs, faults and the record for other programs; described in the README.

use std::sync::Arc;

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::bot::{Bot, add_bot};
use super::config::TelegramSwitches;
use super::faults::TelegramFault;
use super::hub::Hub;
use super::people::Person;
use super::seen::seen;

/// `/sandbox/…`.
pub(crate) fn router() -> Router<Arc<Hub>> {
    Router::new()
        .route("/sandbox", get(info))
        .route("/sandbox/record", get(record).delete(clear_record))
        .route("/sandbox/faults", get(list_faults).post(add_faults).delete(clear_faults))
        .route("/sandbox/switches", get(switches).post(set_switches))
        .route("/sandbox/{verb}", post(verb))
}

/// Bots and people by their ids and names; no keys.
pub(super) async fn info(Shared(hub): Shared<Arc<Hub>>) -> Json<Value> {
    Json(hub.view(|world| {
        let names = |bots: bool| {
            let users = world.users.values().filter(move |user| user.is_bot == bots);
            users.map(|user| world.user_json(user.id)).collect::<Vec<_>>()
        };
        json!({ "bots": names(true), "people": names(false) })
    }))
}

async fn record(Shared(hub): Shared<Arc<Hub>>) -> Json<Value> {
    Json(hub.view(|world| json!(world.record)))
}

async fn clear_record(Shared(hub): Shared<Arc<Hub>>) -> StatusCode {
    hub.edit(|world| world.record = super::record::Record::default());
    StatusCode::NO_CONTENT
}

async fn list_faults(Shared(hub): Shared<Arc<Hub>>) -> Json<Vec<TelegramFault>> {
    Json(hub.faults.list())
}

/// One fault or a list of them.
async fn add_faults(Shared(hub): Shared<Arc<Hub>>, Json(body): Json<Value>) -> Response {
    let list = if body.is_array() { body } else { json!([body]) };
    match serde_json::from_value::<Vec<TelegramFault>>(list) {
        Ok(faults) => {
            for fault in faults {
                hub.faults.add(fault);
            }
            Json(hub.faults.list()).into_response()
        }
        Err(error) => refuse(&error.to_string()),
    }
}

async fn clear_faults(Shared(hub): Shared<Arc<Hub>>) -> StatusCode {
    hub.faults.clear();
    StatusCode::NO_CONTENT
}

async fn switches(Shared(hub): Shared<Arc<Hub>>) -> Json<TelegramSwitches> {
    Json(hub.view(|world| world.switches.clone()))
}

/// Lays the given switches over the present ones.
async fn set_switches(Shared(hub): Shared<Arc<Hub>>, Json(body): Json<Value>) -> Response {
    let mut merged = hub.view(|world| json!(world.switches));
    if let (Some(merged), Some(given)) = (merged.as_object_mut(), body.as_object()) {
        merged.extend(given.clone());
    }
    match serde_json::from_value::<TelegramSwitches>(merged) {
        Ok(switches) => {
            hub.edit(|world| world.switches = switches.clone());
            Json(switches).into_response()
        }
        Err(error) => refuse(&error.to_string()),
    }
}

async fn verb(Shared(hub): Shared<Arc<Hub>>, Path(verb): Path<String>, body: bytes::Bytes) -> Response {
    let body = if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice(&body) };
    let Ok(body) = body else { return refuse("the body must be JSON") };
    match run(&hub, &verb, &Args(&body)) {
        Ok(result) => Json(result).into_response(),
        Err(error) => refuse(&error),
    }
}

pub(super) fn refuse(error: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response()
}

/// Runs a verb; the error is a text for people.
fn run(hub: &Arc<Hub>, verb: &str, args: &Args<'_>) -> Result<Value, String> {
    match verb {
        "add_bot" => Ok(json!(add_bot(hub, &args.needed("token")?, &args.needed("username")?).id())),
        "person" => {
            let name = args.needed("name")?;
            Ok(json!(hub.edit(|world| world.add_person(&name))))
        }
        "advance" => {
            let seconds = u64::try_from(args.number("seconds")).map_err(|_| "seconds must not be negative")?;
            hub.clock.advance(std::time::Duration::from_secs(seconds));
            hub.touch();
            Ok(json!(true))
        }
        _ => with_person(hub, verb, args),
    }
}

fn with_person(hub: &Arc<Hub>, verb: &str, args: &Args<'_>) -> Result<Value, String> {
    let (person, bot) = pair(hub, args.number("person"), args.number("bot"))?;
    let (message, text) = (args.number("message_id"), args.text("text"));
    match verb {
        "writes" => Ok(json!(person.writes(&bot, &args.needed("text")?))),
        "edits" => person.edits(&bot, message, &args.needed("text")?).map(|()| json!(true)),
        "replies_to" => person.replies_to(&bot, message, &args.needed("text")?).map(|id| json!(id)),
        "deletes" => person.deletes(&bot, message).map(|()| json!(true)),
        "presses" => person.presses(&bot, message, &text).map(|id| json!(id)),
        "starts" => Ok(json!(person.starts(&bot, &text))),
        "blocks" => {
            person.blocks(&bot);
            Ok(json!(true))
        }
        "unblocks" => {
            person.unblocks(&bot);
            Ok(json!(true))
        }
        "chat" => Ok(chat(hub, &person, &bot)),
        _ => Err(format!("there is no verb `{verb}`")),
    }
}

/// The chat as the person sees it, and what the bot is doing.
pub(super) fn chat(hub: &Hub, person: &Person, bot: &Bot) -> Value {
    hub.view(|world| {
        let private = world.privates.get(&(bot.id(), person.id())).cloned().unwrap_or_default();
        let messages = seen(world, bot.id(), person.id());
        json!({ "messages": messages, "action": private.action, "blocked": private.blocked })
    })
}

/// A person and a bot by their ids.
pub(super) fn pair(hub: &Arc<Hub>, person: i64, bot: i64) -> Result<(Person, Bot), String> {
    let known = hub.view(|world| {
        let somebody = world.users.get(&person).is_some_and(|user| !user.is_bot);
        (somebody, world.bots.contains_key(&bot))
    });
    match known {
        (false, _) => Err(format!("there is no person {person}")),
        (_, false) => Err(format!("there is no bot {bot}")),
        _ => Ok((Person { hub: Arc::clone(hub), id: person }, Bot { hub: Arc::clone(hub), id: bot })),
    }
}

/// The arguments of a verb.
struct Args<'a>(&'a Value);

impl Args<'_> {
    fn text(&self, name: &str) -> String {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn needed(&self, name: &str) -> Result<String, String> {
        Some(self.text(name)).filter(|text| !text.is_empty()).ok_or_else(|| format!("{name} is needed"))
    }

    fn number(&self, name: &str) -> i64 {
        let value = self.0.get(name);
        value.and_then(|value| value.as_i64().or_else(|| value.as_str()?.parse().ok())).unwrap_or(0)
    }
}
