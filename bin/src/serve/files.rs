//! `GET /f/{token}/{name}`: a file for whoever has its signed link (the portal, other programs).

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use openline_core::backend::FileStream;
use openline_core::files;
use openline_core::message::File;
use openline_core::{Bridge, DeliveryError};
use std::sync::Arc;

/// Short, so that what is deleted is soon gone from caches too.
const CACHED: &str = "private, max-age=300";

/// The route, to be mounted at the root.
pub(crate) fn routes(bridge: Arc<Bridge>) -> Router {
    Router::new().route("/f/{token}/{name}", get(file)).with_state(bridge)
}

/// A link that is forged, over, or names what is deleted: nobody is told which.
async fn file(
    State(bridge): State<Arc<Bridge>>,
    method: Method,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Response {
    // The name is for those who save the file.
    let Ok(Path((token, _))) = path else { return plain(StatusCode::NOT_FOUND, "There is no such file.") };
    match bridge.linked_file(&token).await {
        Ok(Some((file, stream))) => give(&file, stream, method == Method::HEAD),
        Ok(None) | Err(DeliveryError::Refused { .. }) => plain(StatusCode::NOT_FOUND, "There is no such file."),
        Err(error) => {
            tracing::error!(%error, "a linked file can't be opened");
            let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, "The file can't be read now, try again soon.");
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            response
        }
    }
}

fn give(file: &File, stream: FileStream, head_only: bool) -> Response {
    let body = if head_only { Body::empty() } else { Body::from_stream(stream.bytes) };
    let mut response = (StatusCode::OK, private()).into_response();
    *response.body_mut() = body;
    for (name, value) in files::headers(file) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    if let Some(size) = stream.size {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    }
    response
}

/// What keeps a link's holder its only one.
fn private() -> HeaderMap {
    [
        (header::CACHE_CONTROL, CACHED),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
    ]
    .into_iter()
    .map(|(name, value)| (name, HeaderValue::from_static(value)))
    .collect()
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, private(), [(header::CACHE_CONTROL, "no-store")], text).into_response()
}
