//! `/bitrix/authorize`, and where the portal sends the browser back: first tokens by full OAuth (`bitrix24.md` §2.6).

use super::afterwards::reconcile_later;
use super::app;
use super::called::{Shared, asked_language, plain};
use crate::access::authorize_state::COOKIE_PATH;
use crate::access::claims::{self, Disbelief};
use crate::access::oauth;
use crate::shared::Inner;
use crate::web::page::Page;
use crate::wire::form;
use crate::wire::rest::CallError;
use crate::wire::values::text;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use openline_core::{ClientAddress, sampled};
use std::sync::Arc;

/// The application's handler path, which is also the OAuth redirect URI.
pub(super) async fn app_page_get(
    State(bitrix): Shared,
    from: ClientAddress,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let language = asked_language(&bitrix, query.clone());
    let asked = query.clone().unwrap_or_default();
    let fields = form::pick(asked.as_bytes(), &["code", "state"]).unwrap_or_default();
    let Some(code) = text(fields.get("code")) else { return app::opened(&bitrix, query) };
    let state = text(fields.get("state")).unwrap_or_default();
    let page = match authorized(&bitrix, &code, &state, &headers, from).await {
        Ok(()) => {
            tracing::info!(target: "security", client = %from, result = "accepted", "an authorization");
            Page::success(language, "authorised", "authorised_text")
        }
        Err(error) => {
            sampled!(warn, target: "security", client = %from, %error, result = "refused", "an authorization");
            Page::refused(language, "not_authorised", &error, &bitrix.portal.config())
        }
    };
    let mut response = page.respond(&bitrix);
    set_cookie(&bitrix, &mut response, "", 0);
    response
}

async fn authorized(
    bitrix: &Arc<Inner>,
    code: &str,
    state: &str,
    headers: &HeaderMap,
    from: ClientAddress,
) -> Result<(), Disbelief> {
    let portal = &bitrix.portal;
    if !bitrix.states.use_up(state, &cookies(bitrix, headers), portal.clock().now()) {
        return Err(Disbelief::Missing(
            "a state that this server gave to this browser in the last minutes and that was not used yet: begin at \
             /bitrix/authorize",
        ));
    }
    if !bitrix.proofs.take(from) {
        return Err(Disbelief::Busy);
    }
    let known = portal.credentials();
    let config = portal.config();
    let server = known.as_ref().map_or(&config.auth_server, |known| known.server(&config));
    let first = oauth::exchange(&portal.client(), &config, server, code, portal.clock().now()).await?;
    let credentials = claims::prove_installation(bitrix, first, from).await?;
    portal.installed(credentials).await.map_err(|error| CallError::Storage(error.to_string()))?;
    reconcile_later(bitrix);
    Ok(())
}

/// Sends an admin to the portal to authorise the application again.
pub(super) async fn authorize(State(bitrix): Shared) -> Response {
    let config = bitrix.portal.config();
    let Ok(mut url) = config.url.join("/oauth/authorize/") else { return plain(StatusCode::NOT_FOUND, "no portal") };
    let Some((state, cookie)) = bitrix.states.make(bitrix.portal.clock().now()) else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "no randomness, try again");
    };
    url.query_pairs_mut().append_pair("client_id", &config.client_id).append_pair("state", &state);
    let mut response = Redirect::to(url.as_str()).into_response();
    set_cookie(&bitrix, &mut response, &cookie, 600);
    response
}

/// The cookie's name; behind https no other host and no path can set it.
fn cookie_name(bitrix: &Inner) -> &'static str {
    if bitrix.portal.config().public_url.starts_with("https:") { "__Host-ol_authorize" } else { "ol_authorize" }
}

fn set_cookie(bitrix: &Inner, response: &mut Response, value: &str, seconds: u32) {
    let name = cookie_name(bitrix);
    let secure = if name.starts_with("__Host-") { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path={COOKIE_PATH}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// The values of our cookie that the browser sends.
fn cookies<'h>(bitrix: &Inner, headers: &'h HeaderMap) -> Vec<&'h str> {
    let name = cookie_name(bitrix);
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(known, _)| *known == name).map(|(_, value)| value).collect()
}
