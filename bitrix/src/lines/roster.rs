//! Which connectors this installation registered, remembered so that one that is not configured any more is not
//! forgotten in the portal.

use crate::access::budget::Class;
use crate::config::Connector;
use crate::shared::Inner;
use crate::wire::rest::CallError;
use openline_core::store::Expect;
use openline_core::{Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

const PREFIX: &str = "bitrix/connector/";

/// A connector that was registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// Its id in the portal.
    #[serde(skip)]
    pub connector: String,
    /// The channel instance it was registered for.
    pub channel: String,
    /// Its name in the Contact Center.
    pub name: String,
}

/// All connectors that were registered and not unregistered since.
pub(crate) async fn all(store: &Arc<dyn Store>) -> Result<Vec<Registered>, StoreError> {
    let rows = store.state_list(PREFIX).await?.into_iter();
    let entry = |(key, value): (String, Vec<u8>)| {
        let connector = key.strip_prefix(PREFIX)?.to_owned();
        serde_json::from_slice::<Registered>(&value).ok().map(|entry| Registered { connector, ..entry })
    };
    Ok(rows.filter_map(entry).collect())
}

/// Forgets all: the application is gone from the portal, and its connectors with it (`bitrix24.md` §4.1).
pub(crate) async fn clear(store: &Arc<dyn Store>) -> Result<(), StoreError> {
    for entry in all(store).await? {
        store.state_delete(&format!("{PREFIX}{}", entry.connector)).await?;
    }
    Ok(())
}

/// Remembers a connector that was just registered.
pub(crate) async fn remember(bitrix: &Inner, connector: &Connector) -> Result<(), StoreError> {
    let store = bitrix.portal.inbox.store();
    let (channel, name) = (connector.channel.to_string(), connector.name.clone());
    let entry = Registered { connector: connector.id.clone(), channel, name };
    let known = all(store).await?.into_iter().find(|known| known.connector == entry.connector);
    if let Some(known) = known.as_ref().filter(|known| known.channel != entry.channel) {
        tracing::error!(
            connector = entry.connector,
            was = known.channel,
            is = entry.channel,
            "a connector belongs to another channel id now: what was said in the earlier one stays there, and visitors \
             who return begin anew. Give the channel its old id back if that is not wanted"
        );
    }
    if known.as_ref() == Some(&entry) {
        return Ok(());
    }
    let value = serde_json::to_vec(&entry).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    store.state_put(&format!("{PREFIX}{}", entry.connector), &value, Expect::Anything).await
}

/// Deals with connectors that are registered and not configured any more: unregisters them when the configuration says
/// so, and else reports them.
pub(crate) async fn retire(bitrix: &Inner) -> Result<(), CallError> {
    let config = bitrix.portal.config();
    let failed = |error: StoreError| CallError::Storage(error.to_string());
    let registered = all(bitrix.portal.inbox.store()).await.map_err(failed)?;
    for gone in registered.into_iter().filter(|entry| config.connector(&entry.connector).is_none()) {
        let Registered { connector, channel, .. } = &gone;
        if !config.unregister_removed {
            tracing::warn!(
                connector,
                channel,
                "this connector is not configured any more and still registered in the portal; what operators write \
                 there reaches nobody. portal.unregister_removed = true takes it away"
            );
            continue;
        }
        bitrix.portal.call("imconnector.unregister", &json!({ "ID": connector }), Class::Background).await?;
        bitrix.lines.forget(connector).await.map_err(failed)?;
        bitrix.portal.inbox.store().state_delete(&format!("{PREFIX}{connector}")).await.map_err(failed)?;
        tracing::info!(connector, channel, "unregistered a connector that is not configured any more");
    }
    Ok(())
}
