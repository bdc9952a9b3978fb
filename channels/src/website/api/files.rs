//! A conversation's files for its visitor: their own, and those of operators. Their browser never learns the portal's
//! address.

use crate::website::error::{Problem, Refusal};
use crate::website::site::Site;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use openline_core::files::headers;
use openline_core::message::File;
use openline_core::{DeliveryError, MessageId};
use std::sync::Arc;

pub(in crate::website) fn routes() -> Router<Arc<Site>> {
    Router::new().route("/files/{message}/{index}", get(file))
}

async fn file(
    State(site): State<Arc<Site>>,
    request: HeaderMap,
    Path((message, index)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let session = site.known_session(&request)?;
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

fn describe(file: &File, out: &mut HeaderMap) {
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"));
    for (name, value) in headers(file) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            out.insert(HeaderName::from_static(name), value);
        }
    }
}

fn unavailable(error: &DeliveryError) -> Problem {
    tracing::warn!(%error, "a file could not be opened");
    match error {
        DeliveryError::Refused { .. } => Problem::of(Refusal::NotFound, "this file is not available any more"),
        _ => Problem::of(Refusal::StorageUnavailable, "this file is not available now, try again in a moment"),
    }
}
