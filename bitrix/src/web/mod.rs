//! The addresses that the portal (or an admin's browser in it) calls: events, installation, authorization, settings.

mod app;
mod authorize;
mod choose;
mod events;
mod finish;
mod heal;
pub(crate) mod install;
pub(crate) mod operator_events;
pub(crate) mod page;
mod qr;
mod refusal;
pub(crate) mod removal;
mod settings;
mod view;
pub(crate) mod waiting;

use crate::shared::Inner;
use crate::texts::{self, Catalogue};
use crate::wire::form;
use crate::wire::values::text;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use openline_core::{ClientAddress, sampled};
use serde_json::Value;
use std::future::Future;
use std::sync::Arc;

/// Largest form taken: nobody is believed before it is read. A text has at most 20,000 characters (`bitrix24.md` §4.7),
/// which are at most 240,000 bytes when percent-encoded.
const MAX_BODY: usize = 256 * 1024;

type Shared = State<Arc<Inner>>;
type Given = Result<Bytes, BytesRejection>;

/// The routes, to be mounted at `/bitrix`.
pub(crate) fn routes(bitrix: Arc<Inner>) -> Router {
    // People write addresses with a slash at the end, too.
    let both = |router: Router<Arc<Inner>>, path: &str, method: MethodRouter<Arc<Inner>>| {
        router.route(path, method.clone()).route(&format!("{path}/"), method)
    };
    let router = both(Router::new(), "/events", post(events::event));
    let router = both(router, "/install", post(install::install).get(install::help));
    let router = both(router, "/app", post(app::app).get(authorize::app_page_get));
    let router = both(router, "/authorize", get(authorize::authorize));
    both(router, "/settings", post(settings::settings).get(settings::help))
        .route("/settings/choose", post(settings::choose))
        .route("/finished", get(finish::finished))
        .route("/assets/{file}", get(page::asset))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(bitrix)
}

/// What comes to the root by mistake; to be mounted there. Nothing else is there.
pub(crate) fn strays(bitrix: Arc<Inner>) -> Router {
    let stray = post(app::stray).fallback(app::nothing);
    Router::new().route("/", stray).layer(DefaultBodyLimit::max(MAX_BODY)).with_state(bitrix)
}

/// The language of the one who opened a page, or else the portal's.
fn language(bitrix: &Inner, query: &Value) -> &'static Catalogue {
    text(query.get("LANG")).map_or_else(|| bitrix.language(), |tag| texts::find(&tag))
}

/// The same of a page without a form.
fn asked_language(bitrix: &Inner, query: Option<String>) -> &'static Catalogue {
    let asked = form::pick(query.unwrap_or_default().as_bytes(), &["LANG"]);
    language(bitrix, &asked.map(Value::Object).unwrap_or_default())
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// The body, or why it is not read.
fn whole_body(body: Given, from: ClientAddress) -> Result<Bytes, Box<Response>> {
    body.map_err(|error| {
        sampled!(warn, target: "security", client = %from, result = "refused", "a form is larger than any of the portal's");
        Box::new(plain(error.status(), "the form is too large, or broke off"))
    })
}

fn no_form(error: form::NotAForm) -> Response {
    match error {
        form::NotAForm::Encoding => plain(StatusCode::BAD_REQUEST, "not a form in UTF-8"),
        form::NotAForm::TooMany => plain(StatusCode::BAD_REQUEST, "too many fields"),
    }
}

/// Does it in a task of its own: a caller who does not wait must not stop it half-way, because nothing is told twice.
async fn whole(bitrix: &Inner, work: impl Future<Output = Response> + Send + 'static) -> Response {
    let done = bitrix.portal.tasks.spawn(work).await;
    done.unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "failed"))
}

/// What is read of a page's query and body.
const PAGE_FIELDS: [&str; 11] = [
    "DOMAIN",
    "PROTOCOL",
    "LANG",
    "SERVER_ENDPOINT",
    "AUTH_ID",
    "AUTH_EXPIRES",
    "REFRESH_ID",
    "APPLICATION_TOKEN",
    "member_id",
    "PLACEMENT_OPTIONS",
    "event",
];

/// The known fields of query and body of a page that the portal opens.
fn page_fields(query: Option<&str>, body: &[u8]) -> Result<(Value, Value), form::NotAForm> {
    let pick = |bytes| form::pick(bytes, &PAGE_FIELDS).map(Value::Object);
    Ok((pick(query.unwrap_or_default().as_bytes())?, pick(body)?))
}
