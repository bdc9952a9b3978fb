//! What holds for every request and every answer.

use super::body::steady;
use super::rules::Rules;
use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use openline_core::client::Patience;
use openline_core::{ClientAddress, sampled};
use std::sync::Arc;
use std::time::Duration;

/// A request must be answered within this (held answers have begun by then) …
const ANSWER: Duration = Duration::from_secs(60);
/// … but for uploads of somebody who is known, which may take so much longer: a slow connection needs its time.
const LONGER: Duration = Duration::from_secs(14 * 60);

/// Refuses what is no proper request, says who calls, bounds the time, and adds what every answer says.
pub(super) async fn guard(State(rules): State<Arc<Rules>>, mut request: Request, next: Next) -> Response {
    let Some(peer) = request.extensions().get::<ClientAddress>().copied() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let client = ClientAddress(rules.proxies.client(peer.0, request.headers()));
    let mut response = if names_one_host(&request) {
        request.extensions_mut().insert(client);
        let patience = Patience::default();
        request.extensions_mut().insert(patience.clone());
        if !request.body().is_end_stream() {
            request = request.map(|body| steady(body, rules.body));
        }
        within_time(request, next, &patience).await
    } else {
        sampled!(info, %client, "a request without a host, or with two");
        (StatusCode::BAD_REQUEST, "a request names one host").into_response()
    };
    harden(response.headers_mut());
    response
}

/// RFC 9112 §3.2: two would be read by one server so and by another otherwise.
fn names_one_host(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => !host.is_empty() && !host.as_bytes().contains(&b','),
        (None, _) => request.version() < Version::HTTP_11,
        _ => false,
    }
}

async fn within_time(request: Request, next: Next, patience: &Patience) -> Response {
    let mut answering = Box::pin(next.run(request));
    if let Ok(response) = tokio::time::timeout(ANSWER, &mut answering).await {
        return response;
    }
    if patience.is_long()
        && let Ok(response) = tokio::time::timeout(LONGER, answering).await
    {
        return response;
    }
    (StatusCode::REQUEST_TIMEOUT, "the request took too long").into_response()
}

/// Nothing is guessed, framed by strangers, or kept for one origin and given to another.
fn harden(headers: &mut HeaderMap) {
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    let policy = headers.get(header::CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok());
    let framed = match policy {
        None => Some("frame-ancestors 'none'".to_owned()),
        Some(policy) if policy.contains("frame-ancestors") => None,
        Some(policy) => Some(format!("{policy}; frame-ancestors 'none'")),
    };
    if let Some(policy) = framed.and_then(|policy| HeaderValue::from_str(&policy).ok()) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    let varies = headers.get_all(header::VARY).iter().filter_map(|value| value.to_str().ok());
    if !varies.flat_map(|value| value.split(',')).any(|name| name.trim().eq_ignore_ascii_case("origin")) {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_handler_says_stays() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding, origin"));
        harden(&mut headers);
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], "sandbox; frame-ancestors 'none'");
        assert_eq!(headers.get_all(header::VARY).iter().count(), 1);
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("frame-ancestors 'self'"));
        harden(&mut headers);
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], "frame-ancestors 'self'");
    }
}
