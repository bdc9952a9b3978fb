//! `event.bind`, `event.unbind`, `event.get`, `events`, `event.test` (bitrix24.md §5.3).
#![expect(clippy::unnecessary_wraps, reason = "all methods have one signature, also those that cannot fail")]

use serde_json::{Value, json};
use url::Url;

use super::call::{Call, Outcome};
use crate::events::emit::{Audience, Event};
use crate::model::Binding;
use crate::rest::error::RestError;

/// Events by the scope they need.
const EVENTS: &[(&str, &str)] = &[
    ("", "ONAPPUNINSTALL"),
    ("", "ONAPPINSTALL"),
    ("", "ONAPPUPDATE"),
    ("", "ONAPPPAYMENT"),
    ("", "ONAPPTEST"),
    ("", "ONAPPMETHODCONFIRM"),
    ("", "ONOFFLINEEVENT"),
    ("imopenlines", "ONIMCONNECTORMESSAGEADD"),
    ("imopenlines", "ONIMCONNECTORMESSAGEUPDATE"),
    ("imopenlines", "ONIMCONNECTORMESSAGEDELETE"),
    ("imopenlines", "ONIMCONNECTORSTATUSDELETE"),
    ("imopenlines", "ONIMCONNECTORLINEDELETE"),
    ("imopenlines", "ONIMCONNECTORDIALOGSTART"),
    ("imopenlines", "ONIMCONNECTORDIALOGFINISH"),
    ("imopenlines", "ONOPENLINEMESSAGEADD"),
    ("imopenlines", "ONOPENLINEMESSAGEUPDATE"),
    ("imopenlines", "ONOPENLINEMESSAGEDELETE"),
    ("imopenlines", "ONSESSIONSTART"),
    ("imopenlines", "ONSESSIONFINISH"),
];

pub(super) fn names(call: &mut Call<'_>) -> Outcome {
    let open = EVENTS.iter().filter(|(scope, _)| call.caller.covers(scope));
    Ok(open.map(|(_, name)| json!(name)).collect::<Value>().into())
}

/// The checks stand in the portal's order: auth kind, rights, event, type, handler, URL, event known.
pub(super) fn bind(call: &mut Call<'_>) -> Outcome {
    let app = call.caller.app.ok_or_else(RestError::wrong_auth_short)?;
    let offline = call.params.text("EVENT_TYPE").eq_ignore_ascii_case("offline");
    let user = bind_user(call, offline)?;
    let event = call.params.text("EVENT").to_uppercase();
    if event.is_empty() {
        return Err(RestError::missing("EVENT"));
    }
    check_type(&call.params.text("EVENT_TYPE"))?;
    let handler = if offline { String::new() } else { checked_handler(call)? };
    if !EVENTS.iter().any(|(scope, name)| *name == event && call.caller.covers(scope)) {
        return Err(RestError::bad("ERROR_EVENT_NOT_FOUND", "Event not found"));
    }
    let connector_id = call.params.text("AUTH_CONNECTOR");
    let binding = Binding { id: 0, app, event, handler, user, offline, connector_id };
    if call.state.bindings.iter().any(|known| same(known, &binding)) {
        return Err(RestError::bad("ERROR_CORE", "Unable to set event handler: Handler already binded"));
    }
    let id = call.state.next_binding_id();
    call.state.bindings.push(Binding { id, ..binding });
    Ok(json!(true).into())
}

fn same(a: &Binding, b: &Binding) -> bool {
    let key =
        |it: &Binding| (it.app, it.event.clone(), it.handler.clone(), it.user, it.connector_id.clone(), it.offline);
    key(a) == key(b)
}

/// Whose token the events carry: administrators choose, others get their own.
fn bind_user(call: &Call<'_>, offline: bool) -> Result<i64, RestError> {
    let wanted = call.params.int("AUTH_TYPE");
    let denied = |text: &str| RestError::new(403, "ACCESS_DENIED", text);
    if call.caller.admin {
        return Ok(wanted);
    }
    if offline {
        return Err(denied("Access denied! Offline events binding requires administrator access rights"));
    }
    if wanted != 0 && wanted != call.caller.user {
        return Err(denied("Access denied! Event binding with AUTH_TYPE requires administrator access rights"));
    }
    Ok(call.caller.user)
}

fn check_type(kind: &str) -> Result<(), RestError> {
    match kind.to_lowercase().as_str() {
        "" | "online" | "offline" => Ok(()),
        _ => Err(RestError::argument("EVENT_TYPE", "Value must be one of {online|offline}")),
    }
}

/// An absolute http(s) URL whose host has a dot.
fn checked_handler(call: &Call<'_>) -> Result<String, RestError> {
    let handler = call.params.text("HANDLER");
    if handler.is_empty() {
        return Err(RestError::missing("HANDLER"));
    }
    let wrong = || RestError::bad("ERROR_WRONG_HANDLER_URL", "Wrong handler URL");
    let url = Url::parse(&handler).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(RestError::bad("ERROR_UNSUPPORTED_PROTOCOL", "Unsupported handler protocol"));
    }
    let host = url.host_str().unwrap_or_default();
    if host.contains('.') || call.state.switches.allow_dotless_handlers { Ok(handler) } else { Err(wrong()) }
}

/// Removes the bindings that match; `auth_type` narrows only when given.
pub(super) fn unbind(call: &mut Call<'_>) -> Outcome {
    let app = call.caller.app.ok_or_else(RestError::wrong_auth_short)?;
    let event = call.params.text("EVENT").to_uppercase();
    if event.is_empty() {
        return Err(RestError::missing("EVENT"));
    }
    let offline = call.params.text("EVENT_TYPE").eq_ignore_ascii_case("offline");
    let handler = call.params.text("HANDLER");
    if handler.is_empty() && !offline {
        return Err(RestError::missing("HANDLER"));
    }
    let user = call.params.get("AUTH_TYPE").map(|_| call.params.int("AUTH_TYPE"));
    let gone = |binding: &Binding| {
        let place = if offline { binding.offline } else { !binding.offline && binding.handler == handler };
        binding.app == app && binding.event == event && place && user.is_none_or(|user| user == binding.user)
    };
    let before = call.state.bindings.len();
    call.state.bindings.retain(|binding| !gone(binding));
    Ok(json!({ "count": before - call.state.bindings.len() }).into())
}

pub(super) fn get(call: &mut Call<'_>) -> Outcome {
    let app = call.caller.app.ok_or_else(RestError::wrong_auth_short)?;
    let (admin, user) = (call.caller.admin, call.caller.user);
    let visible = |binding: &&Binding| binding.app == app && (admin || binding.user == user);
    Ok(call.state.bindings.iter().filter(visible).map(entry).collect::<Value>().into())
}

fn entry(binding: &Binding) -> Value {
    if binding.offline {
        return json!({ "event": binding.event, "connector_id": binding.connector_id, "offline": 1 });
    }
    json!({ "event": binding.event, "handler": binding.handler, "auth_type": binding.user.to_string(), "offline": 0 })
}

pub(super) fn test(call: &mut Call<'_>) -> Outcome {
    let app = call.caller.app.ok_or_else(RestError::wrong_auth_short)?;
    let data = json!({ "QUERY": call.params.given(), "LANGUAGE_ID": call.state.language });
    call.state.emit(&Event::new("ONAPPTEST", data, Audience::App(app), call.caller.actor()));
    Ok(json!(1).into())
}
