//! The shared handle on one portal: its memory behind a lock, its clock, its faults, and what it says.

use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::config::SandboxConfig;
use crate::faults::Faults;
use crate::model::{Delivery, State};

/// User agent the portal shows when it downloads files (bitrix24.md §4.7).
const DOWNLOAD_AGENT: &str = "Bitrix Connector Client";

/// One running portal. The lock is never held across an await.
#[derive(Debug)]
pub(crate) struct Portal {
    pub(crate) config: SandboxConfig,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    /// Fetches files and pictures for the portal.
    pub(crate) downloads: reqwest::Client,
    /// Posts pages into iframes as a person's browser does; follows no redirects.
    pub(crate) browser: reqwest::Client,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    /// To the event queue.
    said: mpsc::UnboundedSender<Delivery>,
}

impl Portal {
    /// A portal whose events go to `said`.
    pub(crate) fn new(
        config: SandboxConfig,
        state: State,
        said: mpsc::UnboundedSender<Delivery>,
    ) -> Result<Arc<Self>, reqwest::Error> {
        let faults = Faults::seeded(config.seed);
        let timeout = Duration::from_millis(config.download_timeout_ms);
        let downloads = reqwest::Client::builder().user_agent(DOWNLOAD_AGENT).timeout(timeout).no_proxy();
        let browser = reqwest::Client::builder().user_agent("Mozilla/5.0 (sandbox)").no_proxy();
        Ok(Arc::new(Self {
            clock: Clock::default(),
            faults,
            downloads: downloads.danger_accept_invalid_certs(true).build()?,
            browser: browser.redirect(reqwest::redirect::Policy::none()).timeout(Duration::from_secs(60)).build()?,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            state: Mutex::new(state),
            changed: watch::channel(0).0,
            said,
            config,
        }))
    }

    /// Reads the memory.
    pub(crate) fn view<R>(&self, read: impl FnOnce(&State) -> R) -> R {
        read(&self.lock())
    }

    /// Changes the memory inside a hit; events wait until [`Portal::finish_hit`].
    pub(crate) fn edit<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let result = change(&mut self.lock());
        self.changed.send_modify(|tick| *tick += 1);
        result
    }

    /// Ends a hit: what was collected goes to the event queue (bitrix24.md §6.1).
    pub(crate) fn finish_hit(&self) {
        let deliveries = self.lock().take_outbox();
        for delivery in deliveries {
            // Nobody listens when the sandbox is stopping.
            let _ = self.said.send(delivery);
        }
    }

    /// A whole hit in one change.
    pub(crate) fn hit<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let result = self.edit(change);
        self.finish_hit();
        result
    }

    /// Ticks at every change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock();
        state.now = self.clock.now_ms();
        state
    }
}
