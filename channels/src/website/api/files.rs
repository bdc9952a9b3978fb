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
use openline_core::message::{File, Item, Note, Side};
use openline_core::{ChatId, DeliveryError, MessageId};
use std::sync::Arc;
use std::time::Duration;

/// So long after it was sent operators are told that a file of theirs can't be opened.
const FRESH: Duration = Duration::from_secs(24 * 3600);

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
    let stream = match site.inbox.open_file(file).await {
        Ok(stream) => stream,
        Err(error) => {
            tell_operators(&site, &session.chat, &item, index, &error).await?;
            return Err(unavailable(&error));
        }
    };
    let mut response = Body::from_stream(stream.bytes).into_response();
    *response.status_mut() = StatusCode::OK;
    let out = response.headers_mut();
    if let Some(size) = stream.size {
        out.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    }
    describe(file, out);
    Ok(response)
}

/// Who sent a file that can't be given out learns it, once; what they sent long ago may be gone by their own doing.
async fn tell_operators(
    site: &Site,
    chat: &ChatId,
    item: &Item,
    index: usize,
    error: &DeliveryError,
) -> Result<(), Problem> {
    let fresh = item.at.until(site.inbox.now()) < FRESH;
    if let (DeliveryError::Refused { reason }, true, true) = (error, item.side == Side::Operator, fresh) {
        let name = item.content.files.get(index).map(|file| file.name.as_str()).unwrap_or_default();
        let text = site.inbox.words().fill("file_unopened", &[("name", name), ("reason", reason)]);
        site.inbox.note(chat, Note { key: format!("unopened/{}/{index}", item.id), text }).await?;
    }
    Ok(())
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
