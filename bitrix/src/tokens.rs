//! Credentials that a browser or an event brings, and how they are proven (`bitrix24.md` §2.3, §2.4, §2.10).

use crate::Inner;
use crate::config::PortalConfig;
use crate::credentials::Credentials;
use crate::oauth::{self, endpoint};
use crate::rest::{self, Answer, CallError, integer, text, truthy};
use crate::verdict::{self, Verdict};
use openline_core::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;
use subtle::ConstantTimeEq;
use url::Url;

/// Compares secrets without telling by time where they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    !one.is_empty() && bool::from(one.as_bytes().ct_eq(other.as_bytes()))
}

/// Why a caller was not believed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Disbelief {
    /// Something that must be there is not.
    #[error("the request lacks {0}")]
    Missing(&'static str),
    /// The token belongs to another application.
    #[error("the token belongs to another application ({0}): check client_id in openline's configuration")]
    OtherApplication(String),
    /// The portal is not the configured one.
    #[error("the request comes from another portal than the configured {0}")]
    OtherPortal(String),
    /// The caller may not do this.
    #[error("only an administrator of the portal may do this")]
    NotAdmin,
    /// Too many ask to be believed; the portal's request limit is kept for messages.
    #[error("too many installations are tried at the moment, try again in a minute")]
    Busy,
    /// The portal could not be asked, or refused.
    #[error("the portal did not confirm the caller: {0}")]
    Call(#[from] CallError),
}

impl Disbelief {
    /// Whether the same may be believed a little later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Busy => true,
            Self::Call(error) => {
                matches!(verdict::of(error), Verdict::Wait | Verdict::Unknown | Verdict::MethodBlocked)
            }
            _ => false,
        }
    }
}

/// The tokens of an install event (`auth[…]`, §2.3) or, with other names, of an install page's form (§2.4).
pub(crate) fn from_event(auth: &Value, now: Timestamp) -> Result<Credentials, Disbelief> {
    let field = |name: &str| text(auth.get(name));
    let lifetime = auth.get("expires_in").and_then(integer).unwrap_or(3600);
    Ok(Credentials {
        member_id: field("member_id").ok_or(Disbelief::Missing("auth[member_id]"))?,
        access_token: field("access_token").ok_or(Disbelief::Missing("auth[access_token]"))?,
        refresh_token: field("refresh_token").ok_or(Disbelief::Missing("auth[refresh_token]"))?,
        expires_at: now.plus(Duration::from_secs(lifetime.max(0).unsigned_abs())),
        client_endpoint: field("client_endpoint").unwrap_or_default(),
        application_token: field("application_token"),
        user_id: field("user_id"),
        broken: None,
    })
}

/// The tokens of a page's form; `query` has `DOMAIN` and `PROTOCOL`.
pub(crate) fn from_page(query: &Value, body: &Value, now: Timestamp) -> Result<Credentials, Disbelief> {
    let field = |name: &str| text(body.get(name)).or_else(|| text(query.get(name)));
    let scheme = if field("PROTOCOL").as_deref() == Some("0") { "http" } else { "https" };
    let lifetime = body.get("AUTH_EXPIRES").and_then(integer).unwrap_or(3600);
    Ok(Credentials {
        member_id: field("member_id").ok_or(Disbelief::Missing("member_id"))?,
        access_token: field("AUTH_ID").ok_or(Disbelief::Missing("AUTH_ID"))?,
        refresh_token: field("REFRESH_ID").unwrap_or_default(),
        expires_at: now.plus(Duration::from_secs(lifetime.max(0).unsigned_abs())),
        client_endpoint: field("DOMAIN").map(|domain| format!("{scheme}://{domain}/rest/")).unwrap_or_default(),
        application_token: field("APPLICATION_TOKEN"),
        user_id: None,
        broken: None,
    })
}

