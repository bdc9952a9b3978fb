//! Calls to the portal with whatever they need: a fresh token, room in the budget, the portal's present address.

mod calls;
mod known;

pub(crate) use calls::asking;

use crate::access::budget::Budget;
use crate::access::credentials::{Credentials, Vault};
use crate::access::gate::Gate;
use crate::access::oauth;
use crate::config::PortalConfig;
use crate::wire::rest::CallError;
use crate::wire::verdict::{self, Verdict};
use openline_core::again::chance;
use openline_core::secret::Keys;
use openline_core::{Clock, OperatorInbox, StoreError};
use parking_lot::RwLock;
use reqwest::Client;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

/// A token that ends within this is renewed before the call.
const SOON: Duration = Duration::from_secs(60);
/// How often that is looked while there are none that work.
const INSTALLED_ELSEWHERE: Duration = Duration::from_secs(5);
/// The code of one request too many.
const OVERFLOW: &str = "QUERY_LIMIT_EXCEEDED";
/// The portal as the rest of this crate sees it.
pub(crate) struct Portal {
    /// What counts now; whoever began with an earlier one ends with it.
    config: RwLock<Arc<PortalConfig>>,
    client: RwLock<Client>,
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
            config: RwLock::new(Arc::new(config)),
            client: RwLock::new(client),
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

    /// The configuration as it is now.
    pub(crate) fn config(&self) -> Arc<PortalConfig> {
        Arc::clone(&self.config.read())
    }

    /// Makes requests.
    pub(crate) fn client(&self) -> Client {
        self.client.read().clone()
    }

    /// Goes on with another configuration, and a client for it.
    pub(crate) fn exchange(&self, config: PortalConfig, client: Client) {
        let old = self.config();
        if (old.limit, old.url.host_str()) != (config.limit, config.url.host_str()) {
            self.budget.be(config.limit, config.url.host_str().unwrap_or_default());
        }
        *self.client.write() = client;
        *self.config.write() = Arc::new(config);
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.inbox.clock().as_ref()
    }

    /// The credentials as they are known now.
    pub(crate) fn credentials(&self) -> Option<Arc<Credentials>> {
        self.current.read().clone()
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
        let sure = known.broken.is_none() && self.config().is_configured(&known.client_endpoint);
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
        let renewed = match oauth::refresh(&self.client(), &self.config(), &used, self.clock().now()).await {
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
                self.gate.back_off(&reason, chance(), began);
            }
            Verdict::MethodBlocked => self.block(method, error),
            // What we can do without (a history, a list of lines) must not stop what we can't do without.
            Verdict::Suspend(_) if !method.starts_with("imconnector.") && !error.is_about_the_portal() => {
                tracing::warn!(method, reason, "the portal does not offer this");
            }
            Verdict::Suspend(pause) => self.gate.suspend(&reason, pause),
            // Expired again already: nothing is wrong with the installation.
            Verdict::Refresh if error.is("expired_token") => self.gate.back_off(&reason, chance(), began),
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
            self.config().public_url
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

fn is_usable(credentials: Option<&Credentials>) -> bool {
    credentials.is_some_and(|credentials| credentials.broken.is_none())
}
