//! The time in which an installation's page finishes the installation (`bitrix24.md` §2.4).

use parking_lot::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// How long after an installation's page was shown the portal is asked: anybody can call the address.
const WHILE: Duration = Duration::from_secs(60);
/// How soon it is asked again.
const AGAIN: Duration = Duration::from_secs(2);

/// Until when, and when next, the portal may be asked.
#[derive(Default)]
pub(crate) struct Finishing(Mutex<Option<(Instant, Instant)>>);

impl Finishing {
    /// An installation's page is shown.
    pub(crate) fn begin(&self) {
        let now = Instant::now();
        *self.0.lock() = Some((now + WHILE, now));
    }

    /// Whether one is shown: what it has to finish is not finished yet.
    pub(crate) fn is_on(&self) -> bool {
        let times = *self.0.lock();
        times.is_some_and(|(until, _)| Instant::now() < until)
    }

    /// Whether it is time to ask.
    pub(crate) fn is_due(&self) -> bool {
        let (mut times, now) = (self.0.lock(), Instant::now());
        let Some((until, next)) = times.filter(|(until, next)| now < *until && *next <= now) else { return false };
        *times = Some((until, next.max(now) + AGAIN));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_portal_is_asked_seldom_and_only_after_a_page() {
        let finishing = Finishing::default();
        assert!(!finishing.is_due());
        finishing.begin();
        assert!(finishing.is_due() && !finishing.is_due());
        tokio::time::advance(AGAIN).await;
        assert!(finishing.is_due());
        tokio::time::advance(WHILE).await;
        assert!(!finishing.is_due());
    }
}
