//! Operators' files for the visitor they were sent to. The visitor's browser never learns the portal's address.

use super::error::{Problem, Refusal};
use super::site::Site;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use openline_core::message::File;
use openline_core::{DeliveryError, MessageId};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new().route("/files/{message}/{index}", get(file))
}

async fn file(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    Path((message, index)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let session = site.known_session(&headers)?;
    let missing = || Problem::of(Refusal::NotFound, "there is no such file in this conversation");
    let message = MessageId(message.parse().map_err(|_| missing())?);
    let index: usize = index.parse().map_err(|_| missing())?;
    let conversation = site.inbox.find(&session.chat).await?.ok_or_else(missing)?;
    let item = site.inbox.item(conversation, message).await?.ok_or_else(missing)?;
    let file = item.content.files.get(index).ok_or_else(missing)?;
    let stream = site.inbox.open_file(file).await.map_err(|error| unavailable(&error))?;
    let mut response = Body::from_stream(stream.bytes).into_response();
    *response.status_mut() = StatusCode::OK;
    let out = response.headers_mut();
    if let Some(size) = stream.size {
        out.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    }
    describe(file, out);
    Ok(response)
}

/// Pictures are shown, everything else is saved; nothing is ever run or guessed.
fn describe(file: &File, out: &mut HeaderMap) {
    let (kind, way) =
        if file.is_picture() { (file.mime.as_str(), "inline") } else { ("application/octet-stream", "attachment") };
    let name = utf8_percent_encode(&file.name, NON_ALPHANUMERIC);
    let disposition = format!("{way}; filename*=UTF-8''{name}");
    let pairs = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_DISPOSITION, disposition.as_str()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (header::CACHE_CONTROL, "private, max-age=3600"),
    ];
    for (header, value) in pairs {
        if let Ok(value) = HeaderValue::from_str(value) {
            out.insert(header, value);
        }
    }
}

fn unavailable(error: &DeliveryError) -> Problem {
    tracing::warn!(%error, "an operator's file could not be fetched");
    match error {
        DeliveryError::Refused { .. } => Problem::of(Refusal::NotFound, "this file is not available any more"),
        _ => Problem::of(Refusal::StorageUnavailable, "this file is not available now, try again in a moment"),
    }
}
