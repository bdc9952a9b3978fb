//! How connectors stand on lines, as far as it was told.

use crate::findings::Finding;
use crate::shared::Inner;

/// Keeps how a connector stands on a line; when it was switched on, what waited for that goes out.
pub(crate) async fn remember_line(bitrix: &Inner, connector: &str, line: &str, active: bool) {
    match bitrix.lines.set(connector, line, active, bitrix.portal.clock().now()).await {
        Ok(true) => {
            tracing::info!(connector, line, active, "how a connector stands on a line changed");
            bitrix.looked_for_lines.lock().await.remove(connector);
            if let Some(connector) = bitrix.portal.config().connector(connector).filter(|_| active) {
                bitrix.findings.remove(&Finding::Unconnected(connector.name.clone()));
            }
            if active && let Err(error) = bitrix.portal.inbox.backend_is_back().await {
                tracing::warn!(%error, "can't hurry the waiting messages");
            }
        }
        Ok(false) => {}
        Err(error) => tracing::error!(connector, line, %error, "can't keep how the connector stands"),
    }
}
