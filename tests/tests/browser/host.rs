//! Another site, whose pages embed the chat under a strict policy.

use crate::stage::Stage;
use axum::Router;
use axum::extract::Query;
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use axum::routing::get;
use openline_tests::browser::{Look, Page};
use serde_json::json;
use std::collections::HashMap;
use std::fmt::Write;
use std::net::Ipv4Addr;
use tokio::net::TcpListener;

/// What the page runs itself: remembers what its policy forbade, and what it was told.
const OWN: &str = "window.violations = []; window.seen = [];\n\
    addEventListener('securitypolicyviolation', (event) => violations.push(`${event.violatedDirective} ${event.blockedURI}`));\n";

const ICON: &str = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1 1'/>";

/// The two documented lines, and a call before the script is there.
const QUEUE: &str = "window.openline = window.openline || function () { (openline.q = openline.q || []).push(arguments); };\n\
    openline('on', 'opened', () => seen.push('opened')); openline('on', 'closed', () => seen.push('closed')); openline('open');\n";

/// What some page says of everything on it.
const HOSTILE: &str = "* { visibility: hidden !important; } body, h1, main { visibility: visible !important; } :not(:defined) { visibility: hidden } \
    openline-chat { display: none !important; opacity: 0 !important; transform: scale(0) !important; position: static !important; z-index: -1 !important; pointer-events: none !important; } \
    html > *:not(body):not(head) { display: none !important; } iframe, button { all: unset !important; }";

/// A site at a name of its own: `localhost`, where openline is at 127.0.0.1; or at 127.0.0.1 as well, so that frames are
/// where the browser's tools reach.
pub struct Host {
    port: u16,
    name: &'static str,
}

impl Host {
    pub async fn start() -> Self {
        Self::at("localhost").await
    }

    async fn at(name: &'static str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let app = Router::new()
            .route("/", get(page))
            .route("/icon.svg", get(async || ([(header::CONTENT_TYPE, "image/svg+xml")], ICON)))
            .route("/hostile.css", get(async || ([(header::CONTENT_TYPE, "text/css")], HOSTILE)))
            .route("/own.js", get(async || ([(header::CONTENT_TYPE, "text/javascript")], OWN)))
            .route("/queue.js", get(async || ([(header::CONTENT_TYPE, "text/javascript")], QUEUE)));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { port, name }
    }

    /// Such a site whose frames the browser's tools reach, and a world whose chat may be embedded there.
    pub async fn near(settings: &str) -> Option<(Self, Stage)> {
        Self::at("127.0.0.1").await.and_chat(settings).await
    }

    /// Such a site, and a world whose chat may be embedded there; `settings` is more of the chat's.
    pub async fn with_chat(settings: &str) -> Option<(Self, Stage)> {
        Self::start().await.and_chat(settings).await
    }

    async fn and_chat(self, settings: &str) -> Option<(Self, Stage)> {
        let channels = format!(
            "[channels.site]\nkind = \"website\"\n[channels.site.settings]\nwidget.origins = [\"{}\"]\n{settings}\n",
            self.origin()
        );
        Some((self, Stage::with(&channels).await?))
    }

    pub fn origin(&self) -> String {
        format!("http://{}:{}", self.name, self.port)
    }

    /// The address of its page with the chat at `chat`.
    pub fn address(&self, chat: &str, query: &str) -> String {
        format!("{}/?{query}&chat={chat}", self.origin())
    }

    /// Its page in a browser of its own, in which this script runs before any other, in frames too.
    pub async fn open_after(&self, stage: &Stage, look: Look, query: &str, script: &str) -> Page {
        let page = stage.open(look, "about:blank").await;
        page.devtools("Page.enable", json!({})).await;
        page.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
        page.goto(&self.address(&stage.chat(), query)).await;
        page
    }

    /// Its page in a browser of its own.
    pub async fn open(&self, stage: &Stage, look: Look, query: &str) -> Page {
        stage.open(look, &self.address(&stage.chat(), query)).await
    }
}

async fn page(Query(query): Query<HashMap<String, String>>) -> impl IntoResponse {
    let chat = query.get("chat").map_or("", String::as_str);
    let openline = chat.split("/c/").next().unwrap_or_default();
    let mut data = String::new();
    for name in ["token", "name"] {
        if let Some(value) = query.get(name) {
            let _ = write!(data, " data-identity-{name}=\"{value}\"");
        }
    }
    let has = |name: &str| query.contains_key(name);
    let dir = if has("rtl") { " dir=\"rtl\" lang=\"ar\"" } else { " lang=\"en\"" };
    for name in ["open", "lang", "position", "launcher", "offset-x", "offset-y"] {
        if let Some(value) = query.get(name) {
            let _ = write!(data, " data-{name}=\"{value}\"");
        }
    }
    let queue = if has("queue") { "<script src=\"/queue.js\"></script>" } else { "" };
    let filling =
        "<p>Lorem ipsum dolor sit amet, consetetur sadipscing elitr, sed diam nonumy eirmod tempor.</p>".repeat(40);
    let twice = if has("twice") { format!("<script async src=\"{chat}widget.js\"></script>") } else { String::new() };
    let hostile = if has("hostile") { "<link rel=\"stylesheet\" href=\"/hostile.css\">" } else { "" };
    let html = format!(
        "<!doctype html><html{dir}><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <link rel=\"icon\" href=\"/icon.svg\"><title>A shop</title>{hostile}{twice}<script src=\"/own.js\"></script>{queue}\
         <script async src=\"{chat}widget.js\"{data}></script></head><body><header><label>Search <input id=\"search\" autofocus></label></header>\
         <main><h1>A shop</h1>{filling}</main><footer inert>Closed already</footer></body></html>"
    );
    let style = if has("style") { format!("; style-src 'self' {openline}") } else { String::new() };
    let policy = format!("default-src 'self'; script-src 'self' {openline}; frame-src {openline}{style}");
    let isolated = if has("coep") { "require-corp" } else { "unsafe-none" };
    let headers = [
        (header::CONTENT_TYPE, "text/html".to_owned()),
        (HeaderName::from_static("content-security-policy"), policy),
        (HeaderName::from_static("cross-origin-embedder-policy"), isolated.to_owned()),
    ];
    (headers, html)
}
