//! Asking the portal for a line's own settings, and remembering them.

use crate::access::budget::Class;
use crate::lines::info::{PREFIX, read};
use crate::shared::Inner;
use crate::wire::values::line_number;
use futures_util::future::BoxFuture;
use openline_core::line::LineInfo;
use openline_core::store::Expect;
use openline_core::{ChannelId, DeliveryError, Store, StoreError};
use serde_json::{Value, json};
use std::sync::Arc;

/// The settings of the line that a channel's connector is on for.
pub(crate) async fn line(bitrix: &Arc<Inner>, channel: &ChannelId) -> Result<LineInfo, DeliveryError> {
    let config = bitrix.portal.config();
    let connector = config.connector_of(channel);
    let connector = connector.ok_or_else(|| DeliveryError::refused("the channel has no connector"))?;
    let line = bitrix.lines.choose(connector, None);
    let line = line.ok_or_else(|| DeliveryError::paused("the connector is connected to no open line"))?;
    bitrix.line_infos.get(&line, asking(bitrix, &line)).await
}

/// Asks for the settings of all lines that connectors are on for, before a visitor's page does.
pub(crate) fn fetch(bitrix: &Arc<Inner>) {
    for connector in &bitrix.portal.config().connectors {
        if let Some(line) = bitrix.lines.choose(connector, None) {
            bitrix.line_infos.fetch(&line, asking(bitrix, &line));
        }
    }
}

/// How a line is asked, and its answer kept.
fn asking(bitrix: &Arc<Inner>, line: &str) -> impl FnOnce() -> BoxFuture<'static, Result<LineInfo, String>> {
    let (asker, name) = (Arc::clone(bitrix), line.to_owned());
    move || {
        Box::pin(async move {
            let info = ask(&asker, &line_number(&name)).await?;
            keep(asker.portal.inbox.store(), &name, &info).await;
            Ok(info)
        })
    }
}

/// The settings of a line, as the portal has them at this moment.
pub(crate) async fn now(bitrix: &Inner, line: &str) -> Result<LineInfo, String> {
    let info = ask(bitrix, &line_number(line)).await?;
    keep(bitrix.portal.inbox.store(), line, &info).await;
    bitrix.line_infos.tell(line, info.clone());
    Ok(info)
}

/// Remembers what a line says, for the time after the next start in which the portal has not answered yet.
async fn keep(store: &Arc<dyn Store>, line: &str, info: &LineInfo) {
    let kept = match serde_json::to_vec(info) {
        Ok(value) => store.state_put(&format!("{PREFIX}{line}"), &value, Expect::Anything).await,
        Err(error) => Err(StoreError::Corrupt(error.to_string())),
    };
    if let Err(error) = kept {
        tracing::warn!(line, %error, "the line's settings can't be remembered");
    }
}

async fn ask(bitrix: &Inner, line: &Value) -> Result<LineInfo, String> {
    if let Some(reason) = bitrix.portal.gate.reason() {
        return Err(reason);
    }
    let params = json!({ "CONFIG_ID": line, "WITH_QUEUE": "N" });
    let answer = bitrix.portal.ask("imopenlines.config.get", &params, Class::Background).await;
    match answer.map_err(|error| error.to_string())?.result {
        Value::Object(config) => Ok(read(&Value::Object(config))),
        _ => Err("the portal does not know this line".to_owned()),
    }
}
