//! Calls to the portal with whatever they need: a fresh token, room in the budget, the portal's present address.

mod known;

use crate::access::budget::{Budget, Fare};
use crate::access::credentials::{Credentials, Vault};
use crate::access::gate::Gate;
use crate::access::measure;
use crate::access::oauth;
use crate::config::PortalConfig;
use crate::wire::rest::{self, Answer, CallError, Spent};
use crate::wire::verdict::{self, Verdict};
use openline_core::secret::Keys;
use openline_core::{Clock, DeliveryError, OperatorInbox, StoreError, Timestamp};
use reqwest::Client;
use serde_json::Value;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

/// A token that ends within this is renewed before the call.
const SOON: Duration = Duration::from_secs(60);
/// How long a blocked method rests when the portal does not say.
const BLOCKED: Duration = Duration::from_secs(60);
/// How often that is looked while there are none that work.
const INSTALLED_ELSEWHERE: Duration = Duration::from_secs(5);
/// Between the tries of a question that broke off …
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];
/// … as long as it has not taken longer than this.
const QUICK: Duration = Duration::from_secs(5);

/// The code of one request too many.
const OVERFLOW: &str = "QUERY_LIMIT_EXCEEDED";
/// Until a request that was refused with it is sent again.
const DOUBT: Duration = Duration::from_millis(100);
/// After an outage of so long events may have been lost.
const GAP: Duration = Duration::from_secs(10);

/// The portal as the rest of this crate sees it.
pub(crate) struct Portal {
    pub(crate) config: PortalConfig,
    pub(crate) client: Client,
    pub(crate) budget: Budget,
    pub(crate) gate: Gate,
    pub(crate) inbox: OperatorInbox,
    vault: Vault,
    current: RwLock<Option<Arc<Credentials>>>,
    /// One renewal at a time: a refresh token works once. Held while the authorization server is asked.
    renewing: tokio::sync::Mutex<()>,
    /// One change of the credentials at a time. Never held while the portal is waited for.
    writing: tokio::sync::Mutex<()>,
    /// When it was looked last whether another process has changed them.
    looked: tokio::sync::Mutex<Option<Instant>>,
    /// When the authorization server may be asked again where the portal is.
    pub(crate) next_ask: tokio::sync::Mutex<Option<Instant>>,
    /// What must not be dropped half-way when the program stops.
    pub(crate) tasks: TaskTracker,
}

impl Portal {
    pub(crate) async fn open(
        config: PortalConfig,
        inbox: OperatorInbox,
        keys: &Keys,
        client: Client,
    ) -> Result<Self, StoreError> {
        let vault = Vault::new(Arc::clone(inbox.store()), keys);
        let (current, unreadable) = match vault.read(&vault.load().await?) {
            Ok(current) => {
                vault.seal_anew().await?;
                (current, None)
            }
            // A new installation replaces them; until then nothing is sent, and the reason is shown.
            Err(StoreError::Corrupt(reason)) => (None, Some(reason)),
            Err(error) => return Err(error),
        };
        let budget = Budget::new(config.limit, config.url.host_str().unwrap_or_default());
        let portal = Self {
            config,
            client,
            budget,
            gate: Gate::open(),
            inbox,
            vault,
            current: RwLock::new(current.map(Arc::new)),
            renewing: tokio::sync::Mutex::new(()),
            writing: tokio::sync::Mutex::new(()),
            looked: tokio::sync::Mutex::default(),
            next_ask: tokio::sync::Mutex::default(),
            tasks: TaskTracker::new(),
        };
        portal.set_gate();
        if let Some(reason) = unreadable {
            tracing::error!(reason, "work with the portal can't begin");
            portal.gate.close(&reason);
        }
        Ok(portal)
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.inbox.clock().as_ref()
    }

    /// The credentials as they are known now.
    pub(crate) fn credentials(&self) -> Option<Arc<Credentials>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the portal can be worked with. Another process may be the one that is told of an installation.
    pub(crate) async fn pass(&self) {
        while tokio::time::timeout(INSTALLED_ELSEWHERE, self.gate.pass()).await.is_err() {
            if !is_usable(self.credentials().as_deref()) {
                self.look_again().await;
            }
        }
    }

    /// Keeps the portal's proof for events, learned from one whose access token was proven to be an administrator's.
    pub(crate) async fn pin(&self, application_token: String) -> Result<(), StoreError> {
        let token = Some(application_token);
        self.change(|known| Some(Credentials { application_token: token.clone(), ..known?.clone() })).await
    }

