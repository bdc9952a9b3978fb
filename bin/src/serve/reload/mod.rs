//! Other settings without a stop: by SIGHUP, or asked for by `openline reload` through the store, which every process on it
//! hears. What can't be changed while the service runs is named.

mod asked;
mod fixed;
mod reloaded;

pub use asked::ask;
pub use reloaded::Reloaded;

use crate::config::{AlertSettings, Config, lines};
use crate::serve::channels::Served;
use crate::serve::swap::Swap;
use crate::serve::watch::Watch;
use asked::Asked;
use openline_core::ChannelId;
use openline_core::channel::{Built, Capabilities, Host};
use openline_core::limits::Limits;
use openline_store::DiskFiles;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, watch::Sender};
use tokio_util::sync::CancellationToken;

/// What a channel is made of.
fn settings<'c>(config: &'c Config, id: &ChannelId) -> Option<(&'c str, &'c toml::Table)> {
    config.channels.get(id).map(|one| (one.kind.as_str(), &one.settings))
}

/// Who can change what runs.
pub(crate) struct Reloader {
    pub(crate) files: Arc<DiskFiles>,
    pub(crate) alerts: Sender<Arc<AlertSettings>>,
    pub(crate) watch: Watch,
    pub(crate) served: Arc<Served>,
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
        let limits = old.limits != new.limits;
        let host =
            if limits { Host { limits: Arc::new(Limits::new(&new.limits)), ..host.clone() } } else { host.clone() };
        let plans = new.plan_channels(&host).map_err(|errors| lines(&errors))?;
        let can = plans.can();
        let stays =
            |id: &ChannelId| !limits && self.served.get(id).is_some() && settings(old, id) == settings(&new, id);
        let built = plans.only(|id| !stays(id)).build(|id| self.served.door(id)).map_err(|errors| lines(&errors))?;
        // From here on nothing can be wrong with it.
        let needs_restart = fixed::fixed(&self.started, &new);
        let mut changed = self.channels(old, &new, built).await;
        changed.extend(limits.then(|| "limits".to_owned()));
        changed.extend(self.files(old, &new));
        changed.extend(self.portal(old, &new, &can));
        if old.origin.written.get("alerts") != new.origin.written.get("alerts") {
            self.alerts.send_replace(Arc::new(new.alerts.clone()));
            changed.push("alerts".to_owned());
        }
        self.watch.exchange(&new, new.files.folder == self.started.files.folder);
        let done = Reloaded { changed, needs_restart };
        tracing::info!(%done, "the configuration was read again");
        *running = (Some(new), host);
        Ok(done)
    }

    /// Serves the channels that are configured now; `built`: those that are not as they were. One that changed its kind goes,
    /// and comes anew.
    async fn channels(&self, old: &Config, new: &Config, built: BTreeMap<ChannelId, Built>) -> Vec<String> {
        let (served, mut changed, mut come) = (&self.served, Vec::new(), BTreeMap::new());
        for id in old.channels.keys().filter(|id| !new.channels.contains_key(*id)) {
            served.remove(id).await;
            tracing::warn!(channel = %id, "the channel is not configured any more; what waits for its visitors stays");
            changed.push(format!("channels.{id} (gone; what waits for its visitors stays)"));
        }
        for (id, channel) in built {
            let (before, after) = (settings(old, &id), settings(new, &id));
            let same_kind = before.is_some_and(|(kind, _)| after.is_some_and(|(now, _)| now == kind));
            match served.get(&id) {
                Some(swap) if same_kind && swap.takes(&channel) => {
                    swap.exchange(channel);
                    changed.extend((before != after).then(|| format!("channels.{id}.settings")));
                }
                earlier => {
                    changed.push(format!("channels.{id}{}", if earlier.is_some() { " (anew)" } else { " (new)" }));
                    served.remove(&id).await;
                    come.insert(id, Swap::new(channel));
                }
            }
        }
        served.add(come);
        changed
    }

    /// Which files are taken, and what stands before them.
    fn files(&self, old: &Config, new: &Config) -> Vec<String> {
        let of_channels =
            |config: &Config| config.channels.iter().map(|(id, one)| (id.clone(), one.files.clone())).collect();
        let (before, after): (BTreeMap<_, _>, BTreeMap<_, _>) = (of_channels(old), of_channels(new));
        if old.files == new.files && before == after {
            return Vec::new();
        }
        self.watch.doors().take_files_by(new.file_policy());
        self.files.guard_by(new.files.checked_by(), new.files.floor);
        let own = after.iter().filter(|(id, files)| before.get(*id).is_some_and(|before| before != *files));
        let own = own.map(|(id, _)| format!("channels.{id}.files"));
        own.chain((old.files != new.files).then(|| "files".to_owned())).collect()
    }

    /// How the portal is treated, and which connectors it knows.
    fn portal(&self, old: &Config, new: &Config, can: &BTreeMap<ChannelId, Capabilities>) -> Vec<String> {
        let differing = old.portal.differing(&new.portal);
        let connectors = |config: &Config| {
            let one = |(id, one): (&ChannelId, &crate::config::Instance)| {
                (id.clone(), (one.kind.clone(), one.connector.clone()))
            };
            config.channels.iter().map(one).collect::<BTreeMap<_, _>>()
        };
        let (before, after) = (connectors(old), connectors(new));
        if differing.is_empty() && before == after {
            return Vec::new();
        }
        self.watch.bitrix().exchange(new.portal_config(can, self.watch.roster()));
        let told =
            differing.into_iter().filter(|key| *key != openline_bitrix::RECONCILE).map(|key| format!("portal.{key}"));
        let other =
            |(id, connector): (&ChannelId, &(String, _))| before.get(id).is_some_and(|before| before.1 != connector.1);
        let others = after.iter().filter(|one| other(*one)).map(|(id, _)| format!("channels.{id}.connector"));
        told.chain(others).collect()
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
        let mut asked = Asked::from_now(self.watch.store()).await;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = hangup.recv() => drop(self.again().await),
                word = asked.next() => asked.answer(&word, self.again().await).await,
            }
        }
    }
}