/// Proves that tokens belong to our application in the configured portal: asks that portal, never an address that the
/// caller named. Returns them with the portal's true address.
pub(crate) async fn prove(bitrix: &Inner, mut claimed: Credentials) -> Result<Credentials, Disbelief> {
    if !bitrix.proofs.take() {
        return Err(Disbelief::Busy);
    }
    let config = &bitrix.portal.config;
    let known = bitrix.portal.credentials().filter(|known| known.member_id == claimed.member_id);
    let configured = endpoint(&config.url);
    let place = known.as_ref().map_or_else(|| configured.clone(), |known| known.client_endpoint.clone());
    let (place, info) = match ask(bitrix, &place, &claimed.access_token, "app.info").await {
        // The remembered address is dead; the configured one may be right.
        Err(Disbelief::Call(CallError::Connect { .. } | CallError::NotJson { .. })) if place != configured => {
            ask(bitrix, &configured, &claimed.access_token, "app.info").await?
        }
        other => other?,
    };
    match text(info.result.get("CODE")) {
        Some(code) if code != config.client_id => return Err(Disbelief::OtherApplication(code)),
        _ => {}
    }
    // The portal's own word for its address, when it names the same server that just confirmed the token.
    if !same_origin(&claimed.client_endpoint, &place) {
        claimed.client_endpoint = place;
    }
    Ok(claimed)
}

/// Proves an installation: tokens of our application, of an administrator. Tokens that come late have expired; then the
/// authorization server renews them, which proves them too (and names the true portal).
pub(crate) async fn prove_installation(bitrix: &Inner, claimed: Credentials) -> Result<Credentials, Disbelief> {
    let proven = match prove(bitrix, claimed.clone()).await {
        Err(Disbelief::Call(error)) if error.is("expired_token") && !claimed.refresh_token.is_empty() => {
            let portal = &bitrix.portal;
            let renewed = oauth::refresh(&portal.client, &portal.config, &claimed, portal.clock().now()).await?;
            prove(bitrix, Credentials { application_token: claimed.application_token, ..renewed }).await?
        }
        other => other?,
    };
    match ask(bitrix, &proven.client_endpoint, &proven.access_token, "profile").await {
        Ok((_, profile)) if truthy(profile.result.get("ADMIN")) => Ok(proven),
        Ok(_) => Err(Disbelief::NotAdmin),
        // Only the portal can say that, and it has just confirmed the token.
        Err(Disbelief::Call(error)) if error.is("ERROR_METHOD_NOT_FOUND") => Ok(proven),
        Err(error) => Err(error),
    }
}

/// Proves that a page was opened by somebody who may change connectors: an administrator, or a user whom the portal
/// lets list them (`bitrix24.md` §4.6, §7).
pub(crate) async fn prove_rights(bitrix: &Inner, token: &str) -> Result<(), Disbelief> {
    let known = bitrix.portal.credentials();
    let place = known.map_or_else(|| endpoint(&bitrix.portal.config.url), |known| known.client_endpoint.clone());
    let (place, profile) = ask(bitrix, &place, token, "profile").await?;
    if truthy(profile.result.get("ADMIN")) {
        return Ok(());
    }
    match ask(bitrix, &place, token, "imconnector.list").await {
        Ok(_) => Ok(()),
        Err(Disbelief::Call(CallError::Api { .. })) => Err(Disbelief::NotAdmin),
        Err(error) => Err(error),
    }
}

/// A call with a claimed token at an address of ours, or where that portal has moved to; the address and the answer.
async fn ask(bitrix: &Inner, place: &str, token: &str, method: &str) -> Result<(String, Answer), Disbelief> {
    let call = async |place: &str| rest::call(&bitrix.portal.client, place, token, method, &json!({})).await;
    match call(place).await {
        Err(CallError::Moved { location }) => {
            let config = &bitrix.portal.config;
            let moved = moved(config, place, &location);
            let place = moved.ok_or_else(|| Disbelief::OtherPortal(config.url.to_string()))?;
            let answer = call(&place).await?;
            Ok((place, answer))
        }
        answer => Ok((place.to_owned(), answer?)),
    }
}

fn same_origin(one: &str, other: &str) -> bool {
    match (Url::parse(one), Url::parse(other)) {
        (Ok(one), Ok(other)) => one.origin() == other.origin(),
        _ => false,
    }
}

fn moved(config: &PortalConfig, place: &str, location: &str) -> Option<String> {
    let url = Url::parse(place).ok()?.join(location).ok()?;
    config.is_trustworthy(&url).then(|| format!("{}/rest/", url.origin().ascii_serialization()))
}