    /// Keeps credentials that an admin's act brought, and starts working with them.
    pub(crate) async fn installed(&self, credentials: Credentials) -> Result<(), StoreError> {
        self.change(|known| {
            let same = known.filter(|known| known.member_id == credentials.member_id);
            let told = credentials.application_token.clone();
            let application_token = told.or_else(|| same.and_then(|known| known.application_token.clone()));
            Some(Credentials { application_token, ..credentials.clone() })
        })
        .await?;
        self.gate.reopen();
        self.inbox.backend_is_back().await
    }

    /// Forgets the portal, unless it was installed again meanwhile. Whether it did.
    pub(crate) async fn uninstalled(&self, known: &Credentials) -> Result<bool, StoreError> {
        let _writing = self.writing.lock().await;
        let stored = self.vault.read(&self.vault.load().await?)?;
        if stored.as_ref().is_some_and(|stored| stored.refresh_token != known.refresh_token) {
            return Ok(false);
        }
        self.vault.forget().await?;
        self.set(None);
        self.set_gate();
        Ok(true)
    }

    /// The `member_id` of the configured portal, when it is sure: claims for another are not worth a question.
    pub(crate) fn expected_member(&self) -> Option<String> {
        let known = self.credentials()?;
        let sure = known.broken.is_none() && self.config.is_configured(&known.client_endpoint);
        sure.then(|| known.member_id.clone())
    }

    /// Credentials as they may be stored.
    pub(crate) fn seal(&self, credentials: &Credentials) -> Result<Vec<u8>, StoreError> {
        self.vault.seal(credentials)
    }

    /// What [`Portal::seal`] made.
    pub(crate) fn unseal(&self, sealed: &[u8]) -> Result<Credentials, StoreError> {
        self.vault.open(sealed)
    }

    fn set_gate(&self) {
        match self.credentials().map(|credentials| credentials.broken.clone()) {
            None => self.gate.close("openline is not installed in the portal yet"),
            Some(Some(reason)) => self.gate.close(&reason),
            Some(None) => self.gate.reopen(),
        }
    }

    /// Calls a method as the installed application. Renews the token and follows a move of the portal, each once; sorts
    /// every failure by its verdict, so that callers only decide about their own item. A method that is blocked by its
    /// operating time is not called.
    pub(crate) async fn call(
        self: &Arc<Self>,
        method: &str,
        params: &Value,
        fare: impl Into<Fare>,
    ) -> Result<Answer, CallError> {
        let fare = fare.into();
        if self.budget.blocked(method, fare.class, self.clock().now()).is_some() {
            self.unpay(fare);
            return Err(CallError::blocked(method));
        }
        let began = Instant::now();
        let mut used = self.credentials();
        let result = self.call_renewing(method, params, fare, &mut used).await;
        measure::called(method, result.as_ref().err(), began.elapsed());
        match &result {
            Ok(answer) => {
                self.note_spent(method, answer.spent, answer.took);
                if let Some(outage) = self.gate.succeeded(began) {
                    tracing::info!(outage_ms = outage.as_millis(), "the portal can be worked with again");
                    let _ = if outage < GAP {
                        self.inbox.backend_goes_on().await
                    } else {
                        self.inbox.backend_is_back().await
                    };
                }
            }
            Err(error) => self.learn(method, error, used.as_deref(), began).await,
        }
        result
    }

    /// The pause while calls make no sense, as core understands it.
    pub(crate) fn shut(&self) -> Option<DeliveryError> {
        let after = self.gate.shut_for()?;
        let reason = self.gate.reason().unwrap_or_else(|| "the portal can't be worked with".to_owned());
        Some(DeliveryError::Paused { reason, after })
    }

    /// A request that was counted is not made.
    pub(crate) fn unpay(&self, fare: Fare) {
        if fare.paid {
            self.budget.give_back();
        }
    }

    /// Takes into account what a call cost that took so long.
    pub(crate) fn note_spent(&self, method: &str, spent: Spent, took: Duration) {
        if let Some(reset_at) = spent.reset_at {
            let (used, reset_at) = (spent.operating.unwrap_or(0.0), Timestamp(reset_at.saturating_mul(1000)));
            let cost = spent.processing.unwrap_or(took.as_secs_f64());
            measure::spent(method, used);
            self.budget.note_operating(method, used, reset_at, cost, self.clock().now());
        }
    }

