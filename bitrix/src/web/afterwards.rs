//! What an installation leaves to be done.

use crate::lines::{ask, registration};
use crate::shared::Inner;
use std::sync::Arc;
use std::time::Duration;

/// Registers and binds in the background, again and again until it is done.
pub(crate) fn reconcile_later(bitrix: &Arc<Inner>) {
    let bitrix = Arc::clone(bitrix);
    tokio::spawn(async move {
        let mut pause = Duration::from_secs(5);
        loop {
            bitrix.portal.gate.pass().await;
            if bitrix.portal.credentials().is_none() {
                return;
            }
            ask::fetch(&bitrix);
            match registration::reconcile(&bitrix).await {
                // A line may have turned out to be on.
                Ok(()) => return ask::fetch(&bitrix),
                Err(error) => {
                    tracing::error!(%error, retry_s = pause.as_secs(), "registration in the portal is not complete");
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(600));
        }
    });
}
