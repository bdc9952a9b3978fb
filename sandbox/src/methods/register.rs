//! `imconnector.register` and `imconnector.unregister` (bitrix24.md §4.1, §4.2).

use serde_json::{Value, json};

use super::call::{Call, Outcome};
use crate::model::{Connector, ConnectorFlags, Icon, Placement};
use crate::php::value;
use crate::rest::envelope::Reply;

/// A soft refusal: code and text.
type Soft = (&'static str, &'static str);

const SAVE_FAILED: Soft = ("APPLICATION_REGISTRATION_ERROR", "Error registering app");
const NO_APP: Soft = ("NO_APPLICATION_ID", "Cannot get the app ID");
const DOT: Soft =
    ("APPLICATION_REGISTRATION_ERROR_POINT", "Application registration error. Connector ID cannot contain dots (.).");

/// Registers a connector, or takes over and updates the one with this id; omitted flags keep their values.
pub(super) fn register(call: &mut Call<'_>) -> Outcome {
    let app = call.caller.application()?;
    let fields = value::map_keys(call.params.all().clone(), true, str::to_uppercase);
    let saved = match checked(&fields, app, call) {
        Ok(connector) => connector,
        Err((code, text)) => return Ok(Reply::soft(code, text)),
    };
    let placement = Placement { app, handler: saved.handler.clone() };
    if !call.state.placements.iter().any(|known| known.app == app && known.handler == placement.handler) {
        call.state.placements.push(placement);
    }
    call.state.connectors.insert(saved.id.clone(), saved);
    call.state.touch();
    Ok(json!({ "result": true }).into())
}

/// The checks in the portal's order: dot, id, name, icon, application, handler, then saving.
fn checked(fields: &Value, app: i64, call: &Call<'_>) -> Result<Connector, Soft> {
    let id = string(fields, "ID").to_lowercase();
    if id.contains('.') {
        return Err(DOT);
    }
    let id = filled(id, ("CONNECTOR_ID_REQUIRED", "The connector ID is not specified"))?;
    let name = filled(string(fields, "NAME"), ("NAME_REQUIRED", "Connector name is not specified"))?;
    let icon = icon(fields)?;
    if call.state.app(app).is_none() {
        return Err(NO_APP);
    }
    let no_handler = ("NO_PLACEMENT_HANDLER", "Cannot get the embedding handler URL");
    let handler = filled(string(fields, "PLACEMENT_HANDLER"), no_handler)?;
    let stored = call.state.connectors.get(&id).map_or_else(ConnectorFlags::default, |connector| connector.flags);
    let flags = flags(fields, stored).ok_or(SAVE_FAILED)?;
    Ok(Connector { id, name, app, icon, handler, flags })
}

fn string(fields: &Value, name: &str) -> String {
    value::get(fields, name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// PHP `empty` on a string: `"0"` counts as missing.
fn filled(text: String, refusal: Soft) -> Result<String, Soft> {
    if text.is_empty() || text == "0" { Err(refusal) } else { Ok(text) }
}

fn icon(fields: &Value) -> Result<Icon, Soft> {
    let icon = value::get(fields, "ICON").unwrap_or(&Value::Null);
    let refusal = ("ICON_REQUIRED", "Connector icon is not specified");
    let data_image = filled(string(icon, "DATA_IMAGE"), refusal)?;
    let color = filled(string(icon, "COLOR"), refusal).unwrap_or_else(|_| "#90be00".to_owned());
    Ok(Icon { data_image, color })
}

/// The flags sent laid over the stored ones; `None` when a value is none of the accepted ones.
fn flags(fields: &Value, mut flags: ConnectorFlags) -> Option<ConnectorFlags> {
    let named = [
        ("DEL_EXTERNAL_MESSAGES", &mut flags.del_external_messages),
        ("EDIT_INTERNAL_MESSAGES", &mut flags.edit_internal_messages),
        ("DEL_INTERNAL_MESSAGES", &mut flags.del_internal_messages),
        ("NEWSLETTER", &mut flags.newsletter),
        ("NEED_SYSTEM_MESSAGES", &mut flags.need_system_messages),
        ("NEED_SIGNATURE", &mut flags.need_signature),
        ("CHAT_GROUP", &mut flags.chat_group),
    ];
    for (name, flag) in named {
        if let Some(sent) = value::get(fields, name).filter(|sent| !sent.is_null()) {
            *flag = value::flag(sent)?;
        }
    }
    Some(flags)
}

/// Succeeds even when nothing matched; status rows go whoever owns the connector.
pub(super) fn unregister(call: &mut Call<'_>) -> Outcome {
    let app = call.caller.application()?;
    let id = call.params.text("ID").to_lowercase();
    if id.is_empty() || id == "0" {
        return Ok(Reply::soft("APPLICATION_UNREGISTRATION_ERROR", "Error unregistering app"));
    }
    call.state.unregister(&id, app, call.caller.actor());
    Ok(json!({ "result": true }).into())
}
