//! An administrator's tokens, which every page of ours that they open brings along, heal an installation whose own tokens
//! have died: whoever installed it may have been dismissed.

use crate::access::claims::{self, Disbelief};
use crate::access::credentials::Credentials;
use crate::lines::registration;
use crate::shared::Inner;
use crate::web::afterwards::reconcile_later;
use crate::wire::rest::CallError;
use openline_core::ClientAddress;
use serde_json::Value;
use std::sync::Arc;

/// An administrator opened the application's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Visit {
    /// Whether openline has their tokens now.
    pub(super) gave: bool,
    /// Their number in the portal.
    pub(super) user: String,
}

/// Whether there are tokens that work, as far as is known.
pub(super) fn works(bitrix: &Inner) -> bool {
    bitrix.portal.credentials().is_some_and(|known| known.broken.is_none())
}

/// Somebody opened the application's page.
///
/// # Errors
/// When they can't be proven to be an administrator of the portal.
pub(super) async fn visit(
    bitrix: &Arc<Inner>,
    query: &Value,
    form: &Value,
    from: ClientAddress,
) -> Result<Visit, Disbelief> {
    let claimed = claims::from_page(&bitrix.portal.config(), query, form, bitrix.portal.clock().now())?;
    let proven = claims::prove_installation(bitrix, claimed, from).await?;
    // A number, so that it is nothing else in a signed word and in the log.
    let user = proven.user_id.as_deref().and_then(|user| user.parse().ok()).unwrap_or(0_u64).to_string();
    let gave = !works(bitrix) && !proven.refresh_token.is_empty();
    if gave {
        take(bitrix, proven, from).await?;
    }
    Ok(Visit { gave, user })
}

/// Goes on with the tokens of an administrator who opened a channel's settings, when there are none that work. Others
/// heal nothing, and may still be allowed to connect a channel.
///
/// # Errors
/// When the portal could not be asked, or the tokens could not be kept.
pub(super) async fn heal(bitrix: &Arc<Inner>, claimed: &Credentials, from: ClientAddress) -> Result<(), Disbelief> {
    if works(bitrix) || claimed.refresh_token.is_empty() {
        return Ok(());
    }
    match claims::prove_installation(bitrix, claimed.clone(), from).await {
        Ok(proven) => take(bitrix, proven, from).await,
        Err(Disbelief::NotAdmin) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn take(bitrix: &Arc<Inner>, proven: Credentials, from: ClientAddress) -> Result<(), Disbelief> {
    let kept = bitrix.portal.installed(proven).await;
    kept.map_err(|error| CallError::Storage(error.to_string()))?;
    tracing::info!(target: "security", client = %from, result = "accepted", "an administrator's page gave openline tokens");
    if registration::reconcile(bitrix).await.is_err() {
        // What went wrong is among the findings.
        reconcile_later(bitrix);
    }
    Ok(())
}
