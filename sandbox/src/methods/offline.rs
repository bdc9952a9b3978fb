//! `event.offline.*`: events kept in a table and fetched by the application (bitrix24.md §6.10).

use serde_json::{Value, json};

use super::call::{Call, Outcome};
use crate::clock::iso;
use crate::model::OfflineEvent;
use crate::php::value;
use crate::rest::error::RestError;

/// Most events one call gives, and the default.
const LIMIT: i64 = 50;

fn admin_app(call: &Call<'_>) -> Result<i64, RestError> {
    let app = call.caller.app.ok_or_else(RestError::wrong_auth_short)?;
    if call.caller.admin { Ok(app) } else { Err(RestError::new(403, "ACCESS_DENIED", "Access denied!")) }
}

/// Takes the oldest events; with `clear=0` they are reserved instead of deleted.
pub(super) fn get(call: &mut Call<'_>) -> Outcome {
    let app = admin_app(call)?;
    let connector = call.params.text("AUTH_CONNECTOR");
    let limit = match call.params.int("LIMIT") {
        limit if (1..=LIMIT).contains(&limit) => limit,
        _ => LIMIT,
    };
    let reserve = call.params.get("CLEAR").is_some_and(|clear| value::int(clear) == 0);
    let process = call.state.rng.hex(32);
    let free = |row: &&mut OfflineEvent| {
        row.app == app && row.process_id.is_none() && (connector.is_empty() || row.connector_id == connector)
    };
    let mut taken = Vec::new();
    for row in call.state.offline.iter_mut().filter(free).take(usize::try_from(limit).unwrap_or(0)) {
        row.process_id = Some(process.clone());
        taken.push(entry(row));
    }
    if !reserve {
        call.state.offline.retain(|row| row.process_id.as_ref() != Some(&process));
    }
    let process = if reserve { json!(process) } else { Value::Null };
    Ok(json!({ "process_id": process, "events": taken }).into())
}

fn entry(row: &OfflineEvent) -> Value {
    json!({
        "ID": row.id.to_string(), "TIMESTAMP_X": iso(row.date_ms), "EVENT_NAME": row.event, "EVENT_DATA": row.data,
        "EVENT_ADDITIONAL": [], "MESSAGE_ID": row.message_id,
    })
}

pub(super) fn list(call: &mut Call<'_>) -> Outcome {
    let app = admin_app(call)?;
    Ok(call.state.offline.iter().filter(|row| row.app == app).map(entry).collect::<Value>().into())
}

/// Deletes reserved events, all of a process or the named ones.
pub(super) fn clear(call: &mut Call<'_>) -> Outcome {
    let app = admin_app(call)?;
    let process = call.params.text("PROCESS_ID");
    if process.is_empty() {
        return Err(RestError::missing("PROCESS_ID"));
    }
    let names = |param: &str| -> Vec<String> {
        let list = call.params.get(param).map(value::entries).unwrap_or_default();
        list.into_iter().filter_map(|(_, item)| value::text(item)).collect()
    };
    let (ids, messages) = (names("ID"), names("MESSAGE_ID"));
    let named = |row: &OfflineEvent| {
        (ids.is_empty() && messages.is_empty())
            || ids.contains(&row.id.to_string())
            || messages.contains(&row.message_id)
    };
    let gone = |row: &OfflineEvent| row.app == app && row.process_id.as_ref() == Some(&process) && named(row);
    call.state.offline.retain(|row| !gone(row));
    Ok(json!(true).into())
}

/// Marks reserved events as failed: they stay reserved and are not given again.
pub(super) fn error(call: &mut Call<'_>) -> Outcome {
    admin_app(call)?;
    if call.params.empty("PROCESS_ID") { Err(RestError::missing("PROCESS_ID")) } else { Ok(json!(true).into()) }
}
