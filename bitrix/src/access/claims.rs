//! Credentials that a browser or an event brings, and how they are proven (`bitrix24.md` §2.3, §2.4, §2.10).

use crate::access::credentials::{Authority, Credentials};
pub(crate) use crate::access::disbelief::Disbelief;
use crate::access::oauth;
use crate::config::PortalConfig;
use crate::shared::Inner;
use crate::wire::rest::{self, Answer, CallError};
use crate::wire::values::{integer, text, truthy};
use openline_core::{ClientAddress, Timestamp};
use serde_json::{Value, json};

/// The tokens of an install event (`auth[…]`, §2.3) or, with other names, of an install page's form (§2.4).
pub(crate) fn from_event(config: &PortalConfig, auth: &Value, now: Timestamp) -> Result<Credentials, Disbelief> {
    let field = |name: &str| text(auth.get(name));
    let member_id = field("member_id").ok_or(Disbelief::Missing("auth[member_id]"))?;
    let access = field("access_token").ok_or(Disbelief::Missing("auth[access_token]"))?;
    let refresh = field("refresh_token").ok_or(Disbelief::Missing("auth[refresh_token]"))?;
    Ok(Credentials {
        member_id,
        client_endpoint: field("client_endpoint").unwrap_or_default(),
        application_token: field("application_token"),
        user_id: field("user_id"),
        authority: authority(config, field("server_endpoint")),
        ..Credentials::of_tokens(access, refresh, auth.get("expires_in").and_then(integer), now)
    })
}

/// The tokens of a page's form; `query` has `DOMAIN` and `PROTOCOL`.
pub(crate) fn from_page(
    config: &PortalConfig,
    query: &Value,
    body: &Value,
    now: Timestamp,
) -> Result<Credentials, Disbelief> {
    let field = |name: &str| text(body.get(name)).or_else(|| text(query.get(name)));
    let scheme = if field("PROTOCOL").as_deref() == Some("0") { "http" } else { "https" };
    let member_id = field("member_id").ok_or(Disbelief::Missing("member_id"))?;
    let access = field("AUTH_ID").ok_or(Disbelief::Missing("AUTH_ID"))?;
    let (refresh, lifetime) = (field("REFRESH_ID").unwrap_or_default(), body.get("AUTH_EXPIRES").and_then(integer));
    Ok(Credentials {
        member_id,
        client_endpoint: field("DOMAIN").map(|domain| format!("{scheme}://{domain}/rest/")).unwrap_or_default(),
        application_token: field("APPLICATION_TOKEN"),
        authority: authority(config, field("SERVER_ENDPOINT")),
        ..Credentials::of_tokens(access, refresh, lifetime, now)
    })
}

/// The authorization server that a request names. Who named it is proven afterwards, and so is the server.
fn authority(config: &PortalConfig, endpoint: Option<String>) -> Option<Authority> {
    config.server_of(&endpoint?).map(Authority::told)
}

/// Proves that tokens belong to our application in the configured portal. Asked are the configured address and, when the
/// portal is not there any more, the authorization server: never an address that the caller named, nor one that is
/// remembered. Returns them with the portal's true address.
pub(crate) async fn prove(bitrix: &Inner, claimed: Credentials, from: ClientAddress) -> Result<Credentials, Disbelief> {
    if bitrix.proofs.take(from) { prove_now(bitrix, claimed).await } else { Err(Disbelief::Busy) }
}

/// The same for a caller whose turn it is.
async fn prove_now(bitrix: &Inner, mut claimed: Credentials) -> Result<Credentials, Disbelief> {
    let config = bitrix.portal.config();
    match ask(bitrix, &config.endpoint(), &claimed.access_token, "app.info").await {
        Ok(info) => {
            let code = text(info.result.get("CODE"));
            is_ours(&config, code.ok_or(Disbelief::Missing("a token of an application"))?)?;
            // The portal's own word for its address, when it is on the server that just confirmed the token.
            if !config.is_configured(&claimed.client_endpoint) {
                claimed.client_endpoint = config.endpoint();
            }
        }
        Err(CallError::Moved { .. } | CallError::Connect { .. } | CallError::NotJson { .. }) => {
            let told =
                oauth::whereabouts(&bitrix.portal.client(), claimed.server(&config), &claimed.access_token).await?;
            is_ours(&config, told.client_id)?;
            if told.member_id != claimed.member_id || !config.may_be_at(&told.endpoint) {
                return Err(Disbelief::OtherPortal(config.url.to_string()));
            }
            claimed.client_endpoint = told.endpoint;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(claimed)
}

fn is_ours(config: &PortalConfig, application: String) -> Result<(), Disbelief> {
    if application == config.client_id { Ok(()) } else { Err(Disbelief::OtherApplication(application)) }
}

/// Proves an installation: tokens of our application, of an administrator. Tokens that come late have expired; then the
/// authorization server renews them, which proves them too (and names the true portal).
pub(crate) async fn prove_installation(
    bitrix: &Inner,
    claimed: Credentials,
    from: ClientAddress,
) -> Result<Credentials, Disbelief> {
    if bitrix.proofs.take(from) { prove_installation_now(bitrix, claimed).await } else { Err(Disbelief::Busy) }
}

/// The same for a caller whose turn it is.
pub(crate) async fn prove_installation_now(bitrix: &Inner, claimed: Credentials) -> Result<Credentials, Disbelief> {
    let proven = match prove_now(bitrix, claimed.clone()).await {
        Err(Disbelief::Call(error)) if error.is("expired_token") && !claimed.refresh_token.is_empty() => {
            let portal = &bitrix.portal;
            let renewed = oauth::refresh(&portal.client(), &portal.config(), &claimed, portal.clock().now()).await?;
            prove_now(bitrix, Credentials { application_token: claimed.application_token, ..renewed }).await?
        }
        other => other?,
    };
    let profile = ask(bitrix, &proven.client_endpoint, &proven.access_token, "profile").await?;
    let user_id = text(profile.result.get("ID")).or_else(|| proven.user_id.clone());
    if truthy(profile.result.get("ADMIN")) { Ok(Credentials { user_id, ..proven }) } else { Err(Disbelief::NotAdmin) }
}

/// Proves that a page was opened by somebody who may change connectors: an administrator, or a user whom the portal
/// lets list them (`bitrix24.md` §4.6, §7).
pub(crate) async fn prove_rights(bitrix: &Inner, proven: &Credentials) -> Result<(), Disbelief> {
    let (place, token) = (&proven.client_endpoint, &proven.access_token);
    let profile = ask(bitrix, place, token, "profile").await?;
    if truthy(profile.result.get("ADMIN")) {
        return Ok(());
    }
    match ask(bitrix, place, token, "imconnector.list").await {
        Ok(_) => Ok(()),
        Err(CallError::Api { .. }) => Err(Disbelief::NotAdmin),
        Err(error) => Err(error.into()),
    }
}

/// A call with a claimed token at an address that is known to be the portal's.
async fn ask(bitrix: &Inner, place: &str, token: &str, method: &str) -> Result<Answer, CallError> {
    rest::call(&bitrix.portal.client(), place, token, method, &json!({})).await
}
