//! The addresses that the portal (or an admin's browser in it) calls: events, installation, authorization, settings.

mod authorize;
mod events;
pub(crate) mod install;
pub(crate) mod operator_events;
pub(crate) mod page;
pub(crate) mod removal;
mod settings;
pub(crate) mod waiting;

use crate::shared::Inner;
use crate::web::page::Page;
use crate::wire::form;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
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
    Router::new()
        .route("/events", post(events::event))
        .route("/install", post(install::install).get(install::help))
        .route("/app", post(app_page).get(authorize::app_page_get))
        .route("/authorize", get(authorize::authorize))
        .route("/settings", post(settings::settings).get(settings::help))
        .route("/assets/{file}", get(page::asset))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(bitrix)
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
const PAGE_FIELDS: [&str; 9] = [
    "DOMAIN",
    "PROTOCOL",
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

/// The page, framable by the portal where it is now.
fn respond(bitrix: &Inner, page: &Page) -> Response {
    let endpoint = bitrix.portal.credentials().map(|credentials| credentials.client_endpoint.clone());
    page.respond(&bitrix.portal.config, endpoint.as_deref())
}

/// The application's main page, for those who open it from the portal's menu.
async fn app_page(State(bitrix): Shared) -> Response {
    let page = match bitrix.portal.gate.reason() {
        Some(reason) => Page::failure("openline", &reason),
        None => Page::note("openline", "openline works with this portal. Connect its channels in the Contact Center."),
    };
    respond(&bitrix, &page)
}
