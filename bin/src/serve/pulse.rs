//! Whether the store works: something small is written again and again, and what became of that is what `/health` says.
//! The same clock notices when the process stood still.

use openline_core::inbox::Doors;
use openline_core::store::Expect;
use openline_core::{Backend, Store, StoreError, Timestamp};
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often it is written.
const EVERY: Duration = Duration::from_secs(3);
/// How long the store may take for it.
const PATIENCE: Duration = Duration::from_secs(4);
/// Whoever was away for so long between two looks has missed something: leases, news, events of the portal.
const GAP: Duration = Duration::from_secs(15);

/// Under this and a process's word stands when it wrote last.
const ROWS: &str = "service/pulse/";
/// Whoever wrote within this lives.
const ALIVE: Duration = Duration::from_secs(10);
/// Whoever did not write for so long, by another machine's clock, was killed.
const KILLED: Duration = Duration::from_secs(30);
/// Whoever did not write for so long is gone.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// What became of the last write.
#[derive(Clone, Default)]
pub(crate) struct Pulse(Arc<Mutex<Option<String>>>);

impl Pulse {
    /// Why nothing can be stored at the moment.
    pub(crate) fn problem(&self) -> Option<String> {
        self.0.lock().clone()
    }

    fn set(&self, problem: Option<String>) {
        let mut known = self.0.lock();
        match (&*known, &problem) {
            (None, Some(reason)) => tracing::error!(reason, "nothing can be stored; /health says so"),
            (Some(_), None) => tracing::info!("the store works again"),
            _ => {}
        }
        *known = problem;
    }

    /// Writes for the first time, so that whoever looks who lives finds this process as soon as it answers.
    pub(crate) async fn begin(&self, store: &Arc<dyn Store>, doors: &Doors) {
        self.write(store, doors.now()).await;
    }

    async fn write(&self, store: &Arc<dyn Store>, now: Timestamp) {
        let (key, moment) = (row(store), now.0.to_string());
        let written = store.state_put(&key, moment.as_bytes(), Expect::Anything);
        self.set(match tokio::time::timeout(PATIENCE, written).await {
            Ok(written) => written.err().map(|error| error.to_string()),
            Err(_) => Some("the store does not answer".to_owned()),
        });
    }

    /// Writes until `stop`. The row is this process's own, and goes with it.
    pub(crate) async fn run(
        self,
        store: Arc<dyn Store>,
        doors: Doors,
        backend: Arc<dyn Backend>,
        stop: CancellationToken,
    ) {
        let key = row(&store);
        clear_away(&store, doors.now()).await;
        let (mut looked, mut others) = (Moment::now(&doors), Others::default());
        loop {
            if stop.run_until_cancelled(self.write(&store, looked.at)).await.is_none() {
                break;
            }
            if store.is_shared() {
                let counting = tokio::time::timeout(PATIENCE, others.count(&store, &key));
                if let Some(Ok(Some(others))) = stop.run_until_cancelled(counting).await {
                    backend.share(others + 1);
                }
            }
            if stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
                break;
            }
            let now = Moment::now(&doors);
            let away = looked.until(&now);
            if away > GAP {
                tracing::warn!(seconds = away.as_secs(), "this process stood still; what was missed is fetched");
                doors.stood_still();
            }
            looked = now;
        }
        let _ = tokio::time::timeout(EVERY, store.state_delete(&key)).await;
    }
}

/// This process's.
fn row(store: &Arc<dyn Store>) -> String {
    format!("{ROWS}{}", store.tag())
}

/// Rows of processes that were killed.
async fn clear_away(store: &Arc<dyn Store>, now: Timestamp) {
    for (key, written) in store.state_list(ROWS).await.unwrap_or_default() {
        if at(&written).until(now) > FORGOTTEN {
            let _ = store.state_delete(&key).await;
        }
    }
}

fn at(written: &[u8]) -> Timestamp {
    std::str::from_utf8(written).ok().and_then(|at| at.parse().ok()).map_or(Timestamp(0), Timestamp)
}

/// The words of the processes that live at `now`, by what they wrote: one that ended took it away, and of one that was killed
/// it is soon too old.
///
/// # Errors
/// When the store can't be read.
pub(crate) async fn living(store: &Arc<dyn Store>, now: Timestamp) -> Result<BTreeSet<String>, StoreError> {
    let rows = store.state_list(ROWS).await?.into_iter();
    let alive = rows.filter(|(_, written)| at(written).until(now) < KILLED);
    Ok(alive.filter_map(|(key, _)| Some(key.strip_prefix(ROWS)?.to_owned())).collect())
}

/// The other processes, by what they wrote last, and since when that is known here: their clocks may be others.
#[derive(Default)]
struct Others(HashMap<String, (Vec<u8>, Instant)>);

impl Others {
    /// How many of them live; `None` when that can't be told.
    async fn count(&mut self, store: &Arc<dyn Store>, own: &str) -> Option<usize> {
        let rows = store.state_list(ROWS).await.ok()?;
        let now = Instant::now();
        let (first, mut known) = (self.0.is_empty(), std::mem::take(&mut self.0));
        for (key, value) in rows.into_iter().filter(|(key, _)| key != own) {
            let before = known.remove(&key);
            let since = match before {
                Some((written, since)) if written == value => since,
                // Of what is there at the first look nobody knows how old it is: it has to be written once more.
                None if first => now.checked_sub(ALIVE).unwrap_or(now),
                _ => now,
            };
            self.0.insert(key, (value, since));
        }
        Some(self.0.values().filter(|(_, since)| since.elapsed() < ALIVE).count())
    }
}

/// A moment by both clocks: one goes on while a machine sleeps, the other can't be set.
struct Moment {
    at: Timestamp,
    steady: Instant,
}

impl Moment {
    fn now(doors: &Doors) -> Self {
        Self { at: doors.now(), steady: Instant::now() }
    }

    fn until(&self, later: &Self) -> Duration {
        self.at.until(later.at).max(later.steady.duration_since(self.steady))
    }
}
