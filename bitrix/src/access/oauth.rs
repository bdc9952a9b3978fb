//! The authorization server: renewing tokens, and first tokens by a code (`bitrix24.md` §2.6, §2.7).

use crate::access::credentials::{Authority, Credentials};
use crate::config::PortalConfig;
use crate::wire::rest::{self, CallError, error_of};
use crate::wire::values::{integer, text};
use openline_core::Timestamp;
use reqwest::{Client, Response};
use secrecy::ExposeSecret;
use serde_json::Value;
use url::Url;

/// Renews the tokens. The old pair is dead afterwards.
///
/// # Errors
/// [`CallError::Oauth`] with the server's code, or what the network did.
pub(crate) async fn refresh(
    client: &Client,
    config: &PortalConfig,
    current: &Credentials,
    now: Timestamp,
) -> Result<Credentials, CallError> {
    let grant = [("grant_type", "refresh_token"), ("refresh_token", &current.refresh_token)];
    let answer = token(client, config, current.server(config), &grant).await?;
    let mut renewed = read(config, &answer, now).ok_or_else(|| incomplete(&current.client_endpoint))?;
    if renewed.member_id.is_empty() {
        renewed.member_id.clone_from(&current.member_id);
    }
    if renewed.client_endpoint.is_empty() {
        renewed.client_endpoint.clone_from(&current.client_endpoint);
    }
    renewed.application_token.clone_from(&current.application_token);
    renewed.authority = current.authority.clone().or(renewed.authority);
    renewed.user_id = renewed.user_id.or_else(|| current.user_id.clone());
    Ok(renewed)
}

/// First tokens for a code that an admin's browser brought; it lives 30 s.
pub(crate) async fn exchange(
    client: &Client,
    config: &PortalConfig,
    server: &Url,
    code: &str,
    now: Timestamp,
) -> Result<Credentials, CallError> {
    let grant = [("grant_type", "authorization_code"), ("code", code)];
    let answer = token(client, config, server, &grant).await?;
    let mut first = read(config, &answer, now).ok_or_else(|| incomplete(config.auth_server.as_str()))?;
    if first.client_endpoint.is_empty() {
        first.client_endpoint = config.endpoint();
    }
    Ok(first)
}

/// A portal as the authorization server knows it by one of its tokens.
pub(crate) struct Whereabouts {
    pub(crate) client_id: String,
    pub(crate) member_id: String,
    /// `https://<portal>/rest/`.
    pub(crate) endpoint: String,
}

/// Asks whose token that is and where that portal is (`bitrix24.md` §11: `app.info` at the authorization server).
///
/// # Errors
/// [`CallError::Oauth`] with the server's code, or what the network did.
pub(crate) async fn whereabouts(client: &Client, server: &Url, token: &str) -> Result<Whereabouts, CallError> {
    let url = format!("{}/rest/app.info/", server.as_str().trim_end_matches('/'));
    let request = client.get(&url).query(&[("auth", token)]);
    let answer = read_answer(&url, request.send().await).await?;
    let told = answer.get("result").unwrap_or(&answer);
    let install = told.get("install");
    let field = |name: &str| text(install.and_then(|install| install.get(name)));
    let whereabouts = || {
        Some(Whereabouts {
            client_id: text(told.get("client_id"))?,
            member_id: field("member_id")?,
            endpoint: field("client_endpoint")?,
        })
    };
    whereabouts().ok_or_else(|| {
        let problem = "the authorization server's answer names no portal".to_owned();
        CallError::Connect { host: url.clone(), problem }
    })
}

/// Asks for tokens with our code and key.
///
/// # Errors
/// [`CallError::Oauth`] with the server's code, or what the network did.
pub(crate) async fn token(
    client: &Client,
    config: &PortalConfig,
    server: &Url,
    grant: &[(&str, &str)],
) -> Result<Value, CallError> {
    let url = format!("{}/oauth/token/", server.as_str().trim_end_matches('/'));
    let secret = config.client_secret.expose_secret();
    let mut form = vec![("client_id", config.client_id.as_str()), ("client_secret", secret)];
    form.extend_from_slice(grant);
    read_answer(&url, client.post(&url).form(&form).send().await).await
}

/// The authorization server's answer, unless it is a refusal.
async fn read_answer(url: &str, response: reqwest::Result<Response>) -> Result<Value, CallError> {
    let response = response.map_err(|e| unexecuted(rest::network(url, &e)))?;
    let (status, answer) = rest::json(response, url).await.map_err(unexecuted)?;
    let error = answer.as_object().and_then(error_of);
    if let Some((code, description)) = error {
        return Err(CallError::Oauth { status: status.as_u16(), code, description });
    }
    if !status.is_success() {
        return Err(CallError::Oauth { status: status.as_u16(), code: String::new(), description: "no token".into() });
    }
    Ok(answer)
}

/// An authorization server that can't be understood says nothing about the message that wanted the token: that was not
/// sent. (Whether the refresh token was used up shows at the next try.)
fn unexecuted(error: CallError) -> CallError {
    match error {
        CallError::NoAnswer { host, problem } => CallError::Connect { host, problem },
        CallError::NotJson { status, host } => CallError::Connect {
            host,
            problem: format!("the authorization server answered HTTP {status} without JSON"),
        },
        other => other,
    }
}

fn incomplete(host: &str) -> CallError {
    let problem = "the authorization server's answer has no tokens".to_owned();
    CallError::Connect { host: host.to_owned(), problem }
}

fn read(config: &PortalConfig, answer: &Value, now: Timestamp) -> Option<Credentials> {
    let field = |name: &str| text(answer.get(name));
    let lifetime = answer.get("expires_in").and_then(integer);
    let endpoint = field("client_endpoint").filter(|endpoint| config.may_be_at(endpoint));
    let server = field("server_endpoint").and_then(|endpoint| config.server_of(&endpoint));
    Some(Credentials {
        member_id: field("member_id").unwrap_or_default(),
        client_endpoint: endpoint.unwrap_or_default(),
        user_id: field("user_id"),
        authority: server.map(Authority::told),
        ..Credentials::of_tokens(field("access_token")?, field("refresh_token")?, lifetime, now)
    })
}
