//! What somebody has to mend, of everything that this process knows: the one list that the dashboard, `/health`,
//! `openline channels`, `openline doctor` and the alerts tell.

use crate::config::Config;
use crate::serve::certificate;
use crate::serve::pulse::Pulse;
use crate::serve::room;
use openline_bitrix::{Bitrix, Concern};
use openline_core::inbox::Doors;
use openline_core::store::Queue;
use openline_core::{Roster, Store, StoreError, Timestamp};
use parking_lot::Mutex;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often the certificate is looked at.
const CERTIFICATE: Duration = Duration::from_secs(3600);

/// That nothing can be stored is a process's own, and can't be kept in the store.
pub(crate) const STORE: &str = "store";

/// Who knows what is wrong.
#[derive(Clone)]
pub(crate) struct Watch(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    doors: Doors,
    bitrix: Arc<Bitrix>,
    roster: Roster,
    pulse: Pulse,
    public_url: String,
    /// The folders that are written to, and how many bytes should be free there.
    disks: Mutex<Vec<(PathBuf, u64)>>,
    /// After how long what waits is told.
    patience: Mutex<Duration>,
    /// What the last look at the store and at the certificate found.
    slow: Mutex<(Vec<Concern>, Option<Concern>)>,
}

impl Watch {
    pub(crate) fn new(
        config: &Config,
        (store, doors, bitrix): (&Arc<dyn Store>, &Doors, &Arc<Bitrix>),
        roster: &Roster,
        pulse: Pulse,
    ) -> Self {
        Self(Arc::new(Inner {
            store: Arc::clone(store),
            doors: doors.clone(),
            bitrix: Arc::clone(bitrix),
            roster: roster.clone(),
            pulse,
            public_url: config.public_url.clone(),
            disks: Mutex::new(room::places(config)),
            patience: Mutex::new(config.alerts.queue),
            slow: Mutex::default(),
        }))
    }

    /// Everything, the most urgent first.
    pub(crate) fn concerns(&self) -> Vec<Concern> {
        let known = &self.0;
        let no_store = |why: String| Concern::new(STORE, "store", &[("reason", &why)]);
        let mut all: Vec<Concern> = known.pulse.problem().map(no_store).into_iter().collect();
        all.extend(room::problem(&known.disks.lock()));
        let status = known.bitrix.status();
        all.extend(status.lost.map(|why| Concern::new("lost", "lost", &[("reason", &why)]).under("portal")));
        all.extend(status.problems.into_iter().map(|one| one.under("portal")));
        for (id, built) in known.roster.all() {
            let values = |problem: String| {
                Concern::new(format!("channel/{id}"), "channel", &[("name", id.as_str()), ("reason", &problem)])
            };
            all.extend(built.channel.health().err().map(values));
        }
        let slow = known.slow.lock();
        all.extend(slow.0.iter().chain(&slow.1).cloned());
        all
    }

    /// The same, with a look at the store before.
    pub(crate) async fn look(&self) -> Vec<Concern> {
        self.look_at_queues().await;
        self.concerns()
    }

    /// Looks for what another configuration says from now on; `here`: the files still lie where it says.
    pub(crate) fn exchange(&self, config: &Config, here: bool) {
        *self.0.patience.lock() = config.alerts.queue;
        if here {
            *self.0.disks.lock() = room::places(config);
        }
    }

    /// Looks at what takes a question, until `stop`.
    pub(crate) async fn run(self, every: Duration, stop: CancellationToken) {
        let mut certificate: Option<Instant> = None;
        loop {
            if certificate.is_none_or(|looked| looked.elapsed() >= CERTIFICATE) {
                certificate = Some(Instant::now());
                // Whoever is slow to answer holds nothing up.
                tokio::spawn(self.clone().look_at_certificate());
            }
            if stop.run_until_cancelled(self.look_at_queues()).await.is_none() {
                return;
            }
            if stop.run_until_cancelled(tokio::time::sleep(every)).await.is_none() {
                return;
            }
        }
    }

    async fn look_at_queues(&self) {
        let (known, now) = (&self.0, self.0.doors.now());
        let patience = *known.patience.lock();
        match of_messages(&known.store, &known.doors.queues(), now, patience).await {
            Ok(found) => self.0.slow.lock().0 = found,
            // The pulse says it.
            Err(error) => tracing::debug!(%error, "the queues can't be looked at"),
        }
    }

    async fn look_at_certificate(self) {
        let found = certificate::look(&self.0.public_url).await.and_then(certificate::Found::concern);
        self.0.slow.lock().1 = found;
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    pub(crate) fn doors(&self) -> &Doors {
        &self.0.doors
    }

    pub(crate) fn roster(&self) -> &Roster {
        &self.0.roster
    }

    pub(crate) fn bitrix(&self) -> &Arc<Bitrix> {
        &self.0.bitrix
    }
}

/// What waits for longer than `patience`, and that something was given up.
///
/// # Errors
/// When the store can't be read.
pub(crate) async fn of_messages(
    store: &Arc<dyn Store>,
    queues: &[Queue],
    now: Timestamp,
    patience: Duration,
) -> Result<Vec<Concern>, StoreError> {
    let mut found = Vec::new();
    for queue in queues {
        let waits = store.oldest(queue).await?.map_or(Duration::ZERO, |oldest| oldest.until(now));
        if waits >= patience {
            let (key, minutes) = (format!("queue/{}", queue.name()), (waits.as_secs() / 60).to_string());
            found.push(match queue {
                Queue::Channel(id) => {
                    Concern::new(key, "queue_channel", &[("name", id.as_str()), ("minutes", &minutes)])
                }
                Queue::Backend | Queue::Confirm => Concern::new(key, "queue", &[("minutes", &minutes)]),
            });
        }
    }
    if !store.dead_letters(None, 1).await?.is_empty() {
        found.push(Concern::new("dead", "dead", &[]));
    }
    Ok(found)
}

/// Whether it is of the store that all processes share, so that each says the same of it.
pub(crate) fn is_common(concern: &Concern) -> bool {
    concern.key == "dead" || concern.key.starts_with("queue/")
}
