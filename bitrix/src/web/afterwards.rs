//! What an installation leaves to be done.

use crate::lines::{ask, registration};
use crate::shared::Inner;
use openline_core::again::Ladder;
use std::sync::Arc;

/// Until registration in the portal is tried again.
const LADDER: Ladder = Ladder::of(&[5, 10, 20, 40, 80, 160, 320, 600]);

/// Registers and binds in the background, again and again until it is done.
pub(crate) fn reconcile_later(bitrix: &Arc<Inner>) {
    let bitrix = Arc::clone(bitrix);
    tokio::spawn(async move {
        let mut failures = 0;
        loop {
            bitrix.portal.gate.pass().await;
            if bitrix.portal.credentials().is_none() {
                return;
            }
            ask::fetch(&bitrix);
            let pause = LADDER.step(failures);
            match registration::reconcile(&bitrix).await {
                // A line may have turned out to be on.
                Ok(()) => return ask::fetch(&bitrix),
                Err(error) => {
                    tracing::error!(%error, retry_s = pause.as_secs(), "registration in the portal is not complete");
                }
            }
            tokio::time::sleep(pause).await;
            failures += 1;
        }
    });
}
