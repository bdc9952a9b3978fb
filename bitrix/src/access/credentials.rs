//! The portal's credentials and how they are kept: encrypted, replaced as a whole.

use crate::config::PortalConfig;
use crate::wire::values::text;
use base64::{Engine, prelude::BASE64_STANDARD};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use openline_core::secret::{Keys, same};
use openline_core::store::Expect;
use openline_core::{Store, StoreError, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The key under which the sealed credentials are kept.
pub(crate) const KEY: &str = "bitrix/portal";

/// What the portal gave us. Whoever has it can act in the portal: never logged, encrypted at rest.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The portal's permanent id, 32 hex digits.
    pub member_id: String,
    /// For calls; lives an hour.
    pub access_token: String,
    /// For one renewal; lives 180 days.
    pub refresh_token: String,
    /// When the access token ends.
    pub expires_at: Timestamp,
    /// `https://<portal>/rest/`.
    pub client_endpoint: String,
    /// The portal's proof in every event; unknown until told when installed through an older portal's page.
    pub application_token: Option<String>,
    /// The user the tokens belong to, when told.
    pub user_id: Option<String>,
    /// The authorization server that the portal named at the installation, or where code and key were proved since;
    /// `None`: the configured one.
    #[serde(default)]
    pub authority: Option<Authority>,
    /// Why the tokens don't work any more, when an admin has to install again.
    #[serde(default)]
    pub broken: Option<String>,
}

/// How long an access token lives when nobody says it, in seconds.
const LIFETIME: i64 = 3600;

impl Credentials {
    /// Tokens that end by our own clock so many seconds from now: the other side's clock may be another. Of what else
    /// belongs to them nothing is known yet.
    pub(crate) fn of_tokens(
        access_token: String,
        refresh_token: String,
        lifetime: Option<i64>,
        now: Timestamp,
    ) -> Self {
        let lifetime = lifetime.unwrap_or(LIFETIME).max(1);
        Self {
            member_id: String::new(),
            access_token,
            refresh_token,
            expires_at: now.plus(Duration::from_secs(lifetime.unsigned_abs())),
            client_endpoint: String::new(),
            application_token: None,
            user_id: None,
            authority: None,
            broken: None,
        }
    }

    /// Where the tokens are renewed.
    pub(crate) fn server<'a>(&'a self, config: &'a PortalConfig) -> &'a Url {
        self.authority.as_ref().map_or(&config.auth_server, |authority| &authority.server)
    }

    /// Whether an event's `auth` has this portal's id and its proof.
    pub(crate) fn is_proven_by(&self, auth: &Value) -> bool {
        let is = |name: &str, expected: &str| text(auth.get(name)).is_some_and(|told| same(expected, &told));
        let proof = |token: &str| is("application_token", token);
        is("member_id", &self.member_id) && self.application_token.as_deref().is_some_and(proof)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("member_id", &self.member_id)
            .field("broken", &self.broken)
            .finish_non_exhaustive()
    }
}

/// The authorization server of an installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// Its base address.
    pub server: Url,
    /// What stands for the code and the key that were proved there; `None` while none were.
    pub proved: Option<String>,
}

impl Authority {
    /// A server that the portal names.
    pub(crate) fn told(server: Url) -> Self {
        Self { server, proved: None }
    }
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    /// In the clear, because it is the associated data: a sealed value can't be moved to another portal.
    member_id: String,
    nonce: String,
    sealed: String,
}

/// The credentials as they were stored at some moment, sealed.
pub(crate) struct Stored(Option<Vec<u8>>);

/// Keeps the credentials in the store, sealed with the installation's secret.
pub(crate) struct Vault {
    store: Arc<dyn Store>,
    /// The first one seals; what any of them sealed is opened.
    ciphers: Vec<XChaCha20Poly1305>,
}

impl Vault {
    pub(crate) fn new(store: Arc<dyn Store>, keys: &Keys) -> Self {
        Self { store, ciphers: keys.iter().map(|key| XChaCha20Poly1305::new(&(*key).into())).collect() }
    }

