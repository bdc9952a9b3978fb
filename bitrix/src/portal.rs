//! Calls to the portal with whatever they need: a fresh token, room in the budget, the portal's present address.

use crate::budget::{Budget, Urgency};
use crate::config::PortalConfig;
use crate::credentials::{Credentials, Vault};
use crate::gate::Gate;
use crate::oauth;
use crate::rest::{self, Answer, CallError};
use crate::verdict::{self, Verdict};
use openline_core::{Clock, OperatorInbox, StoreError, Timestamp};
use reqwest::Client;
use serde_json::Value;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// A token that ends within this is renewed before the call.
const SOON: Duration = Duration::from_secs(60);
/// How long a blocked method rests when the portal does not say.
const BLOCKED: Duration = Duration::from_secs(60);

/// The portal as the rest of this crate sees it.
pub(crate) struct Portal {
    pub(crate) config: PortalConfig,
    pub(crate) client: Client,
    pub(crate) budget: Budget,
    pub(crate) gate: Gate,
    pub(crate) inbox: OperatorInbox,
    vault: Vault,
    current: RwLock<Option<Arc<Credentials>>>,
    /// One renewal at a time: a refresh token works once.
    renewing: tokio::sync::Mutex<()>,
}

impl Portal {
    pub(crate) async fn open(
        config: PortalConfig,
        inbox: OperatorInbox,
        key: [u8; 32],
        client: Client,
    ) -> Result<Self, StoreError> {
        let vault = Vault::new(Arc::clone(inbox.store()), key);
        let (current, unreadable) = match vault.load().await {
            Ok(current) => (current, None),
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

    /// Keeps new credentials, durably first.
    async fn keep(&self, credentials: Credentials) -> Result<(), StoreError> {
        self.vault.save(&credentials).await?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(credentials));
        Ok(())
    }

    /// Keeps the portal's proof for events, learned from one whose access token was proven.
    pub(crate) async fn pin(&self, application_token: String) -> Result<(), StoreError> {
        let _renewing = self.renewing.lock().await;
        let Some(known) = self.credentials() else { return Ok(()) };
        self.keep(Credentials { application_token: Some(application_token), ..(*known).clone() }).await
    }

    /// Keeps credentials that an admin's act brought, and starts working with them.
    pub(crate) async fn installed(&self, credentials: Credentials) -> Result<(), StoreError> {
        let _renewing = self.renewing.lock().await;
        self.keep(credentials).await?;
        self.gate.reopen();
        self.inbox.backend_is_back().await
    }

    /// Forgets the portal.
    pub(crate) async fn uninstalled(&self) -> Result<(), StoreError> {
        let _renewing = self.renewing.lock().await;
        self.vault.forget().await?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.set_gate();
        Ok(())
    }

    fn set_gate(&self) {
        match self.credentials().map(|credentials| credentials.broken.clone()) {
            None => self.gate.close("openline is not installed in the portal yet"),
            Some(Some(reason)) => self.gate.close(&reason),
            Some(None) => self.gate.reopen(),
        }
    }

    /// Calls a method as the installed application. Renews the token and follows a move of the portal, each once; sorts
    /// every failure by its verdict, so that callers only decide about their own item.
    pub(crate) async fn call(&self, method: &str, params: &Value, urgency: Urgency) -> Result<Answer, CallError> {
        let started = Instant::now();
        let result = self.call_renewing(method, params, urgency).await;
        match &result {
            Ok(answer) => {
                if let Some(reset_at) = answer.operating_reset_at {
                    let (used, reset_at) = (answer.operating.unwrap_or(0.0), Timestamp(reset_at.saturating_mul(1000)));
                    let cost = answer.processing.unwrap_or_else(|| started.elapsed().as_secs_f64());
                    self.budget.note_operating(method, used, reset_at, cost, self.clock().now());
                }
                if self.gate.succeeded() {
                    tracing::info!("the portal can be worked with again");
                    let _ = self.inbox.backend_is_back().await;
                }
            }
            Err(error) => self.learn(method, error).await,
        }
        result
    }

    async fn call_renewing(&self, method: &str, params: &Value, urgency: Urgency) -> Result<Answer, CallError> {
        let mut credentials = self.fresh().await?;
        let mut renewed = false;
        loop {
            self.budget.take(urgency).await;
            let result = self.call_moving(&credentials, method, params).await;
            match result {
                Err(error) if !renewed && verdict::of(&error) == Verdict::Refresh => {
                    renewed = true;
                    credentials = self.renew(&credentials).await?;
                }
                other => return other,
            }
        }
    }

    /// One call; when the portal has moved, once more at its new address, which is kept (`bitrix24.md` §2.9).
    async fn call_moving(&self, credentials: &Credentials, method: &str, params: &Value) -> Result<Answer, CallError> {
        let endpoint = &credentials.client_endpoint;
        let result = rest::call(&self.client, endpoint, &credentials.access_token, method, params).await;
        let Err(CallError::Moved { location }) = &result else { return result };
        let Some(moved) = self.moved_endpoint(endpoint, location) else { return result };
        let result = rest::call(&self.client, &moved, &credentials.access_token, method, params).await;
        if !matches!(result, Err(CallError::Connect { .. } | CallError::Moved { .. })) {
            tracing::info!(endpoint = moved, "the portal has a new address");
            self.keep_endpoint(&credentials.member_id, &moved).await;
        }
        result
    }

    /// The new `…/rest/` address, when it may be trusted with a token.
    fn moved_endpoint(&self, endpoint: &str, location: &str) -> Option<String> {
        let location = Url::parse(endpoint).ok()?.join(location).ok()?;
        if !self.config.is_trustworthy(&location) {
            return None;
        }
        Some(format!("{}/rest/", location.origin().ascii_serialization()))
    }

    /// Takes over the portal's address of a verified event or a move.
    pub(crate) async fn keep_endpoint(&self, member_id: &str, endpoint: &str) {
        let _renewing = self.renewing.lock().await;
        let Some(credentials) = self.credentials() else { return };
        let trusted = Url::parse(endpoint).is_ok_and(|url| self.config.is_trustworthy(&url));
        if credentials.member_id != member_id || credentials.client_endpoint == endpoint || !trusted {
            return;
        }
        let moved = Credentials { client_endpoint: endpoint.to_owned(), ..(*credentials).clone() };
        if let Err(error) = self.keep(moved).await {
            tracing::error!(%error, "can't keep the portal's new address");
        }
    }

    async fn fresh(&self) -> Result<Arc<Credentials>, CallError> {
        let credentials = self.credentials().ok_or(CallError::NotInstalled)?;
        if credentials.expires_at > self.clock().now().plus(SOON) {
            return Ok(credentials);
        }
        self.renew(&credentials).await
    }

    /// Renews the token, once for everybody who found `stale` to be no good.
    async fn renew(&self, stale: &Credentials) -> Result<Arc<Credentials>, CallError> {
        let _renewing = self.renewing.lock().await;
        let current = self.credentials().ok_or(CallError::NotInstalled)?;
        if current.access_token != stale.access_token {
            return Ok(current);
        }
        let renewed = oauth::refresh(&self.client, &self.config, &current, self.clock().now()).await?;
        // Durable before it is used: the old refresh token is dead from now on.
        while let Err(error) = self.keep(renewed.clone()).await {
            tracing::error!(%error, "can't keep the renewed token, trying again");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok(Arc::new(renewed))
    }

    /// Acts on what a failure means for all calls.
    async fn learn(&self, method: &str, error: &CallError) {
        let reason = error.to_string();
        match verdict::of(error) {
            Verdict::Wait => {
                if error.is("QUERY_LIMIT_EXCEEDED") {
                    self.budget.overflowed();
                }
                self.gate.back_off(&reason, jitter());
            }
            Verdict::MethodBlocked => self.budget.block(method, self.clock().now(), BLOCKED),
            // What we can do without (a history, a list of lines) must not stop what we can't do without.
            Verdict::Suspend(_) if !method.starts_with("imconnector.") && !error.is_about_the_portal() => {
                tracing::warn!(method, reason, "the portal does not offer this");
            }
            Verdict::Suspend(pause) => self.gate.suspend(&reason, pause),
            // Still refused with a renewed token.
            Verdict::Refresh | Verdict::Reauthorise => self.broken(&reason).await,
            Verdict::Unknown | Verdict::LineOff | Verdict::ConnectorGone | Verdict::Reject => {}
        }
    }

    async fn broken(&self, reason: &str) {
        let _renewing = self.renewing.lock().await;
        let Some(credentials) = self.credentials() else { return };
        let reason = format!("the portal does not accept openline any more ({reason}): install it again there");
        tracing::error!(reason, "work with the portal stopped");
        self.gate.close(&reason);
        let broken = Credentials { broken: Some(reason), ..(*credentials).clone() };
        if let Err(error) = self.keep(broken).await {
            tracing::error!(%error, "can't keep that the credentials are broken");
        }
    }
}

/// A random number from 0 to 1, from the hasher's own keys.
pub(crate) fn jitter() -> f64 {
    f64::from(u32::try_from(RandomState::new().hash_one(0) >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}
