//! Claims of an installation that could not be decided at once: the portal could not be asked, or too many claim one.
//!
//! The newest claim of each address has a place, and the newest of all has its turn first, so that forged ones can't
//! crowd out the true one. What the portal could not be asked about is stored, sealed, and tried again until it is
//! decided, also after a restart. Nothing is dropped without a line in the log.

use super::afterwards::reconcile_later;
use crate::access::claimed::{Claim, Decision};
use crate::access::claims::{self, Disbelief};
use crate::access::credentials::Credentials;
use crate::shared::Inner;
use crate::wire::rest::CallError;
use openline_core::store::Expect;
use openline_core::{ClientAddress, StoreError, sampled};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Under this and an address stands the newest claim from it that the portal could not be asked about.
const STORED: &str = "bitrix/claim/";
/// Addresses whose claims have a place.
const PLACES: usize = 16;
/// Between two turns: the portal's requests are for messages.
const TURN: Duration = Duration::from_secs(1);
/// After each try that decided nothing; the last one again and again.
const PAUSES: [u64; 8] = [2, 5, 10, 20, 30, 60, 120, 300];

/// Takes a claim. `None`: openline is installed; else it waits, and the receiver hears how it was decided (or that a newer
/// one took its place).
///
/// # Errors
/// When it was decided that it is not genuine.
pub(crate) async fn take(
    bitrix: &Arc<Inner>,
    claimed: Credentials,
    from: ClientAddress,
) -> Result<Option<oneshot::Receiver<Decision>>, Disbelief> {
    // Before it takes anything: who claims for another portal can't be right.
    if bitrix.portal.expected_member().is_some_and(|expected| expected != claimed.member_id) {
        return Err(Disbelief::OtherPortal(bitrix.portal.config().url.to_string()));
    }
    if !bitrix.proofs.take(from) {
        sampled!(warn, target: "security", client = %from, result = "waits", "many claim to install openline");
        return Ok(Some(wait(bitrix, claimed, from, 0, false)));
    }
    match decide(bitrix, claimed.clone()).await {
        Ok(()) => Ok(None),
        Err(error) if error.is_transient() => {
            sampled!(warn, %error, "an installation could not be confirmed yet, trying again");
            let stored = keep(bitrix, from.network(), &claimed).await;
            Ok(Some(wait(bitrix, claimed, from, 1, stored)))
        }
        Err(error) => Err(error),
    }
}

async fn decide(bitrix: &Arc<Inner>, claimed: Credentials) -> Decision {
    let credentials = claims::prove_installation_now(bitrix, claimed).await?;
    let stored = bitrix.portal.installed(credentials).await;
    stored.map_err(|error| CallError::Storage(error.to_string()))?;
    tracing::info!(target: "security", result = "accepted", "openline was installed in the portal");
    reconcile_later(bitrix);
    Ok(())
}

fn wait(
    bitrix: &Arc<Inner>,
    claimed: Credentials,
    from: ClientAddress,
    tries: usize,
    stored: bool,
) -> oneshot::Receiver<Decision> {
    let (tell, told) = oneshot::channel();
    let due = Instant::now() + pause(tries);
    add(bitrix, Claim { from: from.network(), claimed, tell: Some(tell), stored, tries, due });
    told
}

/// Stores a claim until it is decided; whether it is stored.
async fn keep(bitrix: &Inner, from: IpAddr, claimed: &Credentials) -> bool {
    let stored = match bitrix.portal.seal(claimed) {
        Ok(sealed) => {
            bitrix.portal.inbox.store().state_put(&format!("{STORED}{from}"), &sealed, Expect::Anything).await
        }
        Err(error) => Err(error),
    };
    stored.inspect_err(|error| tracing::error!(%error, "a claim of an installation can't be stored")).is_ok()
}

/// How long a claim rests after so many tries.
fn pause(tries: usize) -> Duration {
    let last = PAUSES.len() - 1;
    tries.checked_sub(1).map_or(Duration::ZERO, |index| Duration::from_secs(PAUSES[index.min(last)]))
}

fn add(bitrix: &Arc<Inner>, claim: Claim) {
    let mut list = bitrix.waiting.list.lock();
    if let Some(at) = list.waiting.iter().position(|known| known.from == claim.from) {
        list.waiting.remove(at);
        sampled!(info, client = %claim.from, "a newer claim of an installation took an older one's place");
    }
    if list.waiting.len() >= PLACES {
        let oldest = list.waiting.remove(0);
        sampled!(warn, target: "security", client = %oldest.from, "too many claim to install openline: the oldest claim was dropped");
    }
    list.waiting.push(claim);
    if !std::mem::replace(&mut list.kept, true) {
        tokio::spawn(work_off(Arc::clone(bitrix)));
    }
    drop(list);
    bitrix.waiting.added.notify_one();
}

/// Gives each its turn until all are decided.
async fn work_off(bitrix: Arc<Inner>) {
    loop {
        let next = {
            let mut list = bitrix.waiting.list.lock();
            let Some(first) = list.waiting.iter().map(|claim| claim.due).min() else {
                list.kept = false;
                return;
            };
            let now = Instant::now();
            let due = list.waiting.iter().rev().find(|claim| claim.due <= now);
            due.map(|claim| (claim.from, claim.claimed.clone())).ok_or(first)
        };
        match next {
            Ok((from, claimed)) => {
                attempt(&bitrix, from, claimed).await;
                tokio::time::sleep(TURN).await;
            }
            Err(first) => drop(tokio::time::timeout_at(first, bitrix.waiting.added.notified()).await),
        }
        if bitrix.portal.tasks.is_closed() {
            return;
        }
    }
}

async fn attempt(bitrix: &Arc<Inner>, from: IpAddr, claimed: Credentials) {
    let decision = decide(bitrix, claimed.clone()).await;
    let undecided = decision.as_ref().is_err_and(Disbelief::is_transient);
    let mut unstored = false;
    {
        let mut list = bitrix.waiting.list.lock();
        let found = |claim: &Claim| claim.from == from && claim.claimed.access_token == claimed.access_token;
        let Some(at) = list.waiting.iter().position(found) else { return };
        if undecided {
            let claim = &mut list.waiting[at];
            claim.tries += 1;
            claim.due = Instant::now() + pause(claim.tries);
            unstored = !std::mem::replace(&mut claim.stored, true);
        } else {
            let claim = list.waiting.remove(at);
            if let Err(error) = &decision {
                sampled!(warn, target: "security", client = %from, %error, result = "refused", "a claim of an installation that waited");
            }
            let _ = claim.tell.map(|tell| tell.send(decision));
        }
    }
    if unstored {
        keep(bitrix, from, &claimed).await;
    } else if !undecided && let Err(error) = bitrix.portal.inbox.store().state_delete(&format!("{STORED}{from}")).await
    {
        tracing::error!(%error, "a claim of an installation that was decided is still stored");
    }
}

/// Goes on with what was stored when the program ended.
///
/// # Errors
/// When the store can't be read.
pub(crate) async fn go_on(bitrix: &Arc<Inner>) -> Result<(), StoreError> {
    for (key, sealed) in bitrix.portal.inbox.store().state_list(STORED).await? {
        let from = key.strip_prefix(STORED).and_then(|from| from.parse().ok());
        if let (Some(from), Ok(claimed)) = (from, bitrix.portal.unseal(&sealed)) {
            add(bitrix, Claim { from, claimed, tell: None, stored: true, tries: 0, due: Instant::now() });
        } else {
            tracing::warn!("a stored claim of an installation can't be read, dropped");
            bitrix.portal.inbox.store().state_delete(&key).await?;
        }
    }
    Ok(())
}
