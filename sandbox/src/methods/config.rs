//! `imopenlines.config.*`: the open lines themselves (bitrix24.md §5.1).
#![expect(clippy::unnecessary_wraps, reason = "all methods have one signature, also those that cannot fail")]

use serde_json::{Value, json};

use super::call::{Call, Outcome};
use crate::model::Line;
use crate::php::value;
use crate::rest::error::RestError;

/// Most lines one call gives.
const MAX_LIMIT: i64 = 200;
const DEFAULT_LIMIT: i64 = 50;

/// Lines as objects of strings; `PARAMS` may select, filter by equality, sort by id, limit and skip.
pub(super) fn list_get(call: &mut Call<'_>) -> Outcome {
    let none = json!([]);
    let params = call.params.get("PARAMS").filter(|params| !params.is_null()).unwrap_or(&none);
    if !value::is_array(params) {
        return Err(RestError::bad("INVALID_FORMAT", "A wrong format for the PARAMS field is passed"));
    }
    let params = value::map_keys(params.clone(), false, str::to_lowercase);
    let number = |name: &str, default: i64| value::get(&params, name).map_or(default, value::int);
    let limit = number("limit", DEFAULT_LIMIT).clamp(0, MAX_LIMIT);
    let mut rows: Vec<Value> = call.state.lines.values().map(row).filter(|row| matches(row, &params)).collect();
    if descending(&params) {
        rows.reverse();
    }
    let skip = usize::try_from(number("offset", 0)).unwrap_or(0);
    let page = rows.into_iter().skip(skip).take(usize::try_from(limit).unwrap_or(0));
    Ok(page.map(|row| selected(row, &params)).collect::<Value>().into())
}

fn matches(row: &Value, params: &Value) -> bool {
    let filter = value::get(params, "filter").unwrap_or(&Value::Null);
    value::entries(filter).into_iter().all(|(name, wanted)| {
        let name = name.trim_start_matches(['=', '%']).to_uppercase();
        let wanted = if value::is_array(wanted) {
            value::entries(wanted).into_iter().map(|(_, one)| one).collect()
        } else {
            vec![wanted]
        };
        wanted.into_iter().any(|one| value::text(one) == row.get(&name).and_then(value::text))
    })
}

fn descending(params: &Value) -> bool {
    let order = value::get(params, "order").map(value::entries).unwrap_or_default();
    order.first().is_some_and(|(_, way)| value::text(way).unwrap_or_default().eq_ignore_ascii_case("desc"))
}

fn selected(row: Value, params: &Value) -> Value {
    let select = value::get(params, "select").map(value::entries).unwrap_or_default();
    let names: Vec<String> = select.into_iter().filter_map(|(_, name)| value::text(name)).collect();
    if names.is_empty() || names.iter().any(|name| name == "*") {
        return row;
    }
    value::entries(&row)
        .into_iter()
        .filter(|(name, _)| names.contains(name))
        .map(|(name, item)| (name, item.clone()))
        .collect()
}

fn row(line: &Line) -> Value {
    let mut row = json!({
        "ID": line.id.to_string(),
        "ACTIVE": if line.active { "Y" } else { "N" },
        "LINE_NAME": line.name,
        "CRM": "Y", "CRM_CREATE": "none", "QUEUE_TYPE": "evenly", "QUEUE_TIME": "60", "NO_ANSWER_TIME": "60",
        "CHECK_AVAILABLE": "N", "WATCH_TYPING": "Y", "LANGUAGE_ID": "en",
        "WELCOME_MESSAGE": if line.greeting.is_some() { "Y" } else { "N" },
        "WELCOME_MESSAGE_TEXT": line.greeting.clone().unwrap_or_default(),
        "OPERATOR_DATA": if line.hide_operators { "hide" } else { "profile" },
        "TEMPORARY": "N", "XML_ID": null,
    });
    for (name, setting) in line.settings() {
        row[name] = setting;
    }
    row
}

pub(super) fn get(call: &mut Call<'_>) -> Outcome {
    let line = call.state.lines.get(&config_id(call)?);
    let Some(line) = line else { return Ok(json!(false).into()) };
    let mut row = row(line);
    if call.params.text("WITH_QUEUE") != "N" {
        row["QUEUE"] = json!(["27", "28", "29"]);
    }
    Ok(row.into())
}

pub(super) fn add(call: &mut Call<'_>) -> Outcome {
    admin(call)?;
    let name = call.params.get("PARAMS").map(|params| value::text_of(params, "LINE_NAME")).unwrap_or_default();
    let name = if name.is_empty() { "Open Channel".to_owned() } else { name };
    let id = call.state.add_line(&name, None);
    call.state.touch();
    Ok(json!(id).into())
}

/// Changes the settings that [`Line::set`] knows; the queue cannot be set this way.
pub(super) fn update(call: &mut Call<'_>) -> Outcome {
    admin(call)?;
    let id = config_id(call)?;
    let params = call.params.get("PARAMS").cloned().unwrap_or_default();
    let Some(line) = call.state.lines.get_mut(&id) else { return Ok(json!(false).into()) };
    line.set(&params);
    call.state.touch();
    Ok(json!(true).into())
}

pub(super) fn delete(call: &mut Call<'_>) -> Outcome {
    admin(call)?;
    let id = config_id(call)?;
    Ok(json!(call.state.delete_line(id, call.caller.actor())).into())
}

pub(super) fn path_get(call: &mut Call<'_>) -> Outcome {
    Ok(json!({ "SERVER_ADDRESS": call.state.portal_url(), "PUBLIC_PATH": "/contact_center/" }).into())
}

fn config_id(call: &Call<'_>) -> Result<i64, RestError> {
    match call.params.int("CONFIG_ID") {
        0 => Err(RestError::bad("CONFIG_ID_EMPTY", "Config id can't be empty")),
        id => Ok(id),
    }
}

fn admin(call: &Call<'_>) -> Result<(), RestError> {
    if call.caller.admin {
        Ok(())
    } else {
        Err(RestError::new(403, "CONFIG_WRONG_USER_PERMISSION", "Permission denied"))
    }
}
