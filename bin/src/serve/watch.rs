//! What somebody has to mend, of everything that this process knows: the one list that `/health`, `openline channels` and the
//! alerts tell.

use crate::config::Config;
use crate::serve::certificate;
use crate::serve::pulse::Pulse;
use crate::serve::room;
use openline_bitrix::Bitrix;
use openline_core::inbox::Doors;
use openline_core::{Channel, ChannelId, Files, Store, StoreError};
use openline_store::DiskFiles;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often the certificate is looked at.
const CERTIFICATE: Duration = Duration::from_secs(3600);

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Concern {
    /// The same for as long as it is the same thing: `disk`, `channel/site`, `portal/taken`.
    pub(crate) key: String,
    /// What is wrong.
    pub(crate) problem: String,
    /// What to do about it.
    pub(crate) remedy: String,
}

impl Concern {
    fn new(key: impl Into<String>, problem: impl Into<String>, remedy: &str) -> Self {
        Self { key: key.into(), problem: problem.into(), remedy: remedy.to_owned() }
    }
}

/// That nothing can be stored is a process's own, and can't be kept in the store.
pub(crate) const STORE: &str = "store";

/// Who knows what is wrong.
#[derive(Clone)]
pub(crate) struct Watch(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    doors: Doors,
    bitrix: Arc<Bitrix>,
    channels: BTreeMap<ChannelId, Arc<dyn Channel>>,
    pulse: Pulse,
    files: Arc<DiskFiles>,
    public_url: String,
    /// A place on the database's disk, and how many bytes should be free there.
    disk: Option<(PathBuf, u64)>,
    /// After how long what waits is told.
    patience: Mutex<Duration>,
    /// What the last look at the store and at the certificate found.
    slow: Mutex<(Vec<Concern>, Option<Concern>)>,
}

impl Watch {
    pub(crate) fn new(
        config: &Config,
        (store, doors, bitrix): (&Arc<dyn Store>, &Doors, &Arc<Bitrix>),
        channels: &BTreeMap<ChannelId, Arc<dyn Channel>>,
        pulse: Pulse,
        files: Arc<DiskFiles>,
    ) -> Self {
        Self(Arc::new(Inner {
            store: Arc::clone(store),
            doors: doors.clone(),
            bitrix: Arc::clone(bitrix),
            channels: channels.clone(),
            pulse,
            files,
            public_url: config.public_url.clone(),
            disk: room::of_database(config),
            patience: Mutex::new(config.alerts.queue),
            slow: Mutex::default(),
        }))
    }

    /// Everything, the most urgent first.
    pub(crate) fn concerns(&self) -> Vec<Concern> {
        let known = &self.0;
        let mut all: Vec<Concern> = known.pulse.problem().iter().map(|why| no_store(why)).collect();
        all.extend(self.disk());
        let status = known.bitrix.status();
        all.extend(
            status
                .lost
                .map(|why| Concern::new("portal/lost", why, "nothing goes to the portal or comes from it until then")),
        );
        all.extend(status.problems.into_iter().map(|one| Concern {
            key: format!("portal/{}", one.key),
            problem: one.problem,
            remedy: one.remedy,
        }));
        for (id, channel) in &known.channels {
            let ill = channel.health().err();
            all.extend(ill.map(|problem| Concern::new(format!("channel/{id}"), format!("{id}: {problem}"), CHANNEL)));
        }
        let slow = known.slow.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(slow.0.iter().chain(&slow.1).cloned());
        all
    }

    fn disk(&self) -> Option<Concern> {
        let of_database = || room::problem(self.0.disk.as_ref()?);
        let problem = self.0.files.problem().or_else(of_database)?;
        Some(Concern::new("disk", problem, "delete what is not needed, or give openline a larger disk"))
    }

    /// Waits that are longer than this are told from now on.
    pub(crate) fn be_patient(&self, patience: Duration) {
        *self.0.patience.lock().unwrap_or_else(PoisonError::into_inner) = patience;
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
            match stop.run_until_cancelled(self.look_at_store()).await {
                None => return,
                Some(Ok(found)) => self.0.slow.lock().unwrap_or_else(PoisonError::into_inner).0 = found,
                // The pulse says it.
                Some(Err(error)) => tracing::debug!(%error, "the queues can't be looked at"),
            }
            if stop.run_until_cancelled(tokio::time::sleep(every)).await.is_none() {
                return;
            }
        }
    }

    async fn look_at_store(&self) -> Result<Vec<Concern>, StoreError> {
        let (known, mut found) = (&self.0, Vec::new());
        let (now, patience) = (known.doors.now(), *known.patience.lock().unwrap_or_else(PoisonError::into_inner));
        for queue in known.doors.queues() {
            let waits = known.store.oldest(&queue).await?.map_or(Duration::ZERO, |oldest| oldest.until(now));
            if waits >= patience {
                let name = queue.name();
                let problem = format!("what is to go to {} waits for {} minutes", side(&name), waits.as_secs() / 60);
                found.push(Concern::new(
                    format!("queue/{name}"),
                    problem,
                    "openline channels and openline doctor say why",
                ));
            }
        }
        if !known.store.dead_letters(None, 1).await?.is_empty() {
            let problem = "messages were given up and did not arrive";
            found.push(Concern::new("dead", problem, "openline dead list shows them; replay or drop each"));
        }
        Ok(found)
    }

    async fn look_at_certificate(self) {
        let look = certificate::look(&self.0.public_url).await.filter(openline_core::Check::is_bad);
        let found =
            look.map(|check| Concern::new("certificate", check.found, check.remedy.as_deref().unwrap_or_default()));
        self.0.slow.lock().unwrap_or_else(PoisonError::into_inner).1 = found;
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    pub(crate) fn doors(&self) -> &Doors {
        &self.0.doors
    }

    pub(crate) fn bitrix(&self) -> &Arc<Bitrix> {
        &self.0.bitrix
    }
}

const CHANNEL: &str = "docs/troubleshooting.md says more; openline doctor asks the messenger";

fn no_store(why: &str) -> Concern {
    let remedy = "messages are refused until then: look at the disk, its rights, and the database server";
    Concern::new(STORE, format!("nothing can be stored: {why}"), remedy)
}

fn side(queue: &str) -> String {
    match queue.strip_prefix("channel/") {
        Some(channel) => format!("the visitors of {channel}"),
        None => "the portal".to_owned(),
    }
}
