//! What calls ask for, in the query of their address and in their body.

use crate::website::error::{Problem, Refusal};
use crate::website::sent::form::fields;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use std::collections::HashMap;

/// Items in one answer of `updates` and in one event of `stream`.
pub(in crate::website) const NEWS: usize = 100;

/// 10,000 characters of four bytes each, escaped, and the other fields.
pub(in crate::website) const MAX_BODY: usize = 128 * 1024;

/// A body as it came, or why it did not.
pub(in crate::website) type Given = Result<Bytes, BytesRejection>;

/// The body, whole.
pub(in crate::website) fn whole(body: Given) -> Result<Bytes, Problem> {
    body.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::of(Refusal::BodyTooLarge, format!("the body has more than {MAX_BODY} bytes"))
        }
        _ => Problem::of(Refusal::BadJson, "the body broke off"),
    })
}

/// A number of the query string; `None` when it isn't there.
pub(in crate::website) fn number(query: &HashMap<String, String>, name: &str) -> Result<Option<i64>, Problem> {
    let parse = |text: &String| {
        text.parse().map_err(|_| Problem::of(Refusal::BadQuery, format!("{name} must be a whole number, not {text:?}")))
    };
    query.get(name).map(parse).transpose()
}

/// The query string's fields.
pub(in crate::website) fn query(raw: Option<String>) -> Result<HashMap<String, String>, Problem> {
    let bad = |_| Problem::of(Refusal::BadQuery, "the query is not in UTF-8");
    fields(raw.unwrap_or_default().as_bytes()).map_err(bad)
}