    /// A method is blocked: it is not called until its operating time frees up.
    pub(crate) fn block(&self, method: &str, error: &CallError) {
        self.budget.block(method, self.clock().now(), error.after().unwrap_or(BLOCKED));
    }

    /// Calls a method that changes nothing, or nothing more when it is carried out twice. A call that broke off is made
    /// again at once: whoever asks decides nothing without an answer, and would wait long before asking again.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        method: &str,
        params: &Value,
        fare: impl Into<Fare>,
    ) -> Result<Answer, CallError> {
        let (began, mut fare) = (Instant::now(), fare.into());
        for pause in PAUSES {
            match self.call(method, params, fare).await {
                Err(error) if verdict::of(&error) == Verdict::Unknown && began.elapsed() < QUICK => {
                    tokio::time::sleep(pause.mul_f64(0.5 + jitter())).await;
                    fare = fare.class.into();
                }
                other => return other,
            }
        }
        self.call(method, params, fare).await
    }

    async fn call_renewing(
        self: &Arc<Self>,
        method: &str,
        params: &Value,
        mut fare: Fare,
        used: &mut Option<Arc<Credentials>>,
    ) -> Result<Answer, CallError> {
        let mut credentials = self.fresh().await.inspect_err(|_| self.unpay(fare))?;
        let (mut renewed, mut doubts) = (false, self.budget.doubts());
        loop {
            *used = Some(Arc::clone(&credentials));
            if !std::mem::take(&mut fare.paid) {
                self.budget.take(fare.class).await;
            }
            let result = self.call_moving(&credentials, method, params).await;
            if is_taken(&result) {
                self.budget.accepted();
            }
            match result {
                // Not carried out. A full bucket refuses it again, a bad moment does not.
                Err(CallError::Api { code, .. }) if doubts > 0 && code.eq_ignore_ascii_case(OVERFLOW) => {
                    doubts -= 1;
                    tokio::time::sleep(DOUBT.mul_f64(0.5 + jitter())).await;
                }
                Err(error) if !renewed && verdict::of(&error) == Verdict::Refresh => {
                    renewed = true;
                    credentials = self.renew(&credentials).await?;
                }
                other => return other,
            }
        }
    }

    /// One call; when the portal has moved, once more where the authorization server says that it is now
    /// (`bitrix24.md` §2.9). Where the redirect leads is not believed.
    async fn call_moving(
        self: &Arc<Self>,
        credentials: &Credentials,
        method: &str,
        params: &Value,
    ) -> Result<Answer, CallError> {
        let endpoint = &credentials.client_endpoint;
        let result = rest::call(&self.client, endpoint, &credentials.access_token, method, params).await;
        if !matches!(result, Err(CallError::Moved { .. })) {
            return result;
        }
        self.find_endpoint().await;
        match self.credentials().filter(|now| now.client_endpoint != *endpoint) {
            Some(now) => rest::call(&self.client, &now.client_endpoint, &now.access_token, method, params).await,
            None => result,
        }
    }

    pub(crate) async fn fresh(self: &Arc<Self>) -> Result<Arc<Credentials>, CallError> {
        let credentials = self.credentials().ok_or(CallError::NotInstalled)?;
        if credentials.broken.is_some() {
            return Err(CallError::NotInstalled);
        }
        if credentials.expires_at > self.clock().now().plus(SOON) {
            return Ok(credentials);
        }
        self.renew(&credentials).await
    }

    /// Renews the token, once for everybody who found `stale` to be no good. It runs in a task of its own: whoever asked
    /// may go away, but an answer with new tokens must be kept, because the old ones are dead then.
    pub(crate) async fn renew(self: &Arc<Self>, stale: &Credentials) -> Result<Arc<Credentials>, CallError> {
        let (portal, stale) = (Arc::clone(self), stale.access_token.clone());
        let task = self.tasks.spawn(async move { portal.renew_once(&stale).await });
        task.await.unwrap_or_else(|error| Err(CallError::Storage(error.to_string())))
    }

    async fn renew_once(&self, stale: &str) -> Result<Arc<Credentials>, CallError> {
        let _renewing = self.renewing.lock().await;
        let mut used = self.credentials().ok_or(CallError::NotInstalled)?;
        if used.access_token == stale {
            // Another process may have renewed it.
            self.reload().await;
            used = self.credentials().ok_or(CallError::NotInstalled)?;
        }
        if used.broken.is_some() {
            return Err(CallError::NotInstalled);
        }
        if used.access_token != stale {
            return Ok(used);
        }
        let renewed = match oauth::refresh(&self.client, &self.config, &used, self.clock().now()).await {
            Ok(renewed) => renewed,
            Err(error) => {
                if verdict::of(&error) != Verdict::Reauthorise {
                    return Err(error);
                }
                if let Some(renewed) = self.renewed_elsewhere(&used).await {
                    return Ok(renewed);
                }
                self.broken(&error.to_string(), &used).await;
                return Err(error);
            }
        };
        let merge = |known: Option<&Credentials>| {
            let known = known.filter(|known| known.refresh_token == used.refresh_token)?;
            let application_token = known.application_token.clone();
            Some(Credentials { application_token, ..renewed.clone() })
        };
        // Durable before it is used: the old refresh token is dead from now on.
        while let Err(error) = self.change(merge).await {
            tracing::error!(%error, "can't keep the renewed token, trying again");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        self.credentials().ok_or(CallError::NotInstalled)
    }

    /// Acts on what a failure means for all calls.
    pub(crate) async fn learn(&self, method: &str, error: &CallError, used: Option<&Credentials>, began: Instant) {
        let reason = error.to_string();
        let verdict = verdict::of(error);
        if let Some(after) = error.after().filter(|_| matches!(verdict, Verdict::Wait | Verdict::Unknown)) {
            self.gate.suspend(&reason, after);
        }
        match verdict {
            Verdict::Wait => {
                if error.is(OVERFLOW) {
                    self.budget.overflowed();
                }
                self.gate.back_off(&reason, jitter(), began);
            }
            Verdict::MethodBlocked => self.block(method, error),
            // What we can do without (a history, a list of lines) must not stop what we can't do without.
            Verdict::Suspend(_) if !method.starts_with("imconnector.") && !error.is_about_the_portal() => {
                tracing::warn!(method, reason, "the portal does not offer this");
            }
            Verdict::Suspend(pause) => self.gate.suspend(&reason, pause),
            // Expired again already: nothing is wrong with the installation.
            Verdict::Refresh if error.is("expired_token") => self.gate.back_off(&reason, jitter(), began),
            // Still refused with a renewed token. Only the portal's own word is final: a proxy may answer 401 too.
            Verdict::Refresh if !error.is_final_auth() => self.gate.suspend(&reason, Duration::from_secs(60)),
            // The renewal has acted on its own failure; nothing is to be done where nothing is installed.
            Verdict::Reauthorise if matches!(error.plain(), CallError::Oauth { .. } | CallError::NotInstalled) => {}
            Verdict::Refresh | Verdict::Reauthorise => {
                if let Some(used) = used {
                    self.broken(&reason, used).await;
                }
            }
            Verdict::Unknown | Verdict::LineOff | Verdict::ConnectorGone | Verdict::Reject => {}
        }
    }

    /// Stops work with the portal until an admin installs again, unless that happened meanwhile.
    async fn broken(&self, reason: &str, used: &Credentials) {
        let reason = format!(
            "the portal does not accept openline any more ({reason}): an administrator has to open {}/bitrix/authorize, or \
             the application from the portal's menu",
            self.config.public_url
        );
        let mut stopped = false;
        let change = |known: Option<&Credentials>| {
            stopped = false;
            let known = known.filter(|known| known.refresh_token == used.refresh_token)?;
            stopped = true;
            Some(Credentials { broken: Some(reason.clone()), ..known.clone() })
        };
        if let Err(error) = self.change(change).await {
            tracing::error!(%error, "can't keep that the credentials are broken");
        }
        if stopped {
            tracing::error!(reason, "work with the portal stopped");
            self.gate.close(&reason);
        }
    }
}

/// Whether the portal took a request, whatever became of it.
fn is_taken(result: &Result<Answer, CallError>) -> bool {
    matches!(result, Ok(_) | Err(CallError::Api { status: ..500, .. }))
}

fn is_usable(credentials: Option<&Credentials>) -> bool {
    credentials.is_some_and(|credentials| credentials.broken.is_none())
}

/// A random number from 0 to 1, from the hasher's own keys.
pub(crate) fn jitter() -> f64 {
    f64::from(u32::try_from(RandomState::new().hash_one(0) >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}
