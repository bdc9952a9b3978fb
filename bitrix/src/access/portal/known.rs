//! The credentials that are known here, and what other processes on the same store make of them.

use super::{Portal, is_usable};
use crate::access::credentials::Credentials;
use openline_core::StoreError;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How soon it is looked again at the earliest whether another process has changed the credentials.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long another process may take to keep the tokens that it got.
const KEPT_ELSEWHERE: Duration = Duration::from_secs(1);

impl Portal {
    /// Changes the credentials, durably first. Each change begins with what is stored then, which other processes may
    /// have changed, and is made again when one of them was quicker; nothing waits for the portal while it holds the
    /// lock. `None` leaves them as they are stored.
    pub(crate) async fn change(
        &self,
        mut change: impl FnMut(Option<&Credentials>) -> Option<Credentials>,
    ) -> Result<(), StoreError> {
        let _writing = self.writing.lock().await;
        loop {
            let stored = self.vault.load().await?;
            let (known, readable) = match self.vault.read(&stored) {
                Ok(known) => (known, true),
                Err(_) => (None, false),
            };
            let Some(credentials) = change(known.as_ref()) else {
                if readable {
                    self.take_over(known).await;
                }
                return Ok(());
            };
            match self.vault.save(&credentials, &stored).await {
                Ok(()) => {
                    self.set(Some(credentials));
                    return Ok(());
                }
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn set(&self, credentials: Option<Credentials>) {
        *self.current.write() = credentials.map(Arc::new);
    }

    /// Goes on with what another process has stored: tokens that it renewed, an installation, that there is none.
    async fn take_over(&self, stored: Option<Credentials>) {
        let known = self.credentials();
        if known.as_deref() == stored.as_ref() {
            return;
        }
        let (worked, works) = (is_usable(known.as_deref()), is_usable(stored.as_ref()));
        self.set(stored);
        if worked != works {
            self.set_gate();
        }
        if works && !worked {
            tracing::info!("another process has installed openline in the portal");
            let _ = self.inbox.backend_is_back().await;
        }
    }

    /// Looks whether another process has changed the credentials; not more than some times a second.
    pub(crate) async fn look_again(&self) {
        let mut looked = self.looked.lock().await;
        if looked.is_some_and(|at| at.elapsed() < LOOK_AGAIN) {
            return;
        }
        self.reload().await;
        *looked = Some(Instant::now());
    }

    /// Reads what another process may have stored.
    pub(crate) async fn reload(&self) {
        if let Err(error) = self.change(|_| None).await {
            tracing::warn!(%error, "can't look whether the credentials were changed");
        }
    }

    /// A refresh token works once: when it is refused, another process may have used it, and keeps what it got.
    pub(super) async fn renewed_elsewhere(&self, used: &Credentials) -> Option<Arc<Credentials>> {
        for pause in [Duration::ZERO, KEPT_ELSEWHERE] {
            tokio::time::sleep(pause).await;
            self.reload().await;
            let known = self.credentials().filter(|known| known.access_token != used.access_token);
            if let Some(known) = known.filter(|known| known.broken.is_none()) {
                return Some(known);
            }
        }
        None
    }
}
