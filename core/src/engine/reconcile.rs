//! Replies that never reached us: the portal never repeats an event, so what was written while we were away, or was
//! dropped on the way, is fetched from the dialogs' histories and taken as if its event had come: of the open ones each
//! time, of those that are over once more.

use crate::domain::error::{DeliveryError, StoreError};
use crate::domain::message::{OperatorEvent, Thread};
use crate::engine::inbox::Doors;
use crate::ports::backend::Backend;
use crate::ports::clock::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Open dialogs in which nothing happened for so long are not looked at any more.
const ACTIVE_WITHIN: Duration = Duration::from_secs(30 * 24 * 3600);

/// Until a round is made again that the store broke off.
const STORE_PAUSE: Duration = Duration::from_secs(5);

/// What one round found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Dialogs that were looked at.
    pub dialogs: usize,
    /// Messages that their histories named as not confirmed. Those we had already count too.
    pub found: usize,
    /// Whether all dialogs were looked at; not so when the portal went away meanwhile.
    pub whole: bool,
}

/// Fetches what was missed: at the start, after every gap, and now and then.
pub(crate) async fn run(doors: Doors, backend: Arc<dyn Backend>, every: Duration, stop: CancellationToken) {
    let rounds = async {
        loop {
            backend.ready().await;
            let began = doors.missing.current();
            match round(&doors, &backend).await {
                Ok(Round { dialogs, found, whole }) => {
                    if found == 0 {
                        tracing::debug!(dialogs, "no reply was missed");
                    } else {
                        tracing::info!(dialogs, found, "replies fetched from the portal's history");
                    }
                    if whole {
                        doors.missing.fetched(began);
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "missed replies could not be stored");
                    tokio::time::sleep(STORE_PAUSE).await;
                    continue;
                }
            }
            let _ = tokio::time::timeout(every, doors.missing.noticed()).await;
        }
    };
    stop.run_until_cancelled(rounds).await;
}

/// Looks at every dialog that is over once more, and at every open one.
///
/// # Errors
/// When the store can't be used.
pub(crate) async fn round(doors: &Doors, backend: &Arc<dyn Backend>) -> Result<Round, StoreError> {
    let mut round = Round::default();
    let since = doors.clock.now().minus(ACTIVE_WITHIN);
    round.whole = past(doors, backend, since, &mut round).await? && open(doors, backend, since, &mut round).await?;
    Ok(round)
}

/// The dialogs that are over, until each was read once. True when the backend is there.
async fn past(
    doors: &Doors,
    backend: &Arc<dyn Backend>,
    since: Timestamp,
    round: &mut Round,
) -> Result<bool, StoreError> {
    let mut after = 0;
    loop {
        let page = doors.store.past_dialogs(after, since, backend.missed_limit()).await?;
        let Some(last) = page.last() else { return Ok(true) };
        after = last.id;
        let (ids, page): (Vec<_>, Vec<_>) = page.into_iter().map(|past| (past.id, past.conversation)).unzip();
        let mut there = true;
        let mut read = Vec::new();
        for (id, result) in ids.into_iter().zip(backend.missed(&page).await) {
            // What they tell of the conversation's place is over, too.
            let elsewhere = |event| OperatorEvent { thread: Thread::default(), ..event };
            let result = result.map(|events| events.into_iter().map(elsewhere).collect());
            match take(doors, result, round).await? {
                Look::Done => read.push(id),
                Look::Failed => {}
                Look::Away => there = false,
            }
        }
        round.dialogs += page.len();
        doors.store.forget_past_dialogs(read).await?;
        if !there {
            return Ok(false);
        }
    }
}

/// The open dialogs. True when the backend is there.
async fn open(
    doors: &Doors,
    backend: &Arc<dyn Backend>,
    since: Timestamp,
    round: &mut Round,
) -> Result<bool, StoreError> {
    let mut after = None;
    loop {
        let page = doors.store.following(after, since, backend.missed_limit()).await?;
        let Some(last) = page.last() else { return Ok(true) };
        after = Some(last.id);
        round.dialogs += page.len();
        let mut there = true;
        for result in backend.missed(&page).await {
            there &= take(doors, result, round).await? != Look::Away;
        }
        if !there {
            return Ok(false);
        }
    }
}

#[derive(PartialEq, Eq)]
enum Look {
    Done,
    Failed,
    /// The whole portal is away: the next round begins when it is back.
    Away,
}

/// Takes what one look into a dialog's history brought.
async fn take(
    doors: &Doors,
    result: Result<Vec<OperatorEvent>, DeliveryError>,
    round: &mut Round,
) -> Result<Look, StoreError> {
    match result {
        Ok(events) => {
            round.found += events.len();
            if !events.is_empty() {
                doors.operator_inbox().accept(events).await?;
            }
            Ok(Look::Done)
        }
        Err(DeliveryError::Paused { reason, .. }) => {
            tracing::warn!(reason, "missed replies can't be fetched now");
            Ok(Look::Away)
        }
        Err(error) => {
            tracing::warn!(%error, "a dialog's history could not be read");
            Ok(Look::Failed)
        }
    }
}
