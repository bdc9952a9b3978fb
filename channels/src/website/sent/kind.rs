//! How whatever writes has to be sent by somebody who shows a cookie or is to get one: as JSON, which no page of another
//! site sends without being given leave, or as one of the page's own forms. It stands around all routes, so that no call
//! is left out, also not those without a body. Only a bearer token that is good needs none of this.

use crate::common::multipart::is_multipart;
use crate::website::answer::refuse;
use crate::website::error::{Problem, Refusal};
use crate::website::site::Site;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Whether it was sent as JSON.
pub(in crate::website) fn is_json(headers: &HeaderMap) -> bool {
    is_of(headers, "application/json")
}

fn is_of(headers: &HeaderMap, wanted: &str) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
}

fn writes(request: &Request) -> bool {
    !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Around the calls of scripts.
pub(in crate::website) async fn by_script(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    if !writes(&request) || is_of_a_script(&site, request.headers(), request.uri().path()) {
        return next.run(request).await;
    }
    not_json().into_response()
}

/// Messages may have files with them.
fn is_of_a_script(site: &Site, headers: &HeaderMap, path: &str) -> bool {
    is_json(headers)
        || is_multipart(headers) && path.ends_with("/messages")
        || headers.contains_key(header::AUTHORIZATION) && site.session(headers).is_some()
}

/// What a call that is no JSON is told.
pub(in crate::website) fn not_json() -> Problem {
    let message =
        "send Content-Type: application/json, also without a body, or a message with files as multipart/form-data";
    Problem::of(Refusal::WrongContentType, message)
}

/// Around the page's forms.
pub(in crate::website) async fn by_form(request: Request, next: Next) -> Response {
    let headers = request.headers();
    if writes(&request) && !is_of(headers, "application/x-www-form-urlencoded") && !is_multipart(headers) {
        return refuse(&Problem::of(Refusal::WrongContentType, "This is not sent by a form of this page."));
    }
    next.run(request).await
}
