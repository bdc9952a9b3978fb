//! What all pages and events have in common: what is read of a call, and plain answers.

use crate::shared::Inner;
use crate::texts::{self, Catalogue};
use crate::wire::form;
use crate::wire::values::text;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use openline_core::{ClientAddress, sampled};
use serde_json::Value;
use std::future::Future;
use std::sync::Arc;

/// Largest form taken: nobody is believed before it is read. A text has at most 20,000 characters (`bitrix24.md` §4.7),
/// which are at most 240,000 bytes when percent-encoded.
pub(super) const MAX_BODY: usize = 256 * 1024;

/// The event that ends an installation.
pub(super) const INSTALLED: &str = "ONAPPINSTALL";

pub(super) type Shared = State<Arc<Inner>>;

/// The body of a call; one that is too large or breaks off is answered before a handler runs.
pub(super) struct Given(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Given {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Ok(client) = ClientAddress::from_request_parts(&mut parts, state).await;
        Bytes::from_request(Request::from_parts(parts, body), state).await.map(Self).map_err(|error| {
            sampled!(warn, target: "security", %client, result = "refused", "a form is larger than any of the portal's");
            plain(error.status(), "the form is too large, or broke off")
        })
    }
}

/// The language of the one who opened a page, or else the portal's.
pub(super) fn language(bitrix: &Inner, query: &Value) -> &'static Catalogue {
    text(query.get("LANG")).map_or_else(|| bitrix.language(), |tag| texts::find(&tag))
}

/// The same of a page without a form.
pub(super) fn asked_language(bitrix: &Inner, query: Option<String>) -> &'static Catalogue {
    let asked = form::pick(query.unwrap_or_default().as_bytes(), &["LANG"]);
    language(bitrix, &asked.map(Value::Object).unwrap_or_default())
}

pub(super) fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

pub(super) fn no_form(error: form::NotAForm) -> Response {
    match error {
        form::NotAForm::Encoding => plain(StatusCode::BAD_REQUEST, "not a form in UTF-8"),
        form::NotAForm::TooMany => plain(StatusCode::BAD_REQUEST, "too many fields"),
    }
}

/// Does it in a task of its own: a caller who does not wait must not stop it half-way, because nothing is told twice.
pub(super) async fn whole(bitrix: &Inner, work: impl Future<Output = Response> + Send + 'static) -> Response {
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
pub(super) fn page_fields(query: Option<&str>, body: &[u8]) -> Result<(Value, Value), form::NotAForm> {
    let pick = |bytes| form::pick(bytes, &PAGE_FIELDS).map(Value::Object);
    Ok((pick(query.unwrap_or_default().as_bytes())?, pick(body)?))
}

pub(super) fn is_install_event(form: &Value) -> bool {
    text(form.get("event")).is_some_and(|event| event.eq_ignore_ascii_case(INSTALLED))
}
