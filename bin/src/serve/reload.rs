//! Other settings without a stop: by SIGHUP, or asked for by `openline reload` through the store, which every process on it
//! hears. What can't be changed while the service runs is named.

use crate::config::{AlertSettings, Config};
use crate::serve::swap::Swap;
use crate::serve::watch::Watch;
use crate::serve::{pulse, status};
use openline_core::channel::Host;
use openline_core::limits::Limits;
use openline_core::store::{Expect, News};
use openline_core::{ChannelId, Clock, Store, StoreError, SystemClock};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Mutex, watch::Sender};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Under this stands the word of who asked last.
const ASKED: &str = "reload/asked";
/// Under this, the word and a process's tag stands what it says to it.
const SAID: &str = "reload/said/";
/// How often it is looked whether somebody asks, or has answered, of whom nothing was heard.
const LOOK: Duration = Duration::from_secs(10);
/// The same of answers where nothing can be heard.
const DEAF: Duration = Duration::from_millis(50);
/// How long the answers are waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// What became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// What is different from now on.
    pub changed: Vec<String>,
    /// What is written differently and will be so after a restart only.
    pub needs_restart: Vec<String>,
}

impl std::fmt::Display for Reloaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let changed = if self.changed.is_empty() { "nothing".to_owned() } else { self.changed.join(", ") };
        write!(f, "changed: {changed}")?;
        if !self.needs_restart.is_empty() {
            write!(f, "; needs a restart: {}", self.needs_restart.join(", "))?;
        }
        Ok(())
    }
}

/// What a process says: which one, and what became of it.
#[derive(Serialize, Deserialize)]
struct Answer {
    process: String,
    outcome: Result<Reloaded, String>,
}

/// Who can change what runs.
pub(crate) struct Reloader {
    pub(crate) channels: BTreeMap<ChannelId, Arc<Swap>>,
    pub(crate) alerts: Sender<Arc<AlertSettings>>,
    pub(crate) watch: Watch,
    /// What the service was started with.
    pub(crate) started: Config,
    /// What was read last, and what channels are built with.
    pub(crate) running: Mutex<(Option<Config>, Host)>,
}

impl Reloader {
    /// Changes what can be changed; all of it, or nothing when something is wrong with it.
    pub(crate) async fn reload(&self, new: Config) -> Result<Reloaded, String> {
        let mut running = self.running.lock().await;
        let (old, host) = (running.0.as_ref().unwrap_or(&self.started), &running.1);
        let mut done = Reloaded { changed: Vec::new(), needs_restart: fixed(&self.started, &new) };
        let others = old.limits != new.limits;
        let host =
            if others { Host { limits: Arc::new(Limits::new(&new.limits)), ..host.clone() } } else { host.clone() };
        let built = new.build_channels(&host);
        let built = built.map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
        for (id, swap) in &self.channels {
            let (Some(before), Some(after), Some(channel)) =
                (old.channels.get(id), new.channels.get(id), built.get(id))
            else {
                continue;
            };
            let same = before.settings == after.settings;
            if before.kind != after.kind || !swap.takes(&**channel) {
                done.needs_restart.push(format!("channels.{id}"));
            } else if !same || others {
                swap.exchange(Arc::clone(channel));
                done.changed.extend((!same).then(|| format!("channels.{id}.settings")));
            }
        }
        done.changed.extend(others.then(|| "limits".to_owned()));
        if old.origin.written.get("alerts") != new.origin.written.get("alerts") {
            self.watch.be_patient(new.alerts.queue);
            self.alerts.send_replace(Arc::new(new.alerts.clone()));
            done.changed.push("alerts".to_owned());
        }
        tracing::info!(%done, "the configuration was read again");
        *running = (Some(new), host);
        Ok(done)
    }

    /// The same with what stands in the file now.
    async fn again(&self) -> Result<Reloaded, String> {
        let nowhere = || "this service was not started from a file".to_owned();
        let file = self.started.origin.file.as_ref().ok_or_else(nowhere)?;
        let outcome = match Config::load(file) {
            Ok(new) => self.reload(new).await,
            Err(errors) => Err(errors.to_string()),
        };
        if let Err(problem) = &outcome {
            tracing::error!(problem, "the configuration is wrong: everything stays as it is");
        }
        outcome
    }

