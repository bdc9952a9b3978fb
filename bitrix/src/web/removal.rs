//! `ONAPPUNINSTALL` (`bitrix24.md` §6.9): it has no tokens, so every employee could forge it, and it may come late, after
//! openline was installed again. It is believed only when our tokens really don't work any more; until that is known it is
//! kept.

use crate::access::budget::Class;
use crate::access::credentials::Credentials;
use crate::access::oauth;
use crate::access::pair::{self, Pair};
use crate::lines::{info, roster};
use crate::shared::Inner;
use crate::wire::rest::CallError;
use crate::wire::verdict::{self, Verdict};
use openline_core::store::Expect;
use openline_core::{ClientAddress, StoreError, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const KEY: &str = "bitrix/removal";
/// When it is looked whether the tokens work, after the one before: the event may be quicker than what it tells of. When
/// they still do at the last look, it is not believed.
const LOOKS: [u64; 4] = [0, 10, 60, 600];
/// The same while nobody can tell.
const LOOK_AGAIN: Duration = Duration::from_secs(1800);

/// What was told.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Removal {
    /// Whether the user asked to erase the application's data.
    clean: bool,
    at: Timestamp,
    /// Whether it is known to be true.
    believed: bool,
}

/// How the portal stands to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// The tokens work.
    Works,
    /// They don't; whether the application itself is gone (and not only the user whose tokens they are).
    Refused { gone: bool },
    /// Nobody could tell.
    Unclear,
}

/// Somebody who knows the portal's token says that openline was removed.
///
/// # Errors
/// When it could not be kept.
pub(crate) async fn hear(bitrix: &Arc<Inner>, clean: bool, from: ClientAddress) -> Result<(), StoreError> {
    tracing::warn!(target: "security", client = %from, clean, result = "to be verified", "openline is said to be removed");
    if load(bitrix).await?.is_none_or(|known| !known.believed) {
        let removal = Removal { clean, at: bitrix.portal.clock().now(), believed: false };
        keep(bitrix, &removal).await?;
        go_on(bitrix);
    }
    Ok(())
}

/// Takes care of what was told, also before a restart.
pub(crate) fn go_on(bitrix: &Arc<Inner>) {
    let verifying = tokio::spawn(verify(Arc::clone(bitrix))).abort_handle();
    let before = bitrix.verifying.lock().replace(verifying);
    before.inspect(tokio::task::AbortHandle::abort);
}

