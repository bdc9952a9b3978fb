//! The routes of the JSON API, and what stands around them.

use super::shared::Shared;
use super::{calls, forget, openapi, session, stream};
use crate::website::error::{Problem, Refusal};
use crate::website::sent::kind::by_script;
use crate::website::sent::query::MAX_BODY;
use crate::website::site::Site;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post};
use openline_core::ClientAddress;
use std::sync::Arc;

/// Every route: method, path, handler. `openapi.rs` describes the same ones, a test compares; `document` is that
/// description.
pub(in crate::website) fn table(document: Bytes) -> [(&'static str, &'static str, MethodRouter<Arc<Site>>); 12] {
    [
        ("post", "/session", post(session::open_session)),
        ("get", "/session", get(session::show_session)),
        ("delete", "/session", delete(session::end_session)),
        ("post", "/messages", post(calls::send)),
        ("get", "/messages", get(calls::history)),
        ("get", "/messages/{id}", get(calls::one)),
        ("post", "/messages/{id}/retry", post(calls::retry)),
        ("get", "/updates", get(calls::updates)),
        ("get", "/stream", get(stream::open)),
        ("post", "/forget", post(forget::by_script)),
        ("get", "/info", get(calls::info)),
        ("get", "/openapi.json", get(async move || openapi::show(document))),
    ]
}

pub(in crate::website) fn routes(site: &Arc<Site>) -> Router<Arc<Site>> {
    let document = openapi::document(&format!("{}{}api", site.origin, site.base)).into();
    let router =
        table(document).into_iter().fold(Router::new(), |router, (_, path, handler)| router.route(path, handler));
    router
        .route_layer(from_fn_with_state(Arc::clone(site), by_script))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Arc::clone(site), guess_no_tokens))
        .layer(from_fn_with_state(Arc::clone(site), cross_origin))
}

async fn method_not_allowed() -> Problem {
    Problem::of(Refusal::MethodNotAllowed, "this address does not take that method, see the Allow header")
}

async fn not_found() -> Problem {
    Problem::of(Refusal::NotFound, "there is nothing at this address")
}

/// Nothing is done for an address that has shown too many tokens that are none of ours.
pub(in crate::website) async fn guess_no_tokens(
    State(site): Shared,
    from: ClientAddress,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    if headers.contains_key(header::AUTHORIZATION)
        && site.session(headers).is_none()
        && let Err(limited) = site.limits.wrong_token(from)
    {
        return Problem::from(limited).into_response();
    }
    next.run(request).await
}

/// Lets the configured front ends on other sites call (with bearer tokens; cookies stay with this site).
async fn cross_origin(State(site): Shared, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed =
        origin.filter(|origin| site.settings.allowed_origins.iter().any(|known| known.as_bytes() == origin.as_bytes()));
    let preflight = request.method() == Method::OPTIONS;
    let Some(origin) = allowed else { return next.run(request).await };
    let mut response = if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("authorization, content-type, last-event-id"),
    );
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::website::api::openapi::document;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    #[test]
    fn it_describes_every_route_and_nothing_else() {
        let document: Value = serde_json::from_str(&document("https://chat.example/c/site/api")).unwrap();
        assert_eq!(document["servers"][0]["url"], "https://chat.example/c/site/api");
        let mut described = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            described.extend(methods.as_object().unwrap().keys().map(|method| format!("{method} {path}")));
        }
        let routes: BTreeSet<_> =
            table(Bytes::new()).iter().map(|(method, path, _)| format!("{method} {path}")).collect();
        assert_eq!(described, routes);
        let schemas = &document["components"]["schemas"];
        let key = json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]+$", "minLength": 1, "maxLength": 64 });
        assert_eq!(schemas["Key"], key);
        assert_eq!((&schemas["Text"]["maxLength"], &schemas["Name"]["maxLength"]), (&json!(10_000), &json!(100)));
    }
}
