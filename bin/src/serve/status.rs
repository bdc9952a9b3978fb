//! How each running process stands, kept in the store so that `openline channels` can say it from another one.

use crate::serve::pulse;
use crate::serve::watch::{self, Watch};
use async_trait::async_trait;
use openline_bitrix::Concern;
use openline_core::channel::Built;
use openline_core::store::Expect;
use openline_core::{ChannelId, Store, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Under this and a process's word stands what it says.
const ROWS: &str = "service/status/";
/// How often it looks. What it says is never much older.
const EVERY: Duration = Duration::from_secs(2);
/// How often it says so even when nothing changed.
const AT_LEAST: i64 = 60_000;
/// Who said nothing for so long, in milliseconds, while another one did, is gone.
const SILENT: i64 = 2 * AT_LEAST;

/// What a running service says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    /// When, in Unix milliseconds.
    pub(crate) at: i64,
    /// Which process on which machine.
    #[serde(default)]
    pub(crate) process: String,
    /// Why nothing is sent to the portal at the moment.
    pub(crate) portal: Option<String>,
    /// What somebody has to mend.
    #[serde(default)]
    pub(crate) problems: Vec<Concern>,
    /// When the last event of the portal came to it, in Unix milliseconds.
    #[serde(default)]
    pub(crate) last_event: Option<i64>,
    /// Each configured channel.
    pub(crate) channels: BTreeMap<String, SaidOfChannel>,
}

/// What it says of a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SaidOfChannel {
    /// What is wrong with it now.
    pub(crate) problem: Option<String>,
    /// What went wrong last: when, in Unix milliseconds, and what.
    pub(crate) last_error: Option<(i64, String)>,
    /// When something went the same way again, in Unix milliseconds.
    #[serde(default)]
    pub(crate) solved_at: Option<i64>,
}

/// Says it until `stop`.
pub(crate) async fn keep(watch: Watch, stop: CancellationToken) {
    let (store, doors) = (Arc::clone(watch.store()), watch.doors().clone());
    let (key, process) = (format!("{ROWS}{}", store.tag()), process());
    clear_away(&store, doors.now().0).await;
    let mut before = Said::default();
    loop {
        let now = doors.now();
        let said = Said { at: before.at, process: process.clone(), ..look(&watch) };
        // That an event came is no news that has to be told at once.
        let is_new = Said { last_event: before.last_event, ..said.clone() } != before;
        if is_new || now.0 - before.at >= AT_LEAST {
            let said = Said { at: now.0, ..said };
            let value = serde_json::to_vec(&said).unwrap_or_default();
            if let Err(error) = store.state_put(&key, &value, Expect::Anything).await {
                tracing::warn!(%error, "can't keep how the service stands");
            }
            before = said;
        }
        if stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
            return;
        }
    }
}

fn look(watch: &Watch) -> Said {
    let doors = watch.doors();
    let of = |(id, built): (ChannelId, Built)| {
        let trouble = doors.troubles().last(&id);
        let solved_at = trouble.as_ref().and_then(|trouble| trouble.solved).map(|solved| solved.0);
        let last_error = trouble.map(|trouble| (trouble.at.0, trouble.reason));
        (id.to_string(), SaidOfChannel { problem: built.channel.health().err(), last_error, solved_at })
    };
    let status = watch.bitrix().status();
    Said {
        at: 0,
        process: String::new(),
        portal: status.problem,
        problems: watch.concerns(),
        last_event: status.last_event.map(|at| at.0),
        channels: watch.roster().all().into_iter().map(of).collect(),
    }
}

/// This process, for people.
pub(crate) fn process() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{} ({})", host.trim(), std::process::id()).trim_start().to_owned()
}

/// What processes said that were gone before this one began.
async fn clear_away(store: &Arc<dyn Store>, now: i64) {
    for (key, value) in store.state_list(ROWS).await.unwrap_or_default() {
        let at = serde_json::from_slice(&value).map_or(0, |said: Said| said.at);
        if !store.is_shared() || now - at > SILENT {
            let _ = store.state_delete(&key).await;
        }
    }
}

/// What the processes said last that run, or ran last; nothing when none ever did. The newest first.
///
/// # Errors
/// When the store can't be read.
pub(crate) async fn last(store: &Arc<dyn Store>) -> Result<Vec<Said>, openline_core::StoreError> {
    let rows = store.state_list(ROWS).await?;
    let mut all: Vec<Said> = rows.iter().filter_map(|(_, value)| serde_json::from_slice(value).ok()).collect();
    all.sort_by_key(|said| std::cmp::Reverse(said.at));
    let newest = all.first().map_or(0, |said| said.at);
    all.retain(|said| newest - said.at <= SILENT);
    Ok(all)
}

/// What those said last that run at `now`.
///
/// # Errors
/// When the store can't be read.
pub(crate) async fn running(store: &Arc<dyn Store>, now: Timestamp) -> Result<Vec<Said>, openline_core::StoreError> {
    let living = pulse::living(store, now).await?;
    let rows = store.state_list(ROWS).await?;
    let lives = |key: &str| key.strip_prefix(ROWS).is_some_and(|tag| living.contains(tag));
    Ok(rows.iter().filter(|(key, _)| lives(key)).filter_map(|(_, said)| serde_json::from_slice(said).ok()).collect())
}

/// What they said, for the dashboard.
pub(crate) struct Processes(pub(crate) Watch);

#[async_trait]
impl openline_bitrix::Watch for Processes {
    async fn concerns(&self) -> Vec<Concern> {
        self.0.look().await
    }

    async fn said(&self) -> Vec<openline_bitrix::Said> {
        let said = last(self.0.store()).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "can't read what the processes said");
            Vec::new()
        });
        said.into_iter().map(for_dashboard).collect()
    }
}

fn for_dashboard(said: Said) -> openline_bitrix::Said {
    let error = |(id, of): (&String, &SaidOfChannel)| {
        let (at, reason) = of.last_error.clone()?;
        Some((id.clone(), Timestamp(at), reason, of.solved_at.map(Timestamp)))
    };
    let errors = said.channels.iter().filter_map(error).collect();
    let own = said.process == process();
    let away = said.portal.filter(|_| said.problems.iter().all(|one| one.key != "portal/lost"));
    // What is in the store this process sees as it is now.
    let problems = said.problems.into_iter().filter(|concern| !watch::is_common(concern)).collect();
    openline_bitrix::Said {
        process: said.process,
        own,
        at: Timestamp(said.at),
        away,
        problems,
        errors,
        last_event: said.last_event.map(Timestamp),
    }
}
