//! The chat on other people's pages: the script that puts a launcher there, and the page in the frame that it opens
//! (`docs/widget.md`).

use crate::website::answer::plain;
use crate::website::page::frame::{EARLY, Frame};
use crate::website::page::hosted;
use crate::website::sent::form;
use crate::website::served::assets;
use crate::website::site::Site;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;

/// How long a page may use the script without asking whether it is new, in seconds: a changed configuration is seen
/// everywhere after that.
const LOADER_AGE: &str = "public, max-age=300";
pub(in crate::website) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/widget.js", get(serve_loader))
        .route("/widget.css", get(serve_sheet))
        .route("/widget.d.ts", get(types))
        .route("/theme.css", get(serve_theme))
        .route("/avatar", get(serve_avatar))
        .route("/frame", get(frame))
}

type Shared = State<Arc<Site>>;

async fn serve_loader(State(site): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    site.made.loader.serve(query.as_deref(), &headers, LOADER_AGE)
}

async fn serve_sheet(State(site): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    site.made.sheet.serve(query.as_deref(), &headers, LOADER_AGE)
}

/// What `window.Openline` is, for who writes in TypeScript.
async fn types() -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], assets::text("widget.d.ts")).into_response()
}

async fn serve_theme(State(site): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    site.made.theme.serve(query.as_deref(), &headers, "no-cache")
}

async fn serve_avatar(State(site): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    match &site.made.avatar {
        Some(avatar) => avatar.serve(query.as_deref(), &headers, "no-cache"),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The chat for the frame on another page. It has no session of its own: the script in it gets one, without a cookie,
/// because browsers keep those of a framed site away.
async fn frame(State(site): Shared, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let query = form::fields(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let around = query.get("origin").map_or(site.origin.as_str(), String::as_str);
    if !site.embeds(around) {
        let key = format!("channels.{}.settings.widget.origins", site.inbox.channel());
        return plain(StatusCode::FORBIDDEN, format!("This page may not embed the chat; its origin is not in {key}."));
    }
    let view = site.view(&headers, query.get("lang").map(String::as_str));
    let mut response = hosted::framed(&site, &view, &Frame { origin: around.to_owned() }).await;
    let ancestors: Vec<_> = site.settings.widget.origins.iter().map(String::as_str).collect();
    let policy = format!("{} {}", hosted::POLICY, ancestors.join(" "));
    let script = format!("script-src 'self' {}", EARLY.1);
    // What is written waits for the script; no form of the frame leaves it by itself.
    let policy =
        policy.replacen("script-src 'self'", &script, 1).replacen("form-action 'self'", "form-action 'none'", 1);
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(policy.trim()) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    // Pages that isolate themselves take frames only that say both.
    headers.insert("cross-origin-embedder-policy", HeaderValue::from_static("require-corp"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}

impl Site {
    /// Whether pages of that origin may put the chat into a frame.
    fn embeds(&self, origin: &str) -> bool {
        origin == self.origin || self.settings.widget.origins.iter().any(|known| known == origin)
    }
}
