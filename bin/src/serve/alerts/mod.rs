//! Alerts: what is wrong is told once, to whoever is configured, and taken back when it is over. What was told stands in the
//! store, so that neither a restart nor another process tells it again.

mod ledger;
mod told;
mod ways;

use crate::config::AlertSettings;
use crate::serve::status;
use crate::serve::watch::{STORE, Watch};
use ledger::{Entry, Ledger};
use openline_bitrix::Concern;
use openline_core::StoreError;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch::Receiver;
use tokio_util::sync::CancellationToken;
use ways::Ways;

/// What is seen, or gone, at so many looks one after another is so: what comes and goes is not told.
const SURE: u32 = 2;
/// After a start much is not known yet: so many looks long nothing is taken back.
const NEW: u32 = 5;
/// What is being told at the stop may take so long.
const LAST: Duration = Duration::from_secs(3);
/// A process that said nothing for so long, in milliseconds, is gone.
const SILENT: i64 = 70_000;

/// Tells until `stop`: of several processes one for all, and each that it can store nothing.
pub(crate) async fn run(watch: Watch, settings: Receiver<Arc<AlertSettings>>, stop: CancellationToken) {
    let doors = watch.doors().clone();
    let for_all = |stop: CancellationToken| {
        let (watch, settings) = (watch.clone(), settings.clone());
        async move {
            common(&watch, settings, &stop).await;
            Ok::<_, Infallible>(())
        }
    };
    tokio::join!(
        async {
            let _ = doors.alone("alerts", &stop, for_all).await;
        },
        own(&watch, settings.clone(), &stop)
    );
}

/// Sleeps until the next look; false at the end. Other settings are looked at at once.
async fn next(settings: &mut Receiver<Arc<AlertSettings>>, stop: &CancellationToken) -> bool {
    let every = settings.borrow_and_update().every;
    let rest = tokio::time::timeout(every, settings.changed());
    stop.run_until_cancelled(rest).await.is_some()
}

/// Returns a moment after the stop.
async fn late(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(LAST).await;
}

/// What all processes say together.
async fn common(watch: &Watch, mut settings: Receiver<Arc<AlertSettings>>, stop: &CancellationToken) {
    let (mut seen, mut looks) = (Seen::default(), 0);
    loop {
        let ways = Ways::new(&settings.borrow().clone(), watch.bitrix());
        let looking = async { Ok::<_, StoreError>((said(watch).await?, Ledger::open(watch.store()).await?)) };
        let Some(looked) = stop.run_until_cancelled(looking).await else { return };
        let told = match looked {
            Err(error) => Err(error),
            Ok((now, ledger)) => {
                looks += 1;
                let steady = seen.look(&now.keys().cloned().collect(), ledger.entries.keys().cloned());
                // What was told and not written down would be told again after the next start.
                let telling = tell(watch, (&ways, stop), ledger, &now, &steady, looks > NEW);
                tokio::select! {
                    told = telling => told,
                    () = late(stop) => return,
                }
            }
        };
        if let Err(error) = told {
            tracing::warn!(%error, "alerts can't be told now");
        }
        if !next(&mut settings, stop).await {
            return;
        }
    }
}

/// What any process says, by its key.
async fn said(watch: &Watch) -> Result<BTreeMap<String, Concern>, StoreError> {
    let now = watch.doors().now().0;
    let others = status::last(watch.store()).await?.into_iter().filter(|said| now - said.at < SILENT);
    let all = others.flat_map(|said| said.problems).chain(watch.concerns());
    Ok(all.filter(|concern| concern.key != STORE).map(|concern| (concern.key.clone(), concern)).collect())
}

/// At how many looks one after another each was there, or not.
#[derive(Default)]
struct Seen(HashMap<String, (bool, u32)>);

impl Seen {
    /// Those of which it is sure by now whether they are there.
    fn look(&mut self, there: &BTreeSet<String>, told: impl Iterator<Item = String>) -> BTreeSet<String> {
        let known: BTreeSet<String> = there.iter().chain(self.0.keys()).cloned().chain(told).collect();
        let mut sure = BTreeSet::new();
        for key in known {
            let is_there = there.contains(&key);
            let (was, count) = self.0.get(&key).copied().unwrap_or((is_there, 0));
            let count = if was == is_there { count + 1 } else { 1 };
            if count >= SURE {
                sure.insert(key.clone());
            }
            self.0.insert(key, (is_there, count));
        }
        self.0.retain(|_, (is_there, count)| *is_there || *count <= SURE);
        sure
    }
}

/// Brings the ledger in step with what is so, and tells what is not told yet.
async fn tell(
    watch: &Watch,
    (ways, stop): (&Ways, &CancellationToken),
    mut ledger: Ledger,
    now: &BTreeMap<String, Concern>,
    sure: &BTreeSet<String>,
    takes_back: bool,
) -> Result<(), StoreError> {
    for key in sure {
        match (now.get(key), ledger.entries.remove(key)) {
            (Some(concern), None) => {
                let at = watch.doors().now();
                ledger.keep(key, Entry::new(concern, at, ways.names())).await?;
            }
            // It came back before that it was over was told everywhere.
            (Some(_), Some(entry)) if entry.over => ledger.keep(key, entry.returned()).await?,
            (None, Some(entry)) if takes_back && !entry.over => ledger.keep(key, entry.ended()).await?,
            (_, Some(entry)) => drop(ledger.entries.insert(key.clone(), entry)),
            (None, None) => {}
        }
    }
    for (key, mut entry) in std::mem::take(&mut ledger.entries) {
        let told = entry.told();
        for way in entry.waiting.clone() {
            if stop.is_cancelled() {
                return Ok(());
            }
            if ways.tell(&way, &told, watch.doors().now()).await {
                entry.is_told(&way);
                ledger.keep(&key, entry.clone()).await?;
            }
        }
        if entry.over && entry.waiting.is_empty() {
            ledger.forget(&key).await?;
        }
    }
    Ok(())
}

/// That this process can store nothing: told by itself, remembered by itself.
async fn own(watch: &Watch, mut settings: Receiver<Arc<AlertSettings>>, stop: &CancellationToken) {
    let (mut count, mut open) = (0, None::<Entry>);
    loop {
        let ways = Ways::new(&settings.borrow().clone(), watch.bitrix());
        let found = watch.concerns().into_iter().find(|concern| concern.key == STORE);
        count = if found.is_some() { count + 1 } else { 0 };
        let now = watch.doors().now();
        open = match (found, open.take()) {
            (Some(concern), None) if count >= SURE => Some(Entry::new(&concern, now, ways.names())),
            (None, Some(entry)) if !entry.over => Some(entry.ended()),
            (_, open) => open,
        };
        if let Some(entry) = &mut open {
            let told = entry.told();
            for way in entry.waiting.clone() {
                if stop.run_until_cancelled(ways.tell(&way, &told, now)).await == Some(true) {
                    entry.is_told(&way);
                }
            }
        }
        open = open.filter(|entry| !(entry.over && entry.waiting.is_empty()));
        if !next(&mut settings, stop).await {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_and_goes_is_not_sure() {
        let mut seen = Seen::default();
        let mut look = |there: bool| {
            let there = there.then(|| "disk".to_owned()).into_iter().collect();
            !seen.look(&there, std::iter::empty()).is_empty()
        };
        let told = [true, false, true, true, false, false].map(&mut look);
        assert_eq!(told, [false, false, false, true, false, true]);
    }
}