async fn load(bitrix: &Inner) -> Result<Option<Removal>, StoreError> {
    let stored = bitrix.portal.inbox.store().state_get(KEY).await?;
    Ok(stored.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

async fn keep(bitrix: &Inner, removal: &Removal) -> Result<(), StoreError> {
    let value = serde_json::to_vec(removal).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    bitrix.portal.inbox.store().state_put(KEY, &value, Expect::Anything).await
}

async fn verify(bitrix: Arc<Inner>) {
    let mut looks = LOOKS.into_iter().map(Duration::from_secs);
    let mut pause = looks.next().unwrap_or_default();
    loop {
        tokio::time::sleep(pause).await;
        if bitrix.portal.tasks.is_closed() {
            return;
        }
        match step(&bitrix).await {
            Ok(Progress::Over) => return,
            Ok(Progress::Works) => match looks.next() {
                Some(next) => pause = next,
                None => break,
            },
            Ok(Progress::Unclear) => pause = looks.next().unwrap_or(LOOK_AGAIN),
            Err(error) => {
                tracing::error!(%error, "whether openline was removed could not be dealt with, trying again");
                pause = looks.next().unwrap_or(LOOK_AGAIN);
            }
        }
    }
    tracing::warn!(target: "security", result = "refused", "openline is not removed: its tokens work");
    if let Err(error) = bitrix.portal.inbox.store().state_delete(KEY).await {
        tracing::error!(%error, "a refused removal can't be forgotten");
    }
}

enum Progress {
    Over,
    Works,
    Unclear,
}

async fn step(bitrix: &Arc<Inner>) -> Result<Progress, StoreError> {
    let Some(removal) = load(bitrix).await? else { return Ok(Progress::Over) };
    if removal.believed {
        return carry_out(bitrix, removal).await.map(|()| Progress::Over);
    }
    let Some(known) = bitrix.portal.credentials() else {
        // Another process has seen to it.
        bitrix.portal.inbox.store().state_delete(KEY).await?;
        return Ok(Progress::Over);
    };
    match look(bitrix).await {
        Standing::Works => Ok(Progress::Works),
        Standing::Unclear => Ok(Progress::Unclear),
        Standing::Refused { gone } => {
            if removal.clean && !gone {
                tracing::error!(
                    "openline's tokens don't work, but the application may still be there: nothing is erased; \
                     see docs/operations.md to erase by hand"
                );
            }
            let removal = Removal { believed: true, clean: removal.clean && gone, ..removal };
            keep(bitrix, &removal).await?;
            forget_portal(bitrix, &known).await?;
            carry_out(bitrix, removal).await.map(|()| Progress::Over)
        }
    }
}

async fn forget_portal(bitrix: &Inner, known: &Credentials) -> Result<(), StoreError> {
    if bitrix.portal.uninstalled(known).await? {
        let store = bitrix.portal.inbox.store();
        bitrix.lines.clear().await?;
        info::clear(store).await?;
        roster::clear(store).await?;
    }
    Ok(())
}

async fn carry_out(bitrix: &Inner, removal: Removal) -> Result<(), StoreError> {
    let erased = if removal.clean { bitrix.portal.inbox.erase_before(removal.at).await? } else { 0 };
    tracing::warn!(
        target: "security", clean = removal.clean, conversations_erased = erased, result = "accepted",
        "openline was removed from the portal"
    );
    bitrix.portal.inbox.store().state_delete(KEY).await
}

async fn look(bitrix: &Arc<Inner>) -> Standing {
    let portal = &bitrix.portal;
    let refusal = match portal.call("app.info", &json!({}), Class::Admin).await {
        // The portal remembers for up to an hour that a token was good (`bitrix24.md` §2.8); the authorization server
        // knows better.
        Ok(_) => {
            let Some(known) = portal.credentials() else { return Standing::Unclear };
            match oauth::whereabouts(&portal.client(), known.server(&portal.config()), &known.access_token).await {
                Err(error) if is_final(&error) => error,
                _ => return Standing::Works,
            }
        }
        Err(error) if is_final(&error) => error,
        Err(_) => return Standing::Unclear,
    };
    // When code and key are not known any more, the application is not there.
    let known = portal.credentials();
    let config = portal.config();
    let server = known.as_ref().map_or(&config.auth_server, |known| known.server(&config));
    let gone = is_gone(&refusal) || matches!(pair::judge(&portal.client(), &config, server).await, Pair::Wrong(_));
    Standing::Refused { gone }
}

/// Whether the tokens don't work and won't.
fn is_final(error: &CallError) -> bool {
    is_gone(error)
        || match (error.plain(), verdict::of(error)) {
            (CallError::NotInstalled, _) | (_, Verdict::Reauthorise) => true,
            (CallError::Oauth { code, .. }, _) => code.eq_ignore_ascii_case("invalid_token"),
            (_, Verdict::Refresh) => error.is_final_auth(),
            _ => false,
        }
}

/// Whether the application itself is gone.
fn is_gone(error: &CallError) -> bool {
    let codes = ["invalid_client", "wrong_client", "error_oauth"];
    match error.plain() {
        CallError::Oauth { code, .. } => codes.iter().any(|gone| code.eq_ignore_ascii_case(gone)),
        other => other.is("application_not_found"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(status: u16, code: &str) -> CallError {
        CallError::Api { status, code: code.to_owned(), description: String::new() }
    }

    fn oauth(code: &str) -> CallError {
        CallError::Oauth { status: 401, code: code.to_owned(), description: String::new() }
    }

    #[test]
    fn only_what_is_final_counts() {
        for error in [api(401, "APPLICATION_NOT_FOUND"), oauth("invalid_client"), oauth("ERROR_OAUTH")] {
            assert!(is_final(&error) && is_gone(&error), "{error}");
        }
        for error in [oauth("invalid_grant"), api(401, "authorization_error"), CallError::NotInstalled] {
            assert!(is_final(&error) && !is_gone(&error), "{error}");
        }
        for error in [api(503, "QUERY_LIMIT_EXCEEDED"), api(401, "expired_token"), api(403, "ACCESS_DENIED")] {
            assert!(!is_final(&error), "{error}");
        }
    }
}
