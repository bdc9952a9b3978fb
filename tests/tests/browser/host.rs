//! Another site, whose pages embed the chat under a strict policy.

use crate::stage::Stage;
use axum::Router;
use axum::extract::Query;
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use axum::routing::get;
use openline_tests::browser::{Look, Page};
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
    openline('on', 'open', () => seen.push('open')); openline('on', 'close', () => seen.push('close')); openline('open');\n";

/// A site at a name of its own: `localhost`, where openline is at 127.0.0.1.
pub struct Host {
    port: u16,
}

impl Host {
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let app = Router::new()
            .route("/", get(page))
            .route("/icon.svg", get(async || ([(header::CONTENT_TYPE, "image/svg+xml")], ICON)))
            .route("/own.js", get(async || ([(header::CONTENT_TYPE, "text/javascript")], OWN)))
            .route("/queue.js", get(async || ([(header::CONTENT_TYPE, "text/javascript")], QUEUE)));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { port }
    }

    /// Such a site, and a world whose chat may be embedded there; `settings` is more of the chat's.
    pub async fn with_chat(settings: &str) -> Option<(Self, Stage)> {
        let host = Self::start().await;
        let channels = format!(
            "[channels.site]\nkind = \"website\"\n[channels.site.settings]\nwidget.origins = [\"{}\"]\n{settings}\n",
            host.origin()
        );
        Some((host, Stage::with(&channels).await?))
    }

    pub fn origin(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Its page in a browser of its own.
    pub async fn open(&self, stage: &Stage, look: Look, query: &str) -> Page {
        let chat = stage.chat();
        stage.open(look, &format!("{}/?{query}&chat={chat}", self.origin())).await
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
    for name in ["open", "lang", "position"] {
        if let Some(value) = query.get(name) {
            let _ = write!(data, " data-{name}=\"{value}\"");
        }
    }
    let queue = if has("queue") { "<script src=\"/queue.js\"></script>" } else { "" };
    let filling =
        "<p>Lorem ipsum dolor sit amet, consetetur sadipscing elitr, sed diam nonumy eirmod tempor.</p>".repeat(40);
    let html = format!(
        "<!doctype html><html{dir}><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <link rel=\"icon\" href=\"/icon.svg\"><title>A shop</title><script src=\"/own.js\"></script>{queue}\
         <script async src=\"{chat}widget.js\"{data}></script></head><body><header><label>Search <input id=\"search\" autofocus></label></header>\
         <main><h1>A shop</h1>{filling}</main><footer inert>Closed already</footer></body></html>"
    );
    let policy = format!("default-src 'self'; script-src 'self' {openline}; frame-src {openline}");
    (
        [(header::CONTENT_TYPE, "text/html".to_owned()), (HeaderName::from_static("content-security-policy"), policy)],
        html,
    )
}
