//! `imconnector.activate`, `.status`, `.connector.data.set`, `.list`, `.set.error` (bitrix24.md §4.3–§4.6, §4.12).

use serde_json::{Map, Value, json};

use super::call::{Call, Outcome};
use crate::model::StatusRow;
use crate::php::value;
use crate::rest::envelope::Reply;
use crate::rest::error::RestError;

/// Channels the portal brings itself.
const BUILT_IN: &[(&str, &str)] = &[
    ("livechat", "Live Chat"),
    ("whatsappbytwilio", "WhatsApp by Twilio"),
    ("telegrambot", "Telegram"),
    ("facebook", "Facebook"),
    ("network", "Bitrix24.Network"),
];

/// `CONNECTOR` (lower case) and `LINE`, both required.
pub(super) fn pair(call: &Call<'_>) -> Result<(String, i64), RestError> {
    call.caller.application()?;
    let connector = value::text(call.params.require("CONNECTOR")?).unwrap_or_default().to_lowercase();
    let line = value::int(call.params.require("LINE")?);
    Ok((connector, line))
}

/// Any truthy value switches on, `"N"` included; a falsy one switches off and always says so.
pub(super) fn activate(call: &mut Call<'_>) -> Outcome {
    let (connector, line) = pair(call)?;
    if value::truthy(call.params.require("ACTIVE")?) {
        call.state.activate(&connector, line);
    } else {
        call.state.deactivate(&connector, line, call.caller.actor());
    }
    Ok(json!(true).into())
}

pub(super) fn status(call: &mut Call<'_>) -> Outcome {
    call.caller.application()?;
    let connector = value::text(call.params.require("CONNECTOR")?).unwrap_or_default();
    let line = call.params.int("LINE");
    let row = call.state.statuses.get(&(connector.to_lowercase(), line)).cloned().unwrap_or_default();
    Ok(json!({
        "LINE": line, "CONNECTOR": connector, "ERROR": row.error, "CONFIGURED": row.configured(), "STATUS": row.status(),
    })
    .into())
}

/// Lays the given fields over the saved ones; empty ones are ignored.
pub(super) fn data_set(call: &mut Call<'_>) -> Outcome {
    let (connector, line) = pair(call)?;
    let data = call.params.require("DATA")?;
    if !value::is_array(data) {
        return Err(RestError::new(500, "INTERNAL_SERVER_ERROR", "Internal server error"));
    }
    let fields = value::map_keys(data.clone(), false, str::to_uppercase);
    let kept: Map<String, Value> = ["ID", "URL", "URL_IM", "NAME"]
        .into_iter()
        .filter_map(|name| {
            Some((name.to_owned(), value::get(&fields, name).filter(|item| value::truthy(item))?.clone()))
        })
        .collect();
    call.state.status_row(&connector, line).data.extend(kept);
    Ok(json!(true).into())
}

/// Needs the right to change connectors, which only administrators have here.
pub(super) fn list(call: &mut Call<'_>) -> Outcome {
    call.caller.app.ok_or_else(RestError::wrong_auth_short)?;
    if !call.caller.admin {
        return Err(RestError::bad("ACCESS_DENIED", "You dont have access to this action"));
    }
    let built_in = BUILT_IN.iter().map(|(id, name)| ((*id).to_owned(), json!(name)));
    let own = call.state.connectors.values().map(|connector| (connector.id.clone(), json!(connector.name)));
    Ok(Value::Object(built_in.chain(own).collect()).into())
}

pub(super) fn set_error(call: &mut Call<'_>) -> Outcome {
    let (connector, line) = pair(call)?;
    let row: &mut StatusRow = call.state.status_row(&connector, line);
    row.error = true;
    Ok(Reply::success(json!([])))
}
