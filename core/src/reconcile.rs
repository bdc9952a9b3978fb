//! Replies that never reached us: the portal never repeats an event, so what was written while we were away, or was
//! dropped on the way, is fetched from the open dialogs' histories and taken as if its event had come.

use crate::Backend;
use crate::error::{DeliveryError, StoreError};
use crate::inbox::Doors;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Open dialogs in which nothing happened for so long are not looked at any more.
const ACTIVE_WITHIN: Duration = Duration::from_secs(30 * 24 * 3600);

/// What one round found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Dialogs that were looked at.
    pub dialogs: usize,
    /// Messages that their histories named as not confirmed. Those we had already count too.
    pub found: usize,
}

/// Fetches what was missed: at the start, after every gap, and now and then.
pub(crate) async fn run(doors: Doors, backend: Arc<dyn Backend>, every: Duration, stop: CancellationToken) {
    let rounds = async {
        loop {
            backend.ready().await;
            match round(&doors, &backend).await {
                Ok(Round { found: 0, dialogs }) => tracing::debug!(dialogs, "no reply was missed"),
                Ok(Round { found, dialogs }) => {
                    tracing::info!(dialogs, found, "replies fetched from the portal's history");
                }
                Err(error) => tracing::error!(%error, "missed replies could not be stored"),
            }
            let _ = tokio::time::timeout(every, doors.gap().notified()).await;
        }
    };
    stop.run_until_cancelled(rounds).await;
}

/// Looks at every open dialog once.
///
/// # Errors
/// When the store can't be used.
pub(crate) async fn round(doors: &Doors, backend: &Arc<dyn Backend>) -> Result<Round, StoreError> {
    let (mut round, mut after) = (Round::default(), None);
    let since = doors.clock.now().minus(ACTIVE_WITHIN);
    loop {
        let page = doors.store.following(after, since, backend.missed_limit()).await?;
        let Some(last) = page.last() else { return Ok(round) };
        after = Some(last.id);
        round.dialogs += page.len();
        for result in backend.missed(&page).await {
            match result {
                Ok(events) if events.is_empty() => {}
                Ok(events) => {
                    round.found += events.len();
                    doors.operator_inbox().accept(events).await?;
                }
                // The whole portal is away: the next round begins when it is back.
                Err(DeliveryError::Paused { reason, .. }) => {
                    tracing::warn!(reason, "missed replies can't be fetched now");
                    return Ok(round);
                }
                Err(error) => tracing::warn!(%error, "a dialog's history could not be read"),
            }
        }
    }
}
