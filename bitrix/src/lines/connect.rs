//! Switching a connector on for a line, and what the portal is told of the channel then (`bitrix24.md` §4.3, §4.5).

use crate::access::budget::Class;
use crate::config::Connector;
use crate::lines::remembered;
use crate::shared::Inner;
use crate::wire::rest::CallError;
use crate::wire::values::line_number;
use openline_core::StoreError;
use openline_core::store::Expect;
use serde_json::{Value, json};

/// Under this, a connector and a line stands what the portal was told last.
const TOLD: &str = "bitrix/told/";

/// Switches a connector on for a line and tells the portal where the channel is. The row is written at the end of the
/// portal's request, so the status is not asked right after.
pub(crate) async fn switch_on(bitrix: &Inner, connector: &Connector, line: &str) -> Result<(), CallError> {
    activate(bitrix, &connector.id, line).await?;
    set_data(bitrix, connector, line, &data(connector, line)).await?;
    remembered::remember_line(bitrix, &connector.id, line, true).await;
    Ok(())
}

/// Switches a connector on; what the portal knew of the channel may be gone then.
pub(crate) async fn activate(bitrix: &Inner, connector: &str, line: &str) -> Result<(), CallError> {
    let params = json!({ "CONNECTOR": connector, "LINE": line_number(line), "ACTIVE": 1 });
    bitrix.portal.call("imconnector.activate", &params, Class::Admin).await.map(|_| ())
}

/// What the portal shows of a channel: its name and its address as they are now.
fn data(connector: &Connector, line: &str) -> Value {
    let mut data = json!({ "ID": format!("{}_{line}", connector.id), "NAME": connector.name });
    if let Some(address) = connector.shown.now().address {
        data["URL"] = json!(address);
        data["URL_IM"] = json!(address);
    }
    data
}

/// What the portal was not told yet of the channels: their names, `public_url`, a bot's address that was not known before.
/// An address that is not known at the moment is no change.
pub(crate) async fn untold(bitrix: &Inner) -> Vec<(Connector, String, Value)> {
    let mut untold = Vec::new();
    for connector in &bitrix.portal.config().connectors {
        for line in bitrix.lines.active_lines(&connector.id) {
            let now = data(connector, &line);
            let told = bitrix.portal.inbox.store().state_get(&key(connector, &line)).await;
            let told: Value =
                told.ok().flatten().and_then(|told| serde_json::from_slice(&told).ok()).unwrap_or_default();
            if now.as_object().into_iter().flatten().any(|(key, value)| told.get(key) != Some(value)) {
                untold.push((connector.clone(), line, now));
            }
        }
    }
    untold
}

/// Tells the portal that.
pub(crate) async fn tell_changes(bitrix: &Inner) {
    for (connector, line, data) in untold(bitrix).await {
        match set_data(bitrix, &connector, &line, &data).await {
            Ok(()) => {
                tracing::info!(connector = connector.id, line, "the portal was told the channel's name and address");
            }
            Err(error) => {
                tracing::warn!(connector = connector.id, line, %error, "can't tell the portal the channel's address");
            }
        }
    }
}

async fn set_data(bitrix: &Inner, connector: &Connector, line: &str, data: &Value) -> Result<(), CallError> {
    let params = json!({ "CONNECTOR": connector.id, "LINE": line_number(line), "DATA": data });
    bitrix.portal.call("imconnector.connector.data.set", &params, Class::Admin).await?;
    let kept = data.to_string().into_bytes();
    let kept = bitrix.portal.inbox.store().state_put(&key(connector, line), &kept, Expect::Anything).await;
    kept.map_err(|error: StoreError| CallError::Storage(error.to_string()))
}

fn key(connector: &Connector, line: &str) -> String {
    format!("{TOLD}{}/{line}", connector.id)
}