    /// Seals with the present secret what an earlier one sealed, so that that one may go.
    pub(crate) async fn seal_anew(&self) -> Result<(), StoreError> {
        let stored = self.load().await?;
        let is_old = |sealed: &[u8]| Self::open_with(&self.ciphers[..1], sealed).is_err();
        let (true, Some(known)) = (stored.0.as_deref().is_some_and(is_old), self.read(&stored)?) else { return Ok(()) };
        match self.save(&known, &stored).await {
            // Another process did it.
            Err(StoreError::Conflict) => Ok(()),
            saved => saved.inspect(|()| tracing::info!("the portal's credentials are sealed with the new secret")),
        }
    }

    /// What is stored now.
    pub(crate) async fn load(&self) -> Result<Stored, StoreError> {
        Ok(Stored(self.store.state_get(KEY).await?))
    }

    /// The credentials, when there are any.
    pub(crate) fn read(&self, stored: &Stored) -> Result<Option<Credentials>, StoreError> {
        stored.0.as_deref().map(|bytes| self.open(bytes)).transpose()
    }

    /// Replaces the whole of the credentials in one step, unless another process did after `seen` was loaded: then it is
    /// a [`StoreError::Conflict`].
    pub(crate) async fn save(&self, credentials: &Credentials, seen: &Stored) -> Result<(), StoreError> {
        let bytes = self.seal(credentials)?;
        let expect = seen.0.as_deref().map_or(Expect::Nothing, Expect::Value);
        self.store.state_put(KEY, &bytes, expect).await
    }

    pub(crate) async fn forget(&self) -> Result<(), StoreError> {
        self.store.state_delete(KEY).await
    }

    pub(crate) fn seal(&self, credentials: &Credentials) -> Result<Vec<u8>, StoreError> {
        let broken = |what: &str| StoreError::Unavailable(format!("can't seal the credentials: {what}"));
        let plain = serde_json::to_vec(credentials).map_err(|e| broken(&e.to_string()))?;
        let mut nonce = [0; 24];
        getrandom::fill(&mut nonce).map_err(|e| broken(&e.to_string()))?;
        let payload = Payload { msg: &plain, aad: credentials.member_id.as_bytes() };
        let [cipher, ..] = self.ciphers.as_slice() else { return Err(broken("no key")) };
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| broken("encryption failed"))?;
        let sealed = Sealed {
            member_id: credentials.member_id.clone(),
            nonce: BASE64_STANDARD.encode(nonce),
            sealed: BASE64_STANDARD.encode(sealed),
        };
        serde_json::to_vec(&sealed).map_err(|e| broken(&e.to_string()))
    }

    pub(crate) fn open(&self, bytes: &[u8]) -> Result<Credentials, StoreError> {
        Self::open_with(&self.ciphers, bytes)
    }

    fn open_with(ciphers: &[XChaCha20Poly1305], bytes: &[u8]) -> Result<Credentials, StoreError> {
        let unreadable = || {
            let text = "the portal's credentials can't be decrypted: the secret is not the one they were stored with; \
                        put the old secret back, or install the application in the portal again";
            StoreError::Corrupt(text.to_owned())
        };
        let sealed: Sealed = serde_json::from_slice(bytes).map_err(|_| unreadable())?;
        let nonce = BASE64_STANDARD.decode(&sealed.nonce).map_err(|_| unreadable())?;
        let nonce: [u8; 24] = nonce.try_into().map_err(|_| unreadable())?;
        let cipher_text = BASE64_STANDARD.decode(&sealed.sealed).map_err(|_| unreadable())?;
        let payload = || Payload { msg: &cipher_text, aad: sealed.member_id.as_bytes() };
        let mut opened = ciphers.iter().filter_map(|cipher| cipher.decrypt(&XNonce::from(nonce), payload()).ok());
        let plain = opened.next().ok_or_else(unreadable)?;
        serde_json::from_slice(&plain).map_err(|_| unreadable())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_live_an_hour_unless_it_is_told_and_never_no_time_at_all() {
        let ends = |told| Credentials::of_tokens("a".into(), "r".into(), told, Timestamp(0)).expires_at.0;
        assert_eq!([None, Some(60), Some(0), Some(-9)].map(ends), [3_600_000, 60_000, 1000, 1000]);
    }
}
