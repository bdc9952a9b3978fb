//! `imconnector.chat.name.set` (bitrix24.md §4.13).

use serde_json::json;

use super::call::{Call, Outcome};
use crate::php::json::empty_object;
use crate::rest::envelope::Reply;
use crate::rest::error::RestError;

/// Renames the portal chat of an external chat. An unknown user is a silent success.
pub(super) fn set(call: &mut Call<'_>) -> Outcome {
    call.caller.application()?;
    for name in ["CONNECTOR", "LINE", "CHAT_ID", "NAME"] {
        not_empty(call, name)?;
    }
    let sent = call.params.text("CONNECTOR");
    let (connector, line) = (sent.to_lowercase(), call.params.int("LINE"));
    let group = call.state.connectors.get(&connector).is_some_and(|connector| connector.flags.chat_group);
    if !group {
        not_empty(call, "USER_ID")?;
    }
    if !call.state.connectors.contains_key(&connector) {
        return Err(RestError::bad("IMCONNECTOR_NO_CORRECT_PROVIDER", "Cannot find a matching connector provider"));
    }
    if !call.state.is_connected(&connector, line) {
        return Err(RestError::bad("NOT_ACTIVE_LINE", "Open Channel with this ID is inactive or does not exist."));
    }
    let done = Reply::success(json!({ "RESULT": empty_object() }));
    let key = format!("{sent}|{}", call.params.text("USER_ID"));
    let user = call.state.user_keys.get(&key).copied();
    if !group && user.is_none() {
        return Ok(done);
    }
    let code = call.state.user_code(&connector, line, &call.params.text("CHAT_ID"), user.unwrap_or(0));
    let chat = call.state.chat_of(&code).map(|chat| chat.id);
    let chat = chat.ok_or_else(|| RestError::bad("CHAT_RENAMING_FAILED", "Chat renaming failed"))?;
    call.state.rename_chat(chat, &call.params.text("NAME"));
    Ok(done)
}

fn not_empty(call: &Call<'_>, name: &str) -> Result<(), RestError> {
    if call.params.empty(name) { Err(RestError::missing(name)) } else { Ok(()) }
}
