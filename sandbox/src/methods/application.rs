//! `app.info`, `scope`, `server.time`, `method.get`, `methods`, `feature.get` (bitrix24.md §5.2).
#![expect(clippy::unnecessary_wraps, reason = "all methods have one signature, also those that cannot fail")]

use serde_json::{Value, json};

use super::call::{Call, Outcome};
use crate::clock::iso;
use crate::model::{App, State};
use crate::rest::envelope::Reply;
use crate::rest::error::RestError;

const ALL_SCOPES: &[&str] =
    &["contact_center", "crm", "disk", "im", "imbot", "imconnector", "imopenlines", "placement", "user"];

/// The application's own card.
fn card(state: &State, app: &App) -> Value {
    json!({
        "ID": app.id, "CODE": app.client_id, "VERSION": app.version, "STATUS": "L", "INSTALLED": app.installed,
        "PAYMENT_EXPIRED": if app.unpaid { "Y" } else { "N" }, "DAYS": null, "LANGUAGE_ID": state.language,
        "LICENSE": "en_basic", "LICENSE_TYPE": "basic", "LICENSE_FAMILY": "basic",
    })
}

pub(super) fn info(call: &mut Call<'_>) -> Outcome {
    let app = call.caller.app.and_then(|id| call.state.app(id));
    let app = app.ok_or_else(|| RestError::bad("ACCESS_DENIED", "Access denied! Application context required"))?;
    Ok(card(call.state, app).into())
}

pub(super) fn scope(call: &mut Call<'_>) -> Outcome {
    let full = call.params.text("FULL") == "true" || call.params.text("FULL") == "1";
    Ok(if full { json!(ALL_SCOPES) } else { json!(call.caller.scope) }.into())
}

pub(super) fn server_time(call: &mut Call<'_>) -> Outcome {
    Ok(json!(iso(call.state.now)).into())
}

pub(super) fn method_get(call: &mut Call<'_>) -> Outcome {
    let name = call.params.text("NAME").to_lowercase();
    let found = call.methods.iter().find(|method| method.name == name);
    let available = found.is_some_and(|method| call.caller.covers(method.scope));
    Ok(json!({ "isExisting": found.is_some(), "isAvailable": available }).into())
}

pub(super) fn methods(call: &mut Call<'_>) -> Outcome {
    let known = call.methods.iter().filter(|method| call.caller.covers(method.scope));
    Ok(known.map(|method| json!(method.name)).collect::<Value>().into())
}

pub(super) fn feature_get(call: &mut Call<'_>) -> Outcome {
    match call.params.text("CODE").as_str() {
        "" => Err(RestError::bad("CODE_EMPTY", "Feature code can't be empty")),
        "rest_offline_extended" | "rest_auth_connector" => Ok(Reply::from(json!({ "value": "Y" }))),
        _ => Ok(Reply::from(json!({ "value": "N" }))),
    }
}
