//! `imconnector.send.status.delivery` and `.reading` (bitrix24.md §4.10, §4.11).

use serde_json::{Value, json};

use super::call::{Call, Outcome};
use super::send::Batch;
use crate::openline::incoming::MAX_EXTERNAL_ID;
use crate::php::value;
use crate::rest::envelope::Reply;

/// Only `im.message_id` decides; unknown messages are ignored.
pub(super) fn delivery(call: &mut Call<'_>) -> Outcome {
    let batch = Batch::read(call.caller, call.params)?;
    batch.check_provider(call.state)?;
    for (_, element) in &batch.messages {
        let im = value::get(element, "im").unwrap_or(&Value::Null);
        let message = value::get(im, "message_id").map_or(0, value::int);
        let ids = value::get(element, "message").and_then(|message| value::get(message, "id"));
        call.state.confirm_delivery(message, ids.map(external_ids).unwrap_or_default());
    }
    Ok(Reply::success(json!([])))
}

/// An array of ids, or one id alone.
fn external_ids(value: &Value) -> Vec<String> {
    let items = if value::is_array(value) {
        value::entries(value).into_iter().map(|(_, item)| item).collect()
    } else {
        vec![value]
    };
    let cut = |id: String| id.chars().take(MAX_EXTERNAL_ID).collect::<String>();
    items.into_iter().filter_map(value::text).filter(|id| !id.is_empty()).map(cut).collect()
}

/// The same answer, and nothing happens.
pub(super) fn reading(call: &mut Call<'_>) -> Outcome {
    let batch = Batch::read(call.caller, call.params)?;
    batch.check_provider(call.state)?;
    Ok(Reply::success(json!([])))
}
