//! The shared handle on one stand-in: its memory behind a lock, its clock, its faults.

use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::config::TelegramConfig;
use super::faults::TelegramFaults;
use super::world::World;
use crate::clock::Clock;

/// One running stand-in. The lock is never held across an await.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) config: TelegramConfig,
    pub(crate) clock: Clock,
    pub(crate) faults: TelegramFaults,
    /// Posts to webhooks and fetches files by address.
    pub(crate) http: reqwest::Client,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    world: Mutex<World>,
    changed: watch::Sender<u64>,
}

impl Hub {
    pub(crate) fn new(config: TelegramConfig) -> Result<Arc<Self>, reqwest::Error> {
        let http = reqwest::Client::builder().timeout(config.webhook_timeout).no_proxy();
        Ok(Arc::new(Self {
            clock: Clock::default(),
            faults: TelegramFaults::seeded(config.seed),
            http: http.redirect(reqwest::redirect::Policy::none()).build()?,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            world: Mutex::new(World::new(&config)),
            changed: watch::channel(0).0,
            config,
        }))
    }

    /// Reads the memory.
    pub(crate) fn view<R>(&self, read: impl FnOnce(&World) -> R) -> R {
        read(&self.lock())
    }

    /// Changes the memory; whoever waits for changes looks again.
    pub(crate) fn edit<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        let result = change(&mut self.lock());
        self.touch();
        result
    }

    /// Changes the memory without waking anybody.
    pub(crate) fn quiet<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        change(&mut self.lock())
    }

    /// Makes whoever waits for changes look again.
    pub(crate) fn touch(&self) {
        self.changed.send_modify(|tick| *tick += 1);
    }

    /// Ticks at every change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock();
        world.now = self.clock.now_ms();
        world
    }
}
