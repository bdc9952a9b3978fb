//! The HTTP server: an accept loop of our own, because it closes half-sent requests and keeps idle connections small.

mod connection;
mod held;
mod line;
#[cfg(test)]
#[allow(clippy::unwrap_used)] // failing is what a test is for
mod wire;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A request's head must arrive within this; an idle connection is closed after it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// A request must be answered within this (held answers take 25 s).
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// An upload of files: a slow connection needs its time …
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// … but must not be silent for so long.
const SILENCE: Duration = Duration::from_secs(30);
/// How long requests under way may take after the stop.
const GRACE: Duration = Duration::from_secs(10);
/// The content type of uploads, without its boundary.
const UPLOAD: &str = "multipart/form-data";
/// Read buffer of a connection, at the most.
const BUFFER: usize = 16 * 1024;

/// Serves until `stop`, then finishes what is under way.
pub async fn serve(listener: TcpListener, app: Router, stop: CancellationToken) {
    let app = app.layer(from_fn(within_time));
    let connections = TaskTracker::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, _)) => {
                // Answers are small and someone is waiting for each.
                let _ = stream.set_nodelay(true);
                connections.spawn(connection::serve(stream, app.clone(), stop.clone()));
            }
            Err(error) => {
                // Out of file descriptors, most likely: others will be freed.
                tracing::warn!(%error, "can't accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(GRACE, connections.wait()).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut");
    }
}

async fn within_time(request: Request, next: Next) -> Response {
    let (request, limit) = if is_upload(request.headers()) {
        (request.map(not_silent), UPLOAD_TIMEOUT)
    } else {
        (request, ANSWER_TIMEOUT)
    };
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "the request took too long").into_response(),
    }
}

fn is_upload(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.get(..UPLOAD.len()).is_some_and(|start| start.eq_ignore_ascii_case(UPLOAD))
}

/// A body that breaks off when nothing of it comes for a while.
fn not_silent(body: Body) -> Body {
    let next = async |mut bytes: axum::body::BodyDataStream| {
        if let Ok(piece) = tokio::time::timeout(SILENCE, bytes.next()).await {
            return piece.map(|piece| (piece, bytes));
        }
        let silent = axum::Error::new("nothing came for too long");
        Some((Err(silent), Body::empty().into_data_stream()))
    };
    Body::from_stream(stream::unfold(body.into_data_stream(), next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Bytes, to_bytes};
    use axum::http::HeaderValue;

    #[test]
    fn uploads_are_told_by_their_type() {
        let is = |kind: &'static str| {
            is_upload(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]))
        };
        assert!(is("multipart/form-data; boundary=x") && is("Multipart/Form-Data;boundary=x"));
        assert!(!is("application/json") && !is("multipart/mixed") && !is_upload(&HeaderMap::new()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_may_be_slow_but_not_silent() {
        let slow = stream::unfold(0, async |n: u32| {
            tokio::time::sleep(Duration::from_secs(20)).await;
            (n < 9).then(|| (Ok::<_, std::io::Error>(Bytes::from_static(b"x")), n + 1))
        });
        assert_eq!(to_bytes(not_silent(Body::from_stream(slow)), 100).await.unwrap().len(), 9);
        let silent = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"x"))]).chain(stream::pending());
        assert!(to_bytes(not_silent(Body::from_stream(silent)), 100).await.is_err());
    }
}
