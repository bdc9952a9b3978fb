//! Reading a REST request: query, form, JSON and multipart bodies have the same meaning (bitrix24.md R13).

use std::net::IpAddr;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use crate::php::form;
use crate::server::Peer;

/// Largest body the portal reads.
pub(crate) const MAX_BODY: usize = 100 * 1024 * 1024;

/// The webhook form of a REST path: `/rest/<user>/<secret>/<method>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Webhook {
    pub(crate) user: i64,
    pub(crate) secret: String,
}

/// One REST request, read and merged.
#[derive(Debug)]
pub(crate) struct RestRequest {
    /// Lower case, without suffix.
    pub(crate) method: String,
    pub(crate) as_xml: bool,
    pub(crate) webhook: Option<Webhook>,
    pub(crate) bearer: Option<String>,
    /// Query and body, the body winning.
    pub(crate) params: Map<String, Value>,
    pub(crate) https: bool,
    pub(crate) peer: IpAddr,
    pub(crate) user_agent: String,
    /// Some text was not UTF-8 (bitrix24.md §3.2).
    pub(crate) broken_text: bool,
}

impl RestRequest {
    /// Reads the whole request; unreadable bodies count as empty, as in PHP.
    pub(crate) async fn read(request: Request, peer: Peer) -> Self {
        let (method, as_xml, webhook) = split_path(request.uri().path());
        let query = request.uri().query().unwrap_or_default().to_owned();
        let headers = request.headers().clone();
        let (body, broken_body) = read_body(request, &headers).await;
        let mut params = object(form::parse(query.as_bytes()));
        params.extend(body);
        Self {
            method,
            as_xml,
            webhook,
            bearer: bearer(&headers),
            params,
            https: text(&headers, "x-forwarded-proto") == "https",
            peer: peer.0.ip(),
            user_agent: text(&headers, header::USER_AGENT.as_str()),
            broken_text: broken_body || broken(query.as_bytes()),
        }
    }

    /// The token, wherever it travels; the header wins (bitrix24.md §2.8).
    pub(crate) fn token(&self) -> Option<String> {
        let param = |name: &str| self.params.get(name).and_then(Value::as_str).map(str::to_owned);
        self.bearer
            .clone()
            .or_else(|| param("auth"))
            .or_else(|| param("access_token"))
            .filter(|token| !token.is_empty())
    }
}

/// `/rest/[user/secret/]method[.json|.xml]` into its parts.
fn split_path(path: &str) -> (String, bool, Option<Webhook>) {
    let parts: Vec<&str> = path.trim_start_matches("/rest").split('/').filter(|part| !part.is_empty()).collect();
    let (webhook, name) = match parts.as_slice() {
        [user, secret, rest @ ..] if user.parse::<i64>().is_ok() => {
            (Some(Webhook { user: user.parse().unwrap_or(0), secret: (*secret).to_owned() }), rest.join("/"))
        }
        all => (None, all.join("/")),
    };
    let name = name.to_lowercase();
    if let Some(bare) = name.strip_suffix(".xml") {
        return (bare.to_owned(), true, webhook);
    }
    (name.strip_suffix(".json").unwrap_or(&name).to_owned(), false, webhook)
}

async fn read_body(request: Request, headers: &HeaderMap) -> (Map<String, Value>, bool) {
    let kind = text(headers, header::CONTENT_TYPE.as_str());
    if kind.starts_with("multipart/form-data") {
        return (read_multipart(request).await, false);
    }
    let bytes = to_bytes(request.into_body(), MAX_BODY).await.unwrap_or_default();
    if kind.starts_with("application/json") {
        let parsed = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        return (object(parsed), std::str::from_utf8(&bytes).is_err());
    }
    if kind.starts_with("application/x-www-form-urlencoded") {
        return (object(form::parse(&bytes)), broken(&bytes));
    }
    (Map::new(), false)
}

async fn read_multipart(request: Request) -> Map<String, Value> {
    let mut fields = Map::new();
    let Ok(mut parts) = Multipart::from_request(request, &()).await else { return fields };
    while let Ok(Some(part)) = parts.next_field().await {
        let Some(name) = part.name().map(str::to_owned) else { continue };
        if part.file_name().is_some() {
            continue;
        }
        let bytes: Bytes = part.bytes().await.unwrap_or_default();
        form::insert(&mut fields, &name, String::from_utf8_lossy(&bytes).into_owned());
    }
    object(form::lists(Value::Object(fields)))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        Value::Array(items) => items.into_iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect(),
        _ => Map::new(),
    }
}

fn broken(encoded: &[u8]) -> bool {
    percent_decode(encoded).decode_utf8().is_err()
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = text(headers, header::AUTHORIZATION.as_str());
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

fn text(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(split_path("/rest/App.Info.json"), ("app.info".into(), false, None));
        assert_eq!(split_path("/rest/app.info.xml"), ("app.info".into(), true, None));
        let hook = Webhook { user: 1, secret: "s3".into() };
        assert_eq!(split_path("/rest/1/s3/profile"), ("profile".into(), false, Some(hook)));
    }
}