    /// Listens for the signal and for who asks, until `stop`.
    pub(crate) async fn listen(self: Arc<Self>, stop: CancellationToken) {
        // One that has no file, as in a program of its own, has nothing to read again.
        let (Some(_), Ok(mut hangup)) = (&self.started.origin.file, signal(SignalKind::hangup())) else { return };
        let store = Arc::clone(self.watch.store());
        let (mut news, mut heard) = (store.news(), store.state_get(ASKED).await.ok().flatten());
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = hangup.recv() => drop(self.again().await),
                () = written(&mut news, ASKED, LOOK) => {
                    let asked = store.state_get(ASKED).await.ok().flatten();
                    if asked.is_some() && asked != heard {
                        heard.clone_from(&asked);
                        let word = String::from_utf8_lossy(&asked.unwrap_or_default()).into_owned();
                        let answer = Answer { process: status::process(), outcome: self.again().await };
                        let value = serde_json::to_vec(&answer).unwrap_or_default();
                        let key = format!("{SAID}{word}/{}", store.tag());
                        if let Err(error) = store.state_put(&key, &value, Expect::Anything).await {
                            tracing::warn!(%error, "who asked for a reload can't be told");
                        }
                    }
                }
            }
        }
    }
}

/// Returns when another process may have written a value whose key begins so, after `most` at the latest.
async fn written(news: &mut Option<Receiver<News>>, key: &str, most: Duration) {
    let heard = async {
        let Some(news) = news else { return std::future::pending().await };
        loop {
            match news.recv().await {
                Ok(News::Value(written)) if written.starts_with(key) => return,
                Ok(News::Gap) | Err(RecvError::Lagged(_)) => return,
                Err(RecvError::Closed) => return std::future::pending().await,
                Ok(_) => {}
            }
        }
    };
    let _ = tokio::time::timeout(most, heard).await;
}

/// What is written differently and can't be changed while the service runs.
fn fixed(old: &Config, new: &Config) -> Vec<String> {
    let mut found = Vec::new();
    let names: BTreeSet<&String> = old.origin.written.keys().chain(new.origin.written.keys()).collect();
    for name in names {
        let (before, after) = (old.origin.written.get(name), new.origin.written.get(name));
        let tables = (before.and_then(toml::Value::as_table), after.and_then(toml::Value::as_table));
        match (name.as_str(), tables) {
            ("alerts" | "channels" | "limits", _) => {}
            (_, (Some(before), Some(after))) => {
                let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
                found.extend(
                    keys.into_iter()
                        .filter(|key| before.get(*key) != after.get(*key))
                        .map(|key| format!("{name}.{key}")),
                );
            }
            _ if before != after => found.push(name.clone()),
            _ => {}
        }
    }
    for (key, changed) in [
        ("connections", old.limits.connections != new.limits.connections),
        ("connections_each", old.limits.connections_each != new.limits.connections_each),
    ] {
        found.extend(changed.then(|| format!("limits.{key}")));
    }
    let ids: BTreeSet<&ChannelId> = old.channels.keys().chain(new.channels.keys()).collect();
    for id in ids {
        match (old.channels.get(id), new.channels.get(id)) {
            (Some(before), Some(after)) => {
                found.extend((before.connector != after.connector).then(|| format!("channels.{id}.connector")));
                found.extend((before.files != after.files).then(|| format!("channels.{id}.files")));
            }
            _ => found.push(format!("channels.{id}")),
        }
    }
    found
}

/// Asks every process on this store to read its configuration again; what each says.
///
/// # Errors
/// What went wrong, or that nobody answers.
pub async fn ask(store: &Arc<dyn Store>) -> Result<Vec<(String, Result<Reloaded, String>)>, String> {
    let told = |error: StoreError| error.to_string();
    let now = SystemClock::new().now();
    let running = pulse::living(store, now).await.map_err(told)?.len();
    if running == 0 {
        return Err("no service runs on this store; it reads its configuration when it is started".to_owned());
    }
    let mut word = [0; 8];
    getrandom::fill(&mut word).map_err(|error| error.to_string())?;
    let (word, mut news) = (hex::encode(word), store.news());
    let look = if news.is_some() { LOOK } else { DEAF };
    store.state_put(ASKED, word.as_bytes(), Expect::Anything).await.map_err(told)?;
    let (asked, place) = (Instant::now(), format!("{SAID}{word}/"));
    loop {
        let rows = store.state_list(&place).await.map_err(told)?;
        if rows.len() >= running || asked.elapsed() > PATIENCE {
            let read = |(_, value): &(String, Vec<u8>)| serde_json::from_slice::<Answer>(value).ok();
            let answers = rows.iter().filter_map(read).map(|answer| (answer.process, answer.outcome));
            let silent = running.saturating_sub(rows.len());
            let others = (format!("{silent} more"), Err("no answer came in time; look at the log".to_owned()));
            let answers = answers.chain((silent > 0).then_some(others)).collect();
            for (key, _) in rows {
                store.state_delete(&key).await.map_err(told)?;
            }
            return Ok(answers);
        }
        written(&mut news, &place, look.min(PATIENCE.saturating_sub(asked.elapsed()))).await;
    }
}
