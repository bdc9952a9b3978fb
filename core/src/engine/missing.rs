//! Whether replies may be missing: known from the start, and after every gap, until the histories of the dialogs were
//! read. Channels in which order can't be mended afterwards wait for that, though not for long: what is fetched goes
//! before what came meanwhile.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// Replies wait at most so long for earlier ones that may be missing.
const PATIENCE: Duration = Duration::from_secs(10);

/// One for all who look.
#[derive(Clone)]
pub(crate) struct Missing {
    gap: Arc<Notify>,
    state: Arc<watch::Sender<State>>,
}

#[derive(Clone, Copy, Default)]
struct State {
    /// How often a gap was noticed.
    gaps: u64,
    /// When the last was noticed; `None` when it is closed.
    since: Option<Instant>,
}

impl Default for Missing {
    fn default() -> Self {
        Self { gap: Arc::default(), state: Arc::new(watch::Sender::new(State::default())) }
    }
}

impl Missing {
    /// Something may have been missed: the histories are to be read.
    pub(crate) fn notice(&self) {
        self.begin();
        self.gap.notify_one();
    }

    /// Something may have been missed, and whoever reads the histories knows it.
    pub(crate) fn begin(&self) {
        self.state.send_modify(|state| {
            state.gaps += 1;
            state.since = Some(Instant::now());
        });
    }

    /// Waits for a [`Missing::notice`].
    pub(crate) async fn noticed(&self) {
        self.gap.notified().await;
    }

    /// The gaps up to now.
    pub(crate) fn current(&self) -> u64 {
        self.state.borrow().gaps
    }

    /// The histories were read since there were so many gaps.
    pub(crate) fn fetched(&self, gaps: u64) {
        self.state.send_modify(|state| {
            if state.gaps == gaps {
                state.since = None;
            }
        });
    }

    /// Waits until nothing is missing, or for [`PATIENCE`] since the gap.
    pub(crate) async fn none(&self) {
        let mut state = self.state.subscribe();
        loop {
            let Some(since) = state.borrow_and_update().since else { return };
            if tokio::time::timeout_at(since + PATIENCE, state.changed()).await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test(start_paused = true)]
    async fn what_is_not_closed_is_waited_for_but_not_for_ever() {
        let missing = Missing::default();
        assert!(missing.none().now_or_never().is_some());
        missing.begin();
        let began = missing.current();
        assert!(missing.none().now_or_never().is_none());
        missing.notice();
        missing.fetched(began);
        assert!(missing.none().now_or_never().is_none(), "the second gap came while the first was closed");
        let before = Instant::now();
        missing.none().await;
        assert_eq!(before.elapsed(), PATIENCE);
        assert!(missing.none().now_or_never().is_some(), "waited for once, not once more for each reply");
        missing.begin();
        assert!(missing.none().now_or_never().is_none(), "a new gap has its own time");
        missing.fetched(missing.current());
        assert!(missing.none().now_or_never().is_some());
    }

    #[tokio::test]
    async fn who_waits_is_told() {
        let missing = Missing::default();
        missing.begin();
        let told = missing.clone();
        let ((), ()) = tokio::join!(missing.none(), async move { told.fetched(told.current()) });
    }
}
