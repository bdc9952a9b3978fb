//! Looking, now and then, whether the installation stands as it should.

use crate::lines::{connect, examine, registration};
use crate::shared::Inner;
use std::sync::Arc;

/// Looks on a timer, for as long as the program runs.
pub(crate) async fn keep_looking(bitrix: Arc<Inner>) {
    loop {
        tokio::select! {
            // The tracker ends when the program stops.
            () = bitrix.portal.tasks.wait() => return,
            // Another time may be configured; what is to be looked at then is looked at by who changed it.
            () = bitrix.reconfigured.notified() => continue,
            () = tokio::time::sleep(bitrix.portal.config().check_every) => {}
        }
        let works = bitrix.portal.credentials().is_some_and(|known| known.broken.is_none());
        if works && bitrix.portal.gate.reason().is_none() {
            examine::key(&bitrix).await;
            examine::application(&bitrix).await;
            registration::look_at_events(&bitrix).await;
            registration::check_lines(&bitrix).await;
            examine::lines(&bitrix).await;
            connect::tell_changes(&bitrix).await;
        }
    }
}
