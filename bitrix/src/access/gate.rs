//! Whether the portal can be worked with now. While it can't, no work is claimed, so that an outage of any length
//! burns no attempts and fills no memory.

use openline_core::again::{Ladder, spread};
use parking_lot::Mutex;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Longest pause between two looks at a portal that can't be reached.
const MAX_BACKOFF: Duration = Duration::from_secs(60);
/// What is waited before that is reached.
const LADDER: Ladder = Ladder::of(&[1, 2, 4, 8, 16, 32, 64]);

#[derive(Debug, Clone, Default)]
struct State {
    /// Why it is closed; `None`: it is open.
    reason: Option<String>,
    /// Closed until then; `None` with a reason: until somebody opens it.
    until: Option<Instant>,
    /// When it was closed last.
    since: Option<Instant>,
    /// When it was closed first in this outage.
    began: Option<Instant>,
    failures: u32,
}

/// Opens and closes with what the portal's answers mean.
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

impl Gate {
    pub(crate) fn open() -> Self {
        Self { state: Mutex::default(), changed: watch::Sender::new(0) }
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock());
        self.changed.send_modify(|n| *n += 1);
    }

    /// A call that began at `began` went through. When that ends an outage, how long it was; a call from before it proves
    /// nothing, and what somebody has to open stays closed.
    pub(crate) fn succeeded(&self, began: Instant) -> Option<Duration> {
        let state = self.state.lock().clone();
        let ends = state.reason.is_some() && state.until.is_some() && state.since.is_none_or(|since| began >= since);
        if ends {
            self.set(|state| *state = State::default());
        }
        ends.then(|| state.began.map(|began| began.elapsed()).unwrap_or_default())
    }

    /// How long it is closed now, at the least; `None` while calls may be made.
    pub(crate) fn shut_for(&self) -> Option<Duration> {
        let state = self.state.lock();
        state.reason.as_ref()?;
        let until = state.until.unwrap_or_else(|| Instant::now() + MAX_BACKOFF);
        Some(until.duration_since(Instant::now())).filter(|left| !left.is_zero())
    }

    /// The portal can't be reached or is busy: wait, longer each time in a row. Calls that fail together are one time:
    /// one that began before the last wait, or ends during it, says nothing new.
    pub(crate) fn back_off(&self, reason: &str, jitter: f64, began: Instant) {
        let State { failures, since, until, .. } = self.state.lock().clone();
        let known = since.is_some_and(|since| began < since) || until.is_some_and(|until| Instant::now() < until);
        if failures > 0 && known {
            return;
        }
        let wait = spread(LADDER.step(failures).min(MAX_BACKOFF), jitter);
        tracing::warn!(reason, wait_ms = wait.as_millis(), "the portal can't be worked with, waiting");
        self.shut(reason, wait, failures + 1);
    }

    /// Closed for a time: somebody has to mend something, we only look now and then.
    pub(crate) fn suspend(&self, reason: &str, pause: Duration) {
        tracing::error!(reason, look_again_s = pause.as_secs(), "work with the portal is suspended");
        self.shut(reason, pause, 0);
    }

    /// Closes for a time, unless it is closed for longer already.
    fn shut(&self, reason: &str, pause: Duration, failures: u32) {
        let (now, until) = (Instant::now(), Instant::now() + pause);
        self.set(|state| {
            let longer = state.reason.is_some() && state.until.is_none_or(|known| known > until);
            if !longer {
                let began = state.began.or(Some(now));
                *state =
                    State { reason: Some(reason.to_owned()), until: Some(until), since: Some(now), began, failures };
            }
        });
    }

    /// Closed until [`Gate::reopen`].
    pub(crate) fn close(&self, reason: &str) {
        let since = Some(Instant::now());
        let reason = Some(reason.to_owned());
        self.set(|state| *state = State { reason, until: None, since, began: since, failures: 0 });
    }

    /// Something was mended.
    pub(crate) fn reopen(&self) {
        self.set(|state| *state = State::default());
    }

    /// Why it is closed.
    pub(crate) fn reason(&self) -> Option<String> {
        self.state.lock().reason.clone()
    }

    /// Waits until it is open, or until it is time to look again.
    pub(crate) async fn pass(&self) {
        let mut changed = self.changed.subscribe();
        loop {
            let state = self.state.lock().clone();
            match (state.reason, state.until) {
                (None, _) => return,
                (Some(_), Some(until)) if until <= Instant::now() => return,
                (Some(_), Some(until)) => {
                    let _ = tokio::time::timeout_at(until, changed.changed()).await;
                }
                (Some(_), None) => {
                    if changed.changed().await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_looked_at_ever_more_seldom() {
        let (gate, start) = (Gate::open(), Instant::now());
        for _ in 0..12 {
            gate.back_off("down", 1.0, Instant::now());
            gate.pass().await;
        }
        let waited = start.elapsed().as_secs();
        assert!((1 + 2 + 4 + 8 + 16 + 32 + 6 * 60..=430).contains(&waited), "{waited}");
        assert_eq!(gate.succeeded(Instant::now()).map(|outage| outage.as_secs()), Some(waited));
        gate.pass().await;
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_fail_together_are_one_failure() {
        let (gate, began) = (Gate::open(), Instant::now());
        tokio::time::advance(Duration::from_millis(10)).await;
        let closed = Instant::now();
        for _ in 0..8 {
            gate.back_off("down", 1.0, began);
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        // One that began meanwhile, because it did not wait for the gate.
        gate.back_off("down", 1.0, Instant::now());
        gate.pass().await;
        assert_eq!(closed.elapsed().as_secs(), 1);
        // Late ones of the same outage.
        gate.back_off("down", 1.0, began);
        let again = Instant::now();
        gate.pass().await;
        assert!(again.elapsed().is_zero());
        gate.back_off("down", 1.0, again);
        gate.pass().await;
        assert_eq!(again.elapsed().as_secs(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_longer_closure_wins_and_an_older_success_opens_nothing() {
        let (gate, before) = (Gate::open(), Instant::now());
        tokio::time::advance(Duration::from_millis(1)).await;
        gate.suspend("blocked by the vendor", Duration::from_secs(3600));
        gate.back_off("busy", 1.0, Instant::now());
        assert_eq!(gate.reason().as_deref(), Some("blocked by the vendor"));
        assert_eq!(gate.succeeded(before), None);
        assert!(gate.succeeded(Instant::now()).is_some());
        gate.close("removed");
        assert_eq!(gate.succeeded(Instant::now()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn closed_means_until_reopened() {
        let gate = Gate::open();
        gate.close("not installed");
        let waits = tokio::time::timeout(Duration::from_secs(3600), gate.pass());
        assert!(waits.await.is_err());
        let (passed, ()) = tokio::join!(tokio::time::timeout(Duration::from_secs(1), gate.pass()), async {
            tokio::task::yield_now().await;
            gate.reopen();
        });
        assert!(passed.is_ok());
    }
}
