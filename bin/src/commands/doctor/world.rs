//! What others say: the running service, the public address, the portal, the messengers.

use crate::commands::health;
use crate::config::{Config, lines};
use crate::secret;
use crate::serve::service::master_secret;
use crate::serve::{certificate, status, watch};
use openline_bitrix::Bitrix;
use openline_core::inbox::Doors;
use openline_core::secret::MasterSecret;
use openline_core::store::Queue;
use openline_core::{Backend, ChannelId, Check, Clock, Roster, Sides, Standing, Store, SystemClock, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const MESSAGES: &str = "messages";

pub(super) async fn look(config: &Config, mend: bool, patience: Duration) -> Vec<Check> {
    let mut checks = vec![service(config).await];
    checks.extend(certificate::look(&config.public_url).await.map(certificate::Found::check));
    // The store was looked at before: what is wrong with it was said there.
    let there = config.store.file().is_none_or(std::path::Path::exists);
    let store = if there { openline_store::attach(&config.store).await.ok() } else { None };
    let installed = match &store {
        Some(store) => openline_bitrix::remembered(store).await.is_ok_and(|known| known.installed),
        None => false,
    };
    checks.extend(
        openline_bitrix::check_online(&config.portal_config(&BTreeMap::new(), &Roster::default()), installed).await,
    );
    let away = checks.iter().any(|check| check.what == "portal" && check.is_bad());
    let answers =
        |check: &Check| ["service", "public address"].contains(&&*check.what) && check.standing == Standing::Good;
    // Nobody waits for an event that nobody can hear.
    let patience = if checks.iter().any(answers) { patience } else { Duration::ZERO };
    if let Some(store) = store {
        match inside(config, &store, (away, mend), patience).await {
            Ok(more) => checks.extend(more),
            Err(problem) => checks.push(Check::bad("installation", problem, "docs/troubleshooting.md says more")),
        }
        checks.push(messages(config, &store).await);
        store.close().await;
    }
    checks
}

/// What waits, and what was given up.
async fn messages(config: &Config, store: &Arc<dyn Store>) -> Check {
    let of_channels = config.channels.keys().cloned().map(Queue::Channel);
    let queues: Vec<_> = of_channels.chain([Queue::Backend, Queue::Confirm]).collect();
    match watch::of_messages(store, &queues, SystemClock::new().now(), config.alerts.queue).await {
        Err(error) => Check::bad(MESSAGES, error.to_string(), "look again"),
        Ok(found) => match &found[..] {
            [] => Check::good(MESSAGES, "none waits for long, and none was given up"),
            [first, ..] => {
                let told: Vec<_> = found.iter().map(|one| one.english().problem).collect();
                Check::bad(MESSAGES, told.join(" "), first.english().remedy)
            }
        },
    }
}

async fn service(config: &Config) -> Check {
    let what = "service";
    match health::ask(config.listen).await {
        Ok(_) => Check::good(what, format!("answers at {}", config.listen)),
        Err(problem) => {
            let remedy = "start it (systemctl start openline); journalctl -u openline says why it stopped";
            Check::bad(what, problem, remedy)
        }
    }
}

/// What only those can be asked who have the store: the portal as the installed application, the messengers.
async fn inside(
    config: &Config,
    store: &Arc<dyn Store>,
    (away, mend): (bool, bool),
    patience: Duration,
) -> Result<Vec<Check>, String> {
    let secret = secret::rooted(master_secret(config).map_err(|error| error.to_string())?, store).await;
    let secret: MasterSecret = secret.map_err(|error| error.to_string())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let host = config.host(secret.clone(), Arc::clone(&clock));
    let ids: Vec<ChannelId> = config.channels.keys().cloned().collect();
    let doors = Doors::new(Arc::clone(store), clock, &ids);
    let plans = config.plan_channels(&host).map_err(|errors| lines(&errors))?;
    let roster = Roster::default();
    let portal = config.portal_config(&plans.can(), &roster);
    let bitrix = Bitrix::open(portal, doors.operator_inbox(), &secret).await.map_err(|error| error.to_string())?;
    let bitrix = Arc::new(bitrix);
    let sides = Sides::new(&doors, Arc::clone(&bitrix) as Arc<dyn Backend>, &roster);
    let channels = plans.build(|id| sides.inbox(id)).map_err(|errors| lines(&errors))?;
    for (id, channel) in channels {
        roster.add(&id, channel);
    }
    // First, because a bot learns its address here, which the portal is told.
    let of_channels = messengers(store, &roster, doors.now(), mend).await;
    let mut checks = Vec::new();
    if !away {
        checks.extend(bitrix.examine(mend, patience).await);
    }
    bitrix.stop().await;
    checks.extend(of_channels);
    Ok(checks)
}

/// How each channel stands: by what its messenger says, and by what the running service says of it.
async fn messengers(store: &Arc<dyn Store>, roster: &Roster, now: Timestamp, mend: bool) -> Vec<Check> {
    let said = status::running(store, now).await.unwrap_or_default();
    let mut checks = Vec::new();
    for (id, built) in roster.all() {
        let named = |check: Check| Check { what: format!("channel {id}: {}", check.what), ..check };
        let asked: Vec<_> = built.channel.examine(mend).await.into_iter().map(named).collect();
        let well = asked.iter().all(|check| check.standing == Standing::Good);
        let what = format!("channel {id}");
        let key = format!("channel/{id}");
        let trouble = said.iter().flat_map(|one| &one.problems).find(|concern| concern.key == key);
        match trouble.filter(|_| well) {
            Some(concern) => checks.push(concern.check(&what)),
            None if asked.is_empty() => checks.push(Check::good(&what, "the running service says nothing against it")),
            None => {}
        }
        checks.extend(asked);
    }
    checks
}
